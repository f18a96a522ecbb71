//! Money: what acting on a score brings, given what each kind of decision costs.

use super::check;
use crate::error::Result;

/// What a decision about a row costs, by what was decided and what came true; a gain is a negative cost.
///
/// Each slice holds one cost a row (`n`), or a single one that holds for all rows. Any unit of money, all the same.
#[derive(Clone, Copy, Debug)]
pub struct Costs<'a> {
    /// Acted on, and was positive.
    pub true_positive: &'a [f64],
    /// Acted on, and was negative.
    pub false_positive: &'a [f64],
    /// Left alone, and was positive.
    pub false_negative: &'a [f64],
    /// Left alone, and was negative.
    pub true_negative: &'a [f64],
}

impl Costs<'_> {
    /// The probability from which acting on the row costs less than leaving it alone.
    ///
    /// `(FP − TN) / (FP − TN + FN − TP)` (Elkan 2001, eq. 2); 0 where acting is always as good, 1 where it never is.
    pub fn threshold(&self, row: usize) -> f64 {
        let wrongly_acted = at(self.false_positive, row) - at(self.true_negative, row);
        let wrongly_left = at(self.false_negative, row) - at(self.true_positive, row);
        match (wrongly_acted > 0.0, wrongly_left > 0.0) {
            (true, true) => wrongly_acted / (wrongly_acted + wrongly_left),
            (true, false) => 1.0,
            (false, _) => 0.0,
        }
    }

    fn of(&self, row: usize, acted: bool, positive: bool) -> f64 {
        let costs = match (acted, positive) {
            (true, true) => self.true_positive,
            (true, false) => self.false_positive,
            (false, true) => self.false_negative,
            (false, false) => self.true_negative,
        };
        at(costs, row)
    }

    fn check(&self, n_rows: usize) -> Result<()> {
        let named = [
            ("costs of true positives", self.true_positive),
            ("costs of false positives", self.false_positive),
            ("costs of false negatives", self.false_negative),
            ("costs of true negatives", self.true_negative),
        ];
        named.into_iter().try_for_each(|(what, costs)| {
            one_or_each(what, costs, n_rows)?;
            check::all(what, costs, "a finite amount", f64::is_finite)
        })
    }
}

/// Mean profit a row of acting on those whose probability is at least their threshold: minus the mean cost.
///
/// `thresholds` holds one for all rows, or one a row, for instance [`Costs::threshold`] of each. Without a
/// programme every row would cost its `false_negative` or `true_negative`: subtract that to get what acting adds.
///
/// # Errors
/// Lengths that are neither `n` nor 1, a cost that is not finite, a probability outside 0 to 1, a NaN threshold.
pub fn expected_profit(y: &[bool], p: &[f64], costs: &Costs<'_>, thresholds: &[f64]) -> Result<f64> {
    check::probabilities(y, p, None)?;
    costs.check(y.len())?;
    one_or_each("thresholds", thresholds, y.len())?;
    check::all("thresholds", thresholds, "a number, not NaN", |threshold| !threshold.is_nan())?;
    let cost = |row: usize| costs.of(row, p[row] >= at(thresholds, row), y[row]);
    Ok(-(0..y.len()).map(cost).sum::<f64>() / y.len() as f64)
}

fn at(values: &[f64], row: usize) -> f64 {
    if values.len() == 1 { values[0] } else { values[row] }
}

fn one_or_each(what: &str, values: &[f64], n_rows: usize) -> Result<()> {
    if values.len() == 1 { Ok(()) } else { check::same_length(what, values.len(), n_rows) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const COSTS: Costs<'static> = Costs {
        true_positive: &[-70.0],
        false_positive: &[30.0],
        false_negative: &[0.0],
        true_negative: &[0.0],
    };

    #[test]
    fn profit_by_hand() {
        let profit = expected_profit(&[true, false, true], &[0.9, 0.8, 0.1], &COSTS, &[0.5]).unwrap();
        assert!((profit - (70.0 - 30.0) / 3.0).abs() < 1e-12);
        assert_eq!(COSTS.threshold(0), 0.3);
    }

    proptest! {
        #[test]
        fn no_threshold_beats_the_costs_own_in_expectation(p in 0.0f64..1.0, other in 0.0f64..1.0) {
            let expected = |threshold: f64| {
                let of = |y: bool| expected_profit(&[y], &[p], &COSTS, &[threshold]).unwrap();
                p * of(true) + (1.0 - p) * of(false)
            };
            prop_assert!(expected(COSTS.threshold(0)) >= expected(other) - 1e-12);
        }
    }

    #[test]
    fn bad_input_is_named() {
        let costs = Costs { true_negative: &[0.0, f64::NAN], ..COSTS };
        assert_eq!(
            expected_profit(&[true, false], &[0.5, 0.5], &costs, &[0.5]).unwrap_err().to_string(),
            "costs of true negatives, row 2: found NaN, expected a finite amount"
        );
        assert_eq!(
            expected_profit(&[true, false], &[0.5, 0.5], &COSTS, &[]).unwrap_err().to_string(),
            "number of thresholds: found 0, expected 2"
        );
    }
}
