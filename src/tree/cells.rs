//! Rows of bins as they lie in memory.
//!
//! Cells lie row by row, as histograms want them: columns of many bins a byte each, bundles of columns of few bins two
//! bytes each. Neighbouring cells are filled from in groups, which take turns by kind, so that half of the groups are
//! half of the work. Histograms stand in the order of the groups: a column has a place among them.

use std::ops::Range;

use rayon::prelude::*;

use super::bins::Binning;
use super::bundles::{MAX_VALUES, Slot, slots};
use super::column::ColumnView;
use super::cutter::Cutter;

/// Rows that are put into bins at a time, column by column.
const TILE_ROWS: usize = 512;
/// About as many bytes of a row lie together: a line of memory.
const SLAB_BYTES: usize = 64;
/// Most cells whose histograms one loop fills: with a register for each, and in half a level-1 cache.
const MAX_GROUP: usize = 16;
/// The same for bundles.
const MAX_BUNDLES: usize = 8;

/// `n` rows × `d` columns of bins.
#[derive(Clone, Debug)]
pub struct Bins {
    n_rows: usize,
    /// What the cells of a row stand for, group by group.
    slots: Vec<Slot>,
    slabs: Vec<Slab>,
    groups: Vec<Group>,
    /// The columns by place.
    columns: Vec<usize>,
    /// The places by column.
    places: Vec<usize>,
    n_bins: Vec<usize>,
    is_category: Vec<bool>,
}

/// Cells that lie together, so that those of a row are in one line of memory or two: `cells` is `n × width` bytes.
#[derive(Clone, Debug)]
pub(super) struct Slab {
    pub(super) width: usize,
    pub(super) cells: Vec<u8>,
}

/// Neighbouring cells of one kind: as many as one loop fills the histograms of.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Group {
    /// Places of the columns' histograms.
    pub(super) places: Range<usize>,
    pub(super) slab: usize,
    /// Bytes of a row in the slab.
    pub(super) bytes: Range<usize>,
    pub(super) is_of_bundles: bool,
    slots: Range<usize>,
}

/// The bins of one column, a cell every `width` bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct ColumnCells<'a> {
    cells: &'a [u8],
    width: usize,
    offset: usize,
    /// By the number in a cell of two bytes, where the column is one of a bundle.
    bins: Option<&'a [u8; MAX_VALUES]>,
}

impl<'a> ColumnCells<'a> {
    /// Cells that lie side by side.
    pub(super) fn alone(cells: &'a [u8]) -> Self {
        ColumnCells { cells, width: 1, offset: 0, bins: None }
    }

    #[inline(always)]
    pub(super) fn bin(&self, row: usize) -> u8 {
        match self.bins {
            None => self.cells[row * self.width + self.offset],
            Some(bins) => bins[self.number(row)],
        }
    }

    /// The number in a row's cell of a bundle.
    #[inline(always)]
    pub(super) fn number(&self, row: usize) -> usize {
        let cell = self.cells[row * self.width + self.offset..].first_chunk();
        number(*cell.expect("a cell of a bundle has two bytes"))
    }

    /// What the numbers stand for, where the column is one of a bundle.
    pub(super) fn bins(&self) -> Option<&'a [u8; MAX_VALUES]> {
        self.bins
    }
}

/// The number in a cell of two bytes, below [`MAX_VALUES`].
#[inline(always)]
pub(super) fn number(cell: [u8; 2]) -> usize {
    usize::from(u16::from_le_bytes(cell)) % MAX_VALUES
}

impl Bins {
    /// The bins of columns of `n_rows` rows, with at most so many numbers in a cell of a bundle.
    pub(super) fn new(binning: &Binning, columns: &[ColumnView], n_rows: usize, most_values: usize) -> Self {
        let cutters: Vec<Cutter> =
            (0..columns.len()).map(|column| Cutter::new(binning.column(column))).collect();
        let n_bins: Vec<usize> = (0..columns.len()).map(|column| binning.column(column).n_bins()).collect();
        let is_category = (0..columns.len()).map(|column| binning.column(column).is_category()).collect();
        let (groups, slots) = groups(slots(&n_bins, most_values));
        let slab = |groups: &[Group]| Slab::new(groups, &slots, &cutters, columns, n_rows);
        let slabs = groups.chunk_by(|a, b| a.slab == b.slab).map(slab).collect();
        let by_place: Vec<usize> = slots.iter().flat_map(|slot| slot.columns.iter().copied()).collect();
        let mut places = vec![0; columns.len()];
        by_place.iter().enumerate().for_each(|(place, &column)| places[column] = place);
        Bins { n_rows, slots, slabs, groups, columns: by_place, places, n_bins, is_category }
    }

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
        let place = self.places[column];
        let group = &self.groups[self.groups.partition_point(|group| group.places.end <= place)];
        let Slab { width, cells } = &self.slabs[group.slab];
        let slots = &self.slots[group.slots.clone()];
        let at = slots.iter().position(|slot| slot.columns.contains(&column)).unwrap_or_default();
        let offset = group.bytes.start + at * group.cell_bytes();
        ColumnCells { cells, width: *width, offset, bins: slots[at].bins_of(column) }
    }

    /// Number of cells of a row: no more than columns.
    pub(super) fn n_cells(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn is_category(&self, column: usize) -> bool {
        self.is_category[column]
    }

    /// The column whose histogram stands at a place.
    pub(super) fn column_at(&self, place: usize) -> usize {
        self.columns[place]
    }

    /// Where a column's histogram stands.
    pub(super) fn place_of(&self, column: usize) -> usize {
        self.places[column]
    }

    pub(super) fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// What the cells of a group stand for.
    pub(super) fn slots(&self, group: &Group) -> &[Slot] {
        &self.slots[group.slots.clone()]
    }

    pub(super) fn slab(&self, group: &Group) -> &Slab {
        &self.slabs[group.slab]
    }
}

impl Group {
    pub(super) fn n_slots(&self) -> usize {
        self.slots.len()
    }

    fn cell_bytes(&self) -> usize {
        if self.is_of_bundles { 2 } else { 1 }
    }
}

/// `n` things in `n_parts` parts of about the same size.
fn balanced(n: usize, n_parts: usize) -> impl Iterator<Item = Range<usize>> {
    (0..n_parts).map(move |part| part * n / n_parts..(part + 1) * n / n_parts)
}

/// Slots of one kind in groups: an even number of them, so that two threads have equal shares, unless slots are few.
fn of_one_kind(slots: Vec<Slot>, most: usize) -> Vec<Vec<Slot>> {
    let fewest = slots.len().div_ceil(most);
    let n_groups = if slots.len() < most / 2 { fewest } else { fewest.next_multiple_of(2) };
    balanced(slots.len(), n_groups).map(|part| slots[part].to_vec()).collect()
}

/// The groups, and the slots in their order.
fn groups(slots: Vec<Slot>) -> (Vec<Group>, Vec<Slot>) {
    let (bundles, alone): (Vec<Slot>, Vec<Slot>) = slots.into_iter().partition(Slot::is_bundle);
    let kinds = [of_one_kind(alone, MAX_GROUP), of_one_kind(bundles, MAX_BUNDLES)];
    let in_turn = |of_kind: Vec<Vec<Slot>>| {
        let n = of_kind.len();
        of_kind.into_iter().enumerate().map(move |(at, slots)| ((2 * at + 1) as f64 / n as f64, slots))
    };
    let mut parts: Vec<(f64, Vec<Slot>)> = kinds.into_iter().flat_map(in_turn).collect();
    parts.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let mut groups: Vec<Group> = Vec::new();
    let (mut slot, mut place, mut byte) = (0, 0, 0);
    for (_, slots) in &parts {
        let is_of_bundles = slots[0].is_bundle();
        let n_places = slots.iter().map(|slot| slot.columns.len()).sum::<usize>();
        let mut group = Group {
            places: place..place + n_places,
            slab: 0,
            bytes: byte..byte,
            is_of_bundles,
            slots: slot..slot + slots.len(),
        };
        group.bytes.end += slots.len() * group.cell_bytes();
        (slot, place, byte) = (group.slots.end, group.places.end, group.bytes.end);
        groups.push(group);
    }
    into_slabs(&mut groups, byte);
    (groups, parts.into_iter().flat_map(|(_, slots)| slots).collect())
}

/// Gives groups, whose bytes are counted from the first, a slab each and their bytes within it.
fn into_slabs(groups: &mut [Group], n_bytes: usize) {
    let n_slabs = n_bytes.div_ceil(SLAB_BYTES);
    let (mut slab, mut first) = (0, 0);
    for group in groups {
        let middle = (group.bytes.start + group.bytes.end) / 2;
        if middle * n_slabs / n_bytes > slab {
            (slab, first) = (slab + 1, group.bytes.start);
        }
        group.slab = slab;
        group.bytes = group.bytes.start - first..group.bytes.end - first;
    }
}

impl Slab {
    /// The cells of some groups, from the cutters and values of all columns.
    fn new(
        groups: &[Group],
        slots: &[Slot],
        cutters: &[Cutter],
        columns: &[ColumnView],
        n_rows: usize,
    ) -> Self {
        let width = groups.last().map_or(0, |group| group.bytes.end);
        let mut cells = vec![0; n_rows * width];
        cells.par_chunks_mut(TILE_ROWS * width.max(1)).enumerate().for_each(|(tile, cells)| {
            let rows = tile * TILE_ROWS..tile * TILE_ROWS + cells.len() / width;
            let bin = |column: usize, cells: &mut [u8], width: usize| {
                cutters[column].bin(columns[column], rows.clone(), cells, width);
            };
            for group in groups {
                let offsets = group.bytes.clone().step_by(group.cell_bytes());
                for (offset, slot) in offsets.zip(&slots[group.slots.clone()]) {
                    if slot.is_bundle() {
                        bundle(&mut cells[offset..], width, slot, bin);
                    } else {
                        bin(slot.columns[0], &mut cells[offset..], width);
                    }
                }
            }
        });
        Slab { width, cells }
    }
}

/// Adds up the bins of a slot's columns, which `bin` fills in, by their place values: into `cells`, two bytes every
/// `width`.
fn bundle(cells: &mut [u8], width: usize, slot: &Slot, bin: impl Fn(usize, &mut [u8], usize)) {
    let n_rows = cells.len().div_ceil(width);
    let (mut bins, mut numbers) = ([0u8; TILE_ROWS], [0u16; TILE_ROWS]);
    for (&column, place_value) in slot.columns.iter().zip(slot.place_values()) {
        bin(column, &mut bins[..n_rows], 1);
        numbers.iter_mut().zip(bins).for_each(|(number, bin)| *number += place_value * u16::from(bin));
    }
    for (cell, number) in cells.chunks_mut(width).zip(numbers) {
        cell[..2].copy_from_slice(&number.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(n_bins: &[usize], most_values: usize) -> Vec<(Range<usize>, Range<usize>)> {
        let (groups, _) = groups(slots(n_bins, most_values));
        groups.into_iter().map(|group| (group.places, group.bytes)).collect()
    }

    #[test]
    fn groups_are_balanced_and_hold_every_column() {
        let places = |n| bounds(&vec![255; n], 0).into_iter().map(|(places, _)| places).collect::<Vec<_>>();
        assert_eq!(places(50), [0..12, 12..25, 25..37, 37..50]);
        assert_eq!(places(40).len(), 4);
        assert_eq!(places(7), vec![0..7; 1]);
        assert!(places(0).is_empty());
        for n in 1..300 {
            let (groups, _) = groups(slots(&vec![255; n], 0));
            assert!(groups.windows(2).all(|pair| pair[0].places.end == pair[1].places.start));
            assert_eq!([groups[0].places.start, groups[groups.len() - 1].places.end], [0, n]);
            assert!(groups.iter().all(|group| (1..=MAX_GROUP).contains(&group.places.len())));
            assert!(groups.iter().all(|group| group.bytes.end <= SLAB_BYTES + MAX_GROUP));
        }
    }

    #[test]
    fn bundles_take_turns_with_columns_alone() {
        let n_bins = [[255; 20], [60; 20]].concat();
        let expected = [(0..10, 0..10), (10..20, 10..20), (20..30, 20..30), (30..40, 30..40)];
        assert_eq!(bounds(&n_bins, MAX_VALUES), expected);
        let (_, slots) = groups(slots(&n_bins, MAX_VALUES));
        let kinds: Vec<bool> = slots.iter().map(Slot::is_bundle).collect();
        assert_eq!(kinds, [vec![false; 10], vec![true; 5], vec![false; 10], vec![true; 5]].concat());
    }

    #[test]
    fn every_cell_is_found_again() {
        let value = |r: usize, c: usize| ((r * (c + 3)) % 5) as f64;
        let values: Vec<Vec<f64>> =
            (0..83).map(|c| (0..2 * TILE_ROWS + 7).map(|r| value(r, c)).collect()).collect();
        let columns: Vec<_> = values.iter().map(|v| ColumnView::F64(v)).collect();
        for most_values in [0, 40, MAX_VALUES] {
            let bins = Binning::fit(&columns, 255).bin_bundled(&columns, most_values);
            assert_eq!(bins.n_cells() < 83, most_values > 0);
            for (column, values) in values.iter().enumerate() {
                assert_eq!(bins.column_at(bins.place_of(column)), column);
                for (row, value) in values.iter().enumerate() {
                    assert_eq!(f64::from(bins.bin(row, column)), value + 1.0, "row {row}, column {column}");
                }
            }
        }
    }
}
