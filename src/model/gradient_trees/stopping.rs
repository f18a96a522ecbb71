//! Early stopping: which rows are watched, and how rows are dealt into folds.

use super::target::Rules;
use crate::model::training::FoldRows;
use crate::random::SplitMix64;

/// How the number of trees is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EarlyStopping {
    /// It is not: `n_estimators` are grown. The default.
    #[default]
    Off,
    /// By the rows of a validation set, or by `validation_fraction` of the training rows, which are not learned from:
    /// the trees up to the one with the lowest loss on them are kept.
    ValidationPart,
    /// By this many folds, 2 to 20: as many trees are grown on all rows as had the lowest mean loss on the rows left
    /// out. Costs as many more fits, and learns from every row: on five public customer tables of 1,500 to 5,800 rows
    /// its log loss was 0.2 to 3.3 % below that of a validation part. More trees, in proportion to the rows, changed
    /// nothing to speak of; the mean of the folds' own forests was another 0.4 % better at as many times the trees, and
    /// is what the blend does.
    Folds(usize),
}

impl From<bool> for EarlyStopping {
    fn from(early_stopping: bool) -> Self {
        if early_stopping { EarlyStopping::ValidationPart } else { EarlyStopping::Off }
    }
}

/// Training rows and rows held back, both ascending: `share` of each stratum of the rows that weigh.
pub(super) fn hold_back<T: Rules>(
    y: &[T::Y],
    weights: Option<&[f64]>,
    share: f64,
    random_state: u64,
) -> FoldRows {
    let mut held = vec![false; y.len()];
    for rows in shuffled_strata::<T>(y, weights, random_state) {
        let n_held = ((rows.len() as f64 * share).round() as usize).min(rows.len().saturating_sub(1));
        rows[..n_held].iter().for_each(|&row| held[row] = true);
    }
    (0..y.len() as u32).partition(|&row| !held[row as usize])
}

/// `n_folds` folds of the rows that weigh, each with its share of every stratum: as many as the rarer stratum has rows
/// at most. `None` where that leaves less than two.
pub(super) fn deal<T: Rules>(
    y: &[T::Y],
    weights: Option<&[f64]>,
    n_folds: usize,
    random_state: u64,
) -> Option<Vec<FoldRows>> {
    let strata = shuffled_strata::<T>(y, weights, random_state);
    let n_folds = strata.iter().map(Vec::len).filter(|&n_rows| n_rows > 0).fold(n_folds, usize::min);
    let mut fold_of = vec![usize::MAX; y.len()];
    strata.concat().into_iter().enumerate().for_each(|(at, row)| fold_of[row] = at % n_folds.max(1));
    let rows = |keep: &dyn Fn(usize) -> bool| -> Vec<u32> {
        (0..y.len()).filter(|&row| keep(fold_of[row])).map(|row| row as u32).collect()
    };
    let fold = |fold| (rows(&|of| of != fold && of != usize::MAX), rows(&|of| of == fold));
    (n_folds >= 2).then(|| (0..n_folds).map(fold).collect())
}

/// The rows that weigh of either stratum, in random order.
fn shuffled_strata<T: Rules>(y: &[T::Y], weights: Option<&[f64]>, random_state: u64) -> [Vec<usize>; 2] {
    let mut random = SplitMix64(random_state);
    [false, true].map(|stratum| {
        let weighs = |row: usize| weights.is_none_or(|weights| weights[row] > 0.0);
        let mut rows: Vec<usize> =
            (0..y.len()).filter(|&row| T::stratum(y[row]) == stratum && weighs(row)).collect();
        let n_rows = rows.len();
        random.shuffle_front(&mut rows, n_rows);
        rows
    })
}

#[cfg(test)]
mod tests {
    use super::super::Label;
    use super::*;

    #[test]
    fn folds_leave_every_row_that_weighs_out_once() {
        let y: Vec<bool> = (0..40).map(|row| row % 8 == 0).collect();
        let weights: Vec<f64> = (0..40).map(|row| if row % 10 == 3 { 0.0 } else { 1.0 }).collect();
        let folds = deal::<Label>(&y, Some(&weights), 4, 1).unwrap();
        let mut left_out: Vec<u32> = folds.iter().flat_map(|(_, valid)| valid.clone()).collect();
        left_out.sort_unstable();
        assert_eq!(left_out, (0..40).filter(|row| row % 10 != 3).collect::<Vec<u32>>());
        for (train, valid) in &folds {
            assert_eq!(train.len() + valid.len(), 36);
            assert!((1..=2).contains(&valid.iter().filter(|&&row| y[row as usize]).count()));
        }
        assert_eq!(deal::<Label>(&y, None, 20, 1).unwrap().len(), 5, "as many as there are positives");
        assert!(deal::<Label>(&[true, false, false], None, 5, 1).is_none());
    }

    #[test]
    fn rows_held_back_are_a_share_of_each_class_and_leave_some_of_it() {
        let y: Vec<bool> = (0..50).map(|row| row % 5 == 0).collect();
        let (train, held) = hold_back::<Label>(&y, None, 0.2, 3);
        assert_eq!((train.len(), held.len()), (40, 10));
        assert_eq!(held.iter().filter(|&&row| y[row as usize]).count(), 2);
        assert_eq!(hold_back::<Label>(&[true, false], None, 0.9, 0), (vec![0, 1], vec![]));
    }
}
