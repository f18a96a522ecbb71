//! What a health model would have said at each past date, trained on nothing but what was known then, and how long
//! before accounts left it had them among the most at risk.

mod lead;
mod report;
#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::collections::HashMap;
use std::ops::ControlFlow;

use jiff::civil::Date;

pub use lead::Lead;
pub use report::{BackTest, TestedDate};

use super::params::HealthModelParams;
use crate::error::{Error, ErrorKind, Result};
use crate::explain::Outcome;
use crate::frame::Frame;
use crate::frame::split::{DatedSplit, GroupedFolds, WalkForward};
use crate::model::{OnProgress, Progress};
use lead::Scores;

/// How a model is back-tested. Make it with [`HealthModelParams::back_test`].
#[derive(Clone, Debug)]
pub struct BackTestParams {
    model: HealthModelParams,
    outcome: Outcome,
    walk: WalkForward,
    n_dates: Option<usize>,
    share: f64,
    lead_days: Vec<u32>,
    left_on: Option<Vec<(String, Date)>>,
    accounts_apart: Option<usize>,
}

impl HealthModelParams {
    /// A back-test of models with these settings: see [`BackTest`]. The horizon is the model's.
    pub fn back_test(&self) -> BackTestParams {
        BackTestParams {
            model: self.clone(),
            outcome: Outcome::Churn,
            walk: WalkForward::new().horizon_days(self.settings().horizon_days),
            n_dates: None,
            share: 0.1,
            lead_days: vec![30, 60, 90],
            left_on: None,
            accounts_apart: None,
        }
    }
}

/// From the rows to learn from, and those to be asked about, to a probability of each of the latter.
type Ask<'a> = &'a dyn Fn(&Frame, &Frame) -> Result<Vec<f64>>;

impl BackTestParams {
    /// Which outcome is foretold. Default: churn.
    pub fn outcome(mut self, outcome: Outcome) -> Self {
        self.outcome = outcome;
        self
    }

    /// Days between `as_of` and the start of the labels' horizon. Default: 0.
    pub fn gap_days(mut self, days: u32) -> Self {
        self.walk = self.walk.gap_days(days);
        self
    }

    /// Days after the horizon until its label is known: the labels' days of grace. Default: 0.
    pub fn delay_days(mut self, days: u32) -> Self {
        self.walk = self.walk.delay_days(days);
        self
    }

    /// The first date that is tested. Default: the first for which there is anything to train on.
    pub fn first(mut self, date: impl Into<Option<Date>>) -> Self {
        self.walk = self.walk.first(date);
        self
    }

    /// Trains on rows of so many days only, and forgets older ones. Default: `None`, all.
    pub fn window_days(mut self, days: impl Into<Option<u32>>) -> Self {
        self.walk = self.walk.window_days(days);
        self
    }

    /// Tests so many dates at most, evenly chosen; each takes a training. Range: at least 1. Default: `None`, all.
    pub fn n_dates(mut self, n_dates: impl Into<Option<usize>>) -> Self {
        self.n_dates = n_dates.into();
        self
    }

    /// The share of accounts that counts as the top, for lift and lead time. Range: above 0 and below 1. Default: 0.1.
    pub fn share(mut self, share: f64) -> Self {
        self.share = share;
        self
    }

    /// How many days before they left accounts are looked up among the top. Default: 30, 60, 90.
    pub fn lead_days(mut self, days: impl IntoIterator<Item = u32>) -> Self {
        self.lead_days = days.into_iter().collect();
        self
    }

    /// The accounts that left with the day of it, for the lead time: see [`exits`](crate::timeline::exits). Default:
    /// none, and no lead time is told.
    pub fn left_on(mut self, left: impl IntoIterator<Item = (String, Date)>) -> Self {
        self.left_on = Some(left.into_iter().collect());
        self
    }

    /// Leaves the account that is asked about out of training with all its rows, by so many folds of accounts; each takes
    /// a training. Mostly a model has seen an account at earlier dates, rightly so: this is for labels that are the same
    /// at all dates of an account, and for what is said of new ones. Range: 2 or more. Default: `None`.
    pub fn accounts_apart(mut self, n_folds: impl Into<Option<usize>>) -> Self {
        self.accounts_apart = n_folds.into();
        self
    }

    /// Walks forward over the dates of a frame.
    ///
    /// At each date a model is trained on the rows whose label was known by then, `as_of + gap + horizon + delay ≤ date`,
    /// and asked about the rows of that date. A date on which no model can be trained, or none of whose labels is known,
    /// is left out and said so.
    ///
    /// # Errors
    /// A frame without dates or label, a setting outside its range, and where no date can be tested the first problem.
    pub fn run(&self, past: &Frame) -> Result<BackTest> {
        self.run_with_progress(past, &|_| ControlFlow::Continue(()))
    }

    /// As [`run`](Self::run), calling `on_progress` now and then; its `Break` cancels it.
    ///
    /// # Errors
    /// As [`run`](Self::run), and [`ErrorKind::Cancelled`].
    pub fn run_with_progress(&self, past: &Frame, on_progress: OnProgress<'_>) -> Result<BackTest> {
        let model = self.model.clone().only(self.outcome);
        let n_trained = Cell::new(0_usize);
        let n_dates =
            past.as_of().and_then(|as_of| self.walk.split(as_of).ok()).map_or(1, |splits| splits.len());
        let n_trainings =
            self.n_dates.map_or(n_dates, |most| most.min(n_dates)) * self.accounts_apart.unwrap_or(1);
        self.run_with(past, |train, test| {
            let before = n_trained.replace(n_trained.get() + 1) as f64;
            let part = |progress: Progress| {
                let done = ((before + progress.done) / n_trainings as f64).min(1.0);
                on_progress(Progress { done, ..progress })
            };
            let told = model.fit_with_progress(train, &part)?.probabilities(test, self.outcome)?;
            told.ok_or_else(|| ErrorKind::NoLabel { hint: "the outcome was not trained".into() }.into())
        })
    }

    /// As [`run`](Self::run) for any model: `ask` learns from the rows of the first frame and gives a probability of
    /// each row of the second.
    ///
    /// # Errors
    /// As [`run`](Self::run); probabilities that are not one a row.
    pub fn run_with(
        &self,
        past: &Frame,
        ask: impl Fn(&Frame, &Frame) -> Result<Vec<f64>>,
    ) -> Result<BackTest> {
        self.check()?;
        let as_of = past.as_of().ok_or_else(no_dates)?;
        let label = self.label(past)?;
        let folds = self.folds(past, label)?;
        let (mut dates, mut left_out, mut scores) = (Vec::new(), Vec::new(), Vec::new());
        let is_known = |split: &DatedSplit| split.test.iter().any(|&row| label[row].is_some());
        let (splits, unknown): (Vec<_>, Vec<_>) = self.walk.split(as_of)?.into_iter().partition(is_known);
        left_out.extend(unknown.iter().map(|split| (split.as_of, "no label of it is known yet".to_owned())));
        let n_splits = splits.len();
        let splits = splits.into_iter().enumerate().filter(|(at, _)| self.is_chosen(*at, n_splits));
        let mut first_error = None;
        for (_, split) in splits {
            match self.at(past, label, &split, folds.as_deref(), &ask) {
                Ok((tested, told)) => {
                    dates.push(tested);
                    scores.push(told);
                }
                Err(error) if matches!(error.kind(), ErrorKind::Cancelled) => return Err(error),
                Err(error) => {
                    left_out.push((split.as_of, error.to_string()));
                    first_error.get_or_insert(error);
                }
            }
        }
        left_out.sort();
        if dates.is_empty() {
            return Err(first_error.unwrap_or_else(nothing_known));
        }
        let leads =
            self.left_on.as_deref().map(|left| lead::of(&scores, left, &self.lead_days, self.horizon()));
        Ok(BackTest { outcome: self.outcome, share: self.share, dates, leads, left_out })
    }

    fn horizon(&self) -> u32 {
        self.model.settings().horizon_days
    }

    fn check(&self) -> Result<()> {
        let refuse =
            |name, value: String, expected| Err(ErrorKind::Parameter { name, value, expected }.into());
        if !(self.share > 0.0 && self.share < 1.0) {
            return refuse("share", self.share.to_string(), "above 0 and below 1");
        }
        if self.n_dates == Some(0) {
            return refuse("n_dates", "0".into(), "at least 1, or none for all dates");
        }
        Ok(())
    }

    fn label<'a>(&self, past: &'a Frame) -> Result<&'a [Option<bool>]> {
        let (label, outcome) = match self.outcome {
            Outcome::Churn => (past.churn(), "churn"),
            Outcome::Expansion => (past.expansion(), "expansion"),
        };
        label.ok_or_else(|| {
            let hint = format!(
                "the table has no {outcome} label; name one under `labels` of the schema, and add it"
            );
            ErrorKind::NoLabel { hint }.into()
        })
    }

    /// The fold of each row, all of an account in one; `None` where accounts may be on both sides.
    fn folds(&self, past: &Frame, label: &[Option<bool>]) -> Result<Option<Vec<usize>>> {
        let Some(n_folds) = self.accounts_apart else { return Ok(None) };
        let labels: Vec<bool> = label.iter().map(|label| label.unwrap_or(false)).collect();
        let folds = GroupedFolds::new(n_folds, self.model.settings().random_state);
        folds.fold_of_rows(past.ids(), &labels).map(Some)
    }

    /// Whether the split is among the evenly chosen ones; the last always is.
    fn is_chosen(&self, at: usize, n_splits: usize) -> bool {
        let Some(n_dates) = self.n_dates else { return true };
        n_dates >= n_splits || (at + 1) * n_dates / n_splits > at * n_dates / n_splits
    }

    fn at(
        &self,
        past: &Frame,
        label: &[Option<bool>],
        split: &DatedSplit,
        folds: Option<&[usize]>,
        ask: Ask<'_>,
    ) -> Result<(TestedDate, Scores)> {
        let p = match folds {
            None => asked(past, &split.train, &split.test, ask)?,
            Some(folds) => apart(past, split, folds, ask)?,
        };
        let known: Vec<usize> = (0..p.len()).filter(|&at| label[split.test[at]].is_some()).collect();
        let y: Vec<bool> = known.iter().filter_map(|&at| label[split.test[at]]).collect();
        let said: Vec<f64> = known.iter().map(|&at| p[at]).collect();
        let n_train = split.train.iter().filter(|&&row| label[row].is_some()).count();
        let tested = TestedDate::of(split.as_of, n_train, p.len(), &y, &said, self.share)?;
        let ids = split.test.iter().map(|&row| past.ids()[row].as_str());
        Ok((tested, Scores::of(split.as_of, ids, &p, self.share)))
    }
}

fn asked(past: &Frame, train: &[usize], test: &[usize], ask: Ask<'_>) -> Result<Vec<f64>> {
    let p = ask(&past.take(train), &past.take(test))?;
    if p.len() != test.len() {
        let what = "probabilities of the back-tested model".to_owned();
        return Err(ErrorKind::Shape { what, found: p.len(), expected: test.len() }.into());
    }
    Ok(p)
}

/// Each account is asked about by a model that never saw it.
fn apart(past: &Frame, split: &DatedSplit, folds: &[usize], ask: Ask<'_>) -> Result<Vec<f64>> {
    let mut of_row: HashMap<usize, f64> = HashMap::new();
    let n_folds = folds.iter().max().map_or(0, |last| last + 1);
    for fold in 0..n_folds {
        let test: Vec<usize> = split.test.iter().filter(|row| folds[**row] == fold).copied().collect();
        let train: Vec<usize> = split.train.iter().filter(|row| folds[**row] != fold).copied().collect();
        if !test.is_empty() {
            of_row.extend(test.iter().copied().zip(asked(past, &train, &test, ask)?));
        }
    }
    Ok(split.test.iter().filter_map(|row| of_row.get(row).copied()).collect())
}

fn no_dates() -> Error {
    let hint = "a back-test needs the date of each row: name its column as `as_of` in the schema".to_owned();
    ErrorKind::Schema(hint).into()
}

fn nothing_known() -> Error {
    let (what, hint) = ("the back-test".to_owned(), "no date that can be tested has a known label");
    ErrorKind::NoRows { what, hint }.into()
}
