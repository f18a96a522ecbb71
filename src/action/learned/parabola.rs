//! The log likelihood around a solution as a parabola: what any variance of departures would give, without rows.
//!
//! > `loss(c) ≈ loss(ĉ) + g·(c − ĉ) + ½ (c − ĉ)' H (c − ĉ)`
//!
//! With a penalty `½ c'Pc` its least is at `ĉ − (H + P)⁻¹ (g + Pĉ)`, and the evidence for the variances in P is
//! `½ q'(H + P)⁻¹q − ½ ĉ'Pĉ + ½ ln|P| − ½ ln|H + P|` with `q = g + Pĉ`. Gradients and Hessians of pieces add up: a fold
//! is left out by not adding its own.

use ndarray::{Array1, Array2};

use super::lines::{Coefs, Look, penalty};
use super::pieces::Pieces;
use crate::model::logistic::{Cholesky, Symmetric};

pub(super) struct Parabola<'a> {
    at: &'a Coefs,
    /// As the coefficients.
    gradient: Vec<f64>,
    /// Of each arm's own log-odds.
    hessians: Vec<Array2<f64>>,
}

impl<'a> Parabola<'a> {
    /// From what pieces say at coefficients, those of a fold aside.
    pub fn new(
        pieces: &Pieces<'_>,
        looks: &[Look],
        hessians: &[Array2<f64>],
        at: &'a Coefs,
        without: Option<usize>,
    ) -> Self {
        let width = pieces.width;
        let mut of_arms = vec![Array2::<f64>::zeros((width, width)); pieces.n_arms];
        let mut gradient = vec![0.0; at.values.len()];
        for ((piece, look), hessian) in pieces.all.iter().zip(looks).zip(hessians) {
            if Some(piece.fold) == without {
                continue;
            }
            of_arms[piece.arm] += hessian;
            for block in if piece.arm == 0 { vec![0] } else { vec![0, piece.arm] } {
                let own = gradient[block * width..][..width].iter_mut();
                own.zip(&look.gradient).for_each(|(sum, value)| *sum += value);
            }
        }
        Parabola { at, gradient, hessians: of_arms }
    }

    /// From where it was taken to where it is least.
    pub fn along(&self, apart: f64) -> Vec<f64> {
        let slope = self.slope(apart);
        Step::new(&self.hessians, apart).map_or(vec![0.0; slope.len()], |step| step.along(&slope))
    }

    /// How likely each of some variances is, if all were as likely beforehand.
    pub fn likely(&self, aparts: &[f64]) -> Vec<f64> {
        let evidence: Vec<f64> = aparts.iter().map(|apart| self.evidence(*apart)).collect();
        let most = evidence.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let odds: Vec<f64> = evidence
            .iter()
            .map(|evidence| if most.is_finite() { (evidence - most).exp() } else { 1.0 })
            .collect();
        let total: f64 = odds.iter().sum();
        odds.into_iter().map(|odds| odds / total).collect()
    }

    /// The mean of what it gives for each of some variances, by how likely they are.
    pub fn mean(&self, aparts: &[f64], likely: &[f64]) -> Coefs {
        let mut mean = self.at.clone();
        for (apart, share) in aparts.iter().zip(likely).filter(|(_, share)| **share > 1e-3) {
            let along = self.along(*apart);
            mean.values.iter_mut().zip(along).for_each(|(coef, along)| *coef += share * along);
        }
        mean
    }

    /// Of the loss with its penalty.
    pub fn slope(&self, apart: f64) -> Vec<f64> {
        let of_coef =
            |(at, (slope, coef)): (usize, (&f64, &f64))| slope + penalty(at, self.at.width, apart) * coef;
        self.gradient.iter().zip(&self.at.values).enumerate().map(of_coef).collect()
    }

    /// The logarithm of how likely the outcomes are; what does not depend on the variance is left out.
    fn evidence(&self, apart: f64) -> f64 {
        let slope = self.slope(apart);
        let Some(step) = Step::new(&self.hessians, apart) else { return f64::NEG_INFINITY };
        let fall: f64 = step.along(&slope).iter().zip(&slope).map(|(along, slope)| -along * slope).sum();
        let (mut held, mut log_penalties) = (0.0, 0.0);
        for (at, coef) in self.at.values.iter().enumerate() {
            let penalty = penalty(at, self.at.width, apart);
            held += penalty * coef * coef;
            log_penalties += if penalty > 0.0 { penalty.ln() } else { 0.0 };
        }
        0.5 * (fall - held + log_penalties - step.log_determinant)
    }
}

/// Newton's step. Departures of one action meet those of others only by way of what all share, which is solved for
/// first (a Schur complement).
struct Step {
    /// Of each action: its Hessian with the penalty, and what that makes of its Hessian without.
    actions: Vec<(Cholesky, Array2<f64>)>,
    shared: Cholesky,
    width: usize,
    /// Of the Hessian with the penalty.
    log_determinant: f64,
}

impl Step {
    /// From each arm's Hessian; `None` where these are not of a least.
    fn new(of_arms: &[Array2<f64>], apart: f64) -> Option<Self> {
        let width = of_arms[0].nrows();
        let mut shared = of_arms.iter().fold(Array2::zeros((width, width)), |sum, of_arm| sum + of_arm);
        let mut actions = Vec::with_capacity(of_arms.len() - 1);
        for (at, hessian) in of_arms[1..].iter().enumerate() {
            let factor = held(hessian, |coef| penalty((at + 1) * width + coef, width, apart))?;
            let mut solved = Array2::zeros((width, width));
            for (mut column, of_hessian) in solved.columns_mut().into_iter().zip(hessian.columns()) {
                let mut values = of_hessian.to_vec();
                factor.solve(&mut values);
                column.assign(&Array1::from(values));
            }
            shared = shared - hessian.dot(&solved);
            actions.push((factor, solved));
        }
        let shared = held(&shared, |coef| penalty(coef, width, apart))?;
        let of_actions: f64 = actions.iter().map(|(factor, _)| factor.log_determinant()).sum();
        let log_determinant = shared.log_determinant() + of_actions;
        Some(Step { shared, actions, width, log_determinant })
    }

    /// Down the slope.
    fn along(&self, slope: &[f64]) -> Vec<f64> {
        let (width, mut along) = (self.width, slope.to_vec());
        let (shared, of_actions) = along.split_at_mut(width);
        for ((_, solved), own) in self.actions.iter().zip(of_actions.chunks(width)) {
            // H K⁻¹ g, both symmetric.
            let seen = solved.t().dot(&Array1::from(own.to_vec()));
            shared.iter_mut().zip(&seen).for_each(|(shared, seen)| *shared -= seen);
        }
        self.shared.solve(shared);
        let moved = Array1::from(shared.to_vec());
        for ((factor, solved), own) in self.actions.iter().zip(of_actions.chunks_mut(width)) {
            factor.solve(own);
            own.iter_mut().zip(&solved.dot(&moved)).for_each(|(own, seen)| *own -= seen);
        }
        along.iter_mut().for_each(|along| *along = -*along);
        along
    }
}

/// A matrix with a penalty on its diagonal, factorised.
fn held(matrix: &Array2<f64>, penalty: impl Fn(usize) -> f64) -> Option<Cholesky> {
    let mut system = Symmetric { n: matrix.nrows(), values: matrix.iter().copied().collect() };
    // A trifle keeps the factorisation sound where a column says nothing.
    system.diagonal_mut().enumerate().for_each(|(at, cell)| *cell += penalty(at) + 1e-9 * cell.abs() + 1e-12);
    system.cholesky()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two actions, two coefficients and an intercept.
    #[test]
    fn steps_and_determinants_are_those_of_the_whole_system() {
        let (width, apart) = (3, 0.02);
        let of_arm = |arm: usize| {
            let root =
                Array2::from_shape_fn((5, width), |(i, j)| ((7 * i + 5 * j + 3 * arm) % 11) as f64 - 4.0);
            root.t().dot(&root)
        };
        let of_arms = [of_arm(0), of_arm(1), of_arm(2)];
        let mut whole = Symmetric::zeros(3 * width);
        for (arm, hessian) in of_arms.iter().enumerate() {
            let blocks = if arm == 0 { vec![0] } else { vec![0, arm] };
            for (a, b) in blocks.iter().flat_map(|a| blocks.iter().map(move |b| (a, b))) {
                for ((i, j), value) in hessian.indexed_iter() {
                    whole.values[(a * width + i) * 3 * width + b * width + j] += value;
                }
            }
        }
        whole.diagonal_mut().enumerate().for_each(|(at, cell)| *cell += penalty(at, width, apart));
        let factor = whole.cholesky().expect("positive definite");
        let step = Step::new(&of_arms, apart).expect("positive definite");
        assert!((step.log_determinant - factor.log_determinant()).abs() < 1e-6);
        let slope: Vec<f64> = (0..3 * width).map(|at| (at % 4) as f64 - 1.5).collect();
        let mut solved = slope.clone();
        factor.solve(&mut solved);
        for (along, solved) in step.along(&slope).iter().zip(solved) {
            assert!((along + solved).abs() < 1e-6 * (1.0 + solved.abs()), "{along} {solved}");
        }
    }
}
