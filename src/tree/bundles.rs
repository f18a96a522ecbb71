//! Bundles: columns of so few bins that one cell of two bytes holds several of them.
//!
//! A cell of a bundle is a number whose digits are the columns' bins. So one addition fills the histograms of all its
//! columns, which are told apart once a node: by sums of whole numbers, so that no bit of a tree depends on it.

use super::histogram::ColumnHistogram;
use super::vector::vectorized;

/// Most numbers that a cell of a bundle can hold: the sums of those that are common stay in a level-1 cache.
pub(super) const MAX_VALUES: usize = 1 << 12;
/// With fewer rows for each of these numbers, telling columns apart in every node costs more than it saves.
const ROWS_A_VALUE: usize = 24;
/// Fewest rows of a table with bundles.
const MIN_ROWS: usize = 1 << 15;
/// A node with fewer rows for each number adds every row to every column.
const VALUES_A_ROW: usize = 32;

/// Sums by the number that a bundle's cell holds; of a length that needs no bounds check.
pub(super) type CellHistogram = [u64; MAX_VALUES];

/// What one cell of a row stands for: a column in one byte, or several in two.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) columns: Vec<usize>,
    /// One a column of a bundle, none for a column alone.
    digits: Vec<Digit>,
    n_values: usize,
}

/// A column of a bundle.
#[derive(Clone, Debug)]
struct Digit {
    n_bins: usize,
    /// What the column's bin is multiplied by.
    place_value: u16,
    /// The column's bin by the number in the cell.
    bins: Box<[u8; MAX_VALUES]>,
}

/// Most numbers in a bundle's cell for a table of so many rows; 0 for no bundles.
pub(super) fn most_values(n_rows: usize) -> usize {
    if n_rows < MIN_ROWS { 0 } else { (n_rows / ROWS_A_VALUE).min(MAX_VALUES) }
}

/// Slots for columns that have so many bins: those of most bins first, each goes into the first bundle with room.
pub(super) fn slots(n_bins: &[usize], most_values: usize) -> Vec<Slot> {
    let mut by_bins: Vec<usize> = (0..n_bins.len()).collect();
    by_bins.sort_by_key(|&column| std::cmp::Reverse(n_bins[column]));
    let mut bundles: Vec<(Vec<usize>, usize)> = Vec::new();
    for column in by_bins {
        match bundles.iter_mut().find(|(_, n_values)| n_values * n_bins[column] <= most_values) {
            Some((columns, n_values)) => {
                columns.push(column);
                *n_values *= n_bins[column];
            }
            None => bundles.push((vec![column], n_bins[column])),
        }
    }
    bundles.sort_by_key(|(columns, _)| columns[0]);
    bundles.into_iter().map(|(columns, n_values)| Slot::new(columns, n_values, n_bins)).collect()
}

impl Slot {
    fn new(columns: Vec<usize>, n_values: usize, n_bins: &[usize]) -> Self {
        let mut place_value = 1usize;
        let digit = |&column: &usize| {
            let (of, n_bins) = (place_value, n_bins[column]);
            place_value *= n_bins;
            let bins = Box::new(std::array::from_fn(|cell| (cell / of % n_bins) as u8));
            Digit { n_bins, place_value: of as u16, bins }
        };
        let digits = if columns.len() > 1 { columns.iter().map(digit).collect() } else { Vec::new() };
        Slot { columns, digits, n_values }
    }

    pub(super) fn is_bundle(&self) -> bool {
        !self.digits.is_empty()
    }

    /// What each column's bin is multiplied by.
    pub(super) fn place_values(&self) -> impl Iterator<Item = u16> {
        self.digits.iter().map(|digit| digit.place_value)
    }

    /// Each column's bin by the number in the cell.
    pub(super) fn bins(&self) -> impl Iterator<Item = &[u8; MAX_VALUES]> {
        self.digits.iter().map(|digit| &*digit.bins)
    }

    /// The bin of one column by the number in the cell; `None` where it is that number.
    pub(super) fn bins_of(&self, column: usize) -> Option<&[u8; MAX_VALUES]> {
        let at = self.columns.iter().position(|&of| of == column)?;
        self.bins().nth(at)
    }

    /// Whether a node of so many rows is better added to every column than told apart.
    pub(super) fn is_large_beside(&self, n_rows: usize) -> bool {
        self.n_values > n_rows * VALUES_A_ROW
    }

    /// Makes room for the sums by cell.
    pub(super) fn clear(&self, of_cells: &mut CellHistogram) {
        of_cells[..self.n_values].fill(0);
    }

    /// Makes a histogram a column of the sums by cell, which it spoils.
    pub(super) fn tell_apart(&self, of_cells: &mut CellHistogram, histograms: &mut [ColumnHistogram]) {
        let mut n_values = self.n_values;
        for (Digit { n_bins, .. }, histogram) in self.digits.iter().zip(histograms) {
            let histogram = &mut histogram[..*n_bins];
            histogram.fill(0);
            // The sums over this digit are those by the digits after it.
            n_values /= n_bins;
            vectorized(
                #[inline(always)]
                || tell_digit(histogram, &mut of_cells[..], n_values),
            );
        }
    }
}

/// Adds the sums by the bins of a lowest digit to its histogram; the first `n_rests` cells then hold the sums by the
/// digits above it.
#[inline(always)]
fn tell_digit(histogram: &mut [u64], of_cells: &mut [u64], n_rests: usize) {
    let n_bins = histogram.len();
    for rest in 0..n_rests {
        let of_bins = &of_cells[rest * n_bins..][..n_bins];
        let mut sum = 0u64;
        for (entry, &of_bin) in histogram.iter_mut().zip(of_bins) {
            *entry = entry.wrapping_add(of_bin);
            sum = sum.wrapping_add(of_bin);
        }
        of_cells[rest] = sum;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_share_a_cell_as_long_as_it_holds_them() {
        let columns = |most_values| -> Vec<Vec<usize>> {
            let slots = slots(&[3, 4, 250, 4, 2, 255, 2, 16, 17], most_values);
            slots.into_iter().map(|slot| slot.columns).collect()
        };
        assert_eq!(columns(512), [vec![1, 3, 0], vec![2, 6], vec![5, 4], vec![8, 7]]);
        assert_eq!(columns(0).len(), 9);
        assert_eq!([most_values(1000), most_values(48_000), most_values(1 << 20)], [0, 2000, MAX_VALUES]);
    }

    #[test]
    fn a_bundle_is_told_apart_into_the_sums_of_its_columns() {
        let slot = &slots(&[3, 4, 2], MAX_VALUES)[0];
        assert_eq!(slot.columns, [1, 0, 2]);
        let rows: Vec<[u16; 3]> = (0..200u16).map(|row| [row * 7 % 4, row % 3, row / 3 % 2]).collect();
        let (mut of_cells, mut expected) = ([u64::MAX; MAX_VALUES], [[0u64; 256]; 3]);
        slot.clear(&mut of_cells);
        for (row, bins) in (1..).zip(&rows) {
            let cell: u16 = slot.place_values().zip(bins).map(|(place_value, bin)| place_value * bin).sum();
            of_cells[usize::from(cell)] += row;
            for ((at, &bin), bins) in bins.iter().enumerate().zip(slot.bins()) {
                assert_eq!(u16::from(bins[usize::from(cell)]), bin);
                expected[at][usize::from(bin)] += row;
            }
        }
        let mut found = [[0; 256]; 3];
        slot.tell_apart(&mut of_cells, &mut found);
        assert_eq!(found, expected);
    }
}
