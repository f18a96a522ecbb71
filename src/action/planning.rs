//! What a plan is made with beside scores and capacity.

use jiff::civil::Date;

use super::accounts::Accounts;
use super::history::{DoneBefore, History};
use super::learned::LearnedEffects;
use super::learned_for::LearnedOn;
use super::playbook::Playbook;
use crate::error::{ErrorKind, Result};
use crate::model::ProbabilityInterval;

/// What a plan is made with beside scores and capacity: its day, what was done before, learned effects, and how unsure
/// the scores are.
///
/// ```
/// use jiff::civil::date;
/// use keepwell::action::{History, Planning};
///
/// let history = History::new().done("A17", "csm_call", date(2026, 6, 20));
/// let planning = Planning::new().day(date(2026, 7, 1)).history(&history);
/// # let _ = planning;
/// ```
#[derive(Clone, Debug, Default)]
pub struct Planning<'a> {
    pub(super) day: Option<Date>,
    pub(super) history: Option<&'a History>,
    pub(super) learned: Vec<(LearnedOn, &'a LearnedEffects)>,
    pub(super) churn_intervals: Option<&'a [ProbabilityInterval]>,
    pub(super) expansion_intervals: Option<&'a [ProbabilityInterval]>,
}

impl<'a> Planning<'a> {
    /// Nothing beside scores and capacity.
    pub fn new() -> Self {
        Planning::default()
    }

    /// The day of the plan: cool-downs, days since and last days are counted from it. Default: the latest date at which
    /// an account was known, where the schema has dates.
    pub fn day(mut self, day: Date) -> Self {
        self.day = Some(day);
        self
    }

    /// What was done before. Default: nothing.
    pub fn history(mut self, history: &'a History) -> Self {
        self.history = Some(history);
        self
    }

    /// Learned effects in place of the playbook's own, account by account; may be called again for another outcome.
    /// [`EffectModel::effects_on`](super::EffectModel::effects_on) gives those of the scored accounts.
    ///
    /// An arm's effect is for the action of its name, and takes the place of all that the playbook expects of that
    /// action. It must be on the outcome that is scored, with its horizon; its rows are the scored accounts. Actions of
    /// which nothing was learned keep what is assumed. An effect that is larger than the score meets it where both are as
    /// likely, where the intervals of the scores are given; else it is cut to the score. Default: none.
    pub fn learned(mut self, on: LearnedOn, effects: &'a LearnedEffects) -> Self {
        self.learned.push((on, effects));
        self
    }

    /// The intervals of the accounts' churn probabilities at a level of 90 %, so that the money's intervals tell how
    /// unsure the scores are ([`HealthModel::probability_intervals`](crate::health::HealthModel::probability_intervals)).
    /// Default: the scores are taken as sure.
    pub fn churn_intervals(mut self, intervals: &'a [ProbabilityInterval]) -> Self {
        self.churn_intervals = Some(intervals);
        self
    }

    /// As [`churn_intervals`](Self::churn_intervals), of the expansion probabilities.
    pub fn expansion_intervals(mut self, intervals: &'a [ProbabilityInterval]) -> Self {
        self.expansion_intervals = Some(intervals);
        self
    }

    /// Holds lengths against the number of accounts.
    pub(super) fn check(&self, n_rows: usize) -> Result<()> {
        for (name, intervals) in [("churn", self.churn_intervals), ("expansion", self.expansion_intervals)] {
            if let Some(found) = intervals.map(<[_]>::len).filter(|found| *found != n_rows) {
                let what = format!("intervals of {name} probabilities, one an account");
                return Err(ErrorKind::Shape { what, found, expected: n_rows }.into());
            }
        }
        Ok(())
    }

    /// The day of the plan, where it is told anyhow.
    pub(super) fn day_for(&self, accounts: &Accounts<'_>, playbook: &Playbook) -> Result<Option<Date>> {
        let day = self.day.or_else(|| accounts.as_of.and_then(|dates| dates.iter().max().copied()));
        let dated = playbook.actions.iter().find(|action| action.last_day.is_some());
        let text = match (day, self.history, dated) {
            (Some(_), ..) | (None, None, None) => return Ok(day),
            (None, _, Some(action)) => format!("action `{}` has a last day", action.name),
            (None, Some(_), None) => "there is a history".to_owned(),
        };
        let text = format!("{text}, but the day of the plan is not known; give it by `day`");
        Err(ErrorKind::Playbook(text).into())
    }

    /// What was done for the accounts before.
    pub(super) fn done(
        &self,
        day: Option<Date>,
        accounts: &Accounts<'_>,
        playbook: &Playbook,
    ) -> Result<Option<DoneBefore>> {
        let until =
            |(history, day): (&History, Date)| history.until(day, accounts.ids, &playbook.action_names());
        self.history.zip(day).map(until).transpose()
    }
}
