//! Losses for boosting: each is one small type with value, gradient and hessian in the raw score.
//!
//! A raw score is what the trees add up to, before the link: log-odds for [`Logistic`]. All losses stand in
//! [`ALL`]; every one of them is tested against central differences, so a new one needs a line there and no test.

/// One loss as a function of target `y` and raw score, for a row of weight 1.
pub trait Loss: Sync {
    /// The name it is listed and saved under.
    fn name(&self) -> &'static str;

    /// The loss, finite for every finite raw score.
    fn value(&self, y: f64, raw: f64) -> f64;

    /// First and second derivative in `raw`.
    fn gradient_and_hessian(&self, y: f64, raw: f64) -> (f64, f64);

    /// Some targets that can occur, for tests.
    fn example_targets(&self) -> &'static [f64];
}

/// Every loss there is.
pub const ALL: &[&dyn Loss] = &[&Logistic, &Squared];

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

    #[inline]
    fn gradient_and_hessian(&self, y: f64, raw: f64) -> (f64, f64) {
        let probability = 1.0 / (1.0 + exp(-raw));
        (probability - y, (probability * (1.0 - probability)).max(f64::MIN_POSITIVE))
    }

    fn example_targets(&self) -> &'static [f64] {
        &[0.0, 1.0]
    }
}

/// Half the squared error, `(raw − y)² / 2`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Squared;

impl Loss for Squared {
    fn name(&self) -> &'static str {
        "squared"
    }

    fn value(&self, y: f64, raw: f64) -> f64 {
        (raw - y) * (raw - y) / 2.0
    }

    #[inline]
    fn gradient_and_hessian(&self, y: f64, raw: f64) -> (f64, f64) {
        (raw - y, 1.0)
    }

    fn example_targets(&self) -> &'static [f64] {
        &[-3.5, 0.0, 20.0]
    }
}

/// `e^x` for `|x| <= 700` (beyond, the nearest of these), to 2 units in the last place.
///
/// Our own so that it is the same on every platform and compiles to vector code: `x = k·ln 2 + r` (Cody and
/// Waite), a Taylor series in `r`, then `k` added to the exponent.
#[inline]
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
                    assert!((hessian - numeric_hessian).abs() < 1e-8, "{name} {y} {raw}");
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
    fn names_are_distinct() {
        let names: std::collections::HashSet<_> = ALL.iter().map(|loss| loss.name()).collect();
        assert_eq!(names.len(), ALL.len());
    }
}
