//! Growing one tree, best leaf first, on a subset of a table's rows.

use rayon::prelude::*;

use super::bundles::MAX_VALUES;
use super::cells::Bins;
use super::copies::ColumnCopies;
use super::fill::SpareCells;
use super::histogram::{Extent, Histogram, Layout, PARALLEL_ROWS, Row, row_index};
use super::interactions::{Allowed, Interactions};
use super::leaves::LeafRows;
use super::partition::partition;
use super::pass::Pass;
use super::rows::{Derivatives, Rows};
use super::split::{Bounds, Found, Search, Split, Target, contains};

/// Below this many cells a second thread is as much in the way as it helps.
const PARALLEL_CELLS: usize = 1 << 17;

/// Rows that can be set aside while a node is parted, or a quarter of the rows where that is more.
const SCRATCH_ROWS: usize = 1 << 18;

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
    /// Groups of columns, by position, that may meet on a path from root to leaf: below a split, a node tries only the
    /// columns of the groups that hold every column used above it. A column may be in several groups; those in none
    /// form one more. Empty, the default, sets no limit.
    pub interaction_groups: Vec<Vec<usize>>,
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
            interaction_groups: Vec::new(),
            category_smoothing: 10.0,
            category_l2: 10.0,
            min_category_rows: 20.0,
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
        self.leaf_nodes()
            .map(|leaf| (leaf.value, self.rows[leaf.start..leaf.end].iter().map(|&row| row_index(row))))
    }

    /// Adds `scale` times the value of its leaf to the `raw` score of every row the tree was grown on; `raw` is one a
    /// row of the table. With `n_threads` above 1 it uses rayon's current pool for large tables.
    pub fn add_to(&self, raw: &mut [f64], scale: f64, n_threads: usize) {
        let values: Vec<f64> = self.leaf_nodes().map(|leaf| leaf.value * scale).collect();
        let leaves = self.leaf_nodes().map(|leaf| leaf.start..leaf.end).collect();
        LeafRows { rows: &self.rows, leaves }.add(&values, raw, n_threads);
    }

    fn leaf_nodes(&self) -> impl Iterator<Item = &GrownNode> {
        self.nodes.iter().filter(|node| node.split.is_none())
    }

    /// Values every leaf anew, by its value and the indices of its training rows.
    pub fn renew_leaves(&mut self, value: impl Fn(f64, &mut dyn Iterator<Item = usize>) -> f64) {
        for leaf in self.nodes.iter_mut().filter(|node| node.split.is_none()) {
            leaf.value =
                value(leaf.value, &mut self.rows[leaf.start..leaf.end].iter().map(|&row| row_index(row)));
        }
    }

    /// The value of the leaf that a row of the same bins falls into.
    pub fn predict(&self, bins: &Bins, row: usize) -> f64 {
        let mut node = &self.nodes[0];
        while let Some((split, left, right)) = &node.split {
            let goes_left = contains(&split.left_bins, bins.bin(row, split.column));
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
    cells: SpareCells,
    scratch: Vec<Row>,
    rows: Vec<Row>,
    copies: ColumnCopies,
}

/// A leaf that may still be split.
struct OpenLeaf {
    node: usize,
    depth: usize,
    total: u64,
    bounds: Bounds,
    allowed: Allowed,
    histogram: Histogram,
    split: Split,
}

/// A child on its way to become a leaf.
#[derive(Clone)]
struct Child {
    node: usize,
    depth: usize,
    total: u64,
    bounds: Bounds,
    allowed: Allowed,
}

impl Child {
    fn target(&self) -> Target<'_> {
        Target { total: self.total, bounds: self.bounds, columns: &self.allowed.columns }
    }
}

impl<'a> Grower<'a> {
    /// A grower over these bins; with `n_threads` above 1 it uses rayon's current pool where a table and a node are large.
    pub fn new(bins: &'a Bins, params: GrowParams, n_threads: usize) -> Self {
        let is_small = bins.n_rows() * bins.n_columns() < PARALLEL_CELLS;
        // No more than have a share worth having of the root's rows, or of a small node's columns.
        let most = bins.groups().len().max(bins.n_rows().div_ceil(PARALLEL_ROWS));
        let n_threads = if is_small { 1 } else { n_threads.min(most).max(1) };
        Grower {
            bins,
            params,
            n_threads,
            spare: Vec::new(),
            cells: SpareCells::new(if n_threads > 1 { rayon::current_num_threads() } else { 1 }),
            scratch: Vec::new(),
            rows: Vec::new(),
            copies: ColumnCopies::default(),
        }
    }

    /// Grows a tree on `rows`, at least one, trying `columns` only (ascending).
    pub fn grow(&mut self, rows: Rows<'_>, of: &impl Derivatives, columns: &[usize]) -> GrownTree {
        let n_rows = rows.at(rows.len() - 1) as usize + 1;
        let layout = self.take_rows(rows, of);
        let params = self.params.clone();
        let search = Search { bins: self.bins, params: &params, layout };
        let interactions = Interactions::new(&params.interaction_groups, self.bins.n_columns());
        let (nodes, bounds, open) = (Vec::new(), Vec::new(), Vec::new());
        let mut growth = Growth { grower: self, search, interactions, nodes, bounds, open };
        growth.plant(columns);
        while growth.can_split_further() {
            growth.split_next();
        }
        growth.finish(of, n_rows)
    }

    /// Puts the rows in their places, each with its gradient and hessian in the units of the layout that comes out.
    fn take_rows(&mut self, rows: Rows<'_>, of: &impl Derivatives) -> Layout {
        self.rows.resize(rows.len(), 0);
        self.scratch.resize(rows.len().min(SCRATCH_ROWS.max(rows.len() / 4 + 1)), 0);
        // Extents are of chunks of fixed size, so that threads change nothing.
        let chunk = |(at, places): (usize, &mut [Row])| {
            let (mut gradients, mut hessians) = ([0.0; PARALLEL_ROWS], [0.0; PARALLEL_ROWS]);
            let (gradients, hessians) = (&mut gradients[..places.len()], &mut hessians[..places.len()]);
            of.fill(rows.part(at * PARALLEL_ROWS..at * PARALLEL_ROWS + places.len()), gradients, hessians);
            let values = gradients.iter().zip(&*hessians);
            places.iter_mut().zip(values).for_each(|(place, (&g, &h))| *place = Layout::unrounded(g, h));
            [Extent::of(gradients), Extent::of(hessians)]
        };
        let round = |layout: &Layout, first: usize, places: &mut [Row]| {
            let rows = (first..).map(|place| rows.at(place));
            places.iter_mut().zip(rows).for_each(|(place, row)| *place = layout.rounded(row, *place));
        };
        if self.n_threads < 2 || rows.len() <= PARALLEL_ROWS {
            let chunks: Vec<[Extent; 2]> =
                self.rows.chunks_mut(PARALLEL_ROWS).enumerate().map(chunk).collect();
            let layout = layout(rows.len(), chunks);
            round(&layout, 0, &mut self.rows);
            return layout;
        }
        let chunks: Vec<[Extent; 2]> =
            self.rows.par_chunks_mut(PARALLEL_ROWS).enumerate().map(chunk).collect();
        let layout = layout(rows.len(), chunks);
        // A block a thread, as partitions have it, so that most rows stay near the core that works on them.
        let block = rows.len().div_ceil(self.n_threads);
        let blocks = self.rows.par_chunks_mut(block).enumerate();
        blocks.for_each(|(at, places)| round(&layout, at * block, places));
        layout
    }

    /// Takes back the memory of a tree that has served.
    pub fn reuse(&mut self, grown: GrownTree) {
        self.rows = grown.rows;
    }

    /// Threads that share the work of a large node: 1 where the table is small.
    pub(crate) fn n_threads(&self) -> usize {
        self.n_threads
    }

    fn histogram(&mut self) -> Histogram {
        self.spare.pop().unwrap_or_else(|| Histogram::new(self.bins.n_columns()))
    }
}

/// The layout for so many rows, by the extents of gradients and hessians in some chunks of them.
fn layout(n_rows: usize, chunks: Vec<[Extent; 2]>) -> Layout {
    let [gradients, hessians] =
        [0, 1].map(|of| chunks.iter().map(|extents| extents[of]).fold(Extent::default(), Extent::and));
    Layout::new(n_rows, gradients, hessians)
}

/// One tree while it grows.
struct Growth<'g, 'a> {
    grower: &'g mut Grower<'a>,
    search: Search<'g>,
    interactions: Interactions,
    nodes: Vec<GrownNode>,
    /// Bounds of every node's value, in integer units.
    bounds: Vec<Bounds>,
    open: Vec<OpenLeaf>,
}

impl Growth<'_, '_> {
    /// Puts the root in place, open if it can be split on one of `columns`.
    fn plant(&mut self, columns: &[usize]) {
        let root = self.add_node(0, self.grower.rows.len(), Bounds::NONE);
        let mut histogram = self.grower.histogram();
        let total = self.total();
        let allowed = self.interactions.at_root(columns);
        let root = Child { node: root, depth: 0, total, bounds: Bounds::NONE, allowed };
        let filled = self.may_split(&root).then(|| root.target());
        let Grower { rows, spare, cells, n_threads, .. } = &mut *self.grower;
        let pass = Pass { search: &self.search, cells, rows, filled, rest: None };
        let [found, _] = pass.run(&mut histogram.columns, &mut [], spare, *n_threads);
        self.open(root, histogram, found);
    }

    /// The packed sums of all rows.
    fn total(&self) -> u64 {
        let (rows, layout) = (&self.grower.rows, &self.search.layout);
        if self.grower.n_threads > 1 && rows.len() > PARALLEL_ROWS {
            let parts = rows.par_chunks(PARALLEL_ROWS).map(|rows| layout.total(rows));
            return parts.reduce(|| 0, u64::wrapping_add);
        }
        layout.total(rows)
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
        let middle = start + self.part_rows(start, end, &leaf.split);
        let right_total = leaf.total.wrapping_sub(leaf.split.left);
        let (left_bounds, right_bounds) = self.child_bounds(leaf, right_total);
        let left = self.add_node(start, middle, left_bounds);
        let right = self.add_node(middle, end, right_bounds);
        let allowed = self.interactions.below(&leaf.allowed, leaf.split.column);
        let child = |node, total, bounds| {
            let allowed = allowed.clone();
            Child { node, depth: leaf.depth + 1, total, bounds, allowed }
        };
        (child(left, leaf.split.left, left_bounds), child(right, right_total, right_bounds))
    }

    fn part_rows(&mut self, start: usize, end: usize, split: &Split) -> usize {
        let Grower { bins, rows, scratch, copies, n_threads, .. } = &mut *self.grower;
        let cells = copies.cells(bins, split.column, end - start, *n_threads);
        let (rows, n_threads) = (&mut rows[start..end], *n_threads);
        let goes_left: [bool; 256] = std::array::from_fn(|bin| contains(&split.left_bins, bin as u8));
        let goes_left = |bin: u8| goes_left[usize::from(bin)];
        match cells.bins() {
            Some(bins) if rows.len() > MAX_VALUES => {
                let goes_left = bins.map(goes_left);
                partition(rows, scratch, &|row| goes_left[cells.number(row_index(row))], n_threads)
            }
            _ => partition(rows, scratch, &|row| goes_left(cells.bin(row_index(row))), n_threads),
        }
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
        if !self.may_split(&left) && !self.may_split(&right) {
            return self.grower.spare.push(parent);
        }
        let left_is_small = self.nodes[left.node].n_rows() <= self.nodes[right.node].n_rows();
        let (small, large) = if left_is_small { (left, right) } else { (right, left) };
        let (mut of_small, mut of_large) = (self.grower.histogram(), parent);
        let [filled, rest] = [&small, &large].map(|child| self.may_split(child).then(|| child.target()));
        let GrownNode { start, end, .. } = self.nodes[small.node];
        let Grower { rows, spare, cells, n_threads, .. } = &mut *self.grower;
        let pass = Pass { search: &self.search, cells, rows: &rows[start..end], filled, rest };
        let [in_small, in_large] = pass.run(&mut of_small.columns, &mut of_large.columns, spare, *n_threads);
        self.open(small, of_small, in_small);
        self.open(large, of_large, in_large);
    }

    fn may_split(&self, child: &Child) -> bool {
        let params = self.search.params;
        self.n_leaves() < params.max_leaf_nodes
            && params.max_depth.is_none_or(|depth| child.depth < depth)
            && self.nodes[child.node].n_rows() >= 2 * params.min_samples_leaf
    }

    /// Keeps a leaf for splitting if it has a split worth making.
    fn open(&mut self, child: Child, histogram: Histogram, found: Option<Found>) {
        let Some(found) = found else { return self.grower.spare.push(histogram) };
        let split = self.search.settle(&child.target(), found, &histogram);
        let Child { node, depth, total, bounds, allowed } = child;
        self.open.push(OpenLeaf { node, depth, total, bounds, allowed, histogram, split });
    }

    /// Values every leaf by the exact sums over its rows and gives the buffers back.
    fn finish(self, of: &impl Derivatives, n_rows: usize) -> GrownTree {
        let Growth { grower, search, mut nodes, open, bounds, .. } = self;
        grower.spare.extend(open.into_iter().map(|leaf| leaf.histogram));
        let l2 = search.params.l2_regularization;
        let unit = search.layout.hessian_scale / search.layout.gradient_scale;
        let leaf_nodes = || (0..nodes.len()).filter(|&node| nodes[node].split.is_none());
        let leaves = leaf_nodes().map(|leaf| nodes[leaf].start..nodes[leaf].end).collect();
        let leaf_rows = LeafRows { rows: &grower.rows, leaves };
        let sums = leaf_rows.sums(of, n_rows, grower.n_threads);
        for (node, (gradient, hessian)) in leaf_nodes().collect::<Vec<_>>().into_iter().zip(sums) {
            let free = if hessian + l2 > 1e-12 { -gradient / (hessian + l2) } else { 0.0 };
            nodes[node].value = free.clamp(bounds[node].lower * unit, bounds[node].upper * unit);
        }
        GrownTree { nodes, rows: std::mem::take(&mut grower.rows) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::{Binning, ColumnView, MISSING_CODE};

    fn bins(columns: &[ColumnView]) -> Bins {
        Binning::fit(columns, 255).bin(columns)
    }

    fn spread(n: usize, step: usize, modulus: usize) -> Vec<f64> {
        (0..n).map(|r| ((r * step) % modulus) as f64).collect()
    }

    fn grow(bins: &Bins, params: GrowParams, gradients: &[f32]) -> GrownTree {
        let columns: Vec<usize> = (0..bins.n_columns()).collect();
        let of = (gradients, &vec![1.0; gradients.len()][..]);
        Grower::new(bins, params, 1).grow(Rows::First(bins.n_rows()), &of, &columns)
    }

    fn leaf_sizes(tree: &GrownTree) -> Vec<usize> {
        tree.leaves().map(|(_, rows)| rows.count()).collect()
    }

    #[test]
    fn the_best_threshold_is_found_and_leaves_hold_the_means() {
        let values = spread(500, 1, 500);
        let gradients: Vec<f32> = values.iter().map(|&v| if v <= 123.0 { 2.0 } else { -1.0 }).collect();
        let bins = bins(&[ColumnView::F64(&values)]);
        let tree = grow(&bins, GrowParams { max_leaf_nodes: 2, ..GrowParams::default() }, &gradients);
        let wrong = (0..500).filter(|&r| tree.predict(&bins, r) != -f64::from(gradients[r])).count();
        assert!(wrong <= 1, "255 bins of 500 values: a bin of two may straddle the step");
    }

    #[test]
    fn limits_on_leaves_depth_and_rows_are_kept() {
        let columns = [spread(3000, 7919, 2999), spread(3000, 104_729, 2789)];
        let bins = bins(&columns.each_ref().map(|values| ColumnView::F64(values)));
        let gradients: Vec<f32> = (0..3000).map(|r| ((r * 131) % 211) as f32 / 105.0 - 1.0).collect();
        let of = |params: GrowParams| grow(&bins, params, &gradients);
        assert_eq!(of(GrowParams { max_leaf_nodes: 7, ..GrowParams::default() }).n_leaves(), 7);
        assert!(of(GrowParams { max_depth: Some(3), ..GrowParams::default() }).n_leaves() <= 8);
        let sizes = leaf_sizes(&of(GrowParams {
            min_samples_leaf: 150,
            max_leaf_nodes: 100,
            ..GrowParams::default()
        }));
        assert!(sizes.len() > 5 && sizes.iter().all(|&size| size >= 150), "{sizes:?}");
        assert_eq!(sizes.iter().sum::<usize>(), 3000);
    }

    #[test]
    fn a_subset_of_rows_gives_the_tree_of_a_table_of_them() {
        let n = 1200;
        let values = [spread(n, 37, 97), spread(n, 53, 89)];
        let whole = bins(&values.each_ref().map(|values| ColumnView::F64(values)));
        let gradients: Vec<f32> = (0..n).map(|r| ((r * 71) % 113) as f32 - 56.0).collect();
        let rows: Vec<u32> = (0..n as u32).filter(|r| r % 3 != 0).collect();
        let some = |values: &[f64]| rows.iter().map(|&r| values[r as usize]).collect::<Vec<f64>>();
        let (a, b) = (some(&values[0]), some(&values[1]));
        let part = bins(&[ColumnView::F64(&a), ColumnView::F64(&b)]);
        let part_gradients: Vec<f32> = rows.iter().map(|&r| gradients[r as usize]).collect();
        let of = (&gradients[..], &vec![1.0; n][..]);
        let of_subset = Grower::new(&whole, GrowParams::default(), 1).grow(Rows::Listed(&rows), &of, &[0, 1]);
        let of_part = grow(&part, GrowParams::default(), &part_gradients);
        for (at, &row) in rows.iter().enumerate() {
            assert_eq!(of_subset.predict(&whole, row as usize), of_part.predict(&part, at));
        }
    }

    #[test]
    fn missing_values_go_to_the_side_they_resemble() {
        for missing_gradient in [-1.0, 1.0] {
            let values: Vec<f64> =
                (0..400).map(|r| if r % 4 == 0 { f64::NAN } else { f64::from(r) }).collect();
            let gradient = |r: usize| {
                if r.is_multiple_of(4) {
                    missing_gradient
                } else if r < 200 {
                    -1.0
                } else {
                    1.0
                }
            };
            let gradients: Vec<f32> = (0..400).map(gradient).collect();
            let bins = bins(&[ColumnView::F64(&values)]);
            let tree = grow(&bins, GrowParams { max_leaf_nodes: 2, ..GrowParams::default() }, &gradients);
            for (r, gradient) in gradients.iter().enumerate() {
                assert_eq!(tree.predict(&bins, r), -f64::from(*gradient), "row {r}");
            }
        }
    }

    #[test]
    fn missing_alone_can_be_split_off() {
        let values: Vec<f64> = (0..300).map(|r| if r % 3 == 0 { f64::NAN } else { 5.0 }).collect();
        let gradients: Vec<f32> = (0..300).map(|r| if r % 3 == 0 { 1.0 } else { -1.0 }).collect();
        let bins = bins(&[ColumnView::F64(&values)]);
        let tree = grow(&bins, GrowParams::default(), &gradients);
        assert_eq!((tree.n_leaves(), tree.predict(&bins, 0), tree.predict(&bins, 1)), (2, -1.0, 1.0));
    }

    #[test]
    fn levels_are_grouped_by_their_gradients() {
        let codes: Vec<u32> = (0..2400).map(|r| if r % 13 == 12 { MISSING_CODE } else { r % 13 }).collect();
        let high = |code: u32| matches!(code, 1 | 4 | 5 | 11 | MISSING_CODE);
        let gradients: Vec<f32> = codes.iter().map(|&code| if high(code) { 1.0 } else { -1.0 }).collect();
        let bins = bins(&[ColumnView::Category { codes: &codes, n_levels: 12 }]);
        let params = GrowParams { max_leaf_nodes: 2, category_l2: 0.0, ..GrowParams::default() };
        let tree = grow(&bins, params, &gradients);
        for (r, gradient) in gradients.iter().enumerate() {
            assert_eq!(tree.predict(&bins, r), -f64::from(*gradient));
        }
    }

    #[test]
    fn predictions_keep_the_monotone_direction() {
        let n = 4000;
        let (x, other) = (spread(n, 7919, 1009), spread(n, 104_729, 997));
        let noise = |r: usize| ((r * 2_654_435_761) % 1000) as f32 / 250.0 - 2.0;
        for direction in [-1i8, 1] {
            let bins = bins(&[ColumnView::F64(&x), ColumnView::F64(&other)]);
            let gradients: Vec<f32> = (0..n)
                .map(|r| noise(r) + (x[r] as f32 / 100.0).sin() + (other[r] as f32 / 90.0).cos())
                .collect();
            let free = grow(&bins, GrowParams::default(), &gradients);
            let params = GrowParams {
                monotonic: vec![direction, 0],
                min_samples_leaf: 5,
                max_leaf_nodes: 60,
                ..GrowParams::default()
            };
            let bound = grow(&bins, params, &gradients);
            assert!(bound.n_leaves() > 10);
            let falls = |tree: &GrownTree| falls_along(tree, &bins, direction);
            assert!(!falls(&bound), "{direction}");
            assert!(falls(&free), "{direction}");
        }
    }

    #[test]
    fn columns_of_different_groups_never_meet_on_a_path() {
        let n = 4000;
        let columns: Vec<Vec<f64>> = (0..4).map(|c| spread(n, 7919 + 31 * c, 97 + 13 * c)).collect();
        let bins = bins(&columns.iter().map(|values| ColumnView::F64(values)).collect::<Vec<_>>());
        let gradients: Vec<f32> =
            (0..n).map(|r| columns.iter().map(|c| (c[r] as f32 / 17.0).sin()).product::<f32>()).collect();
        let met = |interaction_groups| {
            let tree = grow(&bins, GrowParams { interaction_groups, ..GrowParams::default() }, &gradients);
            assert!(tree.n_leaves() > 5);
            columns_on_paths(&tree, 0, Vec::new())
        };
        let apart = |path: &Vec<usize>| {
            let within = |group: &[usize]| path.iter().all(|column| group.contains(column));
            within(&[0, 1]) || within(&[1, 2]) || within(&[3])
        };
        assert!(met(vec![vec![0, 1], vec![1, 2]]).iter().all(apart));
        assert!(!met(Vec::new()).iter().all(apart));
    }

    /// The columns split on above every leaf.
    fn columns_on_paths(tree: &GrownTree, node: usize, above: Vec<usize>) -> Vec<Vec<usize>> {
        let Some((split, left, right)) = &tree.nodes[node].split else { return vec![above] };
        let path = [above, vec![split.column]].concat();
        [columns_on_paths(tree, *left, path.clone()), columns_on_paths(tree, *right, path)].concat()
    }

    /// Whether, with the second column fixed, the prediction ever moves against the direction.
    fn falls_along(tree: &GrownTree, bins: &Bins, direction: i8) -> bool {
        let value = |first: u8, second: u8| {
            let mut node = &tree.nodes[0];
            while let Some((split, left, right)) = &node.split {
                let goes_left = contains(&split.left_bins, [first, second][split.column]);
                node = &tree.nodes[if goes_left { *left } else { *right }];
            }
            node.value * f64::from(direction)
        };
        let last = |column| (bins.n_bins(column) - 1) as u8;
        (1..last(1))
            .any(|second| (2..=last(0)).any(|first| value(first, second) < value(first - 1, second) - 1e-12))
    }

    #[test]
    fn a_tree_is_the_same_at_any_thread_count_and_with_columns_in_bundles() {
        let n = 40_000;
        let n_values = |c: usize| if c.is_multiple_of(3) { 400 + 31 * c } else { 2 + c % 7 };
        let columns: Vec<Vec<f64>> = (0..24).map(|c| spread(n, 7919 + 2 * c, n_values(c))).collect();
        let views: Vec<ColumnView> = columns.iter().map(|values| ColumnView::F64(values)).collect();
        let binning = Binning::fit(&views, 255);
        let gradients: Vec<f32> = (0..n).map(|r| ((r * 2_654_435_761) % 1000) as f32 / 500.0 - 1.0).collect();
        let of = (&gradients[..], &vec![0.25; n][..]);
        let all: Vec<usize> = (0..24).collect();
        let grow = |n_threads, most_values| {
            let bins = binning.bin_bundled(&views, most_values);
            assert_eq!(bins.groups().iter().any(|group| group.is_of_bundles), most_values > 0);
            let mut grower = Grower::new(&bins, GrowParams::default(), n_threads);
            let tree = grower.grow(Rows::First(n), &of, &all);
            assert!((0..n).step_by(997).all(|row| tree.predict(&bins, row).is_finite()));
            format!("{:?}", tree.nodes)
        };
        let one = grow(1, 0);
        for (n_threads, most_values) in [(2, 0), (7, 0), (1, 60), (2, 60), (1, 4096), (2, 4096), (7, 4096)] {
            assert_eq!(one, grow(n_threads, most_values), "{n_threads} threads, {most_values} values");
        }
    }

    #[test]
    fn nothing_to_gain_leaves_one_leaf() {
        let values = spread(100, 1, 100);
        let bins = bins(&[ColumnView::F64(&values)]);
        assert_eq!(grow(&bins, GrowParams::default(), &[0.0; 100]).n_leaves(), 1);
        let tree = grow(&bins, GrowParams { min_samples_leaf: 60, ..GrowParams::default() }, &[0.5; 100]);
        assert_eq!((tree.n_leaves(), tree.predict(&bins, 3)), (1, -0.5));
    }

    #[test]
    fn without_columns_all_rows_are_one_leaf() {
        let of = (&[1.0, 3.0][..], &[1.0; 2][..]);
        let tree = Grower::new(&bins(&[]), GrowParams::default(), 2).grow(Rows::First(2), &of, &[]);
        assert_eq!(tree.leaves().map(|(value, rows)| (value, rows.count())).collect::<Vec<_>>(), [(-2.0, 2)]);
    }

    #[test]
    fn extreme_gradients_do_no_harm() {
        let values = spread(64, 5, 64);
        let bins = bins(&[ColumnView::F64(&values)]);
        for (small, large) in [(1e-30, 1e-30), (1.0, 1e30), (0.0, 1e-38), (1e-20, 1e20)] {
            let gradients: Vec<f32> = (0..64).map(|r| if r % 7 == 0 { large } else { -small }).collect();
            let params = GrowParams { min_samples_leaf: 1, ..GrowParams::default() };
            let tree = grow(&bins, params, &gradients);
            assert!(tree.leaves().all(|(value, _)| value.is_finite()));
        }
    }
}
