//! Ridge regression whose strength is a belief: how far the effect differs between accounts.

use ndarray::{Array1, Array2, Axis};

use crate::model::logistic::Symmetric;

/// Coefficients and intercept of `targets` on the columns of `x` (`n × p`).
///
/// Minimises `‖t − b₀ − X b‖² + λ ‖b‖²` with `λ = s² p / spread²`: the posterior mean where the `p` coefficients of
/// columns of deviation 1 are thought to make a deviation of `spread` together and the targets' is `s`.
pub(super) fn ridge(mut x: Array2<f64>, targets: &[f64], spread: f64) -> (Vec<f64>, f64) {
    let n_coefs = x.ncols();
    let n_rows = targets.len() as f64;
    let means: Vec<f64> = x.axis_iter(Axis(1)).map(|column| column.sum() / n_rows).collect();
    x.axis_iter_mut(Axis(1)).zip(&means).for_each(|(mut column, mean)| column -= *mean);
    let mean = targets.iter().sum::<f64>() / n_rows;
    let centred: Array1<f64> = targets.iter().map(|target| target - mean).collect();
    let variance = centred.dot(&centred) / n_rows;
    let strength = variance * n_coefs as f64 / (spread * spread);
    let gram = x.t().dot(&x);
    let mut system = Symmetric { n: n_coefs, values: gram.iter().copied().collect() };
    // A trifle keeps the factorisation sound where a column says nothing.
    system.diagonal_mut().for_each(|cell| *cell += strength.max(1e-9 * n_rows));
    let mut coefs = x.t().dot(&centred).to_vec();
    match system.cholesky() {
        Some(factor) if strength.is_finite() => factor.solve(&mut coefs),
        _ => coefs.fill(0.0),
    }
    let intercept = mean - coefs.iter().zip(&means).map(|(coef, mean)| coef * mean).sum::<f64>();
    (coefs, intercept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wide_belief_is_least_squares_and_a_narrow_one_the_mean() {
        let x = Array2::from_shape_fn((60, 2), |(row, column)| ((row * (column * 4 + 3)) % 13) as f64);
        let targets: Vec<f64> = x.axis_iter(Axis(0)).map(|row| 2.0 + 0.5 * row[0] - 0.25 * row[1]).collect();
        let (coefs, intercept) = ridge(x.clone(), &targets, 1e6);
        assert!((coefs[0] - 0.5).abs() < 1e-6 && (coefs[1] + 0.25).abs() < 1e-6);
        assert!((intercept - 2.0).abs() < 1e-5);
        let (coefs, intercept) = ridge(x, &targets, 1e-6);
        assert!(coefs.iter().all(|coef| coef.abs() < 1e-9));
        assert!((intercept - targets.iter().sum::<f64>() / 60.0).abs() < 1e-6);
    }
}
