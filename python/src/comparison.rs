//! `compare`: models side by side on the accounts of a table, as a table.

use jiff::civil::Date;
use keepwell::explain::Outcome;
use keepwell::frame::Frame;
use keepwell::frame::split::TimeSplit;
use keepwell::model::compare::Measure;
use keepwell::model::{CompareParams, Compared, Comparison};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::arrays::{Named, numbers, texts};
use crate::error::{Error, Result};
use crate::health_model::outcome_of;
use crate::params::{Given, apply};
use crate::schema::Schema;
use crate::table::Table;

/// Cuts as ISO dates, gap and horizon in days.
type ByTime = (Vec<String>, u32, u32);

/// Compares by folds, or by time where there are cuts; gives back the table, and name and problem of each model that
/// could not be compared.
#[pyfunction]
pub fn compare(
    py: Python<'_>,
    schema: &Schema,
    table: &Table,
    outcome: &str,
    by_time: ByTime,
    params: &Bound<'_, PyDict>,
) -> Result<(Table, Vec<(String, String)>)> {
    let outcome = outcome_of(outcome)?;
    let (cuts, gap_days, horizon_days) = by_time;
    let past = Frame::from_arrow(table.batches(), schema.get())?;
    let cuts = cuts.iter().map(|text| date(text)).collect::<Result<Vec<Date>>>()?;
    let split = |cut| TimeSplit::new(cut).gap_days(gap_days).horizon_days(horizon_days);
    let params = apply(Comparison::params(), params, set)?.by_time(cuts.into_iter().map(split));
    let found = py.detach(|| match outcome {
        Outcome::Churn => params.churn(&past),
        Outcome::Expansion => params.expansion(&past),
    })?;
    let failed = found.failed.iter().map(|failure| (failure.name.clone(), failure.problem.clone()));
    Ok((Table::of(found.models.len(), columns(&found.models))?, failed.collect()))
}

fn date(text: &str) -> Result<Date> {
    let wrong = |_| Error::new(format!("`cuts` has {text:?}, expected dates such as 2026-01-01"));
    text.parse().map_err(wrong)
}

fn set(params: CompareParams, name: &str, given: &Given<'_>) -> Result<Option<CompareParams>> {
    Ok(Some(match name {
        "n_folds" => params.n_folds(given.whole()?),
        "n_repeats" => params.n_repeats(given.whole()?),
        "random_state" => params.random_state(given.whole()?),
        "n_jobs" => params.n_jobs(given.whole::<Option<usize>>()?),
        _ => return Ok(None),
    }))
}

/// One metric of a model.
type Metric = fn(&Compared) -> Measure;

/// The model, and of each metric its mean, how far it is behind the best, and the standard error of that.
fn columns(models: &[Compared]) -> Vec<Named> {
    let mut columns = vec![texts("model", models.iter().map(|model| Some(&model.name)))];
    let metrics: [(&str, Metric); 6] = [
        ("auc", |model| model.auc),
        ("average_precision", |model| model.average_precision),
        ("log_loss", |model| model.log_loss),
        ("brier", |model| model.brier),
        ("calibration_error", |model| model.calibration_error),
        ("lift_top_tenth", |model| model.lift_top_tenth),
    ];
    for (name, of) in metrics {
        columns.push(numbers(name, models.iter().map(|model| Some(of(model).mean))));
        columns.push(numbers(&format!("{name}_behind"), models.iter().map(|model| Some(of(model).behind))));
        let errors = models.iter().map(|model| of(model).standard_error);
        columns.push(numbers(&format!("{name}_behind_error"), errors));
    }
    columns.push(numbers("fit_seconds", models.iter().map(|model| Some(model.fit_seconds))));
    columns.push(numbers("score_micros", models.iter().map(|model| Some(model.score_micros))));
    columns
}
