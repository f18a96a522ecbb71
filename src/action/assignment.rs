//! What was really assigned, with what probability, and what came of it: the log that effects are learned from.
//!
//! A plan that always does what it thinks best leaves nothing to learn from. So some of its accounts are assigned by a
//! draw ([`Plan::assign`], [`Plan::explore`]), and the log has the probability of all that could have been assigned.

use std::collections::HashMap;

use jiff::ToSpan;
use jiff::civil::Date;

use super::plan::Plan;
use crate::error::{Error, ErrorKind, Result};

/// What was decided for one account.
#[derive(Clone, Debug, PartialEq)]
pub struct Assignment {
    /// The account's id.
    pub id: String,
    /// The day of the plan, where it is known.
    pub day: Option<Date>,
    /// The action that the plan recommended; `None` for nothing; several at once joined by `+`.
    pub planned: Option<String>,
    /// The action that was assigned; `None` for nothing.
    pub assigned: Option<String>,
    /// Probability with which just that was assigned: above 0, at most 1.
    pub probability: f64,
    /// All that could have been assigned with its probability, what was assigned among it; they sum to 1. Empty where
    /// that was not logged.
    pub chances: Vec<(Option<String>, f64)>,
    /// What was really done, or nothing; `None` where that is not known.
    pub done: Option<Option<String>>,
}

/// The assignments of one plan, each account once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AssignmentLog {
    pub(super) assignments: Vec<Assignment>,
}

/// What came of an account within the horizon.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Came {
    /// Whether the outcome happened.
    pub happened: bool,
    /// The money of it in minor units, where it is known: what an expansion added, what a departure took (below 0).
    pub money_cents: Option<i64>,
}

/// Something that happened to an account: it left, or grew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The account's id.
    pub id: String,
    /// The day.
    pub day: Date,
    /// The money of it in minor units, where it is known.
    pub money_cents: Option<i64>,
}

/// Assignments whose outcome is known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matured {
    /// Positions in [`AssignmentLog::assignments`].
    pub assignments: Vec<usize>,
    /// The outcome of each.
    pub outcomes: Vec<bool>,
    /// The money of each in minor units, 0 where nothing happened; `None` where it is not known of any that did.
    pub money_cents: Option<Vec<i64>>,
    /// Assignments whose outcome is not known yet, or was not given: they count as neither.
    pub n_pending: usize,
}

impl Plan {
    /// Assigns the recommended actions, but keeps a share of them out at random.
    ///
    /// `kept_out`: 0 to 0.5; .1 is a fair start. An action that has a share of its own
    /// ([`Action::kept_out`](super::Action::kept_out)) goes by that; of several at once, the first's. Who is kept out
    /// depends on the account's id and on `random_state` only, not on the order of accounts nor on who else is there.
    /// Take another `random_state` for each plan, or the same accounts are kept out for ever.
    ///
    /// # Errors
    /// A share outside its range.
    pub fn assign(&self, kept_out: f64, random_state: u64) -> Result<AssignmentLog> {
        if !(0.0..=0.5).contains(&kept_out) {
            let (value, expected) = (kept_out.to_string(), "a share from 0 to 0.5");
            return Err(ErrorKind::Parameter { name: "kept_out", value, expected }.into());
        }
        let assign = |(row, recommendation): (usize, &super::Recommendation)| {
            let planned = self.label(row);
            let own = recommendation.action.as_ref().and_then(|first| first.action.kept_out);
            let share = own.unwrap_or(kept_out);
            let out = draw(&recommendation.id, random_state) < share;
            let chances = match &planned {
                None => vec![(None, 1.0)],
                Some(_) if share == 0.0 => vec![(planned.clone(), 1.0)],
                Some(_) => vec![(None, share), (planned.clone(), 1.0 - share)],
            };
            let assigned = planned.clone().filter(|_| !out);
            Assignment::new(recommendation.id.clone(), self.day, planned, assigned, chances)
        };
        Ok(AssignmentLog { assignments: self.recommendations.iter().enumerate().map(assign).collect() })
    }

    /// What an account's recommendation is called in a log.
    pub(super) fn label(&self, row: usize) -> Option<String> {
        self.chosen[row].map(|offer| self.terms.label(&self.offered.bundle(offer)))
    }
}

/// Evenly within [0, 1), by id and seed.
pub(super) fn draw(id: &str, random_state: u64) -> f64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&random_state.to_le_bytes()).update(id.as_bytes());
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    (u64::from_le_bytes(bytes) >> 11) as f64 / (1u64 << 53) as f64
}

impl Assignment {
    /// What was assigned by these chances, of which it is one; nothing is known of what was done.
    pub(super) fn new(
        id: String,
        day: Option<Date>,
        planned: Option<String>,
        assigned: Option<String>,
        chances: Vec<(Option<String>, f64)>,
    ) -> Self {
        let own = chances.iter().find(|(what, _)| *what == assigned);
        let probability = own.map_or(1.0, |(_, probability)| *probability);
        Assignment { id, day, planned, assigned, probability, chances, done: None }
    }

    /// The probability with which something would have been assigned, as far as it was logged.
    pub fn chance(&self, what: Option<&str>) -> f64 {
        if self.assigned.as_deref() == what {
            return self.probability;
        }
        let logged = self.chances.iter().find(|(other, _)| other.as_deref() == what);
        logged.map_or(0.0, |(_, probability)| *probability)
    }
}

impl AssignmentLog {
    /// A log of assignments that were made elsewhere.
    ///
    /// # Errors
    /// A probability that is none, or 0; chances that do not sum to 1 or do not have what was assigned; an account that
    /// stands twice.
    pub fn new(assignments: Vec<Assignment>) -> Result<Self> {
        let log = AssignmentLog { assignments };
        for (row, assignment) in log.assignments.iter().enumerate() {
            if let Some((value, expected)) = fault(assignment) {
                let what = "probabilities of assignments".into();
                return Err(ErrorKind::Number { what, row: row + 1, value, expected }.into());
            }
        }
        log.positions().map(|_| ()).and(Ok(log))
    }

    /// The assignments, in the plan's order.
    pub fn assignments(&self) -> &[Assignment] {
        &self.assignments
    }

    /// Notes what was really done for accounts: an action, or nothing.
    ///
    /// # Errors
    /// Something done for an account that was never assigned anything, or two things for one.
    pub fn with_done<'a>(
        mut self,
        done: impl IntoIterator<Item = (&'a str, Option<&'a str>)>,
    ) -> Result<Self> {
        let given: Vec<(&str, Option<&str>)> = done.into_iter().collect();
        let places = self.places(given.iter().map(|(id, _)| *id), "was done something for")?;
        for (at, (_, what)) in places.into_iter().zip(given) {
            self.assignments[at].done = Some(what.map(str::to_owned));
        }
        Ok(self)
    }

    /// Where each account stands.
    fn positions(&self) -> Result<HashMap<&str, usize>> {
        let mut positions = HashMap::new();
        for (at, Assignment { id, .. }) in self.assignments.iter().enumerate() {
            if let Some(first) = positions.insert(id.as_str(), at) {
                return Err(twice("account_id", id, first, at, "a plan assigns each account once"));
            }
        }
        Ok(positions)
    }

    /// The places of accounts, each of which must be there once.
    fn places<'a>(&self, ids: impl Iterator<Item = &'a str>, what: &str) -> Result<Vec<usize>> {
        let positions = self.positions()?;
        let mut rows: HashMap<usize, usize> = HashMap::new();
        let place = |(row, id): (usize, &str)| {
            let Some(&at) = positions.get(id) else {
                let problem = format!("account `{id}` (row {}) {what}, but no assignment", row + 1);
                return Err(ErrorKind::Records(problem).into());
            };
            match rows.insert(at, row) {
                Some(first) => Err(twice("outcomes", id, first, row, "give one outcome an account")),
                None => Ok(at),
            }
        };
        ids.enumerate().map(place).collect()
    }

    /// Joins outcomes by account: whether it left, or grew. `None` is an outcome that is not known yet; it stays
    /// pending, and is never taken for false.
    ///
    /// # Errors
    /// An outcome for an account that was never assigned anything, or two for one.
    pub fn join<'a>(&self, outcomes: impl IntoIterator<Item = (&'a str, Option<bool>)>) -> Result<Matured> {
        let came = |happened: bool| Came { happened, money_cents: None };
        self.join_came(outcomes.into_iter().map(|(id, outcome)| (id, outcome.map(came))))
    }

    /// As [`join`](Self::join), of outcomes with their money.
    ///
    /// # Errors
    /// As [`join`](Self::join).
    pub fn join_came<'a>(
        &self,
        outcomes: impl IntoIterator<Item = (&'a str, Option<Came>)>,
    ) -> Result<Matured> {
        let given: Vec<(&str, Option<Came>)> = outcomes.into_iter().collect();
        let places = self.places(given.iter().map(|(id, _)| *id), "has an outcome")?;
        let mut known: Vec<(usize, Came)> =
            places.into_iter().zip(given).filter_map(|(at, (_, came))| Some((at, came?))).collect();
        known.sort_by_key(|(at, _)| *at);
        Ok(self.matured(known))
    }

    /// Joins what happened until a day, of which nothing is known yet. An assignment's outcome counts events from its
    /// day on, within the horizon. It is known once the horizon has passed, and stays pending until then even where
    /// something happened already: of those assigned lately, only what happens soon would be known. The money of several
    /// events of one account is added up.
    ///
    /// # Errors
    /// Assignments without a day.
    pub fn join_events(&self, events: &[Event], horizon_days: u32, until: Date) -> Result<Matured> {
        let mut of_account: HashMap<&str, Vec<&Event>> = HashMap::new();
        events.iter().for_each(|event| of_account.entry(&event.id).or_default().push(event));
        let mut known = Vec::new();
        for (at, assignment) in self.assignments.iter().enumerate() {
            let Some(day) = assignment.day else {
                let id = &assignment.id;
                let problem =
                    format!("the assignment of account `{id}` has no day; join outcomes, not events");
                return Err(ErrorKind::Records(problem).into());
            };
            let end = day.saturating_add(i64::from(horizon_days).days());
            if end <= until {
                let own = of_account.get(assignment.id.as_str()).into_iter().flatten();
                known.push((at, came(own.filter(|event| day <= event.day && event.day < end))));
            }
        }
        Ok(self.matured(known))
    }

    fn matured(&self, known: Vec<(usize, Came)>) -> Matured {
        let some = known.iter().any(|(_, came)| came.money_cents.is_some());
        let all = known.iter().all(|(_, came)| came.money_cents.is_some() || !came.happened);
        let money = || known.iter().map(|(_, came)| came.money_cents.unwrap_or(0)).collect();
        Matured {
            assignments: known.iter().map(|(at, _)| *at).collect(),
            outcomes: known.iter().map(|(_, came)| came.happened).collect(),
            money_cents: (some && all).then(money),
            n_pending: self.assignments.len() - known.len(),
        }
    }
}

/// All events of an account together.
fn came<'a>(events: impl Iterator<Item = &'a &'a Event>) -> Came {
    events.fold(Came::default(), |came, event| Came {
        happened: true,
        money_cents: match (came.happened, came.money_cents, event.money_cents) {
            (false, _, money) => money,
            (true, Some(before), Some(more)) => Some(before.saturating_add(more)),
            _ => None,
        },
    })
}

/// What is wrong with the probabilities of an assignment, and what was expected.
pub(super) fn fault(assignment: &Assignment) -> Option<(f64, &'static str)> {
    let probability = assignment.probability;
    if !(probability > 0.0 && probability <= 1.0) {
        return Some((probability, "above 0 and at most 1"));
    }
    if assignment.chances.is_empty() {
        return None;
    }
    if let Some((_, wrong)) = assignment.chances.iter().find(|(_, chance)| !(0.0..=1.0).contains(chance)) {
        return Some((*wrong, "chances from 0 to 1"));
    }
    let sum: f64 = assignment.chances.iter().map(|(_, chance)| chance).sum();
    if (sum - 1.0).abs() > 1e-6 {
        return Some((sum, "chances that sum to 1"));
    }
    let own = assignment.chances.iter().find(|(what, _)| *what == assignment.assigned);
    match own {
        Some((_, chance)) if (chance - probability).abs() <= 1e-6 => None,
        _ => Some((probability, "the chance of what was assigned")),
    }
}

fn twice(column: &str, id: &str, first: usize, second: usize, hint: &'static str) -> Error {
    let (column, id) = (column.to_owned(), id.to_owned());
    ErrorKind::DuplicateId { column, id, first: first + 1, second: second + 1, hint }.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::tests::Book;
    use crate::action::{Action, Capacity, Change, Effect, Goal, Playbook};
    use crate::metric::Estimate;

    fn plan(n: usize) -> Plan {
        let effect = Effect::assumed_on_churn(Change::relative(0.2), "a guess");
        let playbook =
            Playbook::new("test", vec![Action::new("call", "Call", Goal::Retain, effect).cost(10.0)]);
        playbook.plan_accounts(&Book::many(n).accounts(), &Capacity::new()).unwrap()
    }

    #[test]
    fn a_share_is_kept_out_with_its_probability_whoever_else_is_there() {
        let log = plan(4_000).assign(0.2, 3).unwrap();
        let planned: Vec<&Assignment> = log.assignments().iter().filter(|a| a.planned.is_some()).collect();
        let out = planned.iter().filter(|a| a.assigned.is_none()).count() as f64 / planned.len() as f64;
        assert!(planned.len() > 1_000 && (out - 0.2).abs() < 0.04, "{out}");
        for assignment in log.assignments() {
            let expected = match (&assignment.planned, &assignment.assigned) {
                (None, None) => 1.0,
                (Some(_), None) => 0.2,
                (planned, assigned) if planned == assigned => 0.8,
                _ => panic!("{assignment:?}"),
            };
            assert_eq!(assignment.probability, expected);
        }
        let fewer = plan(50).assign(0.2, 3).unwrap();
        assert_eq!(fewer.assignments(), &log.assignments()[..50]);
        assert_ne!(log, plan(4_000).assign(0.2, 4).unwrap());
        assert!(plan(10).assign(0.0, 1).unwrap().assignments().iter().all(|a| a.planned == a.assigned));
    }

    #[test]
    fn outcomes_are_joined_and_those_unknown_stay_pending() {
        let log = plan(3_000).assign(0.3, 5).unwrap();
        // One in four of those acted on leaves, one in two of those kept out; every tenth is not known.
        let left = |(at, a): (usize, &Assignment)| at % if a.assigned.is_some() { 4 } else { 2 } == 0;
        let outcomes: Vec<Option<bool>> = log
            .assignments()
            .iter()
            .enumerate()
            .map(|(at, assignment)| (at % 10 != 9).then(|| left((at / 10, assignment))))
            .collect();
        let ids = log.assignments().iter().map(|assignment| assignment.id.as_str());
        let matured = log.join(ids.zip(outcomes)).unwrap();
        assert_eq!((matured.n_pending, matured.assignments.len()), (300, 2_700));
        let Estimate { value, low, high, .. } = log.intention_to_treat(&matured).unwrap();
        assert!(low < -0.25 && -0.25 < high && high < 0.0, "{value}");
    }

    #[test]
    fn events_mature_once_their_horizon_has_passed() {
        let day = jiff::civil::date(2026, 1, 1);
        let assignment =
            |id: &str, day: Date| Assignment::new(id.into(), Some(day), None, None, vec![(None, 1.0)]);
        let later = jiff::civil::date(2026, 3, 1);
        let of = [("A", day), ("B", day), ("C", later), ("D", day)].map(|(id, day)| assignment(id, day));
        let log = AssignmentLog::new(of.to_vec()).unwrap();
        let event = |id: &str, month: i8, on: i8, money: i64| Event {
            id: id.into(),
            day: jiff::civil::date(2026, month, on),
            money_cents: Some(money),
        };
        let events =
            [event("A", 2, 1, 500), event("A", 3, 1, 200), event("B", 4, 1, 900), event("C", 3, 2, 100)];
        let matured = log.join_events(&events, 90, jiff::civil::date(2026, 4, 1)).unwrap();
        // B's event comes on the day on which its horizon has passed; C's horizon has not.
        assert_eq!((matured.assignments, matured.n_pending), (vec![0, 1, 3], 1));
        assert_eq!(matured.outcomes, [true, false, false]);
        assert_eq!(matured.money_cents, Some(vec![700, 0, 0]));
    }

    #[test]
    fn bad_input_is_named() {
        let log = plan(20).assign(0.1, 1).unwrap();
        let join =
            |outcomes: &[(&str, Option<bool>)]| log.join(outcomes.iter().copied()).unwrap_err().to_string();
        assert_eq!(
            join(&[("A1", None), ("B1", Some(true))]),
            "records: account `B1` (row 2) has an outcome, but no assignment"
        );
        assert_eq!(
            join(&[("A1", None), ("A1", Some(true))]),
            "account `A1` is in rows 1 and 2 of column `outcomes`; give one outcome an account"
        );
        assert_eq!(
            plan(5).assign(0.7, 0).unwrap_err().to_string(),
            "`kept_out` is 0.7, expected a share from 0 to 0.5"
        );
        let assignment = |probability: f64, chances: &[(Option<&str>, f64)]| {
            let chances = chances.iter().map(|(what, p)| (what.map(str::to_owned), *p)).collect();
            let (id, planned) = ("A".to_owned(), Some("call".to_owned()));
            let assigned = planned.clone();
            AssignmentLog::new(vec![Assignment {
                id,
                day: None,
                planned,
                assigned,
                probability,
                chances,
                done: None,
            }])
        };
        let refused = |probability, chances: &[_]| assignment(probability, chances).unwrap_err().to_string();
        assert_eq!(
            refused(0.0, &[]),
            "probabilities of assignments, row 1: found 0, expected above 0 and at most 1"
        );
        assert_eq!(
            refused(1.5, &[]),
            "probabilities of assignments, row 1: found 1.5, expected above 0 and at most 1"
        );
        assert!(
            refused(0.5, &[(Some("call"), 0.5), (None, 0.4)]).ends_with("expected chances that sum to 1")
        );
        assert!(refused(0.5, &[(None, 1.0)]).ends_with("expected the chance of what was assigned"));
        assert!(assignment(0.5, &[(Some("call"), 0.5), (None, 0.5)]).is_ok());
        let few = log.intention_to_treat(&Matured::default()).unwrap_err().to_string();
        assert_eq!(
            few,
            "the log cannot answer: known outcomes of accounts that were assigned an action: found 0, expected at \
             least 30"
        );
    }
}
