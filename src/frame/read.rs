//! From columns of cells to a frame, by schema: every role and every signal, with each bad cell named.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use jiff::Unit;
use jiff::civil::Date;
use rayon::prelude::*;

use super::cell::{Cell, Read};
use super::raw::{RawColumn, RawTable};
use super::{Categories, Column, Frame, Table};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::{Kind, Missing, Schema, Signal, Value};

/// With fewer rows, waking other threads takes longer than reading.
const MIN_ROWS_FOR_THREADS: usize = 1_000;

impl Frame {
    /// Reads a raw table by a schema.
    ///
    /// Outer blanks of a cell do not count. Empty cells are missing, as are `NaN` and `null`; and `NA`, `N/A`, `#N/A`,
    /// `<NA>` and `None` where the column is no text (in a text they can be levels). Flags and labels are
    /// true/false, yes/no, y/n, t/f or 1/0 in any case. Dates are written `2026-11-21`, with or without a time behind.
    /// A value column whose name ends in `_cents` holds minor units, any other whole units, rounded to minor ones.
    /// Label columns and the value column may be absent; all other columns that the schema names must be there; columns
    /// that it does not name are passed over.
    ///
    /// # Errors
    /// What [`Schema::check`] finds; [`ErrorKind::MissingColumn`]; [`ErrorKind::Value`] with column and row (1 is the
    /// first after the header) of a cell that does not hold what its column should; [`ErrorKind::ColumnType`];
    /// [`ErrorKind::DuplicateId`] where an account has two rows (of the same date if there is `as_of`);
    /// [`ErrorKind::NoRows`].
    pub fn from_raw(raw: &RawTable, schema: &Schema) -> Result<Self> {
        read_frame(&Source::of_raw(raw), schema)
    }

    /// Reads a typed table by a schema, as [`from_raw`](Self::from_raw).
    ///
    /// Numbers may also come as texts, flags and labels as numbers 1 and 0 or as texts, ids as numbers. Dates come
    /// as texts (`2026-11-21`): a [`Table`] has no other dates.
    ///
    /// # Errors
    /// As [`from_raw`](Self::from_raw).
    pub fn from_table(table: &Table, schema: &Schema) -> Result<Self> {
        read_frame(&Source::of_table(table), schema)
    }

    /// The rows named, in that order, counted from 0. A row may be named more than once.
    ///
    /// # Panics
    /// If a row is not in the frame.
    pub fn take(&self, rows: &[usize]) -> Self {
        Frame {
            schema: self.schema.clone(),
            ids: rows.iter().map(|&row| self.ids[row].clone()).collect(),
            signals: self.signals.take(rows).into(),
            churn: taken(&self.churn, rows),
            expansion: taken(&self.expansion, rows),
            value_cents: taken(&self.value_cents, rows),
            segments: self.segments.take(rows).into(),
            as_of: taken(&self.as_of, rows),
        }
    }
}

impl Schema {
    /// Whether a column of that name has any role here but being set aside.
    pub(super) fn reads(&self, column: &str) -> bool {
        let single = [&self.id, &self.as_of, &self.labels.churn, &self.labels.expansion];
        single.into_iter().flatten().any(|name| name == column)
            || self.value.as_ref().is_some_and(|value| value.column == column)
            || self.segments.iter().any(|name| name == column)
            || self.signals.iter().any(|signal| signal.source() == column)
    }
}

fn taken<T: Clone>(values: &Option<Arc<[T]>>, rows: &[usize]) -> Option<Arc<[T]>> {
    let values = values.as_ref()?;
    Some(rows.iter().map(|&row| values[row].clone()).collect())
}

/// The cells of one column, from a file or from a typed table.
#[derive(Clone, Copy)]
pub(super) enum Cells<'a> {
    Raw(&'a RawColumn),
    Typed(&'a Column),
}

impl<'a> Cells<'a> {
    pub(super) fn cell(self, row: usize) -> Cell<'a> {
        match self {
            Cells::Raw(column) => column.cell(row),
            Cells::Typed(Column::Number(values)) => Cell::of_number(values[row]),
            Cells::Typed(Column::Category(categories)) => {
                categories.text(row).map_or(Cell::Missing, Cell::of_text)
            }
        }
    }
}

/// A table to read from, whatever it came from.
pub(super) struct Source<'a> {
    what: &'a str,
    /// Every column there is, also those not read.
    header: &'a [String],
    pub(super) names: &'a [String],
    pub(super) columns: Vec<Cells<'a>>,
    pub(super) n_rows: usize,
}

impl<'a> Source<'a> {
    pub(super) fn of_raw(raw: &'a RawTable) -> Self {
        let columns = raw.columns.iter().map(Cells::Raw).collect();
        Source { what: &raw.what, header: &raw.header, names: &raw.names, columns, n_rows: raw.n_rows }
    }

    pub(super) fn of_table(table: &'a Table) -> Self {
        let columns = table.columns().iter().map(Cells::Typed).collect();
        Source {
            what: "the table",
            header: table.names(),
            names: table.names(),
            columns,
            n_rows: table.n_rows(),
        }
    }

    pub(super) fn check_rows(&self) -> Result<()> {
        if self.n_rows == 0 {
            let hint = "give it at least one row";
            return Err(ErrorKind::NoRows { what: self.what.to_owned(), hint }.into());
        }
        Ok(())
    }

    fn find(&self, name: &str) -> Option<Cells<'a>> {
        self.names.iter().position(|other| other == name).map(|at| self.columns[at])
    }

    pub(super) fn get(&self, name: &str, role: &str) -> Result<Cells<'a>> {
        self.find(name).ok_or_else(|| {
            let found = self.header.join(", ");
            ErrorKind::MissingColumn { column: name.to_owned(), role: role.to_owned(), found }.into()
        })
    }

    /// Every cell of a column through `read`, the first bad one named.
    pub(super) fn read<T>(
        &self,
        name: &str,
        role: &str,
        read: impl Fn(Cell<'a>) -> Read<T>,
    ) -> Result<Vec<T>> {
        let cells = self.get(name, role)?;
        let value = |row| {
            let cell = cells.cell(row);
            read(cell).map_err(|expected| bad_cell(name, row, cell, expected))
        };
        (0..self.n_rows).map(value).collect()
    }
}

fn bad_cell(column: &str, row: usize, cell: Cell<'_>, expected: &str) -> Error {
    let column = column.to_owned();
    ErrorKind::Value { column, row: row + 1, value: cell.shown(), expected: expected.to_owned() }.into()
}

fn read_frame(source: &Source<'_>, schema: &Schema) -> Result<Frame> {
    schema.check()?;
    source.check_rows()?;
    let as_of = read_as_of(source, schema)?;
    let ids = read_ids(source, schema)?;
    check_distinct(&ids, as_of.as_deref(), schema)?;
    Ok(Frame {
        ids: ids.into(),
        churn: read_label(source, schema.labels.churn.as_deref())?.map(Into::into),
        expansion: read_label(source, schema.labels.expansion.as_deref())?.map(Into::into),
        value_cents: read_value(source, schema.value.as_ref())?.map(Into::into),
        segments: read_segments(source, schema)?.into(),
        signals: read_signals(source, schema, as_of.as_deref())?.into(),
        as_of: as_of.map(Into::into),
        schema: Arc::new(schema.clone()),
    })
}

fn read_as_of(source: &Source<'_>, schema: &Schema) -> Result<Option<Vec<Date>>> {
    let Some(column) = &schema.as_of else { return Ok(None) };
    let date = |cell: Cell<'_>| cell.date()?.ok_or("a date as 2026-11-21 in every row");
    Ok(Some(source.read(column, "the date at which a row was known", date)?))
}

fn read_ids(source: &Source<'_>, schema: &Schema) -> Result<Vec<String>> {
    let Some(column) = &schema.id else {
        return Ok((1..=source.n_rows).map(|row| row.to_string()).collect());
    };
    source.read(column, "account id", |cell| match cell {
        Cell::Missing => Err("an account id in every row"),
        cell => Ok(text_of(cell)),
    })
}

/// The whole text of a cell; whole numbers without a point, so that 12.0 and `12` are one id.
fn text_of(cell: Cell<'_>) -> String {
    match cell {
        Cell::Text(text) => text.to_owned(),
        other => other.shown(),
    }
}

fn check_distinct(ids: &[String], as_of: Option<&[Date]>, schema: &Schema) -> Result<()> {
    let Some(column) = &schema.id else { return Ok(()) };
    let mut first_row: HashMap<(&str, Option<Date>), usize> = HashMap::with_capacity(ids.len());
    for (row, id) in ids.iter().enumerate() {
        let date = as_of.map(|dates| dates[row]);
        match first_row.entry((id, date)) {
            Entry::Vacant(entry) => entry.insert(row),
            Entry::Occupied(entry) => return Err(duplicate_id(column, id, date, *entry.get(), row)),
        };
    }
    Ok(())
}

fn duplicate_id(column: &str, id: &str, date: Option<Date>, first: usize, second: usize) -> Error {
    let (id, hint) = match date {
        Some(date) => (format!("{id} as of {date}"), "give each account one row a date"),
        None => (
            id.to_owned(),
            "give each account one row, or name the date column as `as_of` if its rows are of different dates",
        ),
    };
    ErrorKind::DuplicateId { column: column.to_owned(), id, first: first + 1, second: second + 1, hint }
        .into()
}

/// A label column may be absent: there is none yet for accounts that are to be scored.
fn read_label(source: &Source<'_>, column: Option<&str>) -> Result<Option<Vec<Option<bool>>>> {
    match column {
        Some(column) if source.find(column).is_some() => source.read(column, "label", Cell::label).map(Some),
        _ => Ok(None),
    }
}

/// The value column may be absent: only money asks for it, and says so where it is not there.
fn read_value(source: &Source<'_>, value: Option<&Value>) -> Result<Option<Vec<Option<i64>>>> {
    let Some(value) = value.filter(|value| source.find(&value.column).is_some()) else { return Ok(None) };
    let per_unit = if value.is_in_cents() { 1.0 } else { 100.0 };
    source.read(&value.column, "recurring value", |cell| cell.cents(per_unit)).map(Some)
}

fn read_segments(source: &Source<'_>, schema: &Schema) -> Result<Table> {
    let columns = schema
        .segments
        .iter()
        .map(|column| Ok((column.clone(), Column::Category(read_texts(source, column, "segment key")?))));
    Table::new(source.n_rows, columns.collect::<Result<Vec<_>>>()?)
}

fn read_signals(source: &Source<'_>, schema: &Schema, as_of: Option<&[Date]>) -> Result<Table> {
    let read = |signal: &Signal| read_signal(source, signal, as_of);
    let columns: Vec<Result<Column>> = match source.n_rows < MIN_ROWS_FOR_THREADS {
        true => schema.signals.iter().map(read).collect(),
        false => schema.signals.par_iter().map(read).collect(),
    };
    let columns = columns.into_iter().collect::<Result<Vec<Column>>>()?;
    let names = schema.signals.iter().map(|signal| signal.name.clone());
    Table::new(source.n_rows, names.zip(columns))
}

fn read_signal(source: &Source<'_>, signal: &Signal, as_of: Option<&[Date]>) -> Result<Column> {
    const ROLE: &str = "signal of the schema";
    let column = signal.source();
    let values = match signal.kind {
        Kind::Number => source.read(column, ROLE, Cell::number),
        Kind::Count => source.read(column, ROLE, Cell::count),
        Kind::Share => source.read(column, ROLE, Cell::share),
        Kind::Flag => source.read(column, ROLE, Cell::flag),
        Kind::Category => return read_texts(source, column, ROLE).map(Column::Category),
        Kind::Date => read_days(source, column, ROLE, as_of),
    };
    Ok(Column::Number(filled(values?, signal.missing)))
}

fn filled(mut values: Vec<f64>, missing: Missing) -> Vec<f64> {
    if missing == Missing::Zero {
        values.iter_mut().filter(|value| value.is_nan()).for_each(|value| *value = 0.0);
    }
    values
}

/// Whole days from each date to the row's `as_of`: positive where the date is past.
fn read_days(source: &Source<'_>, column: &str, role: &str, as_of: Option<&[Date]>) -> Result<Vec<f64>> {
    let dates = source.read(column, role, Cell::date)?;
    let as_of = as_of.unwrap_or_default();
    Ok(dates
        .iter()
        .zip(as_of)
        .map(|(date, as_of)| date.map_or(f64::NAN, |date| days(date, *as_of)))
        .collect())
}

fn days(from: Date, to: Date) -> f64 {
    from.until((Unit::Day, to)).map_or(f64::NAN, |span| f64::from(span.get_days()))
}

fn read_texts(source: &Source<'_>, column: &str, role: &str) -> Result<Categories> {
    let cells = source.get(column, role)?;
    if let Cells::Typed(Column::Number(_)) = cells {
        return Ok(categories_of_numbers(source, cells));
    }
    Ok(Categories::from_texts((0..source.n_rows).map(|row| match cells.cell(row) {
        Cell::Text(text) => Some(text),
        _ => None,
    })))
}

/// Codes that came as numbers, as texts: 12 is `12`.
fn categories_of_numbers(source: &Source<'_>, cells: Cells<'_>) -> Categories {
    let texts: Vec<Option<String>> = (0..source.n_rows)
        .map(|row| match cells.cell(row) {
            Cell::Missing => None,
            cell => Some(text_of(cell)),
        })
        .collect();
    Categories::from_texts(texts.iter().map(Option::as_deref))
}
