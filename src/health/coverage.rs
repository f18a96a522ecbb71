//! How much is known of an account.

use crate::frame::Table;
use crate::model::Contributions;

/// How much each signal matters: the mean size of what it adds beyond what is usual, over the training accounts.
pub(super) fn weights(contributions: &Contributions, usual: &[f64]) -> Vec<f64> {
    let d = contributions.n_features;
    let mut weights = vec![0.0; d];
    let n_rows = contributions.values.len() / d.max(1);
    for row in 0..n_rows {
        for (signal, weight) in weights.iter_mut().enumerate() {
            *weight += (contributions.row(row)[signal] - usual[signal]).abs() / n_rows as f64;
        }
    }
    weights
}

/// The share of what matters that is known of an account, 0 to 1. Where nothing matters every signal counts the same.
pub(super) fn coverage(table: &Table, row: usize, weights: &[f64]) -> f64 {
    let total: f64 = weights.iter().sum();
    let known = |at: usize| !table.columns()[at].is_missing(row);
    if total > 0.0 {
        let of_known: f64 =
            weights.iter().enumerate().filter(|(at, _)| known(*at)).map(|(_, weight)| weight).sum();
        return (of_known / total).clamp(0.0, 1.0);
    }
    let d = table.columns().len();
    (0..d).filter(|&at| known(at)).count() as f64 / d.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Column;

    #[test]
    fn what_matters_more_counts_more() {
        let contributions = Contributions { base: 0.0, values: vec![0.4, 0.1, -0.2, 0.1], n_features: 2 };
        let weights = weights(&contributions, &[0.1, 0.0]);
        assert!((weights[0] - 0.3).abs() < 1e-12 && (weights[1] - 0.1).abs() < 1e-12);
        let column = |values: [f64; 4]| Column::Number(values.into());
        let (nan, x) = (f64::NAN, 1.0);
        let columns = [("a".into(), column([x, x, nan, nan])), ("b".into(), column([x, nan, x, nan]))];
        let table = Table::new(4, columns).unwrap();
        let of = |weights: &[f64]| [0, 1, 2, 3].map(|row| coverage(&table, row, weights));
        for (found, expected) in of(&weights).into_iter().zip([1.0, 0.75, 0.25, 0.0]) {
            assert!((found - expected).abs() < 1e-12);
        }
        assert_eq!(of(&[0.0, 0.0]), [1.0, 0.5, 0.5, 0.0]);
    }
}
