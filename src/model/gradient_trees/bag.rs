//! A forest for each fold, stopped early on it; their mean is one forest that has learned from every row.

use std::ops::ControlFlow;
use std::sync::Mutex;

use rayon::prelude::*;

use super::boost::{BoostParams, BoostTask, Boosted, Observed, boost};
use crate::error::{ErrorKind, Result};
use crate::model::loss::Loss;
use crate::model::training::FoldRows;
use crate::model::{OnProgress, Progress};
use crate::tree::{Binning, Bins, Forest, Rows};

/// What the forests are grown on.
pub(super) struct Bag<'a, L, Y> {
    pub(super) loss: &'a L,
    pub(super) binning: &'a Binning,
    pub(super) bins: &'a Bins,
    /// `n` targets.
    pub(super) y: &'a [Y],
    pub(super) weights: Option<&'a [f64]>,
    /// At least one.
    pub(super) folds: &'a [FoldRows],
}

impl<L: Loss, Y: Observed> Bag<'_, L, Y> {
    /// The mean of the folds' forests, and of their losses on the rows left out, as far as every fold tried.
    pub(super) fn grow(
        &self,
        params: &BoostParams,
        on_progress: OnProgress<'_>,
    ) -> Result<(Forest, Vec<f64>)> {
        // Nodes are shared out between threads only where there are more of these than folds.
        let n_threads = if params.n_threads > self.folds.len() { params.n_threads } else { 1 };
        let params = BoostParams { n_threads, ..params.clone() };
        let n_done = Mutex::new(0.0);
        let tell = |more: f64| {
            let mut done = n_done.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            *done += more;
            on_progress(Progress { done: *done / self.folds.len() as f64, stage: "growing trees" })
        };
        let grow = |(train, valid): &FoldRows| {
            let train = Rows::Listed(train);
            let task = BoostTask { y: self.y, weights: self.weights, train, valid };
            let boosted = boost(self.loss, self.binning, self.bins, &task, &params, &|_| tell(0.0))?;
            match tell(1.0) {
                ControlFlow::Continue(()) => Ok(boosted),
                ControlFlow::Break(()) => Err(ErrorKind::Cancelled.into()),
            }
        };
        let boosted: Vec<Boosted> = self.folds.par_iter().map(grow).collect::<Result<_>>()?;
        let losses = mean_losses(&boosted);
        let (n_columns, share) = (self.bins.n_columns(), 1.0 / boosted.len() as f64);
        let forests = boosted.into_iter().map(|boosted| boosted.into_forest(n_columns));
        Ok((Forest::concat(forests, n_columns, share), losses))
    }
}

fn mean_losses(boosted: &[Boosted]) -> Vec<f64> {
    let n_tried = boosted.iter().map(|boosted| boosted.valid_losses.len()).min().unwrap_or(0);
    let mean = |at: usize| {
        boosted.iter().map(|boosted| boosted.valid_losses[at]).sum::<f64>() / boosted.len() as f64
    };
    (0..n_tried).map(mean).collect()
}
