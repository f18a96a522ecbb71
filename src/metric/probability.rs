//! Honesty of probabilities: does 30 % come true three times in ten?

use super::check;
use super::groups::{Bin, by_score_descending, pour};
use crate::error::{ErrorKind, Result};

/// The number of bins that [`calibration_error`] is mostly asked for.
pub const DEFAULT_CALIBRATION_BINS: usize = 10;

/// Probability from log-odds, in [0, 1].
pub fn sigmoid(log_odds: f64) -> f64 {
    1.0 / (1.0 + (-log_odds).exp())
}

/// Mean of `−ln` of the probability that was given to what came true; 0 is perfect.
///
/// Probabilities are held within [ε, 1 − ε] with ε = 2.2e-16, as scikit-learn's `log_loss` does, so that one sure
/// mistake costs 36 and not infinity.
///
/// # Errors
/// Lengths that differ, a probability outside 0 to 1.
pub fn log_loss(y: &[bool], p: &[f64], weights: Option<&[f64]>) -> Result<f64> {
    check::probabilities(y, p, weights)?;
    Ok(weighted_mean(y, p, weights, |y, p| {
        let p = p.clamp(f64::EPSILON, 1.0 - f64::EPSILON);
        if y { -p.ln() } else { -(1.0 - p).ln() }
    }))
}

/// Mean squared distance of probability from outcome (Brier 1950); 0 is perfect, 1 the worst.
///
/// # Errors
/// Lengths that differ, a probability outside 0 to 1.
pub fn brier(y: &[bool], p: &[f64], weights: Option<&[f64]>) -> Result<f64> {
    check::probabilities(y, p, weights)?;
    Ok(weighted_mean(y, p, weights, |y, p| (p - f64::from(u8::from(y))).powi(2)))
}

fn weighted_mean(y: &[bool], p: &[f64], weights: Option<&[f64]>, of: impl Fn(bool, f64) -> f64) -> f64 {
    let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
    let total: f64 = (0..y.len()).map(weight).sum();
    (0..y.len()).map(|row| weight(row) * of(y[row], p[row])).sum::<f64>() / total
}

/// One bin of a [`calibration_curve`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CalibrationBin {
    /// Weight in the bin; without weights its number of rows, which may be a fraction where ties straddle bins.
    pub weight: f64,
    /// Mean probability given.
    pub predicted: f64,
    /// Share that came true.
    pub observed: f64,
}

impl From<Bin> for CalibrationBin {
    fn from(bin: Bin) -> Self {
        let (predicted, observed) = (bin.score / bin.weight, bin.positive / bin.weight);
        CalibrationBin { weight: bin.weight, predicted, observed }
    }
}

/// Predicted against observed in `n_bins` bins of equal weight, the lowest probabilities first.
///
/// Rows of one probability that straddle two bins are shared between them in proportion, so that the order of tied
/// rows does not matter. With fewer rows than bins there is one bin a row.
///
/// # Errors
/// `n_bins` of 0; lengths that differ, a probability outside 0 to 1.
pub fn calibration_curve(
    y: &[bool],
    p: &[f64],
    n_bins: usize,
    weights: Option<&[f64]>,
) -> Result<Vec<CalibrationBin>> {
    if n_bins == 0 {
        return Err(ErrorKind::Parameter { name: "n_bins", value: "0".into(), expected: "at least 1" }.into());
    }
    check::probabilities(y, p, weights)?;
    let mut groups = by_score_descending(y, p, weights);
    groups.reverse();
    let total: f64 = groups.iter().map(|group| group.weight).sum();
    let n_bins = n_bins.min(y.len());
    let bins = pour(&groups, total / n_bins as f64, n_bins);
    Ok(bins.into_iter().filter(|bin| bin.weight > 0.0).map(CalibrationBin::from).collect())
}

/// Expected calibration error: mean over bins of |predicted − observed|, weighted by the bin's weight.
///
/// Naeini, Cooper & Hauskrecht 2015, with bins of equal weight ([`calibration_curve`]); 0 is perfect. Mostly with
/// [`DEFAULT_CALIBRATION_BINS`].
///
/// # Errors
/// `n_bins` of 0; lengths that differ, a probability outside 0 to 1.
pub fn calibration_error(y: &[bool], p: &[f64], n_bins: usize, weights: Option<&[f64]>) -> Result<f64> {
    let curve = calibration_curve(y, p, n_bins, weights)?;
    let total: f64 = curve.iter().map(|bin| bin.weight).sum();
    let error = |bin: &CalibrationBin| bin.weight * (bin.predicted - bin.observed).abs();
    Ok(curve.iter().map(error).sum::<f64>() / total)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows() -> impl Strategy<Value = (Vec<bool>, Vec<f64>)> {
        (1usize..60).prop_flat_map(|n| {
            let p = (0u32..=10).prop_map(|p| f64::from(p) / 10.0);
            (prop::collection::vec(any::<bool>(), n), prop::collection::vec(p, n))
        })
    }

    proptest! {
        #[test]
        fn bins_hold_all_rows_once((y, p) in rows(), n_bins in 1usize..12) {
            let curve = calibration_curve(&y, &p, n_bins, None).unwrap();
            let weight: f64 = curve.iter().map(|bin| bin.weight).sum();
            let positive: f64 = curve.iter().map(|bin| bin.weight * bin.observed).sum();
            let predicted: f64 = curve.iter().map(|bin| bin.weight * bin.predicted).sum();
            prop_assert!((weight - y.len() as f64).abs() < 1e-9);
            prop_assert!((positive - y.iter().filter(|&&y| y).count() as f64).abs() < 1e-9);
            prop_assert!((predicted - p.iter().sum::<f64>()).abs() < 1e-9);
            prop_assert!(curve.windows(2).all(|two| two[0].predicted <= two[1].predicted + 1e-12));
        }

        #[test]
        fn the_order_of_rows_does_not_matter((y, p) in rows()) {
            let (y2, p2): (Vec<bool>, Vec<f64>) = y.iter().copied().zip(p.iter().copied()).rev().unzip();
            let there = calibration_error(&y, &p, 10, None).unwrap();
            prop_assert!((there - calibration_error(&y2, &p2, 10, None).unwrap()).abs() < 1e-12);
        }

        #[test]
        fn the_rate_itself_is_calibrated(y in prop::collection::vec(any::<bool>(), 1..50)) {
            let rate = y.iter().filter(|&&y| y).count() as f64 / y.len() as f64;
            prop_assert!(calibration_error(&y, &vec![rate; y.len()], 10, None).unwrap() < 1e-12);
        }
    }

    #[test]
    fn log_loss_and_brier_by_hand() {
        let (y, p) = ([true, false, true], [0.9, 0.2, 0.5]);
        let loss = -(0.9f64.ln() + 0.8f64.ln() + 0.5f64.ln()) / 3.0;
        assert!((log_loss(&y, &p, None).unwrap() - loss).abs() < 1e-15);
        assert!((brier(&y, &p, None).unwrap() - (0.01 + 0.04 + 0.25) / 3.0).abs() < 1e-15);
        let weighted = -(2.0 * 0.9f64.ln() + 0.5f64.ln()) / 3.0;
        assert!((log_loss(&y, &p, Some(&[2.0, 0.0, 1.0])).unwrap() - weighted).abs() < 1e-15);
    }

    #[test]
    fn a_sure_mistake_is_finite() {
        assert!(log_loss(&[true], &[0.0], None).unwrap().is_finite());
        assert!(log_loss(&[false], &[1.0], None).unwrap().is_finite());
    }

    #[test]
    fn bad_input_is_named() {
        assert_eq!(
            brier(&[true], &[1.5], None).unwrap_err().to_string(),
            "probabilities, row 1: found 1.5, expected a probability between 0 and 1"
        );
        assert_eq!(
            calibration_error(&[true], &[0.5], 0, None).unwrap_err().to_string(),
            "`n_bins` is 0, expected at least 1"
        );
    }
}
