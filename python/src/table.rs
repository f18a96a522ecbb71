//! `Table`: Arrow record batches, in from anything with the Arrow C stream or from numpy columns, and out again.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type};
use arrow_array::{
    ArrayRef, ArrowPrimitiveType, PrimitiveArray, RecordBatch, RecordBatchOptions, StructArray,
};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{ArrowError, Field, Schema, SchemaRef};
use arrow_select::concat::concat_batches;
use numpy::PyReadonlyArray2;
use numpy::ndarray::ArrayView2;
use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict};
use pyo3_arrow::error::PyArrowResult;
use pyo3_arrow::ffi::{ArrayIterator, to_schema_pycapsule, to_stream_pycapsule};
use pyo3_arrow::input::AnyRecordBatch;

use crate::cells;
use crate::error::{Error, Result};
use crate::numpy_column::NumpyColumn;

/// Rows, columns and characters a cell that a `repr` shows.
const SHOWN: (usize, usize, usize) = (6, 8, 24);

/// Named columns of equal length, held as Arrow.
#[pyclass(frozen, subclass, module = "keepwell")]
pub struct Table {
    batches: Vec<RecordBatch>,
    schema: SchemaRef,
}

impl Table {
    /// One batch of columns.
    pub fn of(n_rows: usize, columns: Vec<(String, ArrayRef)>) -> Result<Self> {
        let fields: Vec<Field> =
            columns.iter().map(|(name, array)| Field::new(name, array.data_type().clone(), true)).collect();
        let schema = Arc::new(Schema::new(fields));
        let arrays = columns.into_iter().map(|(_, array)| array).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(n_rows));
        let batch = RecordBatch::try_new_with_options(schema.clone(), arrays, &options).map_err(arrow)?;
        Ok(Table { batches: vec![batch], schema })
    }

    /// The record batches, all of one schema.
    pub fn batches(&self) -> &[RecordBatch] {
        &self.batches
    }

    /// The names and the first rows of the first columns, a line each.
    fn head(&self) -> Result<Vec<String>> {
        let head = self.slice(0, SHOWN.0);
        let whole = concat_batches(&head.schema, &head.batches).map_err(arrow)?;
        let shown = whole.columns().iter().zip(self.column_names()).take(SHOWN.1);
        let columns = shown.map(|(array, name)| shown_column(name, array)).collect::<Result<Vec<_>>>()?;
        let line =
            |at: usize| columns.iter().map(|column| column[at].as_str()).collect::<Vec<_>>().join("  ");
        Ok((0..=whole.num_rows()).map(|at| line(at).trim_end().to_owned()).collect())
    }

    /// Whatever `keepwell.table` takes.
    pub fn from_any<'py>(data: &Bound<'py, PyAny>) -> Result<Bound<'py, Self>> {
        let table = data.py().import("keepwell._table")?.call_method1("table", (data,))?;
        Ok(table.cast_into::<Self>().map_err(PyErr::from)?)
    }

    /// The columns as keepwell reads them.
    pub fn read(&self) -> Result<keepwell::frame::Table> {
        Ok(keepwell::frame::Table::from_arrow(&self.batches)?)
    }
}

impl From<RecordBatch> for Table {
    fn from(batch: RecordBatch) -> Self {
        Table { schema: batch.schema(), batches: vec![batch] }
    }
}

/// `n × d` numbers.
#[derive(FromPyObject)]
pub enum Matrix<'py> {
    /// NaN missing.
    Doubles(PyReadonlyArray2<'py, f64>),
    /// NaN missing.
    Singles(PyReadonlyArray2<'py, f32>),
}

/// Number of rows, and the columns.
fn columns<T: ArrowPrimitiveType>(values: ArrayView2<'_, T::Native>) -> (usize, Vec<ArrayRef>) {
    let mut columns = vec![Vec::with_capacity(values.nrows()); values.ncols()];
    for row in values.rows() {
        columns.iter_mut().zip(row).for_each(|(column, value)| column.push(*value));
    }
    let array = |column: Vec<T::Native>| Arc::new(PrimitiveArray::<T>::from_iter_values(column)) as ArrayRef;
    (values.nrows(), columns.into_iter().map(array).collect())
}

/// Name and cells of a column, cut and padded to one width.
fn shown_column(name: String, array: &ArrayRef) -> Result<Vec<String>> {
    let texts = std::iter::once(name).chain(shown_cells(array)?);
    let cut = |text: String| match text.char_indices().nth(SHOWN.2) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    };
    let texts: Vec<String> = texts.map(cut).collect();
    let width = texts.iter().map(|text| text.chars().count()).max().unwrap_or(0);
    Ok(texts.into_iter().map(|text| format!("{text:<width$}")).collect())
}

/// Numbers to four places, everything else as Arrow writes it.
fn shown_cells(array: &ArrayRef) -> Result<Vec<String>> {
    if let Some(values) = array.as_primitive_opt::<Float64Type>() {
        let text = |value: f64| ((value * 1e4).round() / 1e4).to_string();
        return Ok(values.iter().map(|value| value.map_or_else(String::new, text)).collect());
    }
    let options = FormatOptions::default();
    let format = ArrayFormatter::try_new(array, &options).map_err(arrow)?;
    Ok((0..array.len()).map(|row| format.value(row).to_string()).collect())
}

/// Arrow's word for what went wrong, as `keepwell.Error`.
pub fn arrow(error: ArrowError) -> Error {
    Error::new(error.to_string())
}

#[pymethods]
impl Table {
    /// From an object with `__arrow_c_stream__` or `__arrow_c_array__`, without a copy.
    #[staticmethod]
    fn from_arrow(data: AnyRecordBatch) -> PyArrowResult<Self> {
        let (batches, schema) = data.into_table()?.into_inner();
        Ok(Table { batches, schema })
    }

    /// From a matrix of `n` rows × `d` numbers and the `d` names.
    #[staticmethod]
    fn from_matrix(names: Vec<String>, values: Matrix<'_>) -> Result<Self> {
        let (n_rows, arrays) = match values {
            Matrix::Doubles(values) => columns::<Float64Type>(values.as_array()),
            Matrix::Singles(values) => columns::<Float32Type>(values.as_array()),
        };
        Table::of(n_rows, names.into_iter().zip(arrays).collect())
    }

    /// From columns as `keepwell._table` prepares them; see `NumpyColumn`.
    #[staticmethod]
    fn from_columns(n_rows: usize, columns: Vec<(String, NumpyColumn<'_>)>) -> Result<Self> {
        let columns = columns.into_iter().map(|(name, column)| Ok((name, column.into_arrow()?)));
        Table::of(n_rows, columns.collect::<Result<_>>()?)
    }

    /// The columns' names.
    #[getter]
    fn column_names(&self) -> Vec<String> {
        self.schema.fields().iter().map(|field| field.name().clone()).collect()
    }

    /// The columns' Arrow types.
    #[getter]
    fn column_types(&self) -> Vec<String> {
        self.schema.fields().iter().map(|field| field.data_type().to_string()).collect()
    }

    /// Rows and columns.
    #[getter]
    fn shape(&self) -> (usize, usize) {
        (self.__len__(), self.schema.fields().len())
    }

    fn __len__(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// One column: a numpy array of numbers or flags, or a list; missing is NaN in floats and `None` elsewhere.
    fn __getitem__<'py>(&self, py: Python<'py>, name: &str) -> Result<Bound<'py, PyAny>> {
        let at = self.schema.index_of(name).map_err(|_| {
            let columns = self.column_names().join(", ");
            PyKeyError::new_err(format!("no column `{name}`; the columns are: {columns}"))
        })?;
        let whole = concat_batches(&self.schema, &self.batches).map_err(arrow)?;
        cells::column(py, whole.column(at))
    }

    /// Every column by name, as `table[name]` gives it.
    fn to_dict<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for name in self.column_names() {
            dict.set_item(&name, self.__getitem__(py, &name)?)?;
        }
        Ok(dict)
    }

    /// As `pandas.DataFrame`; needs pandas and not pyarrow.
    fn to_pandas<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyAny>> {
        Ok(py.import("pandas")?.call_method1("DataFrame", (self.to_dict(py)?,))?)
    }

    /// As `polars.DataFrame`, without a copy.
    fn to_polars(slf: Bound<'_, Self>) -> Result<Bound<'_, PyAny>> {
        Ok(slf.py().import("polars")?.call_method1("DataFrame", (slf,))?)
    }

    /// As `pyarrow.Table`, without a copy.
    fn to_pyarrow(slf: Bound<'_, Self>) -> Result<Bound<'_, PyAny>> {
        Ok(slf.py().import("pyarrow")?.call_method1("table", (slf,))?)
    }

    fn __repr__(slf: &Bound<'_, Self>) -> Result<String> {
        let (this, class) = (slf.get(), slf.get_type().name()?);
        let (n_rows, n_columns) = this.shape();
        let mut lines = vec![format!("keepwell.{class}: {n_rows} rows, {n_columns} columns")];
        lines.extend(this.head()?);
        if n_columns > SHOWN.1 {
            lines.push(format!("and {}", this.column_names()[SHOWN.1..].join(", ")));
        }
        Ok(lines.join("\n"))
    }

    /// The same columns under other names.
    fn rename(&self, names: Vec<String>) -> Result<Self> {
        let (found, expected) = (names.len(), self.schema.fields().len());
        if found != expected {
            return Err(Error::new(format!("number of names: found {found}, expected {expected}")));
        }
        let fields = self.schema.fields().iter().zip(&names);
        let fields: Vec<Field> = fields.map(|(field, name)| field.as_ref().clone().with_name(name)).collect();
        let schema = Arc::new(Schema::new(fields));
        let rename = |batch: &RecordBatch| {
            let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            RecordBatch::try_new_with_options(schema.clone(), batch.columns().to_vec(), &options)
        };
        let batches = self.batches.iter().map(rename).collect::<std::result::Result<_, _>>();
        Ok(Table { batches: batches.map_err(arrow)?, schema })
    }

    /// The rows from `start` up to `stop`, without a copy.
    fn slice(&self, start: usize, stop: usize) -> Self {
        let mut skip = start;
        let mut take = stop.min(self.__len__()).saturating_sub(start);
        let mut batches = Vec::new();
        for batch in &self.batches {
            let from = skip.min(batch.num_rows());
            let length = take.min(batch.num_rows() - from);
            batches.push(batch.slice(from, length));
            skip -= from;
            take -= length;
        }
        Table { batches, schema: self.schema.clone() }
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> PyArrowResult<Bound<'py, PyCapsule>> {
        let field = Field::new_struct("", self.schema.fields().clone(), false);
        let batches = self.batches.clone().into_iter();
        let structs = batches.map(|batch| Ok(Arc::new(StructArray::from(batch)) as ArrayRef));
        to_stream_pycapsule(py, Box::new(ArrayIterator::new(structs, field.into())), requested_schema)
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyArrowResult<Bound<'py, PyCapsule>> {
        to_schema_pycapsule(py, self.schema.as_ref())
    }
}
