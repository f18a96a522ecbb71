//! Learned effects in place of a playbook's own, account by account.

use super::effect::{Change, Effect, EffectSource};
use super::learned::LearnedEffects;
use super::money::Z_90;
use super::nearest::hint;
use super::playbook::Playbook;
use crate::error::{ErrorKind, Result};

/// Standard deviation of an account's own effect around the one that was learned for accounts like it, as a share of it:
/// what no learner with so few examples sees. Without it the intervals of a log of 60,000 accounts hold the truth less
/// often than those of 24,000, since what is left then is shape that was never learned.
const OWN: f64 = 0.2;

/// The outcome that effects were learned on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LearnedOn {
    /// Churn: an effect below 0 is a gain.
    Churn,
    /// Expansion: an effect above 0 is a gain.
    Expansion,
}

/// The learned effects that a plan is to use, by action: `n` accounts.
#[derive(Clone, Debug)]
pub(super) struct LearnedFor<'a> {
    /// One an action of the playbook.
    by_action: Vec<Option<(LearnedOn, &'a LearnedEffects, usize)>>,
}

impl<'a> LearnedFor<'a> {
    /// None, for a playbook of `n_actions`.
    pub fn none(n_actions: usize) -> Self {
        LearnedFor { by_action: vec![None; n_actions] }
    }

    /// The effects by the actions' names, for `n_rows` accounts.
    pub fn new(
        playbook: &Playbook,
        learned: &[(LearnedOn, &'a LearnedEffects)],
        n_rows: usize,
    ) -> Result<Self> {
        let mut known = LearnedFor::none(playbook.actions.len());
        for (on, effects) in learned {
            if effects.n_rows() != n_rows {
                let what = "accounts with learned effects".into();
                return Err(ErrorKind::Shape { what, found: effects.n_rows(), expected: n_rows }.into());
            }
            for (arm, name) in effects.arms().iter().enumerate().skip(1) {
                let at = place(playbook, name)?;
                if known.by_action[at].replace((*on, effects, arm)).is_some() {
                    let problem = format!("action `{name}` has two learned effects; give one");
                    return Err(ErrorKind::Playbook(problem).into());
                }
            }
        }
        Ok(known)
    }

    /// The playbook with what was learned as its actions' effects: averages, for those who read it.
    pub fn applied(&self, playbook: &Playbook) -> Playbook {
        let mut playbook = playbook.clone();
        for (action, known) in playbook.actions.iter_mut().zip(&self.by_action) {
            if let Some((on, effects, arm)) = known {
                action.effect = average_effect(*on, effects, *arm);
            }
        }
        playbook
    }

    /// By how much an action lowers an account's churn, or raises its expansion, within `probability`: low, mean and
    /// high points; `None` where nothing was learned.
    pub fn points(&self, action: usize, row: usize, on: LearnedOn, probability: f64) -> Option<[f64; 3]> {
        let (learned_on, effects, arm) = self.by_action[action]?;
        if learned_on != on {
            return None;
        }
        let (effect, (low, high)) = (effects.effect(row, arm), effects.interval(row, arm));
        let own = Z_90 * OWN * effect.abs();
        let (low, high) = (effect - (effect - low).hypot(own), effect + (high - effect).hypot(own));
        Some(match on {
            LearnedOn::Churn => [-high, -effect, -low].map(|fall| fall.clamp(probability - 1.0, probability)),
            LearnedOn::Expansion => {
                [low, effect, high].map(|rise| rise.clamp(-probability, 1.0 - probability))
            }
        })
    }
}

fn place(playbook: &Playbook, name: &str) -> Result<usize> {
    playbook.actions.iter().position(|action| action.name == name).ok_or_else(|| {
        let known = playbook.actions.iter().map(|action| action.name.as_str());
        let problem = format!("effects were learned of `{name}`, which is no action; {}", hint(name, known));
        ErrorKind::Playbook(problem).into()
    })
}

fn average_effect(on: LearnedOn, effects: &LearnedEffects, arm: usize) -> Effect {
    let report = &effects.reports()[arm - 1];
    let gain = if on == LearnedOn::Churn { -report.average.value } else { report.average.value };
    let reach = 1.645 * report.average.standard_error;
    let share = |points: f64| points.clamp(0.0, 1.0);
    let change = Change::absolute(share(gain)).range(share(gain - reach), share(gain + reach));
    let source = EffectSource::Learned { basis: report.to_string() };
    match on {
        LearnedOn::Churn => Effect { churn_reduction: Some(change), expansion_increase: None, source },
        LearnedOn::Expansion => Effect { churn_reduction: None, expansion_increase: Some(change), source },
    }
}
