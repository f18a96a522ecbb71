//! Bins: every column as one byte a row, so that a histogram needs no comparison.
//!
//! Bin 0 is "missing". A number gets one of up to 255 value bins by quantile cut points; a category's most
//! frequent levels get a bin each, and one more bin, the pool, takes the levels beyond the limit together with
//! every level that was never seen. Binning knows no label, so it is fitted once on a whole table and serves
//! every fold of it.

use std::ops::Range;

use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch, f64x8};
use rayon::prelude::*;

use super::bundles::{self, Slot, slots};
use super::column::{ColumnView, MISSING_CODE, ReadRows, for_stretches};

/// The bin of missing values, in every column.
pub const MISSING_BIN: u8 = 0;
/// Most value bins a column can have; with [`MISSING_BIN`] they fill a byte.
pub const MAX_BINS: usize = 255;
/// Cut points are taken from at most this many rows.
const SAMPLE_ROWS: usize = 1 << 16;
/// Rows that are put into bins at a time, column by column.
const TILE_ROWS: usize = 512;
/// Most cells that lie together, row by row: as many bytes as a line of memory has.
const MAX_SLAB: usize = 64;
/// Most cells whose histograms one loop fills: with a register for each, and in half a level-1 cache.
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
    /// outermost bins. Above 65,536 rows the cut points come from an even sample of them.
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
        let bundled = columns.first().is_some_and(|column| column.len() >= bundles::MIN_ROWS);
        self.bin_bundled(columns, bundled)
    }

    /// As [`bin`](Self::bin), with neighbouring columns of few bins in one cell, or without.
    pub(super) fn bin_bundled(&self, columns: &[ColumnView], bundled: bool) -> Bins {
        assert_eq!(columns.len(), self.columns.len(), "as many columns as were fitted");
        let n_rows = columns.first().map_or(0, ColumnView::len);
        assert!(columns.iter().all(|column| column.len() == n_rows), "columns of one length");
        let cutters: Vec<Cutter> = self.columns.iter().map(Cutter::new).collect();
        let n_bins: Vec<usize> = self.columns.iter().map(ColumnBinning::n_bins).collect();
        let slots = slots(&n_bins, bundled);
        let slab = |cells: Range<usize>| Slab::new(&slots[cells], &cutters, columns, n_rows);
        Bins {
            n_rows,
            slabs: slab_bounds(slots.len()).map(slab).collect(),
            groups: groups(&slots),
            slots,
            n_bins,
            is_category: self.columns.iter().map(ColumnBinning::is_category).collect(),
        }
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

    fn is_category(&self) -> bool {
        matches!(self, ColumnBinning::Category { .. })
    }
}

/// A [`ColumnBinning`] made ready for many rows.
enum Cutter<'a> {
    Number(Box<TwoLevelCuts>),
    Category { bin_of: &'a [u8], pool: u8 },
}

impl<'a> Cutter<'a> {
    fn new(binning: &'a ColumnBinning) -> Self {
        match binning {
            ColumnBinning::Number { cuts } => Cutter::Number(Box::new(TwoLevelCuts::new(cuts))),
            ColumnBinning::Category { bin_of, pool } => Cutter::Category { bin_of, pool: *pool },
        }
    }

    /// Puts the bins of some rows into `cells`, one every `width`.
    fn bin(&self, column: ColumnView, rows: Range<usize>, cells: &mut [u8], width: usize) {
        dispatch!(Level::new(), simd => self.bin_by(simd, column, rows, cells, width));
    }

    #[inline(always)]
    fn bin_by<S: Simd>(
        &self,
        simd: S,
        column: ColumnView,
        rows: Range<usize>,
        cells: &mut [u8],
        width: usize,
    ) {
        let cells = cells.iter_mut().step_by(width);
        match (self, column) {
            (Cutter::Number(cuts), ColumnView::F64(values)) => {
                for (cell, &value) in cells.zip(&values[rows]) {
                    *cell = cuts.bin(simd, value);
                }
            }
            (Cutter::Number(cuts), ColumnView::F32(values)) => {
                for (cell, &value) in cells.zip(&values[rows]) {
                    *cell = cuts.bin(simd, f64::from(value));
                }
            }
            (Cutter::Number(cuts), ColumnView::Read { read, .. }) => {
                let mut cells = cells;
                for_stretches(rows, read, |values| {
                    for (cell, &value) in cells.by_ref().zip(values) {
                        *cell = cuts.bin(simd, value);
                    }
                });
            }
            (Cutter::Category { bin_of, pool }, ColumnView::Category { codes, .. }) => {
                cells.zip(&codes[rows]).for_each(|(cell, &code)| *cell = level_bin(bin_of, *pool, code));
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

    #[inline(always)]
    fn bin<S: Simd>(&self, simd: S, value: f64) -> u8 {
        let values = f64x8::splat(simd, value);
        let below = |cuts: &[f64; 16]| -> usize {
            let eights = cuts.as_chunks::<8>().0;
            let below =
                |cuts: &[f64; 8]| f64x8::from_slice(simd, cuts).simd_lt(values).to_bitmask().count_ones();
            eights.iter().map(below).sum::<u32>() as usize
        };
        let block = below(&self.last_of_block) & 15;
        let bin = 1 + 16 * block + below(&self.blocks[block]);
        if value.is_nan() { MISSING_BIN } else { bin as u8 }
    }
}

/// `n` rows × `d` columns of bins, a byte each or several in one, row-major in slabs of cells.
#[derive(Clone, Debug)]
pub struct Bins {
    n_rows: usize,
    /// What the cells of a row stand for.
    slots: Vec<Slot>,
    slabs: Vec<Slab>,
    groups: Vec<Group>,
    n_bins: Vec<usize>,
    is_category: Vec<bool>,
}

/// Up to 64 neighbouring cells, so that a row's cells lie in one cache line or two: `cells` is `n × width`.
#[derive(Clone, Debug)]
pub(super) struct Slab {
    pub(super) width: usize,
    pub(super) cells: Vec<u8>,
}

/// Up to 16 neighbouring cells of a slab: as many as one loop fills the histograms of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Group {
    pub(super) first_column: usize,
    /// Columns.
    pub(super) width: usize,
    pub(super) slab: usize,
    /// Of the first cell in the slab.
    pub(super) offset: usize,
    /// Cells: fewer than columns where some of these are bundled.
    pub(super) n_cells: usize,
    first_slot: usize,
}

impl Group {
    pub(super) fn has_bundles(&self) -> bool {
        self.n_cells < self.width
    }
}

/// The bins of one column, a cell every `width`.
#[derive(Clone, Copy, Debug)]
pub(super) struct ColumnCells<'a> {
    cells: &'a [u8],
    width: usize,
    offset: usize,
    /// By the value of a cell, where the column is one of a bundle.
    bins: Option<&'a [u8; 256]>,
}

impl<'a> ColumnCells<'a> {
    /// Cells that lie side by side.
    pub(super) fn alone(cells: &'a [u8]) -> Self {
        ColumnCells { cells, width: 1, offset: 0, bins: None }
    }

    #[inline(always)]
    pub(super) fn bin(&self, row: usize) -> u8 {
        let cell = self.cells[row * self.width + self.offset];
        self.bins.map_or(cell, |bins| bins[usize::from(cell)])
    }
}

impl Bins {
    /// Number of rows, `n`.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Number of columns, `d`.
    pub fn n_columns(&self) -> usize {
        self.n_bins.len()
    }

    /// Number of bins of a column, the missing one among them.
    pub fn n_bins(&self, column: usize) -> usize {
        self.n_bins[column]
    }

    /// The bin of a cell.
    pub fn bin(&self, row: usize, column: usize) -> u8 {
        self.of_column(column).bin(row)
    }

    /// The bins of a column.
    pub(super) fn of_column(&self, column: usize) -> ColumnCells<'_> {
        let group = &self.groups[self.groups.partition_point(|group| group.first_column <= column) - 1];
        let Slab { width, cells } = &self.slabs[group.slab];
        let slots = self.slots(group);
        let at = slots.partition_point(|slot| slot.columns.end <= column);
        ColumnCells { cells, width: *width, offset: group.offset + at, bins: slots[at].bins_of(column) }
    }

    /// Number of cells of a row: no more than columns.
    pub(super) fn n_cells(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn is_category(&self, column: usize) -> bool {
        self.is_category[column]
    }

    pub(super) fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// What the cells of a group stand for.
    pub(super) fn slots(&self, group: &Group) -> &[Slot] {
        &self.slots[group.first_slot..][..group.n_cells]
    }

    pub(super) fn slab(&self, group: &Group) -> &Slab {
        &self.slabs[group.slab]
    }
}

/// `n` things in `n_parts` parts of about the same size.
fn balanced(n: usize, n_parts: usize) -> impl Iterator<Item = Range<usize>> {
    (0..n_parts).map(move |part| part * n / n_parts..(part + 1) * n / n_parts)
}

fn slab_bounds(n_cells: usize) -> impl Iterator<Item = Range<usize>> {
    balanced(n_cells, n_cells.div_ceil(MAX_SLAB))
}

/// The groups of every slab: an even number of them, so that two threads have equal shares, unless cells are few.
fn groups(slots: &[Slot]) -> Vec<Group> {
    let in_slab = |(slab, cells): (usize, Range<usize>)| {
        let fewest = cells.len().div_ceil(MAX_GROUP);
        let n_groups = if cells.len() < MAX_GROUP / 2 { fewest } else { fewest.next_multiple_of(2) };
        balanced(cells.len(), n_groups).map(move |group| {
            let first_slot = cells.start + group.start;
            let of_group = &slots[first_slot..][..group.len()];
            let first_column = of_group[0].columns.start;
            let width = of_group[group.len() - 1].columns.end - first_column;
            Group { first_column, width, slab, offset: group.start, n_cells: group.len(), first_slot }
        })
    };
    slab_bounds(slots.len()).enumerate().flat_map(in_slab).collect()
}

impl Slab {
    /// The cells of `slots`, from the cutters and values of all columns.
    fn new(slots: &[Slot], cutters: &[Cutter], columns: &[ColumnView], n_rows: usize) -> Self {
        let width = slots.len();
        let mut cells = vec![0; n_rows * width];
        cells.par_chunks_mut(TILE_ROWS * width).enumerate().for_each(|(tile, cells)| {
            let rows = tile * TILE_ROWS..tile * TILE_ROWS + cells.len() / width;
            for (offset, slot) in slots.iter().enumerate() {
                let (cells, first) = (&mut cells[offset..], slot.columns.start);
                if slot.is_bundle() {
                    bundle(cells, width, slot, |column, bins| {
                        cutters[column].bin(columns[column], rows.clone(), bins, 1)
                    });
                } else {
                    cutters[first].bin(columns[first], rows.clone(), cells, width);
                }
            }
        });
        Slab { width, cells }
    }
}

/// Adds up the bins of a slot's columns, which `bin` fills in, by their place values: into `cells`, one every `width`.
fn bundle(cells: &mut [u8], width: usize, slot: &Slot, bin: impl Fn(usize, &mut [u8])) {
    let mut bins = vec![0; cells.len().div_ceil(width)];
    for (column, place) in slot.columns.clone().zip(slot.places()) {
        bin(column, &mut bins);
        cells.iter_mut().step_by(width).zip(&bins).for_each(|(cell, bin)| *cell += place * bin);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::UNSEEN_CODE;

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
    fn two_level_search_agrees_with_a_binary_search() {
        let cuts: Vec<f64> = (0..254).map(|i| f64::from(i) * 0.37 - 20.0).collect();
        let two_level = TwoLevelCuts::new(&cuts);
        let bin = |value| dispatch!(Level::new(), simd => two_level.bin(simd, value));
        for i in -500..1500 {
            let value = f64::from(i) * 0.0617;
            assert_eq!(usize::from(bin(value)), 1 + cuts.partition_point(|&cut| cut < value));
        }
        assert_eq!(bin(f64::INFINITY), 255);
        assert_eq!(bin(f64::NEG_INFINITY), 1);
        assert_eq!(bin(f64::NAN), 0);
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
    fn groups_are_balanced_and_hold_every_column() {
        let groups = |n: usize| groups(&slots(&vec![255; n], true));
        let bounds = |n| groups(n).iter().map(|group| (group.first_column, group.width)).collect::<Vec<_>>();
        assert_eq!(bounds(50), [(0, 12), (12, 13), (25, 12), (37, 13)]);
        assert_eq!(bounds(40).len(), 4);
        assert_eq!(bounds(7), [(0, 7)]);
        assert!(groups(0).is_empty());
        for n in 1..300 {
            let groups = groups(n);
            let follows = |pair: &[Group]| pair[0].first_column + pair[0].width == pair[1].first_column;
            assert!(groups.windows(2).all(follows) && groups[0].first_column == 0);
            assert_eq!(groups.iter().map(|group| group.width).sum::<usize>(), n);
            assert!(groups.iter().all(|group| (1..=MAX_GROUP).contains(&group.n_cells)));
            assert!(groups.iter().all(|group| group.offset + group.n_cells <= MAX_SLAB));
        }
    }

    #[test]
    fn every_cell_is_found_again() {
        let value = |r: usize, c: usize| ((r * (c + 3)) % 5) as f64;
        let values: Vec<Vec<f64>> =
            (0..83).map(|c| (0..2 * TILE_ROWS + 7).map(|r| value(r, c)).collect()).collect();
        let columns: Vec<_> = values.iter().map(|v| ColumnView::F64(v)).collect();
        for bundled in [false, true] {
            let bins = Binning::fit(&columns, 255).bin_bundled(&columns, bundled);
            assert_eq!(bins.groups().iter().any(Group::has_bundles), bundled);
            for (column, values) in values.iter().enumerate() {
                for (row, value) in values.iter().enumerate() {
                    assert_eq!(f64::from(bins.bin(row, column)), value + 1.0, "row {row}, column {column}");
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
