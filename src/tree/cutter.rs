//! Values put into bins, many rows at a time.

use std::ops::Range;

use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch, f64x8};

use super::bins::{ColumnBinning, MISSING_BIN};
use super::column::{ColumnView, MISSING_CODE, for_stretches};

/// A [`ColumnBinning`] made ready for many rows.
pub(super) enum Cutter<'a> {
    Number(Box<TwoLevelCuts>),
    Category { bin_of: &'a [u8], pool: u8 },
}

impl<'a> Cutter<'a> {
    pub(super) fn new(binning: &'a ColumnBinning) -> Self {
        match binning {
            ColumnBinning::Number { cuts } => Cutter::Number(Box::new(TwoLevelCuts::new(cuts))),
            ColumnBinning::Category { bin_of, pool } => Cutter::Category { bin_of, pool: *pool },
        }
    }

    /// Puts the bins of some rows into `cells`, one every `width`.
    pub(super) fn bin(&self, column: ColumnView, rows: Range<usize>, cells: &mut [u8], width: usize) {
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

/// Cut points as 16 × 16: which block of 16, then where in it, both by counting without a branch.
pub(super) struct TwoLevelCuts {
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
