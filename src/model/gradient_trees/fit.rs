//! Fitting gradient trees to a table: check what came in, bin it, boost, put the model together.

use std::borrow::Cow;
use std::mem::take;

use super::bag::Bag;
use super::boost::{Before, Boosted, Observed, boost_on};
use super::level_means::{Known, LevelMeans};
use super::params::expect;
use super::stopping::{deal, hold_back};
use super::task::Valid;
use super::{
    BoostParams, BoostTask, EarlyStopping, GradientTrees, Target, TreesTask, ValidGradientTreesParams, boost,
};
use crate::error::{ErrorKind, Result};
use crate::model::training::{check_length, check_weights, directions, interaction_groups, with_threads};
use crate::model::{EncodedColumn, Features};
use crate::tree::{Binning, Bins, ColumnView, Forest, GrowParams, Rows, level_number};

/// Weights above this are scaled down together, so that gradients stay within single precision.
const MOST_WEIGHT: f64 = (1u64 << 60) as f64;
/// Trees where their number is neither set nor chosen.
const TREES: usize = 100;
/// Most trees of a forest that is stopped early and was given no number.
const MOST_TREES: usize = 1000;
/// Trees where the number is left to folds and a class has too few rows for these.
const FEW_TREES: usize = 30;
/// Folds where their number is not set.
const N_FOLDS: usize = 5;

impl<T: Target> ValidGradientTreesParams<T> {
    pub(super) fn fit_checked(&self, task: &TreesTask<T>) -> Result<GradientTrees<T>> {
        self.target.check_training(&task.table, task.y, task.weights)?;
        self.check_valid(task)?;
        self.check_model(task)?;
        let features = task.model.map_or_else(|| Features::of(&task.table), |model| model.features.clone());
        let monotonic = directions(&task.table, &self.monotonic)?;
        let groups = interaction_groups(&task.table, &self.interaction_cst)?;
        let rows = Given::of(task, &features)?;
        with_threads(self.n_jobs, |n_threads| {
            let stopping = self.stopping(task.valid.is_some());
            let mut boost = self.boost_params(stopping, monotonic, n_threads);
            boost.grow.interaction_groups = groups;
            Fitting { params: self, task, rows: &rows, stopping, boost }.fit(features)
        })
    }

    /// These parameters as boosting takes them; `monotonic` is a direction a column.
    pub(super) fn boost_params(
        &self,
        stopping: EarlyStopping,
        monotonic: Vec<i8>,
        n_threads: usize,
    ) -> BoostParams {
        let stops = stopping != EarlyStopping::Off;
        BoostParams {
            n_estimators: self.n_estimators.unwrap_or(if stops { MOST_TREES } else { TREES }),
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

    /// How the number of trees is chosen, by what is set and whether there is a validation set.
    fn stopping(&self, is_validated: bool) -> EarlyStopping {
        self.early_stopping.unwrap_or(match self.n_estimators {
            Some(_) => EarlyStopping::Off,
            None if is_validated => EarlyStopping::ValidationPart,
            None => EarlyStopping::Folds(N_FOLDS),
        })
    }

    fn asks_for_folds(&self) -> bool {
        matches!(self.early_stopping, Some(EarlyStopping::Folds(_)))
    }

    fn check_valid(&self, task: &TreesTask<T>) -> Result<()> {
        let Some(Valid { table, y, weights }) = &task.valid else { return Ok(()) };
        let expected = "off or a validation part, since there is a validation set";
        expect(!self.asks_for_folds(), "early_stopping", "by folds", expected)?;
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
        expect(!self.asks_for_folds(), "early_stopping", "by folds", expected)?;
        let (n_trees, expected) = (self.n_estimators, "a number, since a model is continued");
        expect(n_trees.is_some(), "n_estimators", "not set", expected)?;
        let n_trees = n_trees.unwrap_or(0);
        let expected = "at least as many as the model has that is continued";
        expect(n_trees >= model.forest.trees().len(), "n_estimators", n_trees, expected)?;
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
struct Given<'a, Y: Clone> {
    columns: Vec<Joined<'a>>,
    y: Cow<'a, [Y]>,
    weights: Option<Cow<'a, [f64]>>,
    n_train: usize,
}

/// A column of training rows and, where there are any, validation rows after them.
enum Joined<'a> {
    Alone(EncodedColumn<'a>),
    Numbers(Vec<f64>),
    Codes(Vec<u32>, usize),
}

impl<'a, Y: Observed> Given<'a, Y> {
    fn of<T: Target<Y = Y>>(task: &'a TreesTask<'_, T>, features: &Features) -> Result<Self> {
        let train = features.encode(&task.table)?;
        let mut y = Cow::Borrowed(task.y);
        let (n_train, mut weights) = (y.len(), task.weights.map(Cow::Borrowed));
        let columns = match &task.valid {
            None => train.into_iter().map(Joined::Alone).collect(),
            Some(valid) => {
                y = Cow::Owned([task.y, valid.y].concat());
                weights = joined_weights(task.weights, n_train, valid.weights, valid.y.len()).map(Cow::Owned);
                let valid = features.encode(&valid.table)?;
                train
                    .iter()
                    .zip(&valid)
                    .map(|(train, valid)| Joined::of(train.view(), valid.view()))
                    .collect()
            }
        };
        Ok(Given { columns, y, weights: weights.map(within_single_precision), n_train })
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
    rows: &'a Given<'a, T::Y>,
    stopping: EarlyStopping,
    boost: BoostParams,
}

impl<T: Target> Fitting<'_, T> {
    fn fit(&self, features: Features) -> Result<GradientTrees<T>> {
        let (train, valid) = self.split();
        let mut views: Vec<ColumnView> = self.rows.columns.iter().map(Joined::view).collect();
        let train = train.as_deref().map_or(Rows::First(self.rows.n_train), Rows::Listed);
        let (level_means, told): (Vec<_>, Vec<_>) = self.level_means(&views, train).into_iter().unzip();
        for (means, told) in level_means.iter().zip(&told) {
            views[means.column] = ColumnView::F64(told);
        }
        let of_train: Vec<ColumnView> = views.iter().map(|view| head(*view, self.rows.n_train)).collect();
        let binning = Binning::fit(&of_train, self.params.max_bins);
        let bins = binning.bin(&views);
        let (forest, valid_losses) = self.grow(&views, &binning, &bins, (train, &valid))?;
        let target = self.params.target.clone();
        Ok(GradientTrees { features, forest, valid_losses, target, level_means })
    }

    /// The columns that have more levels than bins, by the rows to learn from.
    fn level_means(&self, views: &[ColumnView], train: Rows<'_>) -> Vec<(LevelMeans, Vec<f64>)> {
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
        (train, valid): (Rows<'_>, &[u32]),
    ) -> Result<(Forest, Vec<f64>)> {
        if let EarlyStopping::Folds(n_folds) = self.stopping {
            return self.grow_by_folds(binning, bins, n_folds);
        }
        let (loss, on_progress) = (self.params.target.loss(), self.task.on_progress);
        let task = self.boost_task(train, valid);
        let boosted = match self.task.model {
            Some(model) => {
                let before = before(model, views, self.rows.y.len());
                boost_on(&loss, binning, bins, &task, &self.boost, before, on_progress)
            }
            None => boost(&loss, binning, bins, &task, &self.boost, on_progress),
        }?;
        Ok(forest_and_losses(boosted, bins))
    }

    /// A forest for each fold, in the mean; a few trees on all rows where the folds were not asked for and cannot be.
    fn grow_by_folds(&self, binning: &Binning, bins: &Bins, n_folds: usize) -> Result<(Forest, Vec<f64>)> {
        let ValidGradientTreesParams { ref target, random_state, .. } = *self.params;
        let (loss, on_progress) = (target.loss(), self.task.on_progress);
        let task = self.boost_task(Rows::First(self.rows.n_train), &[]);
        match deal(target, self.task.y, self.task.weights, n_folds, random_state) {
            Some(folds) => {
                let BoostTask { y, weights, .. } = task;
                Bag { loss: &loss, binning, bins, y, weights, folds: &folds }.grow(&self.boost, on_progress)
            }
            None if self.params.asks_for_folds() => Err(too_few()),
            None => {
                let params = BoostParams { n_estimators: FEW_TREES, ..self.boost.clone() };
                let boosted = boost(&loss, binning, bins, &task, &params, on_progress)?;
                Ok(forest_and_losses(boosted, bins))
            }
        }
    }

    fn boost_task<'t>(&'t self, train: Rows<'t>, valid: &'t [u32]) -> BoostTask<'t, T::Y> {
        BoostTask { y: &self.rows.y, weights: self.rows.weights.as_deref(), train, valid }
    }

    /// Rows to learn from, `None` for all that are not watched, and rows to watch, ascending.
    fn split(&self) -> (Option<Vec<u32>>, Vec<u32>) {
        let ValidGradientTreesParams { ref target, validation_fraction, random_state, .. } = *self.params;
        let (n_train, n_rows) = (self.rows.n_train as u32, self.rows.y.len() as u32);
        match self.stopping {
            EarlyStopping::ValidationPart if self.task.valid.is_none() => {
                let (train, valid) =
                    hold_back(target, self.task.y, self.task.weights, validation_fraction, random_state);
                (Some(train), valid)
            }
            _ => (None, (n_train..n_rows).collect()),
        }
    }
}

fn forest_and_losses(mut boosted: Boosted, bins: &Bins) -> (Forest, Vec<f64>) {
    let valid_losses = take(&mut boosted.valid_losses);
    (boosted.into_forest(bins.n_columns()), valid_losses)
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
