//! A forest laid out for speed: for one row and for blocks of rows.

use fearless_simd::{Level, Simd, dispatch};

use super::block::BlockForest;
use super::codes::{BLOCK, Coder, Questions};
use super::column::ColumnView;
use super::descent::DescentForest;
use super::parts::parts;
use super::predict::{Tree, read, read_row};
use super::row::RowForest;

/// Fewer rows than this are faster one by one than as a block with room for more.
const FEW_ROWS: usize = 48;
/// Rows that are read together where a table is row-major: so few that the lines of memory they stand in are still at hand
/// for the next column.
const SLICE: usize = 32;

/// A forest's trees in the layouts that are the fastest for their size.
#[derive(Clone, Debug)]
pub(super) struct FlatForest {
    coder: Coder,
    single: Single,
    /// None for trees too large for it.
    block: Option<BlockForest>,
}

/// How one row goes through the trees.
#[derive(Clone, Debug)]
enum Single {
    AllNodes(RowForest),
    Descent(DescentForest),
}

impl FlatForest {
    pub(super) fn new(trees: &[Tree]) -> Self {
        let questions = Questions::new(trees);
        let parts = parts(trees);
        let all_nodes = parts.as_ref().and_then(|parts| RowForest::new(parts, trees.len(), &questions));
        let descent = || Single::Descent(DescentForest::new(trees, &questions));
        let single = all_nodes.map_or_else(descent, Single::AllNodes);
        let block = parts.map(|parts| BlockForest::new(&parts, &questions));
        FlatForest { single, block, coder: questions.coder }
    }

    /// The codes of a row, and a place more, so that a forest of lone leaves has one too.
    pub(super) fn codes_of_row(&self, row: &[f64]) -> Vec<i8> {
        let mut codes = vec![0; 1 + self.coder.n_columns()];
        dispatch!(Level::new(), simd => self.coder.code_row(simd, row, &mut codes));
        codes
    }

    /// Adds every tree's value for a row to `sum`, in order.
    pub(super) fn add_row(&self, row: &[f64], sum: f64) -> f64 {
        let codes = self.codes_of_row(row);
        match &self.single {
            Single::AllNodes(forest) => forest.add(&codes, sum),
            Single::Descent(forest) => forest.add(&codes, sum),
        }
    }

    /// Adds every tree's value to the sums of the rows from `start` on, in order.
    pub(super) fn add_rows(&self, columns: &[ColumnView], start: usize, sums: &mut [f64]) {
        // Compiled for each width of registers that processors have.
        dispatch!(Level::new(), simd => self.add_blocks(simd, columns, start, sums));
    }

    #[inline(always)]
    fn add_blocks<S: Simd>(&self, simd: S, columns: &[ColumnView], start: usize, sums: &mut [f64]) {
        let (mut values, mut codes) = (Vec::new(), Vec::new());
        for (index, sums) in sums.chunks_mut(BLOCK).enumerate() {
            let start = start + index * BLOCK;
            match &self.block {
                Some(block) if sums.len() >= FEW_ROWS => {
                    values.resize(self.coder.asked().count(), [0.0; BLOCK]);
                    codes.resize(self.coder.n_columns(), [0; BLOCK]);
                    self.read_block(columns, start, sums.len(), &mut values);
                    self.coder.code_block(simd, sums.len(), &values, &mut codes);
                    block.add(simd, &codes, sums);
                }
                _ => self.add_one_by_one(columns, start, sums),
            }
        }
    }

    /// Fills in the values of a block's first `n` rows, from `start` on, of the columns that are asked for anything.
    fn read_block(&self, columns: &[ColumnView], start: usize, n: usize, values: &mut [[f64; BLOCK]]) {
        for first in (0..n).step_by(SLICE) {
            for (values, column) in values.iter_mut().zip(self.coder.asked()) {
                let rows = match columns[column] {
                    ColumnView::Read { .. } => first..n.min(first + SLICE),
                    // A slice of memory is read at once.
                    _ if first == 0 => 0..n,
                    _ => continue,
                };
                read(columns[column], start + rows.start, &mut values[rows]);
            }
        }
    }

    fn add_one_by_one(&self, columns: &[ColumnView], start: usize, sums: &mut [f64]) {
        let mut row = vec![0.0; columns.len()];
        for (index, sum) in sums.iter_mut().enumerate() {
            read_row(columns, start + index, &mut row);
            *sum = self.add_row(&row, *sum);
        }
    }
}
