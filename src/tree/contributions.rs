//! Exact contributions: what each column adds to a forest's sum for a row.
//!
//! They are Shapley values of the path-dependent game (Lundberg et al. 2020, "TreeSHAP", algorithm 1): columns not
//! in a coalition follow both branches in proportion to the training rows that took them (counts, not weights), as
//! LightGBM's `pred_contrib` and shap's `tree_path_dependent` do. `expected + Σ contributions = prediction`.
//!
//! A leaf of value `v` with `k` distinct columns on its path has the game `v·Π_{j∈S} s_j·Π_{j∉S} z_j`, where `s_j`
//! is 1 if the row keeps to the path at every node of column `j` and `z_j` is the share of training rows that do.
//! Its Shapley value is the integral of a polynomial of degree `k − 1`,
//! `φ_j = v·(s_j − z_j)·∫₀¹ Π_{i≠j} (t·s_i + (1 − t)·z_i) dt`, which ⌈k/2⌉ Gauss–Legendre points give exactly.
//!
//! All of this depends on the row only through its decisions at the nodes. So for every subtree whose nodes and
//! path columns come to few bits, the sums are tabulated over all of them: a row then costs its decisions and one
//! table line a subtree. What is too deep for a table is integrated for each row, by [`deep`](super::deep).

use std::ops::Range;

use super::codes::{Question, Questions};
use super::column::ColumnView;
use super::deep::{DeepLeaves, Scratch};
use super::predict::{Forest, Tree, n_rows, read_row};
use super::tabulated::{Condition, MAX_TABLE_BITS, Subtree, Subtrees};

/// Rows that go through all trees together.
const EXPLAINED_ROWS: usize = 64;
/// Most nodes of a tree that has tables: its decisions fit one word.
const MAX_TABLE_NODES: usize = 64;

/// What follows from a forest and makes contributions fast: every leaf stands in one of the subtrees or among the deep
/// ones.
#[derive(Clone, Debug)]
pub(super) struct Explainer {
    expected: f64,
    subtrees: Subtrees,
    /// Of the trees that have deep leaves.
    deep: Vec<(Tests, DeepLeaves)>,
}

/// What a tree's nodes ask of a row's codes.
#[derive(Clone, Debug)]
pub(super) struct Tests(Vec<Question>);

/// Decisions that a row has to make: `decisions & mask == value`.
#[derive(Clone, Copy, Debug, Default)]
struct Required {
    mask: u64,
    value: u64,
}

/// One leaf's game.
#[derive(Clone, Debug)]
struct LeafGame {
    value: f64,
    players: Vec<Player>,
}

/// One distinct column on a leaf's path.
#[derive(Clone, Debug)]
struct Player {
    column: u32,
    /// The share of training rows that keep to the path at this column's nodes, `z`; above 0.
    share: f64,
    /// What it decides at the nodes of this column; only in trees of few nodes.
    required: Required,
}

/// Points `t` on (0, 1), `1 − t` and weights, exact for polynomials of degree `2·points − 1`; in fours, so that they
/// are computed with side by side, the last ones filled up with weight 0.
#[derive(Clone, Debug)]
pub(super) struct Quadrature(Vec<Points>);

#[derive(Clone, Copy, Debug)]
struct Points {
    t: [f64; 4],
    rest: [f64; 4],
    weight: [f64; 4],
}

impl Forest {
    /// The mean of the sum over the training rows: what contributions add to.
    pub fn expected(&self) -> f64 {
        self.explainer().expected
    }

    /// What each of the `d` columns adds to [`expected`](Self::expected) for a row as
    /// [`predict_row`](Self::predict_row) takes it.
    ///
    /// # Panics
    /// When `row` or `out` is not `d` long.
    pub fn contributions_row(&self, row: &[f64], out: &mut [f64]) {
        assert_eq!(out.len(), self.n_columns(), "a contribution for each column");
        out.fill(0.0);
        self.explain(&self.codes_of_row(row), out);
    }

    /// The contributions for `n` rows of `d` columns: `n × d`, row-major.
    ///
    /// # Panics
    /// When there are not `d` columns, or they are not equally long.
    pub fn contributions(&self, columns: &[ColumnView]) -> Vec<f64> {
        let d = self.n_columns();
        let mut out = vec![0.0; n_rows(columns, d) * d];
        if d == 0 {
            return out;
        }
        self.explainer();
        self.for_parts(&mut out, EXPLAINED_ROWS * d, |start, out| {
            let mut row = vec![0.0; d];
            let codes = (0..out.len() / d).flat_map(|index| {
                read_row(columns, start / d + index, &mut row);
                self.codes_of_row(&row)
            });
            self.explain(&codes.collect::<Vec<i8>>(), out);
        });
        out
    }

    /// Adds the contributions of the rows that have these codes.
    fn explain(&self, codes: &[i8], out: &mut [f64]) {
        let d = self.n_columns();
        let width = codes.len() * d / out.len().max(1);
        let Explainer { subtrees, deep, .. } = self.explainer();
        subtrees.add(codes, width, out);
        // Kept since allocating costs.
        let (mut decisions, mut scratch) = (Vec::new(), Scratch::default());
        for (tests, leaves) in deep {
            for (codes, out) in codes.chunks(width.max(1)).zip(out.chunks_mut(d.max(1))) {
                tests.decide(codes, &mut decisions);
                leaves.add(&decisions, &mut scratch, out);
            }
        }
    }
}

impl Explainer {
    pub(super) fn new(forest: &Forest) -> Self {
        let questions = Questions::new(forest.trees());
        let paths: Vec<Paths> = forest.trees().iter().map(Paths::new).collect();
        let most_players = paths.iter().flat_map(|paths| &paths.games).map(|game| game.players.len()).max();
        let quadratures: Vec<Quadrature> =
            (0..=most_players.unwrap_or(0).div_ceil(2)).map(Quadrature::new).collect();
        let expected = forest.trees().iter().fold(forest.base(), |sum, tree| sum + expected(tree));
        let (mut subtrees, mut deep) = (Vec::new(), Vec::new());
        for paths in paths {
            deep.extend(paths.tabulate(&quadratures, &questions, &mut subtrees));
        }
        let subtrees = Subtrees::new(subtrees, questions.coder.n_columns(), forest.n_columns());
        Explainer { expected, subtrees, deep }
    }
}

impl Tests {
    pub(super) fn new<'a>(tree: &'a Tree, questions: &Questions<'a>) -> Self {
        Tests(tree.nodes.iter().map(|node| questions.of(node)).collect())
    }

    /// The row's decision at every node, a bit each: 1 for left.
    pub(super) fn decide(&self, codes: &[i8], decisions: &mut Vec<u64>) {
        let goes_left = |test: &Question| u64::from(!test.goes_right(codes));
        let word = |tests: &[Question]| tests.iter().rev().fold(0, |bits, test| bits << 1 | goes_left(test));
        decisions.clear();
        decisions.extend(self.0.chunks(64).map(word));
    }
}

impl Required {
    fn hold(&self, decisions: u64) -> bool {
        decisions & self.mask == self.value
    }

    /// The nodes, and whether it has to go left there.
    fn nodes(self) -> impl Iterator<Item = (usize, bool)> {
        let (mask, value) = (self.mask, self.value);
        (0..MAX_TABLE_NODES)
            .filter(move |node| mask >> node & 1 == 1)
            .map(move |node| (node, value >> node & 1 == 1))
    }

    /// Requires a decision at one of the first 64 nodes.
    fn and(&mut self, node: u32, left: bool) {
        self.mask |= 1 << node;
        self.value |= u64::from(left) << node;
    }
}

fn expected(tree: &Tree) -> f64 {
    let rows: f64 = tree.counts.iter().map(|&count| f64::from(count)).sum();
    tree.values.iter().zip(&tree.counts).map(|(value, &count)| value * f64::from(count)).sum::<f64>() / rows
}

/// Where a tree's subtree stands: its nodes, and what has to hold for each distinct column on the way to it.
struct Stand<'p> {
    first_node: usize,
    n_nodes: usize,
    path: &'p [(u32, Required)],
}

impl Stand<'_> {
    fn n_bits(&self) -> usize {
        self.path.len() + self.n_nodes
    }

    /// What a player requires, as bits of the subtree's state instead of the tree's decisions. The state's lowest bits say
    /// which of the path hold, the bits above them are the decisions inside.
    fn of_state(&self, player: &Player) -> Required {
        let inside = |bits: u64| (bits >> self.first_node & ((1 << self.n_nodes) - 1)) << self.path.len();
        let held =
            self.path.iter().position(|(column, _)| *column == player.column).map_or(0, |bit| 1 << bit);
        let Required { mask, value } = player.required;
        Required { mask: inside(mask) | held, value: inside(value) | held }
    }

    /// The conditions of each bit of a state.
    fn bits(&self, tests: &Tests) -> Vec<Vec<Condition>> {
        let condition = |(node, left): (usize, bool)| Condition { question: tests.0[node], left };
        let on_path = self.path.iter().map(|(_, required)| required.nodes().map(condition).collect());
        let inside = self.first_node..self.first_node + self.n_nodes;
        on_path.chain(inside.map(|node| vec![condition((node, true))])).collect()
    }
}

impl LeafGame {
    /// All players' contributions for every set of present ones; the bits of a set are the players in their order.
    fn by_presence(&self, quadrature: &Quadrature) -> Vec<f64> {
        let k = self.players.len();
        let mut table = vec![0.0; k << k];
        for (presence, line) in table.chunks_mut(k.max(1)).enumerate() {
            self.shapley(
                |player| presence >> player & 1 == 1,
                quadrature,
                |player, part| line[player] += part,
            );
        }
        table
    }

    /// Gives every player its contribution, in parts to be added up, by the formula at the top of this file. The
    /// quotient by a player's own factor is the same for all players that are not present.
    fn shapley(
        &self,
        keeps: impl Fn(usize) -> bool,
        quadrature: &Quadrature,
        mut give: impl FnMut(usize, f64),
    ) {
        for points in &quadrature.0 {
            let factor = |(at, player): (usize, &Player)| points.factor(keeps(at), player.share);
            let product = self.players.iter().enumerate().map(factor).fold(points.weight, times);
            let absent = -self.value * quotient(product, points.rest);
            for (at, player) in self.players.iter().enumerate() {
                let others = || quotient(product, points.factor(true, player.share));
                give(at, if keeps(at) { self.value * (1.0 - player.share) * others() } else { absent });
            }
        }
    }
}

impl Points {
    /// `t·s + (1 − t)·z`, above 0 since the points lie inside (0, 1).
    #[inline(always)]
    fn factor(&self, present: bool, share: f64) -> [f64; 4] {
        let present = if present { 1.0 } else { 0.0 };
        std::array::from_fn(|i| self.t[i] * present + self.rest[i] * share)
    }
}

#[inline(always)]
fn times(a: [f64; 4], b: [f64; 4]) -> [f64; 4] {
    std::array::from_fn(|i| a[i] * b[i])
}

/// `Σ a / b`.
#[inline(always)]
fn quotient(a: [f64; 4], b: [f64; 4]) -> f64 {
    (a[0] / b[0] + a[1] / b[1]) + (a[2] / b[2] + a[3] / b[3])
}

/// A tree's leaves with their paths, on the way to tables.
struct Paths<'a> {
    tree: &'a Tree,
    games: Vec<LeafGame>,
    /// Nodes of the subtree at each node, itself among them.
    sizes: Vec<usize>,
}

impl<'a> Paths<'a> {
    fn new(tree: &'a Tree) -> Self {
        let mut paths = Paths { tree, games: Vec::new(), sizes: sizes(tree) };
        let rows = tree.rows_below();
        let root = if tree.nodes.is_empty() { !0 } else { 0 };
        paths.walk(root, &rows, &[]);
        paths
    }

    /// Collects the leaves' games from left to right.
    fn walk(&mut self, at: i32, rows: &[f64], path: &[Player]) {
        if at < 0 {
            return self
                .games
                .push(LeafGame { value: self.tree.values[!at as usize], players: path.to_vec() });
        }
        let node = &self.tree.nodes[at as usize];
        for (child, left) in [(node.left, true), (node.right, false)] {
            let mut path = path.to_vec();
            step(
                &mut path,
                node.column,
                (at as u32, left),
                self.tree.rows_of(rows, child) / rows[at as usize],
            );
            self.walk(child, rows, &path);
        }
    }

    /// Adds the tables of the tree to `subtrees`; what is too deep for them comes back.
    fn tabulate(
        self,
        quadratures: &[Quadrature],
        questions: &Questions<'a>,
        subtrees: &mut Vec<Subtree>,
    ) -> Option<(Tests, DeepLeaves)> {
        let tests = Tests::new(self.tree, questions);
        let mut deep = vec![false; self.games.len()];
        if self.tree.nodes.len() > MAX_TABLE_NODES {
            deep.fill(true);
        } else {
            let root = if self.tree.nodes.is_empty() { !0 } else { 0 };
            self.tabulate_below(root, &[], (quadratures, &tests), subtrees, &mut deep);
        }
        let deep_games = self.games.iter().zip(&deep).filter(|(_, deep)| **deep);
        let most_players = deep_games.map(|(game, _)| game.players.len()).max()?;
        let leaves = DeepLeaves::new(self.tree, &deep, &quadratures[most_players.div_ceil(2)]);
        Some((tests, leaves))
    }

    /// Makes a table of the subtree at `at` if it is small enough, else of the parts of it that are.
    fn tabulate_below(
        &self,
        at: i32,
        path: &[(u32, Required)],
        by: (&[Quadrature], &Tests),
        subtrees: &mut Vec<Subtree>,
        deep: &mut [bool],
    ) {
        let n_nodes = if at < 0 { 0 } else { self.sizes[at as usize] };
        let stand = Stand { first_node: at.max(0) as usize, n_nodes, path };
        if stand.n_bits() <= MAX_TABLE_BITS {
            return subtrees.extend(self.table(&stand, self.tree.leaves_below(at), by));
        }
        if at < 0 {
            deep[!at as usize] = true;
            return;
        }
        let node = &self.tree.nodes[at as usize];
        for (child, left) in [(node.left, true), (node.right, false)] {
            let mut path = path.to_vec();
            require(&mut path, node.column, at as u32, left);
            self.tabulate_below(child, &path, by, subtrees, deep);
        }
    }

    /// The table of a subtree; none for a tree that is one leaf.
    fn table(
        &self,
        stand: &Stand,
        leaves: Range<usize>,
        (quadratures, tests): (&[Quadrature], &Tests),
    ) -> Option<Subtree> {
        let games = &self.games[leaves];
        let mut columns: Vec<u32> = games.iter().flat_map(|game| &game.players).map(|p| p.column).collect();
        columns.sort_unstable();
        columns.dedup();
        let table = vec![0.0; columns.len() << stand.n_bits()];
        let mut subtree = Subtree { bits: stand.bits(tests), columns, table };
        games.iter().for_each(|game| fill_table(&mut subtree, game, stand, quadratures));
        (!subtree.columns.is_empty()).then_some(subtree)
    }
}

/// Nodes of the subtree at each node, itself among them.
fn sizes(tree: &Tree) -> Vec<usize> {
    let mut sizes = vec![0; tree.nodes.len()];
    for (at, node) in tree.nodes.iter().enumerate().rev() {
        let size = |child: i32| if child < 0 { 0 } else { sizes[child as usize] };
        sizes[at] = 1 + size(node.left) + size(node.right);
    }
    sizes
}

/// Adds one leaf's contributions to every line of its subtree's table.
fn fill_table(subtree: &mut Subtree, game: &LeafGame, stand: &Stand, quadratures: &[Quadrature]) {
    let Subtree { columns, table, .. } = subtree;
    let by_presence = game.by_presence(&quadratures[game.players.len().div_ceil(2)]);
    let place = |player: &Player| columns.partition_point(|&column| column < player.column);
    let players: Vec<(Required, usize)> =
        game.players.iter().map(|player| (stand.of_state(player), place(player))).collect();
    for (state, line) in table.chunks_mut(columns.len().max(1)).enumerate() {
        let keeps = |(required, _): &(Required, usize)| usize::from(required.hold(state as u64));
        let presence = players.iter().rev().fold(0, |bits, player| bits << 1 | keeps(player));
        let contributions = &by_presence[presence * players.len()..];
        players.iter().zip(contributions).for_each(|((_, place), contribution)| line[*place] += contribution);
    }
}

/// Notes on a path that it goes left or right at a node of a column.
fn step(path: &mut Vec<Player>, column: u32, (node, left): (u32, bool), share: f64) {
    let at = path.iter().position(|player| player.column == column).unwrap_or_else(|| {
        path.push(Player { column, share: 1.0, required: Required::default() });
        path.len() - 1
    });
    path[at].share *= share;
    if node < MAX_TABLE_NODES as u32 {
        path[at].required.and(node, left);
    }
}

fn require(path: &mut Vec<(u32, Required)>, column: u32, node: u32, left: bool) {
    let at = path.iter().position(|(other, _)| *other == column).unwrap_or_else(|| {
        path.push((column, Required::default()));
        path.len() - 1
    });
    path[at].1.and(node, left);
}

impl Quadrature {
    /// Gauss–Legendre with `n` points: the roots of the Legendre polynomial by Newton's method, moved to (0, 1).
    pub(super) fn new(n: usize) -> Self {
        let point = |i: usize| {
            let mut x = (std::f64::consts::PI * (i as f64 + 0.75) / (n as f64 + 0.5)).cos();
            for _ in 0..100 {
                let (value, slope) = legendre(n, x);
                x -= value / slope;
            }
            let (_, slope) = legendre(n, x);
            ((1.0 + x) / 2.0, 1.0 / ((1.0 - x * x) * slope * slope))
        };
        let points: Vec<(f64, f64)> = (0..n).map(point).collect();
        let lane = |four: &[(f64, f64)], i: usize| four.get(i).copied().unwrap_or((0.5, 0.0));
        let side_by_side = |four: &[(f64, f64)]| Points {
            t: std::array::from_fn(|i| lane(four, i).0),
            rest: std::array::from_fn(|i| 1.0 - lane(four, i).0),
            weight: std::array::from_fn(|i| lane(four, i).1),
        };
        Quadrature(points.chunks(4).map(side_by_side).collect())
    }

    /// The points and their weights, those of weight 0 left out.
    pub(super) fn points(&self) -> impl Iterator<Item = (f64, f64)> {
        let all = self.0.iter().flat_map(|points| points.t.into_iter().zip(points.weight));
        all.filter(|(_, weight)| *weight > 0.0)
    }
}

/// The Legendre polynomial of degree `n` and its slope, by Bonnet's recursion.
fn legendre(n: usize, x: f64) -> (f64, f64) {
    let next = |(before, last): (f64, f64), k: usize| {
        let k = k as f64;
        (last, ((2.0 * k - 1.0) * x * last - (k - 1.0) * before) / k)
    };
    let (before, last) = (1..=n).fold((0.0, 1.0), next);
    (last, n as f64 * (x * last - before) / (x * x - 1.0))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::tree::Rows;
    use crate::tree::{Binning, GrowParams, Grower};

    const N: usize = 700;

    /// Numbers with missing values, a repeated use of few columns, and a category of many levels.
    fn table(n_columns: usize) -> (Vec<Vec<f64>>, Vec<u32>) {
        let hash = |seed: usize| {
            (seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (seed << 7)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 40
        };
        let cell = |r: usize, c: usize| match hash(r * 64 + c + 1) % 101 {
            value if value % 9 == 0 => f64::NAN,
            value => value as f64,
        };
        let numbers = (0..n_columns).map(|c| (0..N).map(|r| cell(r, c)).collect()).collect();
        (
            numbers,
            (0..N)
                .map(|r| if r % 31 == 0 { crate::tree::MISSING_CODE } else { (r * r % 13) as u32 })
                .collect(),
        )
    }

    /// Trees that are bushy and trees that are one long path, by turns.
    pub(in crate::tree) fn forest(
        n_columns: usize,
        max_leaf_nodes: usize,
        n_trees: usize,
    ) -> (Forest, Vec<Vec<f64>>) {
        let (numbers, codes) = table(n_columns);
        let mut columns: Vec<ColumnView> = numbers.iter().map(|values| ColumnView::F64(values)).collect();
        columns.push(ColumnView::Category { codes: &codes, n_levels: 13 });
        let binning = Binning::fit(&columns, 255);
        let bins = binning.bin(&columns);
        let params = GrowParams {
            max_leaf_nodes,
            min_samples_leaf: 1,
            min_category_rows: 1.0,
            ..GrowParams::default()
        };
        let mut grower = Grower::new(&bins, params, 1);
        let all: Vec<usize> = (0..=n_columns).collect();
        let trees = (0..n_trees).map(|tree| {
            let noise = |r: usize| ((r * (31 + tree) + r * r * 7) % 200) as f32 / 100.0 - 1.0;
            let high = |r: usize| numbers.iter().all(|values| values[r].is_nan() || values[r] > 11.0);
            let chain = |r: usize| if high(r) { -1.0 } else { 1.0 };
            let gradients: Vec<f32> =
                (0..N).map(|r| if tree % 2 == 0 { noise(r) } else { chain(r) }).collect();
            let of = (&gradients[..], &[0.25; N][..]);
            Tree::new(&grower.grow(Rows::First(N), &of, &all), &binning, 0.1)
        });
        let forest = Forest::new(-0.3, n_columns + 1, trees.collect());
        let row = |r: usize| {
            let number = numbers.iter().map(|values| values[r]);
            number.chain([crate::tree::level_number(codes[r])]).collect()
        };
        (forest, (0..N).step_by(23).map(row).collect())
    }

    /// The expected sum when only the columns in `known` are known: both branches by their rows elsewhere.
    pub(in crate::tree) fn game(forest: &Forest, row: &[f64], known: usize) -> f64 {
        forest.trees().iter().fold(forest.base(), |sum, tree| {
            let root = if tree.nodes.is_empty() { !0 } else { 0 };
            let (total, rows) = below(tree, root, row, known);
            sum + total / rows
        })
    }

    /// Value × rows and rows below a node.
    fn below(tree: &Tree, at: i32, row: &[f64], known: usize) -> (f64, f64) {
        if at < 0 {
            let rows = f64::from(tree.counts[!at as usize]);
            return (tree.values[!at as usize] * rows, rows);
        }
        let node = &tree.nodes[at as usize];
        let (left, right) = (below(tree, node.left, row, known), below(tree, node.right, row, known));
        let rows = left.1 + right.1;
        if known >> node.column & 1 == 0 {
            return (left.0 + right.0, rows);
        }
        let (total, of) = if node.goes_left(row[node.column as usize]) { left } else { right };
        (total / of * rows, rows)
    }

    /// Shapley values by their definition, over all subsets.
    fn brute_force(forest: &Forest, row: &[f64]) -> Vec<f64> {
        let d = forest.n_columns();
        let games: Vec<f64> = (0..1 << d).map(|known| game(forest, row, known)).collect();
        let factorial = |n: usize| (1..=n).map(|i| i as f64).product::<f64>();
        let weight = |n: usize| factorial(n) * factorial(d - n - 1) / factorial(d);
        let of = |column: usize| {
            let without = (0..1usize << d).filter(|known| known >> column & 1 == 0);
            let gain = |known: usize| {
                weight(known.count_ones() as usize) * (games[known | 1 << column] - games[known])
            };
            without.map(gain).sum()
        };
        (0..d).map(of).collect()
    }

    #[test]
    fn contributions_are_the_shapley_values_of_the_definition() {
        for (n_columns, max_leaf_nodes) in [(1, 12), (3, 8), (3, 40), (6, 16), (11, 60), (8, 90)] {
            let (forest, rows) = forest(n_columns, max_leaf_nodes, 2);
            for row in rows.iter().step_by(4) {
                let mut contributions = vec![0.0; n_columns + 1];
                forest.contributions_row(row, &mut contributions);
                for (ours, exact) in contributions.iter().zip(brute_force(&forest, row)) {
                    assert!((ours - exact).abs() < 1e-12, "{n_columns} {max_leaf_nodes}: {ours} {exact}");
                }
            }
        }
    }

    #[test]
    fn tables_and_integrals_are_both_used_by_the_test_above() {
        let kinds = |n_columns, leaves, n_trees| {
            let explainer = forest(n_columns, leaves, n_trees).0.explainer().clone();
            (!explainer.subtrees.is_empty(), !explainer.deep.is_empty())
        };
        assert_eq!(kinds(3, 8, 1), (true, false));
        assert_eq!(kinds(11, 60, 2), (true, true));
        assert_eq!(kinds(8, 90, 1), (false, true), "too many nodes for a word of decisions");
    }

    #[test]
    fn contributions_add_up_to_the_prediction() {
        let (forest, rows) = forest(14, 31, 60);
        for row in &rows {
            let mut contributions = vec![0.0; 15];
            forest.contributions_row(row, &mut contributions);
            let sum = contributions.iter().fold(forest.expected(), |sum, contribution| sum + contribution);
            assert!((sum - forest.predict_row(row)).abs() < 1e-9);
        }
    }

    #[test]
    fn a_lone_leaf_explains_nothing() {
        let (forest, rows) = forest(2, 1, 3);
        let mut contributions = vec![1.0; 3];
        forest.contributions_row(&rows[0], &mut contributions);
        assert_eq!(contributions, [0.0; 3]);
        assert!((forest.expected() - forest.predict_row(&rows[0])).abs() < 1e-15);
    }

    #[test]
    fn quadrature_is_exact_to_its_degree() {
        for n in 1..=40 {
            let fours = Quadrature::new(n).0;
            let points: Vec<(f64, f64)> =
                fours.iter().flat_map(|points| points.t.into_iter().zip(points.weight)).collect();
            for degree in 0..2 * n {
                let integral: f64 = points.iter().map(|(t, weight)| weight * t.powi(degree as i32)).sum();
                assert!((integral * (degree + 1) as f64 - 1.0).abs() < 1e-12, "{n} {degree} {integral}");
            }
        }
    }
}
