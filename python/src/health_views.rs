//! Views of a whole health model, as tables.

use keepwell::explain::{self, SignalEffect, accumulated_effect, partial_dependence};
use keepwell::model::{BlendClassifier, Contributions};
use keepwell::schema::Schema;

use crate::arrays::{numbers, texts};
use crate::error::{Error, Result};
use crate::table::Table;

/// `name`, `mean`, `low` and `high` of each signal or dimension, the most important first.
pub fn importance(schema: &Schema, contributions: &Contributions, by: &str) -> Result<Table> {
    let all = explain::importance(schema, contributions)?;
    let found = match by {
        "signal" => all.signals,
        "dimension" => all.dimensions,
        _ => return Err(Error::new(format!("`by` is {by:?}, expected \"signal\" or \"dimension\""))),
    };
    let columns = vec![
        texts(by, found.iter().map(|importance| Some(&importance.name))),
        numbers("mean", found.iter().map(|importance| Some(importance.mean))),
        numbers("low", found.iter().map(|importance| Some(importance.low))),
        numbers("high", found.iter().map(|importance| Some(importance.high))),
    ];
    Table::of(found.len(), columns)
}

/// `value` and `log_odds` of a signal at each of its values.
pub fn effect(
    model: &BlendClassifier,
    accounts: &keepwell::frame::Table,
    signal: &str,
    kind: &str,
) -> Result<Table> {
    let SignalEffect { points, .. } = match kind {
        "partial" => partial_dependence(model, accounts, signal)?,
        "accumulated" => accumulated_effect(model, accounts, signal)?,
        _ => return Err(Error::new(format!("`kind` is {kind:?}, expected \"partial\" or \"accumulated\""))),
    };
    let values = match points.iter().any(|point| point.text.is_some()) {
        true => texts("value", points.iter().map(|point| point.text.as_ref())),
        false => numbers("value", points.iter().map(|point| Some(point.number))),
    };
    Table::of(
        points.len(),
        vec![values, numbers("log_odds", points.iter().map(|point| Some(point.log_odds)))],
    )
}
