//! The measures of `keepwell.metrics`: arrays in, numbers out.

use keepwell::metric::{self, Campaign, ChoiceLog, Estimate, Experiment};
use numpy::PyReadonlyArray1;
use pyo3::prelude::*;

use crate::error::{Error, Result};

/// Value, low end, high end, standard error.
type Told = (f64, f64, f64, f64);
type Numbers<'py> = PyReadonlyArray1<'py, f64>;
type Flags<'py> = PyReadonlyArray1<'py, bool>;
/// Actions done and their propensities, outcomes, and the cost of each action.
type Log<'py> = (PyReadonlyArray1<'py, i64>, Numbers<'py>, Numbers<'py>, Numbers<'py>);
/// Confidence, resamples and seed of a bootstrap interval.
type Interval = (f64, usize, u64);

fn told(estimate: Estimate) -> Told {
    (estimate.value, estimate.low, estimate.high, estimate.standard_error)
}

fn owned<T: numpy::Element + Copy>(values: &PyReadonlyArray1<'_, T>) -> Vec<T> {
    values.as_array().to_vec()
}

/// An index below 0 is told of by the measure, as one that is too large.
fn indices(values: &PyReadonlyArray1<'_, i64>) -> Vec<usize> {
    values.as_array().iter().map(|&at| usize::try_from(at).unwrap_or(usize::MAX)).collect()
}

struct OwnedLog {
    action: Vec<usize>,
    propensity: Vec<f64>,
    outcome: Vec<f64>,
    cost: Vec<f64>,
}

impl OwnedLog {
    fn of((action, propensity, outcome, cost): &Log<'_>) -> Self {
        OwnedLog {
            action: indices(action),
            propensity: owned(propensity),
            outcome: owned(outcome),
            cost: owned(cost),
        }
    }

    fn log(&self) -> ChoiceLog<'_> {
        let OwnedLog { action, propensity, outcome, cost } = self;
        ChoiceLog { action, propensity, outcome, cost }
    }
}

/// The Qini coefficient, or the area under the uplift curve, with its interval.
#[pyfunction]
pub fn uplift(
    py: Python<'_>,
    measure: &str,
    y: Flags<'_>,
    effects: Numbers<'_>,
    treated: Flags<'_>,
    interval: Interval,
) -> Result<Told> {
    let (y, effects, treated) = (owned(&y), owned(&effects), owned(&treated));
    let (confidence, n_resamples, seed) = interval;
    let measure = match measure {
        "qini" => metric::qini_interval,
        _ => metric::uplift_area_interval,
    };
    Ok(told(py.detach(|| measure(&y, &effects, &treated, confidence, n_resamples, seed))?))
}

/// Rows taken, uplift and Qini, a point each.
#[pyfunction]
pub fn uplift_curve(y: Flags<'_>, effects: Numbers<'_>, treated: Flags<'_>) -> Result<Vec<(f64, f64, f64)>> {
    let curve = metric::uplift_curve(&owned(&y), &owned(&effects), &owned(&treated))?;
    Ok(curve.into_iter().map(|point| (point.n_rows, point.uplift, point.qini)).collect())
}

/// The value of a policy by one of the four methods, or its gain over another.
#[pyfunction]
pub fn policy_value(
    method: &str,
    log: Log<'_>,
    policy: PyReadonlyArray1<'_, i64>,
    expected: Option<Numbers<'_>>,
    other: Option<PyReadonlyArray1<'_, i64>>,
) -> Result<Told> {
    let (log, policy) = (OwnedLog::of(&log), indices(&policy));
    let (log, expected) = (log.log(), expected.as_ref().map(owned));
    let needed = || Error::new("`expected` is not given: the outcomes expected of each row in each action");
    let expected = || expected.as_deref().ok_or_else(needed);
    let found = match (method, other) {
        ("gain", Some(other)) => metric::policy_gain_dr(&log, &policy, &indices(&other), expected()?),
        ("direct", _) => metric::policy_value_direct(&log, &policy, expected()?),
        ("ips", _) => metric::policy_value_ipw(&log, &policy),
        ("snips", _) => metric::policy_value_snipw(&log, &policy),
        ("dr", _) => metric::policy_value_dr(&log, &policy, expected()?),
        _ => {
            let text = format!("`method` is {method:?}, expected 'direct', 'ips', 'snips' or 'dr'");
            return Err(Error::new(text));
        }
    };
    Ok(told(found?))
}

/// Spend, share acted on, gain and its standard error, a point each.
#[pyfunction]
pub fn costed_qini(log: Log<'_>, effects: Numbers<'_>, expected: Numbers<'_>) -> Result<Vec<Told>> {
    let curve = metric::costed_qini(&OwnedLog::of(&log).log(), &owned(&effects), &owned(&expected))?;
    Ok(curve.into_iter().map(|point| (point.spend, point.share, point.gain, point.standard_error)).collect())
}

/// The area of that curve above a random order's.
#[pyfunction]
pub fn costed_qini_area(
    py: Python<'_>,
    log: Log<'_>,
    effects: Numbers<'_>,
    expected: Numbers<'_>,
    interval: Interval,
) -> Result<Told> {
    let (log, effects, expected) = (OwnedLog::of(&log), owned(&effects), owned(&expected));
    let (confidence, n_resamples, seed) = interval;
    let area = || metric::costed_qini_area(&log.log(), &effects, &expected, confidence, n_resamples, seed);
    Ok(told(py.detach(area)?))
}

/// Profit an account, share to act on, lowest score to act on.
#[pyfunction]
pub fn expected_maximum_profit(
    y: Flags<'_>,
    scores: Numbers<'_>,
    values: Numbers<'_>,
    campaign: (f64, f64, f64, f64),
) -> Result<(f64, f64, Option<f64>)> {
    let (alpha, beta, offer, contact) = campaign;
    let campaign = Campaign { alpha, beta, offer, contact };
    let found = metric::expected_maximum_profit(&owned(&y), &owned(&scores), &owned(&values), &campaign)?;
    Ok((found.profit, found.share, found.threshold))
}

/// Accounts with the action and without it, for two shares, or for a deviation and a difference of amounts.
#[pyfunction]
pub fn sample_size(of: &str, first: f64, second: f64, experiment: (f64, f64, f64)) -> Result<(usize, usize)> {
    let experiment = self::experiment(experiment);
    let size = match of {
        "shares" => metric::sample_size_for_shares(first, second, &experiment),
        _ => metric::sample_size_for_amounts(first, second, &experiment),
    }?;
    Ok((size.n_treated, size.n_untreated))
}

/// The smallest difference that so many accounts are likely to show.
#[pyfunction]
pub fn detectable_difference(
    standard_deviation: f64,
    n_accounts: usize,
    experiment: (f64, f64, f64),
) -> Result<f64> {
    Ok(metric::detectable_difference(standard_deviation, n_accounts, &self::experiment(experiment))?)
}

fn experiment((power, confidence, share_treated): (f64, f64, f64)) -> Experiment {
    Experiment { power, confidence, share_treated }
}
