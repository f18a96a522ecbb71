//! Beta calibration: honest probabilities from the scores of a model on rows it has not seen.

use serde::{Deserialize, Serialize};

use super::Contributions;
use crate::error::{ErrorKind, Result};

/// Effective rows of the rarer class from which a slope is fitted.
const ROWS_FOR_SLOPE: f64 = 20.0;
/// Effective rows of the rarer class from which the two tails are fitted apart.
const ROWS_FOR_TAILS: f64 = 60.0;
/// Below this distance of log-odds from base the slope of the curve is taken in place of the secant.
const SECANT_LIMIT: f64 = 1e-4;

/// A monotone map of log-odds to calibrated log-odds: `logit(p′) = a ln p − b ln(1 − p) + c` with a, b > 0.
///
/// Kull, Silva Filho & Flach 2017, "Beta calibration", eq. 5. Fitted on scores of rows that the model was not trained on.
/// With log-odds s it reads `−a softplus(−s) + b softplus(s) + c`, which is safe at any s: the curve is a line of
/// slope a far below 0 and of slope b far above.
///
/// ```
/// use keepwell::model::BetaCalibration;
/// // Scores that are twice as sure as they should be.
/// let log_odds: Vec<f64> = (0..4000).map(|row| f64::from(row % 40 - 20) / 5.0).collect();
/// let y: Vec<bool> = log_odds
///     .iter()
///     .enumerate()
///     .map(|(row, s)| (row / 40) as f64 / 100.0 < 1.0 / (1.0 + (-s / 2.0).exp()))
///     .collect();
/// let calibration = BetaCalibration::fit(&log_odds, &y, None)?;
/// assert!((calibration.apply(3.0) - 1.5).abs() < 0.1);
/// # Ok::<(), keepwell::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BetaCalibration {
    a: f64,
    b: f64,
    c: f64,
}

impl Default for BetaCalibration {
    fn default() -> Self {
        Self::identity()
    }
}

impl BetaCalibration {
    /// The map that changes nothing: a = b = 1, c = 0.
    pub fn identity() -> Self {
        BetaCalibration { a: 1.0, b: 1.0, c: 0.0 }
    }

    /// Fits a, b, c to out-of-fold log-odds of `n` rows by (weighted) log loss.
    ///
    /// A weak prior (one pseudo-row's worth of curvature around the identity) keeps it finite on separable scores.
    /// Where a or b would not be above 0, or the rarer class has fewer than 60 effective rows (Kish), one slope a = b
    /// is fitted; where that would not be above 0, or below 20 rows, it is the identity.
    ///
    /// # Errors
    /// Lengths that differ, no rows, one class only, log-odds or weights that are not finite, a negative weight.
    pub fn fit(log_odds: &[f64], y: &[bool], weights: Option<&[f64]>) -> Result<Self> {
        check(log_odds, y, weights)?;
        let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
        let scale = y.len() as f64 / (0..y.len()).map(weight).sum::<f64>();
        let rows: Vec<Row> = (0..y.len())
            .filter(|&row| weight(row) > 0.0)
            .map(|row| Row {
                low: -softplus(-log_odds[row]),
                high: softplus(log_odds[row]),
                y: f64::from(u8::from(y[row])),
                weight: weight(row) * scale,
            })
            .collect();
        let n_rarer = effective_rows(&rows, 0.0).min(effective_rows(&rows, 1.0));
        let both = || (n_rarer >= ROWS_FOR_TAILS).then(|| fit_tails(&rows)).flatten();
        let slope = || (n_rarer >= ROWS_FOR_SLOPE).then(|| fit_slope(&rows)).flatten();
        Ok(both().or_else(slope).unwrap_or_default())
    }

    /// Slope of calibrated against given log-odds far below 0.
    pub fn a(&self) -> f64 {
        self.a
    }

    /// Slope of calibrated against given log-odds far above 0.
    pub fn b(&self) -> f64 {
        self.b
    }

    /// Shift of the log-odds.
    pub fn c(&self) -> f64 {
        self.c
    }

    /// Calibrated log-odds. Strictly increasing, finite for any finite input.
    pub fn apply(&self, log_odds: f64) -> f64 {
        self.b * softplus(log_odds) - self.a * softplus(-log_odds) + self.c
    }

    /// Slope of [`apply`](Self::apply) at a point.
    pub fn slope(&self, log_odds: f64) -> f64 {
        let p = super::sigmoid(log_odds);
        self.a * (1.0 - p) + self.b * p
    }

    /// Turns contributions to given log-odds into contributions to calibrated log-odds.
    ///
    /// Each is multiplied by `(g(raw) − g(base)) / (raw − base)`, the rescale rule of DeepLIFT (Shrikumar, Greenside &
    /// Kundaje 2017, eq. 2 and 8), so that new base + sum is the calibrated log-odds as exactly as base + sum was the
    /// given one. `raw` holds the given log-odds, one a row.
    ///
    /// # Errors
    /// `raw` of another length than the contributions have rows.
    pub fn rescale(&self, contributions: &mut Contributions, raw: &[f64]) -> Result<()> {
        let n_rows = contributions.values.len() / contributions.n_features.max(1);
        if raw.len() != n_rows && contributions.n_features > 0 {
            let what = "log-odds to rescale by".into();
            return Err(ErrorKind::Shape { what, found: raw.len(), expected: n_rows }.into());
        }
        let base = contributions.base;
        for (row, raw) in contributions.values.chunks_exact_mut(contributions.n_features.max(1)).zip(raw) {
            let factor = self.secant(base, *raw);
            row.iter_mut().for_each(|value| *value *= factor);
        }
        contributions.base = self.apply(base);
        Ok(())
    }

    /// What contributions to given log-odds have to be multiplied by: the mean slope between base and them.
    pub fn secant(&self, base: f64, raw: f64) -> f64 {
        let distance = raw - base;
        if distance.abs() < SECANT_LIMIT {
            return self.slope(base + distance / 2.0);
        }
        (self.apply(raw) - self.apply(base)) / distance
    }
}

/// `ln(1 + eˣ)`, safe at any x.
pub(super) fn softplus(x: f64) -> f64 {
    (-x.abs()).exp().ln_1p() + x.max(0.0)
}

/// One row as the fit reads it.
struct Row {
    /// ln p.
    low: f64,
    /// −ln(1 − p).
    high: f64,
    y: f64,
    weight: f64,
}

fn check(log_odds: &[f64], y: &[bool], weights: Option<&[f64]>) -> Result<()> {
    if let Some(row) = log_odds.iter().position(|s| !s.is_finite()) {
        let (what, value) = ("log-odds to calibrate".into(), log_odds[row]);
        return Err(ErrorKind::Number { what, row: row + 1, value, expected: "a finite number" }.into());
    }
    crate::metric::roc_auc(y, log_odds, weights).map(|_| ())
}

/// Kish's effective number of rows of a class: (Σw)² / Σw².
fn effective_rows(rows: &[Row], class: f64) -> f64 {
    let of_class = || rows.iter().filter(|row| row.y == class).map(|row| row.weight);
    of_class().sum::<f64>().powi(2) / of_class().map(|weight| weight * weight).sum::<f64>()
}

fn fit_tails(rows: &[Row]) -> Option<BetaCalibration> {
    let [a, b, c] = newton(rows, [1.0, 1.0, 0.0], |row| [row.low, row.high, 1.0])?;
    (a > 0.0 && b > 0.0).then_some(BetaCalibration { a, b, c })
}

fn fit_slope(rows: &[Row]) -> Option<BetaCalibration> {
    let [a, c, _] = newton(rows, [1.0, 0.0, 0.0], |row| [row.low + row.high, 1.0, 0.0])?;
    (a > 0.0).then_some(BetaCalibration { a, b: a, c })
}

/// Penalised logistic regression on three inputs by damped Newton steps: the prior is a normal of variance 1 around
/// `prior`. `None` if it does not settle.
fn newton(rows: &[Row], prior: [f64; 3], inputs: impl Fn(&Row) -> [f64; 3]) -> Option<[f64; 3]> {
    let mut theta = prior;
    let mut loss = objective(rows, theta, prior, &inputs);
    for _ in 0..100 {
        let (gradient, hessian) = derivatives(rows, theta, prior, &inputs);
        let step = solve3(hessian, gradient)?;
        let mut length = 1.0;
        let mut tried = moved(theta, step, length);
        let mut after = objective(rows, tried, prior, &inputs);
        while after > loss && length > 1e-8 {
            length *= 0.5;
            tried = moved(theta, step, length);
            after = objective(rows, tried, prior, &inputs);
        }
        let small = step.iter().all(|step| step.abs() < 1e-9);
        if after <= loss {
            (theta, loss) = (tried, after);
        }
        if small || length <= 1e-8 {
            return theta.iter().all(|value| value.is_finite()).then_some(theta);
        }
    }
    None
}

fn moved(theta: [f64; 3], step: [f64; 3], length: f64) -> [f64; 3] {
    std::array::from_fn(|k| theta[k] - length * step[k])
}

fn inner(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn objective(rows: &[Row], theta: [f64; 3], prior: [f64; 3], inputs: impl Fn(&Row) -> [f64; 3]) -> f64 {
    let penalty: f64 = theta.iter().zip(prior).map(|(theta, prior)| 0.5 * (theta - prior).powi(2)).sum();
    let loss = |row: &Row| {
        let eta = inner(inputs(row), theta);
        row.weight * (softplus(eta) - row.y * eta)
    };
    penalty + rows.iter().map(loss).sum::<f64>()
}

fn derivatives(
    rows: &[Row],
    theta: [f64; 3],
    prior: [f64; 3],
    inputs: impl Fn(&Row) -> [f64; 3],
) -> ([f64; 3], [[f64; 3]; 3]) {
    let mut gradient: [f64; 3] = std::array::from_fn(|k| theta[k] - prior[k]);
    let mut hessian = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    for row in rows {
        let x = inputs(row);
        let p = super::sigmoid(inner(x, theta));
        for i in 0..3 {
            gradient[i] += row.weight * (p - row.y) * x[i];
            for j in 0..3 {
                hessian[i][j] += row.weight * p * (1.0 - p) * x[i] * x[j];
            }
        }
    }
    (gradient, hessian)
}

/// Solves a positive definite 3 × 3 system by elimination.
fn solve3(mut a: [[f64; 3]; 3], mut b: [f64; 3]) -> Option<[f64; 3]> {
    for k in 0..3 {
        if a[k][k].is_nan() || a[k][k] <= 0.0 {
            return None;
        }
        for i in k + 1..3 {
            let factor = a[i][k] / a[k][k];
            let pivot = a[k];
            a[i].iter_mut().zip(pivot).for_each(|(value, pivot)| *value -= factor * pivot);
            b[i] -= factor * b[k];
        }
    }
    for k in (0..3).rev() {
        let known: f64 = (k + 1..3).map(|j| a[k][j] * b[j]).sum();
        b[k] = (b[k] - known) / a[k][k];
    }
    Some(b)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::{RngExt, SeedableRng};

    use super::*;
    use crate::metric;
    use crate::model::sigmoid;

    /// Scores, and labels drawn from what the true map makes of them.
    fn drawn(n: usize, truth: impl Fn(f64) -> f64) -> (Vec<f64>, Vec<bool>) {
        let mut rng = rand::rngs::StdRng::seed_from_u64(5);
        let scores: Vec<f64> = (0..n).map(|_| rng.random_range(-5.0..4.0)).collect();
        let y = scores.iter().map(|&s| rng.random::<f64>() < sigmoid(truth(s))).collect();
        (scores, y)
    }

    #[test]
    fn the_true_curve_is_found() {
        let truth = BetaCalibration { a: 0.6, b: 1.7, c: -0.4 };
        let (scores, y) = drawn(60_000, |s| truth.apply(s));
        let found = BetaCalibration::fit(&scores, &y, None).unwrap();
        for s in [-4.0, -2.0, 0.0, 2.0, 3.5] {
            assert!((sigmoid(found.apply(s)) - sigmoid(truth.apply(s))).abs() < 0.01, "at {s}: {found:?}");
        }
    }

    #[test]
    fn it_lowers_log_loss_and_calibration_error() {
        let (scores, y) = drawn(5_000, |s| 0.5 * s - 1.0);
        let calibration = BetaCalibration::fit(&scores, &y, None).unwrap();
        let before: Vec<f64> = scores.iter().map(|&s| sigmoid(s)).collect();
        let after: Vec<f64> = scores.iter().map(|&s| sigmoid(calibration.apply(s))).collect();
        assert!(metric::log_loss(&y, &after, None).unwrap() < metric::log_loss(&y, &before, None).unwrap());
        assert!(metric::calibration_error(&y, &after, 10, None).unwrap() < 0.02);
    }

    #[test]
    fn whole_weights_are_repeated_rows() {
        let (scores, y) = drawn(600, |s| 0.8 * s);
        let weights: Vec<f64> = (0..600).map(|row| f64::from(row % 3)).collect();
        let rows: Vec<usize> = (0..600).flat_map(|row| std::iter::repeat_n(row, row % 3)).collect();
        let repeated: Vec<f64> = rows.iter().map(|&row| scores[row]).collect();
        let y2: Vec<bool> = rows.iter().map(|&row| y[row]).collect();
        let a = BetaCalibration::fit(&scores, &y, Some(&weights)).unwrap();
        let b = BetaCalibration::fit(&repeated, &y2, None).unwrap();
        assert!((a.apply(1.0) - b.apply(1.0)).abs() < 1e-6 && (a.apply(-3.0) - b.apply(-3.0)).abs() < 1e-6);
    }

    #[test]
    fn thin_or_contrary_data_gets_a_simpler_map() {
        let (scores, y) = drawn(4_000, |s| -s);
        assert_eq!(BetaCalibration::fit(&scores, &y, None).unwrap(), BetaCalibration::identity());
        let (scores, y) = drawn(30, |s| s);
        assert_eq!(BetaCalibration::fit(&scores, &y, None).unwrap(), BetaCalibration::identity());
        let (scores, y) = drawn(110, |s| s);
        let slope = BetaCalibration::fit(&scores, &y, None).unwrap();
        assert!(slope.a() == slope.b() && slope != BetaCalibration::identity());
    }

    #[test]
    fn separable_scores_stay_finite() {
        let scores: Vec<f64> = (-200..200).map(|k| f64::from(k) + 0.5).collect();
        let y: Vec<bool> = scores.iter().map(|&s| s > 0.0).collect();
        let calibration = BetaCalibration::fit(&scores, &y, None).unwrap();
        assert!(calibration.apply(700.0).is_finite() && calibration.apply(-700.0).is_finite());
    }

    #[test]
    fn bad_input_is_named() {
        assert_eq!(
            BetaCalibration::fit(&[0.0, f64::INFINITY], &[true, false], None).unwrap_err().to_string(),
            "log-odds to calibrate, row 2: found inf, expected a finite number"
        );
        let mut contributions = Contributions { base: 0.0, values: vec![0.0; 4], n_features: 2 };
        assert_eq!(
            BetaCalibration::identity().rescale(&mut contributions, &[0.0]).unwrap_err().to_string(),
            "log-odds to rescale by: found 1, expected 2"
        );
    }

    proptest! {
        #[test]
        fn it_is_monotone_and_its_slope_is_its_derivative(
            a in 0.01f64..5.0, b in 0.01f64..5.0, c in -3.0f64..3.0, s in -30.0f64..30.0,
        ) {
            let map = BetaCalibration { a, b, c };
            prop_assert!(map.apply(s + 0.1) > map.apply(s));
            let central = (map.apply(s + 1e-4) - map.apply(s - 1e-4)) / 2e-4;
            prop_assert!((map.slope(s) - central).abs() < 1e-6);
        }

        #[test]
        fn contributions_stay_exact(
            a in 0.01f64..5.0, b in 0.01f64..5.0, c in -3.0f64..3.0, base in -6.0f64..6.0,
            values in prop::collection::vec(-3.0f64..3.0, 12), scale in prop::sample::select(vec![1.0, 1e-3, 1e-5, 0.0]),
        ) {
            let map = BetaCalibration { a, b, c };
            let values = values.iter().map(|value| value * scale).collect();
            let mut contributions = Contributions { base, values, n_features: 4 };
            let raw: Vec<f64> = (0..3).map(|row| base + contributions.row(row).iter().sum::<f64>()).collect();
            map.rescale(&mut contributions, &raw).unwrap();
            for (row, &raw) in raw.iter().enumerate() {
                let sum = contributions.base + contributions.row(row).iter().sum::<f64>();
                prop_assert!((sum - map.apply(raw)).abs() < 1e-9);
            }
        }
    }
}
