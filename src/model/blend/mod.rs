//! The blend: logistic regressions and gradient trees, weighed on what they said of rows they had not seen, calibrated.
//!
//! ```text
//! table ─┬─ logistic, straight lines ──┐
//!        ├─ logistic, piecewise lines ─┼─ out-of-fold log-odds ─ weights ≥ 0 ─ beta calibration
//!        └─ kinds of trees, a fold each┘
//! ```
//!
//! A member whose weight is 0 is left out of the fitted model. Contributions are those of the members by weight,
//! carried through the calibration, so they stay exact.

mod effort;
mod fit;
mod part;
mod scarcity;
#[cfg(test)]
mod tests;

pub use effort::Effort;
pub(crate) use fit::OutOfFold;
pub use part::BlendPart;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use linfa::ParamGuard;
use serde::{Deserialize, Serialize};

use effort::{TREE_KINDS, TreeKind};

use super::interval::{ProbabilityInterval, RateInterval, Uncertainty, check_level};
use super::logistic::Scorer;
use super::{
    BetaCalibration, Classifier, Contributions, EncodedColumn, Features, InteractionValues, ModelFile,
    OnProgress,
};
use crate::error::{ErrorKind, Result};
use crate::frame::{Table, TableView};
use crate::tree::{ColumnView, Forest};

/// Parameters of a [`BlendClassifier`]. The defaults are meant to be used.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BlendParams(ValidBlendParams);

/// [`BlendParams`] that were checked.
#[derive(Clone, Debug, PartialEq)]
pub struct ValidBlendParams {
    n_folds: usize,
    effort: Effort,
    leave_out: BTreeSet<BlendPart>,
    monotonic: BTreeMap<String, i8>,
    random_state: u64,
    n_jobs: Option<usize>,
}

impl Default for ValidBlendParams {
    fn default() -> Self {
        ValidBlendParams {
            n_folds: 5,
            effort: Effort::Balanced,
            leave_out: BTreeSet::new(),
            monotonic: BTreeMap::new(),
            random_state: 0,
            n_jobs: None,
        }
    }
}

const LEAVES_NOTHING: &str = "one of `logistic`, `piecewise logistic` and `gradient trees` to stay";

impl ValidBlendParams {
    /// Whether a part is tried.
    fn tries(&self, part: BlendPart) -> bool {
        !self.leave_out.contains(&part) && self.effort.has_time_for(part)
    }

    fn tree_kinds(&self) -> Vec<TreeKind> {
        TREE_KINDS.into_iter().filter(|kind| self.tries(kind.part)).collect()
    }
}

impl BlendParams {
    /// Folds on which members are weighed and calibrated, and for each of which one forest is grown: 2 to 20.
    /// Default 5. Fewer are used where a class has fewer rows than that.
    pub fn n_folds(mut self, n_folds: usize) -> Self {
        self.0.n_folds = n_folds;
        self
    }

    /// How much time training may take. Default [`Effort::Balanced`].
    pub fn effort(mut self, effort: Effort) -> Self {
        self.0.effort = effort;
        self
    }

    /// Parts that are not to be tried: to see what one is worth, or to have trees or lines alone. At least one of
    /// the logistic members and the gradient trees has to stay. Default none.
    pub fn leave_out(mut self, parts: impl IntoIterator<Item = BlendPart>) -> Self {
        self.0.leave_out = parts.into_iter().collect();
        self
    }

    /// Columns of numbers by which the score may only rise (1) or fall (-1), by name. Default: none.
    ///
    /// It holds for the whole blend: every member is held to it, weights are not negative, calibration is monotone.
    pub fn monotonic(mut self, directions: impl IntoIterator<Item = (impl Into<String>, i8)>) -> Self {
        self.0.monotonic = directions.into_iter().map(|(name, sign)| (name.into(), sign)).collect();
        self
    }

    /// Seed of the folds. Default 0. The same seed gives the same model at any number of threads.
    pub fn random_state(mut self, random_state: u64) -> Self {
        self.0.random_state = random_state;
        self
    }

    /// Threads to train with, at least 1; `None` takes rayon's current pool. Default `None`.
    pub fn n_jobs(mut self, n_jobs: impl Into<Option<usize>>) -> Self {
        self.0.n_jobs = n_jobs.into();
        self
    }

    /// Fits to a table of `n` rows, their labels and, if given, their weights.
    ///
    /// # Errors
    /// A parameter outside its range, lengths that differ, no rows, one class only, a weight that is negative or not
    /// finite, an infinite number.
    pub fn fit<'a>(
        &self,
        table: impl Into<TableView<'a>>,
        y: &[bool],
        weights: Option<&[f64]>,
    ) -> Result<BlendClassifier> {
        self.fit_with_progress(table, y, weights, &|_| ControlFlow::Continue(()))
    }

    /// As [`fit`](Self::fit), calling `on_progress` now and then; its `Break` cancels the training.
    ///
    /// # Errors
    /// As [`fit`](Self::fit), and [`ErrorKind::Cancelled`].
    pub fn fit_with_progress<'a>(
        &self,
        table: impl Into<TableView<'a>>,
        y: &[bool],
        weights: Option<&[f64]>,
        on_progress: OnProgress<'_>,
    ) -> Result<BlendClassifier> {
        fit::fit(self.check_ref()?, &table.into(), y, weights, on_progress)
    }

    /// As [`fit`](Self::fit), for rows of groups that belong together, such as the accounts of a table that has several
    /// dates of each: a fold leaves out whole groups, and intervals are as wide as so many groups make them. `groups`
    /// names the group of each row.
    ///
    /// # Errors
    /// As [`fit`](Self::fit).
    pub fn fit_groups<'a>(
        &self,
        table: impl Into<TableView<'a>>,
        y: &[bool],
        weights: Option<&[f64]>,
        groups: &[String],
    ) -> Result<BlendClassifier> {
        self.fit_groups_with_progress(table, y, weights, groups, &|_| ControlFlow::Continue(()))
    }

    /// As [`fit_groups`](Self::fit_groups), with progress as [`fit_with_progress`](Self::fit_with_progress).
    ///
    /// # Errors
    /// As [`fit_with_progress`](Self::fit_with_progress).
    pub fn fit_groups_with_progress<'a>(
        &self,
        table: impl Into<TableView<'a>>,
        y: &[bool],
        weights: Option<&[f64]>,
        groups: &[String],
        on_progress: OnProgress<'_>,
    ) -> Result<BlendClassifier> {
        fit::fit_groups(self.check_ref()?, &table.into(), y, weights, groups, on_progress)
    }

    /// The fitted blend, and its calibrated log-odds of every training row from members that had seen no row of the
    /// same account: a fold leaves out whole accounts, whose ids are given one a row.
    pub(crate) fn fit_accounts(
        &self,
        table: &Table,
        y: &[bool],
        ids: &[String],
        on_progress: OnProgress<'_>,
    ) -> Result<(BlendClassifier, OutOfFold)> {
        fit::fit_accounts(self.check_ref()?, &table.into(), y, ids, on_progress)
    }
}

impl ParamGuard for BlendParams {
    type Checked = ValidBlendParams;
    type Error = crate::Error;

    fn check_ref(&self) -> Result<&ValidBlendParams> {
        let refuse =
            |name, value: String, expected| Err(ErrorKind::Parameter { name, value, expected }.into());
        let params = &self.0;
        if !(2..=20).contains(&params.n_folds) {
            return refuse("n_folds", params.n_folds.to_string(), "2 to 20");
        }
        if BlendPart::ALL.iter().filter(|part| part.is_basic()).all(|part| !params.tries(*part)) {
            let names: Vec<&str> = params.leave_out.iter().map(|part| part.name()).collect();
            return refuse("leave_out", format!("`{}`", names.join("`, `")), LEAVES_NOTHING);
        }
        if params.n_jobs == Some(0) {
            return refuse("n_jobs", "0".into(), "at least 1, or none for all threads");
        }
        match params.monotonic.iter().find(|(_, sign)| !(-1..=1).contains(*sign)) {
            Some((name, sign)) => refuse("monotonic", format!("{sign} for `{name}`"), "-1, 0 or 1"),
            None => Ok(params),
        }
    }

    fn check(self) -> Result<ValidBlendParams> {
        self.check_ref()?;
        Ok(self.0)
    }
}

/// A fitted blend.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BlendClassifier {
    features: Features,
    /// The logistic members that help, with their weights.
    linear: Vec<(f64, Scorer)>,
    /// The trees of all folds, multiplied by their weight over the number of folds.
    forest: Option<Forest>,
    calibration: BetaCalibration,
    /// `None` where nothing could be left out.
    uncertainty: Option<Uncertainty>,
    members: Vec<Member>,
    warnings: Vec<String>,
}

/// What became of one member of a blend.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// Of the [`BlendPart`].
    pub name: String,
    /// Its weight on the log-odds; 0 where it did not help and was left out.
    pub weight: f64,
    /// Its mean log loss on rows that it had not seen, before weighing and calibration.
    pub log_loss: f64,
}

impl ModelFile for BlendClassifier {
    const KIND: &'static str = "blend";
}

impl BlendClassifier {
    /// Default parameters.
    pub fn params() -> BlendParams {
        BlendParams::default()
    }

    /// The members that were tried, with weight and log loss.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// What whoever relies on the scores should know of the rows it learned from, a sentence each: that there are few
    /// of a class, or none that could be left out; that a column seems to know the label ([`leaks`](crate::frame::leaks),
    /// on at most some 200,000 rows; the label is called `y`). Empty where there is nothing to say.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Number of trees over all folds.
    pub fn n_trees(&self) -> usize {
        self.forest.as_ref().map_or(0, |forest| forest.trees().len())
    }

    /// The interval of each row's probability, `n` long: where the rate among rows of that score lies with probability
    /// `level`, such as 0.9. Probability and both ends rise together.
    ///
    /// It says how much the calibration was learned from, not how well the members tell rows apart: see
    /// [`ProbabilityInterval`]. Where nothing could be left out, since a class has one row, it is 0 to 1.
    ///
    /// # Errors
    /// A level that is not above 0 and below 1, and what [`predict_proba`](Classifier::predict_proba) refuses.
    pub fn probability_intervals<'a>(
        &self,
        table: impl Into<TableView<'a>>,
        level: f64,
    ) -> Result<Vec<ProbabilityInterval>> {
        let table = &table.into();
        check_level(level)?;
        let columns = self.features.encode(table)?;
        let Some(uncertainty) = &self.uncertainty else {
            return Ok(vec![ProbabilityInterval::UNKNOWN; table.n_rows()]);
        };
        let ends = uncertainty.at_level(self.calibration, level)?;
        Ok(self.raw(&columns, table.n_rows()).into_iter().map(|raw| ends.at(raw)).collect())
    }

    /// The rate that a group of rows will come to, and its interval: [`RateInterval::of`].
    ///
    /// # Errors
    /// As [`probability_intervals`](Self::probability_intervals), and no rows.
    pub fn rate_interval(&self, table: &Table, level: f64) -> Result<RateInterval> {
        let intervals = self.probability_intervals(table, level)?;
        RateInterval::of(&self.predict_proba(table)?, &intervals, level)
    }

    /// What every two columns add together to the log-odds of each row; only the trees have any two act together. The
    /// rows of a matrix add up to the [contributions](Classifier::contributions).
    ///
    /// # Errors
    /// As [`predict_proba`](Classifier::predict_proba).
    pub fn interaction_values<'a>(&self, table: impl Into<TableView<'a>>) -> Result<InteractionValues> {
        let table = &table.into();
        let (columns, n_rows) = (self.features.encode(table)?, table.n_rows());
        let n_features = columns.len();
        let mut linear = Contributions { base: 0.0, values: vec![0.0; n_rows * n_features], n_features };
        self.add_linear(&columns, n_rows, &mut linear);
        let InteractionValues { mut base, mut values, .. } = InteractionValues::of_additive(&linear);
        if let Some(forest) = &self.forest {
            base += forest.expected();
            let pairs = forest.interaction_values(&views(&columns));
            values.iter_mut().zip(pairs).for_each(|(sum, pair)| *sum += pair);
        }
        // A matrix is calibrated as so many contributions are.
        let mut flat = Contributions { base, values, n_features: n_features * n_features };
        self.calibrate(&mut flat, n_rows)?;
        Ok(InteractionValues { base: flat.base, values: flat.values, n_features })
    }

    /// Adds what the logistic members add, by weight.
    fn add_linear(&self, columns: &[EncodedColumn<'_>], n_rows: usize, to: &mut Contributions) {
        for (weight, scorer) in &self.linear {
            to.base += weight * scorer.base();
            let part = scorer.contributions(columns, n_rows);
            to.values.iter_mut().zip(part).for_each(|(sum, part)| *sum += weight * part);
        }
    }

    /// Carries contributions to raw log-odds through the calibration.
    fn calibrate(&self, contributions: &mut Contributions, n_rows: usize) -> Result<()> {
        let base = contributions.base;
        let raw: Vec<f64> =
            (0..n_rows).map(|row| base + contributions.row(row).iter().sum::<f64>()).collect();
        self.calibration.rescale(contributions, &raw)
    }

    /// Log-odds before calibration.
    fn raw(&self, columns: &[EncodedColumn<'_>], n_rows: usize) -> Vec<f64> {
        let mut raw = match &self.forest {
            // Without columns the forest cannot tell how many rows there are.
            Some(forest) if columns.is_empty() => vec![forest.base(); n_rows],
            Some(forest) => forest.predict(&views(columns)),
            None => vec![0.0; n_rows],
        };
        for (weight, scorer) in &self.linear {
            let part = scorer.log_odds(columns, n_rows);
            raw.iter_mut().zip(part).for_each(|(sum, part)| *sum += weight * part);
        }
        raw
    }
}

fn views<'a>(columns: &'a [EncodedColumn<'_>]) -> Vec<ColumnView<'a>> {
    columns.iter().map(EncodedColumn::view).collect()
}

impl Classifier for BlendClassifier {
    fn features(&self) -> &Features {
        &self.features
    }

    fn log_odds_of(&self, table: &TableView<'_>) -> Result<Vec<f64>> {
        let columns = self.features.encode(table)?;
        let raw = self.raw(&columns, table.n_rows());
        Ok(raw.into_iter().map(|raw| self.calibration.apply(raw)).collect())
    }

    fn contributions_of(&self, table: &TableView<'_>) -> Result<Contributions> {
        let (columns, n_rows) = (self.features.encode(table)?, table.n_rows());
        let n_features = columns.len();
        let (base, values) = match &self.forest {
            Some(forest) => (forest.expected(), forest.contributions(&views(&columns))),
            None => (0.0, vec![0.0; n_rows * n_features]),
        };
        let mut contributions = Contributions { base, values, n_features };
        self.add_linear(&columns, n_rows, &mut contributions);
        self.calibrate(&mut contributions, n_rows)?;
        Ok(contributions)
    }

    fn log_odds_of_row(&self, row: &[f64]) -> f64 {
        let trees = self.forest.as_ref().map_or(0.0, |forest| forest.predict_row(row));
        let add = |raw: f64, (weight, scorer): &(f64, Scorer)| raw + weight * scorer.log_odds_of_row(row);
        self.calibration.apply(self.linear.iter().fold(trees, add))
    }
}
