//! Columns as an estimator was given them, read where they stand.

use arrow_array::{Array, ArrayRef};
use keepwell::frame::{ColumnRef, Numbers, TableView};
use numpy::ndarray::{ArrayView1, ArrayView2, Axis, Slice};
use numpy::{PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;
use rayon::prelude::*;

use crate::error::Result;
use crate::numpy_column::NumpyColumn;
use crate::table::Table;

/// Numbers that one thread looks through at a time.
const CHECKED_TOGETHER: usize = 1 << 16;

/// What `keepwell._table.Columns` holds.
#[derive(FromPyObject)]
pub enum Columns<'py> {
    /// `n × d` numbers in any order of memory.
    Doubles(PyReadonlyArray2<'py, f64>),
    /// `n × d` numbers in any order of memory.
    Singles(PyReadonlyArray2<'py, f32>),
    /// Arrow.
    Table(Bound<'py, Table>),
    /// One array after the other.
    Each(Vec<Column<'py>>),
}

/// One column of `n` rows.
pub enum Column<'py> {
    /// Numbers.
    Doubles(PyReadonlyArray1<'py, f64>),
    /// Numbers.
    Singles(PyReadonlyArray1<'py, f32>),
    /// Anything else, as Arrow.
    Arrow(ArrayRef),
}

impl<'py> FromPyObject<'_, 'py> for Column<'py> {
    type Error = PyErr;

    fn extract(given: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        Ok(match given.extract::<NumpyColumn<'py>>()? {
            NumpyColumn::Numbers(values) => Column::Doubles(values),
            NumpyColumn::Singles(values) => Column::Singles(values),
            other => Column::Arrow(other.into_arrow()?),
        })
    }
}

impl Columns<'_> {
    /// The columns under these names.
    pub fn view<'a>(&'a self, names: &'a [String]) -> Result<TableView<'a>> {
        Ok(match self {
            Columns::Doubles(values) => matrix(names, values.as_array())?,
            Columns::Singles(values) => matrix(names, values.as_array())?,
            Columns::Table(table) => TableView::from_arrow(table.get().batches())?.with_names(names)?,
            Columns::Each(columns) => {
                let n_rows = columns.first().map_or(0, Column::len);
                let each = columns.iter().zip(names).map(|(column, name)| column.borrowed(name));
                TableView::new(n_rows, names, each.collect::<Result<_>>()?)?
            }
        })
    }

    /// The columns, numbered as those of training, under the names of training. Those of a matrix have no infinite
    /// number.
    pub fn view_to_score<'a>(&'a self, names: &'a [String]) -> Result<TableView<'a>> {
        let view = self.view(names)?;
        let is_finite = match self {
            Columns::Doubles(values) => is_finite(values.as_array()),
            Columns::Singles(values) => is_finite(values.as_array()),
            Columns::Table(_) | Columns::Each(_) => true,
        };
        if !is_finite {
            view.check_finite()?;
        }
        Ok(view)
    }

    /// Rows and columns of a matrix.
    pub fn matrix_shape(&self) -> Option<(usize, usize)> {
        match self {
            Columns::Doubles(values) => Some(values.as_array().dim()),
            Columns::Singles(values) => Some(values.as_array().dim()),
            Columns::Table(_) | Columns::Each(_) => None,
        }
    }

    /// One row of a matrix as numbers, into `cells`.
    pub fn write_row(&self, row: usize, cells: &mut Vec<f64>) {
        cells.clear();
        match self {
            Columns::Doubles(values) => cells.extend(values.as_array().row(row)),
            Columns::Singles(values) => {
                cells.extend(values.as_array().row(row).iter().map(|v| f64::from(*v)))
            }
            Columns::Table(_) | Columns::Each(_) => {}
        }
    }
}

impl Column<'_> {
    fn len(&self) -> usize {
        match self {
            Column::Doubles(values) => values.as_array().len(),
            Column::Singles(values) => values.as_array().len(),
            Column::Arrow(array) => array.len(),
        }
    }

    fn borrowed<'a>(&'a self, name: &str) -> Result<ColumnRef<'a>> {
        Ok(match self {
            Column::Doubles(values) => ColumnRef::Number(numbers(values.as_array())),
            Column::Singles(values) => ColumnRef::Number(numbers(values.as_array())),
            Column::Arrow(array) => ColumnRef::from_arrow(name, array)?,
        })
    }
}

fn matrix<'a, T: Float>(names: &'a [String], values: ArrayView2<'a, T>) -> keepwell::Result<TableView<'a>> {
    let (n_rows, n_columns) = values.dim();
    let column = |at: usize| match values.to_slice() {
        Some(rows) if n_columns > 1 => Numbers::read(n_rows, move |start, out| {
            let rows = rows[start * n_columns..].chunks_exact(n_columns);
            out.iter_mut().zip(rows).for_each(|(out, row)| *out = row[at].into());
        }),
        _ => numbers(values.index_axis_move(Axis(1), at)),
    };
    TableView::new(n_rows, names, (0..n_columns).map(|at| ColumnRef::Number(column(at))).collect())
}

/// Whether every number of a matrix is finite or missing, in the order in which they lie in memory; false where they do
/// not lie together, since then their columns are to be asked.
fn is_finite<T: Float>(values: ArrayView2<'_, T>) -> bool {
    let has_infinite = |numbers: &[T]| {
        let infinite = |found, &number: &T| found | number.into().is_infinite();
        numbers.iter().fold(false, infinite)
    };
    values.as_slice_memory_order().is_some_and(|all| !all.par_chunks(CHECKED_TOGETHER).any(has_infinite))
}

/// The numbers where they stand: a slice, or some rows at a time.
fn numbers<T: Float>(values: ArrayView1<'_, T>) -> Numbers<'_> {
    if let Some(slice) = values.to_slice() {
        return T::numbers(slice);
    }
    Numbers::read(values.len(), move |start, out| {
        let rows = values.slice_axis(Axis(0), Slice::from(start..start + out.len()));
        out.iter_mut().zip(rows).for_each(|(out, value)| *out = (*value).into());
    })
}

/// The types of numbers that are read where they stand.
trait Float: Copy + Into<f64> + Send + Sync {
    fn numbers(slice: &[Self]) -> Numbers<'_>
    where
        Self: Sized;
}

impl Float for f64 {
    fn numbers(slice: &[f64]) -> Numbers<'_> {
        Numbers::F64(slice)
    }
}

impl Float for f32 {
    fn numbers(slice: &[f32]) -> Numbers<'_> {
        Numbers::F32(slice)
    }
}
