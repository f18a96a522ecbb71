//! How far off a calibrated probability may be, by how much the calibration was learned from.
//!
//! An interval is of the *rate among rows of that score*: of a hundred accounts of 30 %, how many will it come to? It is
//! not of one account's own probability, of which no method can give an interval that is both narrow and true without
//! assuming what it looks like (Barber 2020, "Is distribution-free inference possible for binary regression?").
//!
//! The calibration is a logistic regression of labels on ln p and −ln(1 − p) of scores of rows that the members had not
//! seen. Its curvature there says how much another draw of rows would have moved it (the Laplace approximation: MacKay
//! 1992, "The evidence framework applied to classification networks", eq. 8). Four broken lines stand beside the
//! curve's own three terms, since it may also be of the wrong shape; they widen the interval and do not move the
//! probability. What was measured against the alternatives is in the docs of [`Uncertainty`].

use serde::{Deserialize, Serialize};

use super::calibration::softplus;
use super::{BetaCalibration, open_probability, sigmoid};
use crate::error::{ErrorKind, Result};
use crate::metric::distribution::normal_quantile;

/// Shares of the scores at which the broken lines bend.
const BENDS: [f64; 4] = [0.2, 0.5, 0.8, 0.95];
/// One over the prior variance of a bend: slopes may well differ by 2.
const BEND_PRECISION: f64 = 0.25;
/// Terms of the curve: ln p, −ln(1 − p), 1, and the broken lines.
const N_TERMS: usize = 3 + BENDS.len();
/// Places between the least and the largest score at which the standard error is kept: by rank, and by distance.
const PLACES: [usize; 2] = [33, 17];
/// Places beyond either end, in log-odds.
const BEYOND: [f64; 6] = [0.5, 1.0, 2.0, 4.0, 8.0, 16.0];

/// The interval of a probability: of the rate among rows of that score, at the level that was asked for.
///
/// It comes from how well the calibration is known: few positives make it wide. Whether another model would tell the row
/// apart from its like, no interval of a score says. Why it is made this way, and how often it holds, is in
/// `src/model/interval.rs`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProbabilityInterval {
    /// 0 to the probability.
    pub lower: f64,
    /// From the probability to 1.
    pub upper: f64,
}

impl ProbabilityInterval {
    /// Where nothing could be left out, nothing is known.
    pub(crate) const UNKNOWN: Self = ProbabilityInterval { lower: 0.0, upper: 1.0 };
}

/// Standard error of a calibration's log-odds along the scores.
///
/// Measured, with a prototype of this in Python, on the eight tables of `python/benchmarks/accuracy`: a blend learned from 400, from 1,500 and from half of
/// the rows; of each tenth of the other half by score, is the share of positives within the 90 % interval of its rate
/// ([`RateInterval`])? 240 to 210 tenths each, three draws of rows.
///
/// | | 400 rows | 1,500 | half | mean width at 400 / half |
/// |---|---|---|---|---|
/// | chance alone | 65 % | 71 % | 80 % | 0 |
/// | Venn–Abers on all out-of-fold scores, p0 to p1 (Vovk & Petej 2014) | 83 % | 81 % | 85 % | .029 / .009 |
/// | the curve's three terms | 83 % | 82 % | 85 % | .063 / .026 |
/// | with four bends, as here | 91 % | 89 % | 87 % | .085 / .036 |
///
/// Simulated accounts with known probabilities, where chance does not hide it: 250 and 2,500 rows, two base rates; of
/// each fortieth by score, is the mean true probability within? Venn–Abers 32 % and 16 %: it bounds what one more label
/// would do to the score and not how far that is from the truth. 50 bootstraps of the curve 87 % and 70 %, its curvature
/// 90 % and 72 %: the same, for a hundredth of the time. With bends 98 % at 120 rows, 87 % at 500, 88 % at 2,500, 80 % at
/// 10,000, where what is left is that members of all rows are better than those that were calibrated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Uncertainty {
    /// Given log-odds, ascending.
    places: Vec<f64>,
    /// Standard error of the calibrated log-odds at each.
    standard_errors: Vec<f64>,
}

impl Uncertainty {
    /// From what the calibration was fitted on: out-of-fold log-odds and weights of `n` rows, of `n_accounts` accounts.
    ///
    /// Rows count for as many as their weights are worth (Kish) and at most for as many as there are accounts: what an
    /// account does at one date says much of what it does at the next.
    pub(crate) fn fit(
        calibration: &BetaCalibration,
        log_odds: &[f64],
        weights: Option<&[f64]>,
        n_accounts: usize,
    ) -> Self {
        let mut sorted = log_odds.to_vec();
        sorted.sort_by(f64::total_cmp);
        let terms = Terms { bends: BENDS.map(|share| quantile(&sorted, share)) };
        let information = information(calibration, &terms, log_odds, weights, n_accounts);
        let places = places(&sorted);
        let standard_error = |&place: &f64| terms.standard_error(&information, place);
        let standard_errors = places.iter().map(standard_error).collect();
        Uncertainty { places, standard_errors }
    }

    /// What is needed to give intervals of a level, such as 0.9, to many rows.
    ///
    /// # Errors
    /// A level that is not above 0 and below 1.
    pub(crate) fn at_level(&self, calibration: BetaCalibration, level: f64) -> Result<Ends<'_>> {
        check_level(level)?;
        let z = normal_quantile(0.5 + level / 2.0);
        let both = |sign: f64| -> Vec<f64> {
            let along = self.places.iter().zip(&self.standard_errors);
            along.map(|(&place, error)| calibration.apply(place) + sign * z * error).collect()
        };
        let (mut lower, mut upper) = (both(-1.0), both(1.0));
        // The curve rises, so what holds of a lower score holds of a higher one: ends that fall are drawn level.
        (1..lower.len()).for_each(|at| lower[at] = lower[at].max(lower[at - 1]));
        (1..upper.len()).rev().for_each(|at| upper[at - 1] = upper[at - 1].min(upper[at]));
        Ok(Ends { places: &self.places, lower, upper, calibration })
    }
}

/// A level is above 0 and below 1.
pub(crate) fn check_level(level: f64) -> Result<()> {
    if level > 0.0 && level < 1.0 {
        return Ok(());
    }
    let (value, expected) = (level.to_string(), "above 0 and below 1");
    Err(ErrorKind::Parameter { name: "level", value, expected }.into())
}

/// Both ends along the scores.
pub(crate) struct Ends<'a> {
    places: &'a [f64],
    lower: Vec<f64>,
    upper: Vec<f64>,
    calibration: BetaCalibration,
}

impl Ends<'_> {
    /// The interval at given (not calibrated) log-odds; the calibrated probability is within it. Both ends rise with
    /// the log-odds.
    pub(crate) fn at(&self, log_odds: f64) -> ProbabilityInterval {
        let calibrated = self.calibration.apply(log_odds);
        let after = self.places.partition_point(|&place| place <= log_odds);
        let end = |ends: &[f64]| match after {
            0 => ends[0],
            after if after == ends.len() => ends[after - 1],
            after => {
                let share =
                    (log_odds - self.places[after - 1]) / (self.places[after] - self.places[after - 1]);
                ends[after - 1] + share * (ends[after] - ends[after - 1])
            }
        };
        let lower = open_probability(end(&self.lower).min(calibrated));
        ProbabilityInterval { lower, upper: open_probability(end(&self.upper).max(calibrated)) }
    }
}

type Matrix = [[f64; N_TERMS]; N_TERMS];

/// The terms of which the calibrated log-odds are a weighted sum.
struct Terms {
    bends: [f64; BENDS.len()],
}

impl Terms {
    fn at(&self, log_odds: f64) -> [f64; N_TERMS] {
        let [a, b, c, d] = self.bends.map(|bend| (log_odds - bend).max(0.0));
        [-softplus(-log_odds), softplus(log_odds), 1.0, a, b, c, d]
    }

    /// √(x′ I⁻¹ x), by x′ I⁻¹ x = |L⁻¹ x|² for I = L L′.
    fn standard_error(&self, information: &Matrix, log_odds: f64) -> f64 {
        let (root, x) = (cholesky(information), self.at(log_odds));
        let mut solved = [0.0; N_TERMS];
        for i in 0..N_TERMS {
            let known: f64 = (0..i).map(|j| root[i][j] * solved[j]).sum();
            solved[i] = (x[i] - known) / root[i][i];
        }
        solved.iter().map(|part| part * part).sum::<f64>().sqrt()
    }
}

/// The curvature of the log loss, with a normal prior: of variance 1 on the calibration's own terms, as there.
fn information(
    calibration: &BetaCalibration,
    terms: &Terms,
    log_odds: &[f64],
    weights: Option<&[f64]>,
    n_accounts: usize,
) -> Matrix {
    let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
    let rows = || 0..log_odds.len();
    let sum: f64 = rows().map(weight).sum();
    // The largest is taken out first: squares of weights may be beyond any number.
    let largest = rows().map(weight).fold(f64::MIN_POSITIVE, f64::max);
    let squares: f64 = rows().map(|row| (weight(row) / largest).powi(2)).sum();
    let effective = ((sum / largest).powi(2) / squares).min(n_accounts as f64);
    let mut information = [[0.0; N_TERMS]; N_TERMS];
    (0..N_TERMS).for_each(|i| information[i][i] = if i < 3 { 1.0 } else { BEND_PRECISION });
    for (row, &log_odds) in log_odds.iter().enumerate() {
        let (x, p) = (terms.at(log_odds), sigmoid(calibration.apply(log_odds)));
        let curvature = effective * (weight(row) / sum) * p * (1.0 - p);
        for i in 0..N_TERMS {
            (0..=i).for_each(|j| information[i][j] += curvature * x[i] * x[j]);
        }
    }
    information
}

/// The lower triangle L with L L′ the given matrix, of which the lower triangle is read. Positive definite, for the
/// prior is on its diagonal; a pivot that rounding has taken away is the prior's least.
fn cholesky(matrix: &Matrix) -> Matrix {
    let mut root = [[0.0; N_TERMS]; N_TERMS];
    for i in 0..N_TERMS {
        for j in 0..=i {
            let known: f64 = (0..j).map(|k| root[i][k] * root[j][k]).sum();
            let rest = matrix[i][j] - known;
            root[i][j] = if i == j { rest.max(BEND_PRECISION).sqrt() } else { rest / root[j][j] };
        }
    }
    root
}

fn quantile(sorted: &[f64], share: f64) -> f64 {
    sorted[(share * (sorted.len() - 1) as f64).round() as usize]
}

fn places(sorted: &[f64]) -> Vec<f64> {
    let (least, largest) = (sorted[0], sorted[sorted.len() - 1]);
    let share = |at: usize, n: usize| at as f64 / (n - 1) as f64;
    let by_rank = (0..PLACES[0]).map(|at| quantile(sorted, share(at, PLACES[0])));
    let by_distance = (0..PLACES[1]).map(|at| least + share(at, PLACES[1]) * (largest - least));
    let beyond = BEYOND.iter().flat_map(|by| [least - by, largest + by]);
    let mut places: Vec<f64> = by_rank.chain(by_distance).chain(beyond).collect();
    places.sort_by(f64::total_cmp);
    places.dedup();
    places
}

/// The rate that is expected of a group of rows, and where it will lie.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RateInterval {
    /// Mean probability.
    pub rate: f64,
    /// 0 to the rate.
    pub lower: f64,
    /// From the rate to 1.
    pub upper: f64,
}

impl RateInterval {
    /// Of a group of `n` rows with their probabilities and the intervals of them, both at that level.
    ///
    /// Two things move the share that it comes to. The calibration may be off, for all rows alike: the mean distance to
    /// the rows' interval ends. And chance decides each row: a normal with variance Σ p (1 − p) / n². They are added as
    /// squares.
    ///
    /// # Errors
    /// No rows, lengths that differ, a level that is not above 0 and below 1.
    pub fn of(probabilities: &[f64], intervals: &[ProbabilityInterval], level: f64) -> Result<Self> {
        check_level(level)?;
        let n = probabilities.len();
        if n == 0 {
            let what = "the group whose rate is asked for".into();
            return Err(ErrorKind::NoRows { what, hint: "give at least one row" }.into());
        }
        if intervals.len() != n {
            let what = "number of intervals".into();
            return Err(ErrorKind::Shape { what, found: intervals.len(), expected: n }.into());
        }
        let mean = |of: &dyn Fn(usize) -> f64| (0..n).map(of).sum::<f64>() / n as f64;
        let rate = mean(&|row| probabilities[row]);
        let below = mean(&|row| probabilities[row] - intervals[row].lower);
        let above = mean(&|row| intervals[row].upper - probabilities[row]);
        let chance = normal_quantile(0.5 + level / 2.0)
            * (mean(&|row| probabilities[row] * (1.0 - probabilities[row])) / n as f64).sqrt();
        let (lower, upper) = ((rate - below.hypot(chance)).max(0.0), (rate + above.hypot(chance)).min(1.0));
        Ok(RateInterval { rate, lower, upper })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::{RngExt, SeedableRng};

    use super::*;

    /// Scores of `n` rows, labels of which the scores tell the truth.
    fn drawn(n: usize, seed: u64, shift: f64) -> (Vec<f64>, Vec<bool>) {
        let mut rng = rand::rngs::StdRng::seed_from_u64(seed);
        let scores: Vec<f64> = (0..n).map(|_| shift + rng.random_range(-2.5..2.5)).collect();
        let y = scores.iter().map(|&s| rng.random::<f64>() < sigmoid(s)).collect();
        (scores, y)
    }

    fn fitted(n: usize, seed: u64, shift: f64) -> (BetaCalibration, Uncertainty) {
        let (scores, y) = drawn(n, seed, shift);
        let calibration = BetaCalibration::fit(&scores, &y, None).unwrap();
        (calibration, Uncertainty::fit(&calibration, &scores, None, n))
    }

    #[test]
    fn the_truth_is_within_as_often_as_is_said() {
        for (n, level) in [(150, 0.9), (2_000, 0.9), (2_000, 0.5)] {
            let (mut within, mut asked) = (0, 0);
            for seed in 0..60 {
                let (calibration, uncertainty) = fitted(n, seed, -1.5);
                let ends = uncertainty.at_level(calibration, level).unwrap();
                for s in [-3.5, -2.5, -1.5, -0.5, 0.5] {
                    let interval = ends.at(s);
                    within += usize::from((interval.lower..=interval.upper).contains(&sigmoid(s)));
                    asked += 1;
                }
            }
            let share = f64::from(within as u32) / f64::from(asked);
            assert!(share >= level - 0.05, "{share} of {level} at {n} rows");
        }
    }

    #[test]
    fn few_positives_are_wide_and_many_rows_narrow() {
        let width = |n: usize, shift: f64| {
            let (calibration, uncertainty) = fitted(n, 1, shift);
            let interval = uncertainty.at_level(calibration, 0.9).unwrap().at(shift);
            (interval.upper - interval.lower) / sigmoid(calibration.apply(shift))
        };
        // Some 12 positives among 100 rows, 900 among 7,500, 6,000 among 50,000.
        let widths = [width(100, -2.2), width(7_500, -2.2), width(50_000, -2.2)];
        assert!(widths[0] > 1.0 && widths[1] < 0.4 && widths[2] < 0.2, "{widths:?}");
    }

    #[test]
    fn rows_of_one_account_and_uneven_weights_say_less() {
        let (scores, y) = drawn(2_000, 3, -1.0);
        let calibration = BetaCalibration::fit(&scores, &y, None).unwrap();
        let width = |weights: Option<&[f64]>, n_accounts: usize| {
            let uncertainty = Uncertainty::fit(&calibration, &scores, weights, n_accounts);
            let interval = uncertainty.at_level(calibration, 0.9).unwrap().at(-1.0);
            interval.upper - interval.lower
        };
        let all = width(None, 2_000);
        assert!(width(None, 200) > 1.5 * all);
        let uneven: Vec<f64> = (0..2_000).map(|row| if row % 10 == 0 { 1e90 } else { 1.0 }).collect();
        assert!(width(Some(&uneven), 2_000) > 1.5 * all);
        assert!((width(Some(&[1e-90; 2_000]), 2_000) - all).abs() < 1e-9);
    }

    #[test]
    fn a_group_of_rows_comes_to_a_rate_within() {
        let p = vec![0.2; 400];
        let sure = vec![ProbabilityInterval { lower: 0.2, upper: 0.2 }; 400];
        let rate = RateInterval::of(&p, &sure, 0.95).unwrap();
        let half = 1.96 * (0.2f64 * 0.8 / 400.0).sqrt();
        assert!((rate.rate - 0.2).abs() < 1e-12 && (rate.upper - 0.2 - half).abs() < 1e-3);
        let unsure = vec![ProbabilityInterval { lower: 0.1, upper: 0.4 }; 400];
        let wider = RateInterval::of(&p, &unsure, 0.95).unwrap();
        assert!(wider.lower < 0.1 && wider.upper > 0.4);
        let problems = [
            RateInterval::of(&[], &[], 0.9).unwrap_err().to_string(),
            RateInterval::of(&p, &sure[1..], 0.9).unwrap_err().to_string(),
            RateInterval::of(&p, &sure, 1.0).unwrap_err().to_string(),
        ];
        assert_eq!(
            problems,
            [
                "the group whose rate is asked for has no rows; give at least one row",
                "number of intervals: found 399, expected 400",
                "`level` is 1, expected above 0 and below 1",
            ]
        );
    }

    proptest! {
        #[test]
        fn ends_rise_with_the_score_and_hold_the_probability(
            n in 4usize..300, seed in 0u64..50, scale in 0.001f64..200.0, level in 0.01f64..0.999,
        ) {
            let (scores, mut y) = drawn(n, seed, 0.0);
            (y[0], y[1]) = (true, false);
            let scores: Vec<f64> = scores.iter().map(|s| s * scale).collect();
            let calibration = BetaCalibration::fit(&scores, &y, None).unwrap();
            let uncertainty = Uncertainty::fit(&calibration, &scores, None, n);
            let ends = uncertainty.at_level(calibration, level).unwrap();
            let mut before = ProbabilityInterval { lower: 0.0, upper: 0.0 };
            for at in -400..=400 {
                let s = f64::from(at) * 0.01 * scale.max(1.0);
                let (interval, p) = (ends.at(s), open_probability(calibration.apply(s)));
                prop_assert!(0.0 < interval.lower && interval.lower <= p && p <= interval.upper && interval.upper < 1.0);
                prop_assert!(interval.lower >= before.lower && interval.upper >= before.upper, "{at}");
                before = interval;
            }
        }
    }
}
