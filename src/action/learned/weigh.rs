//! How much of each learner's differences to believe, by doubly robust scores of rows that it did not see.
//!
//! Scores of single rows are mostly noise: they can tell whether accounts differ at all, and whether trees see much that
//! regressions do not; not much more. So three ways are held to be possible beforehand, each with what it thinks of how often
//! a learner's differences count, and the scores say how likely each is:
//!
//! - the same for all: nothing counts;
//! - as the regressions say: these were held to what outcomes show, so they count about once; beside them trees a little;
//! - as both say, in shares that the scores decide.
//!
//! With differences `D`, scores `s` (both centred, each row by how exactly its score tells), their noise `σ²` and
//! `w ~ N(m, diag(d²))` beforehand, `w` is normal afterwards and the way's evidence known (Bishop 2006, eq. 3.49 to 3.86).

use super::data::variance;

/// How often each learner's differences count: regressions, then trees.
struct Way {
    /// Chance, beforehand.
    chance: f64,
    mean: [f64; 2],
    deviation: [f64; 2],
}

/// By what choosing by the effects lost in simulated worlds (`python/benchmarks/uplift/worlds.py`). Weights that scores
/// decide more freely lose more there: to be the same for all is in the regressions already, and what scores add is mostly
/// noise. The last way is for differences that are strong and no lines.
const WAYS: [Way; 3] = [
    Way { chance: 0.15, mean: [0.0, 0.0], deviation: [0.0, 0.0] },
    Way { chance: 0.8, mean: [1.0, 0.3], deviation: [0.1, 0.1] },
    Way { chance: 0.05, mean: [0.5, 1.0], deviation: [0.5, 1.0] },
];

/// What was found of one action.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Weights {
    /// What each learner's differences count: the estimate is their weighed sum.
    pub of: [f64; 2],
    /// Chance that accounts differ, 0 to 1.
    pub differ: f64,
    /// How far effects are thought to deviate between accounts, a mean square.
    pub mean_square: f64,
    /// Variance of the scores at precision 1.
    pub noise: f64,
}

/// `differences` by learner; `scores` doubly robust; `precisions` how exact these are, mean 1.
pub(super) fn weigh(differences: [&[f64]; 2], scores: &[f64], precisions: &[f64]) -> Weights {
    let n = scores.len().max(1) as f64;
    let beyond = centred(scores, precisions);
    let noise = dot(&beyond, &beyond) / n;
    let plain: f64 = differences.iter().map(|of| variance(of)).sum();
    let differences = differences.map(|of| centred(of, precisions));
    let product = |a: usize, b: usize| dot(&differences[a], &differences[b]);
    let gram = [[product(0, 0), product(0, 1)], [product(0, 1), product(1, 1)]];
    let mut found = Weights { of: [0.0; 2], differ: 0.0, mean_square: 0.0, noise };
    let squares = (gram[0][0] + gram[1][1]) / n;
    if squares <= 1e-18 || noise <= 0.0 {
        return found;
    }
    let with = differences.each_ref().map(|of| dot(of, &beyond));
    let beliefs = WAYS.map(|way| way.believed(&gram, &with, noise));
    let most = beliefs.iter().map(|belief| belief.log_odds).fold(f64::NEG_INFINITY, f64::max);
    let total: f64 = beliefs.iter().map(|belief| (belief.log_odds - most).exp()).sum();
    for belief in &beliefs {
        let share = (belief.log_odds - most).exp() / total;
        found.of.iter_mut().zip(belief.mean).for_each(|(sum, weight)| *sum += share * weight);
        found.mean_square += share * belief.squares / n;
        found.differ += if belief.squares > 0.0 { share } else { 0.0 };
    }
    found.of = found.of.map(|weight| weight.max(0.0));
    // Effects deviate further over all rows than over those that tell of them most exactly, or less far.
    found.mean_square *= (plain / squares).clamp(0.25, 4.0);
    found
}

/// A way after the scores were seen.
struct Belief {
    log_odds: f64,
    mean: [f64; 2],
    /// Sum of squares of the weighed differences, as expected.
    squares: f64,
}

impl Way {
    fn believed(&self, gram: &[[f64; 2]; 2], with: &[f64; 2], noise: f64) -> Belief {
        let (mean, [d0, d1]) = (self.mean, self.deviation);
        let told = times(gram, &mean);
        // In deviations from what was thought beforehand: precision I + A, slope r.
        let a = [d0 * d0 * gram[0][0] / noise, d0 * d1 * gram[0][1] / noise, d1 * d1 * gram[1][1] / noise];
        let slope = [d0 * (with[0] - told[0]) / noise, d1 * (with[1] - told[1]) / noise];
        let determinant = (1.0 + a[0]) * (1.0 + a[2]) - a[1] * a[1];
        let covariance = [
            [(1.0 + a[2]) / determinant, -a[1] / determinant],
            [-a[1] / determinant, (1.0 + a[0]) / determinant],
        ];
        let moved = times(&covariance, &slope);
        let weights = [mean[0] + d0 * moved[0], mean[1] + d1 * moved[1]];
        let unsure =
            (a[0] * covariance[0][0] + 2.0 * a[1] * covariance[0][1] + a[2] * covariance[1][1]) * noise;
        let log_likely = (product(&mean, with) - 0.5 * product(&mean, &told)) / noise
            + 0.5 * product(&slope, &moved)
            - 0.5 * determinant.ln();
        Belief {
            log_odds: self.chance.ln() + log_likely,
            mean: weights,
            squares: product(&weights, &times(gram, &weights)) + unsure,
        }
    }
}

/// Less their mean and times the root of their weight, so that plain products of these are weighed ones.
fn centred(values: &[f64], weights: &[f64]) -> Vec<f64> {
    let mean = dot(values, weights) / weights.iter().sum::<f64>();
    values.iter().zip(weights).map(|(value, weight)| (value - mean) * weight.sqrt()).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn product(a: &[f64; 2], b: &[f64; 2]) -> f64 {
    a[0] * b[0] + a[1] * b[1]
}

fn times(matrix: &[[f64; 2]; 2], vector: &[f64; 2]) -> [f64; 2] {
    [product(&matrix[0], vector), product(&matrix[1], vector)]
}

#[cfg(test)]
mod tests {
    use super::*;

    const N: usize = 4_000;

    fn wave(row: usize, step: usize) -> f64 {
        ((row * step) % 97) as f64 / 48.0 - 1.0
    }

    /// Regressions see one wave, trees that and another; `truth` is how often each wave counts beside the noise.
    fn found(truth: [f64; 2]) -> Weights {
        let lines: Vec<f64> = (0..N).map(|row| 0.06 * wave(row, 13)).collect();
        let trees: Vec<f64> = (0..N).map(|row| 0.03 * (wave(row, 13) + wave(row, 31))).collect();
        let noise = |row: usize| if (row / 97).is_multiple_of(2) { 0.5 } else { -0.5 };
        let effect = |row: usize| 0.06 * (truth[0] * wave(row, 13) + truth[1] * wave(row, 31));
        let scores: Vec<f64> = (0..N).map(|row| 0.1 + effect(row) + noise(row)).collect();
        weigh([&lines, &trees], &scores, &[1.0; N])
    }

    #[test]
    fn what_regressions_say_is_taken_as_it_is_where_it_is_so() {
        let Weights { of, differ, mean_square, .. } = found([1.0, 0.0]);
        // The wave that both see counts about once, trees no more than they do beforehand.
        let both = of[0] + 0.5 * of[1];
        assert!(differ > 0.95 && (0.9..1.2).contains(&both) && of[1] < 0.3, "{of:?} {differ}");
        let right = 0.06f64.powi(2) / 3.0;
        assert!((0.7 * right..1.5 * right).contains(&mean_square), "{mean_square} {right}");
    }

    #[test]
    fn what_only_trees_see_is_found() {
        let Weights { of, differ, .. } = found([1.0, 2.0]);
        assert!(differ > 0.99 && of[1] > 2.0 && of[0] < 0.5, "{of:?} {differ}");
    }

    #[test]
    fn rows_whose_scores_are_mostly_noise_count_for_little() {
        let lines: Vec<f64> = (0..N).map(|row| 0.06 * wave(row, 13)).collect();
        // Every second row's score is wild, and by bad luck against what is so.
        let wild = |row: usize| row.is_multiple_of(2);
        let luck = |row: usize| if wild(row) { -20.0 * lines[row] } else { 0.0 };
        let noise = |row: usize| if (row / 97).is_multiple_of(2) { 0.2 } else { -0.2 };
        let scores: Vec<f64> = (0..N).map(|row| lines[row] + luck(row) + noise(row)).collect();
        let exact = |row: usize| if wild(row) { 0.02 } else { 1.98 };
        let weigh = |precisions: Vec<f64>| weigh([&lines, &[0.0; N]], &scores, &precisions);
        let (told, alike) = (weigh((0..N).map(exact).collect()), weigh(vec![1.0; N]));
        assert!(told.of[0] > 0.6 && alike.of[0] < 0.1, "{:?} {:?}", told.of, alike.of);
    }

    #[test]
    fn where_nothing_differs_next_to_nothing_is_believed() {
        let Weights { of, differ, mean_square, .. } = found([0.0, 0.0]);
        assert!(differ < 0.3 && of.iter().all(|weight| *weight < 0.2), "{of:?} {differ}");
        assert!(mean_square.sqrt() < 0.02, "{mean_square}");
        let flat = weigh([&[0.0; 8], &[0.0; 8]], &[0.1, 0.2, 0.3, 0.1, 0.2, 0.3, 0.1, 0.2], &[1.0; 8]);
        assert_eq!((flat.of, flat.differ, flat.mean_square), ([0.0; 2], 0.0, 0.0));
        let same = weigh([&[-1.0, 1.0], &[0.0; 2]], &[0.1, 0.1], &[1.0; 2]);
        assert_eq!(same.of, [0.0; 2]);
    }
}
