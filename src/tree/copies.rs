//! Copies of the columns that rows are parted by most.
//!
//! Bins lie row by row, as histograms want them; a partition reads one cell of each row, so that a cell costs a line of
//! memory. Few columns part most rows. Each of these is copied once it has parted as many rows as the table has, as far
//! as there is room: then its bytes lie side by side.

use rayon::prelude::*;

use super::cells::{Bins, ColumnCells};
use super::histogram::PARALLEL_ROWS;

/// Tables of fewer cells lie in the cache anyway.
const MIN_CELLS: usize = 1 << 21;
/// A column may be copied for so many cells of a row: most of what all would gain, for half of the memory.
const CELLS_A_COPY: usize = 2;

/// The copies of one table's columns.
#[derive(Default)]
pub(super) struct ColumnCopies {
    /// Rows that each column has parted so far.
    parted: Vec<usize>,
    copies: Vec<(usize, Vec<u8>)>,
}

impl ColumnCopies {
    /// The cells of a column, of which `n_rows` are about to be read.
    pub(super) fn cells<'a>(
        &'a mut self,
        bins: &'a Bins,
        column: usize,
        n_rows: usize,
        n_threads: usize,
    ) -> ColumnCells<'a> {
        let found = self.copies.iter().position(|(copied, _)| *copied == column);
        let at =
            found.or_else(|| self.wants(bins, column, n_rows).then(|| self.copy(bins, column, n_threads)));
        match at {
            Some(at) => ColumnCells::alone(&self.copies[at].1),
            None => bins.of_column(column),
        }
    }

    /// Whether a column that has no copy is to have one now.
    fn wants(&mut self, bins: &Bins, column: usize, n_rows: usize) -> bool {
        self.parted.resize(bins.n_columns(), 0);
        self.parted[column] += n_rows;
        self.parted[column] > bins.n_rows()
            && self.copies.len() < bins.n_cells() / CELLS_A_COPY
            && bins.n_rows() * bins.n_cells() >= MIN_CELLS
    }

    /// Copies a column; its place among the copies.
    fn copy(&mut self, bins: &Bins, column: usize, n_threads: usize) -> usize {
        let (cells, mut copy) = (bins.of_column(column), vec![0; bins.n_rows()]);
        let fill = |(block, copy): (usize, &mut [u8])| {
            let rows = block * PARALLEL_ROWS..;
            copy.iter_mut().zip(rows).for_each(|(place, row)| *place = cells.bin(row));
        };
        if n_threads > 1 {
            copy.par_chunks_mut(PARALLEL_ROWS).enumerate().for_each(fill);
        } else {
            copy.chunks_mut(PARALLEL_ROWS).enumerate().for_each(fill);
        }
        self.copies.push((column, copy));
        self.copies.len() - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::{Binning, ColumnView};

    #[test]
    fn a_column_that_parts_many_rows_is_copied_while_there_is_room() {
        let n = MIN_CELLS / 4;
        let columns: Vec<Vec<f64>> =
            (0..4).map(|c| (0..n).map(|row| (row * (c + 3) % 251) as f64).collect()).collect();
        let views: Vec<ColumnView> = columns.iter().map(|values| ColumnView::F64(values)).collect();
        let bins = Binning::fit(&views, 255).bin(&views);
        let mut copies = ColumnCopies::default();
        let mut read = |column: usize, n_rows: usize, n_threads: usize| {
            let cells = copies.cells(&bins, column, n_rows, n_threads);
            assert!((0..n).step_by(7).all(|row| cells.bin(row) == bins.bin(row, column)));
            copies.copies.len()
        };
        assert_eq!([read(3, n, 1), read(3, 1, 2), read(3, n, 1)], [0, 1, 1]);
        assert_eq!([read(1, n + 1, 1), read(0, 2 * n, 1)], [2, 2], "two of four at most");
    }
}
