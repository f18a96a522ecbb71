//! `Timeline` and `Records`: from raw facts to what was known at a date, and what came of it.

use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_cast::cast;
use arrow_schema::DataType;
use jiff::civil::Date;
use keepwell::frame;
use keepwell::timeline::{self, Intake, Reading, exits, labels};
use pyo3::prelude::*;

use crate::arrays::{texts, whole};
use crate::error::Result;
use crate::over_time::day;
use crate::schema::Toml;
use crate::table::{Table, arrow};

/// How the tables of an export become facts, which signals are read from them, and what is an outcome.
#[pyclass(frozen, module = "keepwell._native")]
pub struct Timeline {
    inner: Arc<timeline::Timeline>,
}

/// A table of an export: where it stands, or its rows.
#[derive(FromPyObject)]
enum Source<'py> {
    Rows(PyRef<'py, Table>),
    File(PathBuf),
}

#[pymethods]
impl Timeline {
    /// Reads a timeline from TOML: a text, a path object, or a path that ends in `.toml`.
    #[staticmethod]
    fn from_toml(source: Toml) -> Result<Self> {
        let inner = match source {
            Toml::Text(text) => timeline::Timeline::from_toml(&text)?,
            Toml::File(path) => timeline::Timeline::read(path)?,
        };
        Ok(Timeline { inner: Arc::new(inner) })
    }

    /// The names of the tables that it reads, in the order in which they have to come.
    #[getter]
    fn tables(&self) -> Vec<String> {
        let mut tables: Vec<&timeline::TableFrom> = self.inner.tables.iter().collect();
        tables.sort_by_key(|table| {
            (table.kind != timeline::TableKind::Accounts, table.kind != timeline::TableKind::Contracts)
        });
        tables.into_iter().map(timeline::TableFrom::title).collect()
    }

    /// The names of the labels' columns.
    #[getter]
    fn label_columns(&self) -> Vec<String> {
        self.inner.label.label_columns()
    }

    /// The signals' names.
    #[getter]
    fn signals(&self) -> Vec<String> {
        self.inner.measures.iter().map(|measure| measure.signal.to_string()).collect()
    }

    /// Reads tables by their names, each a `Table` or a path.
    fn read(&self, py: Python<'_>, tables: Vec<(String, Source<'_>)>) -> Result<Records> {
        let mut reading = self.inner.reading()?;
        for (name, source) in tables {
            read_table(py, &mut reading, &name, source)?;
        }
        let intake = py.detach(|| reading.finish())?;
        Ok(Records { timeline: self.inner.clone(), intake })
    }
}

fn read_table(py: Python<'_>, reading: &mut Reading<'_>, name: &str, source: Source<'_>) -> Result<()> {
    match source {
        Source::Rows(table) => {
            let batches: Vec<RecordBatch> = table.batches().to_vec();
            py.detach(|| reading.arrow(name, &batches).map(drop))?;
        }
        Source::File(path) => py.detach(|| reading.file(name, path).map(drop))?,
    }
    Ok(())
}

/// Facts about some accounts, each with the day it happened and the day it was known.
#[pyclass(frozen, module = "keepwell._native")]
pub struct Records {
    timeline: Arc<timeline::Timeline>,
    intake: Intake,
}

#[pymethods]
impl Records {
    /// Rows of all tables.
    #[getter]
    fn n_rows(&self) -> usize {
        self.intake.n_rows
    }

    /// Accounts.
    #[getter]
    fn n_accounts(&self) -> usize {
        self.intake.records.accounts().len()
    }

    /// Rows left out because another has the same id.
    #[getter]
    fn n_duplicates(&self) -> usize {
        self.intake.n_duplicates
    }

    /// Rows known later than they happened.
    #[getter]
    fn n_late(&self) -> usize {
        self.intake.n_late
    }

    /// The first day of which nothing is known yet.
    #[getter]
    fn known_until(&self) -> String {
        self.intake.records.known_until().to_string()
    }

    /// What is odd about whole columns, in words.
    #[getter]
    fn notes(&self) -> Vec<String> {
        self.intake.notes.clone()
    }

    /// Rows that could not be used: table, line, cause, text.
    #[getter]
    fn bad(&self) -> Result<Table> {
        rows(&self.intake.bad)
    }

    /// Rows that were used but look wrong.
    #[getter]
    fn doubtful(&self) -> Result<Table> {
        rows(&self.intake.doubtful)
    }

    /// Signals and labels of every account at each date; at all months where there are none.
    fn snapshots(&self, py: Python<'_>, dates: Option<Vec<String>>) -> Result<Table> {
        let records = &self.intake.records;
        let dates = dates.map(parsed).transpose()?;
        let table = py.detach(|| match dates {
            Some(dates) => self.timeline.snapshots(records, &dates),
            None => self.timeline.monthly_snapshots(records),
        })?;
        dated(&table, &["as_of"])
    }

    /// The labels alone.
    fn labels(&self, py: Python<'_>, dates: Vec<String>) -> Result<Table> {
        let dates = parsed(dates)?;
        let table = py.detach(|| labels(&self.intake.records, &self.timeline.label, &dates))?;
        dated(&table, &["as_of"])
    }

    /// Every time that an account left: account, day, day it came back.
    fn exits(&self, py: Python<'_>) -> Result<Table> {
        let table = py.detach(|| exits(&self.intake.records, &self.timeline.label))?;
        dated(&table, &["left_on", "returned_on"])
    }

    /// Proves that no signal at a date moves when what came at or after it is changed.
    fn prove(&self, py: Python<'_>, date: &str) -> Result<()> {
        let as_of = day(date)?;
        Ok(py.detach(|| self.timeline.prove(&self.intake.records, as_of))?)
    }

    /// How many events there are.
    #[getter]
    fn n_events(&self) -> usize {
        self.intake.records.events().len()
    }
}

fn parsed(dates: Vec<String>) -> Result<Vec<Date>> {
    dates.iter().map(|text| day(text)).collect()
}

fn rows(rows: &[timeline::BadRow]) -> Result<Table> {
    let columns = vec![
        texts("table", rows.iter().map(|row| Some(&row.table))),
        whole("line", rows.iter().map(|row| i64::try_from(row.line).ok())),
        texts("cause", rows.iter().map(|row| Some(&row.cause))),
        texts("text", rows.iter().map(|row| Some(&row.text))),
    ];
    Table::of(rows.len(), columns)
}

/// A table whose columns of these names are dates.
pub fn dated(table: &frame::Table, dates: &[&str]) -> Result<Table> {
    let batch = table.to_arrow()?;
    let column = |(name, array): (&String, &ArrayRef)| {
        let is_date = dates.contains(&name.as_str());
        let array = match is_date {
            true => cast(&cast(array, &DataType::Utf8).map_err(arrow)?, &DataType::Date32).map_err(arrow)?,
            false => array.clone(),
        };
        Ok((name.clone(), array))
    };
    let columns = table.names().iter().zip(batch.columns()).map(column).collect::<Result<Vec<_>>>()?;
    Table::of(table.n_rows(), columns)
}
