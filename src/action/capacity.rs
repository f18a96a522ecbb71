//! What there is to act with: units of each pool, and a budget.

use std::collections::BTreeMap;

use super::nearest::hint;
use super::playbook::Playbook;
use crate::error::{ErrorKind, Result};
use crate::schema::Money;

/// The capacity of a team for one plan.
///
/// A pool that is not named here has no limit, and the plan says so; a pool that the playbook does not
/// declare is an error, as it would limit nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Capacity {
    pools: BTreeMap<String, f64>,
    budget: Option<Money>,
}

impl Capacity {
    /// No limits yet.
    pub fn new() -> Self {
        Capacity::default()
    }

    /// Units there are in a pool: hours of people, sends of a channel. Range: 0 and above. Default: no limit.
    pub fn pool(mut self, name: impl Into<String>, units: f64) -> Self {
        self.pools.insert(name.into(), units);
        self
    }

    /// Money that the plan's actions may cost in all. Range: 0 and above. Default: no limit.
    pub fn budget(mut self, budget: Money) -> Self {
        self.budget = Some(budget);
        self
    }

    /// Units in a pool; `None` where there is no limit.
    pub(super) fn units(&self, pool: &str) -> Option<f64> {
        self.pools.get(pool).copied()
    }

    /// Budget in minor units; `None` where there is no limit.
    pub(super) fn budget_cents(&self) -> Option<i64> {
        self.budget.as_ref().map(|money| money.cents)
    }

    /// Holds names, ranges and currency against a playbook.
    pub(super) fn check(&self, playbook: &Playbook) -> Result<()> {
        for (name, &units) in &self.pools {
            self.check_pool(name, units, playbook)?;
        }
        self.budget.as_ref().map_or(Ok(()), |budget| check_budget(budget, &playbook.currency))
    }

    fn check_pool(&self, name: &str, units: f64, playbook: &Playbook) -> Result<()> {
        if !playbook.pools.iter().any(|pool| pool.name == name) {
            let known = playbook.pools.iter().map(|pool| pool.name.as_str());
            let text =
                format!("the capacity names pool `{name}`, which it does not declare; {}", hint(name, known));
            return Err(ErrorKind::Playbook(text).into());
        }
        if !(units.is_finite() && units >= 0.0) {
            let text = format!("the capacity of pool `{name}` is {units}, expected 0 or more");
            return Err(ErrorKind::Playbook(text).into());
        }
        Ok(())
    }
}

fn check_budget(budget: &Money, currency: &str) -> Result<()> {
    if *budget.currency != *currency {
        let text =
            format!("the budget is in {}, but its money is in {currency}; use one currency", budget.currency);
        return Err(ErrorKind::Playbook(text).into());
    }
    if budget.cents < 0 {
        return Err(ErrorKind::Playbook(format!("the budget is {budget}, expected 0 or more")).into());
    }
    Ok(())
}
