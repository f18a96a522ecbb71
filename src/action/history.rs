//! What was done for accounts before: what cool-downs and eligibility over history look at.

use std::collections::HashMap;

use jiff::civil::Date;

use super::assignment::AssignmentLog;
use crate::error::{ErrorKind, Result};

/// What was done for accounts before a plan, each time with its day.
///
/// Accounts that are not in the plan and actions that are not in the playbook may stand in it: they are passed over.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    of_account: HashMap<String, Vec<(String, Date)>>,
}

impl History {
    /// Nothing was done yet.
    pub fn new() -> Self {
        History::default()
    }

    /// An action that was done for an account on a day.
    pub fn done(mut self, account: impl Into<String>, action: impl Into<String>, day: Date) -> Self {
        self.push(account, action, day);
        self
    }

    fn push(&mut self, account: impl Into<String>, action: impl Into<String>, day: Date) {
        self.of_account.entry(account.into()).or_default().push((action.into(), day));
    }

    /// Adds the dated assignments of a log: what was done where that is known, else what was assigned.
    pub fn with_log(mut self, log: &AssignmentLog) -> Self {
        for assignment in log.assignments() {
            let done = assignment.done.as_ref().unwrap_or(&assignment.assigned);
            if let (Some(action), Some(day)) = (done, assignment.day) {
                // Several at once stand in a log joined by `+`.
                action.split('+').for_each(|action| self.push(&assignment.id, action, day));
            }
        }
        self
    }

    /// What was done for these accounts of these actions until a day.
    pub(super) fn until(&self, day: Date, ids: &[String], actions: &[&str]) -> Result<DoneBefore> {
        let n = ids.len();
        let mut done =
            DoneBefore { n, last: vec![None; n * actions.len()], times: vec![0; n * actions.len()] };
        for (row, id) in ids.iter().enumerate() {
            for (action, on) in self.of_account.get(id).into_iter().flatten() {
                if *on > day {
                    let text = format!(
                        "history: `{action}` was done for account `{id}` on {on}, after the day of the plan, {day}"
                    );
                    return Err(ErrorKind::Records(text).into());
                }
                if let Some(at) = actions.iter().position(|name| name == action) {
                    done.note(at * n + row, (day - *on).get_days().max(0) as u32);
                }
            }
        }
        Ok(done)
    }
}

/// For `n` accounts, when and how often each action was done.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct DoneBefore {
    n: usize,
    /// Days since, action by action.
    last: Vec<Option<u32>>,
    times: Vec<u32>,
}

impl DoneBefore {
    fn note(&mut self, at: usize, days: u32) {
        self.last[at] = Some(self.last[at].map_or(days, |before| before.min(days)));
        self.times[at] += 1;
    }

    /// Days since an action was last done; `None` where it never was.
    pub fn days_since(&self, action: usize, row: usize) -> Option<u32> {
        self.last[action * self.n + row]
    }

    /// How often an action was done.
    pub fn times(&self, action: usize, row: usize) -> u32 {
        self.times[action * self.n + row]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn the_last_day_and_the_number_of_times_are_kept() {
        let history = History::new()
            .done("A", "call", date(2026, 5, 1))
            .done("A", "call", date(2026, 3, 1))
            .done("A", "retired", date(2026, 5, 1))
            .done("Z", "call", date(2026, 5, 1));
        let ids = ["A".to_owned(), "B".to_owned()];
        let done = history.until(date(2026, 5, 11), &ids, &["visit", "call"]).unwrap();
        assert_eq!((done.days_since(1, 0), done.times(1, 0)), (Some(10), 2));
        assert_eq!((done.days_since(0, 0), done.days_since(1, 1), done.times(1, 1)), (None, None, 0));
        let late = history.until(date(2026, 4, 1), &ids, &["call"]).unwrap_err().to_string();
        assert_eq!(
            late,
            "records: history: `call` was done for account `A` on 2026-05-01, after the day of the plan, 2026-04-01"
        );
    }
}
