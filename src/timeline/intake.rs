//! Events in from CSV: bad rows set apart with line and cause, duplicates and late arrivals counted, the rest goes on.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

use ::csv::{ByteRecord, ReaderBuilder};
use jiff::ToSpan;
use jiff::civil::Date;

use super::file::Timeline;
use super::record::{Account, Event, EventNames, Records};
use crate::error::{Error, ErrorKind, Result};
use crate::frame::cell::Cell;
use crate::frame::csv::text_of;

/// What came of reading an export.
#[derive(Clone, Debug)]
pub struct Intake {
    /// The facts, each account started by its first event.
    pub records: Records,
    /// Rows of the file without the header.
    pub n_rows: usize,
    /// Rows that could not be used.
    pub bad: Vec<BadRow>,
    /// Rows left out because another has the same id.
    pub n_duplicates: usize,
    /// Rows known later than they happened.
    pub n_late: usize,
}

/// A row that could not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRow {
    /// Line in the file, 1-based.
    pub line: u64,
    /// What is wrong with it.
    pub cause: String,
    /// Its cells, separated by commas.
    pub text: String,
}

impl Timeline {
    /// Reads events from CSV, gzip or not; any order.
    ///
    /// A row is bad, and the others go on, if it has more or fewer cells than the header, is not UTF-8, has no account
    /// or date, a date or value that is none, or was known before it happened. The same events come of the same rows
    /// in whatever order they stand.
    ///
    /// # Errors
    /// [`ErrorKind::Io`]; [`ErrorKind::MissingColumn`]; [`ErrorKind::NoRows`]; [`ErrorKind::Csv`] with the first cause
    /// where every row is bad.
    pub fn read_events(&self, reader: impl Read) -> Result<Intake> {
        read(self, reader, "the events")
    }

    /// As [`read_events`](Self::read_events), from a file.
    ///
    /// # Errors
    /// As there.
    pub fn read_events_csv(&self, path: impl AsRef<Path>) -> Result<Intake> {
        let what = path.as_ref().display().to_string();
        let file = std::fs::File::open(path.as_ref())
            .map_err(|source| ErrorKind::Io { path: what.clone(), source })?;
        read(self, file, &what)
    }
}

fn read(timeline: &Timeline, reader: impl Read, what: &str) -> Result<Intake> {
    timeline.check()?;
    let io_error = |source| Error::from(ErrorKind::Io { path: what.to_owned(), source });
    let mut csv = ReaderBuilder::new().flexible(true).from_reader(text_of(reader).map_err(io_error)?);
    let header: Vec<String> = match csv.byte_headers() {
        Ok(header) => header.iter().map(|name| String::from_utf8_lossy(name).trim().to_owned()).collect(),
        Err(error) => return Err(io_error(std::io::Error::other(error))),
    };
    let mut rows = Rows::new(timeline, &header)?;
    let mut record = ByteRecord::new();
    while csv.read_byte_record(&mut record).map_err(|error| io_error(std::io::Error::other(error)))? {
        rows.add(&record);
    }
    rows.finish(what)
}

/// Positions of the columns that are read.
struct Columns {
    n: usize,
    account: usize,
    occurred_at: usize,
    known_at: Option<usize>,
    id: Option<usize>,
    user: Option<usize>,
    /// Of each event: its name's code or column, its value's column.
    events: Vec<(Named, Option<usize>)>,
}

#[derive(Clone, Copy)]
enum Named {
    Code(u32),
    Column(usize),
}

/// The cause why a row is bad.
type Cause = String;

/// A row's events, and what it is ordered by among rows of the same id.
struct Kept {
    /// Order in which the file has it.
    events: std::ops::Range<usize>,
    is_dropped: bool,
}

/// All rows so far.
struct Rows<'a> {
    timeline: &'a Timeline,
    header: &'a [String],
    columns: Columns,
    ids: HashMap<String, usize>,
    accounts: EventNames,
    users: EventNames,
    names: EventNames,
    events: Vec<Event>,
    kept: Vec<Kept>,
    n_rows: usize,
    bad: Vec<BadRow>,
    n_duplicates: usize,
}

impl<'a> Rows<'a> {
    fn new(timeline: &'a Timeline, header: &'a [String]) -> Result<Self> {
        let mut names = EventNames::default();
        let columns = Columns::find(timeline, header, &mut names)?;
        Ok(Rows {
            timeline,
            header,
            columns,
            ids: HashMap::new(),
            accounts: EventNames::default(),
            users: EventNames::default(),
            names,
            events: Vec::new(),
            kept: Vec::new(),
            n_rows: 0,
            bad: Vec::new(),
            n_duplicates: 0,
        })
    }

    fn add(&mut self, record: &ByteRecord) {
        self.n_rows += 1;
        let before = self.events.len();
        if let Err(cause) = self.parse(record) {
            self.events.truncate(before);
            let line = record.position().map_or(0, |position| position.line());
            let cells: Vec<_> = record.iter().map(String::from_utf8_lossy).collect();
            self.bad.push(BadRow { line, cause, text: cells.join(",") });
        }
    }

    fn parse(&mut self, record: &ByteRecord) -> std::result::Result<(), Cause> {
        if record.len() != self.columns.n {
            return Err(format!("{} cells, but the header has {}", record.len(), self.columns.n));
        }
        let occurred_at = self.needed_date(record, self.columns.occurred_at)?;
        let known_at = match self.columns.known_at {
            Some(at) => self.date(record, at)?.unwrap_or(occurred_at),
            None => occurred_at,
        };
        if known_at < occurred_at {
            return Err(format!("was known on {known_at}, before it happened on {occurred_at}"));
        }
        let account = self.text(record, self.columns.account)?;
        let account = account.ok_or_else(|| self.empty(self.columns.account))?;
        let user = self.columns.user.map(|at| self.text(record, at)).transpose()?.flatten();
        let id = self.columns.id.map(|at| self.text(record, at)).transpose()?.flatten();
        let events = self.events.len();
        let account = self.accounts.code(account);
        let user = user.map(|user| self.users.code(user));
        for at in 0..self.columns.events.len() {
            let (named, value) = self.columns.events[at];
            let Some(value) = self.value(record, value)? else { continue };
            let Some(name) = self.name(record, named)? else { continue };
            self.events.push(Event { account, name, user, value, occurred_at, known_at });
        }
        self.keep(id, events);
        Ok(())
    }

    /// Keeps the row's events, or those of another row with its id, whichever was known first.
    fn keep(&mut self, id: Option<&str>, events: usize) {
        let new = Kept { events: events..self.events.len(), is_dropped: false };
        let at = self.kept.len();
        self.kept.push(new);
        let Some(id) = id else { return };
        let Some(&other) = self.ids.get(id) else {
            self.ids.insert(id.to_owned(), at);
            return;
        };
        self.n_duplicates += 1;
        let of = |at: usize| &self.events[self.kept[at].events.clone()];
        let is_earlier = earlier(of(at), of(other)) == Ordering::Less;
        let (winner, loser) = if is_earlier { (at, other) } else { (other, at) };
        self.kept[loser].is_dropped = true;
        self.ids.insert(id.to_owned(), winner);
    }

    fn cell<'r>(&self, record: &'r ByteRecord, at: usize) -> std::result::Result<Cell<'r>, Cause> {
        let text = std::str::from_utf8(&record[at])
            .map_err(|_| format!("column `{}` is not UTF-8", self.header[at]))?;
        Ok(Cell::of_text(text))
    }

    fn text<'r>(&self, record: &'r ByteRecord, at: usize) -> std::result::Result<Option<&'r str>, Cause> {
        Ok(match self.cell(record, at)? {
            Cell::Text(text) => Some(text),
            _ => None,
        })
    }

    fn name(&mut self, record: &ByteRecord, named: Named) -> std::result::Result<Option<u32>, Cause> {
        match named {
            Named::Code(code) => Ok(Some(code)),
            Named::Column(at) => Ok(self.text(record, at)?.map(|name| self.names.code(name))),
        }
    }

    fn value(&self, record: &ByteRecord, at: Option<usize>) -> std::result::Result<Option<f64>, Cause> {
        let Some(at) = at else { return Ok(Some(1.0)) };
        let cell = self.cell(record, at)?;
        let value = cell.number().map_err(|expected| self.found(at, &cell.shown(), expected))?;
        Ok((!value.is_nan()).then_some(value))
    }

    fn needed_date(&self, record: &ByteRecord, at: usize) -> std::result::Result<Date, Cause> {
        self.date(record, at)?.ok_or_else(|| self.empty(at))
    }

    fn date(&self, record: &ByteRecord, at: usize) -> std::result::Result<Option<Date>, Cause> {
        let cell = self.cell(record, at)?;
        match (&self.timeline.date_format, cell) {
            (Some(format), Cell::Text(text)) => Date::strptime(format, text)
                .map(Some)
                .map_err(|_| self.found(at, &cell.shown(), &format!("a date written as {format}"))),
            _ => cell.date().map_err(|expected| self.found(at, &cell.shown(), expected)),
        }
    }

    fn found(&self, at: usize, value: &str, expected: &str) -> Cause {
        format!("column `{}`: found `{value}`, expected {expected}", self.header[at])
    }

    fn empty(&self, at: usize) -> Cause {
        format!("column `{}` is empty", self.header[at])
    }

    fn finish(self, what: &str) -> Result<Intake> {
        let Rows { kept, events, bad, n_rows, n_duplicates, .. } = self;
        let kept = kept.into_iter().filter(|row| !row.is_dropped);
        let rows: Vec<&[Event]> = kept.map(|row| &events[row.events]).collect();
        let is_late = |row: &&&[Event]| row.first().is_some_and(|event| event.known_at > event.occurred_at);
        let n_late = rows.iter().filter(is_late).count();
        let events = rows.concat();
        if n_rows == 0 || events.is_empty() {
            return Err(nothing(what, bad.first()));
        }
        let last = events.iter().map(|event| event.known_at).max().unwrap_or(Date::MIN);
        let known_until = self.timeline.known_until.unwrap_or_else(|| last.saturating_add(1.day()));
        let (accounts, events) = by_id(&self.accounts, events);
        let records =
            Records::new(accounts, Vec::new(), self.names, events, known_until)?.started_by_events();
        Ok(Intake { records, n_rows, bad, n_duplicates, n_late })
    }
}

impl Columns {
    fn find(timeline: &Timeline, header: &[String], names: &mut EventNames) -> Result<Self> {
        let find = |column: &str, role: &str| {
            header.iter().position(|name| name == column).ok_or_else(|| {
                let (column, found) = (column.to_owned(), header.join(", "));
                Error::from(ErrorKind::MissingColumn { column, role: role.into(), found })
            })
        };
        let maybe =
            |column: &Option<String>, role| column.as_deref().map(|name| find(name, role)).transpose();
        let mut events = Vec::new();
        for event in &timeline.events {
            let named = match (&event.name, &event.name_from) {
                (Some(name), _) => Named::Code(names.code(name)),
                (None, column) => {
                    Named::Column(find(column.as_deref().unwrap_or_default(), "name of an event")?)
                }
            };
            events.push((named, maybe(&event.value, "value of an event")?));
        }
        Ok(Columns {
            n: header.len(),
            account: find(&timeline.account, "account id")?,
            occurred_at: find(&timeline.occurred_at, "day on which a row happened")?,
            known_at: maybe(&timeline.known_at, "day on which a row was known")?,
            id: maybe(&timeline.id, "id of a row")?,
            user: maybe(&timeline.user, "user who did it")?,
            events,
        })
    }
}

/// Which of two rows was known first; where that is the same, by whatever else is in them.
fn earlier(a: &[Event], b: &[Event]) -> Ordering {
    let key = |event: &Event| (event.known_at, event.occurred_at, event.account, event.name, event.user);
    let values = |row: &[Event]| row.iter().map(|event| event.value).collect::<Vec<_>>();
    let by_value =
        || values(a).iter().zip(&values(b)).map(|(a, b)| a.total_cmp(b)).find(|found| found.is_ne());
    a.iter().map(key).cmp(b.iter().map(key)).then_with(|| by_value().unwrap_or(Ordering::Equal))
}

/// The accounts by id, with their events.
fn by_id(ids: &EventNames, mut events: Vec<Event>) -> (Vec<Account>, Vec<Event>) {
    let mut started: Vec<Option<Date>> = vec![None; ids.names().len()];
    for event in &events {
        let first = &mut started[event.account as usize];
        *first = Some(first.map_or(event.occurred_at, |day| day.min(event.occurred_at)));
    }
    // Accounts all of whose rows were left out are none.
    let mut order: Vec<usize> = (0..started.len()).filter(|&at| started[at].is_some()).collect();
    order.sort_by(|&a, &b| ids.names()[a].cmp(&ids.names()[b]));
    let mut place = vec![0; started.len()];
    (0..order.len()).for_each(|at| place[order[at]] = at as u32);
    events.iter_mut().for_each(|event| event.account = place[event.account as usize]);
    let account = |at: usize| Account::new(ids.names()[at].as_str(), started[at].unwrap_or(Date::MIN));
    (order.into_iter().map(account).collect(), events)
}

fn nothing(what: &str, bad: Option<&BadRow>) -> Error {
    let what = what.to_owned();
    match bad {
        Some(bad) => {
            let problem = format!("{}; no row of the file can be used, and this is the first", bad.cause);
            ErrorKind::Csv { what, line: bad.line, problem }.into()
        }
        None => ErrorKind::NoRows { what, hint: "give it a header and at least one event" }.into(),
    }
}
