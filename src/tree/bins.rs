//! Bins: every column as one byte a row, so that a histogram needs no comparison.
//!
//! Bin 0 is "missing". A number gets one of up to 255 value bins by quantile cut points; a category's most
//! frequent levels get a bin each, and one more bin, the pool, takes the levels beyond the limit together with
//! every level that was never seen. Binning knows no label, so it is fitted once on a whole table and serves
//! every fold of it.

use rayon::prelude::*;

use super::column::{ColumnView, MISSING_CODE, ReadRows, for_stretches};

/// The bin of missing values, in every column.
pub const MISSING_BIN: u8 = 0;
/// Most value bins a column can have; with [`MISSING_BIN`] they fill a byte.
pub const MAX_BINS: usize = 255;
/// Cut points are taken from at most this many rows.
const SAMPLE_ROWS: usize = 200_000;
/// Widest row-major group of columns; a group is what one pass over the rows fills.
const MAX_GROUP: usize = 16;

/// How one column is cut into bins.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ColumnBinning {
    /// Bin `b` of `1..=cuts.len() + 1` holds `cuts[b - 2] < value <= cuts[b - 1]`.
    Number { cuts: Vec<f64> },
    /// `bin_of[code]` is the level's own bin, or `pool`, which unseen levels get too.
    Category { bin_of: Vec<u8>, pool: u8 },
}

/// How `d` columns are cut into bins.
#[derive(Clone, Debug, PartialEq)]
pub struct Binning {
    columns: Vec<ColumnBinning>,
}

impl Binning {
    /// Finds the cut points and the levels' bins of `d` columns of `n` rows.
    ///
    /// `max_bins` is the most value bins of a column, clamped to 2..=255. Infinite numbers fall into the
    /// outermost bins. Above 200,000 rows the cut points come from an even sample of them.
    pub fn fit(columns: &[ColumnView], max_bins: usize) -> Self {
        let max_bins = max_bins.clamp(2, MAX_BINS);
        Binning { columns: columns.par_iter().map(|column| fit_column(*column, max_bins)).collect() }
    }

    /// Number of columns, `d`.
    pub fn n_columns(&self) -> usize {
        self.columns.len()
    }

    pub(super) fn column(&self, column: usize) -> &ColumnBinning {
        &self.columns[column]
    }

    /// Puts every row of the same `d` columns into its bins.
    ///
    /// # Panics
    /// When the number of columns or a column's kind differs from what was fitted.
    pub fn bin(&self, columns: &[ColumnView]) -> Bins {
        assert_eq!(columns.len(), self.columns.len(), "as many columns as were fitted");
        let by_column: Vec<Vec<u8>> =
            self.columns.par_iter().zip(columns).map(|(binning, column)| binning.bin(*column)).collect();
        let n_bins = self.columns.iter().map(ColumnBinning::n_bins).collect();
        let is_category = self.columns.iter().map(|c| matches!(c, ColumnBinning::Category { .. })).collect();
        Bins::new(by_column, n_bins, is_category)
    }
}

impl ColumnBinning {
    /// Number of bins, the missing one among them.
    fn n_bins(&self) -> usize {
        match self {
            ColumnBinning::Number { cuts } => cuts.len() + 2,
            ColumnBinning::Category { pool, .. } => usize::from(*pool) + 1,
        }
    }

    fn bin(&self, column: ColumnView) -> Vec<u8> {
        match (self, column) {
            (ColumnBinning::Number { cuts }, ColumnView::F64(values)) => {
                let cuts = TwoLevelCuts::new(cuts);
                values.iter().map(|&value| cuts.bin(value)).collect()
            }
            (ColumnBinning::Number { cuts }, ColumnView::F32(values)) => {
                let cuts = TwoLevelCuts::new(cuts);
                values.iter().map(|&value| cuts.bin(f64::from(value))).collect()
            }
            (ColumnBinning::Number { cuts }, ColumnView::Read { n_rows, read }) => {
                let (cuts, mut bins) = (TwoLevelCuts::new(cuts), Vec::with_capacity(n_rows));
                for_stretches(n_rows, read, |values| {
                    bins.extend(values.iter().map(|&value| cuts.bin(value)))
                });
                bins
            }
            (ColumnBinning::Category { bin_of, pool }, ColumnView::Category { codes, .. }) => {
                codes.iter().map(|&code| level_bin(bin_of, *pool, code)).collect()
            }
            _ => panic!("a column must keep the kind it was fitted with"),
        }
    }
}

/// The bin of a category code.
pub(super) fn level_bin(bin_of: &[u8], pool: u8, code: u32) -> u8 {
    match code {
        MISSING_CODE => MISSING_BIN,
        code => bin_of.get(code as usize).copied().unwrap_or(pool),
    }
}

fn fit_column(column: ColumnView, max_bins: usize) -> ColumnBinning {
    match column {
        ColumnView::F64(values) => fit_number(values.len(), |row| values[row], max_bins),
        ColumnView::F32(values) => fit_number(values.len(), |row| f64::from(values[row]), max_bins),
        ColumnView::Read { n_rows, read } => fit_number(n_rows, |row| number_at(read, row), max_bins),
        ColumnView::Category { codes, n_levels } => fit_category(codes, n_levels, max_bins),
    }
}

fn fit_number(n_rows: usize, number: impl Fn(usize) -> f64, max_bins: usize) -> ColumnBinning {
    let finite = |value: &f64| value.is_finite();
    let mut sample: Vec<f64> = sample_rows(n_rows).map(number).filter(finite).collect();
    sample.sort_unstable_by(f64::total_cmp);
    ColumnBinning::Number { cuts: cut_points(&distinct_counts(&sample), max_bins) }
}

fn number_at(read: &ReadRows<'_>, row: usize) -> f64 {
    let mut number = [0.0];
    read(row, &mut number);
    number[0]
}

/// All rows, or an even sample with one row drawn from each stretch, so that a period in the rows does no harm.
fn sample_rows(n_rows: usize) -> impl Iterator<Item = usize> {
    let n_sample = n_rows.min(SAMPLE_ROWS);
    (0..n_sample).map(move |i| {
        let (start, end) = (i * n_rows / n_sample, (i + 1) * n_rows / n_sample);
        start + (i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) % (end - start)
    })
}

/// Distinct values with how often each stands in a sorted sample.
fn distinct_counts(sorted: &[f64]) -> Vec<(f64, usize)> {
    sorted.chunk_by(|a, b| a == b).map(|same| (same[0], same.len())).collect()
}

/// Cut points that leave about equally many rows in each bin, a value that is heavier than a bin alone in its own.
fn cut_points(distinct: &[(f64, usize)], max_bins: usize) -> Vec<f64> {
    let between = |at: usize| midpoint(distinct[at].0, distinct[at + 1].0);
    let last = distinct.len().saturating_sub(1);
    if distinct.len() <= max_bins {
        return (0..last).map(between).collect();
    }
    let mut quota = Quota::new(distinct, max_bins);
    (0..last).filter(|&at| quota.closes_bin(distinct[at].1, distinct[at + 1].1)).map(between).collect()
}

/// How many rows the bin being filled may still take: heavy values are set apart, the rest is shared out evenly.
struct Quota {
    heavy: usize,
    light_rows: usize,
    light_bins: usize,
    filled: usize,
    bins_left: usize,
}

impl Quota {
    fn new(distinct: &[(f64, usize)], max_bins: usize) -> Self {
        let rows: usize = distinct.iter().map(|(_, count)| count).sum();
        let heavy = rows.div_ceil(max_bins);
        let is_heavy = |&&(_, count): &&(f64, usize)| count >= heavy;
        let (n_heavy, heavy_rows) =
            distinct.iter().filter(is_heavy).fold((0, 0), |(n, sum), (_, count)| (n + 1, sum + count));
        Quota {
            heavy,
            light_rows: rows - heavy_rows,
            light_bins: max_bins.saturating_sub(n_heavy).max(1),
            filled: 0,
            bins_left: max_bins,
        }
    }

    /// Takes a distinct value into the current bin; whether the bin ends after it, as it does before and after a
    /// heavy value.
    fn closes_bin(&mut self, count: usize, next_count: usize) -> bool {
        self.filled += count;
        let is_heavy = count >= self.heavy;
        let full = self.filled * self.light_bins >= self.light_rows;
        let closes = self.bins_left > 1 && (is_heavy || full || next_count >= self.heavy);
        if closes {
            self.bins_left -= 1;
            if !is_heavy {
                self.light_rows = self.light_rows.saturating_sub(self.filled);
                self.light_bins = self.light_bins.saturating_sub(1).max(1);
            }
            self.filled = 0;
        }
        closes
    }
}

/// A number `cut` with `low <= cut < high`.
fn midpoint(low: f64, high: f64) -> f64 {
    let middle = low / 2.0 + high / 2.0;
    if middle >= low && middle < high { middle } else { low }
}

fn fit_category(codes: &[u32], n_levels: usize, max_bins: usize) -> ColumnBinning {
    let mut counts = vec![0usize; n_levels];
    for &code in codes {
        if let Some(count) = counts.get_mut(code as usize) {
            *count += 1;
        }
    }
    let mut levels: Vec<usize> = (0..n_levels).filter(|&level| counts[level] > 0).collect();
    levels.sort_by_key(|&level| std::cmp::Reverse(counts[level]));
    levels.truncate(max_bins - 1);
    let pool = levels.len() as u8 + 1;
    let mut bin_of = vec![pool; n_levels];
    for (bin, &level) in (1..).zip(&levels) {
        bin_of[level] = bin;
    }
    ColumnBinning::Category { bin_of, pool }
}

/// Cut points as 16 × 16: which block of 16, then where in it, both by counting without a branch.
struct TwoLevelCuts {
    last_of_block: [f64; 16],
    blocks: [[f64; 16]; 16],
}

impl TwoLevelCuts {
    fn new(cuts: &[f64]) -> Self {
        let mut blocks = [[f64::INFINITY; 16]; 16];
        for (place, &cut) in blocks.as_flattened_mut().iter_mut().zip(cuts) {
            *place = cut;
        }
        TwoLevelCuts { last_of_block: blocks.map(|block| block[15]), blocks }
    }

    fn bin(&self, value: f64) -> u8 {
        let below = |cuts: &[f64; 16]| cuts.iter().map(|&cut| u8::from(cut < value)).sum::<u8>();
        let block = below(&self.last_of_block) & 15;
        let bin = 1 + 16 * block + below(&self.blocks[usize::from(block)]);
        if value.is_nan() { MISSING_BIN } else { bin }
    }
}

/// `n` rows × `d` columns of bins: row-major in groups of columns for histograms, column-major for partitions.
#[derive(Clone, Debug)]
pub struct Bins {
    n_rows: usize,
    by_column: Vec<Vec<u8>>,
    groups: Vec<Group>,
    n_bins: Vec<usize>,
    is_category: Vec<bool>,
}

/// Up to 16 neighbouring columns, row-major: `cells` is `n × width`.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) first_column: usize,
    pub(super) width: usize,
    pub(super) cells: Vec<u8>,
}

impl Bins {
    fn new(by_column: Vec<Vec<u8>>, n_bins: Vec<usize>, is_category: Vec<bool>) -> Self {
        let groups =
            group_bounds(by_column.len()).map(|(first, end)| Group::new(&by_column, first, end)).collect();
        Bins { n_rows: by_column.first().map_or(0, Vec::len), by_column, groups, n_bins, is_category }
    }

    /// Number of rows, `n`.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Number of columns, `d`.
    pub fn n_columns(&self) -> usize {
        self.by_column.len()
    }

    /// Number of bins of a column, the missing one among them.
    pub fn n_bins(&self, column: usize) -> usize {
        self.n_bins[column]
    }

    /// The `n` bins of a column.
    pub fn column(&self, column: usize) -> &[u8] {
        &self.by_column[column]
    }

    pub(super) fn is_category(&self, column: usize) -> bool {
        self.is_category[column]
    }

    pub(super) fn groups(&self) -> &[Group] {
        &self.groups
    }
}

/// Balanced groups of at most [`MAX_GROUP`] columns, as half-open ranges.
fn group_bounds(n_columns: usize) -> impl Iterator<Item = (usize, usize)> {
    let n_groups = n_columns.div_ceil(MAX_GROUP);
    (0..n_groups).map(move |g| (g * n_columns / n_groups, (g + 1) * n_columns / n_groups))
}

impl Group {
    fn new(by_column: &[Vec<u8>], first_column: usize, end: usize) -> Self {
        let width = end - first_column;
        let mut cells = vec![0; by_column[first_column].len() * width];
        for (offset, column) in by_column[first_column..end].iter().enumerate() {
            for (cell, &bin) in cells.iter_mut().skip(offset).step_by(width).zip(column) {
                *cell = bin;
            }
        }
        Group { first_column, width, cells }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::UNSEEN_CODE;

    fn bin_one(values: &[f64], max_bins: usize) -> Vec<u8> {
        let columns = [ColumnView::F64(values)];
        Binning::fit(&columns, max_bins).bin(&columns).column(0).to_vec()
    }

    #[test]
    fn few_distinct_values_get_a_bin_each_and_missing_is_zero() {
        assert_eq!(bin_one(&[3.0, f64::NAN, 1.0, 3.0, 2.0, -0.0, 0.0], 255), [4, 0, 2, 4, 3, 1, 1]);
    }

    #[test]
    fn many_values_fill_bins_evenly() {
        let values: Vec<f64> = (0..10_000).map(|i| f64::from(i).powi(3)).collect();
        let bins = bin_one(&values, 255);
        let mut counts = [0; 256];
        bins.iter().for_each(|&bin| counts[usize::from(bin)] += 1);
        assert_eq!(counts[0], 0);
        assert!(counts[1..].iter().all(|&count| (35..=45).contains(&count)), "{counts:?}");
        assert!(bins.is_sorted());
    }

    #[test]
    fn a_heavy_value_has_a_bin_of_its_own() {
        let values: Vec<f64> =
            (0..4000).map(|i| if i % 2 == 0 { 500.0 } else { f64::from(i % 1000) }).collect();
        let bins = bin_one(&values, 16);
        let heavy = bins[0];
        let others =
            values.iter().zip(&bins).filter(|(value, bin)| **value != 500.0 && **bin == heavy).count();
        assert_eq!(others, 0);
        assert!(bins.iter().all(|&bin| (1..=16).contains(&bin)));
        assert!(bins.contains(&16) || bins.contains(&15), "the limit is nearly used");
    }

    #[test]
    fn two_level_search_agrees_with_a_binary_search() {
        let cuts: Vec<f64> = (0..254).map(|i| f64::from(i) * 0.37 - 20.0).collect();
        let two_level = TwoLevelCuts::new(&cuts);
        for i in -500..1500 {
            let value = f64::from(i) * 0.0617;
            assert_eq!(usize::from(two_level.bin(value)), 1 + cuts.partition_point(|&cut| cut < value));
        }
        assert_eq!(two_level.bin(f64::INFINITY), 255);
        assert_eq!(two_level.bin(f64::NEG_INFINITY), 1);
        assert_eq!(two_level.bin(f64::NAN), 0);
    }

    #[test]
    fn neighbouring_floats_are_still_told_apart() {
        let low = 1.0f64;
        assert_eq!(bin_one(&[low, low.next_up(), f64::MAX, f64::MIN], 255), [2, 3, 4, 1]);
    }

    #[test]
    fn levels_beyond_the_limit_share_the_pool_with_unseen_ones() {
        let codes = [2, 2, 2, 0, 0, 1, 3, MISSING_CODE, UNSEEN_CODE];
        let columns = [ColumnView::Category { codes: &codes, n_levels: 5 }];
        let bins = Binning::fit(&columns, 3).bin(&columns);
        assert_eq!(bins.column(0), [1, 1, 1, 2, 2, 3, 3, 0, 3]);
        assert_eq!(bins.n_bins(0), 4);
    }

    #[test]
    fn groups_are_balanced_and_hold_every_column() {
        let bounds: Vec<_> = group_bounds(50).collect();
        assert_eq!(bounds, [(0, 12), (12, 25), (25, 37), (37, 50)]);
        let values: Vec<Vec<f64>> =
            (0..19).map(|c| (0..7).map(|r| f64::from((r * (c + 3)) % 5)).collect()).collect();
        let columns: Vec<_> = values.iter().map(|v| ColumnView::F64(v)).collect();
        let bins = Binning::fit(&columns, 255).bin(&columns);
        for group in bins.groups() {
            for (row, cells) in group.cells.chunks(group.width).enumerate() {
                for (offset, &cell) in cells.iter().enumerate() {
                    assert_eq!(cell, bins.column(group.first_column + offset)[row]);
                }
            }
        }
    }

    #[test]
    fn numbers_that_are_no_slice_get_the_same_bins() {
        let singles: Vec<f32> = (0..2500).map(|row| (row * 37 % 1009) as f32 / 7.0).collect();
        let doubles: Vec<f64> = singles.iter().map(|&value| f64::from(value)).collect();
        let read = |start: usize, out: &mut [f64]| out.copy_from_slice(&doubles[start..start + out.len()]);
        let expected = bin_one(&doubles, 255);
        for view in [ColumnView::F32(&singles), ColumnView::Read { n_rows: 2500, read: &read }] {
            assert_eq!(Binning::fit(&[view], 255).bin(&[view]).column(0), expected, "{view:?}");
        }
    }

    #[test]
    fn no_rows_and_all_missing_do_no_harm() {
        assert!(bin_one(&[], 255).is_empty());
        assert_eq!(bin_one(&[f64::NAN; 3], 255), [0, 0, 0]);
    }
}
