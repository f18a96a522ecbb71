//! How likely each row was to get the action: known, or estimated from what is known of it.

use super::data::{Data, Fold, mean, numbers};
use crate::error::Result;
use crate::model::logistic::{DEFAULT_CS, Design, FOLD_TOL, SolverSettings, path};
use crate::model::sigmoid;

const SOLVER: SolverSettings<'_> = SolverSettings::new(200, FOLD_TOL);
/// Probabilities nearer to 0 or 1 than this, estimated or logged, are moved here (Crump et al. 2009 drop beyond .1; we
/// keep and tell).
pub(super) const CLIP: f64 = 0.02;

/// The C with the least log loss on the rows left out, and its probabilities there; `names` and `columns` say of what,
/// `labels` for what.
pub(super) fn out_of_fold(
    names: &[String],
    columns: &[crate::model::EncodedColumn<'_>],
    labels: &[bool],
    folds: &[Fold],
) -> Result<(f64, Vec<f64>)> {
    let design = Design::fit(names, columns, None, 0)?;
    let matrix = design.matrix(columns, labels.len());
    let mut left_out = vec![vec![0.0; labels.len()]; DEFAULT_CS.len()];
    for (train, valid) in folds {
        for (at, step) in path(&matrix, labels, None, train, valid, &DEFAULT_CS, &SOLVER)?.iter().enumerate()
        {
            let placed = valid.iter().zip(&step.valid_log_odds);
            placed.for_each(|(&row, &log_odds)| left_out[at][row as usize] = sigmoid(log_odds));
        }
    }
    let loss = |at: &usize| -> f64 {
        let of_row = |(p, &label): (&f64, &bool)| -if label { *p } else { 1.0 - p }.max(1e-300).ln();
        left_out[*at].iter().zip(labels).map(of_row).sum()
    };
    let best = (0..DEFAULT_CS.len()).min_by(|a, b| loss(a).total_cmp(&loss(b))).unwrap_or(0);
    Ok((DEFAULT_CS[best], left_out.swap_remove(best)))
}

/// The share of treated rows, for all the same: what a draw that looks at nothing gives.
pub(super) fn constant(data: &Data<'_>) -> Vec<f64> {
    vec![mean(&numbers(&data.treated)); data.n_rows()]
}

/// Estimated on the other folds by logistic regression, before any are moved to [`CLIP`].
pub(super) fn estimated(data: &Data<'_>, folds: &[Fold]) -> Result<Vec<f64>> {
    Ok(out_of_fold(data.features.names(), &data.columns()?, &data.treated, folds)?.1)
}
