//! How likely each row was to get each arm: known, or estimated from what is known of it.

use super::bench::{Bench, FOLD_SOLVER};
use super::data::{Data, Fold};
use crate::error::Result;
use crate::model::logistic::{DEFAULT_CS, path};
use crate::model::sigmoid;

/// Chances below this, estimated or logged, are moved here (Crump et al. 2009 drop rows below .1; we keep and tell).
pub(super) const CLIP: f64 = 0.02;

/// The share of rows that got each arm, for all rows the same: what a draw that looks at nothing gives; `n × n_arms`.
pub(super) fn constant(data: &Data<'_>) -> Vec<f64> {
    data.shares().repeat(data.n_rows())
}

/// Estimated on the other folds by a logistic regression for each arm, made to sum to 1; `n × n_arms`.
pub(super) fn estimated(bench: &Bench<'_>, folds: &[Fold]) -> Result<Vec<f64>> {
    let data = bench.data;
    let mut chances = vec![0.0; data.n_rows() * data.n_arms];
    // With two arms the one's chance tells the other's.
    let modelled = if data.n_arms == 2 { 1..2 } else { 0..data.n_arms };
    for arm in modelled {
        let got: Vec<bool> = data.arm.iter().map(|&of_row| of_row == arm).collect();
        let of_arm = out_of_fold(bench, &got, folds)?;
        of_arm.iter().enumerate().for_each(|(row, p)| chances[row * data.n_arms + arm] = *p);
    }
    for of_row in chances.chunks_mut(data.n_arms) {
        if data.n_arms == 2 {
            of_row[0] = 1.0 - of_row[1];
        }
        let sum: f64 = of_row.iter().sum();
        of_row.iter_mut().for_each(|chance| *chance /= sum);
    }
    Ok(chances)
}

/// By the C with the least log loss on the rows left out.
fn out_of_fold(bench: &Bench<'_>, labels: &[bool], folds: &[Fold]) -> Result<Vec<f64>> {
    let mut left_out = vec![vec![0.0; labels.len()]; DEFAULT_CS.len()];
    for (train, valid) in folds {
        let steps = path(&bench.form.matrix, labels, None, train, valid, &DEFAULT_CS, &FOLD_SOLVER)?;
        for (left_out, step) in left_out.iter_mut().zip(&steps) {
            let placed = valid.iter().zip(&step.valid_log_odds);
            placed.for_each(|(&row, &log_odds)| left_out[row as usize] = sigmoid(log_odds));
        }
    }
    let loss = |at: &usize| -> f64 {
        let of_row = |(p, &label): (&f64, &bool)| -if label { *p } else { 1.0 - p }.max(1e-300).ln();
        left_out[*at].iter().zip(labels).map(of_row).sum()
    };
    let best = (0..DEFAULT_CS.len()).min_by(|a, b| loss(a).total_cmp(&loss(b))).unwrap_or(0);
    Ok(left_out.swap_remove(best))
}
