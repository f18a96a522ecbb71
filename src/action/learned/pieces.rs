//! The experiment's rows by fold and arm, as dense designs: what every linear learner's sums are taken over, once.

use ndarray::{Array1, Array2, ArrayView1, Axis};
use rayon::prelude::*;

use super::bench::Bench;
use super::data::Fold;
use super::departures::Departures;
use crate::model::logistic::{Design, Scorer};

/// The rows of a fold that got one arm.
pub(super) struct Piece {
    pub fold: usize,
    pub arm: usize,
    pub rows: Vec<u32>,
    /// `n × (n_coefs + 1)`, column after column in memory; the last column is 1.
    pub dense: Array2<f64>,
}

/// All of them.
pub(super) struct Pieces<'a> {
    pub design: &'a Design,
    pub n_folds: usize,
    pub n_arms: usize,
    /// Design columns and the one of ones.
    pub width: usize,
    pub all: Vec<Piece>,
    pub departures: Departures,
}

impl<'a> Pieces<'a> {
    pub fn new(bench: &'a Bench<'_>, folds: &[Fold]) -> Self {
        let n_arms = bench.data.n_arms;
        let piece = |at: usize| {
            let (fold, arm) = (at / n_arms, at % n_arms);
            let rows = bench.data.of_arm(&folds[fold].1, arm);
            let mut dense = bench.form.matrix.take(&rows).to_dense();
            let ones = Array1::ones(rows.len());
            dense.push_column(ones.view()).expect("the column of ones has the rows of the design");
            Piece { fold, arm, rows, dense }
        };
        let all: Vec<Piece> = (0..folds.len() * n_arms).into_par_iter().map(piece).collect();
        let (design, width) = (&bench.form.design, bench.form.matrix.n_coefs() + 1);
        let departures = Departures::new(design, &all, width);
        Pieces { design, n_folds: folds.len(), n_arms, width, all, departures }
    }

    /// Means of the design columns.
    pub fn means(&self) -> Vec<f64> {
        let mut sums = Array1::<f64>::zeros(self.width);
        self.all.iter().for_each(|piece| sums += &piece.dense.sum_axis(Axis(0)));
        (0..self.width - 1).map(|at| sums[at] / sums[self.width - 1]).collect()
    }

    /// What is told of each piece's rows, in the rows' places.
    pub fn gathered(&self, tell: impl Fn(&Piece) -> Array1<f64>) -> Vec<f64> {
        let mut gathered = vec![0.0; self.all.iter().map(|piece| piece.rows.len()).sum()];
        for piece in &self.all {
            let told = tell(piece);
            piece.rows.iter().zip(&told).for_each(|(&row, value)| gathered[row as usize] = *value);
        }
        gathered
    }

    /// What coefficients, the intercept last, say of columns.
    pub fn scorer(&self, coefs: &[f64]) -> Scorer {
        let (intercept, coefs) = coefs.split_last().expect("the intercept is there");
        self.design.scorer(coefs, *intercept)
    }
}

impl Piece {
    /// `Z c`.
    pub fn times(&self, coefs: &[f64]) -> Array1<f64> {
        let mut sums = Array1::zeros(self.rows.len());
        for (column, coef) in self.dense.axis_iter(Axis(1)).zip(coefs).filter(|(_, coef)| **coef != 0.0) {
            sums.scaled_add(*coef, &column);
        }
        sums
    }

    /// `Z' t`.
    pub fn products(&self, targets: ArrayView1<'_, f64>) -> Array1<f64> {
        self.dense.t().dot(&targets)
    }

    /// `Z' W Z`.
    pub fn gram(&self, weights: &Array1<f64>) -> Array2<f64> {
        let mut scaled = self.dense.clone();
        scaled.axis_iter_mut(Axis(1)).for_each(|mut column| column *= weights);
        scaled.t().dot(&self.dense)
    }
}
