//! Filling histograms with the rows of a node: most of the time that a tree takes.
//!
//! Additions to memory are what there is to save, so a row's cells are read once for all columns, bundles take one for
//! several columns, and the histograms that one loop adds to fit a level-1 cache.

use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::bundles::{CellHistogram, MAX_VALUES, Slot};
use super::cells::{Bins, Group, Slab, number};
use super::histogram::{ColumnHistogram, Layout, Row, row_index};

/// Rows that all groups of a slab are filled with before the next.
const TILE_ROWS: usize = 512;
/// Cells beyond this are fetched ahead of use.
const CACHE_BYTES: usize = 1 << 19;

/// Histograms by cell, kept from node to node for their memory: those of a thread come back to it, so that they are
/// in its core's cache.
pub(super) struct SpareCells {
    of_threads: Vec<Mutex<Vec<CellHistogram>>>,
}

impl SpareCells {
    /// For `n_threads` threads.
    pub(super) fn new(n_threads: usize) -> Self {
        SpareCells { of_threads: (0..n_threads.max(1)).map(|_| Mutex::default()).collect() }
    }

    fn of_thread(&self) -> MutexGuard<'_, Vec<CellHistogram>> {
        let at = rayon::current_thread_index().unwrap_or(0) % self.of_threads.len();
        self.of_threads[at].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Fills the histograms of the columns of `groups` with the rows of a node, forgetting what they held.
pub(super) fn fill(
    mut histograms: &mut [ColumnHistogram],
    groups: &[Group],
    bins: &Bins,
    rows: &[Row],
    layout: &Layout,
    spare: &SpareCells,
) {
    let first = groups.first().map_or(0, |group| group.places.start);
    for (place, histogram) in (first..).zip(histograms.iter_mut()) {
        histogram[..bins.n_bins(bins.column_at(place))].fill(0);
    }
    let mut of_cells = spare.of_thread();
    for groups in groups.chunk_by(|a, b| a.slab == b.slab) {
        let n_places = groups.iter().map(|group| group.places.len()).sum();
        let of_slab = histograms.split_off_mut(..n_places).expect("a histogram a column");
        add_slab(of_slab, groups, bins, rows, layout, &mut of_cells);
    }
}

/// What a group's rows are added to.
struct Filled<'a> {
    group: &'a Group,
    slots: &'a [Slot],
    /// One a column.
    histograms: &'a mut [ColumnHistogram],
    /// One a bundle; none where a node has so few rows that they are added to every column.
    of_cells: &'a mut [CellHistogram],
}

/// Adds rows to the histograms of some groups of a slab: a tile of rows to all of them before the next, so that a
/// row's cells are fetched from memory once.
fn add_slab(
    mut histograms: &mut [ColumnHistogram],
    groups: &[Group],
    bins: &Bins,
    rows: &[Row],
    layout: &Layout,
    of_cells: &mut Vec<CellHistogram>,
) {
    let slab = bins.slab(&groups[0]);
    let n_cells = |group: &Group| {
        let is_few = bins.slots(group).iter().any(|slot| slot.is_large_beside(rows.len()));
        if group.is_of_bundles && !is_few { group.n_slots() } else { 0 }
    };
    of_cells.resize(of_cells.len().max(groups.iter().map(n_cells).sum()), [0; MAX_VALUES]);
    let mut of_cells = &mut of_cells[..];
    let mut filled: Vec<Filled> = Vec::with_capacity(groups.len());
    for group in groups {
        let histograms = histograms.split_off_mut(..group.places.len()).expect("a histogram a column");
        let of_cells = of_cells.split_off_mut(..n_cells(group)).expect("one a bundle");
        let slots = bins.slots(group);
        slots.iter().zip(of_cells.iter_mut()).for_each(|(slot, of_cell)| slot.clear(of_cell));
        filled.push(Filled { group, slots, histograms, of_cells });
    }
    let bytes = groups[0].bytes.start..groups[groups.len() - 1].bytes.end;
    let mut placed = [Placed::default(); TILE_ROWS];
    for rows in rows.chunks(TILE_ROWS) {
        let placed = &mut placed[..rows.len()];
        place(placed, rows, slab, &bytes, layout);
        filled.iter_mut().for_each(|filled| filled.add(slab, placed, bytes.start));
    }
    filled.iter_mut().for_each(Filled::tell_apart);
}

impl Filled<'_> {
    /// Adds rows whose places begin at the byte `start` of the slab's.
    fn add(&mut self, slab: &Slab, rows: &[Placed], start: usize) {
        let offset = self.group.bytes.start - start;
        if !self.group.is_of_bundles {
            return add_group(self.histograms, offset, slab, rows);
        }
        if !self.of_cells.is_empty() {
            return add_bundles(self.of_cells, offset, slab, rows);
        }
        let mut histograms = &mut *self.histograms;
        for (offset, slot) in (offset..).step_by(2).zip(self.slots) {
            let of_slot = histograms.split_off_mut(..slot.columns.len()).expect("a histogram a column");
            add_to_each(of_slot, slot, offset, slab, rows);
        }
    }

    fn tell_apart(&mut self) {
        let mut histograms = &mut *self.histograms;
        for (slot, of_cell) in self.slots.iter().zip(&mut *self.of_cells) {
            let of_slot = histograms.split_off_mut(..slot.columns.len()).expect("a histogram a column");
            slot.tell_apart(of_cell, of_slot);
        }
    }
}

/// A row of a node on its way into histograms.
#[derive(Clone, Copy, Default)]
struct Placed {
    /// Where its cells begin.
    start: usize,
    /// What it adds to an entry.
    entry: u64,
}

/// Finds for some rows what all groups need of them.
fn place(placed: &mut [Placed], rows: &[Row], slab: &Slab, bytes: &Range<usize>, layout: &Layout) {
    for (placed, &row) in placed.iter_mut().zip(rows) {
        let start = row_index(row) * slab.width + bytes.start;
        *placed = Placed { start, entry: layout.entry(row) };
    }
    if slab.cells.len() > CACHE_BYTES {
        touch(slab, bytes.len(), placed);
    }
}

/// Reads the first and the last of each row's cells, so that the rows come from memory side by side, and not one after
/// the other as the histograms get to them.
fn touch(slab: &Slab, n_bytes: usize, rows: &[Placed]) {
    let add = |sum: u8, row: &Placed| {
        sum.wrapping_add(slab.cells[row.start]).wrapping_add(slab.cells[row.start + n_bytes - 1])
    };
    std::hint::black_box(rows.iter().fold(0, add));
}

/// Calls the copy of a function that is compiled for so many histograms.
macro_rules! by_width {
    ($histograms:ident, $add:ident, $arguments:tt, $($width:literal)*) => {
        match $histograms.len() {
            $($width => by_width!(@call $add, $width, $histograms, $arguments),)*
            width => unreachable!("a group of {width} cells"),
        }
    };
    (@call $add:ident, $width:literal, $histograms:ident, ($($argument:expr),*)) => {
        $add::<$width>($histograms.try_into().expect("as many as were counted"), $($argument),*)
    };
}

fn add_group(columns: &mut [ColumnHistogram], offset: usize, slab: &Slab, rows: &[Placed]) {
    by_width!(columns, add_rows, (offset, slab, rows), 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16)
}

fn add_bundles(of_cells: &mut [CellHistogram], offset: usize, slab: &Slab, rows: &[Placed]) {
    by_width!(of_cells, add_rows_of_bundles, (offset, slab, rows), 1 2 3 4 5 6 7 8)
}

fn add_rows<const W: usize>(columns: &mut [ColumnHistogram; W], offset: usize, slab: &Slab, rows: &[Placed]) {
    for row in rows {
        let cells = slab.cells[row.start + offset..].first_chunk::<W>();
        for (histogram, &bin) in columns.iter_mut().zip(cells.expect("a cell a column")) {
            histogram[usize::from(bin)] = histogram[usize::from(bin)].wrapping_add(row.entry);
        }
    }
}

fn add_rows_of_bundles<const W: usize>(
    of_cells: &mut [CellHistogram; W],
    offset: usize,
    slab: &Slab,
    rows: &[Placed],
) {
    for row in rows {
        let start = row.start + offset;
        let cells = slab.cells[start..start + 2 * W].as_chunks().0.first_chunk::<W>();
        for (of_cell, &cell) in of_cells.iter_mut().zip(cells.expect("a cell a bundle")) {
            of_cell[number(cell)] = of_cell[number(cell)].wrapping_add(row.entry);
        }
    }
}

/// Adds rows to each column of a bundle.
fn add_to_each(histograms: &mut [ColumnHistogram], slot: &Slot, offset: usize, slab: &Slab, rows: &[Placed]) {
    for (histogram, bins) in histograms.iter_mut().zip(slot.bins()) {
        for row in rows {
            let at = row.start + offset;
            let bin = usize::from(bins[number([slab.cells[at], slab.cells[at + 1]])]);
            histogram[bin] = histogram[bin].wrapping_add(row.entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::histogram::{Extent, Histogram, merge, subtract};
    use super::*;
    use crate::tree::{Binning, ColumnView};

    struct Case {
        bins: Bins,
        gradients: Vec<f32>,
        hessians: Vec<f32>,
        rows: Vec<Row>,
        layout: Layout,
    }

    fn case(n: usize, d: usize) -> Case {
        let value = |r: usize, c: usize| ((r * 7919 + c * 104_729) % (11 + 31 * c)) as f64;
        let values: Vec<Vec<f64>> = (0..d).map(|c| (0..n).map(|r| value(r, c)).collect()).collect();
        let columns: Vec<_> = values.iter().map(|v| ColumnView::F64(v)).collect();
        let bins = Binning::fit(&columns, 255).bin(&columns);
        let gradients: Vec<f32> = (0..n).map(|r| ((r * 31) % 200) as f32 / 100.0 - 1.0).collect();
        let hessians: Vec<f32> = (0..n).map(|r| ((r * 17) % 100) as f32 / 400.0 + 0.001).collect();
        let layout = Layout::new(n, Extent::of(&gradients), Extent::of(&hessians));
        let rows = (0..n).map(|r| layout.row(r as u32, gradients[r], hessians[r])).collect();
        Case { bins, gradients, hessians, rows, layout }
    }

    fn histogram(case: &Case, rows: &[Row]) -> Histogram {
        let mut histogram = Histogram::new(case.bins.n_columns());
        histogram.columns[0][1] = 77;
        let spare = SpareCells::new(1);
        fill(&mut histogram.columns, case.bins.groups(), &case.bins, rows, &case.layout, &spare);
        histogram
    }

    #[test]
    fn every_bin_has_its_sums() {
        for (n, exact) in [(3000, true), (40_000, false)] {
            let case = case(n, 3);
            let histogram = histogram(&case, &case.rows);
            for bin in 1..case.bins.n_bins(2) {
                let in_bin = || (0..n).filter(|&r| usize::from(case.bins.bin(r, 2)) == bin);
                let sums = case.layout.sums(histogram.columns[case.bins.place_of(2)][bin]);
                let gradient: f64 = in_bin().map(|r| f64::from(case.gradients[r])).sum();
                let hessian: f64 = in_bin().map(|r| f64::from(case.hessians[r])).sum();
                let rounding = 0.51 * in_bin().count() as f64;
                assert!((sums.gradient - gradient * case.layout.gradient_scale).abs() <= rounding);
                assert!((sums.hessian - hessian * case.layout.hessian_scale).abs() <= rounding);
                assert!(!exact || sums.rows == in_bin().count() as f64);
            }
        }
    }

    #[test]
    fn parts_add_up_to_the_whole_in_every_bit() {
        let case = case(9000, 83);
        let mut whole = histogram(&case, &case.rows);
        let (left, right) = case.rows.split_at(2500);
        let (left, right) = (histogram(&case, left), histogram(&case, right));
        let mut merged = left.clone();
        merge(&mut merged.columns, &right.columns);
        assert_eq!(whole.columns, merged.columns);
        for group in case.bins.groups() {
            let places = group.places.clone();
            subtract(&mut whole.columns[places.clone()], &left.columns[places], group, &case.bins);
        }
        assert_eq!(whole.columns, right.columns);
    }
}
