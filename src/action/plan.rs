//! The best action or none for every account, under capacity and budget.

use std::sync::Arc;

use super::accounts::Accounts;
use super::assign::{Offer, Problem, Solution, solve};
use super::capacity::Capacity;
use super::eligibility::Rule;
use super::learned::LearnedEffects;
use super::learned_for::{LearnedFor, LearnedOn};
use super::money::{Gain, GainCents, Reckoning};
use super::playbook::{Action, Playbook};
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
    actions: Vec<Arc<Action>>,
    options: Options,
}

/// What to do about one account, or why nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Recommendation {
    /// The account's id.
    pub id: String,
    /// The action and its money; `None` for nothing.
    pub action: Option<Recommended>,
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
}

/// What kept an account from an action, or from a better one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Its recurring value is not known, so that no money can be reckoned.
    ValueUnknown,
    /// No action is for it.
    NoneEligible,
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

/// The actions that each account is eligible for, with what they are worth; by account, best first.
#[derive(Clone, Debug, PartialEq)]
struct Options {
    /// The options of account `i` are `entries[starts[i]..starts[i + 1]]`; `n + 1` long.
    starts: Vec<usize>,
    /// Position of the action, and its money.
    entries: Vec<(usize, GainCents)>,
}

impl Options {
    fn of(&self, row: usize) -> &[(usize, GainCents)] {
        &self.entries[self.starts[row]..self.starts[row + 1]]
    }
}

impl Playbook {
    /// Recommends for every account its best action or none, by expected incremental money, at most one an
    /// account, within capacity and budget. The same always for the same input.
    ///
    /// # Errors
    /// What [`check`](Playbook::check) names, a capacity for a pool that the playbook does not declare, one that is
    /// negative or not finite, a budget in another currency, accounts without a value column.
    pub fn plan(&self, scored: &Scored, capacity: &Capacity) -> Result<Plan> {
        self.plan_accounts(&Accounts::of(scored), capacity)
    }

    /// As [`plan`](Self::plan), with learned effects in place of the playbook's own, account by account.
    ///
    /// An arm's effect is for the action of its name, and takes the place of all that the playbook expects of that
    /// action. It must be on the outcome that is scored, with its horizon; its rows are the scored accounts. Actions of
    /// which nothing was learned keep what is assumed.
    ///
    /// # Errors
    /// Those of [`plan`](Self::plan); an arm that is no action, or that stands twice; effects of another number of
    /// accounts.
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
        accounts: &Accounts,
        capacity: &Capacity,
        learned: &[(LearnedOn, &LearnedEffects)],
    ) -> Result<Plan> {
        let learned = LearnedFor::new(self, learned, accounts.n_rows())?;
        learned.applied(self).plan_by(accounts, capacity, &learned)
    }

    pub(super) fn plan_accounts(&self, accounts: &Accounts, capacity: &Capacity) -> Result<Plan> {
        self.plan_by(accounts, capacity, &LearnedFor::none(self.actions.len()))
    }

    fn plan_by(&self, accounts: &Accounts, capacity: &Capacity, learned: &LearnedFor) -> Result<Plan> {
        let rules = self.rules(accounts.schema)?;
        capacity.check(self)?;
        let per_year = per_year(accounts)?;
        let reckoning = Reckoning::new(self, accounts, learned, per_year);
        let options = self.options(accounts, &rules, &reckoning);
        let problem = self.problem(&options, capacity);
        let solution = solve(&problem.problem);
        Ok(Planner { playbook: self, accounts, capacity, problem: &problem, solution: &solution }
            .plan(options, self.left_out(accounts, &reckoning)))
    }

    fn options(&self, accounts: &Accounts, rules: &[Option<Rule>], reckoning: &Reckoning) -> Options {
        let everybody = || vec![true; accounts.n_rows()];
        let eligible: Vec<Vec<bool>> = rules
            .iter()
            .map(|rule| rule.as_ref().map_or_else(everybody, |rule| rule.eligible(accounts)))
            .collect();
        let is_for = |at: usize, row: usize| eligible[at][row] && reckoning.can_see(&self.actions[at].effect);
        let (mut starts, mut entries) = (vec![0], Vec::new());
        for row in 0..accounts.n_rows() {
            let of_row = self.actions.iter().enumerate().filter(|(at, _)| is_for(*at, row));
            let start = entries.len();
            entries.extend(of_row.filter_map(|(at, action)| Some((at, reckoning.gain(at, action, row)?))));
            entries[start..].sort_by(|a, b| b.1.mean.total_cmp(&a.1.mean).then(a.0.cmp(&b.0)));
            starts.push(entries.len());
        }
        Options { starts, entries }
    }

    /// The options that bring something, as offers under limits: the pools, then the budget.
    fn problem(&self, options: &Options, capacity: &Capacity) -> Offered {
        let unlimited = f64::INFINITY;
        let mut limits: Vec<f64> =
            self.pools.iter().map(|pool| capacity.units(&pool.name).unwrap_or(unlimited)).collect();
        limits.push(capacity.budget_cents().map_or(unlimited, |cents| cents as f64));
        let uses: Vec<_> = self.actions.iter().map(|action| self.uses(action)).collect();
        let mut offered =
            Offered { problem: Problem { starts: vec![0], offers: Vec::new(), limits }, actions: Vec::new() };
        for row in 0..options.starts.len() - 1 {
            for (action, gain) in options.of(row).iter().filter(|(_, gain)| gain.mean > 0.0) {
                offered.problem.offers.push(Offer { gain: gain.mean, uses: uses[*action] });
                offered.actions.push(*action);
            }
            offered.problem.starts.push(offered.problem.offers.len());
        }
        offered
    }

    /// What doing an action once takes of its pool and of the budget, which stands behind the pools.
    fn uses(&self, action: &Action) -> [(usize, f64); 2] {
        let budget = self.pools.len();
        let pool =
            action.pool.as_ref().and_then(|name| self.pools.iter().position(|pool| pool.name == *name));
        [pool.map_or((budget, 0.0), |at| (at, action.effort)), (budget, action.cost_cents() as f64)]
    }

    fn left_out(&self, accounts: &Accounts, reckoning: &Reckoning) -> Vec<LeftOut> {
        let what = if accounts.churn.is_none() { "churn" } else { "expansion" };
        let reason = format!("its effect is on {what}, which was not scored");
        let unseen = self.actions.iter().filter(|action| !reckoning.can_see(&action.effect));
        unseen.map(|action| LeftOut { action: Arc::new(action.clone()), reason: reason.clone() }).collect()
    }
}

/// A problem, and the action that stands behind each of its offers.
struct Offered {
    problem: Problem,
    actions: Vec<usize>,
}

fn per_year(accounts: &Accounts) -> Result<f64> {
    let text = "there is no money to reckon with: the schema names no [value] column, or the table has none";
    match (&accounts.schema.value, accounts.value_cents) {
        (Some(value), Some(_)) => Ok(value.per_year),
        _ => Err(ErrorKind::Playbook(text.into()).into()),
    }
}

/// Puts a solution into words and money.
struct Planner<'a> {
    playbook: &'a Playbook,
    accounts: &'a Accounts<'a>,
    capacity: &'a Capacity,
    problem: &'a Offered,
    solution: &'a Solution,
}

impl Planner<'_> {
    fn plan(&self, options: Options, left_out: Vec<LeftOut>) -> Plan {
        let actions: Vec<Arc<Action>> = self.playbook.actions.iter().cloned().map(Arc::new).collect();
        let currency = Money::new(0, &self.playbook.currency);
        let recommendations: Vec<Recommendation> = (0..self.accounts.n_rows())
            .map(|row| self.recommendation(row, &options, &actions, &currency))
            .collect();
        let total = total(&recommendations, &currency);
        let gap = (self.solution.bound - self.solution.value) / self.solution.bound;
        Plan {
            recommendations,
            total,
            pools: self.pools(&currency),
            budget: self.budget(&currency),
            bound: Money { cents: self.solution.bound.round() as i64, ..currency },
            gap: if self.solution.bound > 0.0 { gap.max(0.0) } else { 0.0 },
            left_out,
            actions,
            options,
        }
    }

    fn recommendation(
        &self,
        row: usize,
        options: &Options,
        actions: &[Arc<Action>],
        currency: &Money,
    ) -> Recommendation {
        let action_of = |offer: usize| self.problem.actions[offer];
        let chosen = self.solution.chosen[row].map(action_of);
        let offers = self.problem.problem.starts[row]..self.problem.problem.starts[row + 1];
        let kept_from =
            (Some(offers.start) != self.solution.chosen[row] && !offers.is_empty()).then_some(offers.start);
        let bound = match kept_from {
            Some(offer) => self.short_of(row, offer),
            None if chosen.is_none() => Some(self.nothing(row, options)),
            None => None,
        };
        let gain =
            |at: usize| options.of(row).iter().find(|(action, _)| *action == at).map(|(_, gain)| *gain);
        Recommendation {
            id: self.accounts.ids[row].clone(),
            action: chosen.and_then(|at| {
                let gain = gain(at)?.money(actions[at].cost_cents(), currency);
                Some(Recommended { action: actions[at].clone(), gain })
            }),
            preferred: kept_from.filter(|_| bound.is_some()).map(|offer| actions[action_of(offer)].clone()),
            bound,
        }
    }

    /// Why nothing is to be done for an account that no limit keeps from anything.
    fn nothing(&self, row: usize, options: &Options) -> Bound {
        let value = self.accounts.value_cents.and_then(|values| values[row]);
        match value {
            None => Bound::ValueUnknown,
            Some(_) if options.of(row).is_empty() => Bound::NoneEligible,
            Some(_) => Bound::NoGain,
        }
    }

    /// The limit that keeps an account from an offer that is better than what it got.
    fn short_of(&self, row: usize, offer: usize) -> Option<Bound> {
        let [pool_fits, budget_fits] = self.solution.fits(&self.problem.problem, row, offer);
        let pool = self.playbook.pools.get(self.problem.problem.offers[offer].uses[0].0);
        match pool {
            Some(pool) if !pool_fits => Some(Bound::Pool { name: pool.name.clone(), title: pool.title() }),
            _ if !budget_fits => Some(Bound::Budget),
            _ => None,
        }
    }

    fn pools(&self, currency: &Money) -> Vec<PoolUse> {
        let of = |(at, pool): (usize, &super::Pool)| PoolUse {
            name: pool.name.clone(),
            title: pool.title(),
            used: self.used(at),
            capacity: self.capacity.units(&pool.name),
            worth: Money { cents: self.solution.prices[at].round() as i64, ..currency.clone() },
        };
        self.playbook.pools.iter().enumerate().map(of).collect()
    }

    /// Units used, without the dust that sums of decimals leave.
    fn used(&self, resource: usize) -> f64 {
        (self.solution.used[resource] * 1e6).round() / 1e6
    }

    fn budget(&self, currency: &Money) -> Option<BudgetUse> {
        let at = self.playbook.pools.len();
        let money = |cents: i64| Money { cents, ..currency.clone() };
        self.capacity.budget_cents().map(|budget| BudgetUse {
            used: money(self.solution.used[at].round() as i64),
            budget: money(budget),
            worth: self.solution.prices[at],
        })
    }
}

fn total(recommendations: &[Recommendation], currency: &Money) -> Gain {
    let gains = || recommendations.iter().filter_map(|r| r.action.as_ref()).map(|action| &action.gain);
    let money = |of: fn(&Gain) -> &Money| Money {
        cents: gains().map(|gain| of(gain).cents).sum(),
        currency: currency.currency.clone(),
    };
    Gain {
        expected: money(|gain| &gain.expected),
        low: money(|gain| &gain.low),
        high: money(|gain| &gain.high),
        cost: money(|gain| &gain.cost),
    }
}

impl Plan {
    /// Every action that an account (a row of the scored frame) is eligible for with what it is worth for it,
    /// best first; empty where the account's value is not known.
    pub fn options(&self, row: usize) -> Vec<Recommended> {
        let currency = Money { cents: 0, ..self.bound.clone() };
        let recommended = |(at, gain): &(usize, GainCents)| {
            let action = self.actions[*at].clone();
            Recommended { gain: gain.money(action.cost_cents(), &currency), action }
        };
        self.options.of(row).iter().map(recommended).collect()
    }

    /// The accounts for which something is recommended, with their rows in the scored frame.
    pub fn to_do(&self) -> impl Iterator<Item = (usize, &Recommended)> {
        self.recommendations.iter().enumerate().filter_map(|(row, r)| Some((row, r.action.as_ref()?)))
    }
}
