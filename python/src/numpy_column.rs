//! One numpy column on its way into Arrow.

use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{
    Array, ArrayRef, BooleanArray, Date32Array, DictionaryArray, Float32Array, Float64Array, Int32Array,
    Int64Array, StringArray, TimestampMicrosecondArray,
};
use numpy::datetime::{Datetime, units};
use numpy::{Element, PyReadonlyArray1};
use pyo3::prelude::*;

use crate::error::Result;
use crate::table::arrow;

/// numpy's NaT as a number.
const NOT_A_TIME: i64 = i64::MIN;

/// The forms that `keepwell._table` brings a column into.
#[derive(FromPyObject)]
pub enum NumpyColumn<'py> {
    /// float64, NaN missing.
    Numbers(PyReadonlyArray1<'py, f64>),
    /// float32, NaN missing.
    Singles(PyReadonlyArray1<'py, f32>),
    /// int64 without missing values.
    Whole(PyReadonlyArray1<'py, i64>),
    /// bool without missing values.
    Flags(PyReadonlyArray1<'py, bool>),
    /// datetime64[D].
    Days(PyReadonlyArray1<'py, Datetime<units::Days>>),
    /// datetime64[us].
    Instants(PyReadonlyArray1<'py, Datetime<units::Microseconds>>),
    /// int64, and where they are missing.
    SomeWhole(PyReadonlyArray1<'py, i64>, PyReadonlyArray1<'py, bool>),
    /// bool, and where they are missing.
    SomeFlags(PyReadonlyArray1<'py, bool>, PyReadonlyArray1<'py, bool>),
    /// int32 codes into the texts; below 0 is missing.
    Texts(PyReadonlyArray1<'py, i32>, Vec<String>),
}

impl NumpyColumn<'_> {
    /// The column as an Arrow array.
    pub fn into_arrow(self) -> Result<ArrayRef> {
        Ok(match self {
            NumpyColumn::Numbers(values) => Arc::new(Float64Array::from(vec(&values))),
            NumpyColumn::Singles(values) => Arc::new(Float32Array::from(vec(&values))),
            NumpyColumn::Whole(values) => Arc::new(Int64Array::from(vec(&values))),
            NumpyColumn::Flags(values) => Arc::new(BooleanArray::from(vec(&values))),
            NumpyColumn::Days(values) => {
                // A day beyond i32 is beyond every calendar: missing, as NaT is.
                let days = times(&values).map(|day| day.and_then(|day| i32::try_from(day).ok()));
                Arc::new(days.collect::<Date32Array>())
            }
            NumpyColumn::Instants(values) => Arc::new(times(&values).collect::<TimestampMicrosecondArray>()),
            NumpyColumn::SomeWhole(values, missing) => {
                Arc::new(present(&values, &missing).collect::<Int64Array>())
            }
            NumpyColumn::SomeFlags(values, missing) => {
                Arc::new(present(&values, &missing).collect::<BooleanArray>())
            }
            NumpyColumn::Texts(codes, texts) => dictionary(&codes, texts)?,
        })
    }
}

fn vec<T: Element + Copy>(values: &PyReadonlyArray1<'_, T>) -> Vec<T> {
    values.as_array().to_vec()
}

fn times<U: numpy::datetime::Unit>(
    values: &PyReadonlyArray1<'_, Datetime<U>>,
) -> impl Iterator<Item = Option<i64>> {
    let times = values.as_array().iter().map(|time| i64::from(*time)).collect::<Vec<_>>();
    times.into_iter().map(|time| (time != NOT_A_TIME).then_some(time))
}

fn present<T: Element + Copy>(
    values: &PyReadonlyArray1<'_, T>,
    missing: &PyReadonlyArray1<'_, bool>,
) -> impl Iterator<Item = Option<T>> {
    vec(values).into_iter().zip(vec(missing)).map(|(value, missing)| (!missing).then_some(value))
}

fn dictionary(codes: &PyReadonlyArray1<'_, i32>, texts: Vec<String>) -> Result<ArrayRef> {
    let codes: Int32Array = codes.as_array().iter().map(|code| (*code >= 0).then_some(*code)).collect();
    let texts = Arc::new(StringArray::from(texts));
    let dictionary = DictionaryArray::<Int32Type>::try_new(codes, texts).map_err(arrow)?;
    Ok(Arc::new(dictionary) as Arc<dyn Array>)
}
