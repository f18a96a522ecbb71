//! Boosting: trees on the gradients of a loss, one after the other, over shared bins.

use std::ops::ControlFlow;

use rayon::prelude::*;

use super::awake::keep_awake;
use crate::error::{ErrorKind, Result};
use crate::model::loss::{Loss, weighted_quantile};
use crate::model::{OnProgress, Progress};
use crate::random::SplitMix64;
use crate::tree::{
    Binning, Bins, Derivatives, Forest, GrowParams, Grower, GrownTree, RowPart, Rows, Tree, vectorized,
};

/// Rows whose targets are summed together, however many threads there are.
const CHUNK_ROWS: usize = 4096;

/// With as many rows a piece of work is long beside the time it takes to wake a thread: staying awake wins nothing at 1M
/// rows, and others may use the processor.
const LONG_WORK_ROWS: usize = 1 << 18;

/// A target as it was given: classes are not copied to numbers, which are eight times their size.
pub trait Observed: Copy + Send + Sync {
    /// As the loss takes it.
    fn number(self) -> f64;
}

impl Observed for bool {
    #[inline(always)]
    fn number(self) -> f64 {
        f64::from(u8::from(self))
    }
}

impl Observed for f64 {
    #[inline(always)]
    fn number(self) -> f64 {
        self
    }
}

/// What is learned, over a table of `n` rows whose bins are given beside it.
#[derive(Clone, Copy)]
pub(crate) struct BoostTask<'a, Y> {
    /// `n` targets; classes or 0 and 1 for the logistic loss.
    pub(crate) y: &'a [Y],
    /// `n` finite weights, none negative; all 1 where there are none.
    pub(crate) weights: Option<&'a [f64]>,
    /// Rows to learn from; without one of positive weight no tree grows.
    pub(crate) train: Rows<'a>,
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
    /// Seed of the columns and rows that trees are given.
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
    /// What the trees add to.
    pub(crate) base: f64,
    /// Raw score of the valid rows in their order, base included, after the best tree.
    pub(crate) valid_raw: Vec<f64>,
    /// Mean loss on the valid rows before the first tree, after it, and so on; empty without valid rows.
    pub(crate) valid_losses: Vec<f64>,
}

/// Trees that stand before boosting begins, as if it had grown them itself.
pub(crate) struct Before<'a> {
    /// The trees and their base.
    pub(crate) forest: &'a Forest,
    /// What they say of the `n` rows, base included.
    pub(crate) raw: Vec<f64>,
    /// Mean loss on the valid rows before each of them, as far as it is known.
    pub(crate) valid_losses: Vec<f64>,
}

impl Boosted {
    /// The trees and the base as one forest.
    pub(crate) fn into_forest(self, n_columns: usize) -> Forest {
        Forest::new(self.base, n_columns, self.trees)
    }
}

/// Boosts until enough trees stand, none gains anything, or the valid rows have seen no gain for long.
///
/// # Errors
/// When `on_progress` breaks.
pub(crate) fn boost<L: Loss, Y: Observed>(
    loss: &L,
    binning: &Binning,
    bins: &Bins,
    task: &BoostTask<Y>,
    params: &BoostParams,
    on_progress: OnProgress,
) -> Result<Boosted> {
    Boosting::start(loss, binning, bins, task, params).run(on_progress)
}

/// [`boost`] from trees that stand already.
pub(crate) fn boost_on<L: Loss, Y: Observed>(
    loss: &L,
    binning: &Binning,
    bins: &Bins,
    task: &BoostTask<Y>,
    params: &BoostParams,
    before: Before,
    on_progress: OnProgress,
) -> Result<Boosted> {
    Boosting::go_on(loss, binning, bins, task, params, before).run(on_progress)
}

fn tell(on_progress: OnProgress, done: f64, stage: &'static str) -> Result<()> {
    match on_progress(Progress { done, stage }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(ErrorKind::Cancelled.into()),
    }
}

struct Boosting<'a, L, Y> {
    loss: &'a L,
    binning: &'a Binning,
    bins: &'a Bins,
    task: &'a BoostTask<'a, Y>,
    params: &'a BoostParams,
    /// The rows of positive weight among the training rows, where there are weights.
    weighing: Option<Vec<u32>>,
    grower: Grower<'a>,
    /// Raw score of every row of the table; kept up for training and valid rows.
    raw: Vec<f64>,
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

impl<'a, L: Loss, Y: Observed> Boosting<'a, L, Y> {
    /// At the best constant.
    fn start(
        loss: &'a L,
        binning: &'a Binning,
        bins: &'a Bins,
        task: &'a BoostTask<'a, Y>,
        params: &'a BoostParams,
    ) -> Self {
        let mut boosting = Boosting::new(loss, binning, bins, task, params, vec![0.0; task.y.len()]);
        boosting.find_base();
        boosting.watch();
        boosting
    }

    /// Where the trees before left off.
    fn go_on(
        loss: &'a L,
        binning: &'a Binning,
        bins: &'a Bins,
        task: &'a BoostTask<'a, Y>,
        params: &'a BoostParams,
        before: Before,
    ) -> Self {
        let mut boosting = Boosting::new(loss, binning, bins, task, params, before.raw);
        boosting.base = before.forest.base();
        boosting.trees = before.forest.trees().to_vec();
        boosting.valid_losses = before.valid_losses;
        boosting.watch();
        boosting
    }

    fn new(
        loss: &'a L,
        binning: &'a Binning,
        bins: &'a Bins,
        task: &'a BoostTask<'a, Y>,
        params: &'a BoostParams,
        raw: Vec<f64>,
    ) -> Self {
        let that_weigh = |weights: &[f64]| -> Vec<u32> {
            task.train.iter().filter(|&row| weights[row as usize] > 0.0).collect()
        };
        Boosting {
            loss,
            binning,
            bins,
            task,
            params,
            weighing: task.weights.map(that_weigh),
            grower: Grower::new(bins, params.grow.clone(), params.n_threads),
            raw,
            trees: Vec::new(),
            base: 0.0,
            stuck: false,
            best: Best { n_trees: 0, loss: f64::INFINITY, valid_raw: Vec::new() },
            valid_losses: Vec::new(),
        }
    }

    fn run(mut self, on_progress: OnProgress) -> Result<Boosted> {
        let is_short = self.task.y.len() < LONG_WORK_ROWS;
        keep_awake(if is_short { self.grower.n_threads() } else { 1 }, || {
            while self.wants_more() {
                self.add_tree();
                let done = self.trees.len() as f64 / self.params.n_estimators as f64;
                tell(on_progress, done, "growing trees")?;
            }
            Ok(self.finish())
        })
    }

    /// The constant that minimises the loss, added to every raw score: a quantile, or by Newton's method, where all
    /// targets are as good as their mean, in which gradients are linear.
    fn find_base(&mut self) {
        if let Some(q) = self.loss.leaf_quantile() {
            let base = self.residual_quantile(&mut self.train().iter().map(|row| row as usize), q);
            return self.add_to_base(base);
        }
        let mean = self.mean_target();
        let mut base = 0.0;
        for _ in 0..50 {
            let (gradient, hessian) = self.loss.gradient_and_hessian(mean, base);
            // Held in, so that it cannot run away from a far-off start.
            let longest = self.loss.longest_step();
            let step = if hessian > 0.0 { (-gradient / hessian).clamp(-longest, longest) } else { 0.0 };
            base += step;
            if step.abs() < 1e-12 {
                break;
            }
        }
        self.add_to_base(base);
    }

    fn add_to_base(&mut self, step: f64) {
        self.raw.iter_mut().for_each(|raw| *raw += step);
        self.base += step;
    }

    /// The rows that are learned from.
    fn train(&self) -> Rows<'_> {
        self.weighing.as_deref().map_or(self.task.train, Rows::Listed)
    }

    /// The weighted mean of the targets. Summed in chunks of fixed size, so that threads change nothing.
    fn mean_target(&self) -> f64 {
        let (train, and) = (self.train(), |a: (f64, f64), b: (f64, f64)| (a.0 + b.0, a.1 + b.1));
        let weighted = |row: u32| (self.task.y[row as usize].number() * self.weight(row), self.weight(row));
        let of_chunk = |at: usize| {
            let places = at * CHUNK_ROWS..train.len().min((at + 1) * CHUNK_ROWS);
            places.map(|place| weighted(train.at(place))).fold((0.0, 0.0), and)
        };
        let n_chunks = train.len().div_ceil(CHUNK_ROWS);
        let sums: Vec<(f64, f64)> = if self.params.n_threads > 1 {
            (0..n_chunks).into_par_iter().map(of_chunk).collect()
        } else {
            (0..n_chunks).map(of_chunk).collect()
        };
        let (targets, weights) = sums.into_iter().fold((0.0, 0.0), and);
        if weights > 0.0 { targets / weights } else { 0.0 }
    }

    fn residual_quantile(&self, rows: &mut dyn Iterator<Item = usize>, q: f64) -> f64 {
        let residual = |row: usize| (self.task.y[row].number() - self.raw[row], self.weight(row as u32));
        weighted_quantile(&mut rows.map(residual).collect::<Vec<_>>(), q)
    }

    fn weight(&self, row: u32) -> f64 {
        self.task.weights.map_or(1.0, |weights| weights[row as usize])
    }

    fn wants_more(&self) -> bool {
        let patience = self.params.n_iter_no_change.unwrap_or(usize::MAX);
        let waited = self.trees.len().saturating_sub(self.best.n_trees);
        self.trees.len() < self.params.n_estimators
            && !self.stuck
            && !self.train().is_empty()
            && (self.task.valid.is_empty() || waited < patience)
    }

    fn add_tree(&mut self) {
        let mut random = SplitMix64::nth(self.params.random_state, self.trees.len());
        let columns = self.sample_columns(&mut random);
        let train = self.weighing.as_deref().map_or(self.task.train, Rows::Listed);
        let (chosen, others) = sample_rows(train, self.params.subsample, &mut random);
        let rows = chosen.as_deref().map_or(train, Rows::Listed);
        let now = Now { loss: self.loss, y: self.task.y, raw: &self.raw, weights: self.task.weights };
        let mut grown = self.grower.grow(rows, &now, &columns);
        self.stuck = grown.n_leaves() == 1 && columns.len() == self.bins.n_columns() && others.is_empty();
        if self.stuck {
            return;
        }
        self.settle_leaves(&mut grown);
        grown.add_to(&mut self.raw, self.params.learning_rate, self.params.n_threads);
        for &row in others.iter().chain(self.task.valid) {
            self.raw[row as usize] += grown.predict(self.bins, row as usize) * self.params.learning_rate;
        }
        self.trees.push(Tree::new(&grown, self.binning, self.params.learning_rate));
        self.grower.reuse(grown);
        self.watch();
    }

    /// The leaves' values as the loss wants them.
    fn settle_leaves(&self, grown: &mut GrownTree) {
        match self.loss.leaf_quantile() {
            Some(q) => grown.renew_leaves(|_, rows| self.residual_quantile(rows, q)),
            None => grown.renew_leaves(|step, _| self.loss.leaf_step(step)),
        }
    }

    /// The columns a tree may use, ascending.
    fn sample_columns(&self, random: &mut SplitMix64) -> Vec<usize> {
        let n_columns = self.bins.n_columns();
        let n_wanted = (self.params.max_features * n_columns as f64).ceil() as usize;
        let mut columns: Vec<usize> = (0..n_columns).collect();
        if n_wanted < n_columns {
            random.shuffle_front(&mut columns, n_wanted);
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
            let (y, raw) = (self.task.y[row as usize].number(), self.raw[row as usize]);
            (sum + self.weight(row) * self.loss.value(y, raw), weights + self.weight(row))
        };
        let (sum, weights) = self.task.valid.iter().fold((0.0, 0.0), add);
        if weights > 0.0 { sum / weights } else { 0.0 }
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

/// The share of the rows that a tree is grown on, `None` for all, and the others, both ascending.
fn sample_rows(rows: Rows<'_>, share: f64, random: &mut SplitMix64) -> (Option<Vec<u32>>, Vec<u32>) {
    let n_wanted = (share * rows.len() as f64).ceil() as usize;
    if n_wanted >= rows.len() {
        return (None, Vec::new());
    }
    let (chosen, others) = random.choose(&rows.iter().collect::<Vec<u32>>(), n_wanted);
    (Some(chosen), others)
}

/// What the loss asks of every row, given what the trees so far say of it.
struct Now<'a, L, Y> {
    loss: &'a L,
    y: &'a [Y],
    raw: &'a [f64],
    weights: Option<&'a [f64]>,
}

impl<L: Loss, Y: Observed> Derivatives for Now<'_, L, Y> {
    fn fill(&self, rows: RowPart<'_>, gradients: &mut [f32], hessians: &mut [f32]) {
        match rows {
            RowPart::Run(rows) => {
                let weights = self.weights.map(|weights| &weights[rows.clone()]);
                fill_gradients(
                    self.loss,
                    &self.y[rows.clone()],
                    &self.raw[rows],
                    weights,
                    gradients,
                    hessians,
                );
            }
            RowPart::Listed(rows) => {
                let pick =
                    |values: &[f64]| rows.iter().map(|&row| values[row as usize]).collect::<Vec<f64>>();
                let y: Vec<Y> = rows.iter().map(|&row| self.y[row as usize]).collect();
                let weights = self.weights.map(pick);
                fill_gradients(self.loss, &y, &pick(self.raw), weights.as_deref(), gradients, hessians);
            }
        }
    }
}

/// Gradients and hessians of some rows, in loops that compile to vector code.
fn fill_gradients<L: Loss, Y: Observed>(
    loss: &L,
    y: &[Y],
    raw: &[f64],
    weights: Option<&[f64]>,
    gradients: &mut [f32],
    hessians: &mut [f32],
) {
    vectorized(
        #[inline(always)]
        || {
            let places = gradients.iter_mut().zip(hessians).zip(y.iter().zip(raw));
            let Some(weights) = weights else {
                return places.for_each(|((gradient, hessian), (&y, &raw))| {
                    let (first, second) = loss.gradient_and_hessian(y.number(), raw);
                    (*gradient, *hessian) = (first as f32, second as f32);
                });
            };
            places.zip(weights).for_each(|(((gradient, hessian), (&y, &raw)), weight)| {
                let (first, second) = loss.gradient_and_hessian(y.number(), raw);
                (*gradient, *hessian) = ((first * weight) as f32, (second * weight) as f32);
            });
        },
    );
}
