//! Finding a node's best split from its histograms.
//!
//! The gain of a split is `score(left) + score(right) − score(node)` with `score(G, H) = G² / (H + λ)` (Chen and
//! Guestrin 2016, eq. 7, without the factor ½). Gradients and hessians stay in the histogram's integer units:
//! inside one tree all gains share one factor. Ties go to the lower column, then to missing values on the
//! right, then to the lower bin.

mod levels;
mod thresholds;

use super::bins::MISSING_BIN;
use super::cells::{Bins, Group};
use super::grow::GrowParams;
use super::histogram::{ColumnHistogram, Histogram, Layout, Sums};

pub(super) use thresholds::Prefixes;

/// A set of bins: bit `b % 64` of word `b / 64`.
pub(super) type BinSet = [u64; 4];

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
    /// The node's own score.
    parent: f64,
}

/// The best split so far of one column.
#[derive(Clone, Copy, Default)]
struct Best {
    gain: f64,
    left: u64,
    bin: u8,
    missing_left: bool,
    /// The bins of a category that go left.
    levels: Option<BinSet>,
}

/// A node to be searched.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    /// Packed sums of its rows.
    pub(super) total: u64,
    pub(super) bounds: Bounds,
    /// Columns to try, ascending.
    pub(super) columns: &'a [usize],
}

/// The best split of a node among the columns searched so far.
#[derive(Clone, Copy)]
pub(super) struct Found {
    column: usize,
    best: Best,
}

/// Of two splits the one that gains more; of equals, the one on the lower column.
pub(super) fn better(a: Option<Found>, b: Option<Found>) -> Option<Found> {
    let (Some(first), Some(second)) = (a, b) else { return a.or(b) };
    let by_gain = second.best.gain.total_cmp(&first.best.gain);
    if by_gain.then(first.column.cmp(&second.column)).is_gt() { b } else { a }
}

impl Found {
    /// The gain that a split on another column has to exceed to be better.
    fn bar_for(&self, column: usize) -> f64 {
        if column < self.column { self.best.gain.next_down() } else { self.best.gain }
    }
}

impl Search<'_> {
    /// The best split of a node on one of its columns in `group`, whose `histograms` these are, or what was `found` on
    /// others; if any gains something.
    pub(super) fn best_split(
        &self,
        target: &Target,
        group: &Group,
        histograms: &[ColumnHistogram],
        prefixes: &mut Prefixes,
        found: Option<Found>,
    ) -> Option<Found> {
        let columns = group.places.clone().map(|place| self.bins.column_at(place)).zip(histograms);
        let tried = columns.filter(|(column, _)| self.is_tried(target, *column));
        tried.fold(found, |found, (column, histogram)| {
            let least = found.map_or(0.0, |found| found.bar_for(column));
            let best = self.node(column, target).best_of_column(column, histogram, prefixes, least);
            better(found, best.map(|best| Found { column, best }))
        })
    }

    fn is_tried(&self, target: &Target, column: usize) -> bool {
        target.columns.len() == self.bins.n_columns() || target.columns.binary_search(&column).is_ok()
    }

    /// What was found in a node, with every bin's side settled by the node's histogram.
    pub(super) fn settle(&self, target: &Target, found: Found, histogram: &Histogram) -> Split {
        let Found { column, best } = found;
        self.node(column, target).split(column, best, &histogram.columns[self.bins.place_of(column)])
    }

    /// The value of a node in integer units, `−G / (H + λ)` kept within its bounds.
    pub(super) fn value(&self, entry: u64, bounds: Bounds) -> f64 {
        let sums = self.layout.sums(entry);
        let l2 = self.params.l2_regularization * self.layout.hessian_scale;
        (-sums.gradient / (sums.hessian + l2)).clamp(bounds.lower, bounds.upper)
    }

    /// The least rows and hessian of a child, in units.
    fn least(&self) -> (i32, i32) {
        self.layout.least(self.params.min_samples_leaf, self.params.min_hessian)
    }

    fn node(&self, column: usize, target: &Target) -> Node<'_> {
        let Target { total, bounds, .. } = *target;
        let l2 = self.params.l2_regularization * self.layout.hessian_scale;
        let sums = self.layout.sums(total);
        let direction = f64::from(self.params.direction(column));
        let mut node = Node { search: self, total, sums, bounds, l2, direction, parent: 0.0 };
        node.parent = node.score(sums, l2);
        node
    }
}

impl Node<'_> {
    /// The column's best split; it may be left out where it does not gain more than `least`.
    fn best_of_column(
        &self,
        column: usize,
        histogram: &ColumnHistogram,
        prefixes: &mut Prefixes,
        least: f64,
    ) -> Option<Best> {
        let histogram = &histogram[..self.search.bins.n_bins(column)];
        if self.search.bins.is_category(column) {
            return self.best_levels(histogram);
        }
        self.best_threshold(histogram, prefixes, least)
    }

    /// The split with every bin's side settled.
    fn split(&self, column: usize, best: Best, histogram: &ColumnHistogram) -> Split {
        let left_bins = best.levels.unwrap_or_else(|| at_most(best.bin, best.missing_left));
        let left_bins = self.settle_empty(left_bins, &best, histogram);
        Split { column, gain: best.gain, threshold: best.bin, left_bins, left: best.left }
    }

    /// Bins without rows in this node go where most rows go.
    fn settle_empty(&self, mut left: BinSet, best: &Best, histogram: &ColumnHistogram) -> BinSet {
        let left_rows = self.search.layout.sums(best.left).rows;
        let last = if best.levels.is_some() { 255 } else { MISSING_BIN };
        for bin in (0..=last).filter(|&bin| histogram[usize::from(bin)] == 0) {
            let mask = 1 << (bin & 63);
            left[usize::from(bin >> 6)] &= !mask;
            left[usize::from(bin >> 6)] |= if 2.0 * left_rows > self.sums.rows { mask } else { 0 };
        }
        left
    }

    /// The gain of sending `left` left, 0 where that is not allowed.
    fn gain(&self, left: u64, l2: f64) -> f64 {
        let right = self.total.wrapping_sub(left);
        let (l, r) = (self.search.layout.sums(left), self.search.layout.sums(right));
        if !self.is_large(left) || !self.is_large(right) || !self.keeps_direction(l, r, l2) {
            return 0.0;
        }
        self.score(l, l2) + self.score(r, l2) - self.parent
    }

    fn is_large(&self, entry: u64) -> bool {
        let (layout, least) = (&self.search.layout, self.search.least());
        layout.count(entry) >= least.0 && layout.hessian(entry) >= least.1
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
}

/// The set of a threshold: bins `1..=last`, and the missing one if it goes left.
fn at_most(last: u8, missing_left: bool) -> BinSet {
    let word = |word: usize| match (usize::from(last) + 1).saturating_sub(64 * word) {
        n_bins @ 0..64 => (1 << n_bins) - 1,
        _ => u64::MAX,
    };
    let mut set = std::array::from_fn(word);
    set[0] = set[0] & !1 | u64::from(missing_left);
    set
}
