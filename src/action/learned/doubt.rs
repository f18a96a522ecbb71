//! How unsure differences between accounts are: the posterior covariance of a weighed ridge regression of effects.
//!
//! > minimise `Σ wᵢ (tᵢ − b₀ − zᵢ b)² + λ ‖b‖²` with `λ = s² v / spread²`
//!
//! is the posterior mean where the coefficients together are thought to make a deviation of `spread`, `v` being the
//! columns' summed variances and `s²` the variance of targets of weight 1; `s² (Z'WZ + λ)⁻¹` is the posterior
//! covariance.

use ndarray::{Array1, Array2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::data::pick;
use super::pieces::{Piece, Pieces};
use crate::model::EncodedColumn;
use crate::model::logistic::{Design, Symmetric};

/// Rows whose uncertainty is reckoned at a time.
const BLOCK: usize = 4096;

/// A posterior covariance of differences.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Doubt {
    design: Design,
    means: Vec<f64>,
    /// `n_coefs × n_coefs`.
    covariance: Vec<f64>,
}

impl Doubt {
    /// What is not known of differences that are thought to deviate by `spread` from scores of variance `noise` at
    /// weight 1.
    pub fn new(pieces: &Pieces<'_>, weights: &[f64], noise: f64, spread: f64) -> Self {
        let n_coefs = pieces.width - 1;
        let of_piece = |piece: &Piece| piece.gram(&Array1::from(pick(weights, &piece.rows)));
        let of_pieces: Vec<Array2<f64>> = pieces.all.par_iter().map(of_piece).collect();
        let sums = of_pieces.iter().fold(Array2::zeros((n_coefs + 1, n_coefs + 1)), |sum, gram| sum + gram);
        let mut covariance = vec![0.0; n_coefs * n_coefs];
        if let Some(factor) = system(&sums, noise, spread).and_then(Symmetric::cholesky) {
            for (at, column) in covariance.chunks_exact_mut(n_coefs.max(1)).enumerate() {
                column[at] = noise;
                factor.solve(column);
            }
        }
        Doubt { design: pieces.design.clone(), means: pieces.means(), covariance }
    }

    /// The variance of the difference of each of `n` rows.
    pub fn variances(&self, columns: &[EncodedColumn<'_>], n_rows: usize) -> Vec<f64> {
        let n_coefs = self.means.len();
        if n_coefs == 0 || self.covariance.iter().all(|cell| *cell == 0.0) {
            return vec![0.0; n_rows];
        }
        let covariance = Array2::from_shape_fn((n_coefs, n_coefs), |(i, j)| self.covariance[i * n_coefs + j]);
        let means = Array1::from(self.means.clone());
        let matrix = self.design.matrix(columns, n_rows);
        let all: Vec<u32> = (0..n_rows as u32).collect();
        let of_block = |rows: &[u32]| -> Vec<f64> {
            let dense = matrix.take(rows).to_dense() - &means;
            (dense.dot(&covariance) * &dense).sum_axis(Axis(1)).iter().map(|v| v.max(0.0)).collect()
        };
        all.chunks(BLOCK).flat_map(of_block).collect()
    }
}

/// `Z'WZ + λ` of centred columns, from sums with a column of ones last; `None` where nothing is thought to differ.
fn system(sums: &Array2<f64>, noise: f64, spread: f64) -> Option<Symmetric> {
    let n = sums.nrows() - 1;
    let total = sums[(n, n)].max(f64::MIN_POSITIVE);
    let centred = |at: usize| sums[(at / n, at % n)] - sums[(n, at / n)] * sums[(n, at % n)] / total;
    let mut system = Symmetric { n, values: (0..n * n).map(centred).collect() };
    let variances = system.diagonal_mut().map(|cell| cell.max(0.0)).sum::<f64>() / total;
    let strength = noise * variances / (spread * spread);
    // A trifle keeps the factorisation sound where a column says nothing.
    system.diagonal_mut().for_each(|cell| *cell += strength.max(1e-9 * total));
    (strength.is_finite() && variances > 0.0).then_some(system)
}

#[cfg(test)]
mod tests {
    use super::super::bench::Bench;
    use super::super::data::Data;
    use super::super::reading::Reading;
    use super::*;
    use crate::frame::{Column, Table};

    #[test]
    fn much_noise_leaves_what_was_believed_and_little_leaves_nothing() {
        let x: Vec<f64> = (0..60).map(|row| f64::from((row * 7) % 13)).collect();
        let z: Vec<f64> = (0..60).map(|row| f64::from((row * 3) % 11)).collect();
        let columns = [("x".to_owned(), Column::Number(x)), ("z".to_owned(), Column::Number(z))];
        let table = Table::new(60, columns).unwrap();
        let reading = Reading::of(&table).unwrap();
        let (y, arm): (Vec<bool>, Vec<usize>) = (0..60).map(|row| (row % 4 < 2, row % 2)).unzip();
        let data = Data { reading: &reading, table: &table, y: &y, arm: &arm, n_arms: 2 };
        let bench = Bench::new(&data).unwrap();
        let folds = data.folds(3, 1).unwrap();
        let pieces = Pieces::new(&bench, &folds);
        let of = |noise: f64, spread: f64| {
            Doubt::new(&pieces, &[1.0; 60], noise, spread).variances(&bench.columns, 60)
        };
        // Two columns of deviation 1: with much noise the doubt is the belief, 0.3² on average over rows.
        let doubt = of(1e6, 0.3);
        assert!((doubt.iter().sum::<f64>() / 60.0 - 0.09).abs() < 0.01, "{doubt:?}");
        assert!(of(1e-9, 0.3).iter().all(|v| *v < 1e-6));
        assert_eq!(of(1.0, 0.0), [0.0; 60]);
    }
}
