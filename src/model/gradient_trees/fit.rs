//! Fitting gradient trees to a table: check what came in, bin it, boost, put the model together.

use super::bag::{Bag, FEW_TREES, MOST_TREES, N_FOLDS};
use super::{BoostParams, BoostTask, GradientTreesClassifier, ValidGradientTreesParams, boost};
use crate::error::Result;
use crate::frame::Table;
use crate::model::loss::Logistic;
use crate::model::training::{check_training, directions, rows_that_weigh, stratified_folds, with_threads};
use crate::model::{EncodedColumn, Features, OnProgress};
use crate::random::SplitMix64;
use crate::tree::{Binning, Bins, ColumnView, GrowParams};

impl ValidGradientTreesParams {
    pub(super) fn fit_table(
        &self,
        table: &Table,
        y: &[bool],
        weights: Option<&[f64]>,
        on_progress: OnProgress,
    ) -> Result<GradientTreesClassifier> {
        check_training(table, y, weights)?;
        if let Some((table, y, weights)) = rows_that_weigh(table, y, weights).filter(|_| self.is_bag()) {
            return self.fit_table(&table, &y, Some(&weights), on_progress);
        }
        let monotonic = directions(table, &self.monotonic)?;
        let features = Features::of(table);
        let encoded = features.encode(table)?;
        let views: Vec<ColumnView> = encoded.iter().map(EncodedColumn::view).collect();
        with_threads(self.n_jobs, |n_threads| {
            let params = self.boost_params(monotonic, n_threads);
            self.fit_views(features, &views, y, weights, &params, on_progress)
        })
    }

    fn fit_views(
        &self,
        features: Features,
        views: &[ColumnView],
        y: &[bool],
        weights: Option<&[f64]>,
        params: &BoostParams,
        on_progress: OnProgress,
    ) -> Result<GradientTreesClassifier> {
        let binning = Binning::fit(views, self.max_bins);
        let bins: Bins = binning.bin(views);
        let targets: Vec<f64> = y.iter().map(|&y| f64::from(u8::from(y))).collect();
        let folds = if self.is_bag() { stratified_folds(y, N_FOLDS, self.random_state)? } else { None };
        if let Some(folds) = folds {
            let bag = Bag { binning: &binning, bins: &bins, y: &targets, weights, folds: &folds };
            return Ok(GradientTreesClassifier {
                features,
                forest: bag.grow(params, on_progress)?,
                valid_losses: Vec::new(),
            });
        }
        let (train, valid) = self.hold_back(y);
        let y = targets;
        let task = BoostTask { y: &y, weights, offset: None, train: &train, valid: &valid };
        let boosted = boost(&Logistic, &binning, &bins, &task, params, on_progress)?;
        let valid_losses = boosted.valid_losses.clone();
        Ok(GradientTreesClassifier { features, forest: boosted.into_forest(views.len()), valid_losses })
    }

    /// These parameters as boosting takes them; `monotonic` is a direction a column.
    pub(crate) fn boost_params(&self, monotonic: Vec<i8>, n_threads: usize) -> BoostParams {
        BoostParams {
            n_estimators: self.n_estimators.unwrap_or(if self.is_bag() { FEW_TREES } else { MOST_TREES }),
            learning_rate: self.learning_rate,
            max_features: self.max_features,
            subsample: 1.0,
            n_iter_no_change: (self.early_stopping || self.is_bag()).then_some(self.n_iter_no_change),
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

    /// Whether the number of trees is found by folds.
    fn is_bag(&self) -> bool {
        self.n_estimators.is_none() && !self.early_stopping
    }

    /// Training rows and rows held back for early stopping, ascending, the same share of both classes.
    fn hold_back(&self, y: &[bool]) -> (Vec<u32>, Vec<u32>) {
        let mut held = vec![false; y.len()];
        if self.early_stopping {
            let mut random = SplitMix64(self.random_state);
            for class in [false, true] {
                let mut rows: Vec<usize> = (0..y.len()).filter(|&row| y[row] == class).collect();
                let n_held =
                    ((rows.len() as f64 * self.validation_fraction).round() as usize).min(rows.len() - 1);
                random.shuffle_front(&mut rows, n_held);
                rows[..n_held].iter().for_each(|&row| held[row] = true);
            }
        }
        (0..y.len() as u32).partition(|&row| !held[row as usize])
    }
}
