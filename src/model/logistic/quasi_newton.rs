//! From a gradient to a step: L-BFGS whose initial matrix is the inverse of an earlier Hessian.

use std::collections::VecDeque;

use super::linear::{Cholesky, Symmetric, add_scaled, dot};

/// Pairs of steps and gradient changes that L-BFGS keeps.
const MEMORY: usize = 10;

/// The Hessian of the loss at some earlier point, without the penalty.
pub(super) enum Hessian {
    Dense(Symmetric),
    Diagonal(Vec<f64>),
}

/// What turns a gradient into a step.
pub(super) enum Preconditioner {
    Dense(Cholesky),
    Diagonal(Vec<f64>),
}

impl Preconditioner {
    pub(super) fn new(hessian: &Hessian, penalty: f64) -> Self {
        let mut diagonal = match hessian {
            Hessian::Dense(gram) => {
                let mut matrix = gram.clone();
                let last = matrix.n - 1;
                matrix.diagonal_mut().take(last).for_each(|value| *value += penalty);
                *matrix.diagonal_mut().last().expect("the intercept is there") *= 1.0 + 1e-12;
                if let Some(factor) = matrix.cholesky() {
                    return Preconditioner::Dense(factor);
                }
                gram.clone().diagonal_mut().map(|value| *value).collect()
            }
            Hessian::Diagonal(diagonal) => diagonal.clone(),
        };
        let last = diagonal.len() - 1;
        diagonal[..last].iter_mut().for_each(|value| *value += penalty);
        Preconditioner::Diagonal(diagonal.into_iter().map(|value| value.max(1e-300)).collect())
    }

    fn apply(&self, vector: &mut [f64]) {
        match self {
            Preconditioner::Dense(factor) => factor.solve(vector),
            Preconditioner::Diagonal(diagonal) => {
                vector.iter_mut().zip(diagonal).for_each(|(value, scale)| *value /= scale);
            }
        }
    }
}

/// The two-loop recursion's memory.
#[derive(Default)]
pub(super) struct Memory {
    /// Step, change of gradient, one over their inner product.
    pairs: VecDeque<(Vec<f64>, Vec<f64>, f64)>,
}

impl Memory {
    pub(super) fn push(&mut self, step: Vec<f64>, change: Vec<f64>) {
        let curvature = dot(&step, &change);
        if curvature <= 0.0 || curvature.recip().is_infinite() {
            return;
        }
        if self.pairs.len() == MEMORY {
            self.pairs.pop_front();
        }
        self.pairs.push_back((step, change, curvature.recip()));
    }

    /// The quasi-Newton step against a gradient.
    pub(super) fn direction(&self, gradient: &[f64], initial: &Preconditioner) -> Vec<f64> {
        let mut q: Vec<f64> = gradient.iter().map(|g| -g).collect();
        let mut alphas = Vec::with_capacity(self.pairs.len());
        for (step, change, rho) in self.pairs.iter().rev() {
            let alpha = rho * dot(step, &q);
            add_scaled(&mut q, -alpha, change);
            alphas.push(alpha);
        }
        initial.apply(&mut q);
        for ((step, change, rho), alpha) in self.pairs.iter().zip(alphas.iter().rev()) {
            let beta = rho * dot(change, &q);
            add_scaled(&mut q, alpha - beta, step);
        }
        q
    }
}
