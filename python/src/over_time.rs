//! Splits by time, back-tests and the leak check.

use jiff::civil::Date;
use keepwell::explain::Outcome;
use keepwell::frame::split::{TimeSplit, WalkForward};
use keepwell::frame::{Column, Evidence, Frame};
use keepwell::health::{self, BackTest, BackTestParams, Lead, TestedDate};
use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::arrays::{Named, dates, numbers, whole};
use crate::error::{Error, Result};
use crate::health_model::{outcome_of, set as set_model};
use crate::params::{Given, apply};
use crate::schema::Schema;
use crate::table::Table;
use crate::training::train;

/// A date as 2026-11-21.
pub fn day(text: &str) -> Result<Date> {
    text.parse().map_err(|_| Error::new(format!("found {text:?}, expected a date such as 2026-01-01")))
}

/// Rows to train on and rows to test on.
type TrainTest<'py> = (Rows<'py>, Rows<'py>);

/// A date, rows to train on and rows to test on.
type Dated<'py> = (String, Rows<'py>, Rows<'py>);

/// Rows counted from 0.
type Rows<'py> = Bound<'py, PyArray1<i64>>;

/// Gap, horizon and delay of the labels, in days.
type Days = (u32, u32, u32);

/// Of each date: the date, train rows, test rows.
#[pyfunction]
pub fn walk_forward<'py>(
    py: Python<'py>,
    as_of: &Table,
    days: Days,
    first: Option<&str>,
    window_days: Option<u32>,
) -> Result<Vec<Dated<'py>>> {
    let as_of = dates_of(as_of)?;
    let (gap, horizon, delay) = days;
    let walk = WalkForward::new()
        .gap_days(gap)
        .horizon_days(horizon)
        .delay_days(delay)
        .first(first.map(day).transpose()?)
        .window_days(window_days);
    let splits = walk.split(&as_of)?;
    let arrays = |split: keepwell::frame::split::DatedSplit| {
        (split.as_of.to_string(), rows(py, &split.train), rows(py, &split.test))
    };
    Ok(splits.into_iter().map(arrays).collect())
}

/// Train and test rows of one cut; of each of several splits where accounts are kept apart.
#[pyfunction]
pub fn time_split<'py>(
    py: Python<'py>,
    as_of: &Table,
    cut: &str,
    days: Days,
    apart: Option<(Vec<String>, PyReadonlyArray1<'py, bool>, usize, u64)>,
) -> Result<Vec<TrainTest<'py>>> {
    let as_of = dates_of(as_of)?;
    let (gap, horizon, delay) = days;
    let split = TimeSplit::new(day(cut)?).gap_days(gap).horizon_days(horizon).delay_days(delay);
    let splits = match apart {
        None => vec![split.split(&as_of)?],
        Some((ids, y, n_splits, random_state)) => {
            let y: Vec<bool> = y.as_array().iter().copied().collect();
            split.split_apart(&as_of, &ids, &y, n_splits, random_state)?
        }
    };
    Ok(splits.iter().map(|(train, test)| (rows(py, train), rows(py, test))).collect())
}

fn rows<'py>(py: Python<'py>, rows: &[usize]) -> Rows<'py> {
    PyArray1::from_iter(py, rows.iter().map(|&row| row as i64))
}

/// The dates of a table's only column.
fn dates_of(table: &Table) -> Result<Vec<Date>> {
    let table = table.read()?;
    let found: Vec<Date> = match table.columns() {
        [Column::Category(texts)] => {
            let date = |row: usize| {
                let text = texts.text(row).unwrap_or_default();
                day(text).map_err(|_| {
                    Error::new(format!(
                        "`as_of`, row {}: found {text:?}, expected a date such as 2026-01-01",
                        row + 1
                    ))
                })
            };
            (0..table.n_rows()).map(date).collect::<Result<_>>()?
        }
        _ => return Err(Error::new("`as_of` holds no dates; give it one date a row")),
    };
    Ok(found)
}

/// What a back-test found: a row a date, a row a lead time, dates left out and why, and all of it in words.
type BackTested = (Table, Option<Table>, Vec<(String, String)>, String);

/// Back-tests models of these parameters; `left` are accounts and the days they left on.
#[pyfunction]
pub fn back_test(
    py: Python<'_>,
    schema: &Schema,
    table: &Table,
    outcome: &str,
    model: &Bound<'_, PyDict>,
    params: &Bound<'_, PyDict>,
    left: Option<Vec<(String, String)>>,
) -> Result<BackTested> {
    let outcome: Outcome = outcome_of(outcome)?;
    let model = apply(health::HealthModel::params(schema.get()), model, set_model)?;
    let mut params = apply(model.back_test(), params, set)?.outcome(outcome);
    if let Some(left) = left {
        let left = left.into_iter().map(|(id, text)| Ok((id, day(&text)?)));
        params = params.left_on(left.collect::<Result<Vec<_>>>()?);
    }
    let past = Frame::from_arrow(table.batches(), schema.get())?;
    let found = train(py, None, |on_progress| params.run_with_progress(&past, on_progress))?;
    let left_out = found.left_out.iter().map(|(date, problem)| (date.to_string(), problem.clone()));
    Ok((dates_table(&found)?, leads_table(&found)?, left_out.collect(), found.to_string()))
}

fn set(params: BackTestParams, name: &str, given: &Given<'_>) -> Result<Option<BackTestParams>> {
    Ok(Some(match name {
        "gap_days" => params.gap_days(given.whole()?),
        "delay_days" => params.delay_days(given.whole()?),
        "first" => {
            let first = given.read::<Option<String>>("a date")?;
            params.first(first.as_deref().map(day).transpose()?)
        }
        "window_days" => params.window_days(given.whole::<Option<u32>>()?),
        "n_dates" => params.n_dates(given.whole::<Option<usize>>()?),
        "share" => params.share(given.number()?),
        "lead_days" => params.lead_days(given.read::<Vec<u32>>("a list of days")?),
        "accounts_apart" => params.accounts_apart(given.whole::<Option<usize>>()?),
        _ => return Ok(None),
    }))
}

fn dates_table(found: &BackTest) -> Result<Table> {
    let as_of: Vec<Date> = found.dates.iter().map(|date| date.as_of).collect();
    let count = |name: &str, of: fn(&TestedDate) -> usize| {
        whole(name, found.dates.iter().map(|date| i64::try_from(of(date)).ok()))
    };
    let number = |name: &str, of: fn(&TestedDate) -> Option<f64>| numbers(name, found.dates.iter().map(of));
    let columns: Vec<Named> = vec![
        dates("as_of", &as_of),
        count("n_train", |date| date.n_train),
        count("n_accounts", |date| date.n_accounts),
        count("n_labelled", |date| date.n_labelled),
        count("n_positive", |date| date.n_positive),
        number("base_rate", |date| date.base_rate),
        number("mean_probability", |date| date.mean_probability),
        number("auc", |date| date.auc),
        number("log_loss", |date| date.log_loss),
        number("calibration_error", |date| date.calibration_error),
        number("lift", |date| date.lift),
    ];
    Table::of(as_of.len(), columns)
}

fn leads_table(found: &BackTest) -> Result<Option<Table>> {
    let Some(leads) = &found.leads else { return Ok(None) };
    let columns = vec![
        whole("days", leads.iter().map(|lead| Some(i64::from(lead.days)))),
        whole("n_left", leads.iter().map(|lead| i64::try_from(lead.n_left).ok())),
        numbers("n_top", leads.iter().map(|lead| Some(lead.n_top))),
        whole("n_unseen", leads.iter().map(|lead| i64::try_from(lead.n_unseen).ok())),
        numbers("share", leads.iter().map(Lead::share)),
    ];
    Table::of(leads.len(), columns).map(Some)
}

/// Columns of a table that seem to know its label, each with what speaks for that.
#[pyfunction]
pub fn leak_check<'py>(
    py: Python<'py>,
    table: &Table,
    label: &str,
    set_aside: Vec<String>,
) -> Result<Vec<Bound<'py, PyDict>>> {
    let table = table.read()?;
    let found = py.detach(|| table.leaks(label, &set_aside))?;
    let told = |leak: &keepwell::frame::Leak| {
        let dict = PyDict::new(py);
        dict.set_item("column", &leak.column)?;
        dict.set_item("text", leak.to_string())?;
        match &leak.evidence {
            Evidence::Alone { auc } => {
                dict.set_item("evidence", "alone")?;
                dict.set_item("auc", auc)?;
            }
            Evidence::Value { which, n_rows, rate, rate_elsewhere } => {
                dict.set_item("evidence", "value")?;
                dict.set_item("which", which)?;
                dict.set_item("n_rows", n_rows)?;
                dict.set_item("rate", rate)?;
                dict.set_item("rate_elsewhere", rate_elsewhere)?;
            }
            Evidence::Twins { n_rows, agreement, by_chance } => {
                dict.set_item("evidence", "twins")?;
                dict.set_item("n_rows", n_rows)?;
                dict.set_item("agreement", agreement)?;
                dict.set_item("by_chance", by_chance)?;
            }
            Evidence::RepeatedId { n_ids, n_rows } => {
                dict.set_item("evidence", "repeated id")?;
                dict.set_item("n_ids", n_ids)?;
                dict.set_item("n_rows", n_rows)?;
            }
        }
        Ok(dict)
    };
    found.iter().map(told).collect()
}
