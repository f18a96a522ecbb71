//! Borrowed columns: what a model is fitted on and what it scores, wherever the numbers stand.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use rayon::prelude::*;

use super::{Categories, Column, Table};
use crate::error::{ErrorKind, Result};

/// Rows that are read at a time where numbers are no slice.
const STRETCH: usize = 1024;

/// Writes the numbers of rows `start..start + out.len()` into `out`: `read(start, out)`; NaN is missing.
type ReadRows<'a> = dyn Fn(usize, &mut [f64]) + Send + Sync + 'a;

/// Numbers of `n` rows where they stand: NaN is missing.
#[derive(Clone)]
pub enum Numbers<'a> {
    /// A slice.
    F64(&'a [f64]),
    /// A slice, each number as the `f64` that equals it.
    F32(&'a [f32]),
    /// No slice; see [`Numbers::read`].
    Read(Reader<'a>),
}

/// Numbers that are no slice.
#[derive(Clone)]
pub struct Reader<'a> {
    n_rows: usize,
    read: Arc<ReadRows<'a>>,
}

impl Reader<'_> {
    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// What was given to [`Numbers::read`].
    pub fn rows(&self) -> &ReadRows<'_> {
        &*self.read
    }
}

impl<'a> Numbers<'a> {
    /// Numbers that are no slice: a column of a row-major matrix, chunks, another type. `read(start, out)` writes
    /// those of rows `start..start + out.len()`; rows beyond `n_rows` are never asked for.
    ///
    /// ```
    /// use keepwell::frame::Numbers;
    ///
    /// let matrix = [[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]];
    /// let second = Numbers::read(3, |start, out| {
    ///     out.iter_mut().zip(&matrix[start..]).for_each(|(number, row)| *number = row[1]);
    /// });
    /// assert_eq!(*second.to_f64(), [10.0, 20.0, 30.0]);
    /// ```
    pub fn read(n_rows: usize, read: impl Fn(usize, &mut [f64]) + Send + Sync + 'a) -> Self {
        Numbers::Read(Reader { n_rows, read: Arc::new(read) })
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        match self {
            Numbers::F64(values) => values.len(),
            Numbers::F32(values) => values.len(),
            Numbers::Read(reader) => reader.n_rows,
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All of them: a copy unless they are a slice of `f64`.
    pub fn to_f64(&self) -> Cow<'a, [f64]> {
        if let Numbers::F64(values) = self {
            return Cow::Borrowed(values);
        }
        let mut values = vec![0.0; self.len()];
        self.write(0, &mut values);
        Cow::Owned(values)
    }

    /// Writes the numbers of rows `start..start + out.len()` into `out`.
    ///
    /// # Panics
    /// Where there are no such rows.
    pub fn write(&self, start: usize, out: &mut [f64]) {
        let end = start + out.len();
        match self {
            Numbers::F64(values) => out.copy_from_slice(&values[start..end]),
            Numbers::F32(values) => {
                out.iter_mut().zip(&values[start..end]).for_each(|(out, &value)| *out = f64::from(value));
            }
            Numbers::Read(reader) => {
                assert!(end <= reader.n_rows, "rows up to {end} of {}", reader.n_rows);
                (reader.read)(start, out);
            }
        }
    }

    /// Calls `take` with the first row and the numbers of one stretch of rows after the other.
    pub fn for_stretches(&self, mut take: impl FnMut(usize, &[f64])) {
        if let Numbers::F64(values) = self {
            return take(0, values);
        }
        let mut numbers = [0.0; STRETCH];
        for start in (0..self.len()).step_by(STRETCH) {
            let numbers = &mut numbers[..STRETCH.min(self.len() - start)];
            self.write(start, numbers);
            take(start, numbers);
        }
    }

    /// The first row for which something holds of its number.
    pub fn position(&self, mut holds: impl FnMut(f64) -> bool) -> Option<usize> {
        let mut found = None;
        self.for_stretches(|start, values| {
            if found.is_none() {
                found = values.iter().position(|&value| holds(value)).map(|at| start + at);
            }
        });
        found
    }
}

impl<'a> From<&'a [f64]> for Numbers<'a> {
    fn from(values: &'a [f64]) -> Self {
        Numbers::F64(values)
    }
}

impl From<Vec<f64>> for Numbers<'_> {
    fn from(values: Vec<f64>) -> Self {
        Numbers::read(values.len(), move |start, out| out.copy_from_slice(&values[start..start + out.len()]))
    }
}

impl fmt::Debug for Numbers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} numbers", self.len())
    }
}

/// One column of a [`TableView`].
#[derive(Clone, Debug)]
pub enum ColumnRef<'a> {
    /// Numbers, counts, shares and flags (0 or 1).
    Number(Numbers<'a>),
    /// Texts by dictionary.
    Category(Cow<'a, Categories>),
}

impl<'a> ColumnRef<'a> {
    /// Number of rows.
    pub fn len(&self) -> usize {
        match self {
            ColumnRef::Number(numbers) => numbers.len(),
            ColumnRef::Category(categories) => categories.codes.len(),
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rows named, in that order.
    pub fn take(&self, rows: &[usize]) -> Column {
        match self {
            ColumnRef::Number(numbers) => {
                let values = numbers.to_f64();
                Column::Number(rows.iter().map(|&row| values[row]).collect())
            }
            ColumnRef::Category(categories) => Column::Category(categories.take(rows)),
        }
    }

    fn reborrowed(&self) -> ColumnRef<'_> {
        match self {
            ColumnRef::Number(numbers) => ColumnRef::Number(numbers.clone()),
            ColumnRef::Category(categories) => ColumnRef::Category(Cow::Borrowed(categories)),
        }
    }
}

impl<'a> From<&'a Column> for ColumnRef<'a> {
    fn from(column: &'a Column) -> Self {
        match column {
            Column::Number(values) => ColumnRef::Number(Numbers::F64(values)),
            Column::Category(categories) => ColumnRef::Category(Cow::Borrowed(categories)),
        }
    }
}

impl From<Column> for ColumnRef<'_> {
    fn from(column: Column) -> Self {
        match column {
            Column::Number(values) => ColumnRef::Number(values.into()),
            Column::Category(categories) => ColumnRef::Category(Cow::Owned(categories)),
        }
    }
}

/// Named columns of equal length, `n` rows × `d`, borrowed from a [`Table`], an array, Arrow, or wherever they stand.
///
/// Models are fitted on it and score it without a copy of the numbers; `&table` is one wherever one is asked for.
///
/// ```
/// use keepwell::frame::{ColumnRef, Numbers, TableView};
/// use keepwell::model::{Classifier, GradientTreesClassifier};
///
/// let logins: Vec<f32> = (0..200).map(|row| (row % 50) as f32).collect();
/// let churned: Vec<bool> = logins.iter().map(|&logins| logins < 20.0).collect();
/// let view = TableView::new(200, vec!["logins".to_string()], vec![ColumnRef::Number(Numbers::F32(&logins))])?;
/// let model = GradientTreesClassifier::params().n_estimators(20).fit(&view, &churned, None)?;
/// assert!(model.predict_proba_of(&view)?[0] > 0.9);
/// # Ok::<(), keepwell::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct TableView<'a> {
    names: Cow<'a, [String]>,
    columns: Vec<ColumnRef<'a>>,
    n_rows: usize,
}

impl<'a> TableView<'a> {
    /// Puts columns together; all must be `n_rows` long, with a name each and no name twice.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] and [`ErrorKind::Schema`].
    pub fn new(
        n_rows: usize,
        names: impl Into<Cow<'a, [String]>>,
        columns: Vec<ColumnRef<'a>>,
    ) -> Result<Self> {
        let names = names.into();
        check_length("number of columns", columns.len(), names.len())?;
        for (name, column) in names.iter().zip(&columns) {
            check_length(&format!("rows of column `{name}`"), column.len(), n_rows)?;
        }
        let mut seen = HashSet::new();
        match names.iter().find(|name| !seen.insert(name.as_str())) {
            Some(name) => Err(super::table::stands_twice(name)),
            None => Ok(TableView { names, columns, n_rows }),
        }
    }

    /// The same columns under other names.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_names(self, names: impl Into<Cow<'a, [String]>>) -> Result<Self> {
        TableView::new(self.n_rows, names, self.columns)
    }

    /// Number of rows, `n`.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// The columns' names, `d` of them.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The columns, in the order of [`names`](Self::names).
    pub fn columns(&self) -> &[ColumnRef<'a>] {
        &self.columns
    }

    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<&ColumnRef<'a>> {
        self.names.iter().position(|other| other == name).map(|at| &self.columns[at])
    }

    /// Whether every number is finite or missing.
    ///
    /// # Errors
    /// [`ErrorKind::Value`] with the first column's first that is infinite.
    pub fn check_finite(&self) -> Result<()> {
        let n_blocks = self.n_rows.div_ceil(STRETCH);
        match (0..n_blocks).into_par_iter().any(|block| self.has_infinite(block * STRETCH)) {
            true => self.numbers().try_for_each(|(name, numbers)| check_numbers(name, numbers)),
            false => Ok(()),
        }
    }

    fn numbers(&self) -> impl Iterator<Item = (&String, &Numbers<'a>)> {
        self.names.iter().zip(&self.columns).filter_map(|(name, column)| match column {
            ColumnRef::Number(numbers) => Some((name, numbers)),
            ColumnRef::Category(_) => None,
        })
    }

    /// In the stretch of rows from `start`: column after column, so that of a row-major matrix it stays in the cache.
    fn has_infinite(&self, start: usize) -> bool {
        let mut values = [0.0; STRETCH];
        let values = &mut values[..STRETCH.min(self.n_rows - start)];
        self.numbers().any(|(_, numbers)| {
            numbers.write(start, values);
            values.iter().fold(false, |found, value| found | value.is_infinite())
        })
    }

    /// The rows named, in that order.
    pub fn take(&self, rows: &[usize]) -> Table {
        let columns = self.columns.iter().map(|column| column.take(rows));
        Table::of_distinct(rows.len(), self.names.to_vec(), columns.collect())
    }
}

fn check_numbers(name: &str, numbers: &Numbers<'_>) -> Result<()> {
    let Some(at) = numbers.position(f64::is_infinite) else { return Ok(()) };
    let mut value = [0.0];
    numbers.write(at, &mut value);
    let (column, value) = (name.to_owned(), value[0].to_string());
    let expected = "a finite number, or none (NaN) where it is missing".into();
    Err(ErrorKind::Value { column, row: at + 1, value, expected }.into())
}

fn check_length(what: &str, found: usize, expected: usize) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(ErrorKind::Shape { what: what.to_owned(), found, expected }.into())
}

impl<'a> From<&'a Table> for TableView<'a> {
    fn from(table: &'a Table) -> Self {
        let columns = table.columns().iter().map(ColumnRef::from).collect();
        TableView { names: Cow::Borrowed(table.names()), columns, n_rows: table.n_rows() }
    }
}

impl<'a> From<&'a TableView<'_>> for TableView<'a> {
    fn from(view: &'a TableView<'_>) -> Self {
        let columns = view.columns.iter().map(ColumnRef::reborrowed).collect();
        TableView { names: Cow::Borrowed(&view.names), columns, n_rows: view.n_rows }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn numbers_are_the_same_wherever_they_stand() {
        let singles: Vec<f32> = (0..2500).map(|row| row as f32 / 8.0).collect();
        let doubles: Vec<f64> = singles.iter().map(|&value| f64::from(value)).collect();
        let read = |start: usize, out: &mut [f64]| out.copy_from_slice(&doubles[start..start + out.len()]);
        for numbers in [
            Numbers::F64(&doubles),
            Numbers::F32(&singles),
            Numbers::read(2500, read),
            doubles.clone().into(),
        ] {
            assert_eq!(*numbers.to_f64(), doubles);
            let mut met = Vec::new();
            numbers.for_stretches(|start, values| {
                assert_eq!(start, met.len());
                met.extend_from_slice(values);
            });
            assert_eq!(met, doubles);
            assert_eq!(numbers.position(|value| value == 2000.0 / 8.0), Some(2000));
            assert_eq!(numbers.position(|value| value < 0.0), None);
        }
    }

    #[test]
    fn columns_fit_together_or_say_why_not() {
        let (two, three) = ([1.0, 2.0], [1.0, 2.0, 3.0]);
        let column = |values| ColumnRef::Number(Numbers::F64(values));
        let refusal =
            |names: Vec<String>, columns| TableView::new(2, names, columns).unwrap_err().to_string();
        let cases = [
            (refusal(names(&["a"]), vec![column(&three)]), "rows of column `a`: found 3, expected 2"),
            (refusal(names(&["a", "b"]), vec![column(&two)]), "number of columns: found 1, expected 2"),
            (
                refusal(names(&["a", "a"]), vec![column(&two), column(&two)]),
                "schema: column `a` stands twice; give each its own name",
            ),
        ];
        for (found, expected) in cases {
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn a_view_of_a_table_takes_the_rows_that_the_table_takes() {
        let plan = Categories::from_texts([Some("pro"), None, Some("free")]);
        let columns =
            [("seats", Column::Number(vec![1.0, f64::INFINITY, 3.0])), ("plan", Column::Category(plan))];
        let table = Table::new(3, columns.map(|(name, column)| (name.to_owned(), column))).unwrap();
        let view = TableView::from(&table);
        assert_eq!(TableView::from(&view).take(&[2, 0, 2]), table.take(&[2, 0, 2]));
        assert!(view.column("plan").is_some() && view.column("tier").is_none());
    }
}
