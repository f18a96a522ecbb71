//! Rows of one action against none, and their folds.

use crate::error::Result;
use crate::frame::Table;
use crate::frame::split::StratifiedFolds;
use crate::model::{EncodedColumn, Features};

/// `n` rows, some treated, some not.
pub(super) struct Data<'a> {
    pub features: &'a Features,
    pub table: Table,
    /// The outcome.
    pub y: Vec<bool>,
    /// Whether the row got the action.
    pub treated: Vec<bool>,
}

/// Rows to learn from, rows left out.
pub(super) type Fold = (Vec<u32>, Vec<u32>);

impl<'a> Data<'a> {
    pub fn n_rows(&self) -> usize {
        self.y.len()
    }

    /// The table's columns in the model's codes.
    pub fn columns(&self) -> Result<Vec<EncodedColumn<'_>>> {
        self.features.encode(&self.table)
    }

    /// The rows named, in that order.
    pub fn take(&self, rows: &[u32]) -> Data<'a> {
        Data {
            features: self.features,
            table: take(&self.table, rows),
            y: pick(&self.y, rows),
            treated: pick(&self.treated, rows),
        }
    }

    /// The rows of one arm.
    pub fn arm(&self, treated: bool) -> Vec<u32> {
        (0..self.n_rows() as u32).filter(|&row| self.treated[row as usize] == treated).collect()
    }

    /// The outcomes as 0 and 1.
    pub fn targets(&self) -> Vec<f64> {
        numbers(&self.y)
    }

    /// Folds that each hold their share of both arms and both outcomes.
    pub fn folds(&self, n_folds: usize, random_state: u64) -> Result<Vec<Fold>> {
        let mut fold_of_row = vec![0; self.n_rows()];
        for treated in [false, true] {
            let rows = self.arm(treated);
            let folds = StratifiedFolds::new(n_folds, random_state).fold_of_rows(&pick(&self.y, &rows))?;
            rows.iter().zip(folds).for_each(|(&row, fold)| fold_of_row[row as usize] = fold);
        }
        let of = |fold| (0..self.n_rows() as u32).partition(|&row| fold_of_row[row as usize] != fold);
        Ok((0..n_folds).map(of).collect())
    }
}

/// The values of the rows named.
pub(super) fn pick<T: Copy>(values: &[T], rows: &[u32]) -> Vec<T> {
    rows.iter().map(|&row| values[row as usize]).collect()
}

/// The rows named of a table.
pub(super) fn take(table: &Table, rows: &[u32]) -> Table {
    let rows: Vec<usize> = rows.iter().map(|&row| row as usize).collect();
    table.take(&rows)
}

/// 1 for true, 0 for false.
pub(super) fn numbers(flags: &[bool]) -> Vec<f64> {
    flags.iter().map(|&flag| f64::from(u8::from(flag))).collect()
}

/// The mean, 0 of nothing.
pub(super) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}
