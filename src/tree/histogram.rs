//! Histograms: sums of gradient, hessian and rows for every bin of every column of a node.
//!
//! A bin is one `u64`: gradient in the high bits (signed), hessian below it, and for up to 32,767 rows an exact
//! row count in the lowest bits. Gradients and hessians are rounded to integers under a scale that keeps the sum
//! over all rows within its field and a 32-bit integer, so one addition updates all three, and sums are exact in any
//! order: the same histogram at any thread count.

use super::cells::{Bins, Group};

/// One entry a bin; 256 of them, so a `u8` needs no bounds check.
pub(super) type ColumnHistogram = [u64; 256];

/// One row of a node: its index (32 bits), gradient (16, signed) and hessian (16).
pub(super) type Row = u64;

/// Most rows for which every bin counts its rows exactly.
const MAX_COUNTED_ROWS: usize = (1 << 15) - 1;
/// Above this many rows, what is done for each row is done by several threads.
pub(super) const PARALLEL_ROWS: usize = 4096;

/// Values that are computed with side by side.
const LANES: usize = 8;

/// The row's index in the table.
pub(super) fn row_index(row: Row) -> usize {
    (row >> 32) as usize
}

/// Where the fields of an entry lie and what one unit of each is worth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Layout {
    gradient_shift: u32,
    count_bits: u32,
    hessian_mask: u32,
    /// Integer units a unit of gradient.
    pub(super) gradient_scale: f64,
    /// Integer units a unit of hessian.
    pub(super) hessian_scale: f64,
    /// 1 where bins count rows.
    one_row: u64,
    /// Rows a unit of hessian, where bins do not count them.
    rows_per_hessian: f64,
}

/// An entry taken apart, in integer units.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Sums {
    pub(super) gradient: f64,
    pub(super) hessian: f64,
    /// Rows: exact up to 32,767 training rows, above that estimated from the hessian.
    pub(super) rows: f64,
}

/// Sum and largest magnitude of an array.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Extent {
    sum: f64,
    max: f64,
}

impl Extent {
    /// Of the magnitudes of some values.
    pub(super) fn of(values: &[f32]) -> Self {
        let (lanes, rest) = values.as_chunks::<LANES>();
        let (mut sums, mut most) = ([0.0; LANES], [0.0f32; LANES]);
        for values in lanes {
            for i in 0..LANES {
                let value = values[i].abs();
                sums[i] += f64::from(value);
                most[i] = if value > most[i] { value } else { most[i] };
            }
        }
        let lane = |i: usize| Extent { sum: sums[i], max: f64::from(most[i]) };
        let rest =
            rest.iter().map(|value| Extent { sum: f64::from(value.abs()), max: f64::from(value.abs()) });
        (0..LANES).map(lane).chain(rest).fold(Extent::default(), Extent::and)
    }

    pub(super) fn and(self, other: Self) -> Self {
        Extent { sum: self.sum + other.sum, max: self.max.max(other.max) }
    }

    /// Largest scale at which one value stays below `max_value` and the sum, rounding included, below `max_sum`.
    fn scale(self, max_value: f64, max_sum: f64, n_rows: usize) -> f64 {
        let room = (max_sum - n_rows as f64).max(1.0);
        let scale = (max_value / self.max).min(room / self.sum);
        if scale.is_finite() { scale } else { 1.0 }
    }
}

impl Layout {
    /// The layout for a tree over `n_rows` rows with these gradients and hessians.
    pub(super) fn new(n_rows: usize, gradients: Extent, hessians: Extent) -> Self {
        let count_bits = if n_rows <= MAX_COUNTED_ROWS { usize::BITS - n_rows.leading_zeros() } else { 0 };
        let hessian_bits = (64 - count_bits) / 2;
        let gradient_bits = 64 - count_bits - hessian_bits;
        let gradient_max = (1u64 << (gradient_bits - 1)) as f64 - 1.0;
        let hessian_max = (1u64 << hessian_bits.min(31)) as f64 - 1.0;
        let hessian_scale = hessians.scale(65_535.0, hessian_max, n_rows);
        Layout {
            gradient_shift: count_bits + hessian_bits,
            count_bits,
            hessian_mask: hessian_max as u32,
            gradient_scale: gradients.scale(32_767.0, gradient_max, n_rows),
            hessian_scale,
            one_row: u64::from(count_bits > 0),
            rows_per_hessian: n_rows as f64 / (hessians.sum * hessian_scale).max(1.0),
        }
    }

    /// A place of a row with gradient and hessian as they are, until the layout is known.
    pub(super) fn unrounded(gradient: f32, hessian: f32) -> Row {
        u64::from(gradient.to_bits()) << 32 | u64::from(hessian.to_bits())
    }

    /// The row in a place of which gradient and hessian are [`unrounded`](Self::unrounded).
    pub(super) fn rounded(&self, index: u32, unrounded: Row) -> Row {
        self.row(index, f32::from_bits((unrounded >> 32) as u32), f32::from_bits(unrounded as u32))
    }

    /// A row with its gradient and hessian rounded to units.
    pub(super) fn row(&self, index: u32, gradient: f32, hessian: f32) -> Row {
        let gradient = rounded(f64::from(gradient) * self.gradient_scale);
        let hessian = rounded(f64::from(hessian) * self.hessian_scale);
        u64::from(index) << 32 | u64::from(gradient) << 16 | u64::from(hessian)
    }

    /// What a row adds to an entry.
    #[inline(always)]
    pub(super) fn entry(&self, row: Row) -> u64 {
        let gradient = i64::from((row >> 16) as i16) as u64;
        (gradient << self.gradient_shift).wrapping_add((row & 0xFFFF) << self.count_bits) + self.one_row
    }

    /// The sum of the entries of some rows.
    pub(super) fn total(&self, rows: &[Row]) -> u64 {
        rows.iter().fold(0, |sum, &row| sum.wrapping_add(self.entry(row)))
    }

    /// The gradient of an entry or of a sum of entries, in units.
    #[inline(always)]
    pub(super) fn gradient(&self, entry: u64) -> i32 {
        (entry >> 32) as i32 >> (self.gradient_shift - 32)
    }

    /// Its hessian, in units.
    #[inline(always)]
    pub(super) fn hessian(&self, entry: u64) -> i32 {
        ((entry >> self.count_bits) as u32 & self.hessian_mask) as i32
    }

    /// Its rows; 0 where bins do not count them.
    #[inline(always)]
    pub(super) fn count(&self, entry: u64) -> i32 {
        (entry as u32 & ((1 << self.count_bits) - 1)) as i32
    }

    /// The least rows and hessian that stand for `rows` rows and a hessian of `hessian`: where bins do not count
    /// rows, the hessian stands for both.
    pub(super) fn least(&self, rows: usize, hessian: f64) -> (i32, i32) {
        let hessian = (hessian * self.hessian_scale).max(1.0);
        if self.count_bits > 0 {
            return (rows as i32, hessian.ceil() as i32);
        }
        (0, hessian.max(rows as f64 / self.rows_per_hessian).ceil() as i32)
    }

    /// Takes an entry, or a sum of entries, apart.
    #[inline(always)]
    pub(super) fn sums(&self, entry: u64) -> Sums {
        let (gradient, hessian) = (f64::from(self.gradient(entry)), f64::from(self.hessian(entry)));
        let estimate = (hessian * self.rows_per_hessian).round_ties_even();
        let rows = if self.count_bits > 0 { f64::from(self.count(entry)) } else { estimate };
        Sums { gradient, hessian, rows }
    }
}

/// The nearest integer's low 16 bits: adding 1.5 · 2^52 leaves the integer in the low bits.
fn rounded(value: f64) -> u16 {
    (value + 6_755_399_441_055_744.0).to_bits() as u16
}

/// The histograms of one node: one [`ColumnHistogram`] a column, by place.
#[derive(Clone, Debug)]
pub(super) struct Histogram {
    pub(super) columns: Vec<ColumnHistogram>,
}

impl Histogram {
    /// Empty, for `d` columns.
    pub(super) fn new(n_columns: usize) -> Self {
        Histogram { columns: vec![[0; 256]; n_columns] }
    }
}

/// Adds up histograms of the same columns; the sum is exact whatever the order.
pub(super) fn merge(histograms: &mut [ColumnHistogram], others: &[ColumnHistogram]) {
    for (entry, other) in histograms.as_flattened_mut().iter_mut().zip(others.as_flattened()) {
        *entry = entry.wrapping_add(*other);
    }
}

/// Makes a parent's histograms the other child's: `parent − child`. Both are of a group's columns, or there is no parent.
pub(super) fn subtract(
    parent: &mut [ColumnHistogram],
    child: &[ColumnHistogram],
    group: &Group,
    bins: &Bins,
) {
    for (place, (parent, child)) in group.places.clone().zip(parent.iter_mut().zip(child)) {
        let n_bins = bins.n_bins(bins.column_at(place));
        for (entry, other) in parent[..n_bins].iter_mut().zip(&child[..n_bins]) {
            *entry = entry.wrapping_sub(*other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extent_is_the_sum_and_the_most_of_magnitudes() {
        let values: Vec<f32> = (0..1013).map(|r| ((r * 31) % 200) as f32 / 100.0 - 1.0).collect();
        let extent = Extent::of(&values);
        assert_eq!(extent.max, 1.0);
        let sum: f64 = values.iter().map(|&value| f64::from(value.abs())).sum();
        assert!((extent.sum / sum - 1.0).abs() < 1e-12);
    }

    #[test]
    fn the_sum_over_all_rows_stays_in_its_field() {
        for (n, value) in [(1, 1.0), (127, 1e-30), (32_767, 1e30), (32_768, 1.0), (100_000, 0.5)] {
            let (gradients, hessians) = (vec![-value as f32; n], vec![value as f32; n]);
            let index: Vec<u32> = (0..n as u32).collect();
            let layout = Layout::new(n, Extent::of(&gradients), Extent::of(&hessians));
            let total = index
                .iter()
                .map(|&r| layout.entry(layout.row(r, gradients[r as usize], hessians[r as usize])))
                .fold(0, u64::wrapping_add);
            let sums = layout.sums(total);
            let expected = f64::from(value as f32) * n as f64;
            assert!((sums.gradient / layout.gradient_scale / -expected - 1.0).abs() < 0.01, "{n} {sums:?}");
            assert!((sums.hessian / layout.hessian_scale / expected - 1.0).abs() < 0.01, "{n} {sums:?}");
            assert!(
                (sums.rows / n as f64 - 1.0).abs() <= if n < 32_768 { 0.0 } else { 1e-4 },
                "{n} {sums:?}"
            );
        }
    }
}
