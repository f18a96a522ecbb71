//! Tables from Arrow record batches.

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Float64Type, Int32Type, Int64Type};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
};
use arrow_schema::{DataType, TimeUnit};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::super::day::{Moment, day_of, zone_of};
use super::super::file::Timeline;
use super::super::table_from::TableFrom;
use super::Cause;
use super::Reading;
use super::cells::Row;
use super::csv::RowReader;
use super::events::Events;
use super::plain::{Days, Names, Plain};
use crate::error::{Error, ErrorKind, Result};
use crate::frame::cell::Cell;

/// Days that are more than this apart in one batch are counted out one by one.
const MAX_SPAN: i64 = 100_000;

impl Reading<'_> {
    /// Reads a table from record batches: numbers, flags, texts and dictionaries of texts; dates, and timestamps with
    /// or without a zone, which are dates in UTC. Columns that the timeline does not name can be of any type.
    ///
    /// # Errors
    /// [`ErrorKind::MissingColumn`]; [`ErrorKind::ColumnType`] for any other type; [`ErrorKind::Records`] where a batch
    /// has other columns than the first, and as [`csv`](Self::csv).
    pub fn arrow(&mut self, table: &str, batches: &[RecordBatch]) -> Result<&mut Self> {
        let from = self.table(table)?;
        let Some(first) = batches.first() else {
            self.begin(from)?;
            return Ok(self);
        };
        let mut rows = BatchReader::new(self, from, &names_of(first))?;
        for batch in batches {
            let batch = rows.columns.batch(batch)?;
            rows.batch(self, &batch);
        }
        rows.finish(self);
        Ok(self)
    }
}

pub(super) fn names_of(batch: &RecordBatch) -> Vec<String> {
    batch.schema().fields().iter().map(|field| field.name().clone()).collect()
}

/// How the columns of the batches of one table are taken up, by any thread.
#[derive(Clone)]
pub(super) struct Columns {
    names: Vec<String>,
    is_read: Vec<bool>,
    zone: TimeZone,
}

/// A batch in the forms in which it is read.
pub(super) struct Batch {
    columns: Vec<Cells>,
    pub n_rows: usize,
}

impl Columns {
    pub fn new(timeline: &Timeline, table: &TableFrom, names: &[String]) -> Result<Self> {
        let is_read = names.iter().map(|name| table.reads(name, &timeline.account)).collect();
        let zone = zone_of(timeline.zone_name(table))?;
        Ok(Columns { names: names.to_vec(), is_read, zone })
    }

    pub fn batch(&self, batch: &RecordBatch) -> Result<Batch> {
        if names_of(batch) != self.names {
            let text = "a batch has other columns than the first; give all the same".to_owned();
            return Err(ErrorKind::Records(text).into());
        }
        let columns = batch.columns().iter().enumerate();
        let columns = columns.map(|(at, array)| match self.is_read[at] {
            true => Cells::new(&self.names[at], array, &self.zone),
            false => Ok(Cells::Nothing),
        });
        Ok(Batch { columns: columns.collect::<Result<_>>()?, n_rows: batch.num_rows() })
    }
}

/// Reads batches of one table.
pub(super) struct BatchReader {
    rows: RowReader,
    pub columns: Columns,
    n_rows: u64,
}

impl BatchReader {
    pub fn new(reading: &mut Reading<'_>, table: &TableFrom, names: &[String]) -> Result<Self> {
        let columns = Columns::new(reading.timeline, table, names)?;
        let rows = RowReader::new(reading, table, names.to_vec())?;
        Ok(BatchReader { rows, columns, n_rows: 0 })
    }

    pub fn batch(&mut self, reading: &mut Reading<'_>, batch: &Batch) {
        let Batch { columns, n_rows } = batch;
        self.rows.begin_batch();
        let plain = self.rows.events().and_then(|events| plain(events, columns));
        let mut at = 0;
        while at < *n_rows {
            if let (Some(plain), Some(plainly)) = (&plain, self.rows.events().and_then(Events::plainly)) {
                at = plain.read(at, *n_rows, &plainly, reading);
            }
            if at < *n_rows {
                let row = ArrowRow { columns, at, line: self.n_rows + at as u64 + 1 };
                self.rows.row(reading, &row);
                at += 1;
            }
        }
        self.n_rows += *n_rows as u64;
    }

    pub fn finish(self, reading: &mut Reading<'_>) {
        self.rows.finish(reading);
    }
}

/// The columns of a batch where they can be read as they stand.
fn plain<'a>(events: &Events, columns: &'a [Cells]) -> Option<Plain<'a>> {
    let plainly = events.plainly()?;
    let whole = |at: usize| columns[at].as_whole();
    Some(Plain {
        accounts: whole(plainly.account)?,
        occurred_at: columns[plainly.occurred_at].as_days()?,
        known_at: match plainly.known_at {
            Some(at) => Some(columns[at].as_days()?),
            None => None,
        },
        users: match plainly.user {
            Some(at) => Some(whole(at)?),
            None => None,
        },
        names: match plainly.names {
            Some(at) => Some(columns[at].as_names()?),
            None => None,
        },
        values: match plainly.value {
            Some(at) => Some(columns[at].as_numbers()?),
            None => None,
        },
    })
}

/// A column of one batch in one of few forms.
enum Cells {
    Nothing,
    Whole(Int64Array),
    Number(Float64Array),
    Flag(BooleanArray),
    Text(StringArray),
    Words {
        keys: Int32Array,
        words: StringArray,
    },
    /// Days by number, and the dates from the first of them on.
    Days {
        numbers: Int32Array,
        first: i64,
        dates: Vec<Date>,
    },
    Moments(Vec<Option<Moment>>),
}

impl Cells {
    fn new(name: &str, array: &ArrayRef, zone: &TimeZone) -> Result<Self> {
        let cast =
            |to: &DataType| arrow_cast::cast(array, to).map_err(|_| wrong_type(name, array.data_type()));
        let kind = array.data_type();
        Ok(match kind {
            DataType::Null => Cells::Nothing,
            DataType::Boolean => Cells::Flag(array.as_boolean().clone()),
            kind if kind.is_integer() && *kind != DataType::UInt64 => {
                Cells::Whole(cast(&DataType::Int64)?.as_primitive::<Int64Type>().clone())
            }
            kind if kind.is_numeric() => {
                Cells::Number(cast(&DataType::Float64)?.as_primitive::<Float64Type>().clone())
            }
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
                Cells::Text(cast(&DataType::Utf8)?.as_string::<i32>().clone())
            }
            DataType::Dictionary(_, words) if is_text(words) => {
                let to = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
                let array = cast(&to)?;
                let dictionary = array.as_dictionary::<Int32Type>();
                let words = dictionary.values().as_string::<i32>().clone();
                Cells::Words { keys: dictionary.keys().clone(), words }
            }
            DataType::Dictionary(_, values) => Cells::new(name, &cast(values)?, zone)?,
            DataType::Date32 => Cells::days(name, array)?,
            DataType::Date64 => Cells::days(name, &cast(&DataType::Date32)?)?,
            DataType::Timestamp(unit, of) => {
                let ticks = cast(&DataType::Int64)?;
                let zone = if of.is_some() { None } else { Some(zone) };
                Cells::Moments(moments(name, ticks.as_primitive::<Int64Type>(), *unit, zone)?)
            }
            _ => return Err(wrong_type(name, kind)),
        })
    }

    fn days(name: &str, array: &ArrayRef) -> Result<Self> {
        let days = array.as_primitive::<Date32Type>();
        let (least, most) = days
            .iter()
            .flatten()
            .fold((i32::MAX, i32::MIN), |(least, most), day| (least.min(day), most.max(day)));
        let (first, last) = (i64::from(least), i64::from(most));
        if last - first > MAX_SPAN {
            let moment = |day: Option<i32>| match day {
                Some(day) => {
                    day_of(i64::from(day)).map(Moment::of_day).map(Some).ok_or_else(|| no_date(name))
                }
                None => Ok(None),
            };
            return Ok(Cells::Moments(days.iter().map(moment).collect::<Result<_>>()?));
        }
        let date = |number| day_of(number).ok_or_else(|| no_date(name));
        let dates = (first..=last).map(date).collect::<Result<_>>()?;
        Ok(Cells::Days { numbers: days.reinterpret_cast(), first, dates })
    }

    fn as_whole(&self) -> Option<&[i64]> {
        match self {
            Cells::Whole(values) if values.null_count() == 0 => Some(values.values()),
            _ => None,
        }
    }

    fn as_numbers(&self) -> Option<&[f64]> {
        match self {
            Cells::Number(values) if values.null_count() == 0 => Some(values.values()),
            _ => None,
        }
    }

    fn as_days(&self) -> Option<Days<'_>> {
        match self {
            Cells::Days { numbers, first, dates } if numbers.null_count() == 0 => {
                Some(Days { numbers: numbers.values(), first: *first, dates })
            }
            _ => None,
        }
    }

    fn as_names(&self) -> Option<Names<'_>> {
        match self {
            Cells::Words { keys, .. } if keys.null_count() == 0 => Some(Names::Words(keys.values())),
            _ => self.as_whole().map(Names::Whole),
        }
    }

    fn moment(&self, at: usize) -> Option<Option<Moment>> {
        match self {
            Cells::Days { numbers, first, dates } => Some(numbers.is_valid(at).then(|| {
                let number = i64::from(numbers.value(at));
                Moment { second: number * 86_400, ..Moment::of_day(dates[(number - first) as usize]) }
            })),
            Cells::Moments(moments) => Some(moments[at]),
            _ => None,
        }
    }

    fn cell(&self, at: usize) -> Cell<'_> {
        match self {
            Cells::Whole(values) if values.is_valid(at) => Cell::Number(values.value(at) as f64),
            Cells::Number(values) if values.is_valid(at) => Cell::of_number(values.value(at)),
            Cells::Flag(values) if values.is_valid(at) => Cell::Number(f64::from(u8::from(values.value(at)))),
            Cells::Text(values) if values.is_valid(at) => Cell::of_text(values.value(at)),
            Cells::Words { keys, words } if keys.is_valid(at) && words.is_valid(keys.value(at) as usize) => {
                Cell::of_text(words.value(keys.value(at) as usize))
            }
            _ => Cell::Missing,
        }
    }

    fn shown(&self, at: usize) -> String {
        match (self, self.moment(at)) {
            (Cells::Whole(values), _) if values.is_valid(at) => values.value(at).to_string(),
            (_, Some(moment)) => moment.map_or_else(String::new, |moment| moment.day.to_string()),
            _ => self.cell(at).shown(),
        }
    }
}

fn is_text(kind: &DataType) -> bool {
    matches!(kind, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

/// Ticks since 1970 as moments; those of no zone are read in one.
fn moments(
    name: &str,
    ticks: &Int64Array,
    unit: TimeUnit,
    zone: Option<&TimeZone>,
) -> Result<Vec<Option<Moment>>> {
    let per_second = match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    };
    let moment = |ticks: i64| {
        let at = Timestamp::from_second(ticks.div_euclid(per_second)).ok()?;
        match zone {
            Some(zone) if *zone != TimeZone::UTC => {
                let local = at.to_zoned(TimeZone::UTC).datetime();
                Moment::of_local(local, zone)
            }
            _ => Some(Moment::of_timestamp(at)),
        }
    };
    let read = |ticks: Option<i64>| ticks.map(|ticks| moment(ticks).ok_or_else(|| no_date(name))).transpose();
    ticks.iter().map(read).collect()
}

fn no_date(column: &str) -> Error {
    let expected = "dates between the years -9999 and 9999".to_owned();
    ErrorKind::ColumnType { column: column.to_owned(), found: "of dates beyond those".into(), expected }
        .into()
}

fn wrong_type(column: &str, found: &DataType) -> Error {
    let expected = "numbers, flags, texts, dates, timestamps or dictionaries of texts".to_owned();
    ErrorKind::ColumnType { column: column.to_owned(), found: found.to_string(), expected }.into()
}

struct ArrowRow<'a> {
    columns: &'a [Cells],
    at: usize,
    line: u64,
}

impl Row for ArrowRow<'_> {
    fn n_cells(&self) -> usize {
        self.columns.len()
    }

    fn cell(&self, column: usize) -> std::result::Result<Cell<'_>, Cause> {
        Ok(self.columns[column].cell(self.at))
    }

    fn moment(&self, column: usize) -> Option<Option<Moment>> {
        self.columns[column].moment(self.at)
    }

    fn whole(&self, column: usize) -> Option<Option<i64>> {
        match &self.columns[column] {
            Cells::Whole(values) => Some(values.is_valid(self.at).then(|| values.value(self.at))),
            _ => None,
        }
    }

    fn word(&self, column: usize) -> Option<usize> {
        match &self.columns[column] {
            Cells::Words { keys, .. } if keys.is_valid(self.at) => Some(keys.value(self.at) as usize),
            _ => None,
        }
    }

    fn line(&self) -> u64 {
        self.line
    }

    fn text(&self) -> String {
        self.columns.iter().map(|cells| cells.shown(self.at)).collect::<Vec<_>>().join(",")
    }
}
