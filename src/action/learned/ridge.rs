//! Ridge regressions whose strength is a belief, from sums over the rows of each fold and arm that are taken once.
//!
//! > minimise `‖t − b₀ − Z b‖² + λ ‖b‖²` with `λ = s² v / spread²`
//!
//! is the posterior mean where the coefficients together are thought to make a deviation of `spread`, `v` being the
//! columns' summed variances and `s` the targets' deviation; `s² (Z'Z + λ)⁻¹` is the posterior covariance.

use ndarray::{Array1, Array2, Axis};
use serde::{Deserialize, Serialize};

use super::bench::Bench;
use super::data::{Fold, pick};
use crate::model::EncodedColumn;
use crate::model::logistic::{Design, Scorer, Symmetric};

/// Most coefficients with lines that bend; above it they are straight.
const MOST_BENT: usize = 200;
/// Rows whose uncertainty is reckoned at a time.
const BLOCK: usize = 4096;

/// The rows of a fold and arm.
struct Piece {
    rows: Vec<u32>,
    dense: Array2<f64>,
    sums: Array1<f64>,
    gram: Array2<f64>,
}

/// The experiment for ridge regressions.
pub(super) struct Ridge<'a> {
    design: &'a Design,
    /// By fold, then arm.
    pieces: Vec<Vec<Piece>>,
}

/// A fitted regression.
pub(super) struct Line {
    coefs: Vec<f64>,
    intercept: f64,
}

impl Line {
    /// `weight` of this one and the rest of the other.
    pub fn mixed(&self, weight: f64, other: &Line) -> Line {
        let mix = |(a, b): (&f64, &f64)| weight * a + (1.0 - weight) * b;
        Line {
            coefs: self.coefs.iter().zip(&other.coefs).map(mix).collect(),
            intercept: mix((&self.intercept, &other.intercept)),
        }
    }
}

/// `Σ t` and `Z't` of each piece.
pub(super) type Products = Vec<Vec<(f64, Array1<f64>)>>;

impl<'a> Ridge<'a> {
    pub fn new(bench: &'a Bench<'_>, folds: &[Fold]) -> Self {
        let form = if bench.bent.matrix.n_coefs() <= MOST_BENT { &bench.bent } else { &bench.straight };
        let piece = |rows: Vec<u32>| {
            let dense = form.matrix.take(&rows).to_dense();
            Piece { sums: dense.sum_axis(Axis(0)), gram: dense.t().dot(&dense), dense, rows }
        };
        let of_fold = |(_, valid): &Fold| {
            (0..bench.data.n_arms).map(|arm| piece(bench.data.of_arm(valid, arm))).collect()
        };
        Ridge { design: &form.design, pieces: folds.iter().map(of_fold).collect() }
    }

    /// The products with `targets` (`n`).
    pub fn products(&self, targets: &[f64]) -> Products {
        let of = |piece: &Piece| {
            let targets = Array1::from(pick(targets, &piece.rows));
            (targets.sum(), piece.dense.t().dot(&targets))
        };
        self.pieces.iter().map(|arms| arms.iter().map(of).collect()).collect()
    }

    /// The regression on the pieces that `uses` a fold and arm of; `noise` is the targets' variance.
    pub fn fit(
        &self,
        products: &Products,
        noise: f64,
        spread: f64,
        uses: impl Fn(usize, usize) -> bool,
    ) -> Line {
        let sums = self.sums(&uses);
        let n_coefs = sums.means.len();
        let (mut total, mut with) = (0.0, Array1::<f64>::zeros(n_coefs));
        for (fold, arms) in products.iter().enumerate() {
            for (_, (sum, product)) in arms.iter().enumerate().filter(|(arm, _)| uses(fold, *arm)) {
                total += sum;
                with += product;
            }
        }
        let mean = total / sums.n_rows.max(1.0);
        let mut coefs = (with - &sums.means * total).to_vec();
        match sums.system(noise, spread).and_then(Symmetric::cholesky) {
            Some(factor) => factor.solve(&mut coefs),
            None => coefs.fill(0.0),
        }
        let intercept = mean - coefs.iter().zip(&sums.means).map(|(coef, mean)| coef * mean).sum::<f64>();
        Line { coefs, intercept }
    }

    /// What a line says of columns.
    pub fn scorer(&self, line: &Line) -> Scorer {
        self.design.scorer(&line.coefs, line.intercept)
    }

    /// What is not known of differences that are thought to deviate by `spread`, from all rows.
    pub fn doubt(&self, noise: f64, spread: f64) -> Doubt {
        let sums = self.sums(&|_, _| true);
        let n_coefs = sums.means.len();
        let mut covariance = vec![0.0; n_coefs * n_coefs];
        if let Some(factor) = sums.system(noise, spread).and_then(Symmetric::cholesky) {
            for (at, column) in covariance.chunks_exact_mut(n_coefs.max(1)).enumerate() {
                column[at] = noise;
                factor.solve(column);
            }
        }
        Doubt { design: self.design.clone(), means: sums.means.to_vec(), covariance }
    }

    fn sums(&self, uses: &impl Fn(usize, usize) -> bool) -> Sums {
        let n_coefs = self.pieces[0][0].sums.len();
        let mut gram = Array2::<f64>::zeros((n_coefs, n_coefs));
        let (mut n_rows, mut sums) = (0.0, Array1::<f64>::zeros(n_coefs));
        for (fold, arms) in self.pieces.iter().enumerate() {
            for (_, piece) in arms.iter().enumerate().filter(|(arm, _)| uses(fold, *arm)) {
                gram += &piece.gram;
                sums += &piece.sums;
                n_rows += piece.rows.len() as f64;
            }
        }
        Sums { means: sums / n_rows.max(1.0), n_rows, gram }
    }
}

struct Sums {
    n_rows: f64,
    means: Array1<f64>,
    gram: Array2<f64>,
}

impl Sums {
    /// `Z'Z + λ` of centred columns; `None` where nothing is thought to differ.
    fn system(&self, noise: f64, spread: f64) -> Option<Symmetric> {
        let n = self.means.len();
        let centred =
            |(at, value): (usize, &f64)| value - self.n_rows * self.means[at / n] * self.means[at % n];
        let values = self.gram.iter().enumerate().map(centred).collect();
        let mut system = Symmetric { n, values };
        let variances = system.diagonal_mut().map(|cell| cell.max(0.0)).sum::<f64>() / self.n_rows.max(1.0);
        let strength = noise * variances / (spread * spread);
        // A trifle keeps the factorisation sound where a column says nothing.
        system.diagonal_mut().for_each(|cell| *cell += strength.max(1e-9 * self.n_rows));
        (strength.is_finite() && variances > 0.0).then_some(system)
    }
}

/// How unsure differences between accounts are: a posterior covariance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Doubt {
    design: Design,
    means: Vec<f64>,
    /// `n_coefs × n_coefs`.
    covariance: Vec<f64>,
}

impl Doubt {
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

#[cfg(test)]
mod tests {
    use super::super::data::Data;
    use super::*;
    use crate::frame::{Column, Table};
    use crate::model::Features;

    #[test]
    fn a_wide_belief_is_least_squares_and_a_narrow_one_the_mean() {
        let x: Vec<f64> = (0..60).map(|row| f64::from((row * 7) % 13)).collect();
        let z: Vec<f64> = (0..60).map(|row| f64::from((row * 3) % 11)).collect();
        let targets: Vec<f64> = x.iter().zip(&z).map(|(x, z)| 2.0 + 0.5 * x - 0.25 * z).collect();
        let columns = [("x".to_owned(), Column::Number(x)), ("z".to_owned(), Column::Number(z))];
        let table = Table::new(60, columns).unwrap();
        let features = Features::of(&table);
        let (y, arm): (Vec<bool>, Vec<usize>) = (0..60).map(|row| (row % 4 < 2, row % 2)).unzip();
        let data = Data { features: &features, table: &table, y: &y, arm: &arm, n_arms: 2 };
        let bench = Bench::new(&data).unwrap();
        let folds = data.folds(3, 1).unwrap();
        let ridge = Ridge::new(&bench, &folds);
        let products = ridge.products(&targets);
        let told = |spread: f64| {
            ridge.scorer(&ridge.fit(&products, 1.0, spread, |_, _| true)).log_odds(&bench.columns, 60)
        };
        assert!(told(1e6).iter().zip(&targets).all(|(a, b)| (a - b).abs() < 1e-6));
        let mean = targets.iter().sum::<f64>() / 60.0;
        assert!(told(1e-6).iter().all(|value| (value - mean).abs() < 1e-6));
        // Two columns of deviation 1: with much noise the doubt is the belief, 0.3² on average over rows.
        let doubt = ridge.doubt(1e6, 0.3).variances(&bench.columns, 60);
        assert!((doubt.iter().sum::<f64>() / 60.0 - 0.09).abs() < 0.01, "{doubt:?}");
        assert!(ridge.doubt(1e-9, 0.3).variances(&bench.columns, 60).iter().all(|v| *v < 1e-6));
        assert_eq!(ridge.doubt(1.0, 0.0).variances(&bench.columns, 60), [0.0; 60]);
    }
}
