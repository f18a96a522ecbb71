//! Boosting: trees on the gradients of a loss, one after the other, over shared bins.

use std::borrow::Cow;
use std::mem::take;
use std::ops::ControlFlow;

use rayon::prelude::*;

use crate::error::{ErrorKind, Result};
use crate::model::loss::Loss;
use crate::model::{OnProgress, Progress};
use crate::random::SplitMix64;
use crate::tree::{Binning, Bins, Forest, GrowParams, Grower, Tree};

/// Above this many rows, gradients are taken by several threads.
const PARALLEL_ROWS: usize = 4096;

/// What is learned, over a table of `n` rows whose bins are given beside it.
pub(crate) struct BoostTask<'a> {
    /// `n` targets: 0 or 1 for the logistic loss.
    pub(crate) y: &'a [f64],
    /// `n` finite weights, none negative; all 1 where there are none.
    pub(crate) weights: Option<&'a [f64]>,
    /// `n` raw scores that the trees start from; all 0 where there are none.
    pub(crate) offset: Option<&'a [f64]>,
    /// Rows to learn from, ascending; at least one of positive weight.
    pub(crate) train: &'a [u32],
    /// Rows to watch for early stopping, none of `train`.
    pub(crate) valid: &'a [u32],
}

/// How it is learned.
#[derive(Clone, Debug)]
pub(crate) struct BoostParams {
    /// Most trees.
    pub(crate) n_estimators: usize,
    /// What a leaf's value is multiplied by.
    pub(crate) learning_rate: f64,
    /// Share of columns a tree may use; above 0, at most 1.
    pub(crate) max_features: f64,
    /// Share of the training rows a tree is grown on; above 0, at most 1.
    pub(crate) subsample: f64,
    /// Stop after this many trees without a lower loss on the valid rows; `None` never stops.
    pub(crate) n_iter_no_change: Option<usize>,
    /// Seed of the column sampling.
    pub(crate) random_state: u64,
    /// Above 1, large nodes use rayon's current pool.
    pub(crate) n_threads: usize,
    /// How a tree grows; `monotonic` by column position.
    pub(crate) grow: GrowParams,
}

/// What came out.
#[derive(Clone, Debug)]
pub(crate) struct Boosted {
    /// Trees up to the best one, learning rate included.
    pub(crate) trees: Vec<Tree>,
    /// What the trees add to, the offset aside.
    pub(crate) base: f64,
    /// Raw score of the valid rows in their order, base and offset included, after the best tree.
    pub(crate) valid_raw: Vec<f64>,
    /// Mean loss on the valid rows before the first tree, after it, and so on; empty without valid rows.
    pub(crate) valid_losses: Vec<f64>,
}

impl Boosted {
    /// The trees and the base as one forest; an offset is not part of it.
    pub(crate) fn into_forest(self, n_columns: usize) -> Forest {
        Forest::new(self.base, n_columns, self.trees)
    }
}

/// Boosts until enough trees stand, none gains anything, or the valid rows have seen no gain for long.
///
/// # Errors
/// When `on_progress` breaks.
pub(crate) fn boost<L: Loss>(
    loss: &L,
    binning: &Binning,
    bins: &Bins,
    task: &BoostTask,
    params: &BoostParams,
    on_progress: OnProgress,
) -> Result<Boosted> {
    let mut boosting = Boosting::start(loss, binning, bins, task, params);
    while boosting.wants_more() {
        boosting.add_tree();
        boosting.report(on_progress)?;
    }
    Ok(boosting.finish())
}

struct Boosting<'a, L> {
    loss: &'a L,
    binning: &'a Binning,
    bins: &'a Bins,
    task: &'a BoostTask<'a>,
    params: &'a BoostParams,
    /// Rows of positive weight among the training rows.
    train: Vec<u32>,
    grower: Grower<'a>,
    /// Raw score of every row of the table; kept up for training and valid rows.
    raw: Vec<f64>,
    gradients: Vec<f32>,
    hessians: Vec<f32>,
    random: SplitMix64,
    trees: Vec<Tree>,
    base: f64,
    /// Whether the last tree was a lone leaf.
    stuck: bool,
    best: Best,
    valid_losses: Vec<f64>,
}

/// The state after the best tree so far.
struct Best {
    n_trees: usize,
    loss: f64,
    valid_raw: Vec<f64>,
}

impl<'a, L: Loss> Boosting<'a, L> {
    fn start(
        loss: &'a L,
        binning: &'a Binning,
        bins: &'a Bins,
        task: &'a BoostTask,
        params: &'a BoostParams,
    ) -> Self {
        let n_rows = task.y.len();
        let weighs = |row: &u32| task.weights.is_none_or(|weights| weights[*row as usize] > 0.0);
        let mut boosting = Boosting {
            loss,
            binning,
            bins,
            task,
            params,
            train: task.train.iter().copied().filter(weighs).collect(),
            grower: Grower::new(bins, params.grow.clone(), params.n_threads),
            raw: task.offset.map_or_else(|| vec![0.0; n_rows], <[f64]>::to_vec),
            gradients: vec![0.0; n_rows],
            hessians: vec![0.0; n_rows],
            random: SplitMix64(params.random_state),
            trees: Vec::new(),
            base: 0.0,
            stuck: false,
            best: Best { n_trees: 0, loss: f64::INFINITY, valid_raw: Vec::new() },
            valid_losses: Vec::new(),
        };
        boosting.find_base();
        boosting.watch();
        boosting
    }

    /// The constant that minimises the loss, by Newton's method, added to every raw score.
    fn find_base(&mut self) {
        for _ in 0..50 {
            let step = self.newton_step();
            self.raw.iter_mut().for_each(|raw| *raw += step);
            self.base += step;
            if step.abs() < 1e-12 {
                break;
            }
        }
    }

    /// At most 1 long, so that it cannot run away from a far-off start.
    fn newton_step(&self) -> f64 {
        let add = |(g, h): (f64, f64), &row: &u32| {
            let (gradient, hessian) = self.derivatives(row);
            (g + gradient, h + hessian)
        };
        let (gradient, hessian) = self.train.iter().fold((0.0, 0.0), add);
        if hessian > 0.0 { (-gradient / hessian).clamp(-1.0, 1.0) } else { 0.0 }
    }

    fn weight(&self, row: u32) -> f64 {
        self.task.weights.map_or(1.0, |weights| weights[row as usize])
    }

    #[inline]
    fn derivatives(&self, row: u32) -> (f64, f64) {
        let (gradient, hessian) =
            self.loss.gradient_and_hessian(self.task.y[row as usize], self.raw[row as usize]);
        (gradient * self.weight(row), hessian * self.weight(row))
    }

    fn wants_more(&self) -> bool {
        let patience = self.params.n_iter_no_change.unwrap_or(usize::MAX);
        let waited = self.valid_losses.len().saturating_sub(1) - self.best.n_trees;
        self.trees.len() < self.params.n_estimators
            && !self.stuck
            && (self.task.valid.is_empty() || waited < patience)
    }

    fn add_tree(&mut self) {
        self.take_gradients();
        let columns = self.sample_columns();
        let (rows, others) = sample_rows(&self.train, self.params.subsample, &mut self.random);
        let grown = self.grower.grow(&rows, &self.gradients, &self.hessians, &columns);
        self.stuck = grown.n_leaves() == 1 && columns.len() == self.bins.n_columns() && others.is_empty();
        if self.stuck {
            return;
        }
        for (value, rows) in grown.leaves() {
            rows.for_each(|row| self.raw[row] += value * self.params.learning_rate);
        }
        for &row in others.iter().chain(self.task.valid) {
            self.raw[row as usize] += grown.predict(self.bins, row as usize) * self.params.learning_rate;
        }
        self.trees.push(Tree::new(&grown, self.binning, self.params.learning_rate));
        self.watch();
    }

    fn take_gradients(&mut self) {
        if self.params.n_threads > 1 && self.train.len() > PARALLEL_ROWS {
            return self.take_all_gradients();
        }
        for at in 0..self.train.len() {
            let row = self.train[at];
            let (gradient, hessian) = self.derivatives(row);
            self.gradients[row as usize] = gradient as f32;
            self.hessians[row as usize] = hessian as f32;
        }
    }

    /// Those of every row of the table, by several threads.
    fn take_all_gradients(&mut self) {
        let (mut gradients, mut hessians) = (take(&mut self.gradients), take(&mut self.hessians));
        let places = gradients.par_iter_mut().zip(&mut hessians).enumerate().with_min_len(PARALLEL_ROWS);
        places.for_each(|(row, (gradient, hessian))| {
            let (first, second) = self.derivatives(row as u32);
            (*gradient, *hessian) = (first as f32, second as f32);
        });
        (self.gradients, self.hessians) = (gradients, hessians);
    }

    /// The columns a tree may use, ascending.
    fn sample_columns(&mut self) -> Vec<usize> {
        let n_columns = self.bins.n_columns();
        let n_wanted = (self.params.max_features * n_columns as f64).ceil() as usize;
        let mut columns: Vec<usize> = (0..n_columns).collect();
        if n_wanted < n_columns {
            self.random.shuffle_front(&mut columns, n_wanted);
            columns.truncate(n_wanted);
            columns.sort_unstable();
        }
        columns
    }

    /// Notes the loss on the valid rows, and the state if it is the best yet.
    fn watch(&mut self) {
        if self.task.valid.is_empty() {
            return;
        }
        let loss = self.valid_loss();
        self.valid_losses.push(loss);
        if loss < self.best.loss {
            let raw = |&row: &u32| self.raw[row as usize];
            let valid_raw = self.task.valid.iter().map(raw).collect();
            self.best = Best { n_trees: self.trees.len(), loss, valid_raw };
        }
    }

    fn valid_loss(&self) -> f64 {
        let add = |(sum, weights): (f64, f64), &row: &u32| {
            let (y, raw) = (self.task.y[row as usize], self.raw[row as usize]);
            (sum + self.weight(row) * self.loss.value(y, raw), weights + self.weight(row))
        };
        let (sum, weights) = self.task.valid.iter().fold((0.0, 0.0), add);
        if weights > 0.0 { sum / weights } else { 0.0 }
    }

    fn report(&self, on_progress: OnProgress) -> Result<()> {
        let done = self.trees.len() as f64 / self.params.n_estimators as f64;
        match on_progress(Progress { done, stage: "growing trees" }) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(ErrorKind::Cancelled.into()),
        }
    }

    /// Keeps the trees up to the best one if early stopping was asked for, all of them otherwise.
    fn finish(mut self) -> Boosted {
        let raw_now = |&row: &u32| self.raw[row as usize];
        let mut valid_raw: Vec<f64> = self.task.valid.iter().map(raw_now).collect();
        if self.params.n_iter_no_change.is_some() && !self.task.valid.is_empty() {
            self.trees.truncate(self.best.n_trees);
            valid_raw = self.best.valid_raw;
        }
        Boosted { trees: self.trees, base: self.base, valid_raw, valid_losses: self.valid_losses }
    }
}

/// The share of the rows that a tree is grown on, and the others, both ascending.
fn sample_rows<'r>(rows: &'r [u32], share: f64, random: &mut SplitMix64) -> (Cow<'r, [u32]>, Vec<u32>) {
    let n_wanted = (share * rows.len() as f64).ceil() as usize;
    if n_wanted >= rows.len() {
        return (Cow::Borrowed(rows), Vec::new());
    }
    let mut chosen = rows.to_vec();
    random.shuffle_front(&mut chosen, n_wanted);
    let mut others = chosen.split_off(n_wanted);
    chosen.sort_unstable();
    others.sort_unstable();
    (Cow::Owned(chosen), others)
}
