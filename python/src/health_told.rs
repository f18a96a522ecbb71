//! What a health model says of its quality, bands, segments, moves, recourse and similar accounts, as dictionaries.

use keepwell::health::{
    BandOutcome, Change, Moved, Quality, Recourse, SegmentOutcome, SegmentReport, SimilarTo, Standing,
};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::error::Result;

/// Size, money and how well its outcomes were foretold.
pub fn segment<'py>(py: Python<'py>, segment: &SegmentReport) -> Result<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("segment", &*segment.name)?;
    dict.set_item("depth", segment.depth)?;
    dict.set_item("n_accounts", segment.n_accounts)?;
    dict.set_item("value_cents", segment.value_cents)?;
    for (name, outcome) in [("churn", &segment.churn), ("expansion", &segment.expansion)] {
        dict.set_item(name, outcome.as_ref().map(|outcome| foretold(py, outcome)).transpose()?)?;
    }
    Ok(dict)
}

fn foretold<'py>(py: Python<'py>, outcome: &SegmentOutcome) -> Result<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("n_accounts", outcome.n_accounts)?;
    dict.set_item("n_positive", outcome.n_positive)?;
    dict.set_item("rate", outcome.rate)?;
    dict.set_item("predicted", outcome.predicted)?;
    dict.set_item("calibration_error", outcome.calibration_error)?;
    dict.set_item("calibration_error_of_one", outcome.calibration_error_of_one)?;
    Ok(dict)
}

/// Where an account stood and stands, and what each change did.
pub fn moved<'py>(py: Python<'py>, moved: &Moved) -> Result<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("account_id", &moved.id)?;
    dict.set_item("before", standing(py, &moved.before)?)?;
    dict.set_item("after", standing(py, &moved.after)?)?;
    let signals = moved.signals.iter().map(|signal| {
        let dict = change(py, &signal.change)?;
        dict.set_item("signal", &signal.name)?;
        dict.set_item("before", &signal.before)?;
        dict.set_item("after", &signal.after)?;
        Ok(dict)
    });
    dict.set_item("signals", signals.collect::<Result<Vec<_>>>()?)?;
    dict.set_item("account_changed", change(py, &moved.account_changed)?)?;
    dict.set_item("model_changed", change(py, &moved.model_changed)?)?;
    dict.set_item("days", moved.days)?;
    dict.set_item("lead_days", moved.lead_days)?;
    dict.set_item("text", moved.to_string())?;
    Ok(dict)
}

fn standing<'py>(py: Python<'py>, standing: &Standing) -> Result<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("probability", standing.probability)?;
    dict.set_item("health", standing.health)?;
    dict.set_item("band", standing.band.to_string())?;
    dict.set_item("segment", &*standing.segment)?;
    Ok(dict)
}

fn change<'py>(py: Python<'py>, change: &Change) -> Result<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("log_odds", change.log_odds)?;
    dict.set_item("probability", change.probability)?;
    dict.set_item("health", change.health)?;
    Ok(dict)
}

/// The changes that would bring an account into a band.
pub fn recourse<'py>(py: Python<'py>, recourse: &Recourse) -> Result<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("account_id", &recourse.id)?;
    dict.set_item("reached", recourse.reached)?;
    let changes = recourse.changes.iter().map(|change| {
        let dict = PyDict::new(py);
        dict.set_item("signal", &change.name)?;
        dict.set_item("from", &change.from)?;
        dict.set_item("to", &change.to)?;
        dict.set_item("value", change.value)?;
        dict.set_item("passed_share", change.passed_share)?;
        Ok(dict)
    });
    dict.set_item("changes", changes.collect::<Result<Vec<_>>>()?)?;
    dict.set_item("health", recourse.health)?;
    dict.set_item("probability", recourse.probability)?;
    dict.set_item("band", recourse.band.map(|band| band.to_string()))?;
    dict.set_item("text", recourse.to_string())?;
    Ok(dict)
}

/// The accounts like one, what was done for them and what came of it.
pub fn similar<'py>(py: Python<'py>, similar: &SimilarTo) -> Result<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("account_id", &similar.id)?;
    let accounts = similar.accounts.iter().map(|account| {
        let dict = PyDict::new(py);
        dict.set_item("account_id", &account.id)?;
        dict.set_item("row", account.row)?;
        dict.set_item("distance", account.distance)?;
        dict.set_item("churned", account.churned)?;
        dict.set_item("expanded", account.expanded)?;
        dict.set_item("done", account.done.as_deref())?;
        Ok(dict)
    });
    dict.set_item("accounts", accounts.collect::<Result<Vec<_>>>()?)?;
    dict.set_item("text", similar.to_string())?;
    Ok(dict)
}

/// What was foretold of a band, and what came of it.
pub fn band<'py>(py: Python<'py>, outcome: &BandOutcome) -> Result<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("band", outcome.band.to_string())?;
    dict.set_item("n_accounts", outcome.n_accounts)?;
    dict.set_item("n_positive", outcome.n_positive)?;
    dict.set_item("rate", outcome.rate())?;
    dict.set_item("predicted", outcome.predicted)?;
    Ok(dict)
}

/// How well an outcome was foretold.
pub fn quality<'py>(py: Python<'py>, quality: &Quality) -> Result<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("n_accounts", quality.n_accounts)?;
    dict.set_item("n_positive", quality.n_positive)?;
    dict.set_item("roc_auc", quality.roc_auc)?;
    dict.set_item("average_precision", quality.average_precision)?;
    dict.set_item("log_loss", quality.log_loss)?;
    dict.set_item("calibration_error", quality.calibration_error)?;
    dict.set_item("lift_top_tenth", quality.lift_top_tenth)?;
    Ok(dict)
}
