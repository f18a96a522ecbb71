//! What the cells of a row say, whatever the table it comes from, and the ids that are met in them.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};

use jiff::tz::TimeZone;

use super::super::day::{Moment, Written, zone_of};
use super::super::file::Timeline;
use super::super::table_from::TableFrom;
use super::Cause;
use crate::error::{Error, ErrorKind, Result};
use crate::frame::cell::Cell;

/// A row of a table, cell by cell; columns are numbered.
pub(super) trait Row {
    /// How many cells it has, where that can differ from the header.
    fn n_cells(&self) -> usize;
    fn cell(&self, column: usize) -> std::result::Result<Cell<'_>, Cause>;
    /// The moment in a cell of a column that holds nothing but moments.
    fn moment(&self, column: usize) -> Option<Option<Moment>>;
    /// The whole number in a cell of a column that holds nothing but whole numbers.
    fn whole(&self, column: usize) -> Option<Option<i64>>;
    /// Which word of the batch's dictionary is in a cell, where there is one.
    fn word(&self, _: usize) -> Option<usize> {
        None
    }
    /// Where it stands, 1-based.
    fn line(&self) -> u64;
    /// Its cells, separated by commas.
    fn text(&self) -> String;
}

/// The header of a table and how its cells are to be read.
pub(super) struct Header {
    pub names: Vec<String>,
    format: Option<String>,
    zone: TimeZone,
    /// Of each column whether times with and without a zone were met.
    zones: Vec<[bool; 2]>,
}

impl Header {
    pub fn new(timeline: &Timeline, table: &TableFrom, names: Vec<String>) -> Result<Self> {
        let format = table.date_format.clone().or_else(|| timeline.date_format.clone());
        let zone = zone_of(timeline.zone_name(table))?;
        let zones = vec![[false; 2]; names.len()];
        Ok(Header { names, format, zone, zones })
    }

    /// The number of a column.
    pub fn find(&self, column: &str, role: &str) -> Result<usize> {
        self.names.iter().position(|name| name == column).ok_or_else(|| {
            let (column, found) = (column.to_owned(), self.names.join(", "));
            Error::from(ErrorKind::MissingColumn { column, role: role.into(), found })
        })
    }

    pub fn maybe(&self, column: Option<&str>, role: &str) -> Result<Option<usize>> {
        column.map(|name| self.find(name, role)).transpose()
    }

    /// What is odd about a column with times of both kinds.
    pub fn notes(&self, table: &str) -> Vec<String> {
        let note = |(name, met): (&String, &[bool; 2])| {
            (*met == [true; 2]).then(|| {
                let zone = self.zone.iana_name().unwrap_or("UTC");
                format!(
                    "table `{table}`, column `{name}`: some times name their zone, others do not and were taken for \
                     {zone}; say `time_zone` if that is wrong"
                )
            })
        };
        self.names.iter().zip(&self.zones).filter_map(note).collect()
    }

    pub fn moment(&mut self, row: &impl Row, at: usize) -> std::result::Result<Option<Moment>, Cause> {
        if let Some(moment) = row.moment(at) {
            return Ok(moment);
        }
        let cell = row.cell(at)?;
        let text = match cell {
            Cell::Missing => return Ok(None),
            Cell::Text(_) if cell.is_word_for_nothing() => return Ok(None),
            Cell::Text(text) => text,
            Cell::Number(_) => return Err(self.no_date(at, cell)),
        };
        let moment = Moment::read(text, self.format.as_deref(), &self.zone);
        match moment.map(|moment| moment.written) {
            Some(Written::TimeWithZone) => self.zones[at][0] = true,
            Some(Written::Time) => self.zones[at][1] = true,
            Some(Written::Day) => (),
            None => return Err(self.no_date(at, cell)),
        }
        Ok(moment)
    }

    pub fn needed_moment(&mut self, row: &impl Row, at: usize) -> std::result::Result<Moment, Cause> {
        self.moment(row, at)?.ok_or_else(|| self.empty(at))
    }

    pub fn number(&self, row: &impl Row, at: usize) -> std::result::Result<Option<f64>, Cause> {
        let cell = row.cell(at)?;
        let value = cell.number().map_err(|expected| self.found(at, cell, expected))?;
        Ok((!value.is_nan()).then_some(value))
    }

    /// A whole number from 0.
    pub fn count(&self, row: &impl Row, at: usize) -> std::result::Result<Option<u32>, Cause> {
        match self.number(row, at)? {
            None => Ok(None),
            Some(value) if value.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&value) => {
                Ok(Some(value as u32))
            }
            Some(_) => Err(self.found(at, row.cell(at)?, "a whole number from 0")),
        }
    }

    pub fn flag(&self, row: &impl Row, at: usize) -> std::result::Result<Option<bool>, Cause> {
        let cell = row.cell(at)?;
        cell.truth().ok_or_else(|| self.found(at, cell, "true/false, yes/no or 1/0"))
    }

    pub fn text<'r>(&self, row: &'r impl Row, at: usize) -> std::result::Result<Option<Key<'r>>, Cause> {
        if let Some(whole) = row.whole(at) {
            return Ok(whole.map(Key::Whole));
        }
        match row.cell(at)? {
            Cell::Missing => Ok(None),
            Cell::Text(text) => Ok(Some(Key::Text(text))),
            Cell::Number(value) if value.fract() == 0.0 && value.abs() < 9e15 => {
                Ok(Some(Key::Whole(value as i64)))
            }
            cell => Err(self.found(at, cell, "a text or whole number")),
        }
    }

    pub fn needed_text<'r>(&self, row: &'r impl Row, at: usize) -> std::result::Result<Key<'r>, Cause> {
        self.text(row, at)?.ok_or_else(|| self.empty(at))
    }

    pub fn found(&self, at: usize, cell: Cell<'_>, expected: &str) -> Cause {
        format!("column `{}`: found `{}`, expected {expected}", self.names[at], cell.shown())
    }

    fn no_date(&self, at: usize, cell: Cell<'_>) -> Cause {
        match &self.format {
            Some(format) => self.found(at, cell, &format!("a date written as {format}")),
            None => self.found(at, cell, "a date as 2026-11-21"),
        }
    }

    fn empty(&self, at: usize) -> Cause {
        format!("column `{}` is empty", self.names[at])
    }
}

/// An id or a word as it stands in a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key<'a> {
    Text(&'a str),
    Whole(i64),
}

impl fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Key::Text(text) => f.write_str(text),
            Key::Whole(number) => number.fmt(f),
        }
    }
}

/// Ids and the number of each, in the order in which they are met.
#[derive(Default)]
pub(super) struct Ids {
    texts: Vec<String>,
    codes: HashMap<String, u32>,
    /// Codes of whole numbers that were met before: of small ones by themselves, of others by a hash.
    small: Vec<u32>,
    wholes: HashMap<i64, u32, BuildHasherDefault<Mixing>>,
}

const MAX_SMALL: usize = 1 << 22;
const NO_CODE: u32 = u32::MAX;

impl Ids {
    pub fn code(&mut self, id: Key<'_>) -> u32 {
        match id {
            Key::Text(text) => self.code_of_text(text),
            Key::Whole(number) => self.met(number).unwrap_or_else(|| {
                let code = self.code_of_text(&number.to_string());
                self.note(number, code);
                code
            }),
        }
    }

    /// The code of a whole number that was met before.
    #[inline]
    fn met(&self, number: i64) -> Option<u32> {
        match usize::try_from(number) {
            Ok(small) if small < MAX_SMALL => self.small.get(small).copied().filter(|code| *code != NO_CODE),
            _ => self.wholes.get(&number).copied(),
        }
    }

    fn note(&mut self, number: i64, code: u32) {
        match usize::try_from(number) {
            Ok(small) if small < MAX_SMALL => {
                if self.small.len() <= small {
                    self.small.resize((small + 1).next_power_of_two(), NO_CODE);
                }
                self.small[small] = code;
            }
            _ => {
                self.wholes.insert(number, code);
            }
        }
    }

    fn code_of_text(&mut self, text: &str) -> u32 {
        if let Some(code) = self.codes.get(text) {
            return *code;
        }
        let code = self.texts.len() as u32;
        self.texts.push(text.to_owned());
        self.codes.insert(text.to_owned(), code);
        code
    }

    #[inline]
    pub fn find(&mut self, id: Key<'_>) -> Option<u32> {
        match id {
            Key::Text(text) => self.codes.get(text).copied(),
            Key::Whole(number) => self.met(number).or_else(|| {
                let code = self.codes.get(&number.to_string()).copied()?;
                self.note(number, code);
                Some(code)
            }),
        }
    }

    pub fn names(&self) -> &[String] {
        &self.texts
    }

    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }
}

/// The numbers of users. A small whole number is its own, others are counted from `OTHERS` on: users come by the
/// million, and mostly in numbers.
#[derive(Default)]
pub(super) struct Users(Ids);

const OTHERS: u32 = 1 << 31;

impl Users {
    pub fn code(&mut self, user: Key<'_>) -> u32 {
        let whole = match user {
            Key::Whole(number) => Some(number),
            Key::Text(text) => text.parse().ok().filter(|number: &i64| number.to_string() == text),
        };
        match whole {
            Some(number) if (0..i64::from(OTHERS)).contains(&number) => number as u32,
            _ => OTHERS + self.0.code(user),
        }
    }
}

/// A hasher of one whole number: there is nobody to defend against, and ids come by the million.
#[derive(Default)]
pub(super) struct Mixing(u64);

impl Hasher for Mixing {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_i64(&mut self, number: i64) {
        self.write_u64(number as u64);
    }

    fn write_u64(&mut self, number: u64) {
        let mixed = (self.0 ^ number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = mixed ^ (mixed >> 32);
    }
}
