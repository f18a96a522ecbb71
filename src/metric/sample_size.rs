//! How many accounts the next experiment needs, and what one of a given size can find.
//!
//! Two groups, one with the action and one without; a two-sided test at a level of `1 − confidence`; `power` is the
//! chance that a difference of the size asked for is found. For shares (Fleiss, Levin & Paik 2003, eq. 4.19, without the
//! correction for continuity), with `p` and `p'` the shares without and with, `r` how many are treated for one who is
//! not, `p̄` their mean over all:
//!
//! > `n = (z_a √((1 + 1/r) p̄ (1 − p̄)) + z_b √(p (1 − p) + p' (1 − p') / r))² / (p' − p)²`
//!
//! and for amounts, such as money: `n = (z_a + z_b)² s² (1 + 1/r) / d²`.

use super::distribution::normal_quantile;
use crate::error::{ErrorKind, Result};

/// How sure an experiment is to be, and how it is divided.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Experiment {
    /// Chance that a difference of the size asked for is found: above 0.5 and below 1.
    pub power: f64,
    /// One minus the chance that a difference is claimed where there is none: above 0.5 and below 1.
    pub confidence: f64,
    /// Share of accounts that get the action: above 0 and below 1. Half needs the fewest.
    pub share_treated: f64,
}

impl Default for Experiment {
    /// Power .8 at a confidence of .95, half of the accounts treated.
    fn default() -> Self {
        Experiment { power: 0.8, confidence: 0.95, share_treated: 0.5 }
    }
}

/// How many accounts an experiment needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleSize {
    /// With the action.
    pub n_treated: usize,
    /// Without it.
    pub n_untreated: usize,
}

/// Accounts needed to find that an action changes the share of an outcome from `without` to `with`.
///
/// # Errors
/// A share outside 0 to 1, no difference, a parameter of the experiment outside its range.
///
/// ```
/// use keepwell::metric::{Experiment, sample_size_for_shares};
///
/// // From 5 % churn to 4 %.
/// let size = sample_size_for_shares(0.05, 0.04, &Experiment::default())?;
/// assert_eq!((size.n_treated, size.n_untreated), (6745, 6745));
/// # Ok::<(), keepwell::Error>(())
/// ```
pub fn sample_size_for_shares(without: f64, with: f64, experiment: &Experiment) -> Result<SampleSize> {
    let [a, b] = experiment.quantiles()?;
    let is_share = |share: f64| (0.0..=1.0).contains(&share);
    if !is_share(without) || !is_share(with) || without == with {
        let value = format!("{without} and {with}");
        let expected = "two different shares from 0 to 1, without the action and with it";
        return Err(ErrorKind::Parameter { name: "shares", value, expected }.into());
    }
    let ratio = experiment.ratio();
    let mean = (without + ratio * with) / (1.0 + ratio);
    let of_none = ((1.0 + ratio.recip()) * mean * (1.0 - mean)).sqrt();
    let of_both = (without * (1.0 - without) + with * (1.0 - with) / ratio).sqrt();
    experiment.size(((a * of_none + b * of_both) / (with - without)).powi(2))
}

/// Accounts needed to find that an action changes an amount, such as money, by `difference` on average, where it
/// deviates by `standard_deviation` between accounts.
///
/// # Errors
/// A deviation that is not above 0, no difference, a parameter of the experiment outside its range.
pub fn sample_size_for_amounts(
    standard_deviation: f64,
    difference: f64,
    experiment: &Experiment,
) -> Result<SampleSize> {
    let [a, b] = experiment.quantiles()?;
    check_deviation(standard_deviation)?;
    if !(difference.is_finite() && difference != 0.0) {
        let (name, value) = ("difference", difference.to_string());
        return Err(ErrorKind::Parameter { name, value, expected: "a finite number other than 0" }.into());
    }
    let ratio = experiment.ratio();
    experiment.size(((a + b) * standard_deviation / difference).powi(2) * (1.0 + ratio.recip()))
}

/// The smallest average difference that an experiment with `n_accounts` in all is likely to find, where accounts deviate
/// by `standard_deviation`; for shares that is `√(p (1 − p))`.
///
/// # Errors
/// Fewer than 2 accounts, a deviation that is not above 0, a parameter of the experiment outside its range.
pub fn detectable_difference(
    standard_deviation: f64,
    n_accounts: usize,
    experiment: &Experiment,
) -> Result<f64> {
    let [a, b] = experiment.quantiles()?;
    check_deviation(standard_deviation)?;
    if n_accounts < 2 {
        let what = "accounts of the experiment".into();
        return Err(ErrorKind::TooFew { what, found: n_accounts, needed: 2 }.into());
    }
    let treated = experiment.share_treated;
    Ok((a + b) * standard_deviation / (n_accounts as f64 * treated * (1.0 - treated)).sqrt())
}

fn check_deviation(standard_deviation: f64) -> Result<()> {
    if standard_deviation.is_finite() && standard_deviation > 0.0 {
        return Ok(());
    }
    let (name, value) = ("standard_deviation", standard_deviation.to_string());
    Err(ErrorKind::Parameter { name, value, expected: "a finite number above 0" }.into())
}

impl Experiment {
    /// The normal quantiles of confidence and power.
    fn quantiles(&self) -> Result<[f64; 2]> {
        let refuse = |name, value: f64, expected| {
            Err(ErrorKind::Parameter { name, value: value.to_string(), expected }.into())
        };
        let within = |value: f64, low: f64| value > low && value < 1.0;
        if !within(self.power, 0.5) {
            return refuse("power", self.power, "above 0.5 and below 1");
        }
        if !within(self.confidence, 0.5) {
            return refuse("confidence", self.confidence, "above 0.5 and below 1");
        }
        if !within(self.share_treated, 0.0) {
            return refuse("share_treated", self.share_treated, "above 0 and below 1");
        }
        Ok([normal_quantile(0.5 + self.confidence / 2.0), normal_quantile(self.power)])
    }

    fn ratio(&self) -> f64 {
        self.share_treated / (1.0 - self.share_treated)
    }

    /// From how many are left untreated.
    fn size(&self, n_untreated: f64) -> Result<SampleSize> {
        // What a table of accounts could never hold is no answer.
        if !(n_untreated < 1e15 && n_untreated * self.ratio() < 1e15) {
            let (name, value) = ("difference", "too small".to_owned());
            return Err(
                ErrorKind::Parameter { name, value, expected: "one that 1e15 accounts can find" }.into()
            );
        }
        let whole = |n: f64| (n - 1e-9).ceil().max(1.0) as usize;
        Ok(SampleSize { n_treated: whole(n_untreated * self.ratio()), n_untreated: whole(n_untreated) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn textbook_sizes() {
        let usual = Experiment::default();
        // Fleiss, Levin & Paik: .6 against .7 at power .9, before the correction for continuity.
        let strong = Experiment { power: 0.9, ..usual };
        let found = sample_size_for_shares(0.6, 0.7, &strong).unwrap();
        assert_eq!((found.n_treated, found.n_untreated), (477, 477));
        // Cohen 1988: half a deviation takes 63 a group by the normal, 64 by Student's t.
        let found = sample_size_for_amounts(1.0, 0.5, &usual).unwrap();
        assert_eq!((found.n_treated, found.n_untreated), (63, 63));
        let three = sample_size_for_amounts(1.0, 0.5, &Experiment { share_treated: 0.75, ..usual }).unwrap();
        assert_eq!((three.n_treated, three.n_untreated), (126, 42));
    }

    #[test]
    fn what_can_be_found_is_the_size_turned_round() {
        let usual = Experiment { share_treated: 0.3, ..Experiment::default() };
        let difference = detectable_difference(120.0, 5_000, &usual).unwrap();
        let size = sample_size_for_amounts(120.0, difference, &usual).unwrap();
        assert!((size.n_treated + size.n_untreated).abs_diff(5_000) <= 1, "{size:?}");
    }

    #[test]
    fn bad_input_is_named() {
        let usual = Experiment::default();
        let text = |result: Result<SampleSize>| result.unwrap_err().to_string();
        assert_eq!(
            text(sample_size_for_shares(0.05, 0.05, &usual)),
            "`shares` is 0.05 and 0.05, expected two different shares from 0 to 1, without the action and with it"
        );
        assert_eq!(
            text(sample_size_for_amounts(1.0, f64::NAN, &usual)),
            "`difference` is NaN, expected a finite number other than 0"
        );
        assert_eq!(
            text(sample_size_for_amounts(1.0, 1e-12, &usual)),
            "`difference` is too small, expected one that 1e15 accounts can find"
        );
        assert_eq!(
            text(sample_size_for_amounts(1.0, 1.0, &Experiment { power: 1.0, ..usual })),
            "`power` is 1, expected above 0.5 and below 1"
        );
        assert!(detectable_difference(1.0, 1, &usual).is_err());
    }
}
