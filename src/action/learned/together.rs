//! Weights of all actions' learners, by every pair of arms.
//!
//! Each action against none is weighed first, as if there were no other. But to choose between two actions it must be
//! right what one does beyond the other, and learners that differ by action differ there by what they make of the
//! accounts themselves. So the weights are then brought nearer to the scores of all pairs of arms alike, held to where
//! they were.

use super::crossfit::LeftOut;
use super::weigh::{Weights, centred, dot, held, weigh};

/// How far a weight may go from where it was, in deviations of the action's differences.
const FREEDOM: f64 = 1.0;

/// Weights of each action; `deviation` is the outcome's.
pub(super) fn weigh_together(left_out: &LeftOut, deviation: f64) -> Vec<Weights> {
    let n_actions = left_out.precisions.len();
    let differences = |action: usize| -> Vec<&[f64]> {
        left_out.differences.iter().map(|of_actions| &of_actions[action][..]).collect()
    };
    let alone = |action: usize| {
        let scores = left_out.effect_scores(action + 1);
        weigh(&differences(action), &scores, &left_out.precisions[action], deviation)
    };
    let alone: Vec<Weights> = (0..n_actions).map(alone).collect();
    if n_actions < 2 { alone } else { Pairs::new(left_out).weigh(alone) }
}

/// Sums of products over rows, each counted by how exactly it tells.
struct Pairs {
    /// Deviation of each action's differences, by action and learner.
    sizes: Vec<Vec<f64>>,
    /// Of differences at deviation 1: by action and learner, twice.
    products: Vec<f64>,
    /// Of these with the scores of each arm: by action and learner, then arm.
    with: Vec<Vec<f64>>,
    /// Variances of the differences between arms' scores, `n_arms × n_arms`.
    noises: Vec<f64>,
}

impl Pairs {
    fn new(left_out: &LeftOut) -> Self {
        let n_rows = left_out.scores[0].len();
        let n = n_rows as f64;
        let n_actions = left_out.precisions.len();
        let mean = |row: usize| left_out.precisions.iter().map(|of| of[row]).sum::<f64>() / n_actions as f64;
        let precisions: Vec<f64> = (0..n_rows).map(mean).collect();
        let scores: Vec<Vec<f64>> = left_out.scores.iter().map(|of| centred(of, &precisions)).collect();
        let mut columns = Vec::new();
        let mut sizes = Vec::new();
        for action in 0..n_actions {
            let of_learner = |of: &Vec<Vec<f64>>| centred(&of[action], &precisions);
            let mut of_action: Vec<Vec<f64>> = left_out.differences.iter().map(of_learner).collect();
            sizes.push(of_action.iter().map(|column| (dot(column, column) / n).sqrt()).collect::<Vec<f64>>());
            for (column, size) in of_action.iter_mut().zip(&sizes[action]) {
                let scale = if *size > 1e-9 { size.recip() } else { 0.0 };
                column.iter_mut().for_each(|value| *value *= scale);
            }
            columns.extend(of_action);
        }
        let products = columns.iter().flat_map(|a| columns.iter().map(move |b| dot(a, b))).collect();
        let with = columns.iter().map(|a| scores.iter().map(|score| dot(a, score)).collect()).collect();
        let apart =
            |a: &Vec<f64>, b: &Vec<f64>| a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>() / n;
        let noises = scores.iter().flat_map(|a| scores.iter().map(move |b| apart(a, b))).collect();
        Pairs { sizes, products, with, noises }
    }

    fn weigh(&self, mut alone: Vec<Weights>) -> Vec<Weights> {
        let (n_actions, n_learners) = (self.sizes.len(), self.sizes[0].len());
        let (n, n_arms) = (n_actions * n_learners, n_actions + 1);
        // Of all pairs as many tell something new as there are actions.
        let news = n_actions as f64 / (n_arms * n_actions / 2) as f64;
        let precision = |a: usize, b: usize| news / self.noises[a * n_arms + b].max(f64::MIN_POSITIVE);
        let (mut gram, mut with) = (vec![0.0; n * n], vec![0.0; n]);
        for at in 0..n {
            let action = at / n_learners + 1;
            for other in (0..n_arms).filter(|&other| other != action) {
                let precision = precision(action, other);
                with[at] += precision * (self.with[at][action] - self.with[at][other]);
                for learner in 0..n_learners {
                    let own = (action - 1) * n_learners + learner;
                    gram[at * n + own] += precision * self.products[at * n + own];
                    if other > 0 {
                        let theirs = (other - 1) * n_learners + learner;
                        gram[at * n + theirs] -= precision * self.products[at * n + theirs];
                    }
                }
            }
        }
        let places = || (0..n).map(|at| (at / n_learners, at % n_learners));
        let start: Vec<f64> = places()
            .map(|(action, learner)| alone[action].of[learner] * self.sizes[action][learner])
            .collect();
        let strength = |(action, learner): (usize, usize)| {
            let room = FREEDOM * FREEDOM * alone[action].mean_square;
            if self.sizes[action][learner] > 1e-9 { room.recip() } else { f64::INFINITY }
        };
        let strengths: Vec<f64> = places().map(strength).collect();
        let weights = held(&gram, &with, &strengths, &start);
        for ((action, learner), weight) in places().zip(weights) {
            let size = self.sizes[action][learner];
            if size > 1e-9 {
                alone[action].of[learner] = weight / size;
            }
        }
        alone
    }
}
