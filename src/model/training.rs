//! What every training begins with: a look at table, labels and weights, folds, and threads.

use std::collections::BTreeMap;

use crate::error::{Error, ErrorKind, Result};
use crate::frame::{Column, Table};

/// Whether labels and weights fit the table, are of both classes, and all numbers can be learned from.
pub(crate) fn check_training(table: &Table, y: &[bool], weights: Option<&[f64]>) -> Result<()> {
    if table.n_rows() == 0 {
        let what = "the training table".into();
        return Err(ErrorKind::NoRows { what, hint: "give rows of both classes to learn from" }.into());
    }
    check_length("number of labels", y.len(), table.n_rows())?;
    if let Some(weights) = weights {
        check_length("number of weights", weights.len(), table.n_rows())?;
        check_weights(weights)?;
    }
    check_classes(y, weights)?;
    table.names().iter().zip(table.columns()).try_for_each(|(name, column)| check_finite(name, column))
}

fn check_length(what: &str, found: usize, expected: usize) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(ErrorKind::Shape { what: what.into(), found, expected }.into())
}

fn check_weights(weights: &[f64]) -> Result<()> {
    let wrong = |weight: &f64| !(weight.is_finite() && *weight >= 0.0);
    let Some(at) = weights.iter().position(wrong) else { return Ok(()) };
    let (what, expected) = ("weights".into(), "a finite number, 0 or more");
    Err(ErrorKind::Number { what, row: at + 1, value: weights[at], expected }.into())
}

fn check_classes(y: &[bool], weights: Option<&[f64]>) -> Result<()> {
    let [n_false, n_true] = class_counts(y, weights);
    let class = match (n_false, n_true) {
        (1.., 1..) => return Ok(()),
        (1.., 0) => "false",
        (0, 1..) => "true",
        (0, 0) => {
            let what = "the training table, weights of 0 aside,".into();
            return Err(ErrorKind::NoRows { what, hint: "give some rows a weight above 0" }.into());
        }
    };
    Err(ErrorKind::OneClass { label: "y".into(), class, n_rows: y.len() }.into())
}

fn check_finite(name: &str, column: &Column) -> Result<()> {
    let Column::Number(values) = column else { return Ok(()) };
    let Some(at) = values.iter().position(|value| value.is_infinite()) else { return Ok(()) };
    let (column, value) = (name.to_owned(), values[at].to_string());
    let expected = "a finite number, or none (NaN) where it is missing".into();
    Err(ErrorKind::Value { column, row: at + 1, value, expected }.into())
}

/// A direction a column in the table's order, 0 where `monotonic` does not name it.
pub(crate) fn directions(table: &Table, monotonic: &BTreeMap<String, i8>) -> Result<Vec<i8>> {
    monotonic.iter().try_for_each(|(name, direction)| check_direction(table, name, *direction))?;
    Ok(table.names().iter().map(|name| monotonic.get(name).copied().unwrap_or(0)).collect())
}

fn check_direction(table: &Table, name: &str, direction: i8) -> Result<()> {
    let missing = || ErrorKind::MissingColumn {
        column: name.to_owned(),
        role: "named in `monotonic`".into(),
        found: table.names().join(", "),
    };
    match table.column(name).ok_or_else(missing)? {
        Column::Category(_) if direction != 0 => Err(ErrorKind::ColumnType {
            column: name.to_owned(),
            found: "text".into(),
            expected: "numbers, since `monotonic` names it; a category has no direction".into(),
        }
        .into()),
        _ => Ok(()),
    }
}

/// Rows of positive weight: of the negative class, of the positive class.
pub(crate) fn class_counts(y: &[bool], weights: Option<&[f64]>) -> [usize; 2] {
    let mut counts = [0; 2];
    let weighs = |row: usize| weights.is_none_or(|weights| weights[row] > 0.0);
    (0..y.len()).filter(|&row| weighs(row)).for_each(|row| counts[usize::from(y[row])] += 1);
    counts
}

/// The rows outside and inside a fold, ascending.
pub(crate) fn fold_rows(fold_of_row: &[usize], fold: usize) -> (Vec<u32>, Vec<u32>) {
    (0..fold_of_row.len() as u32).partition(|&row| fold_of_row[row as usize] != fold)
}

/// Runs with `n_jobs` threads: this one, a pool of that size, or rayon's current pool where it is `None`.
pub(crate) fn with_threads<T: Send>(
    n_jobs: Option<usize>,
    run: impl FnOnce(usize) -> Result<T> + Send,
) -> Result<T> {
    match n_jobs {
        Some(n_jobs) if n_jobs != rayon::current_num_threads() => {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n_jobs).build();
            pool.map_err(|error| no_threads(n_jobs, &error))?.install(|| run(n_jobs))
        }
        _ => run(rayon::current_num_threads()),
    }
}

fn no_threads(n_jobs: usize, error: &dyn std::error::Error) -> Error {
    let expected = "a number of threads that the system can start";
    ErrorKind::Parameter { name: "n_jobs", value: format!("{n_jobs} ({error})"), expected }.into()
}
