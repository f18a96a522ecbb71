//! Losses for boosting: each is one small type with value, gradient and hessian in the raw score.
//!
//! A raw score is what the trees add up to, before the link: log-odds for [`Logistic`], the logarithm of the expected
//! count for [`Poisson`]. All losses stand in [`ALL`]; every one of them is tested against central differences, so a
//! new one needs a line there and no test.

use crate::error::{ErrorKind, Result};

/// One loss as a function of target `y` and raw score, for a row of weight 1.
pub trait Loss: Sync {
    /// The name it is listed under: scikit-learn's where it has one.
    fn name(&self) -> &'static str;

    /// The loss, finite for every finite raw score. What does not depend on the raw score may be left out.
    fn value(&self, y: f64, raw: f64) -> f64;

    /// First and second derivative in `raw`. The first is linear in `y` and the second does not depend on it; but where
    /// [`leaf_quantile`](Self::leaf_quantile) is set, the second is a constant 1 and the first any function.
    fn gradient_and_hessian(&self, y: f64, raw: f64) -> (f64, f64);

    /// Some targets that can occur, for tests.
    fn example_targets(&self) -> &'static [f64];

    /// What a raw score predicts: the inverse of the link.
    fn predicted(&self, raw: f64) -> f64 {
        raw
    }

    /// The longest step that Newton's method may take towards the constant that boosting starts from.
    fn longest_step(&self) -> f64 {
        1.0
    }

    /// What a leaf adds where Newton's method says `step`: as it is, or held in where the loss is far from a parabola.
    /// Rises with `step`, so that monotone directions hold.
    fn leaf_step(&self, step: f64) -> f64 {
        step
    }

    /// For a loss without curvature: which quantile of the residuals `y − raw` of a leaf's rows is the leaf's value.
    fn leaf_quantile(&self) -> Option<f64> {
        None
    }
}

/// Every loss there is.
pub const ALL: &[&dyn Loss] = &[&Logistic, &Squared, &Poisson, &Quantile(0.5), &Quantile(0.9)];

/// Log loss of a two-class label, `y` 0 or 1, in log-odds: `ln(1 + e^raw) − y·raw`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Logistic;

impl Loss for Logistic {
    fn name(&self) -> &'static str {
        "logistic"
    }

    fn value(&self, y: f64, raw: f64) -> f64 {
        raw.max(0.0) + exp(-raw.abs()).ln_1p() - y * raw
    }

    #[inline(always)]
    fn gradient_and_hessian(&self, y: f64, raw: f64) -> (f64, f64) {
        let probability = 1.0 / (1.0 + exp(-raw));
        (probability - y, (probability * (1.0 - probability)).max(f64::MIN_POSITIVE))
    }

    fn example_targets(&self) -> &'static [f64] {
        &[0.0, 1.0]
    }

    fn predicted(&self, raw: f64) -> f64 {
        1.0 / (1.0 + exp(-raw))
    }
}

/// Half the squared error, `(raw − y)² / 2`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Squared;

impl Loss for Squared {
    fn name(&self) -> &'static str {
        "squared_error"
    }

    fn value(&self, y: f64, raw: f64) -> f64 {
        (raw - y) * (raw - y) / 2.0
    }

    #[inline(always)]
    fn gradient_and_hessian(&self, y: f64, raw: f64) -> (f64, f64) {
        (raw - y, 1.0)
    }

    fn example_targets(&self) -> &'static [f64] {
        &[-3.5, 0.0, 20.0]
    }

    fn longest_step(&self) -> f64 {
        f64::INFINITY
    }
}

/// Half the Poisson deviance of a count `y >= 0` with the logarithm as link, but for a constant: `e^raw − y·raw`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Poisson;

/// What a Poisson leaf multiplies the expected count by is at least this: a leaf without a single event says "few", not
/// "never".
const LEAST_FACTOR: f64 = 1e-3;

impl Loss for Poisson {
    fn name(&self) -> &'static str {
        "poisson"
    }

    fn value(&self, y: f64, raw: f64) -> f64 {
        exp(raw) - y * raw
    }

    #[inline(always)]
    fn gradient_and_hessian(&self, y: f64, raw: f64) -> (f64, f64) {
        let expected = exp(raw);
        (expected - y, expected)
    }

    fn example_targets(&self) -> &'static [f64] {
        &[0.0, 1.0, 7.0, 2.5]
    }

    fn predicted(&self, raw: f64) -> f64 {
        exp(raw)
    }

    /// Newton's step is `(Y − M) / (M + λ)` for `Y` events where `M` are expected: 99 where one of 100 was, which the
    /// link would make e⁹⁹. `ln(1 + step) = ln((Y + λ) / (M + λ))` is the exact minimum without λ, and with it the one
    /// under a gamma prior of `λ` events in `λ` expected.
    fn leaf_step(&self, step: f64) -> f64 {
        (1.0 + step).max(LEAST_FACTOR).ln()
    }
}

/// Pinball loss of the quantile in (0, 1): `q·(y − raw)` above, `(1 − q)·(raw − y)` below (Koenker and Bassett 1978).
///
/// It has no curvature, so trees grow by its gradient alone and every leaf then takes the quantile of its rows'
/// residuals (Friedman 2001, "Greedy function approximation", section 4.4, for the median).
#[derive(Clone, Copy, Debug)]
pub struct Quantile(pub f64);

impl Loss for Quantile {
    fn name(&self) -> &'static str {
        "quantile"
    }

    fn value(&self, y: f64, raw: f64) -> f64 {
        (self.0 * (y - raw)).max((1.0 - self.0) * (raw - y))
    }

    #[inline(always)]
    fn gradient_and_hessian(&self, y: f64, raw: f64) -> (f64, f64) {
        (if raw < y { -self.0 } else { 1.0 - self.0 }, 1.0)
    }

    fn example_targets(&self) -> &'static [f64] {
        &[-3.5, 0.25, 20.0]
    }

    fn leaf_quantile(&self) -> Option<f64> {
        Some(self.0)
    }
}

/// The losses that [`GradientTreesRegressor`](super::GradientTreesRegressor) can be fitted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub enum RegressionLoss {
    /// [`Squared`]: predicts the mean. The default.
    #[default]
    SquaredError,
    /// [`Poisson`]: predicts the mean of a count, or of a sum that is never negative, above 0.
    Poisson,
    /// [`Quantile`]: predicts this quantile, above 0 and below 1.
    Quantile(f64),
}

/// Beyond this size of targets, gradients could leave single precision.
const MOST: f64 = 1e18;

impl RegressionLoss {
    pub(crate) fn check_quantile(&self) -> Result<()> {
        match *self {
            RegressionLoss::Quantile(quantile) if !(quantile > 0.0 && quantile < 1.0) => {
                let (value, expected) = (quantile.to_string(), "above 0 and below 1");
                Err(ErrorKind::Parameter { name: "quantile", value, expected }.into())
            }
            _ => Ok(()),
        }
    }

    /// A quantile of residuals knows nothing of the other leaves, so it keeps no direction.
    pub(crate) fn check_directions(&self) -> Result<()> {
        if self.leaf_quantile().is_none() {
            return Ok(());
        }
        let (value, expected) = ("quantile".into(), "squared_error or poisson where `monotonic` is set");
        Err(ErrorKind::Parameter { name: "loss", value, expected }.into())
    }

    /// Whether it can take all of the targets.
    pub(crate) fn check_targets(&self, what: &str, y: &[f64]) -> Result<()> {
        let (least, expected) = match self {
            RegressionLoss::Poisson => (0.0, "a number from 0 to 1e18, as the Poisson loss needs"),
            _ => (-MOST, "a number from -1e18 to 1e18"),
        };
        let Some(at) = y.iter().position(|y| !(least..=MOST).contains(y)) else { return Ok(()) };
        Err(ErrorKind::Number { what: what.into(), row: at + 1, value: y[at], expected }.into())
    }

    /// Asks the loss that it names, so that each keeps its own formulas.
    fn with<T>(&self, ask: impl FnOnce(&dyn Loss) -> T) -> T {
        match self {
            RegressionLoss::SquaredError => ask(&Squared),
            RegressionLoss::Poisson => ask(&Poisson),
            RegressionLoss::Quantile(quantile) => ask(&Quantile(*quantile)),
        }
    }
}

impl Loss for RegressionLoss {
    fn name(&self) -> &'static str {
        self.with(|loss| loss.name())
    }

    fn value(&self, y: f64, raw: f64) -> f64 {
        self.with(|loss| loss.value(y, raw))
    }

    /// Written out, so that the loop over rows calls nothing by pointer.
    #[inline(always)]
    fn gradient_and_hessian(&self, y: f64, raw: f64) -> (f64, f64) {
        match self {
            RegressionLoss::SquaredError => Squared.gradient_and_hessian(y, raw),
            RegressionLoss::Poisson => Poisson.gradient_and_hessian(y, raw),
            RegressionLoss::Quantile(quantile) => Quantile(*quantile).gradient_and_hessian(y, raw),
        }
    }

    fn example_targets(&self) -> &'static [f64] {
        self.with(|loss| loss.example_targets())
    }

    fn predicted(&self, raw: f64) -> f64 {
        self.with(|loss| loss.predicted(raw))
    }

    fn longest_step(&self) -> f64 {
        self.with(|loss| loss.longest_step())
    }

    fn leaf_step(&self, step: f64) -> f64 {
        self.with(|loss| loss.leaf_step(step))
    }

    fn leaf_quantile(&self) -> Option<f64> {
        self.with(|loss| loss.leaf_quantile())
    }
}

/// The `q`-quantile of values with weights above 0: where their cumulated weight passes `q` of the whole, and halfway to
/// the next value where it meets `q` exactly, so that a weight of 2 is a value that stands twice (Hyndman and Fan 1996,
/// definition 2). 0 without values. Reorders them.
pub(crate) fn weighted_quantile(values: &mut [(f64, f64)], q: f64) -> f64 {
    values.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let wanted = q * values.iter().map(|(_, weight)| weight).sum::<f64>();
    let mut cumulated = 0.0;
    for (at, &(value, weight)) in values.iter().enumerate() {
        cumulated += weight;
        if cumulated > wanted {
            return value;
        }
        if cumulated == wanted {
            let next = values.get(at + 1).map_or(value, |next| next.0);
            return value / 2.0 + next / 2.0;
        }
    }
    values.last().map_or(0.0, |last| last.0)
}

/// `e^x` for `|x| <= 700` (beyond, the nearest of these), to 2 units in the last place.
///
/// Our own so that it is the same on every platform and compiles to vector code: `x = k·ln 2 + r` (Cody and
/// Waite), a Taylor series in `r`, then `k` added to the exponent.
#[inline(always)]
fn exp(x: f64) -> f64 {
    const ROUND: f64 = 6_755_399_441_055_744.0; // 1.5 · 2^52: adding it leaves the integer in the low bits
    const LN_2_HIGH: f64 = 6.931_471_803_691_238e-1;
    const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    let x = x.clamp(-700.0, 700.0);
    let shifted = x * std::f64::consts::LOG2_E + ROUND;
    let k = shifted - ROUND;
    let r = x - k * LN_2_HIGH - k * LN_2_LOW;
    let series = TAYLOR.iter().fold(TAYLOR_LAST, |sum, coefficient| sum * r + coefficient);
    series * f64::from_bits((shifted.to_bits() << 52).wrapping_add(1023 << 52))
}

/// 1 / 12!, the first coefficient of Horner's rule.
const TAYLOR_LAST: f64 = 1.0 / 479_001_600.0;
/// 1 / 11! down to 1 / 0!.
const TAYLOR: [f64; 12] = [
    1.0 / 39_916_800.0,
    1.0 / 3_628_800.0,
    1.0 / 362_880.0,
    1.0 / 40_320.0,
    1.0 / 5_040.0,
    1.0 / 720.0,
    1.0 / 120.0,
    1.0 / 24.0,
    1.0 / 6.0,
    0.5,
    1.0,
    1.0,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derivatives_are_those_of_central_differences() {
        let step = 1e-5;
        for loss in ALL {
            for &y in loss.example_targets() {
                for raw in [-6.0, -1.3, -0.01, 0.0, 0.4, 2.0, 7.5] {
                    let slope = |f: &dyn Fn(f64) -> f64| (f(raw + step) - f(raw - step)) / (2.0 * step);
                    let (gradient, hessian) = loss.gradient_and_hessian(y, raw);
                    let numeric = slope(&|raw| loss.value(y, raw));
                    let numeric_hessian = slope(&|raw| loss.gradient_and_hessian(y, raw).0);
                    let name = loss.name();
                    assert!((gradient - numeric).abs() < 1e-8 * (1.0 + numeric.abs()), "{name} {y} {raw}");
                    let expected = if loss.leaf_quantile().is_some() { 1.0 } else { numeric_hessian };
                    let near = 1e-8 * (1.0 + numeric_hessian.abs());
                    assert!((hessian - expected).abs() < near, "{name} {y} {raw}");
                }
            }
        }
    }

    #[test]
    fn nothing_overflows_far_out() {
        for loss in ALL {
            for &y in loss.example_targets() {
                for raw in [-1e6, -800.0, 800.0, 1e6] {
                    let (gradient, hessian) = loss.gradient_and_hessian(y, raw);
                    assert!(loss.value(y, raw).is_finite() && gradient.is_finite() && hessian > 0.0);
                }
            }
        }
    }

    #[test]
    fn exp_is_right_to_the_last_places() {
        for i in -70_000..=70_000 {
            let x = f64::from(i) * 0.009_99;
            assert!((exp(x) / x.exp() - 1.0).abs() < 5e-16, "{x}");
        }
    }

    #[test]
    fn what_a_leaf_adds_rises_with_newton_s_step_and_is_finite() {
        for loss in ALL {
            let steps = [-1.0, -0.999, -0.9, -0.1, 0.0, 0.1, 3.0, 1e9, 1e30];
            let taken = steps.map(|step| loss.leaf_step(step));
            assert!(taken.is_sorted() && taken.iter().all(|step| step.is_finite()), "{}", loss.name());
            assert_eq!(taken[4], 0.0);
        }
        assert!((Poisson.leaf_step(99.0) - 100f64.ln()).abs() < 1e-12);
    }

    #[test]
    fn a_loss_chosen_by_name_is_that_loss() {
        let chosen = [RegressionLoss::SquaredError, RegressionLoss::Poisson, RegressionLoss::Quantile(0.9)];
        for (chosen, loss) in chosen.iter().zip([&Squared as &dyn Loss, &Poisson, &Quantile(0.9)]) {
            assert_eq!(chosen.name(), loss.name());
            for (y, raw) in [(0.5, 0.1), (3.0, 4.5)] {
                assert_eq!(chosen.value(y, raw), loss.value(y, raw));
                assert_eq!(chosen.gradient_and_hessian(y, raw), loss.gradient_and_hessian(y, raw));
                assert_eq!(chosen.predicted(raw), loss.predicted(raw));
                assert_eq!(chosen.leaf_step(raw), loss.leaf_step(raw));
            }
            assert_eq!(chosen.longest_step(), loss.longest_step());
            assert_eq!(chosen.leaf_quantile(), loss.leaf_quantile());
        }
    }

    #[test]
    fn a_weight_counts_like_repeated_values_in_a_quantile() {
        let quantile = |values: &[(f64, f64)], q| weighted_quantile(&mut values.to_vec(), q);
        let values = [(4.0, 1.0), (1.0, 2.0), (9.0, 3.0)];
        let repeated = [(1.0, 1.0), (1.0, 1.0), (4.0, 1.0), (9.0, 1.0), (9.0, 1.0), (9.0, 1.0)];
        for q in [0.1, 0.25, 1.0 / 3.0, 0.4, 0.5, 0.8] {
            assert_eq!(quantile(&values, q), quantile(&repeated, q), "{q}");
        }
        assert_eq!(quantile(&values, 0.5), 6.5, "between 4 and 9, where half of the weight is met");
        assert_eq!(quantile(&[], 0.5), 0.0);
    }
}
