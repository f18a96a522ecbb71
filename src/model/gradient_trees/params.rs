//! The parameters of gradient trees, their defaults and their ranges.

use std::collections::BTreeMap;

use linfa::ParamGuard;

use super::{EarlyStopping, GradientTrees, Label, Target, TreesTask};
use crate::error::{ErrorKind, Result};
use crate::frame::TableView;
use crate::model::OnProgress;
use crate::model::loss::RegressionLoss;
use crate::tree::MAX_BINS;

/// Parameters of [`GradientTrees`]: of a [`GradientTreesClassifier`](super::GradientTreesClassifier), or of a
/// [`GradientTreesRegressor`](super::GradientTreesRegressor) where `T` is [`RegressionLoss`].
///
/// ```
/// use keepwell::frame::{Column, Table};
/// use keepwell::model::{Classifier, GradientTreesClassifier};
///
/// let logins = (0..200).map(|row| f64::from(row % 20)).collect();
/// let table = Table::new(200, [("logins".to_string(), Column::Number(logins))])?;
/// let churned: Vec<bool> = (0..200).map(|row| row % 20 < 7).collect();
/// let model = GradientTreesClassifier::params().n_estimators(20).fit(&table, &churned, None)?;
/// let p = model.predict_proba(&table)?;
/// assert!(p[0] > 0.5 && p[19] < 0.5);
/// # Ok::<(), keepwell::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct GradientTreesParams<T: Target = Label>(ValidGradientTreesParams<T>);

/// [`GradientTreesParams`] that were checked.
#[derive(Clone, Debug, PartialEq)]
pub struct ValidGradientTreesParams<T: Target = Label> {
    pub(super) target: T,
    pub(super) n_estimators: usize,
    pub(super) learning_rate: f64,
    pub(super) max_leaf_nodes: usize,
    pub(super) max_depth: Option<usize>,
    pub(super) min_samples_leaf: usize,
    pub(super) l2_regularization: f64,
    pub(super) max_bins: usize,
    pub(super) max_features: f64,
    pub(super) subsample: f64,
    pub(super) monotonic: BTreeMap<String, i8>,
    pub(super) interaction_cst: Vec<Vec<String>>,
    pub(super) early_stopping: EarlyStopping,
    pub(super) validation_fraction: f64,
    pub(super) n_iter_no_change: usize,
    pub(super) random_state: u64,
    pub(super) n_jobs: Option<usize>,
}

impl Default for GradientTreesParams {
    fn default() -> Self {
        Self::of(Label)
    }
}

impl GradientTreesParams<RegressionLoss> {
    /// What is predicted, by the loss that it minimises. Default [`RegressionLoss::SquaredError`]: the mean.
    #[must_use]
    pub fn loss(mut self, loss: RegressionLoss) -> Self {
        self.0.target = loss;
        self
    }
}

impl<T: Target> GradientTreesParams<T> {
    /// The defaults, for that target.
    pub(super) fn of(target: T) -> Self {
        GradientTreesParams(ValidGradientTreesParams {
            target,
            n_estimators: 100,
            learning_rate: 0.1,
            max_leaf_nodes: 31,
            max_depth: None,
            min_samples_leaf: 20,
            l2_regularization: 1.0,
            max_bins: MAX_BINS,
            max_features: 1.0,
            subsample: 1.0,
            monotonic: BTreeMap::new(),
            interaction_cst: Vec::new(),
            early_stopping: EarlyStopping::Off,
            validation_fraction: 0.1,
            n_iter_no_change: 10,
            random_state: 0,
            n_jobs: None,
        })
    }

    /// Most trees, at least 1. Default 100. More trees want a smaller `learning_rate`.
    #[must_use]
    pub fn n_estimators(mut self, n_estimators: usize) -> Self {
        self.0.n_estimators = n_estimators;
        self
    }

    /// What every leaf's value is multiplied by: above 0, at most 1. Default 0.1.
    #[must_use]
    pub fn learning_rate(mut self, learning_rate: f64) -> Self {
        self.0.learning_rate = learning_rate;
        self
    }

    /// Most leaves of a tree, at least 2. Default 31.
    #[must_use]
    pub fn max_leaf_nodes(mut self, max_leaf_nodes: usize) -> Self {
        self.0.max_leaf_nodes = max_leaf_nodes;
        self
    }

    /// Most splits between root and leaf, at least 1, or `None` for no limit, the default.
    #[must_use]
    pub fn max_depth(mut self, max_depth: impl Into<Option<usize>>) -> Self {
        self.0.max_depth = max_depth.into();
        self
    }

    /// Fewest training rows in a leaf, at least 1. Default 20. Above 32,767 training rows a leaf's rows are
    /// estimated from its hessian while growing.
    #[must_use]
    pub fn min_samples_leaf(mut self, min_samples_leaf: usize) -> Self {
        self.0.min_samples_leaf = min_samples_leaf;
        self
    }

    /// λ in a leaf's value `−G / (H + λ)`: 0 or more. Default 1, so that a leaf of rows that are almost certain
    /// already, whose hessian is small, takes no large step on the word of a few: against 0 it lowered the log loss
    /// on six of seven public customer tables, by 0.2 to 3.4 %, and raised it by 1.2 % on one.
    #[must_use]
    pub fn l2_regularization(mut self, l2_regularization: f64) -> Self {
        self.0.l2_regularization = l2_regularization;
        self
    }

    /// Most bins that a column's values are cut into: 2 to 255, missing values not counted. Default 255.
    #[must_use]
    pub fn max_bins(mut self, max_bins: usize) -> Self {
        self.0.max_bins = max_bins;
        self
    }

    /// Share of the columns, drawn anew for each tree, that it may split on: above 0, at most 1. Default 1.
    #[must_use]
    pub fn max_features(mut self, max_features: f64) -> Self {
        self.0.max_features = max_features;
        self
    }

    /// Share of the rows, drawn anew for each tree and rounded up, that it is grown on: above 0, at most 1. Default 1.
    #[must_use]
    pub fn subsample(mut self, subsample: f64) -> Self {
        self.0.subsample = subsample;
        self
    }

    /// Columns of numbers, by name, with which the prediction must rise (1) or fall (−1), all else equal; 0 sets
    /// nothing. Default: none. A missing value is bound by nothing.
    #[must_use]
    pub fn monotonic(mut self, directions: impl IntoIterator<Item = (impl Into<String>, i8)>) -> Self {
        self.0.monotonic = directions.into_iter().map(|(name, direction)| (name.into(), direction)).collect();
        self
    }

    /// Groups of columns, by name, that may act together: a path from root to leaf splits on columns of one group only,
    /// so that the model is a sum of functions of a group each. A column may be in several groups; those in none form
    /// one more. Default: no groups, no limit.
    #[must_use]
    pub fn interaction_cst<G: IntoIterator<Item = impl Into<String>>>(
        mut self,
        groups: impl IntoIterator<Item = G>,
    ) -> Self {
        let names = |group: G| group.into_iter().map(Into::into).collect();
        self.0.interaction_cst = groups.into_iter().map(names).collect();
        self
    }

    /// Whether and by which rows to choose the number of trees: `true` holds `validation_fraction` of the rows back,
    /// [`EarlyStopping::Folds`] learns from all. Stops when `n_iter_no_change` trees have not lowered the loss on the
    /// rows watched, and keeps the trees up to the best. Default: off.
    #[must_use]
    pub fn early_stopping(mut self, early_stopping: impl Into<EarlyStopping>) -> Self {
        self.0.early_stopping = early_stopping.into();
        self
    }

    /// Share of each class, or of the rows where a number is learned, that early stopping holds back: above 0 and below
    /// 1. Default 0.1.
    #[must_use]
    pub fn validation_fraction(mut self, validation_fraction: f64) -> Self {
        self.0.validation_fraction = validation_fraction;
        self
    }

    /// Trees without gain after which early stopping ends, at least 1. Default 10.
    #[must_use]
    pub fn n_iter_no_change(mut self, n_iter_no_change: usize) -> Self {
        self.0.n_iter_no_change = n_iter_no_change;
        self
    }

    /// Seed of the columns and rows drawn, of the rows held back and of the folds. Default 0.
    #[must_use]
    pub fn random_state(mut self, random_state: u64) -> Self {
        self.0.random_state = random_state;
        self
    }

    /// Threads: at least 1, or `None`, the default, for all that rayon's pool has. The model is the same at any
    /// number, bit for bit.
    #[must_use]
    pub fn n_jobs(mut self, n_jobs: impl Into<Option<usize>>) -> Self {
        self.0.n_jobs = n_jobs.into();
        self
    }

    /// The parameters if all are in their ranges.
    ///
    /// # Errors
    /// [`ErrorKind::Parameter`] naming the first that is not.
    pub fn check(self) -> Result<ValidGradientTreesParams<T>> {
        self.check_ref()?;
        Ok(self.0)
    }

    /// Fits to a table of `n` rows, a label or number each, and finite weights, none negative, if there are any.
    ///
    /// # Errors
    /// A parameter outside its range; lengths that differ; no rows; one class only; a number that the loss cannot
    /// take; a bad weight; an infinite value.
    pub fn fit<'a>(
        &self,
        table: impl Into<TableView<'a>>,
        y: &'a [T::Y],
        weights: Option<&'a [f64]>,
    ) -> Result<GradientTrees<T>> {
        self.fit_task(&TreesTask::new(table, y).weights(weights))
    }

    /// [`fit`](Self::fit), telling how far it is after each tree.
    ///
    /// # Errors
    /// Those of [`fit`](Self::fit), and [`ErrorKind::Cancelled`] when `on_progress` breaks.
    pub fn fit_with_progress<'a>(
        &self,
        table: impl Into<TableView<'a>>,
        y: &'a [T::Y],
        weights: Option<&'a [f64]>,
        on_progress: OnProgress<'a>,
    ) -> Result<GradientTrees<T>> {
        self.fit_task(&TreesTask::new(table, y).weights(weights).on_progress(on_progress))
    }

    /// Fits with all that may go beside table and targets: a validation set, a model to continue from.
    ///
    /// # Errors
    /// Those of [`fit`](Self::fit); [`ErrorKind::Cancelled`]; a validation set or a model that does not fit the table
    /// or the parameters.
    pub fn fit_task(&self, task: &TreesTask<T>) -> Result<GradientTrees<T>> {
        self.check_ref()?.fit_checked(task)
    }
}

impl<T: Target> ParamGuard for GradientTreesParams<T> {
    type Checked = ValidGradientTreesParams<T>;
    type Error = crate::Error;

    fn check_ref(&self) -> Result<&ValidGradientTreesParams<T>> {
        let p = &self.0;
        let share = |share: f64| share > 0.0 && share <= 1.0;
        let at_least_1 = |n: usize| n >= 1;
        let l2_fits = p.l2_regularization >= 0.0 && p.l2_regularization.is_finite();
        let held_back = p.validation_fraction > 0.0 && p.validation_fraction < 1.0;
        let direction = p.monotonic.values().find(|direction| !(-1..=1).contains(*direction)).copied();
        let n_folds = if let EarlyStopping::Folds(n_folds) = p.early_stopping { n_folds } else { 2 };
        expect(at_least_1(p.n_estimators), "n_estimators", p.n_estimators, "at least 1")?;
        expect(share(p.learning_rate), "learning_rate", p.learning_rate, "above 0 and at most 1")?;
        expect(p.max_leaf_nodes >= 2, "max_leaf_nodes", p.max_leaf_nodes, "at least 2")?;
        expect(p.max_depth.is_none_or(at_least_1), "max_depth", 0, "at least 1, or none")?;
        expect(at_least_1(p.min_samples_leaf), "min_samples_leaf", p.min_samples_leaf, "at least 1")?;
        expect(l2_fits, "l2_regularization", p.l2_regularization, "0 or more, and finite")?;
        expect((2..=MAX_BINS).contains(&p.max_bins), "max_bins", p.max_bins, "2 to 255")?;
        expect(share(p.max_features), "max_features", p.max_features, "above 0 and at most 1")?;
        expect(share(p.subsample), "subsample", p.subsample, "above 0 and at most 1")?;
        expect(direction.is_none(), "monotonic", direction.unwrap_or(0), "-1, 0 or 1 for each column")?;
        expect((2..=20).contains(&n_folds), "early_stopping", n_folds, "2 to 20 folds")?;
        expect(held_back, "validation_fraction", p.validation_fraction, "above 0 and below 1")?;
        expect(at_least_1(p.n_iter_no_change), "n_iter_no_change", p.n_iter_no_change, "at least 1")?;
        expect(p.n_jobs.is_none_or(at_least_1), "n_jobs", 0, "at least 1, or none for all threads")?;
        p.target.check(p.monotonic.values().any(|&direction| direction != 0))?;
        Ok(p)
    }

    fn check(self) -> Result<ValidGradientTreesParams<T>> {
        GradientTreesParams::check(self)
    }
}

pub(super) fn expect(
    holds: bool,
    name: &'static str,
    value: impl ToString,
    expected: &'static str,
) -> Result<()> {
    if holds { Ok(()) } else { Err(ErrorKind::Parameter { name, value: value.to_string(), expected }.into()) }
}
