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
