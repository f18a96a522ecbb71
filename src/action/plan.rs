//! The best action or none for every account, under capacity and budget.

use std::sync::Arc;

use jiff::ToSpan;
use jiff::civil::Date;

use super::accounts::Accounts;
use super::assign::solve;
use super::capacity::Capacity;
use super::learned::LearnedEffects;
use super::learned_for::{LearnedFor, LearnedOn};
use super::money::{Gain, Points, Reckoning, Worth};
use super::offered::{Offered, Terms};
use super::one_action::Action;
use super::options::Options;
use super::planner::Planner;
use super::planning::Planning;
use super::playbook::Playbook;
use crate::error::{ErrorKind, Result};
use crate::health::Scored;
use crate::schema::Money;

/// What to do about every account, and what that should bring.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// One an account, `n`, in the order of the scored frame.
    pub recommendations: Vec<Recommendation>,
    /// What all recommended actions together should bring; `low` and `high` take every effect at that end at
    /// once, as the assumptions behind them are shared by all accounts.
    pub total: Gain,
    /// What the actions draw on, in the playbook's order.
    pub pools: Vec<PoolUse>,
    /// How much of the budget is spent; `None` without a budget.
    pub budget: Option<BudgetUse>,
    /// Proven: no plan under these limits could bring more than this.
    pub bound: Money,
    /// How far the plan may be from the best there is: (bound − expected) / bound, 0 to 1.
    pub gap: f64,
    /// Actions that could not be considered at all.
    pub left_out: Vec<LeftOut>,
    /// The day of the plan, where it is known.
    pub day: Option<Date>,
    pub(super) terms: Terms,
    pub(super) options: Options,
    pub(super) offered: Offered,
    /// The offer that each account got.
    pub(super) chosen: Vec<Option<usize>>,
}

/// What to do about one account, or why nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Recommendation {
    /// The account's id.
    pub id: String,
    /// The action and its money; `None` for nothing.
    pub action: Option<Recommended>,
    /// Further actions where the playbook allows several, each with what it adds to those before it.
    pub more: Vec<Recommended>,
    /// What kept the account from more: always there where nothing is recommended, and where a limit kept it
    /// from the action that is best for it alone.
    pub bound: Option<Bound>,
    /// The action that is best for it alone, where a limit kept it from that.
    pub preferred: Option<Arc<Action>>,
}

/// An action with its money for one account.
#[derive(Clone, Debug, PartialEq)]
pub struct Recommended {
    /// The action; its effect says where the expectation comes from.
    pub action: Arc<Action>,
    /// What it should bring.
    pub gain: Gain,
    /// By how much it should lower this account's churn probability, done alone; `None` where it is not for that.
    pub churn_fall: Option<Points>,
    /// By how much it should raise this account's expansion probability, as [`churn_fall`](Self::churn_fall).
    pub expansion_rise: Option<Points>,
    /// The last day to follow the recommendation, where the action has one and the day of the plan is known.
    pub until: Option<Date>,
}

/// What kept an account from an action, or from a better one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Its recurring value is not known, so that no money can be reckoned.
    ValueUnknown,
    /// No action is for it.
    NoneEligible,
    /// The only action that is for it was done so lately that it cools down.
    CoolingDown {
        /// How the action is called in a sentence.
        title: String,
        /// The day from which it may be done again.
        until: Date,
    },
    /// No action that is for it should bring more than it costs.
    NoGain,
    /// There is not enough left in a pool.
    Pool {
        /// The pool's name.
        name: String,
        /// Its units in a sentence.
        title: String,
    },
    /// There is not enough left of the budget.
    Budget,
}

/// How much of a pool a plan uses.
#[derive(Clone, Debug, PartialEq)]
pub struct PoolUse {
    /// The pool's name.
    pub name: String,
    /// Its units in a sentence.
    pub title: String,
    /// Units that the plan takes.
    pub used: f64,
    /// Units there are; `None` without a limit.
    pub capacity: Option<f64>,
    /// What one more unit would bring, about: the pool's shadow price.
    pub worth: Money,
}

/// How much of the budget a plan spends.
#[derive(Clone, Debug, PartialEq)]
pub struct BudgetUse {
    /// What is spent.
    pub used: Money,
    /// What there is.
    pub budget: Money,
    /// What one more unit of money would bring beyond itself, about: the budget's shadow price.
    pub worth: f64,
}

/// An action that could not be considered for anybody.
#[derive(Clone, Debug, PartialEq)]
pub struct LeftOut {
    /// The action.
    pub action: Arc<Action>,
    /// Why: "its effect is on expansion, which was not scored".
    pub reason: String,
}

impl Playbook {
    /// Recommends for every account its best action or none (or several, as far as
    /// [`max_actions`](Playbook::max_actions) and exclusions allow), by expected incremental money, within capacity and
    /// budget. The same always for the same input.
    ///
    /// # Errors
    /// What [`check`](Playbook::check) names, a capacity for a pool that the playbook does not declare, one that is
    /// negative or not finite, a budget in another currency, accounts without a value column.
    pub fn plan(&self, scored: &Scored, capacity: &Capacity) -> Result<Plan> {
        self.plan_accounts(&Accounts::of(scored), capacity)
    }

    /// As [`plan`](Self::plan), with more that is known: the plan's day, what was done before, learned effects, how
    /// unsure the scores are.
    ///
    /// # Errors
    /// Those of [`plan`](Self::plan); a history, or an action with a last day, where the day of the plan is not known;
    /// something done after that day; an arm that is no action, or that stands twice; effects or intervals of another
    /// number of accounts.
    pub fn plan_with(&self, scored: &Scored, capacity: &Capacity, planning: &Planning<'_>) -> Result<Plan> {
        self.plan_by(&Accounts::of(scored), capacity, planning)
    }

    /// As [`plan`](Self::plan), with learned effects in place of the playbook's own, account by account: a short way to
    /// [`Planning::learned`].
    ///
    /// # Errors
    /// Those of [`plan_with`](Self::plan_with).
    pub fn plan_with_learned(
        &self,
        scored: &Scored,
        capacity: &Capacity,
        learned: &[(LearnedOn, &LearnedEffects)],
    ) -> Result<Plan> {
        self.plan_learned_accounts(&Accounts::of(scored), capacity, learned)
    }

    pub(super) fn plan_learned_accounts(
        &self,
        accounts: &Accounts<'_>,
        capacity: &Capacity,
        learned: &[(LearnedOn, &LearnedEffects)],
    ) -> Result<Plan> {
        let planning = learned.iter().fold(Planning::new(), |all, (on, effects)| all.learned(*on, effects));
        self.plan_by(accounts, capacity, &planning)
    }

    pub(super) fn plan_accounts(&self, accounts: &Accounts<'_>, capacity: &Capacity) -> Result<Plan> {
        self.plan_by(accounts, capacity, &Planning::new())
    }

    pub(super) fn plan_by(
        &self,
        accounts: &Accounts<'_>,
        capacity: &Capacity,
        planning: &Planning<'_>,
    ) -> Result<Plan> {
        let learned = LearnedFor::new(self, &planning.learned, accounts.n_rows())?;
        let playbook = &learned.applied(self);
        let rules = playbook.rules(accounts.schema)?;
        capacity.check(playbook)?;
        planning.check(accounts.n_rows())?;
        let day = planning.day_for(accounts, playbook)?;
        let done = planning.done(day, accounts, playbook)?;
        let accounts = &Accounts { done: done.as_ref(), ..*accounts };
        let reckoning = Reckoning::new(playbook, accounts, planning, &learned, per_year(accounts)?);
        let left_out = playbook.left_out(accounts, &reckoning, day);
        let options = Options::new(&playbook.actions, accounts, &rules, &left_out, &reckoning, day);
        let terms = Terms::new(playbook, capacity);
        let offered = Offered::new(&terms, &options);
        let solution = solve(&offered.problem);
        let planner =
            Planner { playbook, accounts, capacity, terms: &terms, options: &options, offered: &offered };
        let told = planner.tell(&solution, left_out, day);
        Ok(told.with(day, solution.chosen, terms, options, offered))
    }

    /// Why nobody can get an action, one an action.
    fn left_out(
        &self,
        accounts: &Accounts<'_>,
        reckoning: &Reckoning<'_>,
        day: Option<Date>,
    ) -> Vec<Option<String>> {
        let unseen = if accounts.churn.is_none() { "churn" } else { "expansion" };
        let reason = |action: &Action| {
            let last = action.last_day.filter(|last| day.is_some_and(|day| day > *last));
            if !reckoning.can_see(&action.effect) {
                return Some(format!("its effect is on {unseen}, which was not scored"));
            }
            if let Some(last) = last {
                return Some(format!("its last day was {last}"));
            }
            let (lead, horizon) = (action.lead_days, accounts.horizon_days);
            (reckoning.share_left(action) == 0.0)
                .then(|| format!("it takes {lead} days to work, and the scores look {horizon} days ahead"))
        };
        self.actions.iter().map(reason).collect()
    }
}

fn per_year(accounts: &Accounts<'_>) -> Result<f64> {
    let text = "there is no money to reckon with: the schema names no [value] column, or the table has none";
    match (&accounts.schema.value, accounts.value_cents) {
        (Some(value), Some(_)) => Ok(value.per_year),
        _ => Err(ErrorKind::Playbook(text.into()).into()),
    }
}

impl Plan {
    /// Every action that an account (a row of the scored frame) is eligible for with what it is worth for it,
    /// best first; empty where the account's value is not known.
    pub fn options(&self, row: usize) -> Vec<Recommended> {
        let currency = Money { cents: 0, ..self.bound.clone() };
        let recommended = |(at, worth): &(usize, Worth)| {
            let action = self.terms.actions[*at].clone();
            let gain = worth.gain.money(action.cost_cents(), &currency);
            Recommended::new(action, gain, worth, self.day)
        };
        self.options.of(row).iter().map(recommended).collect()
    }

    /// What is to be done, with the rows of the scored frame; an account with several actions stands there several
    /// times.
    pub fn to_do(&self) -> impl Iterator<Item = (usize, &Recommended)> {
        let rows = self.recommendations.iter().enumerate();
        rows.flat_map(|(row, told)| told.action.iter().chain(&told.more).map(move |action| (row, action)))
    }
}

impl Recommended {
    /// An action that brings `gain` by what it is worth alone, recommended on a day.
    pub(super) fn new(action: Arc<Action>, gain: Gain, worth: &Worth, day: Option<Date>) -> Self {
        let effect = &action.effect;
        let (churn_fall, expansion_rise) =
            (effect.churn_reduction.map(|_| worth.fall), effect.expansion_increase.map(|_| worth.rise));
        Recommended { gain, churn_fall, expansion_rise, until: last_day(&action, day), action }
    }
}

/// The last day on which a recommendation of that day is to be followed.
fn last_day(action: &Action, day: Option<Date>) -> Option<Date> {
    let after = |days: u32| Some(day?.saturating_add(i64::from(days).days()));
    match (action.expiry_days.and_then(after), action.last_day) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
