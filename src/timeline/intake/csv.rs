//! Tables from CSV.

use std::io::Read;

use ::csv::{ByteRecord, ReaderBuilder};

use super::super::day::Moment;
use super::super::table_from::{TableFrom, TableKind};
use super::cells::{Header, Row};
use super::{Cause, Reading, accounts, contracts, events};
use crate::error::{Error, ErrorKind, Result};
use crate::frame::cell::Cell;
use crate::frame::csv::text_of;

struct CsvRow<'a> {
    record: &'a ByteRecord,
    names: &'a [String],
    line: u64,
}

impl Row for CsvRow<'_> {
    fn n_cells(&self) -> usize {
        self.record.len()
    }

    fn cell(&self, column: usize) -> std::result::Result<Cell<'_>, Cause> {
        let text = std::str::from_utf8(&self.record[column])
            .map_err(|_| format!("column `{}` is not UTF-8", self.names[column]))?;
        Ok(Cell::of_text(text))
    }

    fn moment(&self, _: usize) -> Option<Option<Moment>> {
        None
    }

    fn whole(&self, _: usize) -> Option<Option<i64>> {
        None
    }

    fn line(&self) -> u64 {
        self.line
    }

    fn text(&self) -> String {
        self.record.iter().map(String::from_utf8_lossy).collect::<Vec<_>>().join(",")
    }
}

/// What reads the rows of a table, by its kind.
pub(super) enum RowReader {
    Accounts(accounts::Accounts),
    Contracts(contracts::Contracts),
    Events(events::Events),
}

impl RowReader {
    pub fn new(reading: &mut Reading<'_>, table: &TableFrom, names: Vec<String>) -> Result<Self> {
        reading.begin(table)?;
        let header = Header::new(reading.timeline, table, names)?;
        Ok(match table.kind {
            TableKind::Accounts => RowReader::Accounts(accounts::Accounts::new(reading, table, header)?),
            TableKind::Contracts => RowReader::Contracts(contracts::Contracts::new(reading, table, header)?),
            _ => RowReader::Events(events::Events::new(reading, table, header)?),
        })
    }

    /// Reads a row, or notes why it cannot be used.
    pub fn row(&mut self, reading: &mut Reading<'_>, row: &impl Row) {
        reading.counts().n_rows += 1;
        let n_columns = self.header().names.len();
        if row.n_cells() != n_columns {
            let cause = format!("{} cells, but the header has {n_columns}", row.n_cells());
            return reading.note_bad(row, cause);
        }
        let read = match self {
            RowReader::Accounts(reader) => reader.row(reading, row),
            RowReader::Contracts(reader) => reader.row(reading, row),
            RowReader::Events(reader) => reader.row(reading, row),
        };
        if let Err(cause) = read {
            reading.note_bad(row, cause);
        }
    }

    /// The reader of events, where it is one.
    #[cfg(feature = "arrow")]
    pub fn events(&self) -> Option<&events::Events> {
        match self {
            RowReader::Events(reader) => Some(reader),
            _ => None,
        }
    }

    /// Forgets the words of the last batch.
    #[cfg(feature = "arrow")]
    pub fn begin_batch(&mut self) {
        if let RowReader::Events(reader) = self {
            reader.begin_batch();
        }
    }

    pub fn header(&self) -> &Header {
        match self {
            RowReader::Accounts(reader) => &reader.header,
            RowReader::Contracts(reader) => &reader.header,
            RowReader::Events(reader) => &reader.header,
        }
    }

    pub fn finish(self, reading: &mut Reading<'_>) {
        let table = reading.counts().name.clone();
        reading.notes.extend(self.header().notes(&table));
    }
}

pub(super) fn read(
    reading: &mut Reading<'_>,
    table: &TableFrom,
    reader: impl Read,
    what: &str,
) -> Result<()> {
    let io_error = |source| Error::from(ErrorKind::Io { path: what.to_owned(), source });
    let mut csv = ReaderBuilder::new().flexible(true).from_reader(text_of(reader).map_err(io_error)?);
    let header = csv.byte_headers().map_err(|error| io_error(std::io::Error::other(error)))?;
    let names: Vec<String> =
        header.iter().map(|name| String::from_utf8_lossy(name).trim().to_owned()).collect();
    let mut rows = RowReader::new(reading, table, names.clone())?;
    let mut record = ByteRecord::new();
    let mut is_crlf = None;
    while csv.read_byte_record(&mut record).map_err(|error| io_error(std::io::Error::other(error)))? {
        // Where lines end in CR LF, the parser takes a row to begin before the LF, in the line of the header.
        let line = record.position().map_or(0, |position| position.line());
        let line = line + u64::from(*is_crlf.get_or_insert(line == 1));
        rows.row(reading, &CsvRow { record: &record, names: &names, line });
    }
    rows.finish(reading);
    Ok(())
}
