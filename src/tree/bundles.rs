//! Bundles: neighbouring columns of so few bins that one byte holds them all.
//!
//! A cell of a bundle is a number whose digits are the columns' bins. So one addition fills the histograms of all its
//! columns, which are told apart once a node: by sums of whole numbers, so that no bit of a tree depends on it.

use std::ops::Range;

use super::histogram::ColumnHistogram;

/// Numbers that a cell can hold.
const CELL_VALUES: usize = 256;
/// With fewer rows, telling columns apart in every node costs more than it saves.
pub(super) const MIN_ROWS: usize = 1 << 15;

/// What one cell of a row stands for: a column, or several neighbours.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) columns: Range<usize>,
    /// Of each of several columns, its place value and, by the value of a cell, its bin.
    digits: Vec<(u8, [u8; CELL_VALUES])>,
    /// Values that a cell can have.
    n_values: usize,
}

/// The slots of columns that have so many bins.
pub(super) fn slots(n_bins: &[usize], bundled: bool) -> Vec<Slot> {
    let mut slots: Vec<(Range<usize>, usize)> = Vec::new();
    for (column, &n_bins) in n_bins.iter().enumerate() {
        match slots.last_mut() {
            Some((columns, n_values)) if bundled && *n_values * n_bins <= CELL_VALUES => {
                columns.end = column + 1;
                *n_values *= n_bins;
            }
            _ => slots.push((column..column + 1, n_bins)),
        }
    }
    slots.into_iter().map(|(columns, n_values)| Slot::new(columns, n_values, n_bins)).collect()
}

impl Slot {
    fn new(columns: Range<usize>, n_values: usize, n_bins: &[usize]) -> Self {
        let mut place = 1;
        let digit = |n_bins: &usize| {
            let (of, n_bins) = (place, *n_bins);
            place *= n_bins;
            (of as u8, std::array::from_fn(|cell| (cell / of % n_bins) as u8))
        };
        let several = if columns.len() > 1 { &n_bins[columns.clone()] } else { &[] };
        Slot { digits: several.iter().map(digit).collect(), columns, n_values }
    }

    pub(super) fn is_bundle(&self) -> bool {
        !self.digits.is_empty()
    }

    /// The place value of each of several columns.
    pub(super) fn places(&self) -> impl Iterator<Item = u8> {
        self.digits.iter().map(|(place, _)| *place)
    }

    /// A column's bin by the value of a cell; `None` where it is that value.
    pub(super) fn bins_of(&self, column: usize) -> Option<&[u8; CELL_VALUES]> {
        self.digits.get(column - self.columns.start).map(|(_, bins)| bins)
    }

    /// Adds the sums by cell to those by bin, a histogram a column.
    pub(super) fn tell_apart(&self, of_cells: &ColumnHistogram, histograms: &mut [ColumnHistogram]) {
        let of_cells = &of_cells[..self.n_values];
        if !self.is_bundle() {
            return histograms[0][..self.n_values].copy_from_slice(of_cells);
        }
        for ((_, bins), histogram) in self.digits.iter().zip(histograms) {
            for (&bin, &sum) in bins.iter().zip(of_cells) {
                histogram[usize::from(bin)] = histogram[usize::from(bin)].wrapping_add(sum);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_share_a_cell_as_long_as_it_holds_them() {
        let columns = |bundled| -> Vec<Range<usize>> {
            slots(&[3, 4, 5, 4, 2, 255, 2, 16, 17], bundled).into_iter().map(|slot| slot.columns).collect()
        };
        assert_eq!(columns(true), [0..4, 4..5, 5..6, 6..8, 8..9]);
        assert_eq!(columns(false).len(), 9);
    }

    #[test]
    fn a_bundle_is_told_apart_into_the_sums_of_its_columns() {
        let slot = &slots(&[3, 4, 2], true)[0];
        let rows: Vec<[u8; 3]> =
            (0..200u32).map(|row| [row % 3, row * 7 % 4, row / 3 % 2].map(|bin| bin as u8)).collect();
        let (mut of_cells, mut expected) = ([0; 256], [[0u64; 256]; 3]);
        for (row, bins) in (1..).zip(&rows) {
            let cell: u8 = slot.places().zip(bins).map(|(place, bin)| place * bin).sum();
            of_cells[usize::from(cell)] += row;
            for (column, &bin) in bins.iter().enumerate() {
                assert_eq!(slot.bins_of(column).unwrap()[usize::from(cell)], bin);
                expected[column][usize::from(bin)] += row;
            }
        }
        let mut found = [[0; 256]; 3];
        slot.tell_apart(&of_cells, &mut found);
        assert_eq!(found, expected);
    }
}
