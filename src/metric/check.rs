//! The one place where metrics look at their input, and what they say of it.

use crate::error::{ErrorKind, Result};

/// Labels, scores and weights fit together; scores are not NaN.
pub(super) fn scores(y: &[bool], scores: &[f64], weights: Option<&[f64]>) -> Result<()> {
    lengths(y, scores, "scores")?;
    all("scores", scores, "a number, not NaN", |score| !score.is_nan())?;
    self::weights(y, weights)
}

/// Labels, probabilities and weights fit together; probabilities are within 0 and 1.
pub(super) fn probabilities(y: &[bool], p: &[f64], weights: Option<&[f64]>) -> Result<()> {
    lengths(y, p, "probabilities")?;
    all("probabilities", p, "a probability between 0 and 1", |p| (0.0..=1.0).contains(&p))?;
    self::weights(y, weights)
}

/// There are rows of both classes that weigh something.
pub(super) fn both_classes(y: &[bool], weights: Option<&[f64]>) -> Result<()> {
    let has = |class: bool| {
        y.iter().enumerate().any(|(row, &y)| y == class && weights.is_none_or(|weights| weights[row] > 0.0))
    };
    let class = match (has(true), has(false)) {
        (true, true) => return Ok(()),
        (true, false) => "true",
        _ => "false",
    };
    Err(ErrorKind::OneClass { label: "y".into(), class, n_rows: y.len() }.into())
}

/// There are rows that were treated and rows that were not.
pub(super) fn both_arms(treated: &[bool]) -> Result<()> {
    let arms = [(true, "treated rows"), (false, "rows that were not treated")];
    for (arm, name) in arms {
        if !treated.contains(&arm) {
            let what = format!("{name}, to compare with the others");
            return Err(ErrorKind::TooFew { what, found: 0, needed: 1 }.into());
        }
    }
    Ok(())
}

/// A confidence within 0 and 1, and enough resamples to have percentiles.
pub(super) fn confidence(confidence: f64, n_resamples: usize) -> Result<()> {
    let refuse = |name, value: String, expected| Err(ErrorKind::Parameter { name, value, expected }.into());
    if !(confidence > 0.0 && confidence < 1.0) {
        return refuse("confidence", confidence.to_string(), "above 0 and below 1");
    }
    if n_resamples < 2 {
        return refuse("n_resamples", n_resamples.to_string(), "at least 2");
    }
    Ok(())
}

/// Every action is one of `n_actions`.
pub(super) fn actions(what: &str, actions: &[usize], n_actions: usize) -> Result<()> {
    match actions.iter().position(|&action| action >= n_actions) {
        None => Ok(()),
        Some(at) => {
            let expected = "an action that has a cost, counted from 0";
            let value = actions[at] as f64;
            Err(ErrorKind::Number { what: what.to_owned(), row: at + 1, value, expected }.into())
        }
    }
}

/// Every value passes, or the first that does not is named.
pub(super) fn all(
    what: &str,
    values: &[f64],
    expected: &'static str,
    passes: impl Fn(f64) -> bool,
) -> Result<()> {
    match values.iter().position(|&value| !passes(value)) {
        None => Ok(()),
        Some(at) => {
            let what = what.to_owned();
            Err(ErrorKind::Number { what, row: at + 1, value: values[at], expected }.into())
        }
    }
}

fn lengths(y: &[bool], values: &[f64], what: &str) -> Result<()> {
    if y.is_empty() {
        let what = "the metric's input".into();
        return Err(ErrorKind::NoRows { what, hint: "give at least one labelled row" }.into());
    }
    same_length(what, values.len(), y.len())
}

/// `found` is one value a row.
pub(super) fn same_length(what: &str, found: usize, expected: usize) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(ErrorKind::Shape { what: format!("number of {what}"), found, expected }.into())
}

fn weights(y: &[bool], weights: Option<&[f64]>) -> Result<()> {
    let Some(weights) = weights else { return Ok(()) };
    same_length("weights", weights.len(), y.len())?;
    all("weights", weights, "a finite number, 0 or more", |w| w.is_finite() && w >= 0.0)?;
    if weights.iter().any(|&w| w > 0.0) {
        return Ok(());
    }
    let expected = "weights of which at least one is above 0";
    Err(ErrorKind::Number { what: "weights".into(), row: 1, value: 0.0, expected }.into())
}
