//! An experiment's rows: who got what, what came of it, and their folds.

use std::borrow::Cow;

use super::reading::Reading;
use crate::error::Result;
use crate::frame::Table;
use crate::frame::split::StratifiedFolds;
use crate::model::EncodedColumn;

/// `n` rows, the arm that each got (0 for none) and what came of it.
pub(super) struct Data<'a> {
    pub reading: &'a Reading,
    pub table: &'a Table,
    /// The outcome.
    pub y: &'a [bool],
    pub arm: &'a [usize],
    pub n_arms: usize,
}

/// Rows to learn from, rows left out.
pub(super) type Fold = (Vec<u32>, Vec<u32>);

impl Data<'_> {
    pub fn n_rows(&self) -> usize {
        self.y.len()
    }

    /// The rows among `rows` that got an arm.
    pub fn of_arm(&self, rows: &[u32], arm: usize) -> Vec<u32> {
        rows.iter().copied().filter(|&row| self.arm[row as usize] == arm).collect()
    }

    /// Share of the rows that got each arm.
    pub fn shares(&self) -> Vec<f64> {
        let mut shares = vec![0.0; self.n_arms];
        self.arm.iter().for_each(|&arm| shares[arm] += 1.0 / self.n_rows() as f64);
        shares
    }

    /// Folds that each hold their share of every arm and of both outcomes in it.
    pub fn folds(&self, n_folds: usize, random_state: u64) -> Result<Vec<Fold>> {
        let all: Vec<u32> = (0..self.n_rows() as u32).collect();
        let mut fold_of_row = vec![0; self.n_rows()];
        for arm in 0..self.n_arms {
            let rows = self.of_arm(&all, arm);
            let folds = StratifiedFolds::new(n_folds, random_state).fold_of_rows(&pick(self.y, &rows))?;
            rows.iter().zip(folds).for_each(|(&row, fold)| fold_of_row[row as usize] = fold);
        }
        let of = |fold| all.iter().partition(|&&row| fold_of_row[row as usize] != fold);
        Ok((0..n_folds).map(of).collect())
    }
}

/// The rows in two, each left out of the other, by which folds they are in.
pub(super) fn halves(folds: &[Fold]) -> Vec<Fold> {
    let (first, rest) = folds.split_at(folds.len() / 2);
    let rows = |folds: &[Fold]| {
        let mut rows: Vec<u32> = folds.iter().flat_map(|(_, left_out)| left_out).copied().collect();
        rows.sort_unstable();
        rows
    };
    let (first, rest) = (rows(first), rows(rest));
    vec![(rest.clone(), first.clone()), (first, rest)]
}

/// The values of the rows named.
pub(super) fn pick<T: Copy>(values: &[T], rows: &[u32]) -> Vec<T> {
    rows.iter().map(|&row| values[row as usize]).collect()
}

/// 1 for true, 0 for false.
pub(super) fn numbers(flags: impl IntoIterator<Item = bool>) -> Vec<f64> {
    flags.into_iter().map(|flag| f64::from(u8::from(flag))).collect()
}

/// The mean, 0 of nothing.
pub(super) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// The variance, 0 of nothing.
pub(super) fn variance(values: &[f64]) -> f64 {
    let mean = mean(values);
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len().max(1) as f64
}

/// Some rows of encoded columns.
pub(super) enum Taken {
    Number(Vec<f64>),
    Category { codes: Vec<u32>, n_levels: usize },
}

impl Taken {
    /// The rows named of each column.
    pub fn rows(columns: &[EncodedColumn<'_>], rows: &[u32]) -> Vec<Taken> {
        let of = |column: &EncodedColumn<'_>| match column {
            EncodedColumn::Number(numbers) => Taken::Number(pick(&numbers.to_f64(), rows)),
            EncodedColumn::Category { codes, n_levels } => {
                Taken::Category { codes: pick(codes, rows), n_levels: *n_levels }
            }
        };
        columns.iter().map(of).collect()
    }

    /// As a model reads it.
    pub fn column(&self) -> EncodedColumn<'_> {
        match self {
            Taken::Number(values) => EncodedColumn::Number(values[..].into()),
            Taken::Category { codes, n_levels } => {
                EncodedColumn::Category { codes: Cow::Borrowed(codes), n_levels: *n_levels }
            }
        }
    }
}
