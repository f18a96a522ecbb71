//! Fitting gradient trees to a table: check what came in, bin it, boost, put the model together.

use std::borrow::Cow;
use std::ops::ControlFlow;

use super::boost::{Before, Boosted, boost_on, losses_by_folds, lowest};
use super::level_means::{Known, LevelMeans};
use super::params::expect;
use super::stopping::{deal, hold_back};
use super::task::Valid;
use super::{
    BoostParams, BoostTask, EarlyStopping, GradientTrees, Target, TreesTask, ValidGradientTreesParams, boost,
};
use crate::error::{ErrorKind, Result};
use crate::model::training::{
    FoldRows, check_length, check_weights, directions, interaction_groups, with_threads,
};
use crate::model::{EncodedColumn, Features, Progress};
use crate::tree::{Binning, Bins, ColumnView, GrowParams, level_number};

/// Weights above this are scaled down together, so that gradients stay within single precision.
const MOST_WEIGHT: f64 = (1u64 << 60) as f64;

impl<T: Target> ValidGradientTreesParams<T> {
    pub(super) fn fit_checked(&self, task: &TreesTask<T>) -> Result<GradientTrees<T>> {
        self.target.check_training(&task.table, task.y, task.weights)?;
        self.check_valid(task)?;
        self.check_model(task)?;
        let features = task.model.map_or_else(|| Features::of(&task.table), |model| model.features.clone());
        let monotonic = directions(&task.table, &self.monotonic)?;
        let groups = interaction_groups(&task.table, &self.interaction_cst)?;
        let rows = Rows::of(task, &features)?;
        with_threads(self.n_jobs, |n_threads| {
            let mut boost = self.boost_params(monotonic, n_threads);
            boost.grow.interaction_groups = groups;
            Fitting { params: self, task, rows: &rows, boost }.fit(features)
        })
    }

    /// These parameters as boosting takes them; `monotonic` is a direction a column.
    pub(crate) fn boost_params(&self, monotonic: Vec<i8>, n_threads: usize) -> BoostParams {
        let stops = self.early_stopping != EarlyStopping::Off;
        BoostParams {
            n_estimators: self.n_estimators,
            learning_rate: self.learning_rate,
            max_features: self.max_features,
            subsample: self.subsample,
            n_iter_no_change: stops.then_some(self.n_iter_no_change),
            random_state: self.random_state,
            n_threads,
            grow: GrowParams {
                max_leaf_nodes: self.max_leaf_nodes,
                max_depth: self.max_depth,
                min_samples_leaf: self.min_samples_leaf,
                l2_regularization: self.l2_regularization,
                monotonic,
                ..GrowParams::default()
            },
        }
    }

    fn folds(&self) -> Option<usize> {
        if let EarlyStopping::Folds(n_folds) = self.early_stopping { Some(n_folds) } else { None }
    }

    fn check_valid(&self, task: &TreesTask<T>) -> Result<()> {
        let Some(Valid { table, y, weights }) = &task.valid else { return Ok(()) };
        let expected = "off or a validation part, since there is a validation set";
        expect(self.folds().is_none(), "early_stopping", "by folds", expected)?;
        if table.n_rows() == 0 {
            return Err(ErrorKind::NoRows {
                what: "the validation table".into(),
                hint: "give it some, or none",
            }
            .into());
        }
        check_length("number of validation labels", y.len(), table.n_rows())?;
        weights.map_or(Ok(()), |weights| check_weights("validation weights", weights, table.n_rows()))?;
        self.target.check_valid(y)?;
        table.check_finite()
    }

    /// Whether the model to continue from is of these columns, has not too many trees, and has the same loss.
    fn check_model(&self, task: &TreesTask<T>) -> Result<()> {
        let Some(model) = task.model else { return Ok(()) };
        let expected = "off or a validation part, since a model is continued";
        expect(self.folds().is_none(), "early_stopping", "by folds", expected)?;
        let enough = self.n_estimators >= model.forest.trees().len();
        let expected = "at least as many as the model has that is continued";
        expect(enough, "n_estimators", self.n_estimators, expected)?;
        let expected = "the one of the model that is continued";
        expect(self.target == model.target, "loss", format!("{:?}", self.target), expected)?;
        let unknown = task.table.names().iter().find(|name| !model.features.names().contains(name));
        unknown.map_or(Ok(()), |name| {
            let expected = "a column of the model that is continued; leave it out, or fit a new model";
            Err(ErrorKind::ColumnType {
                column: name.clone(),
                found: "new".into(),
                expected: expected.into(),
            }
            .into())
        })
    }
}

/// The rows to learn from with those of a validation set, if there is one, after them.
struct Rows<'a> {
    columns: Vec<Joined<'a>>,
    y: Vec<f64>,
    weights: Option<Cow<'a, [f64]>>,
    n_train: usize,
}

/// A column of training rows and, where there are any, validation rows after them.
enum Joined<'a> {
    Alone(EncodedColumn<'a>),
    Numbers(Vec<f64>),
    Codes(Vec<u32>, usize),
}

impl<'a> Rows<'a> {
    fn of<T: Target>(task: &'a TreesTask<'_, T>, features: &Features) -> Result<Self> {
        let train = features.encode(&task.table)?;
        let mut y: Vec<f64> = task.y.iter().map(|&y| T::number(y)).collect();
        let (n_train, mut weights) = (y.len(), task.weights.map(Cow::Borrowed));
        let columns = match &task.valid {
            None => train.into_iter().map(Joined::Alone).collect(),
            Some(valid) => {
                y.extend(valid.y.iter().map(|&y| T::number(y)));
                weights = joined_weights(task.weights, n_train, valid.weights, valid.y.len()).map(Cow::Owned);
                let valid = features.encode(&valid.table)?;
                train
                    .iter()
                    .zip(&valid)
                    .map(|(train, valid)| Joined::of(train.view(), valid.view()))
                    .collect()
            }
        };
        Ok(Rows { columns, y, weights: weights.map(within_single_precision), n_train })
    }
}

fn joined_weights(
    train: Option<&[f64]>,
    n_train: usize,
    valid: Option<&[f64]>,
    n_valid: usize,
) -> Option<Vec<f64>> {
    let or_ones = |weights: Option<&[f64]>, n| weights.map_or_else(|| vec![1.0; n], <[f64]>::to_vec);
    (train.is_some() || valid.is_some()).then(|| [or_ones(train, n_train), or_ones(valid, n_valid)].concat())
}

fn within_single_precision(weights: Cow<[f64]>) -> Cow<[f64]> {
    let most = weights.iter().copied().fold(0.0, f64::max);
    if most <= MOST_WEIGHT {
        return weights;
    }
    weights.iter().map(|weight| weight * (MOST_WEIGHT / most)).collect()
}

impl<'a> Joined<'a> {
    fn of(train: ColumnView, valid: ColumnView) -> Self {
        match (train, valid) {
            (ColumnView::Category { codes, n_levels }, ColumnView::Category { codes: more, .. }) => {
                Joined::Codes([codes, more].concat(), n_levels)
            }
            _ => Joined::Numbers([train, valid].into_iter().flat_map(numbers).collect()),
        }
    }

    fn view(&self) -> ColumnView<'_> {
        match self {
            Joined::Alone(column) => column.view(),
            Joined::Numbers(values) => ColumnView::F64(values),
            Joined::Codes(codes, n_levels) => ColumnView::Category { codes, n_levels: *n_levels },
        }
    }
}

fn numbers(view: ColumnView) -> Vec<f64> {
    match view {
        ColumnView::F64(values) => values.to_vec(),
        ColumnView::F32(values) => values.iter().map(|&value| f64::from(value)).collect(),
        ColumnView::Read { n_rows, read } => {
            let mut values = vec![0.0; n_rows];
            read(0, &mut values);
            values
        }
        ColumnView::Category { codes, .. } => codes.iter().map(|&code| level_number(code)).collect(),
    }
}

/// The first `n` rows.
fn head(view: ColumnView<'_>, n: usize) -> ColumnView<'_> {
    match view {
        ColumnView::F64(values) => ColumnView::F64(&values[..n]),
        ColumnView::F32(values) => ColumnView::F32(&values[..n]),
        ColumnView::Read { read, .. } => ColumnView::Read { n_rows: n, read },
        ColumnView::Category { codes, n_levels } => ColumnView::Category { codes: &codes[..n], n_levels },
    }
}

/// One fit, all that was given at hand.
struct Fitting<'a, T: Target> {
    params: &'a ValidGradientTreesParams<T>,
    task: &'a TreesTask<'a, T>,
    rows: &'a Rows<'a>,
    boost: BoostParams,
}

impl<T: Target> Fitting<'_, T> {
    fn fit(&self, features: Features) -> Result<GradientTrees<T>> {
        let (train, valid) = self.split();
        let mut views: Vec<ColumnView> = self.rows.columns.iter().map(Joined::view).collect();
        let (level_means, told): (Vec<_>, Vec<_>) = self.level_means(&views, &train).into_iter().unzip();
        for (means, told) in level_means.iter().zip(&told) {
            views[means.column] = ColumnView::F64(told);
        }
        let of_train: Vec<ColumnView> = views.iter().map(|view| head(*view, self.rows.n_train)).collect();
        let binning = Binning::fit(&of_train, self.params.max_bins);
        let bins = binning.bin(&views);
        let boosted = self.grow(&views, &binning, &bins, (&train, &valid))?;
        let (valid_losses, target) = (boosted.valid_losses.clone(), self.params.target.clone());
        Ok(GradientTrees {
            features,
            forest: boosted.into_forest(views.len()),
            valid_losses,
            target,
            level_means,
        })
    }

    /// The columns that have more levels than bins, by the rows to learn from.
    fn level_means(&self, views: &[ColumnView], train: &[u32]) -> Vec<(LevelMeans, Vec<f64>)> {
        let (weights, random_state) = (self.rows.weights.as_deref(), self.params.random_state);
        let known = Known { y: &self.rows.y, weights, rows: train, random_state };
        let most_levels = self.params.max_bins - 1;
        let of = |(column, view): (usize, &ColumnView)| LevelMeans::of(column, *view, &known, most_levels);
        views.iter().enumerate().filter_map(of).collect()
    }

    fn grow(
        &self,
        views: &[ColumnView],
        binning: &Binning,
        bins: &Bins,
        (train, valid): (&[u32], &[u32]),
    ) -> Result<Boosted> {
        if let Some(n_folds) = self.params.folds() {
            return self.grow_by_folds(binning, bins, n_folds);
        }
        let (loss, on_progress) = (self.params.target.loss(), self.task.on_progress);
        let task = self.boost_task(train, valid);
        match self.task.model {
            Some(model) => {
                let before = before(model, views, self.rows.y.len());
                boost_on(&loss, binning, bins, &task, &self.boost, before, on_progress)
            }
            None => boost(&loss, binning, bins, &task, &self.boost, on_progress),
        }
    }

    /// As many trees on all rows as the folds found best.
    fn grow_by_folds(&self, binning: &Binning, bins: &Bins, n_folds: usize) -> Result<Boosted> {
        let ValidGradientTreesParams { random_state, .. } = *self.params;
        let weights = self.task.weights;
        let folds = deal::<T>(self.task.y, weights, n_folds, random_state).ok_or_else(too_few)?;
        let loss = self.params.target.loss();
        let all: Vec<u32> = (0..self.rows.n_train as u32).collect();
        let task = self.boost_task(&all, &[]);
        let share = folds.len() as f64 / (folds.len() + 1) as f64;
        let choosing = |now: Progress| self.tell(now.done * share, now.stage);
        let growing = |now: Progress| self.tell(share + now.done * (1.0 - share), now.stage);
        let valid_losses = losses_by_folds(&loss, binning, bins, &task, &self.boost, &folds, &choosing)?;
        let params = BoostParams { n_estimators: lowest(&valid_losses), ..self.boost.clone() };
        Ok(Boosted { valid_losses, ..boost(&loss, binning, bins, &task, &params, &growing)? })
    }

    fn tell(&self, done: f64, stage: &'static str) -> ControlFlow<()> {
        (self.task.on_progress)(Progress { done, stage })
    }

    fn boost_task<'t>(&'t self, train: &'t [u32], valid: &'t [u32]) -> BoostTask<'t> {
        BoostTask { y: &self.rows.y, weights: self.rows.weights.as_deref(), offset: None, train, valid }
    }

    /// Rows to learn from and rows to watch, ascending.
    fn split(&self) -> FoldRows {
        let ValidGradientTreesParams { validation_fraction, random_state, .. } = *self.params;
        let (n_train, n_rows) = (self.rows.n_train as u32, self.rows.y.len() as u32);
        match self.params.early_stopping {
            EarlyStopping::ValidationPart if self.task.valid.is_none() => {
                hold_back::<T>(self.task.y, self.task.weights, validation_fraction, random_state)
            }
            _ => ((0..n_train).collect(), (n_train..n_rows).collect()),
        }
    }
}

fn before<'m, T: Target>(model: &'m GradientTrees<T>, views: &[ColumnView], n_rows: usize) -> Before<'m> {
    let forest = &model.forest;
    let raw = if views.is_empty() { vec![forest.base(); n_rows] } else { forest.predict(views) };
    let watched = forest.trees().len().min(model.valid_losses.len());
    Before { forest, raw, valid_losses: model.valid_losses[..watched].to_vec() }
}

fn too_few() -> crate::Error {
    let what = "rows of each class that weigh, for early stopping by folds".into();
    ErrorKind::TooFew { what, found: 1, needed: 2 }.into()
}
