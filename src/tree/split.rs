//! Finding a node's best split from its histograms.
//!
//! The gain of a split is `score(left) + score(right) − score(node)` with `score(G, H) = G² / (H + λ)` (Chen and
//! Guestrin 2016, eq. 7, without the factor ½). Gradients and hessians stay in the histogram's integer units:
//! inside one tree all gains share one factor. Ties go to the lower column, then to missing values on the
//! right, then to the lower bin.

use super::bins::{Bins, MISSING_BIN};
use super::grow::GrowParams;
use super::histogram::{ColumnHistogram, Histogram, Layout, Sums};

/// A set of bins: bit `b % 64` of word `b / 64`.
pub(super) type BinSet = [u64; 4];

/// Up to this many populated levels, each is tried alone against the rest.
const ONE_VERSUS_REST_LEVELS: usize = 4;
/// Most levels on the smaller side of a split of ordered levels.
const MAX_LEVELS_ON_A_SIDE: usize = 32;

/// Whether the set holds the bin.
#[inline(always)]
pub(super) fn contains(set: &BinSet, bin: u8) -> bool {
    set[usize::from(bin >> 6)] >> (bin & 63) & 1 == 1
}

fn insert(set: &mut BinSet, bin: u8) {
    set[usize::from(bin >> 6)] |= 1 << (bin & 63);
}

/// How a node is split, in bins.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Split {
    pub(super) column: usize,
    /// Above 0; in the layout's units.
    pub(super) gain: f64,
    /// The last bin that goes left; numbers only.
    pub(super) threshold: u8,
    /// Every bin that goes left, those without rows among them.
    pub(super) left_bins: BinSet,
    /// Packed sums of the rows that go left.
    pub(super) left: u64,
}

/// The range a node's value must keep to, in integer units, from monotone splits above it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bounds {
    pub(super) lower: f64,
    pub(super) upper: f64,
}

impl Bounds {
    pub(super) const NONE: Bounds = Bounds { lower: f64::NEG_INFINITY, upper: f64::INFINITY };
}

/// What a search needs to know beside the histogram.
pub(super) struct Search<'a> {
    pub(super) bins: &'a Bins,
    pub(super) params: &'a GrowParams,
    pub(super) layout: Layout,
    /// Columns to try, ascending.
    pub(super) columns: &'a [usize],
}

/// One node's totals and what its splits are measured by.
struct Node<'a> {
    search: &'a Search<'a>,
    total: u64,
    sums: Sums,
    bounds: Bounds,
    l2: f64,
    /// −1, 0 or 1: which way the right child's value may differ from the left's.
    direction: f64,
    quick: Quick,
}

/// What [`Node::quick_score`] needs, in its types.
struct Quick {
    /// Gradient, hessian and rows of the node.
    total: (i32, i32, i32),
    l2: f32,
    least_count: i32,
    least_hessian: i32,
}

/// Sums of the value bins up to each bin; those after the last hold the sum of all.
struct Prefixes {
    sums: [u64; 256],
    n_bins: usize,
}

/// Bins that are computed with side by side.
const LANES: usize = 8;

impl Prefixes {
    fn new(histogram: &[u64], all: u64) -> Self {
        let mut sums = [all; 256];
        let mut sum = 0u64;
        sums[0] = 0;
        for (place, entry) in sums[1..].iter_mut().zip(&histogram[1..]) {
            sum = sum.wrapping_add(*entry);
            *place = sum;
        }
        Prefixes { sums, n_bins: histogram.len() }
    }

    /// The sums in [`LANES`], up to the last bin.
    fn chunks(&self) -> impl Iterator<Item = &[u64; LANES]> {
        self.sums[..self.n_bins.next_multiple_of(LANES)].as_chunks().0.iter()
    }
}

/// The place of the largest score, the first of equals, if it is above 0.
fn first_maximum(scores: &[f32]) -> Option<usize> {
    let mut most = [0.0f32; LANES];
    for lanes in scores.as_chunks::<LANES>().0 {
        for (most, score) in most.iter_mut().zip(lanes) {
            *most = if score > most { *score } else { *most };
        }
    }
    let most = most.into_iter().fold(0.0, |a, b| if b > a { b } else { a });
    scores.iter().position(|score| *score == most).filter(|_| most > 0.0)
}

/// The best split so far of one column.
#[derive(Clone, Copy, Default)]
struct Best {
    gain: f64,
    left: u64,
    bin: u8,
    missing_left: bool,
}

impl Search<'_> {
    /// The best split of a node whose rows sum to `total`, if any gains something.
    pub(super) fn best_split(&self, histogram: &Histogram, total: u64, bounds: Bounds) -> Option<Split> {
        let better = |a: Option<Split>, b: Option<Split>| match (a, b) {
            (Some(a), Some(b)) => Some(if b.gain > a.gain { b } else { a }),
            (a, b) => a.or(b),
        };
        let split =
            |&column: &usize| self.node(column, total, bounds).best_split(column, &histogram.columns[column]);
        self.columns.iter().map(split).fold(None, better)
    }

    /// The value of a node in integer units, `−G / (H + λ)` kept within its bounds.
    pub(super) fn value(&self, entry: u64, bounds: Bounds) -> f64 {
        let sums = self.layout.sums(entry);
        let l2 = self.params.l2_regularization * self.layout.hessian_scale;
        (-sums.gradient / (sums.hessian + l2)).clamp(bounds.lower, bounds.upper)
    }

    fn node(&self, column: usize, total: u64, bounds: Bounds) -> Node<'_> {
        let layout = &self.layout;
        let l2 = self.params.l2_regularization * layout.hessian_scale;
        let (least_count, least_hessian) =
            layout.least(self.params.min_samples_leaf, self.params.min_hessian);
        let quick = Quick {
            total: (layout.gradient(total), layout.hessian(total), layout.count(total)),
            l2: l2 as f32,
            least_count,
            least_hessian,
        };
        let direction = f64::from(self.params.direction(column));
        Node { search: self, total, sums: layout.sums(total), bounds, l2, direction, quick }
    }
}

impl Node<'_> {
    fn best_split(&self, column: usize, histogram: &ColumnHistogram) -> Option<Split> {
        let n_bins = self.search.bins.n_bins(column);
        let parent = self.score(self.sums, self.l2);
        let (best, left_bins) = if self.search.bins.is_category(column) {
            self.best_levels(&histogram[..n_bins], parent)?
        } else {
            let best = self.best_threshold(&histogram[..n_bins], parent)?;
            (best, at_most(best.bin, best.missing_left))
        };
        let left_bins = self.settle_empty(left_bins, &best, histogram, self.search.bins.is_category(column));
        Some(Split { column, gain: best.gain, threshold: best.bin, left_bins, left: best.left })
    }

    /// Bins without rows in this node go where most rows go.
    fn settle_empty(
        &self,
        mut left: BinSet,
        best: &Best,
        histogram: &ColumnHistogram,
        category: bool,
    ) -> BinSet {
        let left_rows = self.search.layout.sums(best.left).rows;
        let last = if category { 255 } else { MISSING_BIN };
        for bin in (0..=last).filter(|&bin| histogram[usize::from(bin)] == 0) {
            let mask = 1 << (bin & 63);
            left[usize::from(bin >> 6)] &= !mask;
            left[usize::from(bin >> 6)] |= if 2.0 * left_rows > self.sums.rows { mask } else { 0 };
        }
        left
    }

    fn best_threshold(&self, histogram: &[u64], parent: f64) -> Option<Best> {
        let missing = histogram[usize::from(MISSING_BIN)];
        let prefixes = Prefixes::new(histogram, self.total.wrapping_sub(missing));
        let sides = [(0, false), (missing, true)];
        let tried = if missing == 0 { &sides[..1] } else { &sides };
        let mut best = Best::default();
        for &(always_left, missing_left) in tried {
            let Some(bin) = self.best_prefix(&prefixes, always_left) else { continue };
            let left = prefixes.sums[bin].wrapping_add(always_left);
            let gain = self.gain(left, parent, self.l2);
            if gain > best.gain {
                best = Best { gain, left, bin: bin as u8, missing_left };
            }
        }
        (best.gain > 0.0).then_some(best)
    }

    /// The lowest bin after which splitting is best; `always_left` goes left beside the bins up to it.
    fn best_prefix(&self, prefixes: &Prefixes, always_left: u64) -> Option<usize> {
        if self.direction != 0.0 || self.bounds != Bounds::NONE {
            return self.best_bound_prefix(prefixes, always_left);
        }
        let mut scores = [0.0; 256];
        for (score, sums) in scores.chunks_exact_mut(LANES).zip(prefixes.chunks()) {
            for (score, sum) in score.iter_mut().zip(sums) {
                *score = self.quick_score(sum.wrapping_add(always_left));
            }
        }
        first_maximum(&scores[..prefixes.n_bins.next_multiple_of(LANES)])
    }

    /// [`best_prefix`](Self::best_prefix) where values are bound by monotone directions.
    fn best_bound_prefix(&self, prefixes: &Prefixes, always_left: u64) -> Option<usize> {
        let gain =
            |bin: usize| self.gain(prefixes.sums[bin].wrapping_add(always_left), f64::NEG_INFINITY, self.l2);
        let better = |best: Option<(usize, f64)>, bin: usize| match best {
            Some((_, most)) if gain(bin) <= most => best,
            _ => Some((bin, gain(bin))),
        };
        (1..prefixes.n_bins).fold(None, better).map(|(bin, _)| bin)
    }

    /// The scores of both sides in single precision and with one division, 0 where the split is not allowed. Good
    /// enough to rank the thresholds of a column; the best is measured again in double precision. Written without a
    /// branch, so that it compiles to vector code.
    #[inline(always)]
    fn quick_score(&self, left: u64) -> f32 {
        let layout = &self.search.layout;
        let (l_gradient, l_hessian, l_count) =
            (layout.gradient(left), layout.hessian(left), layout.count(left));
        let (gradient, hessian, count) = self.quick.total;
        let (r_gradient, r_hessian, r_count) = (gradient - l_gradient, hessian - l_hessian, count - l_count);
        let (g_left, g_right) = (l_gradient as f32, r_gradient as f32);
        let (h_left, h_right) = (l_hessian as f32 + self.quick.l2, r_hessian as f32 + self.quick.l2);
        let score = (g_left * g_left * h_right + g_right * g_right * h_left) / (h_left * h_right);
        let allowed = (l_hessian >= self.quick.least_hessian)
            & (r_hessian >= self.quick.least_hessian)
            & (l_count >= self.quick.least_count)
            & (r_count >= self.quick.least_count);
        if allowed { score } else { 0.0 }
    }

    /// The gain of sending `left` left, 0 where that is not allowed.
    #[inline(always)]
    fn gain(&self, left: u64, parent: f64, l2: f64) -> f64 {
        let layout = &self.search.layout;
        let right = self.total.wrapping_sub(left);
        let large = layout.hessian(left).min(layout.hessian(right)) >= self.quick.least_hessian
            && layout.count(left).min(layout.count(right)) >= self.quick.least_count;
        let (l, r) = (layout.sums(left), layout.sums(right));
        if !large || !self.keeps_direction(l, r, l2) {
            return 0.0;
        }
        self.score(l, l2) + self.score(r, l2) - parent
    }

    #[inline(always)]
    fn keeps_direction(&self, left: Sums, right: Sums, l2: f64) -> bool {
        self.direction == 0.0 || self.direction * (self.value(right, l2) - self.value(left, l2)) >= 0.0
    }

    fn value(&self, sums: Sums, l2: f64) -> f64 {
        (-sums.gradient / (sums.hessian + l2)).clamp(self.bounds.lower, self.bounds.upper)
    }

    /// How much a leaf with these sums lowers the loss: twice that, in integer units.
    #[inline(always)]
    fn score(&self, sums: Sums, l2: f64) -> f64 {
        if self.bounds == Bounds::NONE {
            return sums.gradient * sums.gradient / (sums.hessian + l2);
        }
        let value = self.value(sums, l2);
        -(2.0 * sums.gradient + (sums.hessian + l2) * value) * value
    }

    fn best_levels(&self, histogram: &[u64], parent: f64) -> Option<(Best, BinSet)> {
        let levels: Vec<u8> =
            (0..histogram.len()).filter(|&bin| histogram[bin] != 0).map(|bin| bin as u8).collect();
        if levels.len() <= ONE_VERSUS_REST_LEVELS {
            self.one_versus_rest(histogram, &levels, parent)
        } else {
            self.ordered_levels(histogram, &levels, parent)
        }
    }

    fn one_versus_rest(&self, histogram: &[u64], levels: &[u8], parent: f64) -> Option<(Best, BinSet)> {
        let mut best = Best::default();
        for &bin in levels {
            let left = histogram[usize::from(bin)];
            let gain = self.gain(left, parent, self.l2);
            if gain > best.gain {
                best = Best { gain, left, bin, missing_left: bin == MISSING_BIN };
            }
        }
        let mut set = [0; 4];
        insert(&mut set, best.bin);
        (best.gain > 0.0).then_some((best, set))
    }

    /// Levels in the order of their smoothed mean gradient, split like numbers from both ends (Fisher 1958; smoothing
    /// and the rule that rare levels stay together after LightGBM).
    fn ordered_levels(&self, histogram: &[u64], levels: &[u8], parent: f64) -> Option<(Best, BinSet)> {
        let ordered = self.order_levels(histogram, levels);
        let mut best: Option<(Best, BinSet)> = None;
        for from_end in [false, true] {
            let take = ordered.len().div_ceil(2).min(MAX_LEVELS_ON_A_SIDE);
            let pick = |i: usize| if from_end { ordered[ordered.len() - 1 - i] } else { ordered[i] };
            self.scan_levels(histogram, (0..take).map(pick), parent, &mut best);
        }
        best
    }

    fn order_levels(&self, histogram: &[u64], levels: &[u8]) -> Vec<u8> {
        let params = self.search.params;
        let smoothing = params.category_smoothing * self.search.layout.hessian_scale;
        let sums = |bin: u8| self.search.layout.sums(histogram[usize::from(bin)]);
        let mean = |bin: u8| sums(bin).gradient / (sums(bin).hessian + smoothing).max(1.0);
        let common = |bin: &u8| sums(*bin).rows >= params.category_smoothing;
        let mut keyed: Vec<(f64, u8)> =
            levels.iter().copied().filter(common).map(|bin| (mean(bin), bin)).collect();
        keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
        keyed.into_iter().map(|(_, bin)| bin).collect()
    }

    /// Tries every prefix of the levels as the left child; a step is tried only once it holds enough new rows.
    fn scan_levels(
        &self,
        histogram: &[u64],
        levels: impl Iterator<Item = u8>,
        parent: f64,
        best: &mut Option<(Best, BinSet)>,
    ) {
        let l2 = self.l2 + self.search.params.category_l2 * self.search.layout.hessian_scale;
        let (mut left, mut set, mut step_rows) = (0u64, [0; 4], 0.0);
        for bin in levels {
            left = left.wrapping_add(histogram[usize::from(bin)]);
            step_rows += self.search.layout.sums(histogram[usize::from(bin)]).rows;
            insert(&mut set, bin);
            if step_rows < self.search.params.min_category_rows {
                continue;
            }
            let gain = self.gain(left, parent, l2);
            step_rows = 0.0;
            if gain > best.map_or(0.0, |(best, _)| best.gain) {
                *best = Some((Best { gain, left, bin, missing_left: contains(&set, MISSING_BIN) }, set));
            }
        }
    }
}

/// The set of a threshold: bins `1..=last`, and the missing one if it goes left.
fn at_most(last: u8, missing_left: bool) -> BinSet {
    let mut set = [0; 4];
    (1..=last).for_each(|bin| insert(&mut set, bin));
    if missing_left {
        insert(&mut set, MISSING_BIN);
    }
    set
}
