//! Prices of the limited resources at which the bound is low.
//!
//! `D(λ)` has kinks; with `max(0, r_1, …)` replaced by `μ log(1 + Σ exp(r / μ))` it is smooth and still convex
//! (Nesterov, "Smooth minimization of non-smooth functions", 2005), so that Newton's method on the few prices
//! converges in a handful of steps, however strongly the resources hang together. μ falls from a hundred times
//! the usual gain to a hundredth of it; the first levels look at a sample of the accounts.

use super::Problem;

/// How far μ falls, in shares of the mean gain.
const SMOOTHING: [f64; 9] = [100.0, 30.0, 10.0, 3.0, 1.0, 0.3, 0.1, 0.03, 0.01];
/// The levels of smoothing that look at every account; the others look at a sample.
const FULL_LEVELS: usize = 2;
/// What is added to the diagonal, in shares of it, until a step brings the value down (Marquardt 1963).
const RIDGES: [f64; 4] = [1e-6, 1e-2, 1.0, 100.0];
const SAMPLE: usize = 8_192;

/// A price for each limit, 0 where there is none.
pub(super) fn find(problem: &Problem) -> Vec<f64> {
    let mut prices = vec![0.0; problem.limits.len()];
    let mean =
        problem.offers.iter().map(|offer| offer.gain).sum::<f64>() / problem.offers.len().max(1) as f64;
    let sample = sample(problem);
    for (level, share) in SMOOTHING.iter().enumerate() {
        let full = level + FULL_LEVELS >= SMOOTHING.len();
        minimise(if full { problem } else { &sample }, share * mean, &mut prices);
    }
    prices
}

/// Accounts at equal steps with their share of the limits.
fn sample(problem: &Problem) -> Problem {
    let step = problem.n_accounts().div_ceil(SAMPLE).max(1);
    let mut sample = problem.without_offers();
    for account in (0..problem.n_accounts()).step_by(step) {
        sample.offers.extend_from_slice(&problem.offers[problem.of(account)]);
        sample.starts.push(sample.offers.len());
    }
    let share = sample.n_accounts() as f64 / problem.n_accounts().max(1) as f64;
    sample.limits = problem.limits.iter().map(|limit| limit * share).collect();
    sample
}

/// Projected Newton steps at one level of smoothing.
fn minimise(problem: &Problem, smoothing: f64, prices: &mut Vec<f64>) {
    let mut here = Smooth::at(problem, smoothing, prices);
    for _ in 0..40 {
        let next = RIDGES.iter().find_map(|ridge| {
            let step = here.newton_step(prices, &problem.limits, *ridge);
            descend(problem, smoothing, prices, &step, here.value)
        });
        let Some((next, there)) = next else { return };
        let fell = here.value - there.value;
        (*prices, here) = (next, there);
        if fell <= 1e-7 * here.value.abs() {
            return;
        }
    }
}

/// The longest of ever shorter steps that brings the value down.
fn descend(
    problem: &Problem,
    smoothing: f64,
    prices: &[f64],
    step: &[f64],
    value: f64,
) -> Option<(Vec<f64>, Smooth)> {
    (0..8).find_map(|halvings| {
        let share = 0.5_f64.powi(halvings);
        let next: Vec<f64> = prices.iter().zip(step).map(|(price, s)| (price + share * s).max(0.0)).collect();
        let there = Smooth::at(problem, smoothing, &next);
        (there.value < value).then_some((next, there))
    })
}

/// The smoothed bound with its first and second derivatives by price.
struct Smooth {
    value: f64,
    /// `k` long: what is left of each resource.
    gradient: Vec<f64>,
    /// `k × k`, row-major.
    hessian: Vec<f64>,
}

impl Smooth {
    fn at(problem: &Problem, smoothing: f64, prices: &[f64]) -> Self {
        let k = prices.len();
        let finite = |limit: &f64| if limit.is_finite() { *limit } else { 0.0 };
        let gradient: Vec<f64> = problem.limits.iter().map(finite).collect();
        let value = gradient.iter().zip(prices).map(|(limit, price)| limit * price).sum();
        let mut smooth = Smooth { value, gradient, hessian: vec![0.0; k * k] };
        let (mut mean_use, costs) = (vec![0.0; k], problem.costs(prices));
        let mut weights = Vec::new();
        for account in 0..problem.n_accounts() {
            weights.clear();
            weights.extend(problem.of(account).map(|offer| problem.reduced(offer, &costs) / smoothing));
            smooth.value += smoothing * soften(&mut weights);
            smooth.add(problem, account, &weights, smoothing, &mut mean_use);
        }
        smooth
    }

    /// Adds one account, whose offers are taken with these probabilities.
    fn add(
        &mut self,
        problem: &Problem,
        account: usize,
        weights: &[f64],
        smoothing: f64,
        mean_use: &mut [f64],
    ) {
        let k = mean_use.len();
        mean_use.fill(0.0);
        for (offer, weight) in problem.of(account).zip(weights).filter(|(_, weight)| **weight > 1e-9) {
            let uses = problem.uses(offer);
            for &(resource, units) in uses {
                mean_use[resource] += weight * units;
                for &(other, more) in uses {
                    self.hessian[resource * k + other] += weight * units * more / smoothing;
                }
            }
        }
        for a in (0..k).filter(|a| mean_use[*a] != 0.0) {
            self.gradient[a] -= mean_use[a];
            for b in 0..k {
                self.hessian[a * k + b] -= mean_use[a] * mean_use[b] / smoothing;
            }
        }
    }

    /// The step that Newton's method takes with the prices that may move: those of limited resources that are
    /// above 0 or whose resource falls short.
    fn newton_step(&self, prices: &[f64], limits: &[f64], ridge: f64) -> Vec<f64> {
        let k = prices.len();
        let moves = |at: &usize| limits[*at].is_finite() && (prices[*at] > 0.0 || self.gradient[*at] < 0.0);
        let free: Vec<usize> = (0..k).filter(moves).collect();
        let mut system: Vec<Vec<f64>> = free
            .iter()
            .map(|row| {
                let raised = |column: &usize| if column == row { 1.0 + ridge } else { 1.0 };
                let of_row = free.iter().map(|column| self.hessian[row * k + column] * raised(column));
                of_row.chain([-self.gradient[*row]]).collect()
            })
            .collect();
        let mut step = vec![0.0; k];
        // No price falls below 0; bounded before it is shortened, or a step from a flat place stays too long.
        free.iter().zip(eliminate(&mut system)).for_each(|(at, moved)| step[*at] = moved.max(-prices[*at]));
        step
    }
}

/// Turns log weights into probabilities beside an option of log weight 0; returns the log of their sum.
fn soften(weights: &mut [f64]) -> f64 {
    let top = weights.iter().copied().fold(0.0, f64::max);
    weights.iter_mut().for_each(|weight| *weight = (*weight - top).exp());
    let sum = weights.iter().sum::<f64>() + (-top).exp();
    weights.iter_mut().for_each(|weight| *weight /= sum);
    top + sum.ln()
}

/// Solves a small symmetric system by Gaussian elimination with pivots; `rows` are `m × (m + 1)`. What has no
/// pivot does not move.
fn eliminate(rows: &mut [Vec<f64>]) -> Vec<f64> {
    let m = rows.len();
    for at in 0..m {
        let pivot = (at..m).max_by(|a, b| rows[*a][at].abs().total_cmp(&rows[*b][at].abs())).unwrap_or(at);
        rows.swap(at, pivot);
        let (above, below) = rows.split_at_mut(at + 1);
        let pivot_row = &above[at];
        for row in below.iter_mut().filter(|_| pivot_row[at] != 0.0) {
            let factor = row[at] / pivot_row[at];
            row.iter_mut().zip(pivot_row).for_each(|(value, of_pivot)| *value -= factor * of_pivot);
        }
    }
    let mut solved = vec![0.0; m];
    for at in (0..m).rev() {
        let known: f64 = (at + 1..m).map(|other| rows[at][other] * solved[other]).sum();
        solved[at] = if rows[at][at] == 0.0 { 0.0 } else { (rows[at][m] - known) / rows[at][at] };
    }
    solved
}

#[cfg(test)]
mod tests {
    use super::super::Offer;
    use super::*;

    #[test]
    fn elimination_solves() {
        let mut rows = vec![vec![0.0, 2.0, 4.0], vec![3.0, 1.0, 5.0]];
        assert_eq!(eliminate(&mut rows), [1.0, 2.0]);
    }

    #[test]
    fn derivatives_agree_with_central_differences() {
        let offer = |gain, kind| Offer { gain, kind };
        let problem = Problem {
            starts: vec![0, 2, 3],
            offers: vec![offer(3.0, 0), offer(2.0, 1), offer(1.0, 2)],
            kinds: vec![vec![(0, 1.0), (1, 0.5)], vec![(0, 0.2)], vec![(0, 0.7), (1, 2.0)]],
            limits: vec![1.0, 2.0],
        };
        let at = |a: f64, b: f64| Smooth::at(&problem, 0.4, &[a, b]);
        let (here, h) = (at(0.8, 0.3), 1e-5);
        let difference = [
            at(0.8 + h, 0.3).value - at(0.8 - h, 0.3).value,
            at(0.8, 0.3 + h).value - at(0.8, 0.3 - h).value,
        ];
        for (gradient, difference) in here.gradient.iter().zip(difference) {
            assert!((gradient - difference / (2.0 * h)).abs() < 1e-8);
        }
        let second = (at(0.8, 0.3 + h).gradient[0] - at(0.8, 0.3 - h).gradient[0]) / (2.0 * h);
        assert!((here.hessian[1] - second).abs() < 1e-8);
    }
}
