//! What a log of assignments says: what the plan changed, what would have come anyway, and what to learn effects from.

use std::collections::BTreeSet;

use super::assignment::{Assignment, AssignmentLog, Matured};
use super::learned::Evidence;
use super::nearest::hint;
use crate::error::{ErrorKind, Result};
use crate::metric::{Estimate, FEWEST_MATCHES};

/// The 97.5th percentile of a standard normal.
const Z_95: f64 = 1.959_963_984_540_054;

/// Whom an effect is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Those assigned what was planned, done or not, against those kept out: what the plan changed, as it was carried
    /// out. The only one that rests on the draw alone.
    IntentionToTreat,
    /// As that, but only where what was done is what was assigned: what it changes where it is carried out. Right as far
    /// as those who are left out are like the others.
    PerProtocol,
    /// By what was done, whatever was assigned. Right as far as what was done has nothing to do with what would have
    /// come anyway; it mostly has.
    AsTreated,
}

/// What is read: how often the outcome happened, or its money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measured {
    /// Shares of accounts.
    Rate,
    /// Minor units an account.
    Money,
}

/// What came of the accounts that were assigned an action, and what of it would have come anyway. In accounts, or in
/// minor units, by what is measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attribution {
    /// Accounts that were assigned an action.
    pub n_assigned: usize,
    /// What came of them in all.
    pub came: f64,
    /// What would have come without, from those kept out.
    pub anyway: f64,
    /// What is due to the actions: the difference, with its 95 % interval.
    pub due: Estimate,
}

/// Rows of a log to learn effects from, for [`EffectModel`](super::EffectModel).
#[derive(Clone, Debug, PartialEq)]
pub struct Lessons {
    /// Positions in [`AssignmentLog::assignments`].
    pub assignments: Vec<usize>,
    /// What each was assigned: 0 for nothing, then the actions in the order asked for.
    pub arm: Vec<usize>,
    /// The outcome of each.
    pub outcomes: Vec<bool>,
    /// The logged probabilities of the arms.
    pub evidence: Evidence,
}

/// A row of one side of a comparison.
struct Row {
    value: f64,
    weight: f64,
}

impl AssignmentLog {
    /// By how much the plan changed the rate of the outcome among the accounts that it had an action for: those that
    /// were assigned it, done or not, against those kept out. 95 % interval.
    ///
    /// # Errors
    /// As [`effect`](Self::effect).
    pub fn intention_to_treat(&self, matured: &Matured) -> Result<Estimate> {
        self.effect(matured, Reading::IntentionToTreat, Measured::Rate, None)
    }

    /// By how much an action changed an outcome, or all that were planned did: of accounts that they were planned for,
    /// those with against those without, each counted by one over the probability of what it was assigned (Hájek 1971),
    /// so that shares kept out that differ from action to action do no harm. As treated, each counts the same. 95 %
    /// interval.
    ///
    /// # Errors
    /// [`ErrorKind::TooFew`] below 30 known outcomes of either kind: then the log cannot answer. Money where the log has
    /// none; an action that was planned for nobody.
    pub fn effect(
        &self,
        matured: &Matured,
        reading: Reading,
        measured: Measured,
        action: Option<&str>,
    ) -> Result<Estimate> {
        let [with, without] = self.sides(matured, reading, measured, action)?;
        let ((with, v_with), (without, v_without)) = (mean(&with), mean(&without));
        Ok(estimate(with - without, (v_with + v_without).sqrt()))
    }

    /// What came of the accounts that were assigned what was planned, and what of that would have come anyway: an
    /// account that grows after an action has not always grown by it. By intention to treat.
    ///
    /// # Errors
    /// As [`effect`](Self::effect).
    pub fn attribution(
        &self,
        matured: &Matured,
        measured: Measured,
        action: Option<&str>,
    ) -> Result<Attribution> {
        let [with, without] = self.sides(matured, Reading::IntentionToTreat, measured, action)?;
        let (n, came) = (with.len() as f64, with.iter().map(|row| row.value).sum::<f64>());
        let ((_, v_with), (rate_without, v_without)) = (mean(&with), mean(&without));
        let anyway = n * rate_without;
        let due = estimate(came - anyway, n * (v_with + v_without).sqrt());
        Ok(Attribution { n_assigned: with.len(), came, anyway, due })
    }

    fn was_planned(&self, action: &str) -> bool {
        self.assignments.iter().any(|assignment| assignment.planned.as_deref() == Some(action))
    }

    /// All that was planned, each once.
    fn planned(&self) -> Vec<&str> {
        let planned = self.assignments.iter().filter_map(|assignment| assignment.planned.as_deref());
        planned.collect::<BTreeSet<&str>>().into_iter().collect()
    }

    /// The rows of those with and of those without.
    fn sides(
        &self,
        matured: &Matured,
        reading: Reading,
        measured: Measured,
        action: Option<&str>,
    ) -> Result<[Vec<Row>; 2]> {
        if let Some(action) = action.filter(|action| !self.was_planned(action)) {
            let text =
                format!("`{action}` was planned for nobody; planned were {}", self.planned().join(", "));
            return Err(ErrorKind::Records(text).into());
        }
        let values = values(matured, measured)?;
        let mut sides = [Vec::new(), Vec::new()];
        for (&at, value) in matured.assignments.iter().zip(values) {
            let assignment = &self.assignments[at];
            if assignment.planned.is_none()
                || action.is_some_and(|a| assignment.planned.as_deref() != Some(a))
            {
                continue;
            }
            if let Some((side, weight)) = side(assignment, reading) {
                sides[side].push(Row { value, weight });
            }
        }
        for (rows, with) in sides.iter().zip([true, false]) {
            if rows.len() < FEWEST_MATCHES {
                let what =
                    format!("the log cannot answer: known outcomes of accounts that {}", kind(reading, with));
                return Err(ErrorKind::TooFew { what, found: rows.len(), needed: FEWEST_MATCHES }.into());
            }
        }
        Ok(sides)
    }

    /// The rows to learn the effects of actions from: those whose outcome is known and that were assigned nothing or one
    /// of these actions, with the logged probabilities among these. A row whose chances were not logged counts as one
    /// that could have been assigned nothing else.
    ///
    /// # Errors
    /// An action that stands nowhere in the log, neither planned nor assigned nor among the chances.
    pub fn lessons(&self, matured: &Matured, actions: &[&str]) -> Result<Lessons> {
        let told = self.told_of();
        if let Some(action) = actions.iter().find(|action| !told.contains(*action)) {
            let text = format!("action `{action}` stands nowhere in the log; {}", hint(action, told));
            return Err(ErrorKind::Records(text).into());
        }
        let (mut assignments, mut arms, mut outcomes, mut logged) = (vec![], vec![], vec![], vec![]);
        let names: Vec<Option<&str>> =
            std::iter::once(None).chain(actions.iter().copied().map(Some)).collect();
        for (&at, &outcome) in matured.assignments.iter().zip(&matured.outcomes) {
            let assignment = &self.assignments[at];
            let assigned = assignment.assigned.as_deref();
            let Some(arm) = names.iter().position(|name| *name == assigned) else { continue };
            let chances: Vec<f64> = names.iter().map(|name| assignment.chance(*name)).collect();
            let sum: f64 = chances.iter().sum();
            logged.extend(chances.iter().map(|chance| chance / sum));
            assignments.push(at);
            arms.push(arm);
            outcomes.push(outcome);
        }
        Ok(Lessons { assignments, arm: arms, outcomes, evidence: Evidence::Logged(logged) })
    }

    /// The actions that stand anywhere in the log, each once.
    fn told_of(&self) -> BTreeSet<&str> {
        let of_each = self.assignments.iter().flat_map(|assignment| {
            let chances = assignment.chances.iter().map(|(what, _)| what);
            [&assignment.planned, &assignment.assigned].into_iter().chain(chances)
        });
        of_each.filter_map(Option::as_deref).collect()
    }
}

fn values(matured: &Matured, measured: Measured) -> Result<Vec<f64>> {
    match (measured, &matured.money_cents) {
        (Measured::Rate, _) => Ok(matured.outcomes.iter().map(|y| f64::from(u8::from(*y))).collect()),
        (Measured::Money, Some(cents)) => Ok(cents.iter().map(|cents| *cents as f64).collect()),
        (Measured::Money, None) => {
            let text = "the money of outcomes is asked for, but not known of all; join them with it";
            Err(ErrorKind::Records(text.into()).into())
        }
    }
}

/// 0 for those with, 1 for those without, and how much the row counts; `None` for those of neither side.
fn side(assignment: &Assignment, reading: Reading) -> Option<(usize, f64)> {
    let Assignment { planned, assigned, done, probability, .. } = assignment;
    let of = |what: &Option<String>| match what {
        None => Some(1),
        what if what == planned => Some(0),
        _ => None,
    };
    match reading {
        Reading::IntentionToTreat => Some((of(assigned)?, probability.recip())),
        Reading::PerProtocol if done.as_ref() == Some(assigned) => Some((of(assigned)?, probability.recip())),
        Reading::PerProtocol => None,
        Reading::AsTreated => Some((of(done.as_ref()?)?, 1.0)),
    }
}

fn kind(reading: Reading, with: bool) -> &'static str {
    match (reading, with) {
        (Reading::IntentionToTreat, true) => "were assigned an action",
        (Reading::IntentionToTreat, false) => "were kept out of the plan",
        (Reading::PerProtocol, true) => "were assigned an action and got it",
        (Reading::PerProtocol, false) => "were kept out of the plan and got nothing",
        (Reading::AsTreated, true) => "got what was planned",
        (Reading::AsTreated, false) => "got nothing",
    }
}

/// The weighted mean and its variance.
fn mean(rows: &[Row]) -> (f64, f64) {
    let total: f64 = rows.iter().map(|row| row.weight).sum();
    let mean = rows.iter().map(|row| row.weight * row.value).sum::<f64>() / total;
    let square = |row: &Row| (row.weight * (row.value - mean)).powi(2);
    let n = rows.len() as f64;
    (mean, rows.iter().map(square).sum::<f64>() / (total * total) * n / (n - 1.0))
}

fn estimate(value: f64, standard_error: f64) -> Estimate {
    let reach = Z_95 * standard_error;
    Estimate { value, low: value - reach, high: value + reach, standard_error }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::Came;

    /// Half are kept out; of those assigned the call every fourth does not get it. One in two grows by EUR 10 without,
    /// three in four with it.
    fn log(n: usize) -> (AssignmentLog, Matured) {
        let assignment = |row: usize| {
            let (kept_out, missed) = (row.is_multiple_of(2), row % 8 == 7);
            let call = || Some("call".to_owned());
            let chances = vec![(None, 0.5), (call(), 0.5)];
            let assigned = call().filter(|_| !kept_out);
            let mut own = Assignment::new(format!("A{row}"), None, call(), assigned, chances);
            own.done = Some(call().filter(|_| !kept_out && !missed));
            own
        };
        let log = AssignmentLog::new((0..n).map(assignment).collect()).unwrap();
        let outcomes: Vec<(String, Option<Came>)> = (0..n)
            .map(|row| {
                let got = log.assignments()[row].done == Some(Some("call".into()));
                let happened = (row / 8) % 4 < if got { 3 } else { 2 };
                (format!("A{row}"), Some(Came { happened, money_cents: happened.then_some(1_000) }))
            })
            .collect();
        let matured = log.join_came(outcomes.iter().map(|(id, came)| (id.as_str(), *came))).unwrap();
        (log, matured)
    }

    #[test]
    fn the_three_readings_differ_by_who_did_not_get_it() {
        let (log, matured) = log(3_200);
        let read = |reading, measured| log.effect(&matured, reading, measured, Some("call")).unwrap().value;
        assert!((read(Reading::IntentionToTreat, Measured::Rate) - 0.1875).abs() < 1e-9);
        assert!((read(Reading::PerProtocol, Measured::Rate) - 0.25).abs() < 1e-9);
        assert!((read(Reading::AsTreated, Measured::Rate) - 0.25).abs() < 1e-9);
        assert!((read(Reading::IntentionToTreat, Measured::Money) - 187.5).abs() < 1e-6);
    }

    #[test]
    fn what_would_have_come_anyway_is_told_apart() {
        let (log, matured) = log(3_200);
        let found = log.attribution(&matured, Measured::Money, None).unwrap();
        assert_eq!(found.n_assigned, 1_600);
        assert!((found.came - 1_100_000.0).abs() < 1e-6 && (found.anyway - 800_000.0).abs() < 1e-6);
        assert!((found.due.value - 300_000.0).abs() < 1e-6);
        assert!(found.due.low > 200_000.0 && found.due.high < 400_000.0);
    }

    #[test]
    fn probabilities_that_differ_are_weighed() {
        // Those who grow anyway are mostly assigned, the others mostly kept out; the action does nothing.
        let assignment = |row: usize| {
            let likely = row.is_multiple_of(2);
            let p = if likely { 0.8 } else { 0.2 };
            let assigned = (row / 2) % 10 < (p * 10.0) as usize;
            let call = || Some("call".to_owned());
            let chances = vec![(None, 1.0 - p), (call(), p)];
            Assignment::new(format!("A{row}"), None, call(), call().filter(|_| assigned), chances)
        };
        let log = AssignmentLog::new((0..2_000).map(assignment).collect()).unwrap();
        let ids: Vec<String> = (0..2_000).map(|row| format!("A{row}")).collect();
        let grows = |row: usize| row.is_multiple_of(2);
        let matured =
            log.join(ids.iter().enumerate().map(|(row, id)| (id.as_str(), Some(grows(row))))).unwrap();
        assert!(log.intention_to_treat(&matured).unwrap().value.abs() < 1e-9);
    }

    #[test]
    fn lessons_have_the_probabilities_of_the_arms_asked_for() {
        let (log, matured) = log(80);
        let mut assignments = log.assignments().to_vec();
        // Nobody was assigned a visit, though one could have been.
        assignments[7].chances = vec![(None, 0.25), (Some("call".into()), 0.5), (Some("visit".into()), 0.25)];
        let log = AssignmentLog::new(assignments).unwrap();
        let lessons = log.lessons(&matured, &["call", "visit"]).unwrap();
        assert_eq!((lessons.arm[0], lessons.arm[1], lessons.outcomes.len()), (0, 1, 80));
        let Evidence::Logged(logged) = lessons.evidence else { panic!() };
        assert_eq!(logged[..6], [0.5, 0.5, 0.0, 0.5, 0.5, 0.0]);
        assert_eq!(logged[21..24], [0.25, 0.5, 0.25]);
        assert_eq!(log.lessons(&matured, &["visit"]).unwrap().assignments.len(), 40);
        let refused = |action| log.lessons(&matured, &["call", action]).unwrap_err().to_string();
        assert_eq!(
            refused("vist"),
            "records: action `vist` stands nowhere in the log; did you mean `visit`?"
        );
        assert_eq!(
            refused("workshop"),
            "records: action `workshop` stands nowhere in the log; known are `call`, `visit`"
        );
    }

    #[test]
    fn what_the_log_cannot_answer_is_refused() {
        let (log, matured) = log(40);
        let text = |reading| log.effect(&matured, reading, Measured::Rate, None).unwrap_err().to_string();
        assert_eq!(
            text(Reading::AsTreated),
            "the log cannot answer: known outcomes of accounts that got what was planned: found 15, expected at \
             least 30"
        );
        let unknown = log.effect(&matured, Reading::IntentionToTreat, Measured::Rate, Some("cal"));
        assert_eq!(
            unknown.unwrap_err().to_string(),
            "records: `cal` was planned for nobody; planned were call"
        );
        let without_money = Matured { money_cents: None, ..matured.clone() };
        assert_eq!(
            log.effect(&without_money, Reading::AsTreated, Measured::Money, None).unwrap_err().to_string(),
            "records: the money of outcomes is asked for, but not known of all; join them with it"
        );
    }
}
