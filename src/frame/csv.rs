//! CSV in and out: RFC 4180, gzip or not, with every structural error named by line.

use std::fs::File;
use std::io::{BufReader, Chain, Cursor, Read, Write};
use std::path::Path;

use ::csv::{Error as CsvError, ErrorKind as CsvErrorKind, Reader, ReaderBuilder, StringRecord};
use flate2::read::MultiGzDecoder;
use serde::Serialize;

use super::raw::{RawColumn, RawTable};
use super::{Column, Frame, Table};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::Schema;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const BYTE_ORDER_MARK: [u8; 3] = [0xef, 0xbb, 0xbf];
const BUFFER: usize = 1 << 18;

impl RawTable {
    /// Reads all columns of a CSV file as text.
    ///
    /// RFC 4180 with a header, in UTF-8 with or without byte-order mark, packed with gzip or not (told by its first
    /// bytes, not by its name). Blank lines are passed over.
    ///
    /// # Errors
    /// [`ErrorKind::Io`]; [`ErrorKind::Csv`] with the line where a row is longer or shorter than the header, a
    /// quote is never closed, the text is not UTF-8, or two columns have the same name; [`ErrorKind::NoRows`].
    pub fn read_csv(path: impl AsRef<Path>) -> Result<Self> {
        read_path(path.as_ref(), |_| true)
    }

    /// As [`read_csv`](Self::read_csv), from anything that can be read.
    pub fn from_csv_reader(reader: impl Read) -> Result<Self> {
        read_from(reader, "the CSV", |_| true)
    }

    /// One row a record, one column a field, through serde. Fields must be plain: no lists, maps or flattened
    /// structs. `None` is an empty cell.
    ///
    /// # Errors
    /// [`ErrorKind::Records`] where a record has a field that is no plain value; [`ErrorKind::NoRows`].
    pub fn from_records<T: Serialize>(records: &[T]) -> Result<Self> {
        let text = write_records(records).map_err(|error| ErrorKind::Records(error.to_string()))?;
        read_from(text.as_slice(), "the list of records", |_| true)
    }
}

impl Frame {
    /// Reads the columns that the schema names from a CSV file; see [`RawTable::read_csv`] for the form of the file
    /// and [`Frame::from_raw`] for what the cells may hold.
    ///
    /// # Errors
    /// As those two.
    pub fn read_csv(path: impl AsRef<Path>, schema: &Schema) -> Result<Self> {
        Frame::from_raw(&read_path(path.as_ref(), |column| schema.reads(column))?, schema)
    }

    /// As [`read_csv`](Self::read_csv), from anything that can be read.
    pub fn from_csv_reader(reader: impl Read, schema: &Schema) -> Result<Self> {
        Frame::from_raw(&read_from(reader, "the CSV", |column| schema.reads(column))?, schema)
    }

    /// One account a record, through serde; see [`RawTable::from_records`].
    ///
    /// ```
    /// use keepwell::frame::Frame;
    /// use keepwell::schema::{Dimension, Kind, Schema, Signal};
    ///
    /// #[derive(serde::Serialize)]
    /// struct Account { id: &'static str, seats: Option<u32> }
    ///
    /// let schema = Schema::new().id("id").signal(Signal::new("seats", Dimension::Contract, Kind::Count));
    /// let accounts = [Account { id: "A", seats: Some(5) }, Account { id: "B", seats: None }];
    /// let frame = Frame::from_records(&accounts, &schema)?;
    /// assert_eq!(frame.ids(), ["A", "B"]);
    /// # Ok::<(), keepwell::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`RawTable::from_records`] and [`Frame::from_raw`].
    pub fn from_records<T: Serialize>(records: &[T], schema: &Schema) -> Result<Self> {
        Frame::from_raw(&RawTable::from_records(records)?, schema)
    }
}

impl Table {
    /// Writes the table as CSV with a header; a missing value is an empty cell. Numbers are written with as many
    /// digits as it takes to read back the same.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] with the writer's word.
    pub fn write_csv(&self, writer: impl Write) -> Result<()> {
        write_table(self, writer).map_err(|error| io_error("the CSV", error.into()))
    }
}

fn write_table(table: &Table, writer: impl Write) -> ::csv::Result<()> {
    let mut writer = ::csv::Writer::from_writer(writer);
    writer.write_record(table.names())?;
    for row in 0..table.n_rows() {
        for column in table.columns() {
            writer.write_field(cell_text(column, row))?;
        }
        writer.write_record(None::<&[u8]>)?;
    }
    Ok(writer.flush()?)
}

fn cell_text(column: &Column, row: usize) -> String {
    match column {
        _ if column.is_missing(row) => String::new(),
        Column::Number(values) => values[row].to_string(),
        Column::Category(categories) => categories.text(row).unwrap_or_default().to_owned(),
    }
}

fn write_records<T: Serialize>(records: &[T]) -> ::csv::Result<Vec<u8>> {
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    records.iter().try_for_each(|record| writer.serialize(record))?;
    writer.into_inner().map_err(|error| error.into_error().into())
}

fn read_path(path: &Path, keep: impl Fn(&str) -> bool) -> Result<RawTable> {
    let what = path.display().to_string();
    let file = File::open(path).map_err(|source| ErrorKind::Io { path: what.clone(), source })?;
    read_from(file, &what, keep)
}

fn read_from(reader: impl Read, what: &str, keep: impl Fn(&str) -> bool) -> Result<RawTable> {
    let plain = text_of(reader).map_err(|source| io_error(what, source))?;
    let mut csv = ReaderBuilder::new().buffer_capacity(BUFFER).from_reader(Watched::new(plain));
    let header = header(&mut csv, what)?;
    let kept: Vec<usize> = (0..header.len()).filter(|&at| keep(&header[at])).collect();
    let mut columns = vec![RawColumn::default(); kept.len()];
    let n_rows = read_rows(&mut csv, what, &kept, &mut columns)?;
    if n_rows == 0 {
        let hint = "give it a header and at least one row";
        return Err(ErrorKind::NoRows { what: what.to_owned(), hint }.into());
    }
    let names = kept.into_iter().map(|at| header[at].clone()).collect();
    Ok(RawTable { what: what.to_owned(), header, names, columns, n_rows })
}

fn read_rows(
    csv: &mut Reader<impl Source>,
    what: &str,
    kept: &[usize],
    columns: &mut [RawColumn],
) -> Result<usize> {
    let mut record = StringRecord::new();
    let mut last = StringRecord::new();
    let mut n_rows = 0;
    while csv.read_record(&mut record).map_err(|error| csv_error(what, error))? {
        for (column, &at) in columns.iter_mut().zip(kept) {
            column.push(&record[at]);
        }
        n_rows += 1;
        std::mem::swap(&mut record, &mut last);
    }
    check_closed(csv, &last, what)?;
    Ok(n_rows)
}

fn header(csv: &mut Reader<impl Read>, what: &str) -> Result<Vec<String>> {
    let header = csv.headers().map_err(|error| csv_error(what, error))?;
    let name = |(at, name): (usize, &str)| match name.trim() {
        "" => format!("unnamed_{}", at + 1),
        name => name.to_owned(),
    };
    let names: Vec<String> = header.iter().enumerate().map(name).collect();
    if names.len() == 1 && names[0].contains([';', '\t']) {
        let problem = "one column only, with `;` or a tab in its name; separate the cells by commas";
        return Err(bad_line(what, 1, problem.into()));
    }
    match (1..names.len()).find(|&at| names[..at].contains(&names[at])) {
        Some(at) => {
            Err(bad_line(what, 1, format!("column `{}` stands twice; give each its own name", names[at])))
        }
        None => Ok(names),
    }
}

/// A quote that is never closed swallows the rest of the file into one cell; nothing must be lost in silence.
/// The count of quotes is odd then, and the last record spans lines or breaks off.
fn check_closed(csv: &Reader<impl Source>, last: &StringRecord, what: &str) -> Result<()> {
    let spans_lines = last.iter().any(|text| text.contains('\n'));
    if csv.get_ref().has_odd_quotes() && (spans_lines || !csv.get_ref().ends_with_newline()) {
        let line = last.position().map_or(1, |position| position.line());
        let problem = "a quote that is opened here is never closed; is the file cut short?";
        return Err(bad_line(what, line, problem.into()));
    }
    Ok(())
}

fn csv_error(what: &str, error: CsvError) -> Error {
    let line = error.position().map_or(1, |position| position.line());
    match error.into_kind() {
        CsvErrorKind::Io(source) => io_error(what, source),
        CsvErrorKind::UnequalLengths { expected_len, len, .. } => {
            let problem = format!(
                "{len} cells, but the header has {expected_len}; is a comma or a quote missing or too many?"
            );
            bad_line(what, line, problem)
        }
        CsvErrorKind::Utf8 { .. } => bad_line(what, line, "not UTF-8; save the file as UTF-8".into()),
        other => bad_line(what, line, format!("{other:?}")),
    }
}

fn bad_line(what: &str, line: u64, problem: String) -> Error {
    ErrorKind::Csv { what: what.to_owned(), line, problem }.into()
}

fn io_error(what: &str, source: std::io::Error) -> Error {
    ErrorKind::Io { path: what.to_owned(), source }.into()
}

/// A reader with its first bytes put back.
type Whole<R> = Chain<Cursor<Vec<u8>>, R>;

enum Plain<R: Read> {
    AsIs(BufReader<Whole<R>>),
    Gzip(Box<MultiGzDecoder<BufReader<Whole<R>>>>),
}

impl<R: Read> Read for Plain<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Plain::AsIs(reader) => reader.read(buffer),
            Plain::Gzip(reader) => reader.read(buffer),
        }
    }
}

/// The text of a file as it is read: unpacked if it is gzip, without byte-order mark.
pub(crate) fn text_of(reader: impl Read) -> std::io::Result<impl Read> {
    unpack(reader).and_then(without_mark)
}

fn unpack<R: Read>(mut reader: R) -> std::io::Result<Plain<R>> {
    let head = head(&mut reader, 2)?;
    let is_gzip = head == GZIP_MAGIC;
    let whole = BufReader::with_capacity(BUFFER, Cursor::new(head).chain(reader));
    Ok(if is_gzip { Plain::Gzip(Box::new(MultiGzDecoder::new(whole))) } else { Plain::AsIs(whole) })
}

/// The CSV parser drops a byte-order mark too, but only one that comes in its first read as a whole.
fn without_mark<R: Read>(mut reader: R) -> std::io::Result<Whole<R>> {
    let mut head = head(&mut reader, 3)?;
    if head == BYTE_ORDER_MARK {
        head.clear();
    }
    Ok(Cursor::new(head).chain(reader))
}

fn head(reader: &mut impl Read, n_bytes: u64) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    reader.take(n_bytes).read_to_end(&mut head)?;
    Ok(head)
}

/// A reader that can tell afterwards whether the text it gave had all its quotes closed.
trait Source: Read {
    fn has_odd_quotes(&self) -> bool;
    fn ends_with_newline(&self) -> bool;
}

struct Watched<R> {
    reader: R,
    odd_quotes: bool,
    last: u8,
}

impl<R> Watched<R> {
    fn new(reader: R) -> Self {
        Watched { reader, odd_quotes: false, last: b'\n' }
    }
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.reader.read(buffer)?;
        let odd = buffer[..n].iter().filter(|&&byte| byte == b'"').count() % 2 == 1;
        self.odd_quotes ^= odd;
        self.last = buffer[..n].last().copied().unwrap_or(self.last);
        Ok(n)
    }
}

impl<R: Read> Source for Watched<R> {
    fn has_odd_quotes(&self) -> bool {
        self.odd_quotes
    }

    fn ends_with_newline(&self) -> bool {
        self.last == b'\n'
    }
}
