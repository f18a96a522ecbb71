//! Models side by side on a user's own accounts: keepwell's, the linfa baselines and the base rate, on the same splits.
//!
//! By folds, the accounts of a fold are left out with all their rows; by time, a model learns from what was known by a
//! date and is asked about what came after. Every model sees the same splits, so differences are paired.

mod contender;
mod result;
mod split;

use std::collections::HashMap;
use std::time::Instant;

use jiff::civil::Date;

pub use contender::{BaseRate, TrainingRows};
pub use result::{Compared, Comparison, Failure, Measure};

use contender::Contender;
use split::Splits;

use super::Classifier;
use super::training::{check_training, with_threads};
use crate::error::{ErrorKind, Result};
use crate::frame::split::TimeSplit;
use crate::frame::{Frame, Table};

/// How models are compared. Make it with [`Comparison::params`].
pub struct CompareParams {
    n_folds: usize,
    n_repeats: usize,
    cuts: Vec<TimeSplit>,
    random_state: u64,
    n_jobs: Option<usize>,
    contenders: Vec<Contender>,
}

impl Default for CompareParams {
    fn default() -> Self {
        CompareParams {
            n_folds: 5,
            n_repeats: 3,
            cuts: Vec::new(),
            random_state: 0,
            n_jobs: None,
            contenders: contender::defaults(),
        }
    }
}

impl CompareParams {
    /// Folds of a repeat: 2 to 100. Default 5.
    pub fn n_folds(mut self, n_folds: usize) -> Self {
        self.n_folds = n_folds;
        self
    }

    /// How many times the folds are drawn anew: 1 to 100. Default 3.
    pub fn n_repeats(mut self, n_repeats: usize) -> Self {
        self.n_repeats = n_repeats;
        self
    }

    /// Compares by time in place of folds: each split trains on rows whose label was complete by its cut and tests on
    /// rows from the cut on. Needs the date of each row. Default: none, which is by folds.
    pub fn by_time(mut self, cuts: impl IntoIterator<Item = TimeSplit>) -> Self {
        self.cuts = cuts.into_iter().collect();
        self
    }

    /// Seed of folds, of resamples, and of the models that draw. Default 0.
    pub fn random_state(mut self, random_state: u64) -> Self {
        self.random_state = random_state;
        self
    }

    /// Threads of each training, at least 1; `None` takes rayon's current pool. Default `None`.
    pub fn n_jobs(mut self, n_jobs: impl Into<Option<usize>>) -> Self {
        self.n_jobs = n_jobs.into();
        self
    }

    /// Compares one more model, under a name of its own.
    ///
    /// ```
    /// use keepwell::model::{Comparison, GradientTreesClassifier};
    ///
    /// let params = Comparison::params().model("400 small trees", |rows| {
    ///     let trees = GradientTreesClassifier::params().n_estimators(400).max_leaf_nodes(8).learning_rate(0.03);
    ///     Ok(Box::new(trees.fit(rows.table, rows.y, None)?))
    /// });
    /// ```
    pub fn model(
        mut self,
        name: impl Into<String>,
        fit: impl Fn(&TrainingRows<'_>) -> Result<Box<dyn Classifier>> + Send + Sync + 'static,
    ) -> Self {
        self.contenders.push(Contender { name: name.into(), fit: Box::new(fit) });
        self
    }

    /// Compares only the models of these names, of those that are there by default or were added.
    ///
    /// There by default: "blend", "gradient trees", "logistic", "linfa logistic", "linfa tree", "base rate".
    pub fn only(mut self, names: &[&str]) -> Self {
        self.contenders.retain(|contender| names.contains(&contender.name.as_str()));
        self
    }

    /// Compares on the accounts of a frame whose churn is known. See [`table`](Self::table).
    ///
    /// # Errors
    /// A frame without a churn label; what [`table`](Self::table) refuses.
    pub fn churn(&self, past: &Frame) -> Result<Comparison> {
        self.label(past, past.churn(), past.schema().labels.churn.as_deref(), "churn")
    }

    /// Compares on the accounts of a frame whose expansion is known. See [`table`](Self::table).
    ///
    /// # Errors
    /// A frame without an expansion label; what [`table`](Self::table) refuses.
    pub fn expansion(&self, past: &Frame) -> Result<Comparison> {
        self.label(past, past.expansion(), past.schema().labels.expansion.as_deref(), "expansion")
    }

    fn label(
        &self,
        past: &Frame,
        values: Option<&[Option<bool>]>,
        column: Option<&str>,
        outcome: &str,
    ) -> Result<Comparison> {
        let values = values.ok_or_else(|| {
            let named = match column {
                Some(column) => format!("the table has no column `{column}`; add it"),
                None => format!("the schema names no {outcome} label; name one under `labels`"),
            };
            ErrorKind::NoLabel { hint: named }
        })?;
        let known: Vec<usize> = (0..values.len()).filter(|&row| values[row].is_some()).collect();
        let y: Vec<bool> = known.iter().filter_map(|&row| values[row]).collect();
        let ids: Vec<String> = known.iter().map(|&row| past.ids()[row].clone()).collect();
        let as_of: Option<Vec<Date>> =
            past.as_of().map(|dates| known.iter().map(|&row| dates[row]).collect());
        self.table(&past.signals().take(&known), &y, Some(&ids), as_of.as_deref())
    }

    /// Compares on a table of `n` rows and their labels; `accounts` names the account of each row where accounts have
    /// several, `as_of` the date of each row where the split is by time.
    ///
    /// A model that refuses the rows of a split is left out of the comparison and said to have failed.
    ///
    /// # Errors
    /// A setting outside its range, two models of one name, lengths that differ, no rows, one class only (also within a
    /// side of a split), a class with fewer rows or accounts than folds, a split by time without dates, and where no
    /// model could be fitted the refusal of the first.
    pub fn table(
        &self,
        table: &Table,
        y: &[bool],
        accounts: Option<&[String]>,
        as_of: Option<&[Date]>,
    ) -> Result<Comparison> {
        self.check()?;
        check_training(table, y, None)?;
        for (what, found) in [
            ("number of accounts, one a row", accounts.map(<[_]>::len)),
            ("number of dates, one a row", as_of.map(<[_]>::len)),
        ] {
            if let Some(found) = found.filter(|&found| found != y.len()) {
                return Err(ErrorKind::Shape { what: what.into(), found, expected: y.len() }.into());
            }
        }
        let account_of_row = accounts.map_or_else(|| (0..y.len()).collect(), numbered);
        let splits = match (self.cuts.is_empty(), as_of) {
            (true, _) => Splits::by_folds(y, accounts, self.n_folds, self.n_repeats, self.random_state)?,
            (false, Some(as_of)) => Splits::by_time(&self.cuts, as_of, y)?,
            (false, None) => return Err(no_dates()),
        };
        with_threads(self.n_jobs, |_| self.compare(&Data { table, y, accounts, account_of_row }, &splits))
    }

    fn compare(&self, data: &Data<'_>, splits: &Splits) -> Result<Comparison> {
        let (mut tried, mut failed) = (Vec::new(), Vec::new());
        let mut first_error = None;
        for contender in &self.contenders {
            match self.try_on(contender, data, splits) {
                Ok(outcomes) => tried.push((contender.name.clone(), outcomes)),
                Err(error) => {
                    failed.push(Failure { name: contender.name.clone(), problem: error.to_string() });
                    first_error.get_or_insert(error);
                }
            }
        }
        match first_error {
            Some(error) if tried.is_empty() => Err(error),
            _ => Comparison::of(data, splits, tried, failed, self.random_state),
        }
    }

    /// Fits a model on the train side of every split and scores the test side.
    fn try_on(&self, contender: &Contender, data: &Data<'_>, splits: &Splits) -> Result<Vec<Told>> {
        let on = |split: &split::Split| {
            let (table, y) = (data.table.take(&split.train), split.labels(&split.train, data.y));
            let accounts =
                data.accounts.map(|ids| split.train.iter().map(|&row| ids[row].clone()).collect::<Vec<_>>());
            let rows = TrainingRows {
                table: &table,
                y: &y,
                accounts: accounts.as_deref(),
                random_state: self.random_state,
            };
            let asked = data.table.take(&split.test);
            let start = Instant::now();
            let model = (contender.fit)(&rows)?;
            let fit_seconds = start.elapsed().as_secs_f64();
            let start = Instant::now();
            let p = model.predict_proba(&asked)?;
            Ok(Told { p, fit_seconds, score_seconds: start.elapsed().as_secs_f64() })
        };
        splits.all.iter().map(on).collect()
    }

    fn check(&self) -> Result<()> {
        let refuse =
            |name, value: String, expected| Err(ErrorKind::Parameter { name, value, expected }.into());
        let names: Vec<&str> = self.contenders.iter().map(|contender| contender.name.as_str()).collect();
        let twice = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name));
        match self {
            _ if !(2..=100).contains(&self.n_folds) => {
                refuse("n_folds", self.n_folds.to_string(), "2 to 100")
            }
            _ if !(1..=100).contains(&self.n_repeats) => {
                refuse("n_repeats", self.n_repeats.to_string(), "1 to 100")
            }
            _ if self.n_jobs == Some(0) => {
                refuse("n_jobs", "0".into(), "at least 1, or none for all threads")
            }
            _ if names.is_empty() => refuse("models", "empty".into(), "at least one model"),
            _ => match twice {
                Some((_, name)) => {
                    refuse("models", format!("`{name}` twice"), "a name of its own for each model")
                }
                None => Ok(()),
            },
        }
    }
}

fn no_dates() -> crate::Error {
    let expected = "no cuts, since the rows have no date; name one as `as_of` to compare by time";
    ErrorKind::Parameter { name: "by_time", value: "set".into(), expected }.into()
}

/// Accounts counted from 0, by row.
fn numbered(ids: &[String]) -> Vec<usize> {
    let mut numbers: HashMap<&str, usize> = HashMap::new();
    ids.iter()
        .map(|id| {
            let next = numbers.len();
            *numbers.entry(id).or_insert(next)
        })
        .collect()
}

/// The rows that are compared on.
struct Data<'a> {
    table: &'a Table,
    y: &'a [bool],
    accounts: Option<&'a [String]>,
    account_of_row: Vec<usize>,
}

impl Data<'_> {
    fn n_accounts(&self) -> usize {
        self.account_of_row.iter().max().map_or(0, |last| last + 1)
    }
}

/// What a model said of the test side of a split, and how long it took.
struct Told {
    p: Vec<f64>,
    fit_seconds: f64,
    score_seconds: f64,
}

#[cfg(test)]
mod tests;
