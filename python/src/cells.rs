//! Arrow cells on their way to Python: numpy arrays where numpy has the type, lists of plain objects elsewhere.

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef};
use arrow_cast::cast;
use arrow_schema::{DataType, TimeUnit};
use numpy::PyArray1;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::error::Result;
use crate::table::arrow;

/// A column: numpy float64 (NaN missing), int64 or bool where nothing is missing, a list elsewhere.
pub fn column<'py>(py: Python<'py>, array: &ArrayRef) -> Result<Bound<'py, PyAny>> {
    let array = plain(array)?;
    Ok(match array.data_type() {
        DataType::Float64 => {
            let values = array.as_primitive::<Float64Type>().iter().map(|value| value.unwrap_or(f64::NAN));
            PyArray1::from_iter(py, values).into_any()
        }
        DataType::Int64 if array.null_count() == 0 => {
            PyArray1::from_slice(py, array.as_primitive::<Int64Type>().values()).into_any()
        }
        DataType::Boolean if array.null_count() == 0 => {
            PyArray1::from_iter(py, array.as_boolean().values().iter()).into_any()
        }
        _ => list(py, &array)?.into_any(),
    })
}

/// The same values in the widest type of their kind, dictionaries resolved.
fn plain(array: &ArrayRef) -> Result<ArrayRef> {
    let target = match array.data_type() {
        kind if kind.is_integer() && *kind != DataType::UInt64 => DataType::Int64,
        kind if kind.is_numeric() => DataType::Float64,
        DataType::Dictionary(_, _) | DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
        DataType::Date64 => DataType::Date32,
        DataType::Timestamp(_, zone) => DataType::Timestamp(TimeUnit::Microsecond, zone.clone()),
        DataType::LargeList(item) => DataType::List(item.clone()),
        _ => return Ok(array.clone()),
    };
    cast(array, &target).map_err(arrow)
}

fn list<'py>(py: Python<'py>, array: &ArrayRef) -> Result<Bound<'py, PyList>> {
    let array = plain(array)?;
    let cells = (0..array.len()).map(|row| cell(py, &array, row)).collect::<Result<Vec<_>>>()?;
    Ok(PyList::new(py, cells)?)
}

/// One cell of an array that [`plain`] has seen; `None` where it is missing.
fn cell<'py>(py: Python<'py>, array: &ArrayRef, row: usize) -> Result<Bound<'py, PyAny>> {
    if array.is_null(row) {
        return Ok(py.None().into_bound(py));
    }
    Ok(match array.data_type() {
        DataType::Float64 => array.as_primitive::<Float64Type>().value(row).into_pyobject(py)?.into_any(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).into_pyobject(py)?.into_any(),
        DataType::Boolean => array.as_boolean().value(row).into_pyobject(py)?.to_owned().into_any(),
        DataType::Utf8 => array.as_string::<i32>().value(row).into_pyobject(py)?.into_any(),
        DataType::Date32 => date(py, array.as_primitive::<Date32Type>().value(row))?,
        DataType::List(_) => list(py, &array.as_list::<i32>().value(row))?.into_any(),
        DataType::Struct(fields) => {
            let dict = PyDict::new(py);
            for (field, values) in fields.iter().zip(array.as_struct().columns()) {
                dict.set_item(field.name(), cell(py, &plain(values)?, row)?)?;
            }
            dict.into_any()
        }
        other => {
            let text =
                format!("no plain Python objects for Arrow's {other}; use to_pyarrow() or to_polars()");
            return Err(PyTypeError::new_err(text).into());
        }
    })
}

fn date(py: Python<'_>, days: i32) -> Result<Bound<'_, PyAny>> {
    /// `datetime.date(1970, 1, 1).toordinal()`.
    const EPOCH: i32 = 719_163;
    Ok(py.import("datetime")?.getattr("date")?.call_method1("fromordinal", (days + EPOCH,))?)
}
