//! Predicting with fitted trees: real thresholds and category sets, no bins.

use std::sync::OnceLock;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::bins::{Binning, ColumnBinning, MISSING_BIN};
use super::codes::BLOCK;
use super::column::{ColumnView, MISSING_CODE, UNSEEN_CODE};
use super::contributions::Explainer;
use super::cutter::level_bin;
use super::flat::FlatForest;
use super::grow::{GrownNode, GrownTree};
use super::pairs::PairExplainer;
use super::split::{Split, contains};

/// Rows that one thread takes at a time: some blocks, so that what a thread sets up is small beside them.
const PART: usize = 4 * BLOCK;
/// From this many (row, tree) pairs on, several threads predict.
const PARALLEL_WORK: usize = 200_000;
/// How an unseen category stands in a row of numbers; a missing one is NaN.
pub const UNSEEN_LEVEL: f64 = -1.0;

/// One fitted tree.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tree {
    /// In preorder: a node's children come after it.
    pub(super) nodes: Vec<Node>,
    /// Value of every leaf, from left to right.
    pub(super) values: Vec<f64>,
    /// Training rows of every leaf.
    pub(super) counts: Vec<u32>,
}

/// A split with real values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Node {
    pub(super) column: u32,
    pub(super) test: Test,
    pub(super) missing_left: bool,
    /// A node, or the complement (`!`) of a leaf.
    pub(super) left: i32,
    pub(super) right: i32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Test {
    /// Numbers up to this go left.
    AtMost(f64),
    /// Category codes in this set go left.
    Among(Levels),
}

/// A set of category codes: those whose bit is set and, with `unseen_left`, all that have no bit.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Levels {
    pub(super) words: Vec<u64>,
    pub(super) unseen_left: bool,
}

impl Levels {
    /// The codes that have a bit are those below this.
    pub(super) fn n_levels(&self) -> usize {
        64 * self.words.len()
    }

    /// Whether a code, given as a number that is not NaN, is in the set.
    pub(super) fn hold(&self, value: f64) -> bool {
        let code = value as usize;
        let known = value > UNSEEN_LEVEL && code < self.n_levels();
        if known { self.words[code / 64] >> (code % 64) & 1 == 1 } else { self.unseen_left }
    }
}

impl Tree {
    /// The grown tree with its bins turned back into values, every leaf's value multiplied by `scale`.
    ///
    /// `binning` is the one its bins came from.
    pub fn new(grown: &GrownTree, binning: &Binning, scale: f64) -> Self {
        let mut tree = Tree { nodes: Vec::new(), values: Vec::new(), counts: Vec::new() };
        tree.add(grown, binning, scale, 0);
        tree
    }

    fn add(&mut self, grown: &GrownTree, binning: &Binning, scale: f64, at: usize) -> i32 {
        let GrownNode { split, value, .. } = &grown.nodes[at];
        let Some((split, left, right)) = split else {
            self.values.push(value * scale);
            self.counts.push(grown.nodes[at].n_rows() as u32);
            return !(self.values.len() as i32 - 1);
        };
        let index = self.nodes.len();
        self.nodes.push(Node::new(split, binning));
        self.nodes[index].left = self.add(grown, binning, scale, *left);
        self.nodes[index].right = self.add(grown, binning, scale, *right);
        index as i32
    }

    /// Number of leaves, 1 or more.
    pub fn n_leaves(&self) -> usize {
        self.values.len()
    }

    /// The leaf value of a row of `d` numbers: NaN is missing, a category is its code, an unseen one
    /// [`UNSEEN_LEVEL`].
    pub fn predict_row(&self, row: &[f64]) -> f64 {
        if self.nodes.is_empty() {
            return self.values[0];
        }
        let mut at = 0;
        while at >= 0 {
            let node = &self.nodes[at as usize];
            at = if node.goes_left(row[node.column as usize]) { node.left } else { node.right };
        }
        self.values[!at as usize]
    }

    /// The first leaf at or below a child.
    pub(super) fn first_leaf(&self, mut at: i32) -> usize {
        while at >= 0 {
            at = self.nodes[at as usize].left;
        }
        !at as usize
    }

    /// Leaves are numbered from left to right, so those at or below a child are a range.
    pub(super) fn leaves_below(&self, at: i32) -> std::ops::Range<usize> {
        let mut last = at;
        while last >= 0 {
            last = self.nodes[last as usize].right;
        }
        self.first_leaf(at)..!last as usize + 1
    }

    /// Training rows of every node. Children come after their parents.
    pub(super) fn rows_below(&self) -> Vec<f64> {
        let mut rows = vec![0.0; self.nodes.len()];
        for (at, node) in self.nodes.iter().enumerate().rev() {
            rows[at] = self.rows_of(&rows, node.left) + self.rows_of(&rows, node.right);
        }
        rows
    }

    /// Training rows of a child, given those of the nodes.
    pub(super) fn rows_of(&self, rows: &[f64], child: i32) -> f64 {
        if child < 0 { f64::from(self.counts[!child as usize]) } else { rows[child as usize] }
    }

    /// Most distinct columns between root and leaf.
    pub(super) fn most_columns_on_a_path(&self) -> usize {
        let mut most = 0;
        let mut pending = vec![(if self.nodes.is_empty() { !0 } else { 0 }, Vec::new())];
        while let Some((at, mut columns)) = pending.pop() {
            if let Ok(at) = usize::try_from(at) {
                let node = &self.nodes[at];
                if !columns.contains(&node.column) {
                    columns.push(node.column);
                }
                pending.extend([(node.left, columns.clone()), (node.right, columns)]);
            } else {
                most = most.max(columns.len());
            }
        }
        most
    }

    /// The same tree with every leaf's value multiplied.
    #[must_use]
    pub fn scaled(mut self, scale: f64) -> Self {
        self.values.iter_mut().for_each(|value| *value *= scale);
        self
    }

    /// Whether the parts fit together, as they do unless a file was made by something else.
    pub(super) fn is_sound(&self, n_columns: usize) -> bool {
        self.is_in_order()
            && self.counts.len() == self.values.len()
            && self.counts.iter().all(|&count| count > 0)
            && self.values.iter().all(|value| value.is_finite())
            && self.nodes.iter().all(|node| (node.column as usize) < n_columns && node.is_sound())
    }

    /// Whether nodes are in preorder and leaves from left to right, each there once.
    fn is_in_order(&self) -> bool {
        let (mut n_nodes, mut n_leaves) = (0, 0);
        let mut pending = vec![if self.nodes.is_empty() { !0 } else { 0 }];
        while let Some(at) = pending.pop() {
            match self.nodes.get(n_nodes) {
                _ if at == !n_leaves => n_leaves += 1,
                Some(node) if at == n_nodes as i32 => {
                    pending.extend([node.right, node.left]);
                    n_nodes += 1;
                }
                _ => return false,
            }
        }
        n_nodes == self.nodes.len() && n_leaves as usize == self.values.len()
    }
}

impl Node {
    fn new(split: &Split, binning: &Binning) -> Self {
        let test = match binning.column(split.column) {
            ColumnBinning::Number { cuts } => {
                Test::AtMost(cuts.get(usize::from(split.threshold) - 1).copied().unwrap_or(f64::INFINITY))
            }
            ColumnBinning::Category { bin_of, pool } => among(split, bin_of, *pool),
        };
        let missing_left = contains(&split.left_bins, MISSING_BIN);
        Node { column: split.column as u32, test, missing_left, left: 0, right: 0 }
    }

    fn is_sound(&self) -> bool {
        !matches!(self.test, Test::AtMost(threshold) if threshold.is_nan())
    }

    pub(super) fn goes_left(&self, value: f64) -> bool {
        match &self.test {
            _ if value.is_nan() => self.missing_left,
            Test::AtMost(threshold) => value <= *threshold,
            Test::Among(levels) => levels.hold(value),
        }
    }
}

/// The codes that go left; those beyond the last known level are unseen.
fn among(split: &Split, bin_of: &[u8], pool: u8) -> Test {
    let unseen_left = contains(&split.left_bins, pool);
    let mut words = vec![if unseen_left { u64::MAX } else { 0 }; bin_of.len().div_ceil(64)];
    for code in 0..bin_of.len() {
        let goes_left = contains(&split.left_bins, level_bin(bin_of, pool, code as u32));
        let bit = 1 << (code % 64);
        words[code / 64] = if goes_left { words[code / 64] | bit } else { words[code / 64] & !bit };
    }
    Test::Among(Levels { words, unseen_left })
}

/// A sum of trees: `base + Σ tree(row)`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "SavedForest", into = "SavedForest")]
pub struct Forest {
    base: f64,
    n_columns: usize,
    trees: Vec<Tree>,
    flat: OnceLock<FlatForest>,
    explainer: OnceLock<Explainer>,
    pairs: OnceLock<PairExplainer>,
}

/// What of a forest is saved; the rest follows from it.
#[derive(Clone, Serialize, Deserialize)]
struct SavedForest {
    base: f64,
    n_columns: usize,
    trees: Vec<Tree>,
}

impl From<Forest> for SavedForest {
    fn from(Forest { base, n_columns, trees, .. }: Forest) -> Self {
        SavedForest { base, n_columns, trees }
    }
}

impl TryFrom<SavedForest> for Forest {
    type Error = &'static str;

    fn try_from(SavedForest { base, n_columns, trees }: SavedForest) -> Result<Self, Self::Error> {
        if trees.iter().all(|tree| tree.is_sound(n_columns)) {
            Ok(Forest::new(base, n_columns, trees))
        } else {
            Err("a tree whose nodes do not fit together")
        }
    }
}

impl PartialEq for Forest {
    fn eq(&self, other: &Self) -> bool {
        self.base == other.base && self.n_columns == other.n_columns && self.trees == other.trees
    }
}

impl Forest {
    /// Trees over `n_columns` columns that add to `base`.
    pub fn new(base: f64, n_columns: usize, trees: Vec<Tree>) -> Self {
        let (flat, explainer, pairs) = (OnceLock::new(), OnceLock::new(), OnceLock::new());
        Forest { base, n_columns, trees, flat, explainer, pairs }
    }

    /// The sum of forests over the same columns, each multiplied by `scale`: with 1 / their number, their mean.
    pub fn concat(forests: impl IntoIterator<Item = Forest>, n_columns: usize, scale: f64) -> Self {
        let mut sum = Forest::new(0.0, n_columns, Vec::new());
        for forest in forests {
            sum.base += forest.base * scale;
            sum.trees.extend(forest.trees.into_iter().map(|tree| tree.scaled(scale)));
        }
        sum
    }

    /// What the trees add to.
    pub fn base(&self) -> f64 {
        self.base
    }

    /// Number of columns, `d`.
    pub fn n_columns(&self) -> usize {
        self.n_columns
    }

    /// The trees, in the order they are summed.
    pub fn trees(&self) -> &[Tree] {
        &self.trees
    }

    fn flat(&self) -> &FlatForest {
        self.flat.get_or_init(|| FlatForest::new(&self.trees))
    }

    pub(super) fn codes_of_row(&self, row: &[f64]) -> Vec<i8> {
        self.flat().codes_of_row(row)
    }

    pub(super) fn explainer(&self) -> &Explainer {
        self.explainer.get_or_init(|| Explainer::new(self))
    }

    pub(super) fn pairs(&self) -> &PairExplainer {
        self.pairs.get_or_init(|| PairExplainer::new(self))
    }

    /// The sum for a row of `d` numbers: NaN is missing, a category is its code, an unseen one [`UNSEEN_LEVEL`].
    pub fn predict_row(&self, row: &[f64]) -> f64 {
        self.flat().add_row(row, self.base)
    }

    /// The sums for `n` rows of `d` columns; bit for bit what [`predict_row`](Self::predict_row) gives for each.
    ///
    /// # Panics
    /// When there are not `d` columns, or they are not equally long.
    pub fn predict(&self, columns: &[ColumnView]) -> Vec<f64> {
        let mut sums = vec![self.base; n_rows(columns, self.n_columns)];
        let flat = self.flat();
        self.for_parts(&mut sums, PART, |start, sums| flat.add_rows(columns, start, sums));
        sums
    }

    /// Calls `fill` with the start of each part of `out` and the part, by several threads where there is enough to do.
    pub(super) fn for_parts(&self, out: &mut [f64], part: usize, fill: impl Fn(usize, &mut [f64]) + Sync) {
        let fill = |(index, out): (usize, &mut [f64])| fill(index * part, out);
        if out.len() * self.trees.len() < PARALLEL_WORK {
            out.chunks_mut(part).enumerate().for_each(fill);
        } else {
            out.par_chunks_mut(part).enumerate().for_each(fill);
        }
    }
}

pub(super) fn n_rows(columns: &[ColumnView], n_columns: usize) -> usize {
    assert_eq!(columns.len(), n_columns, "as many columns as the trees were fitted on");
    columns.first().map_or(0, ColumnView::len)
}

/// A row's numbers, one a column.
pub(super) fn read_row(columns: &[ColumnView], at: usize, row: &mut [f64]) {
    for (cell, column) in row.iter_mut().zip(columns) {
        read(*column, at, std::slice::from_mut(cell));
    }
}

/// A column's numbers from row `start` on.
pub(super) fn read(column: ColumnView, start: usize, out: &mut [f64]) {
    let end = start + out.len();
    match column {
        ColumnView::F64(values) => out.copy_from_slice(&values[start..end]),
        ColumnView::F32(values) => {
            out.iter_mut().zip(&values[start..end]).for_each(|(cell, &value)| *cell = f64::from(value));
        }
        ColumnView::Read { read, .. } => read(start, out),
        ColumnView::Category { codes, .. } => {
            out.iter_mut().zip(&codes[start..end]).for_each(|(cell, &code)| *cell = level_number(code));
        }
    }
}

/// A category code as it stands in a row of numbers.
pub fn level_number(code: u32) -> f64 {
    match code {
        MISSING_CODE => f64::NAN,
        UNSEEN_CODE => UNSEEN_LEVEL,
        code => f64::from(code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Rows;
    use crate::tree::{Bins, GrowParams, Grower};

    const N: usize = 900;

    struct Case {
        numbers: Vec<f64>,
        floats: Vec<f32>,
        codes: Vec<u32>,
    }

    impl Case {
        /// A number and a float with missing values, and a category of which level 299 is never there.
        fn new() -> Self {
            let number = |r: usize| if r % 17 == 3 { f64::NAN } else { ((r * 7919) % 613) as f64 };
            let level = |r: usize| if r % 29 == 1 { MISSING_CODE } else { ((r * r * 31) % 299) as u32 };
            Case {
                numbers: (0..N).map(number).collect(),
                floats: (0..N).map(|r| number(r * 3 + 1) as f32).collect(),
                codes: (0..N).map(level).collect(),
            }
        }

        fn views(&self) -> [ColumnView<'_>; 3] {
            let category = ColumnView::Category { codes: &self.codes, n_levels: 300 };
            [ColumnView::F64(&self.numbers), ColumnView::F32(&self.floats), category]
        }

        fn row(&self, row: usize) -> [f64; 3] {
            [self.numbers[row], f64::from(self.floats[row]), level_number(self.codes[row])]
        }
    }

    fn grown(case: &Case) -> (Binning, Bins, GrownTree) {
        grown_to(case, 31, 3)
    }

    fn grown_to(case: &Case, max_leaf_nodes: usize, min_samples_leaf: usize) -> (Binning, Bins, GrownTree) {
        let binning = Binning::fit(&case.views(), 64);
        let bins = binning.bin(&case.views());
        let gradient = |r: usize| ((r * 37) % 200) as f32 / 100.0 - 1.0 + (case.codes[r] % 7) as f32 / 5.0;
        let gradients: Vec<f32> = (0..N).map(gradient).collect();
        let params = GrowParams {
            max_leaf_nodes,
            min_samples_leaf,
            min_category_rows: 5.0,
            category_smoothing: 1.0,
            ..GrowParams::default()
        };
        let of = (&gradients[..], &[0.25; N][..]);
        let tree = Grower::new(&bins, params, 1).grow(Rows::First(N), &of, &[0, 1, 2]);
        (binning, bins, tree)
    }

    #[test]
    fn values_fall_where_their_bins_fell() {
        let case = Case::new();
        let (binning, bins, grown) = grown(&case);
        let tree = Tree::new(&grown, &binning, 1.0);
        assert!(tree.n_leaves() > 20);
        assert!(tree.nodes.iter().any(|node| matches!(node.test, Test::Among(_))), "a category is split");
        for row in 0..N {
            assert_eq!(tree.predict_row(&case.row(row)), grown.predict(&bins, row), "row {row}");
        }
    }

    #[test]
    fn a_batch_gives_what_single_rows_give() {
        let case = Case::new();
        let (binning, _, grown) = grown(&case);
        let forest =
            Forest::new(0.25, 3, (0..13).map(|i| Tree::new(&grown, &binning, 0.1 * f64::from(i))).collect());
        let batch = forest.predict(&case.views());
        let by_tree =
            |row: usize| forest.trees.iter().fold(0.25, |sum, tree| sum + tree.predict_row(&case.row(row)));
        assert_eq!(batch, (0..N).map(|row| forest.predict_row(&case.row(row))).collect::<Vec<_>>());
        assert_eq!(batch, (0..N).map(by_tree).collect::<Vec<_>>());
        let contributions = forest.contributions(&case.views());
        let mut of_row = [0.0; 3];
        for row in 0..N {
            forest.contributions_row(&case.row(row), &mut of_row);
            assert_eq!(contributions[3 * row..3 * row + 3], of_row);
        }
    }

    #[test]
    fn every_layout_gives_what_the_trees_give() {
        let case = Case::new();
        for (max_leaf_nodes, n_trees) in [(1, 3), (2, 1), (9, 130), (60, 65), (200, 5), (400, 20)] {
            let (binning, _, grown) = grown_to(&case, max_leaf_nodes, 1);
            let tree = |i: usize| Tree::new(&grown, &binning, 0.1 + i as f64 / 7.0);
            let forest = Forest::new(0.3, 3, (0..n_trees).map(tree).collect());
            let exact = |row: usize| {
                forest.trees.iter().fold(0.3, |sum, tree| sum + tree.predict_row(&case.row(row)))
            };
            let exact: Vec<f64> = (0..N).map(exact).collect();
            assert_eq!(forest.predict(&case.views()), exact, "{max_leaf_nodes} leaves");
            for row in (0..N).step_by(7) {
                assert_eq!(
                    forest.predict_row(&case.row(row)),
                    exact[row],
                    "{max_leaf_nodes} leaves, row {row}"
                );
            }
            let category = ColumnView::Category { codes: &case.codes[..150], n_levels: 300 };
            let some =
                [ColumnView::F64(&case.numbers[..150]), ColumnView::F32(&case.floats[..150]), category];
            assert_eq!(forest.predict(&some), exact[..150], "a last block that is not full");
        }
    }

    #[test]
    fn unseen_levels_go_with_the_pool() {
        let case = Case::new();
        let (binning, _, grown) = grown(&case);
        let tree = Tree::new(&grown, &binning, 1.0);
        let of_level = |level: f64| tree.predict_row(&[100.0, 100.0, level]);
        assert_eq!(of_level(UNSEEN_LEVEL), of_level(299.0), "never there in training");
        assert_eq!(of_level(UNSEEN_LEVEL), of_level(100_000.0), "beyond all levels");
    }

    #[test]
    fn a_mean_of_forests_predicts_the_mean() {
        let case = Case::new();
        let (binning, _, grown) = grown(&case);
        let forest = |base: f64, scale: f64| Forest::new(base, 3, vec![Tree::new(&grown, &binning, scale)]);
        let mean = Forest::concat([forest(1.0, 0.3), forest(-0.5, 1.1)], 3, 0.5);
        for row in 0..50 {
            let row = case.row(row);
            let expected = (forest(1.0, 0.3).predict_row(&row) + forest(-0.5, 1.1).predict_row(&row)) / 2.0;
            assert!((mean.predict_row(&row) - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn a_saved_forest_is_the_same_and_a_damaged_one_is_refused() {
        let case = Case::new();
        let (binning, _, grown) = grown(&case);
        let forest = Forest::new(0.25, 3, vec![Tree::new(&grown, &binning, 0.1)]);
        let bytes = postcard::to_allocvec(&forest).unwrap();
        assert_eq!(postcard::from_bytes::<Forest>(&bytes).unwrap(), forest);
        let damaged = |damage: fn(&mut Tree)| {
            let mut trees = forest.trees.clone();
            damage(&mut trees[0]);
            let bytes = postcard::to_allocvec(&SavedForest { base: 0.0, n_columns: 3, trees }).unwrap();
            postcard::from_bytes::<Forest>(&bytes).is_err()
        };
        assert!(damaged(|tree| tree.nodes[1].left = 0), "a loop");
        assert!(damaged(|tree| tree.nodes[0].right = 10_000), "a node that is not there");
        assert!(damaged(|tree| tree.nodes[0].column = 3), "a column that is not there");
        assert!(damaged(|tree| tree.values[2] = f64::NAN), "a value that is no number");
        assert!(damaged(|tree| tree.counts[2] = 0), "a leaf without rows");
        assert!(!damaged(|_| ()));
    }
}
