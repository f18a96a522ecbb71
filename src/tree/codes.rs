//! A row's answers to all that a forest asks, as bytes.
//!
//! A forest asks few different things of a column: whether it is at most one of the thresholds that occur, or
//! among one of the sets of levels. So a number becomes its rank among the thresholds, and a category one bit a set:
//! found out once a row and column, after which a node of any tree is one comparison of bytes. Ranks are exact:
//! `value <= thresholds[k]` where as many as `k` thresholds or fewer are below the value.

use std::collections::{BTreeMap, HashMap};

use fearless_simd::prelude::*;
use fearless_simd::{f64x8, u64x8};

use super::predict::{Levels, Node, Test, Tree};

/// Rows that are coded together.
pub(super) const BLOCK: usize = 256;
/// One code of each of the rows of a block.
pub(super) type CodeColumn = [i8; BLOCK];

/// Most thresholds that one byte tells apart.
const MAX_CUTS: usize = CUTS * CUTS - 1;
/// Cuts of a run, which a value is compared with at once, and the most runs of a column.
const CUTS: usize = 16;
/// Values that are compared with a cut at once.
const LANES: usize = 8;
/// Rows that are searched for together, so that a block of few rows costs little more than those.
const SLICE: usize = 64;
/// The lowest code: left of all thresholds.
const LOWEST: i8 = i8::MIN;

/// Sets of levels that share a byte: as many as it has bits beside its sign.
const SETS_A_BYTE: usize = 7;

/// What a node asks of a row's codes: right where `codes[place] & mask > threshold`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Question {
    pub(super) place: usize,
    /// All bits for a number, one for a set of levels.
    pub(super) mask: i8,
    pub(super) threshold: i8,
}

impl Question {
    #[inline(always)]
    pub(super) fn goes_right(&self, codes: &[i8]) -> bool {
        codes[self.place] & self.mask > self.threshold
    }
}

/// Turns values into codes. The columns of codes are the ranks of numbers first, then the bits of categories.
#[derive(Clone, Debug)]
pub(super) struct Coder {
    numbers: Vec<Ranks>,
    /// Columns of codes that are ranks.
    n_ranks: usize,
    categories: Vec<LevelBits>,
}

/// Up to 255 thresholds of one column.
#[derive(Clone, Debug)]
struct Ranks {
    column: usize,
    /// The columns of codes: for nodes that send missing values right, and for those that send them left.
    codes: [Option<usize>; 2],
    last_cut: f64,
    /// Ascending, filled up with infinity of which there is one at least.
    cuts: Vec<[f64; CUTS]>,
    /// The last cut of each run, filled up likewise.
    ends: [f64; CUTS],
}

/// The thresholds of a column, and whether any node sends missing values right, and left.
#[derive(Default)]
struct Thresholds {
    cuts: Vec<f64>,
    sides: [bool; 2],
}

/// All sets of levels that are asked for of one column.
#[derive(Clone, Debug)]
struct LevelBits {
    column: usize,
    /// The first column of codes.
    first_code: usize,
    n_codes: usize,
    /// The class of each level, then of unseen ones, then of missing ones. Levels of a class are in the same sets.
    class_of: Vec<u32>,
    /// Classes × `n_codes`: a bit for each set the class is not in, since outside of the set is right.
    bits: Vec<i8>,
}

/// A set of levels and where missing ones go.
type LevelSet<'a> = (&'a Levels, bool);

/// A coder and the questions of nodes, while a forest is laid out.
pub(super) struct Questions<'a> {
    pub(super) coder: Coder,
    /// What is asked of every set, by column.
    of_sets: HashMap<(u32, LevelSet<'a>), Question>,
}

impl<'a> Questions<'a> {
    pub(super) fn new(trees: &'a [Tree]) -> Self {
        let mut thresholds: BTreeMap<u32, Thresholds> = BTreeMap::new();
        let mut sets: BTreeMap<u32, Vec<LevelSet>> = BTreeMap::new();
        for node in trees.iter().flat_map(|tree| &tree.nodes) {
            match &node.test {
                Test::AtMost(at) => {
                    let of_column = thresholds.entry(node.column).or_default();
                    of_column.cuts.push(*at);
                    of_column.sides[usize::from(node.missing_left)] = true;
                }
                Test::Among(levels) => sets.entry(node.column).or_default().push((levels, node.missing_left)),
            }
        }
        let (numbers, n_ranks) = ranks(thresholds);
        let coder = Coder { numbers, n_ranks, categories: Vec::new() };
        let mut questions = Questions { coder, of_sets: HashMap::new() };
        sets.into_iter().for_each(|(column, sets)| questions.add_levels(column, sets));
        questions
    }

    fn add_levels(&mut self, column: u32, sets: Vec<LevelSet<'a>>) {
        let first_code = self.coder.n_columns();
        let mut distinct: Vec<LevelSet> = Vec::new();
        for set in sets {
            self.of_sets.entry((column, set)).or_insert_with(|| {
                distinct.push(set);
                let at = distinct.len() - 1;
                Question { place: first_code + at / SETS_A_BYTE, mask: 1 << (at % SETS_A_BYTE), threshold: 0 }
            });
        }
        self.coder.categories.push(LevelBits::new(column as usize, first_code, &distinct));
    }

    pub(super) fn of(&self, node: &'a Node) -> Question {
        match &node.test {
            Test::AtMost(threshold) => self.coder.above(node, *threshold),
            Test::Among(levels) => self.of_sets[&(node.column, (levels, node.missing_left))],
        }
    }
}

/// The ranks of all columns, and how many columns of codes they have.
fn ranks(thresholds: BTreeMap<u32, Thresholds>) -> (Vec<Ranks>, usize) {
    let (mut numbers, mut n_ranks) = (Vec::new(), 0);
    for (column, Thresholds { mut cuts, sides }) in thresholds {
        cuts.sort_unstable_by(f64::total_cmp);
        cuts.dedup();
        for cuts in cuts.chunks(MAX_CUTS) {
            let codes = sides.map(|side| {
                n_ranks += usize::from(side);
                side.then(|| n_ranks - 1)
            });
            numbers.push(Ranks::new(column as usize, codes, cuts));
        }
    }
    (numbers, n_ranks)
}

impl Coder {
    /// Columns of codes.
    pub(super) fn n_columns(&self) -> usize {
        self.categories.last().map_or(self.n_ranks, |last| last.first_code + last.n_codes)
    }

    fn above(&self, node: &Node, threshold: f64) -> Question {
        let key = (node.column as usize, threshold);
        let at = self.numbers.partition_point(|of| (of.column, of.last_cut) < key);
        let ranks = &self.numbers[at];
        let below = ranks.cuts.as_flattened().partition_point(|&cut| cut < threshold);
        let place = ranks.codes[usize::from(node.missing_left)].unwrap_or_default();
        Question { place, mask: -1, threshold: code(below) }
    }

    /// The codes of one row of numbers as [`Tree::predict_row`] takes it, into `codes`, which has at least
    /// [`n_columns`](Self::n_columns) places.
    #[inline(always)]
    pub(super) fn code_row<S: Simd>(&self, simd: S, row: &[f64], codes: &mut [i8]) {
        for ranks in &self.numbers {
            let value = row[ranks.column];
            let [rank] = ranks.search(simd, &[value]);
            ranks.tell(|right, at| codes[at] = missing_to(right, value, rank));
        }
        for category in &self.categories {
            let codes = &mut codes[category.first_code..][..category.n_codes];
            codes.copy_from_slice(category.line(row[category.column]));
        }
    }

    /// The columns of the table that are asked for anything, numbers first, then categories.
    pub(super) fn asked(&self) -> impl Iterator<Item = usize> {
        let numbers = self.numbers_by_column().map(|ranks| ranks[0].column);
        numbers.chain(self.categories.iter().map(|category| category.column))
    }

    fn numbers_by_column(&self) -> impl Iterator<Item = &[Ranks]> {
        self.numbers.chunk_by(|a, b| a.column == b.column)
    }

    /// The codes of the first `n_rows` of a block, a column of them for each of [`n_columns`](Self::n_columns), from the
    /// values of the columns [`asked`](Self::asked) for.
    #[inline(always)]
    pub(super) fn code_block<S: Simd>(
        &self,
        simd: S,
        n_rows: usize,
        values: &[[f64; BLOCK]],
        codes: &mut [CodeColumn],
    ) {
        let n_slices = n_rows.div_ceil(SLICE);
        let mut values = values.iter();
        for (of_column, values) in self.numbers_by_column().zip(values.by_ref()) {
            for ranks in of_column {
                for (slice, values) in values.as_chunks::<SLICE>().0.iter().take(n_slices).enumerate() {
                    let found = ranks.search(simd, values);
                    ranks.tell(|right, at| {
                        let codes = &mut codes[at].as_chunks_mut::<SLICE>().0[slice];
                        for ((code, &value), &found) in codes.iter_mut().zip(values).zip(&found) {
                            *code = missing_to(right, value, found);
                        }
                    });
                }
            }
        }
        for (category, values) in self.categories.iter().zip(values) {
            let columns = &mut codes[category.first_code..][..category.n_codes];
            for (row, &value) in values[..n_rows].iter().enumerate() {
                let line = category.line(value);
                columns.iter_mut().zip(line).for_each(|(codes, &bits)| codes[row] = bits);
            }
        }
    }
}

impl Ranks {
    fn new(column: usize, codes: [Option<usize>; 2], cuts: &[f64]) -> Self {
        let last_cut = cuts.last().copied().unwrap_or(f64::INFINITY);
        let mut filled = vec![[f64::INFINITY; CUTS]; cuts.len() / CUTS + 1];
        filled.as_flattened_mut()[..cuts.len()].copy_from_slice(cuts);
        let mut ends = [f64::INFINITY; CUTS];
        ends.iter_mut().zip(&filled).for_each(|(end, cuts)| *end = cuts[CUTS - 1]);
        Ranks { column, codes, last_cut, cuts: filled, ends }
    }

    /// Calls `tell` with whether missing values go right and the column of codes, for each that there is.
    #[inline(always)]
    fn tell(&self, mut tell: impl FnMut(bool, usize)) {
        for (right, at) in [true, false].into_iter().zip(self.codes) {
            if let Some(at) = at {
                tell(right, at);
            }
        }
    }

    /// The codes of values; a missing one is below all cuts.
    #[inline(always)]
    fn search<S: Simd, const N: usize>(&self, simd: S, values: &[f64; N]) -> [i8; N] {
        let runs = self.runs(simd, values);
        let mut codes = [0; N];
        // Loops and no closures, which would be compiled for no registers wider than the rest.
        for ((found, &value), &run) in codes.iter_mut().zip(values).zip(&runs) {
            *found = code(run * CUTS + n_below(simd, &self.cuts[run], value));
        }
        codes
    }

    /// The run of cuts that each value belongs to.
    #[inline(always)]
    fn runs<S: Simd, const N: usize>(&self, simd: S, values: &[f64; N]) -> [usize; N] {
        let mut runs = [0; N];
        if self.cuts.len() > 1 {
            let (runs, runs_left) = runs.as_chunks_mut();
            let (values, values_left) = values.as_chunks();
            for (runs, values) in runs.iter_mut().zip(values) {
                *runs = n_below_each(simd, &self.ends, values);
            }
            for (run, &value) in runs_left.iter_mut().zip(values_left) {
                *run = n_below(simd, &self.ends, value);
            }
        }
        runs
    }
}

/// A value's code, a missing one's to the side that it goes to.
#[inline(always)]
fn missing_to(right: bool, value: f64, code: i8) -> i8 {
    if right & value.is_nan() { i8::MAX } else { code }
}

/// How many of ascending cuts are below a value: all are asked at once.
#[inline(always)]
fn n_below<S: Simd>(simd: S, cuts: &[f64; CUTS], value: f64) -> usize {
    let value = f64x8::splat(simd, value);
    let (low, high) = cuts.split_at(CUTS / 2);
    let low = f64x8::from_slice(simd, low).simd_lt(value).to_bitmask();
    let high = f64x8::from_slice(simd, high).simd_lt(value).to_bitmask();
    (low | high << (CUTS / 2)).count_ones() as usize
}

/// As [`n_below`] for values that are compared with the same cuts: one cut after the other, which takes fewer steps.
#[inline(always)]
fn n_below_each<S: Simd>(simd: S, cuts: &[f64; CUTS], values: &[f64; LANES]) -> [usize; LANES] {
    let values = f64x8::from_slice(simd, values);
    let (none, one) = (u64x8::splat(simd, 0), u64x8::splat(simd, 1));
    let mut counts = none;
    for cut in cuts {
        counts += f64x8::splat(simd, *cut).simd_lt(values).select(one, none);
    }
    let (counts, mut n) = (<[u64; LANES]>::from(counts), [0; LANES]);
    for (n, count) in n.iter_mut().zip(counts) {
        *n = count as usize;
    }
    n
}

/// A rank as a byte that compares with its sign, since that is what all processors can do with many bytes at once.
fn code(rank: usize) -> i8 {
    LOWEST.wrapping_add_unsigned(rank as u8)
}

impl LevelBits {
    fn new(column: usize, first_code: usize, sets: &[LevelSet]) -> Self {
        let n_codes = sets.len().div_ceil(SETS_A_BYTE);
        let n_levels = sets.iter().map(|(levels, _)| levels.n_levels()).max().unwrap_or(0);
        let goes_left = |(levels, missing_left): &LevelSet, value: f64| {
            if value.is_nan() { *missing_left } else { levels.hold(value) }
        };
        let mut this = LevelBits { column, first_code, n_codes, class_of: Vec::new(), bits: Vec::new() };
        let mut classes: HashMap<Vec<i8>, u32> = HashMap::new();
        let known = (0..n_levels).map(|level| level as f64);
        for value in known.chain([super::UNSEEN_LEVEL, f64::NAN]) {
            let bit = |set: &LevelSet| i8::from(!goes_left(set, value));
            let byte = |sets: &[LevelSet]| sets.iter().rev().fold(0, |byte, set| byte << 1 | bit(set));
            let line: Vec<i8> = sets.chunks(SETS_A_BYTE).map(byte).collect();
            let next = classes.len() as u32;
            let class = *classes.entry(line).or_insert_with_key(|line| {
                this.bits.extend(line);
                next
            });
            this.class_of.push(class);
        }
        this
    }

    /// The bits of a category's level, given as a number.
    #[inline(always)]
    fn line(&self, level: f64) -> &[i8] {
        let (missing, unseen) = (self.class_of.len() - 1, self.class_of.len() - 2);
        let known = level > super::UNSEEN_LEVEL && (level as usize) < unseen;
        let at = if known {
            level as usize
        } else if level.is_nan() {
            missing
        } else {
            unseen
        };
        &self.bits[self.class_of[at] as usize * self.n_codes..][..self.n_codes]
    }
}

#[cfg(test)]
mod tests {
    use fearless_simd::{Level, dispatch};

    use super::*;

    const NUMBERS: [f64; 10] =
        [f64::NAN, f64::NEG_INFINITY, -7.5, -0.0, 0.0, 1.0, 1.5, 700.0, 1e300, f64::INFINITY];

    fn node(column: u32, test: Test, missing_left: bool) -> Node {
        Node { column, test, missing_left, left: !0, right: !1 }
    }

    /// A tree whose nodes alone count.
    fn tree(nodes: Vec<Node>) -> [Tree; 1] {
        [Tree { nodes, values: Vec::new(), counts: Vec::new() }]
    }

    /// Every row of a block has values of its own, in two columns that do not go together.
    fn check(nodes: Vec<Node>, values: &[f64]) {
        let trees = tree(nodes);
        let questions = Questions::new(&trees);
        let coder = &questions.coder;
        for values in values.chunks(BLOCK) {
            let cell = |row: usize, column: usize| values[(row + 3 * column) % values.len()];
            let of_column = |column: usize| std::array::from_fn(|row| cell(row, column));
            let block: Vec<[f64; BLOCK]> = coder.asked().map(of_column).collect();
            let mut codes = vec![[0; BLOCK]; coder.n_columns()];
            dispatch!(Level::new(), simd => coder.code_block(simd, values.len(), &block, &mut codes));
            for at in 0..values.len() {
                let row = [cell(at, 0), cell(at, 1)];
                let mut of_row = vec![0; coder.n_columns()];
                dispatch!(Level::new(), simd => coder.code_row(simd, &row, &mut of_row));
                assert_eq!(codes.iter().map(|codes| codes[at]).collect::<Vec<_>>(), of_row);
                for node in &trees[0].nodes {
                    let value = row[node.column as usize];
                    let goes_right = questions.of(node).goes_right(&of_row);
                    assert_eq!(goes_right, !node.goes_left(value), "{row:?} {node:?}");
                }
            }
        }
    }

    fn category_of(words: Vec<u64>) -> Node {
        node(1, Test::Among(Levels { words, unseen_left: true }), false)
    }

    #[test]
    fn numbers_fall_where_their_nodes_send_them() {
        for n_thresholds in [1, 2, 15, 16, 17, 255, 256, 257, 272, 700] {
            let threshold = |i: usize| if i == 0 { f64::NEG_INFINITY } else { (i as f64 - 3.5) * 1.1 };
            let sides = |i: usize| {
                // Most are asked for missing values that go one way only.
                let both = [true, false].map(|left| node(0, Test::AtMost(threshold(i)), left));
                both.into_iter().take(if i.is_multiple_of(7) { 2 } else { 1 })
            };
            // Beside the number a category, whose values stand behind the number's.
            let nodes = (0..n_thresholds).flat_map(sides).chain([category_of(vec![0b1011])]);
            let around = |i: usize| [threshold(i).next_down(), threshold(i), threshold(i).next_up()];
            let values: Vec<f64> = NUMBERS.into_iter().chain((0..n_thresholds).flat_map(around)).collect();
            check(nodes.collect(), &values);
        }
    }

    #[test]
    fn thresholds_that_are_infinite_or_a_zero_of_either_sign_are_exact() {
        let nodes = NUMBERS[1..].iter().map(|&threshold| node(0, Test::AtMost(threshold), true));
        check(nodes.collect(), &NUMBERS);
    }

    #[test]
    fn levels_fall_where_their_nodes_send_them() {
        let levels = |words: Vec<u64>, unseen_left| Test::Among(Levels { words, unseen_left });
        let nodes = (0..40u64).map(|i| {
            let words =
                (0..1 + i % 3).map(|word| (i + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> word).collect();
            node((i % 2) as u32, levels(words, i.is_multiple_of(5)), i.is_multiple_of(7))
        });
        let values =
            [f64::NAN, -1.0, 0.0, 1.0, 2.5, 63.0, 64.0, 100.0, 190.0, 191.0, 192.0, 1e18, f64::INFINITY];
        check(nodes.collect(), &values);
    }

    #[test]
    fn equal_sets_share_a_bit() {
        let among = || Test::Among(Levels { words: vec![5], unseen_left: false });
        let trees = tree((0..30).map(|_| node(0, among(), true)).collect());
        assert_eq!(Questions::new(&trees).coder.n_columns(), 1);
    }
}
