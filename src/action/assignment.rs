//! What was really assigned, with what probability, and what came of it: the log that effects are learned from.
//!
//! A plan that always does what it thinks best leaves nothing to learn from. So a share of its recommendations is kept
//! out at random: those accounts get nothing, use no capacity, and show what would have come anyway.

use std::collections::HashMap;
use std::io::{Read, Write};

use super::plan::Plan;
use crate::error::{Error, ErrorKind, Result};
use crate::metric::{Estimate, FEWEST_MATCHES};

const COLUMNS: [&str; 4] = ["account_id", "planned", "assigned", "probability"];

/// What was decided for one account.
#[derive(Clone, Debug, PartialEq)]
pub struct Assignment {
    /// The account's id.
    pub id: String,
    /// The action that the plan recommended; `None` for nothing.
    pub planned: Option<String>,
    /// The action that was assigned: the planned one, or `None` for nothing.
    pub assigned: Option<String>,
    /// Probability with which just that was assigned: above 0, at most 1.
    pub probability: f64,
}

/// The assignments of one plan, each account once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AssignmentLog {
    assignments: Vec<Assignment>,
}

/// Assignments whose outcome is known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matured {
    /// Positions in [`AssignmentLog::assignments`].
    pub assignments: Vec<usize>,
    /// The outcome of each.
    pub outcomes: Vec<bool>,
    /// Assignments whose outcome is not known yet, or was not given: they count as neither.
    pub n_pending: usize,
}

impl Plan {
    /// Assigns the recommended actions, but keeps a share of them out at random.
    ///
    /// `kept_out`: 0 to 0.5; .1 is a fair start. Who is kept out depends on the account's id and on `random_state` only,
    /// not on the order of accounts nor on who else is there. Take another `random_state` for each plan, or the same
    /// accounts are kept out for ever.
    ///
    /// # Errors
    /// A share outside its range.
    pub fn assign(&self, kept_out: f64, random_state: u64) -> Result<AssignmentLog> {
        if !(0.0..=0.5).contains(&kept_out) {
            let (value, expected) = (kept_out.to_string(), "a share from 0 to 0.5");
            return Err(ErrorKind::Parameter { name: "kept_out", value, expected }.into());
        }
        let assign = |recommendation: &super::Recommendation| {
            let planned = recommendation.action.as_ref().map(|recommended| recommended.action.name.clone());
            let out = draw(&recommendation.id, random_state) < kept_out;
            let probability = match (&planned, out) {
                (None, _) => 1.0,
                (Some(_), true) => kept_out,
                (Some(_), false) => 1.0 - kept_out,
            };
            let assigned = planned.clone().filter(|_| !out);
            Assignment { id: recommendation.id.clone(), planned, assigned, probability }
        };
        Ok(AssignmentLog { assignments: self.recommendations.iter().map(assign).collect() })
    }
}

/// Evenly within [0, 1), by id and seed.
fn draw(id: &str, random_state: u64) -> f64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&random_state.to_le_bytes()).update(id.as_bytes());
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    (u64::from_le_bytes(bytes) >> 11) as f64 / (1u64 << 53) as f64
}

impl AssignmentLog {
    /// The assignments, in the plan's order.
    pub fn assignments(&self) -> &[Assignment] {
        &self.assignments
    }

    /// Writes the log as CSV: `account_id`, `planned`, `assigned` (both empty for nothing), `probability`.
    ///
    /// # Errors
    /// Whatever the writer refuses.
    pub fn write_csv(&self, writer: impl Write) -> Result<()> {
        let mut csv = csv::Writer::from_writer(writer);
        csv.write_record(COLUMNS).map_err(unwritten)?;
        for Assignment { id, planned, assigned, probability } in &self.assignments {
            let text = |action: &Option<String>| action.clone().unwrap_or_default();
            csv.write_record([id.clone(), text(planned), text(assigned), probability.to_string()])
                .map_err(unwritten)?;
        }
        csv.flush().map_err(|source| ErrorKind::Io { path: "assignment log".into(), source }.into())
    }

    /// Reads a log that was written by [`write_csv`](Self::write_csv).
    ///
    /// # Errors
    /// Other columns; a probability that is none, or 0; an account that stands twice.
    pub fn read_csv(reader: impl Read) -> Result<Self> {
        let mut csv = csv::Reader::from_reader(reader);
        let header = csv.headers().map_err(|error| fault(1, error))?.clone();
        if header.iter().ne(COLUMNS) {
            return Err(fault(1, format!("its columns are not {}", COLUMNS.join(", "))));
        }
        let mut log = AssignmentLog::default();
        for record in csv.records() {
            let record = record.map_err(|error| fault(0, error))?;
            let line = record.position().map_or(0, csv::Position::line);
            log.assignments.push(assignment(&record, line)?);
        }
        log.positions().map(|_| ()).and(Ok(log))
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

    /// Joins outcomes by account: whether it left, or grew. `None` is an outcome that is not known yet; it stays
    /// pending, and is never taken for false.
    ///
    /// # Errors
    /// An outcome for an account that was never assigned anything, or two for one.
    pub fn join<'a>(&self, outcomes: impl IntoIterator<Item = (&'a str, Option<bool>)>) -> Result<Matured> {
        let positions = self.positions()?;
        let mut of_assignment: HashMap<usize, (usize, Option<bool>)> = HashMap::new();
        for (row, (id, outcome)) in outcomes.into_iter().enumerate() {
            let Some(&at) = positions.get(id) else {
                let problem = format!("account `{id}` (row {}) has an outcome, but no assignment", row + 1);
                return Err(ErrorKind::Records(problem).into());
            };
            if let Some((first, _)) = of_assignment.insert(at, (row, outcome)) {
                return Err(twice("outcomes", id, first, row, "give one outcome an account"));
            }
        }
        let known = |at: usize| Some((at, of_assignment.get(&at)?.1?));
        let (assignments, outcomes): (Vec<usize>, Vec<bool>) =
            (0..self.assignments.len()).filter_map(known).unzip();
        let n_pending = self.assignments.len() - assignments.len();
        Ok(Matured { assignments, outcomes, n_pending })
    }

    /// By how much the plan changed the rate of the outcome among the accounts that it had an action for: those that
    /// were assigned it, done or not (intention to treat), against those kept out. 95 % interval.
    ///
    /// # Errors
    /// [`ErrorKind::TooFew`] below 30 known outcomes of either kind: then the log cannot answer.
    pub fn intention_to_treat(&self, matured: &Matured) -> Result<Estimate> {
        let rate = |kept_out: bool| {
            let is_of = |at: usize| {
                let Assignment { planned, assigned, .. } = &self.assignments[at];
                planned.is_some() && assigned.is_none() == kept_out
            };
            let rows = matured.assignments.iter().zip(&matured.outcomes).filter(|(at, _)| is_of(**at));
            let outcomes: Vec<bool> = rows.map(|(_, outcome)| *outcome).collect();
            let kind = if kept_out { "kept out of the plan" } else { "assigned an action" };
            rate(&outcomes, format!("the log cannot answer: known outcomes of accounts that were {kind}"))
        };
        let ((acted, v_acted), (kept, v_kept)) = (rate(false)?, rate(true)?);
        let (value, standard_error) = (acted - kept, (v_acted + v_kept).sqrt());
        let reach = 1.959_963_984_540_054 * standard_error;
        Ok(Estimate { value, low: value - reach, high: value + reach, standard_error })
    }
}

/// The share of true outcomes, and the variance of that.
fn rate(outcomes: &[bool], what: String) -> Result<(f64, f64)> {
    if outcomes.len() < FEWEST_MATCHES {
        return Err(ErrorKind::TooFew { what, found: outcomes.len(), needed: FEWEST_MATCHES }.into());
    }
    let n = outcomes.len() as f64;
    let rate = outcomes.iter().filter(|outcome| **outcome).count() as f64 / n;
    Ok((rate, rate * (1.0 - rate) / (n - 1.0)))
}

fn assignment(record: &csv::StringRecord, line: u64) -> Result<Assignment> {
    let text = |at: usize| record.get(at).unwrap_or_default().to_owned();
    let action = |at: usize| Some(text(at)).filter(|action| !action.is_empty());
    let (planned, assigned) = (action(1), action(2));
    let probability: f64 = text(3).parse().unwrap_or(f64::NAN);
    if !(probability > 0.0 && probability <= 1.0) {
        let problem = format!("probability is `{}`, expected above 0 and at most 1", text(3));
        return Err(fault(line, problem));
    }
    if assigned.is_some() && assigned != planned {
        return Err(fault(line, "`assigned` is neither what was planned nor empty"));
    }
    Ok(Assignment { id: text(0), planned, assigned, probability })
}

fn fault(line: u64, problem: impl ToString) -> Error {
    ErrorKind::Csv { what: "assignment log".into(), line, problem: problem.to_string() }.into()
}

fn unwritten(error: csv::Error) -> Error {
    let source = std::io::Error::other(error);
    ErrorKind::Io { path: "assignment log".into(), source }.into()
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
    fn a_log_is_read_as_it_was_written() {
        let log = plan(60).assign(0.3, 1).unwrap();
        let mut file = Vec::new();
        log.write_csv(&mut file).unwrap();
        assert!(file.starts_with(b"account_id,planned,assigned,probability\nA0,"));
        assert_eq!(AssignmentLog::read_csv(&file[..]).unwrap(), log);
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
        let read = |rows: &str| {
            let text = format!("account_id,planned,assigned,probability\n{rows}");
            AssignmentLog::read_csv(text.as_bytes()).unwrap_err().to_string()
        };
        let expected = "assignment log, line 2: probability is `0`, expected above 0 and at most 1";
        assert_eq!(read("A,call,call,0\n"), expected);
        assert_eq!(
            read("A,call,visit,0.5\n"),
            "assignment log, line 2: `assigned` is neither what was planned nor empty"
        );
        assert!(read("A,,,1\nA,,,1\n").starts_with("account `A` is in rows 1 and 2"));
        let few = log.intention_to_treat(&Matured::default()).unwrap_err().to_string();
        assert_eq!(
            few,
            "the log cannot answer: known outcomes of accounts that were assigned an action: found 0, expected at \
             least 30"
        );
    }
}
