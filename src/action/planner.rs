//! A solution put into words and money.

use std::sync::Arc;

use jiff::civil::Date;

use super::accounts::Accounts;
use super::assign::Solution;
use super::capacity::Capacity;
use super::money::{Gain, GainCents};
use super::offered::{Bundle, Offered, Terms};
use super::one_action::{Action, Pool};
use super::options::Options;
use super::plan::{Bound, BudgetUse, LeftOut, Plan, PoolUse, Recommendation, Recommended};
use super::playbook::Playbook;
use crate::schema::Money;

/// All that a plan is told from.
pub(super) struct Planner<'a> {
    pub playbook: &'a Playbook,
    pub accounts: &'a Accounts<'a>,
    pub capacity: &'a Capacity,
    pub terms: &'a Terms,
    pub options: &'a Options,
    pub offered: &'a Offered,
}

impl Planner<'_> {
    /// The plan but for what it is told from, which the caller still holds.
    pub fn tell(&self, solution: &Solution, left_out: Vec<Option<String>>, day: Option<Date>) -> Told {
        let currency = Money::new(0, &self.playbook.currency);
        let recommendations: Vec<Recommendation> = (0..self.accounts.n_rows())
            .map(|row| self.recommendation(row, solution, day, &currency))
            .collect();
        let out = |(at, reason): (usize, Option<String>)| {
            Some(LeftOut { action: self.terms.actions[at].clone(), reason: reason? })
        };
        let gap = (solution.bound - solution.value) / solution.bound;
        Told {
            total: total(&recommendations, &currency),
            recommendations,
            pools: self.pools(solution, &currency),
            budget: self.budget(solution, &currency),
            bound: Money { cents: solution.bound.round() as i64, ..currency },
            gap: if solution.bound > 0.0 { gap.max(0.0) } else { 0.0 },
            left_out: left_out.into_iter().enumerate().filter_map(out).collect(),
        }
    }

    fn recommendation(
        &self,
        row: usize,
        solution: &Solution,
        day: Option<Date>,
        currency: &Money,
    ) -> Recommendation {
        let chosen = solution.chosen[row];
        let offers = self.offered.of(row);
        let kept_from = (Some(offers.start) != chosen && !offers.is_empty()).then_some(offers.start);
        let bound = match kept_from {
            Some(offer) => self.short_of(row, offer, solution),
            None if chosen.is_none() => Some(self.nothing(row)),
            None => None,
        };
        let bundle = chosen.map(|offer| self.offered.bundle(offer));
        let preferred = kept_from.filter(|_| bound.is_some()).and_then(|offer| self.missed(offer, bundle));
        let mut actions = bundle.map_or_else(Vec::new, |bundle| self.actions(row, &bundle, day, currency));
        let more = if actions.is_empty() { Vec::new() } else { actions.split_off(1) };
        Recommendation {
            id: self.accounts.ids[row].clone(),
            action: actions.pop(),
            more,
            bound: if preferred.is_some() || kept_from.is_none() { bound } else { None },
            preferred,
        }
    }

    /// The first action of an offer that the account did not get.
    fn missed(&self, offer: usize, got: Option<Bundle>) -> Option<Arc<Action>> {
        let has = |action: usize| got.is_some_and(|bundle| bundle.actions().any(|own| own == action));
        let bundle = self.offered.bundle(offer);
        bundle.actions().find(|action| !has(*action)).map(|action| self.terms.actions[action].clone())
    }

    /// The actions of a bundle, the best first, each with what it adds to those before it.
    fn actions(&self, row: usize, bundle: &Bundle, day: Option<Date>, currency: &Money) -> Vec<Recommended> {
        let own = self.options.of(row).iter().filter(|(at, _)| bundle.actions().any(|other| other == *at));
        let mut before: Option<Bundle> = None;
        let recommended = |(at, worth): &(usize, super::money::Worth)| {
            let action = self.terms.actions[*at].clone();
            let now = before.map_or_else(|| Bundle::of(*at), |bundle| bundle.with(*at));
            let gain = match before.replace(now) {
                None => worth.gain,
                Some(before) => {
                    let adds = self.terms.gain(self.options, row, &now)
                        - self.terms.gain(self.options, row, &before);
                    narrowed(worth.gain, adds, action.cost_cents() as f64)
                }
            };
            let gain = gain.money(action.cost_cents(), currency);
            Recommended::new(action, gain, worth, day)
        };
        own.map(recommended).collect()
    }

    /// Why nothing is to be done for an account that no limit keeps from anything.
    fn nothing(&self, row: usize) -> Bound {
        let value = self.accounts.value_cents.and_then(|values| values[row]);
        match (value, self.options.cooling(row)) {
            (None, _) => Bound::ValueUnknown,
            (Some(_), Some((action, until))) if self.options.of(row).is_empty() => {
                Bound::CoolingDown { title: self.terms.actions[action].title.clone(), until }
            }
            (Some(_), _) if self.options.of(row).is_empty() => Bound::NoneEligible,
            (Some(_), _) => Bound::NoGain,
        }
    }

    /// The limit that keeps an account from an offer that is better than what it got.
    fn short_of(&self, row: usize, offer: usize, solution: &Solution) -> Option<Bound> {
        let pool = |pool: &Pool| Bound::Pool { name: pool.name.clone(), title: pool.title() };
        let short = solution.short_of(&self.offered.problem, row, offer)?;
        Some(self.playbook.pools.get(short).map_or(Bound::Budget, pool))
    }

    fn pools(&self, solution: &Solution, currency: &Money) -> Vec<PoolUse> {
        let of = |(at, pool): (usize, &Pool)| PoolUse {
            name: pool.name.clone(),
            title: pool.title(),
            used: without_dust(solution.used[at]),
            capacity: self.capacity.units(&pool.name),
            worth: Money { cents: solution.prices[at].round() as i64, ..currency.clone() },
        };
        self.playbook.pools.iter().enumerate().map(of).collect()
    }

    fn budget(&self, solution: &Solution, currency: &Money) -> Option<BudgetUse> {
        let at = self.playbook.pools.len();
        let money = |cents: i64| Money { cents, ..currency.clone() };
        self.capacity.budget_cents().map(|budget| BudgetUse {
            used: money(solution.used[at].round() as i64),
            budget: money(budget),
            worth: solution.prices[at],
        })
    }
}

/// The parts of a plan that are told of a solution.
pub(super) struct Told {
    pub recommendations: Vec<Recommendation>,
    pub total: Gain,
    pub pools: Vec<PoolUse>,
    pub budget: Option<BudgetUse>,
    pub bound: Money,
    pub gap: f64,
    pub left_out: Vec<LeftOut>,
}

impl Told {
    /// The plan with what it was told from.
    pub fn with(
        self,
        day: Option<Date>,
        chosen: Vec<Option<usize>>,
        terms: Terms,
        options: Options,
        offered: Offered,
    ) -> Plan {
        let Told { recommendations, total, pools, budget, bound, gap, left_out } = self;
        Plan {
            recommendations,
            total,
            pools,
            budget,
            bound,
            gap,
            left_out,
            day,
            terms,
            options,
            offered,
            chosen,
        }
    }
}

/// The range of an action of which others have taken a part: as wide in proportion to what it changes.
fn narrowed(alone: GainCents, adds: f64, cost: f64) -> GainCents {
    let whole = alone.mean + cost;
    let share = if whole > 0.0 { ((adds + cost) / whole).max(0.0) } else { 1.0 };
    let at = |end: f64| adds + share * (end - alone.mean);
    GainCents { low: at(alone.low), mean: adds, high: at(alone.high) }
}

/// Units used, without the dust that sums of decimals leave.
fn without_dust(used: f64) -> f64 {
    (used * 1e6).round() / 1e6
}

fn total(recommendations: &[Recommendation], currency: &Money) -> Gain {
    let gains =
        || recommendations.iter().flat_map(|r| r.action.iter().chain(&r.more)).map(|action| &action.gain);
    let sum = |of: fn(&Gain) -> &Money| gains().map(|gain| of(gain).cents).sum::<i64>();
    let money = |cents: i64| Money { cents, currency: currency.currency.clone() };
    let (low, mean, high) = (sum(|gain| &gain.low), sum(|gain| &gain.expected), sum(|gain| &gain.high));
    let whole = GainCents { low: low as f64, mean: mean as f64, high: high as f64 };
    Gain {
        expected: money(mean),
        low: money(low),
        high: money(high),
        cost: money(sum(|gain| &gain.cost)),
        probability_positive: whole.probability_positive(),
    }
}
