//! A row's answers to all that a forest asks, as bytes.
//!
//! A forest asks few different things of a column: whether it is at most one of the thresholds that occur, or
//! among one of the sets of levels. So a number becomes its rank among the thresholds, and a category one bit a set:
//! found out once a row and column, after which a node of any tree is one comparison of bytes. Ranks are exact:
//! `value <= thresholds[k]` where as many as `k` thresholds or fewer are below the value.

use std::collections::{BTreeMap, HashMap};

use super::predict::{Levels, Node, Test, Tree};

/// Rows that are coded together.
pub(super) const BLOCK: usize = 128;
/// One code of each of the rows of a block.
pub(super) type CodeColumn = [i8; BLOCK];

/// Most thresholds that one byte tells apart.
const MAX_CUTS: usize = 255;
/// Searches side by side, each of which alone would wait for its loads.
const LANES: usize = 8;
/// The lowest code: left of all thresholds.
const LOWEST: i8 = i8::MIN;

/// What a node asks of a row's codes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Question {
    /// Right where the code of this column is above the threshold.
    Above { column: usize, threshold: i8 },
    /// Right where this bit of the code of this column is set.
    Bit { column: usize, bit: u8 },
}

/// Turns values into codes. The columns of codes are the ranks of numbers first, then the bits of categories.
#[derive(Clone, Debug)]
pub(super) struct Coder {
    numbers: Vec<Ranks>,
    categories: Vec<LevelBits>,
}

/// Up to 255 thresholds of one column whose nodes send missing values to the same side.
#[derive(Clone, Debug)]
struct Ranks {
    column: usize,
    missing_left: bool,
    last_cut: f64,
    /// Ascending, filled up with infinity to 4, 16, 64 or 256.
    cuts: Vec<f64>,
}

/// All sets of levels that are asked for of one column.
#[derive(Clone, Debug)]
struct LevelBits {
    column: usize,
    /// The first column of codes; eight sets share one.
    first_code: usize,
    n_codes: usize,
    /// The class of each level, then of unseen ones, then of missing ones. Levels of a class are in the same sets.
    class_of: Vec<u32>,
    /// Classes × `n_codes`: a bit for each set the class is not in, since outside of the set is right.
    bits: Vec<u8>,
}

/// A set of levels and where missing ones go.
type LevelSet<'a> = (&'a Levels, bool);

/// A coder and the questions of nodes, while a forest is laid out.
pub(super) struct Questions<'a> {
    pub(super) coder: Coder,
    /// The column of codes and the bit of every set, by column.
    bit_of: HashMap<(u32, LevelSet<'a>), (usize, u8)>,
}

impl<'a> Questions<'a> {
    pub(super) fn new(trees: &'a [Tree]) -> Self {
        let mut thresholds: BTreeMap<(u32, bool), Vec<f64>> = BTreeMap::new();
        let mut sets: BTreeMap<u32, Vec<LevelSet>> = BTreeMap::new();
        for node in trees.iter().flat_map(|tree| &tree.nodes) {
            match &node.test {
                Test::AtMost(at) => thresholds.entry((node.column, node.missing_left)).or_default().push(*at),
                Test::Among(levels) => sets.entry(node.column).or_default().push((levels, node.missing_left)),
            }
        }
        let coder = Coder { numbers: ranks(thresholds), categories: Vec::new() };
        let mut questions = Questions { coder, bit_of: HashMap::new() };
        sets.into_iter().for_each(|(column, sets)| questions.add_levels(column, sets));
        questions
    }

    fn add_levels(&mut self, column: u32, sets: Vec<LevelSet<'a>>) {
        let first_code = self.coder.n_columns();
        let mut distinct: Vec<LevelSet> = Vec::new();
        for set in sets {
            self.bit_of.entry((column, set)).or_insert_with(|| {
                distinct.push(set);
                (first_code + (distinct.len() - 1) / 8, 1 << ((distinct.len() - 1) % 8))
            });
        }
        self.coder.categories.push(LevelBits::new(column as usize, first_code, &distinct));
    }

    pub(super) fn of(&self, node: &'a Node) -> Question {
        match &node.test {
            Test::AtMost(threshold) => self.coder.above(node, *threshold),
            Test::Among(levels) => {
                let (column, bit) = self.bit_of[&(node.column, (levels, node.missing_left))];
                Question::Bit { column, bit }
            }
        }
    }
}

fn ranks(thresholds: BTreeMap<(u32, bool), Vec<f64>>) -> Vec<Ranks> {
    let mut numbers = Vec::new();
    for ((column, missing_left), mut cuts) in thresholds {
        cuts.sort_unstable_by(f64::total_cmp);
        cuts.dedup();
        numbers.extend(cuts.chunks(MAX_CUTS).map(|cuts| Ranks::new(column as usize, missing_left, cuts)));
    }
    numbers
}

impl Coder {
    /// Columns of codes.
    pub(super) fn n_columns(&self) -> usize {
        self.categories.last().map_or(self.numbers.len(), |last| last.first_code + last.n_codes)
    }

    fn above(&self, node: &Node, threshold: f64) -> Question {
        let key = (node.column as usize, node.missing_left, threshold);
        let column = self.numbers.partition_point(|of| (of.column, of.missing_left, of.last_cut) < key);
        let below = self.numbers[column].cuts.partition_point(|&cut| cut < threshold);
        Question::Above { column, threshold: code(below) }
    }

    /// Where a question finds its byte among the codes of one row: right where that is above the threshold.
    pub(super) fn place(&self, question: Question) -> (usize, i8) {
        match question {
            Question::Above { column, threshold } => (column, threshold),
            Question::Bit { column, bit } => {
                let n_ranks = self.numbers.len();
                (n_ranks + 8 * (column - n_ranks) + bit.trailing_zeros() as usize, 0)
            }
        }
    }

    /// The codes of one row of numbers as [`Tree::predict_row`] takes it, into `codes`: first all ranks, then a byte for
    /// every set of levels, 1 where the row is not in it. `codes` has at least
    /// [`row_width`](Self::row_width) places.
    pub(super) fn code_row(&self, row: &[f64], codes: &mut [i8]) {
        let (of_numbers, mut of_sets) = codes.split_at_mut(self.numbers.len());
        for (ranks, code) in self.numbers.iter().zip(of_numbers) {
            ranks.code(&[[row[ranks.column]]], std::slice::from_mut(code).as_chunks_mut::<1>().0);
        }
        for category in &self.categories {
            let (bytes, rest) = of_sets.split_at_mut(8 * category.n_codes);
            for (bytes, &bits) in
                bytes.as_chunks_mut::<8>().0.iter_mut().zip(category.line(row[category.column]))
            {
                *bytes = spread(bits);
            }
            of_sets = rest;
        }
    }

    /// Bytes of a row's codes: one a rank and eight a column of bits.
    pub(super) fn row_width(&self) -> usize {
        self.numbers.len() + 8 * (self.n_columns() - self.numbers.len())
    }

    /// The codes of a block of rows, a column of them for each of [`n_columns`](Self::n_columns); `read` fills in the values of
    /// a column of the table.
    pub(super) fn code_block(&self, read: impl Fn(usize, &mut [f64; BLOCK]), codes: &mut [CodeColumn]) {
        let mut values = [0.0; BLOCK];
        let mut held = usize::MAX;
        for (ranks, codes) in self.numbers.iter().zip(&mut *codes) {
            if held != ranks.column {
                read(ranks.column, &mut values);
                held = ranks.column;
            }
            ranks.code::<LANES>(values.as_chunks().0, codes.as_chunks_mut().0);
        }
        for category in &self.categories {
            read(category.column, &mut values);
            let columns = &mut codes[category.first_code..][..category.n_codes];
            for (row, &value) in values.iter().enumerate() {
                let line = category.line(value);
                columns.iter_mut().zip(line).for_each(|(codes, &bits)| codes[row] = bits as i8);
            }
        }
    }
}

impl Ranks {
    fn new(column: usize, missing_left: bool, cuts: &[f64]) -> Self {
        let width = [4, 16, 64].into_iter().find(|&width| cuts.len() < width).unwrap_or(256);
        let last_cut = cuts.last().copied().unwrap_or(f64::INFINITY);
        let mut cuts = cuts.to_vec();
        cuts.resize(width, f64::INFINITY);
        Ranks { column, missing_left, last_cut, cuts }
    }

    fn code<const L: usize>(&self, values: &[[f64; L]], codes: &mut [[i8; L]]) {
        match self.cuts.len() {
            4 => self.code_among::<4, L>(values, codes),
            16 => self.code_among::<16, L>(values, codes),
            64 => self.code_among::<64, L>(values, codes),
            _ => self.code_among::<256, L>(values, codes),
        }
    }

    #[inline(always)]
    #[expect(
        clippy::neg_cmp_op_on_partial_ord,
        reason = "missing values are above all cuts without a further test"
    )]
    fn code_among<const N: usize, const L: usize>(&self, values: &[[f64; L]], codes: &mut [[i8; L]]) {
        let Some((cuts, _)) = self.cuts.split_first_chunk::<N>() else { return };
        let pairs = values.iter().zip(codes);
        if self.missing_left {
            pairs.for_each(|(values, codes)| *codes = search(cuts, values, |cut, value| cut < value));
        } else {
            pairs.for_each(|(values, codes)| *codes = search(cuts, values, |cut, value| !(value <= cut)));
        }
    }
}

/// How many cuts are below each value, without a branch. A missing value is above none or all, as `below` has it.
#[inline(always)]
fn search<const N: usize, const L: usize>(
    cuts: &[f64; N],
    values: &[f64; L],
    below: impl Fn(f64, f64) -> bool,
) -> [i8; L] {
    let mut counts = [0; L];
    let mut step = N / 2;
    while step > 0 {
        for (count, &value) in counts.iter_mut().zip(values) {
            *count += if below(cuts[(*count + step - 1) & (N - 1)], value) { step } else { 0 };
        }
        step /= 2;
    }
    counts.map(code)
}

/// A rank as a byte that compares with its sign, since that is what all processors can do with many bytes at once.
fn code(rank: usize) -> i8 {
    LOWEST.wrapping_add_unsigned(rank as u8)
}

/// Each of eight bits as a byte, 0 or 1.
fn spread(bits: u8) -> [i8; 8] {
    let each = (u64::from(bits) * 0x0101_0101_0101_0101) & 0x8040_2010_0804_0201;
    let carried = (each & 0x7F7F_7F7F_7F7F_7F7F) + 0x7F7F_7F7F_7F7F_7F7F;
    let ones = ((carried | each) >> 7) & 0x0101_0101_0101_0101;
    ones.to_le_bytes().map(|byte| byte as i8)
}

impl LevelBits {
    fn new(column: usize, first_code: usize, sets: &[LevelSet]) -> Self {
        let n_codes = sets.len().div_ceil(8);
        let n_levels = sets.iter().map(|(levels, _)| levels.n_levels()).max().unwrap_or(0);
        let goes_left = |(levels, missing_left): &LevelSet, value: f64| {
            if value.is_nan() { *missing_left } else { levels.hold(value) }
        };
        let mut this = LevelBits { column, first_code, n_codes, class_of: Vec::new(), bits: Vec::new() };
        let mut classes: HashMap<Vec<u8>, u32> = HashMap::new();
        let known = (0..n_levels).map(|level| level as f64);
        for value in known.chain([super::UNSEEN_LEVEL, f64::NAN]) {
            let bit = |set: &LevelSet| u8::from(!goes_left(set, value));
            let byte = |sets: &[LevelSet]| sets.iter().rev().fold(0, |byte, set| byte << 1 | bit(set));
            let line: Vec<u8> = sets.chunks(8).map(byte).collect();
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
    fn line(&self, level: f64) -> &[u8] {
        let (missing, unseen) = (self.class_of.len() - 1, self.class_of.len() - 2);
        let known = level >= 0.0 && (level as usize) < unseen;
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

    fn goes_left(question: Question, codes: &[CodeColumn], row: usize) -> bool {
        match question {
            Question::Above { column, threshold } => codes[column][row] <= threshold,
            Question::Bit { column, bit } => codes[column][row] as u8 & bit == 0,
        }
    }

    fn check(nodes: Vec<Node>, values: &[f64]) {
        let trees = tree(nodes);
        let questions = Questions::new(&trees);
        let coder = &questions.coder;
        let mut codes = vec![[0; BLOCK]; coder.n_columns()];
        for (row, &value) in values.iter().enumerate() {
            coder.code_block(|_, out| out.fill(value), &mut codes);
            let mut of_row = vec![0; coder.row_width()];
            coder.code_row(&[value; 2], &mut of_row);
            for node in &trees[0].nodes {
                let question = questions.of(node);
                assert_eq!(goes_left(question, &codes, 5), node.goes_left(value), "{row} {value} {node:?}");
                let (place, threshold) = coder.place(question);
                assert_eq!(of_row[place] <= threshold, node.goes_left(value), "one row: {value} {node:?}");
            }
        }
    }

    #[test]
    fn numbers_fall_where_their_nodes_send_them() {
        for n_thresholds in [1, 3, 4, 15, 16, 63, 64, 255, 256, 900] {
            let threshold =
                |i: usize| if i.is_multiple_of(50) { NUMBERS[1 + (i / 50) % 9] } else { i as f64 - 3.5 };
            let nodes = (0..n_thresholds).flat_map(|i| {
                [true, false].map(|missing_left| node(i as u32 % 2, Test::AtMost(threshold(i)), missing_left))
            });
            check(nodes.collect(), &NUMBERS);
        }
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
