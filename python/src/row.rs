//! One row of cells as Python has them, on its way to a model.

use keepwell::ErrorKind;
use keepwell::model::{Cell, RowEncoder};
use numpy::PyReadonlyArray1;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFloat, PyString};

use crate::error::Result;

/// A mapping of names to cells, an array, or any other sequence of cells, as `d` numbers.
pub fn read(encoder: &RowEncoder, given: &Bound<'_, PyAny>) -> Result<Vec<f64>> {
    let row = if let Ok(cells) = given.cast::<PyDict>() {
        read_mapping(encoder, cells)?
    } else if let Ok(numbers) = given.extract::<PyReadonlyArray1<'_, f64>>() {
        read_sequence(encoder, numbers.as_array().iter().map(|number| Ok(Given::Number(*number))))?
    } else if given.is_instance_of::<PyString>() {
        return Err(PyTypeError::new_err("expected a row: a mapping, an array or a list; found str").into());
    } else {
        read_sequence(encoder, given.try_iter()?.map(|cell| Ok(Given::Object(cell?))))?
    };
    match row.iter().position(|number| number.is_infinite()) {
        None => Ok(row),
        Some(at) => {
            let (column, value) = (encoder.names()[at].clone(), row[at].to_string());
            let expected = "a finite number, or none (NaN) where it is missing".into();
            Err(keepwell::Error::from(ErrorKind::Value { column, row: 1, value, expected }).into())
        }
    }
}

enum Given<'py> {
    Number(f64),
    Object(Bound<'py, PyAny>),
}

impl Given<'_> {
    fn number(&self, encoder: &RowEncoder, at: usize) -> Result<f64> {
        match self {
            Given::Number(number) => Ok(encoder.number(at, Cell::Number(*number))?),
            Given::Object(cell) => number(encoder, at, cell),
        }
    }
}

fn read_sequence<'py>(
    encoder: &RowEncoder,
    mut cells: impl Iterator<Item = Result<Given<'py>>>,
) -> Result<Vec<f64>> {
    let expected = encoder.names().len();
    let mut row = Vec::with_capacity(expected);
    for cell in cells.by_ref().take(expected) {
        row.push(cell?.number(encoder, row.len())?);
    }
    let found = row.len() + cells.count();
    if found != expected {
        let what = "number of cells of the row".into();
        return Err(keepwell::Error::from(ErrorKind::Shape { what, found, expected }).into());
    }
    Ok(row)
}

/// Names that the model does not know are passed over.
fn read_mapping(encoder: &RowEncoder, cells: &Bound<'_, PyDict>) -> Result<Vec<f64>> {
    let mut row = vec![None; encoder.names().len()];
    for (name, cell) in cells {
        if let Some(at) = name.cast::<PyString>().ok().and_then(|name| encoder.place(name.to_str().ok()?)) {
            row[at] = Some(number(encoder, at, &cell)?);
        }
    }
    let missing = |at: usize| -> keepwell::Error {
        let found = cells.keys().iter().map(|name| name.to_string()).collect::<Vec<_>>().join(", ");
        let (column, role) = (encoder.names()[at].clone(), "a feature the model was trained on".into());
        ErrorKind::MissingColumn { column, role, found }.into()
    };
    let cells = row.into_iter().enumerate().map(|(at, number)| number.ok_or_else(|| missing(at)));
    Ok(cells.collect::<keepwell::Result<_>>()?)
}

fn number(encoder: &RowEncoder, at: usize, cell: &Bound<'_, PyAny>) -> Result<f64> {
    let told = |cell| Ok(encoder.number(at, cell)?);
    if let Ok(number) = cell.cast_exact::<PyFloat>() {
        return told(Cell::Number(number.value()));
    }
    if cell.is_none() {
        return told(Cell::Missing);
    }
    if let Ok(text) = cell.cast::<PyString>() {
        return told(Cell::Text(text.to_str()?));
    }
    match cell.extract::<f64>() {
        Ok(number) => told(Cell::Number(number)),
        Err(_) => {
            let (column, found) = (encoder.names()[at].clone(), cell.get_type().name()?.to_string());
            let expected = "a number, a flag, a text or None".into();
            Err(keepwell::Error::from(ErrorKind::ColumnType { column, found, expected }).into())
        }
    }
}
