//! Learned effects in place of a playbook's own, account by account.

use super::effect::{Change, Effect, EffectSource};
use super::learned::{EffectModel, LearnedEffects};
use super::money::Z_90;
use super::nearest::hint;
use super::playbook::Playbook;
use crate::error::{ErrorKind, Result};
use crate::frame::{Column, Table};
use crate::health::Scored;

/// Standard deviation of an account's own effect around the one that was learned for accounts like it, as a share of it:
/// shape that no learner saw. Recommended are those of whom most is hoped, where it matters most. By experiments in the
/// worlds of `examples/plan`: without it intervals of recommendations hold the truth in 86 of 100 cases, with it in 90 to
/// 92.
const OWN: f64 = 0.1;

/// The same of an account's own probability around its score, where how unsure scores are is told at all: their intervals
/// tell the rate among accounts of that score, and an account may differ from these.
const OWN_SCORE: f64 = 0.2;

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

    /// By how much an action lowers an account's churn, or raises its expansion: low, mean and high points; `None` where
    /// nothing was learned. `score` is the low end, the probability and the high end.
    pub fn points(&self, action: usize, row: usize, on: LearnedOn, score: [f64; 3]) -> Option<[f64; 3]> {
        let (learned_on, effects, arm) = self.by_action[action]?;
        if learned_on != on {
            return None;
        }
        let (effect, (low, high)) = (effects.effect(row, arm), effects.interval(row, arm));
        let own = Z_90 * OWN * effect.abs();
        let (low, high) = (effect - (effect - low).hypot(own), effect + (high - effect).hypot(own));
        let [lowest, probability, highest] = score;
        Some(match on {
            LearnedOn::Churn => within([-high, -effect, -low], probability - 1.0, [probability, highest]),
            LearnedOn::Expansion => {
                within([low, effect, high], -probability, [1.0 - probability, 1.0 - lowest])
            }
        })
    }
}

impl EffectModel {
    /// The effects on scored accounts: [`effects`](EffectModel::effects) by their signals, their segment keys and their
    /// `churn_probability`, `expansion_probability` and `health`, as far as the model was fitted on these.
    ///
    /// The signals are those of the frame. A model that was fitted on a table of another make (blanks filled in, numbers
    /// scaled) has to be given such a table.
    ///
    /// # Errors
    /// A column that the model was fitted on and that the accounts do not have, or have with another type.
    ///
    /// ```
    /// use keepwell::action::{EffectModel, Evidence, LearnedOn, Planning};
    /// use keepwell::prelude::*;
    /// # let schema = Schema::new().id("id").churn("churned").value("mrr")
    /// #     .signal(Signal::new("seats_used", Dimension::Usage, Kind::Share));
    /// # let leaves = |row: u32| row % 50 + row % 7 < 15;
    /// # let used = |row: u32| f64::from(row % 50) / 50.0;
    /// # let row = |row: u32| format!("A{row},500,{},{}\n", used(row), u8::from(leaves(row)));
    /// # let csv = (0..600).map(row).fold("id,mrr,seats_used,churned\n".to_string(), |csv, row| csv + &row);
    /// # let frame = Frame::from_csv_reader(csv.as_bytes(), &schema)?;
    /// # let scored = HealthModel::params(&schema).fit(&frame)?.score(&frame)?;
    /// # let called: Vec<usize> = (0..600).map(|row| usize::from(row % 3 == 0)).collect();
    /// # let left: Vec<bool> = (0..600).map(|row| leaves(row) && (row % 3 > 0 || row % 5 == 0)).collect();
    /// // Whom a success manager called was drawn at random; of those called, fewer left.
    /// let model = EffectModel::params(["none", "call"], Evidence::Randomised)
    ///     .fit(scored.frame.signals(), &left, &called)?;
    /// let effects = model.effects_on(&scored)?;
    /// let planning = Planning::new().learned(LearnedOn::Churn, &effects);
    /// let plan = Playbook::any_business().plan_with(&scored, &Capacity::new().pool("csm_hours", 40.0), &planning)?;
    ///
    /// let call = plan.to_do().map(|(_, todo)| todo).find(|todo| todo.action.name == "call").unwrap();
    /// let fall = call.churn_fall.unwrap();
    /// assert!(fall.expected > 0.0 && fall.low <= fall.expected && fall.expected <= fall.high);
    /// assert!(call.to_string().contains("(effect learned: call: -0."));
    /// # Ok::<(), keepwell::Error>(())
    /// ```
    pub fn effects_on(&self, scored: &Scored) -> Result<LearnedEffects> {
        let columns = self.features().names().iter().map(|name| Ok((name.clone(), known(scored, name)?)));
        self.effects(&Table::new(scored.frame.n_rows(), columns.collect::<Result<Vec<_>>>()?)?)
    }
}

/// What is known of scored accounts under a name.
fn known(scored: &Scored, name: &str) -> Result<Column> {
    let frame = &scored.frame;
    if let Some(column) = frame.signals().column(name).or_else(|| frame.segments().column(name)) {
        return Ok(column.clone());
    }
    let scores = [
        ("churn_probability", scored.churn_probability.as_ref()),
        ("expansion_probability", scored.expansion_probability.as_ref()),
        ("health", Some(&scored.health)),
    ];
    let score = scores.iter().find_map(|(own, values)| (*own == name).then_some(*values)?);
    score.map(|values| Column::Number(values.clone())).ok_or_else(|| {
        let names = frame.signals().names().iter().chain(frame.segments().names()).map(String::as_str);
        let near = hint(name, names.chain(scores.iter().map(|(own, _)| *own)));
        let problem = format!(
            "effects were learned by `{name}`, which is no signal, segment key or score of the accounts ({near}); give \
             the effects on a table that has it"
        );
        ErrorKind::Playbook(problem).into()
    })
}

/// An effect of low, mean and high points within what there is: no less than `least`; no more than `room`, which is a
/// mean and a high end. A mean that is more than there seems to be meets it where both are as likely, by the distances of
/// their ends: an effect that is learned from many is not cut to a score that is less sure.
fn within([low, mean, high]: [f64; 3], least: f64, [room, most]: [f64; 2]) -> [f64; 3] {
    let own = if most > room { Z_90 * OWN_SCORE * room.min(1.0 - room) } else { 0.0 };
    let (effect, score) = ((mean - low).powi(2), (most - room).powi(2) + own * own);
    let meets = if effect + score > 0.0 { (mean * score + room * effect) / (effect + score) } else { room };
    let mean = if mean > room { meets } else { mean }.max(least);
    let most = (room + score.sqrt()).min(1.0).max(mean);
    [low.clamp(least, mean), mean, high.clamp(mean, most)]
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

#[cfg(test)]
mod tests {
    use super::within;

    #[test]
    fn an_effect_and_a_score_that_contradict_each_other_meet() {
        let close = |found: [f64; 3], expected: [f64; 3]| {
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?}");
        };
        close(within([0.1, 0.2, 0.3], -0.5, [0.5, 0.6]), [0.1, 0.2, 0.3]);
        // A score that is taken as sure is never passed.
        close(within([0.1, 0.2, 0.3], -0.9, [0.1, 0.1]), [0.1, 0.1, 0.1]);
        close(within([0.15, 0.2, 0.3], -0.9, [0.1, 0.1]), [0.1, 0.1, 0.1]);
        // One that is not: the surer moves less. What there is of .5 is taken to be .1 unsure itself.
        let found = within([0.5, 0.6, 0.7], -0.9, [0.5, 0.55]);
        assert!(found[1] > 0.55 && found[1] < 0.6 && found[2] <= 0.7, "{found:?}");
        assert!(within([0.3, 0.6, 0.9], -0.9, [0.5, 0.55])[1] < 0.55);
        close(within([-0.9, -0.7, -0.6], -0.5, [0.5, 0.6]), [-0.5, -0.5, -0.5]);
    }
}
