//! How much of each learner's differences to believe, by doubly robust scores of rows that it did not see.
//!
//! Scores count as exactly as they tell. First, how far accounts differ at all: the scores' slopes on each learner and on their average (all at deviation 1),
//! with what is thought of them beforehand: that accounts do not differ ([`SAME`]), or that they deviate by about
//! [`DEVIATION`] of the outcome's deviation. Then the weights: those that bring the sum nearest to the scores, none negative, held towards
//! what is believed of each alone (Breiman 1996, with a ridge). Last, the slope of the scores on that sum, again with
//! what is thought of it. Picking one learner is picking noise: effects are small, and learners mostly agree.

use super::data::variance;
use crate::metric::distribution::normal_below;

/// Chance, beforehand, that the effect is the same for all.
const SAME: f64 = 0.3;
/// How far effects deviate between accounts if they do, in deviations of the outcome. Outcomes of 10 % deviate by 30
/// points: effects by some 4.
const DEVIATION: f64 = 0.15;
/// What part of the evidence counts between learners (Leung & Barron 2006 take a half).
const CAUTION: f64 = 0.25;
/// How far a weight may be from what is believed of its learner alone, in deviations of the differences.
const FREEDOM: f64 = 0.5;

/// What was found of one action.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Weights {
    /// What each learner's differences count: the estimate is their weighed sum.
    pub of: Vec<f64>,
    /// Chance that accounts differ, 0 to 1.
    pub differ: f64,
    /// How far effects are thought to deviate between accounts, a mean square.
    pub mean_square: f64,
    /// Variance of the scores at precision 1.
    pub noise: f64,
}

/// `differences` by learner; `scores` doubly robust; `precisions` how exact these are, mean 1; `deviation` that of the
/// outcome.
pub(super) fn weigh(differences: &[&[f64]], scores: &[f64], precisions: &[f64], deviation: f64) -> Weights {
    let by_precision = |values: &[f64]| centred(values, precisions);
    let plain: f64 = differences.iter().map(|d| variance(d)).sum();
    let differences: Vec<Vec<f64>> = differences.iter().map(|d| by_precision(d)).collect();
    let sizes: Vec<f64> = differences.iter().map(|d| (dot(d, d) / d.len().max(1) as f64).sqrt()).collect();
    // Effects deviate further over all rows than over those that tell of them most exactly, or less far.
    let wider = (plain / sizes.iter().map(|size| size * size).sum::<f64>()).clamp(0.25, 4.0);
    let used: Vec<usize> = (0..sizes.len()).filter(|&at| sizes[at] > 1e-9).collect();
    let mut none = Weights { of: vec![0.0; sizes.len()], differ: 0.0, mean_square: 0.0, noise: 0.0 };
    let beyond = by_precision(scores);
    let noise = dot(&beyond, &beyond) / scores.len().max(1) as f64;
    none.noise = noise;
    if used.is_empty() || noise <= 0.0 {
        return none;
    }
    // Each at deviation 1.
    let product = |a: usize, b: usize| dot(&differences[a], &differences[b]) / (sizes[a] * sizes[b]);
    let n = used.len();
    let gram: Vec<f64> =
        used.iter().flat_map(|&a| used.iter().map(move |&b| (a, b))).map(|(a, b)| product(a, b)).collect();
    let with: Vec<f64> = used.iter().map(|&at| dot(&differences[at], &beyond) / sizes[at]).collect();

    let known = Known { gram, with, noise, n_rows: scores.len() as f64 };
    let first = known.first(n, DEVIATION * deviation);
    none.mean_square = wider * first.mean_square;
    if first.mean_square <= 0.0 {
        return none;
    }
    let strength = noise / (FREEDOM * FREEDOM * first.mean_square);
    let weights = held(&known.gram, &known.with, &vec![strength; n], &first.weights);
    let squares = square(&weights, &known.gram) / known.n_rows;
    if squares <= 0.0 {
        return none;
    }
    let second = known.slope(&weights).believed(1.0);
    // The weights were chosen by the same scores: that accounts differ is no surer than it was before.
    let differ = chance(second.log_ratio).min(first.differ);
    for (&at, weight) in used.iter().zip(weights) {
        none.of[at] = differ * second.mean * weight / sizes[at];
    }
    let mean_square = none.mean_square.max(wider * differ * second.mean_square * squares);
    Weights { differ, mean_square, ..none }
}

/// Less their mean and times the root of their weight, so that plain products of these are weighed ones.
pub(super) fn centred(values: &[f64], weights: &[f64]) -> Vec<f64> {
    let mean = dot(values, weights) / weights.iter().sum::<f64>();
    values.iter().zip(weights).map(|(value, weight)| (value - mean) * weight.sqrt()).collect()
}

/// What learners and scores have in common: sums of products of learners at deviation 1, and with the scores.
struct Known {
    gram: Vec<f64>,
    with: Vec<f64>,
    noise: f64,
    n_rows: f64,
}

/// What is believed before learners are weighed against one another.
struct First {
    /// Chance that accounts differ.
    differ: f64,
    weights: Vec<f64>,
    mean_square: f64,
}

impl Known {
    fn slope(&self, weights: &[f64]) -> Slope {
        let squares = square(weights, &self.gram);
        Slope { value: dot(weights, &self.with) / squares, error: (self.noise / squares).sqrt() }
    }

    /// Over what may be so if accounts differ, each thought as likely beforehand: as one of the `n` learners says, or as
    /// all say on average; `deviation` is how far accounts are then thought to differ.
    fn first(&self, n: usize, deviation: f64) -> First {
        let one = |of: usize| (0..n).map(|at| f64::from(u8::from(at == of))).collect::<Vec<f64>>();
        let ways: Vec<Vec<f64>> = std::iter::once(vec![1.0 / n as f64; n]).chain((0..n).map(one)).collect();
        let size = |way: &[f64]| (square(way, &self.gram) / self.n_rows).sqrt().max(1e-9);
        let beliefs: Vec<Belief> =
            ways.iter().map(|way| self.slope(way).believed(deviation / size(way))).collect();
        let largest = beliefs.iter().map(|belief| belief.log_ratio).fold(f64::NEG_INFINITY, f64::max);
        let mut first = First { differ: 0.0, weights: vec![0.0; n], mean_square: 0.0 };
        if largest == f64::NEG_INFINITY {
            return first;
        }
        let sum: f64 = beliefs.iter().map(|belief| (belief.log_ratio - largest).exp()).sum();
        first.differ = chance(largest + (sum / ways.len() as f64).ln());
        // Among themselves by a part of the evidence only, so that none is trusted by luck; the average is worth all.
        let prior = |at: usize| if at == 0 { n as f64 } else { 1.0 };
        let odd = |(at, belief): (usize, &Belief)| prior(at) * (CAUTION * (belief.log_ratio - largest)).exp();
        let odds: Vec<f64> = beliefs.iter().enumerate().map(odd).collect();
        let total: f64 = odds.iter().sum();
        for ((way, belief), odds) in ways.iter().zip(&beliefs).zip(odds) {
            let share = first.differ * odds / total;
            first.weights.iter_mut().zip(way).for_each(|(sum, weight)| *sum += share * belief.mean * weight);
            first.mean_square += share * belief.mean_square * size(way).powi(2);
        }
        first
    }
}

/// The chance that accounts differ, by the log ratio of the densities if they do and if they do not.
fn chance(log_ratio: f64) -> f64 {
    1.0 / (1.0 + SAME / (1.0 - SAME) * (-log_ratio).exp())
}

/// Minimises `½ w'Gw − b'w + ½ Σ strengthᵢ (wᵢ − startᵢ)²` over `w ≥ 0`, coordinate by coordinate. Where a strength is
/// infinite, the weight stays.
pub(super) fn held(gram: &[f64], with: &[f64], strengths: &[f64], start: &[f64]) -> Vec<f64> {
    let n = with.len();
    let mut weights = start.to_vec();
    for _ in 0..2000 {
        let mut moved = 0.0f64;
        for at in (0..n).filter(|&at| strengths[at].is_finite()) {
            let (row, strength) = (&gram[at * n..][..n], strengths[at]);
            let others = dot(row, &weights) - row[at] * weights[at];
            let best = (with[at] - others + strength * start[at]) / (row[at] + strength);
            moved = moved.max((best.max(0.0) - weights[at]).abs());
            weights[at] = best.max(0.0);
        }
        if moved < 1e-12 {
            break;
        }
    }
    weights
}

/// The slope of the scores on something, with its standard error.
struct Slope {
    value: f64,
    error: f64,
}

/// What is believed of a slope if it is positive.
struct Belief {
    /// Of the densities of what was found if it is and if it is 0.
    log_ratio: f64,
    mean: f64,
    mean_square: f64,
}

impl Slope {
    /// Beforehand it is the upper half of a normal of `deviation` around 0.
    fn believed(&self, deviation: f64) -> Belief {
        let Slope { value, error } = *self;
        let nothing = Belief { log_ratio: f64::NEG_INFINITY, mean: 0.0, mean_square: 0.0 };
        let total = error * error + deviation * deviation;
        if !(value.is_finite() && error.is_finite() && error > 0.0 && total.is_finite()) {
            return nothing;
        }
        let (centre, spread) = (value * deviation * deviation / total, deviation * error / total.sqrt());
        let a = centre / spread;
        if a.is_nan() || a < -8.0 {
            return nothing;
        }
        let above = normal_below(a);
        let log_ratio = (2.0 * above).ln()
            + (error / total.sqrt()).ln()
            + 0.5 * value * value * (1.0 / (error * error) - 1.0 / total);
        if !(log_ratio.is_finite()) {
            return nothing;
        }
        let mills = (-0.5 * a * a).exp() / ((2.0 * std::f64::consts::PI).sqrt() * above);
        Belief {
            log_ratio,
            mean: centre + spread * mills,
            mean_square: centre * centre + spread * spread + centre * spread * mills,
        }
    }
}

pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn square(weights: &[f64], gram: &[f64]) -> f64 {
    let row = |(weight, row): (&f64, &[f64])| weight * dot(row, weights);
    weights.iter().zip(gram.chunks_exact(weights.len())).map(row).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two learners that are right in part, one that knows nothing; `strength` of the truth beside the noise.
    fn found(strength: f64) -> Weights {
        let n = 4_000;
        let wave = |row: usize, step: usize| ((row * step) % 97) as f64 / 48.0 - 1.0;
        let truth: Vec<f64> = (0..n).map(|row| wave(row, 13) + wave(row, 31)).collect();
        let parts = [13, 31, 57].map(|step| (0..n).map(|row| 0.02 * wave(row, step)).collect::<Vec<f64>>());
        let noise = |row: usize| if (row / 97).is_multiple_of(2) { 0.5 } else { -0.5 };
        let scores: Vec<f64> = (0..n).map(|row| 0.1 + strength * truth[row] + noise(row)).collect();
        weigh(&[&parts[0], &parts[1], &parts[2]], &scores, &vec![1.0; n], 0.4)
    }

    #[test]
    fn what_is_right_is_taken_at_its_size_and_what_knows_nothing_left_out() {
        let Weights { of, differ, mean_square, .. } = found(0.06);
        assert!(differ > 0.99, "{differ}");
        assert!((2.5..3.3).contains(&of[0]) && (2.5..3.3).contains(&of[1]) && of[2] < 0.3, "{of:?}");
        let right = 0.06f64.powi(2) * 2.0 / 3.0;
        assert!((0.8 * right..1.3 * right).contains(&mean_square), "{mean_square} {right}");
    }

    #[test]
    fn where_nothing_differs_next_to_nothing_is_believed() {
        let Weights { of, differ, mean_square, .. } = found(0.0);
        assert!(differ < 0.75 && of.iter().all(|weight| *weight < 0.4), "{of:?} {differ}");
        assert!(mean_square.sqrt() < 0.02, "{mean_square}");
        let flat = weigh(&[&[0.0; 8]], &[0.1, 0.2, 0.3, 0.1, 0.2, 0.3, 0.1, 0.2], &[1.0; 8], 0.4);
        assert_eq!((flat.of, flat.differ, flat.mean_square), (vec![0.0], 0.0, 0.0));
        let same = weigh(&[&[-1.0, 1.0]], &[0.1, 0.1], &[1.0; 2], 0.4);
        assert_eq!(same.of, [0.0]);
    }

    #[test]
    fn a_slope_that_is_sure_is_believed_and_one_against_is_not() {
        let believed = |value: f64, error: f64| Slope { value, error }.believed(1.0);
        let sure = believed(0.9, 0.01);
        assert!((sure.mean - 0.9).abs() < 1e-3 && chance(sure.log_ratio) > 0.999);
        assert!((sure.mean_square - 0.81).abs() < 2e-3);
        let against = believed(-0.9, 0.01);
        assert!(against.mean == 0.0 && chance(against.log_ratio) == 0.0);
        let open = believed(0.0, 10.0);
        assert!((0.6..0.75).contains(&chance(open.log_ratio)) && (0.9..1.1).contains(&open.mean_square));
        assert!(believed(1e200, 1e-200).mean.is_finite() && believed(1e9, 1e-9).mean.is_finite());
    }

    #[test]
    fn what_one_learner_of_many_sees_is_found() {
        let n = 4_000;
        let wave = |row: usize, step: usize| ((row * step) % 97) as f64 / 48.0 - 1.0;
        let parts: Vec<Vec<f64>> =
            [13, 31, 57, 41, 7, 23].map(|step| (0..n).map(|row| 0.02 * wave(row, step)).collect()).to_vec();
        let noise = |row: usize| if (row / 97).is_multiple_of(2) { 0.5 } else { -0.5 };
        let scores: Vec<f64> = (0..n).map(|row| 0.1 + 0.06 * wave(row, 13) + noise(row)).collect();
        let views: Vec<&[f64]> = parts.iter().map(Vec::as_slice).collect();
        let Weights { of, differ, .. } = weigh(&views, &scores, &vec![1.0; n], 0.4);
        assert!(differ > 0.9 && of[0] > 1.8 && of[1..].iter().all(|weight| *weight < 0.6), "{of:?} {differ}");
    }
}
