//! What an action is worth for an account: expected incremental money, with its range.

use super::accounts::Accounts;
use super::effect::Effect;
use super::learned_for::{LearnedFor, LearnedOn};
use super::playbook::{Action, Playbook};
use crate::schema::Money;

/// Expected incremental money of an action for an account, its cost taken off.
///
/// The range is that of the effect alone: low and high effect at the same probability and value. The scores'
/// own uncertainty is not in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Gain {
    /// At the mean effect.
    pub expected: Money,
    /// At the low end of the effect.
    pub low: Money,
    /// At the high end of the effect.
    pub high: Money,
    /// What was taken off: the cost of doing it once.
    pub cost: Money,
}

/// [`Gain`] in minor units, before rounding.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct GainCents {
    pub low: f64,
    pub mean: f64,
    pub high: f64,
}

impl GainCents {
    /// As money.
    pub fn money(self, cost_cents: i64, currency: &Money) -> Gain {
        let of = |cents: f64| Money { cents: cents.round() as i64, currency: currency.currency.clone() };
        Gain {
            expected: of(self.mean),
            low: of(self.low),
            high: of(self.high),
            cost: Money { cents: cost_cents, currency: currency.currency.clone() },
        }
    }
}

/// The reckoning of a playbook for the accounts of one schema.
pub(super) struct Reckoning<'a> {
    accounts: &'a Accounts<'a>,
    learned: &'a LearnedFor<'a>,
    /// Recurring values in the months looked at, times margin.
    times: f64,
    expansion_value: f64,
}

impl<'a> Reckoning<'a> {
    /// Reckons with `per_year` recurring values a year.
    pub fn new(
        playbook: &Playbook,
        accounts: &'a Accounts<'a>,
        learned: &'a LearnedFor<'a>,
        per_year: f64,
    ) -> Self {
        let times = per_year * playbook.value_months / 12.0 * playbook.margin;
        Reckoning { accounts, learned, times, expansion_value: playbook.expansion_value }
    }

    /// What an action, `at` its place in the playbook, is worth for an account; `None` where the account's value is
    /// not known.
    pub fn gain(&self, at: usize, action: &Action, row: usize) -> Option<GainCents> {
        let value = self.accounts.value_cents?[row]? as f64 * self.times;
        let cost = action.cost_cents() as f64;
        let [low, mean, high] = self.points(at, &action.effect, row).map(|points| points * value - cost);
        Some(GainCents { low, mean, high })
    }

    /// Whether there are probabilities that the effect could change.
    pub fn can_see(&self, effect: &Effect) -> bool {
        let churn = effect.churn_reduction.is_some() && self.accounts.churn.is_some();
        let expansion = effect.expansion_increase.is_some() && self.accounts.expansion.is_some();
        churn || expansion
    }

    /// Low, mean and high change in shares of the account's value.
    fn points(&self, at: usize, effect: &Effect, row: usize) -> [f64; 3] {
        let kept = match (effect.churn_reduction, self.accounts.churn) {
            (Some(change), Some(churn)) => {
                let learned = self.learned.points(at, row, LearnedOn::Churn, churn[row]);
                learned.unwrap_or_else(|| change.points(churn[row], churn[row]))
            }
            _ => [0.0; 3],
        };
        let grown = match (effect.expansion_increase, self.accounts.expansion) {
            (Some(change), Some(expansion)) => {
                let learned = self.learned.points(at, row, LearnedOn::Expansion, expansion[row]);
                learned.unwrap_or_else(|| change.points(expansion[row], 1.0 - expansion[row]))
            }
            _ => [0.0; 3],
        };
        std::array::from_fn(|at| kept[at] + self.expansion_value * grown[at])
    }
}
