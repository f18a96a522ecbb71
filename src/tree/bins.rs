//! Bins: every column as a small number a row, so that a histogram needs no comparison.
//!
//! Bin 0 is "missing". A number gets one of up to 255 value bins by quantile cut points; a category's most
//! frequent levels get a bin each, and one more bin, the pool, takes the levels beyond the limit together with
//! every level that was never seen. Binning knows no label, so it is fitted once on a whole table and serves
//! every fold of it.

use rayon::prelude::*;

use super::bundles::most_values;
use super::cells::Bins;
use super::column::{ColumnView, ReadRows};

/// The bin of missing values, in every column.
pub const MISSING_BIN: u8 = 0;
/// Most value bins a column can have; with [`MISSING_BIN`] they fill a byte.
pub const MAX_BINS: usize = 255;
/// Cut points are taken from at most this many rows.
const SAMPLE_ROWS: usize = 1 << 15;
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
    /// outermost bins. Above 32,768 rows the cut points come from an even sample of them.
    pub fn fit(columns: &[ColumnView], max_bins: usize) -> Self {
        let max_bins = max_bins.clamp(2, MAX_BINS);
        let sample = sample_rows(columns.first().map_or(0, ColumnView::len));
        Binning { columns: columns.par_iter().map(|column| fit_column(*column, &sample, max_bins)).collect() }
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
    /// When the number of columns or a column's kind differs from what was fitted, or columns differ in length.
    pub fn bin(&self, columns: &[ColumnView]) -> Bins {
        self.bin_bundled(columns, most_values(columns.first().map_or(0, ColumnView::len)))
    }

    /// As [`bin`](Self::bin), with at most so many numbers in a cell of several columns.
    pub(super) fn bin_bundled(&self, columns: &[ColumnView], most_values: usize) -> Bins {
        assert_eq!(columns.len(), self.columns.len(), "as many columns as were fitted");
        let n_rows = columns.first().map_or(0, ColumnView::len);
        assert!(columns.iter().all(|column| column.len() == n_rows), "columns of one length");
        Bins::new(self, columns, n_rows, most_values)
    }
}

impl ColumnBinning {
    /// Number of bins, the missing one among them.
    pub(super) fn n_bins(&self) -> usize {
        match self {
            ColumnBinning::Number { cuts } => cuts.len() + 2,
            ColumnBinning::Category { pool, .. } => usize::from(*pool) + 1,
        }
    }

    pub(super) fn is_category(&self) -> bool {
        matches!(self, ColumnBinning::Category { .. })
    }
}

fn fit_column(column: ColumnView, sample: &[usize], max_bins: usize) -> ColumnBinning {
    match column {
        ColumnView::F64(values) => fit_number(sample, |row| values[row], max_bins),
        ColumnView::F32(values) => fit_number(sample, |row| f64::from(values[row]), max_bins),
        ColumnView::Read { read, .. } => fit_number(sample, |row| number_at(read, row), max_bins),
        ColumnView::Category { codes, n_levels } => fit_category(codes, n_levels, max_bins),
    }
}

fn fit_number(sample: &[usize], number: impl Fn(usize) -> f64, max_bins: usize) -> ColumnBinning {
    let mut keys = Vec::with_capacity(sample.len());
    let numbers = sample.iter().map(|&row| number(row));
    keys.extend(numbers.filter(|value| value.is_finite()).map(order_key));
    keys.sort_unstable();
    let sorted: Vec<f64> = keys.into_iter().map(of_order_key).collect();
    ColumnBinning::Number { cuts: cut_points(&sorted, max_bins) }
}

/// A number's bits as an integer of the same order: integers sort faster.
fn order_key(value: f64) -> i64 {
    let bits = value.to_bits() as i64;
    bits ^ ((bits >> 63) as u64 >> 1) as i64
}

/// The number of an [`order_key`].
fn of_order_key(key: i64) -> f64 {
    f64::from_bits((key ^ ((key >> 63) as u64 >> 1) as i64) as u64)
}

fn number_at(read: &ReadRows<'_>, row: usize) -> f64 {
    let mut number = [0.0];
    read(row, &mut number);
    number[0]
}

/// All rows, or an even sample with one row drawn from each stretch, so that a period in the rows does no harm.
fn sample_rows(n_rows: usize) -> Vec<usize> {
    let n_sample = n_rows.min(SAMPLE_ROWS);
    let row = |i: usize| {
        let (start, end) = (i * n_rows / n_sample, (i + 1) * n_rows / n_sample);
        start + (i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) % (end - start)
    };
    (0..n_sample).map(row).collect()
}

/// Distinct values with how often each stands in a sorted sample.
fn distinct_counts(sorted: &[f64]) -> impl Iterator<Item = (f64, usize)> + Clone {
    sorted.chunk_by(|a, b| a == b).map(|same| (same[0], same.len()))
}

/// Cut points that leave about equally many rows in each bin, a value that is heavier than a bin alone in its own.
fn cut_points(sorted: &[f64], max_bins: usize) -> Vec<f64> {
    let distinct = distinct_counts(sorted);
    let neighbours = distinct.clone().zip(distinct.clone().skip(1));
    if distinct.clone().take(max_bins + 1).count() <= max_bins {
        return neighbours.map(|((low, _), (high, _))| midpoint(low, high)).collect();
    }
    let mut quota = Quota::new(distinct, max_bins);
    let closes = neighbours.filter(|((_, count), (_, next_count))| quota.closes_bin(*count, *next_count));
    closes.map(|((low, _), (high, _))| midpoint(low, high)).collect()
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
    fn new(distinct: impl Iterator<Item = (f64, usize)> + Clone, max_bins: usize) -> Self {
        let rows: usize = distinct.clone().map(|(_, count)| count).sum();
        let heavy = rows.div_ceil(max_bins);
        let (n_heavy, heavy_rows) = distinct
            .filter(|(_, count)| *count >= heavy)
            .fold((0, 0), |(n, sum), (_, count)| (n + 1, sum + count));
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
    for (bin, &level) in (1..=u8::MAX).zip(&levels) {
        bin_of[level] = bin;
    }
    ColumnBinning::Category { bin_of, pool }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::{MISSING_CODE, UNSEEN_CODE};

    fn bin_one(values: &[f64], max_bins: usize) -> Vec<u8> {
        let columns = [ColumnView::F64(values)];
        let bins = Binning::fit(&columns, max_bins).bin(&columns);
        (0..values.len()).map(|row| bins.bin(row, 0)).collect()
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
    fn order_keys_sort_as_numbers_do() {
        let sorted = [f64::MIN, -2.5, -1e-300, -0.0, 0.0, 1e-300, 1.0, 1.0f64.next_up(), f64::MAX];
        assert!(sorted.map(order_key).is_sorted());
        assert!(sorted.iter().all(|value| of_order_key(order_key(*value)).to_bits() == value.to_bits()));
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
        let of_rows: Vec<u8> = (0..codes.len()).map(|row| bins.bin(row, 0)).collect();
        assert_eq!(of_rows, [1, 1, 1, 2, 2, 3, 3, 0, 3]);
        assert_eq!(bins.n_bins(0), 4);
    }

    #[test]
    fn numbers_that_are_no_slice_get_the_same_bins() {
        let singles: Vec<f32> = (0..2500).map(|row| (row * 37 % 1009) as f32 / 7.0).collect();
        let doubles: Vec<f64> = singles.iter().map(|&value| f64::from(value)).collect();
        let read = |start: usize, out: &mut [f64]| out.copy_from_slice(&doubles[start..start + out.len()]);
        let expected = bin_one(&doubles, 255);
        for view in [ColumnView::F32(&singles), ColumnView::Read { n_rows: 2500, read: &read }] {
            let bins = Binning::fit(&[view], 255).bin(&[view]);
            let found: Vec<u8> = (0..2500).map(|row| bins.bin(row, 0)).collect();
            assert_eq!(found, expected, "{view:?}");
        }
    }

    #[test]
    fn no_rows_and_all_missing_do_no_harm() {
        assert!(bin_one(&[], 255).is_empty());
        assert_eq!(bin_one(&[f64::NAN; 3], 255), [0, 0, 0]);
    }
}
