//! A forest for each fold, stopped early on it; their mean is one forest that has learned from every row.

use std::ops::ControlFlow;
use std::sync::Mutex;

use rayon::prelude::*;

use super::{BoostParams, BoostTask, boost};
use crate::error::Result;
use crate::model::loss::Logistic;
use crate::model::training::FoldRows;
use crate::model::{OnProgress, Progress};
use crate::tree::{Binning, Bins, Forest};

/// Folds, and forests.
pub(super) const N_FOLDS: usize = 5;
/// Most trees of a forest that is stopped early and was given no number.
pub(super) const MOST_TREES: usize = 1000;
/// Trees where a class has too few rows for folds.
pub(super) const FEW_TREES: usize = 30;

/// What the forests are grown on.
pub(super) struct Bag<'a> {
    pub(super) binning: &'a Binning,
    pub(super) bins: &'a Bins,
    /// `n` targets, 0 or 1.
    pub(super) y: &'a [f64],
    pub(super) weights: Option<&'a [f64]>,
    pub(super) folds: &'a [FoldRows],
}

impl Bag<'_> {
    /// The mean of the folds' forests.
    pub(super) fn grow(&self, params: &BoostParams, on_progress: OnProgress<'_>) -> Result<Forest> {
        let params = BoostParams {
            n_estimators: MOST_TREES,
            // Nodes are shared out between threads only where there are more of these than folds.
            n_threads: if params.n_threads > self.folds.len() { params.n_threads } else { 1 },
            ..params.clone()
        };
        let n_done = Mutex::new(0.0);
        let tell = |more: f64| {
            let mut done = n_done.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            *done += more;
            on_progress(Progress { done: *done / self.folds.len() as f64, stage: "growing trees" })
        };
        let grow = |(train, valid): &FoldRows| {
            let task = BoostTask { y: self.y, weights: self.weights, offset: None, train, valid };
            let boosted = boost(&Logistic, self.binning, self.bins, &task, &params, &|_| tell(0.0))?;
            match tell(1.0) {
                ControlFlow::Continue(()) => Ok(boosted.into_forest(self.bins.n_columns())),
                ControlFlow::Break(()) => Err(crate::error::ErrorKind::Cancelled.into()),
            }
        };
        let forests: Vec<Forest> = self.folds.par_iter().map(grow).collect::<Result<_>>()?;
        let share = 1.0 / forests.len() as f64;
        Ok(Forest::concat(forests, self.bins.n_columns(), share))
    }
}
