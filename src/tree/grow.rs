//! Growing one tree, best leaf first, on a subset of a table's rows.

use super::bins::Bins;
use super::histogram::{Extent, Histogram, Layout, Row, row_index};
use super::split::{BinSet, Bounds, Search, Split, contains};

/// How trees grow.
#[derive(Clone, Debug, PartialEq)]
pub struct GrowParams {
    /// Most leaves, 2 or more.
    pub max_leaf_nodes: usize,
    /// Most splits between root and leaf; `None` sets no limit.
    pub max_depth: Option<usize>,
    /// Fewest training rows in a leaf. Exact up to 32,767 rows a tree, above that estimated from the hessian.
    pub min_samples_leaf: usize,
    /// Smallest sum of hessians in a leaf.
    pub min_hessian: f64,
    /// λ of the leaf value `−G / (H + λ)`.
    pub l2_regularization: f64,
    /// −1, 0 or 1 a column, or empty: whether the prediction must fall or rise with it. Numbers only.
    pub monotonic: Vec<i8>,
    /// Added to a level's hessian when levels are ordered; a level with fewer rows than this never goes left.
    pub category_smoothing: f64,
    /// Added to λ for splits of ordered levels.
    pub category_l2: f64,
    /// Fewest rows by which two tried splits of ordered levels differ.
    pub min_category_rows: f64,
}

impl Default for GrowParams {
    fn default() -> Self {
        GrowParams {
            max_leaf_nodes: 31,
            max_depth: None,
            min_samples_leaf: 20,
            min_hessian: 1e-3,
            l2_regularization: 0.0,
            monotonic: Vec::new(),
            category_smoothing: 10.0,
            category_l2: 10.0,
            min_category_rows: 100.0,
        }
    }
}

impl GrowParams {
    pub(super) fn direction(&self, column: usize) -> i8 {
        self.monotonic.get(column).copied().unwrap_or(0)
    }
}

/// A node of a grown tree, in bins.
#[derive(Clone, Debug)]
pub(super) struct GrownNode {
    /// How it was split and into which nodes; `None` for a leaf.
    pub(super) split: Option<(Split, usize, usize)>,
    /// `−G / (H + λ)` within the bounds; leaves only, 0 elsewhere.
    pub(super) value: f64,
    /// Its rows, as a range of the grower's rows.
    start: usize,
    end: usize,
}

/// A tree as it was grown: knows bins and which training rows fell where.
#[derive(Clone, Debug)]
pub struct GrownTree {
    /// The root is node 0.
    pub(super) nodes: Vec<GrownNode>,
    /// The rows it was grown on, leaf by leaf.
    rows: Vec<Row>,
}

impl GrownNode {
    pub(super) fn n_rows(&self) -> usize {
        self.end - self.start
    }
}

impl GrownTree {
    /// Number of leaves, 1 or more.
    pub fn n_leaves(&self) -> usize {
        self.nodes.len().div_ceil(2)
    }

    /// Every leaf's value with the indices of the training rows in it, ascending.
    pub fn leaves(&self) -> impl Iterator<Item = (f64, impl Iterator<Item = usize> + '_)> + '_ {
        let leaves = self.nodes.iter().filter(|node| node.split.is_none());
        leaves.map(|leaf| (leaf.value, self.rows[leaf.start..leaf.end].iter().map(|&row| row_index(row))))
    }

    /// The value of the leaf that a row of the same bins falls into.
    pub fn predict(&self, bins: &Bins, row: usize) -> f64 {
        let mut node = &self.nodes[0];
        while let Some((split, left, right)) = &node.split {
            let goes_left = contains(&split.left_bins, bins.column(split.column)[row]);
            node = &self.nodes[if goes_left { *left } else { *right }];
        }
        node.value
    }
}

/// Grows trees over the same bins one after the other, keeping its buffers.
pub struct Grower<'a> {
    bins: &'a Bins,
    params: GrowParams,
    n_threads: usize,
    spare: Vec<Histogram>,
    scratch: Vec<Row>,
    rows: Vec<Row>,
}

/// A leaf that may still be split.
struct OpenLeaf {
    node: usize,
    depth: usize,
    total: u64,
    bounds: Bounds,
    histogram: Histogram,
    split: Split,
}

/// A child on its way to become a leaf.
#[derive(Clone, Copy)]
struct Child {
    node: usize,
    depth: usize,
    total: u64,
    bounds: Bounds,
}

impl<'a> Grower<'a> {
    /// A grower over these bins; with `n_threads` above 1 it uses rayon's current pool for large nodes.
    pub fn new(bins: &'a Bins, params: GrowParams, n_threads: usize) -> Self {
        Grower { bins, params, n_threads, spare: Vec::new(), scratch: Vec::new(), rows: Vec::new() }
    }

    /// Grows a tree on `rows` (indices, ascending, at least one), trying `columns` only (ascending).
    ///
    /// `gradients` and `hessians` are one a row of the table, finite, hessians not negative.
    pub fn grow(
        &mut self,
        rows: &[u32],
        gradients: &[f32],
        hessians: &[f32],
        columns: &[usize],
    ) -> GrownTree {
        let layout = Layout::new(rows.len(), Extent::of(gradients, rows), Extent::of(hessians, rows));
        self.rows.clear();
        self.rows.extend(rows.iter().map(|&r| layout.row(r, gradients[r as usize], hessians[r as usize])));
        self.scratch.resize(rows.len(), 0);
        let params = self.params.clone();
        let search = Search { bins: self.bins, params: &params, layout, columns };
        let mut growth =
            Growth { grower: self, search, nodes: Vec::new(), open: Vec::new(), bounds: Vec::new() };
        growth.plant();
        while growth.can_split_further() {
            growth.split_next();
        }
        growth.finish(gradients, hessians)
    }

    fn histogram(&mut self) -> Histogram {
        self.spare.pop().unwrap_or_else(|| Histogram::new(self.bins.n_columns()))
    }
}

/// One tree while it grows.
struct Growth<'g, 'a> {
    grower: &'g mut Grower<'a>,
    search: Search<'g>,
    nodes: Vec<GrownNode>,
    /// Bounds of every node's value, in integer units.
    bounds: Vec<Bounds>,
    open: Vec<OpenLeaf>,
}

impl Growth<'_, '_> {
    /// Puts the root in place, open if it can be split.
    fn plant(&mut self) {
        let root = self.add_node(0, self.grower.rows.len(), Bounds::NONE);
        let mut histogram = self.grower.histogram();
        let (bins, rows) = (self.grower.bins, &self.grower.rows);
        histogram.fill(bins, rows, &self.search.layout, self.grower.n_threads);
        let first_column = histogram.columns.first().into_iter().flatten();
        let total = first_column.fold(0, |sum: u64, entry| sum.wrapping_add(*entry));
        self.open(Child { node: root, depth: 0, total, bounds: Bounds::NONE }, histogram);
    }

    fn add_node(&mut self, start: usize, end: usize, bounds: Bounds) -> usize {
        self.nodes.push(GrownNode { split: None, value: 0.0, start, end });
        self.bounds.push(bounds);
        self.nodes.len() - 1
    }

    fn n_leaves(&self) -> usize {
        self.nodes.len().div_ceil(2)
    }

    fn can_split_further(&self) -> bool {
        !self.open.is_empty() && self.n_leaves() < self.search.params.max_leaf_nodes
    }

    /// Splits the open leaf that gains most; of equals, the oldest.
    fn split_next(&mut self) {
        let better = |best: usize, at: usize| {
            if self.open[at].split.gain > self.open[best].split.gain { at } else { best }
        };
        let at = (1..self.open.len()).fold(0, better);
        let leaf = self.open.remove(at);
        let (left, right) = self.divide(&leaf);
        self.nodes[leaf.node].split = Some((leaf.split, left.node, right.node));
        self.open_children(left, right, leaf.histogram);
    }

    /// Partitions the leaf's rows and gives its children their bounds.
    fn divide(&mut self, leaf: &OpenLeaf) -> (Child, Child) {
        let GrownNode { start, end, .. } = self.nodes[leaf.node];
        let column = self.grower.bins.column(leaf.split.column);
        let scratch = &mut self.grower.scratch;
        let middle =
            start + partition(&mut self.grower.rows[start..end], scratch, column, &leaf.split.left_bins);
        let right_total = leaf.total.wrapping_sub(leaf.split.left);
        let (left_bounds, right_bounds) = self.child_bounds(leaf, right_total);
        let left = self.add_node(start, middle, left_bounds);
        let right = self.add_node(middle, end, right_bounds);
        let child = |node, total, bounds| Child { node, depth: leaf.depth + 1, total, bounds };
        (child(left, leaf.split.left, left_bounds), child(right, right_total, right_bounds))
    }

    /// After a split on a monotone column, the middle of the children's values keeps all below them apart.
    fn child_bounds(&self, leaf: &OpenLeaf, right_total: u64) -> (Bounds, Bounds) {
        let (inherited, direction) = (leaf.bounds, self.search.params.direction(leaf.split.column));
        let value = |total| self.search.value(total, inherited);
        let middle = || (value(leaf.split.left) + value(right_total)) / 2.0;
        let below = |middle| Bounds { upper: middle, ..inherited };
        let above = |middle| Bounds { lower: middle, ..inherited };
        match direction {
            0 => (inherited, inherited),
            1.. => (below(middle()), above(middle())),
            _ => (above(middle()), below(middle())),
        }
    }

    /// Builds the smaller child's histogram, gets the other's by subtraction, and opens both.
    fn open_children(&mut self, left: Child, right: Child, parent: Histogram) {
        let splittable = [left, right].map(|child| self.may_split(child));
        if !splittable[0] && !splittable[1] {
            return self.grower.spare.push(parent);
        }
        let left_is_small = self.nodes[left.node].n_rows() <= self.nodes[right.node].n_rows();
        let small = if left_is_small { left } else { right };
        let mut histogram = self.grower.histogram();
        let GrownNode { start, end, .. } = self.nodes[small.node];
        let (bins, rows) = (self.grower.bins, &self.grower.rows[start..end]);
        histogram.fill(bins, rows, &self.search.layout, self.grower.n_threads);
        let mut rest = parent;
        rest.subtract(&histogram, bins);
        let (of_left, of_right) = if left_is_small { (histogram, rest) } else { (rest, histogram) };
        self.open(left, of_left);
        self.open(right, of_right);
    }

    fn may_split(&self, child: Child) -> bool {
        let params = self.search.params;
        self.n_leaves() < params.max_leaf_nodes
            && params.max_depth.is_none_or(|depth| child.depth < depth)
            && self.nodes[child.node].n_rows() >= 2 * params.min_samples_leaf
    }

    /// Keeps a leaf for splitting if it has a split worth making.
    fn open(&mut self, child: Child, histogram: Histogram) {
        let split = self
            .may_split(child)
            .then(|| self.search.best_split(&histogram, child.total, child.bounds))
            .flatten();
        let Child { node, depth, total, bounds } = child;
        match split {
            Some(split) => self.open.push(OpenLeaf { node, depth, total, bounds, histogram, split }),
            None => self.grower.spare.push(histogram),
        }
    }

    /// Values every leaf by the exact sums over its rows and gives the buffers back.
    fn finish(self, gradients: &[f32], hessians: &[f32]) -> GrownTree {
        let Growth { grower, search, mut nodes, open, bounds } = self;
        grower.spare.extend(open.into_iter().map(|leaf| leaf.histogram));
        let l2 = search.params.l2_regularization;
        let unit = search.layout.hessian_scale / search.layout.gradient_scale;
        for (node, bounds) in nodes.iter_mut().zip(bounds).filter(|(node, _)| node.split.is_none()) {
            let rows = &grower.rows[node.start..node.end];
            node.value =
                leaf_value(rows, gradients, hessians, l2).clamp(bounds.lower * unit, bounds.upper * unit);
        }
        GrownTree { nodes, rows: grower.rows.clone() }
    }
}

/// `−G / (H + λ)` over the rows, summed in double precision in the rows' order.
fn leaf_value(rows: &[Row], gradients: &[f32], hessians: &[f32], l2: f64) -> f64 {
    let add = |(g, h): (f64, f64), &row: &Row| {
        (g + f64::from(gradients[row_index(row)]), h + f64::from(hessians[row_index(row)]))
    };
    let (gradient, hessian) = rows.iter().fold((0.0, 0.0), add);
    if hessian + l2 > 1e-12 { -gradient / (hessian + l2) } else { 0.0 }
}

/// Moves the rows whose bin is in the set to the front, keeping the order on both sides; how many there are.
fn partition(rows: &mut [Row], scratch: &mut [Row], column: &[u8], left_bins: &BinSet) -> usize {
    let scratch = &mut scratch[..rows.len()];
    let (mut n_left, mut n_right) = (0, 0);
    for at in 0..rows.len() {
        let row = rows[at];
        let goes_left = usize::from(contains(left_bins, column[row_index(row)]));
        rows[n_left] = row;
        scratch[n_right] = row;
        n_left += goes_left;
        n_right += 1 - goes_left;
    }
    rows[n_left..].copy_from_slice(&scratch[..n_right]);
    n_left
}
