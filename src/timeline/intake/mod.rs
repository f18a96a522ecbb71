//! Records in from tables of any export: bad rows set apart with line and cause, duplicates and late arrivals counted,
//! the rest goes on.

mod accounts;
#[cfg(feature = "arrow")]
mod arrow;
mod cells;
mod contracts;
mod csv;
mod events;
mod finish;
#[cfg(feature = "parquet")]
mod parquet;
#[cfg(feature = "arrow")]
mod plain;

use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

use jiff::civil::Date;
use serde::Serialize;

use super::contract::Contract;
use super::file::Timeline;
use super::record::{Account, Event, EventNames, Records};
use super::table_from::{TableFrom, TableKind};
use crate::error::{Error, ErrorKind, Result};
use cells::{Ids, Row, Users};

/// What came of reading an export.
#[derive(Clone, Debug)]
pub struct Intake {
    /// The facts.
    pub records: Records,
    /// Rows of all tables without their headers.
    pub n_rows: usize,
    /// Rows that could not be used.
    pub bad: Vec<BadRow>,
    /// Rows that were used, but look wrong: contracts that overlap, events from before their account started where
    /// those are kept.
    pub doubtful: Vec<BadRow>,
    /// Rows left out because another has the same id.
    pub n_duplicates: usize,
    /// Rows known later than they happened.
    pub n_late: usize,
    /// The same, table by table, in the order in which they were read.
    pub tables: Vec<TableIntake>,
    /// What is odd about whole columns, in words: times with and without a zone.
    pub notes: Vec<String>,
}

/// What came of reading one table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableIntake {
    /// What it is called.
    pub name: String,
    /// Its rows without the header.
    pub n_rows: usize,
    /// Rows that could not be used.
    pub n_bad: usize,
    /// Rows that were used, but look wrong.
    pub n_doubtful: usize,
    /// Rows left out because another has the same id.
    pub n_duplicates: usize,
    /// Rows known later than they happened.
    pub n_late: usize,
}

/// A row that could not be used, or looks wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRow {
    /// What its table is called.
    pub table: String,
    /// Line in the file, 1-based, or row of the table.
    pub line: u64,
    /// What is wrong with it.
    pub cause: String,
    /// Its cells, separated by commas.
    pub text: String,
}

/// The cause why a row is bad.
type Cause = String;

impl Timeline {
    /// Reads the events of a timeline's only table from CSV, gzip or not; any order.
    ///
    /// A row is bad, and the others go on, if it has more or fewer cells than the header, is not UTF-8, has no account
    /// or date, a date or value that is none, or was known before it happened. The same events come of the same rows
    /// in whatever order they stand.
    ///
    /// # Errors
    /// [`ErrorKind::Io`]; [`ErrorKind::MissingColumn`]; [`ErrorKind::NoRows`]; [`ErrorKind::Csv`] with the first cause
    /// where every row is bad; [`ErrorKind::Records`] where there are several tables.
    pub fn read_events(&self, reader: impl Read) -> Result<Intake> {
        self.read_only(reader, "the events")
    }

    /// As [`read_events`](Self::read_events), from a file.
    ///
    /// # Errors
    /// As there.
    pub fn read_events_csv(&self, path: impl AsRef<Path>) -> Result<Intake> {
        let what = path.as_ref().display().to_string();
        let file = std::fs::File::open(path.as_ref())
            .map_err(|source| ErrorKind::Io { path: what.clone(), source })?;
        self.read_only(file, &what)
    }

    fn read_only(&self, reader: impl Read, what: &str) -> Result<Intake> {
        let [table] = self.tables.as_slice() else {
            let n = self.tables.len();
            let text = format!("the timeline has {n} tables; read each by its name, or all by `read_files`");
            return Err(ErrorKind::Records(text).into());
        };
        let mut reading = self.reading()?;
        csv::read(&mut reading, table, reader, what)?;
        reading.finish_as(what)
    }

    /// Reads every table from its file; `folder` is where those stand that are not named from the root.
    ///
    /// # Errors
    /// As [`Reading::file`] and [`Reading::finish`]; [`ErrorKind::Schema`] for a table without a file.
    pub fn read_files(&self, folder: impl AsRef<Path>) -> Result<Intake> {
        let mut reading = self.reading()?;
        let mut tables: Vec<&TableFrom> = self.tables.iter().collect();
        tables.sort_by_key(|table| table.kind.turn());
        let file = |table: &'_ TableFrom| match &table.file {
            Some(file) => Ok(folder.as_ref().join(file)),
            None => {
                let text =
                    format!("table `{}` has no `file`; name it, or read its rows by code", table.title());
                Err(Error::from(ErrorKind::Schema(text)))
            }
        };
        let files = tables.iter().map(|table| Ok((*table, file(table)?))).collect::<Result<Vec<_>>>()?;
        reading.files(&files)?;
        reading.finish()
    }

    /// Begins to read tables from wherever they are: accounts first, then contracts, then the rest.
    ///
    /// # Errors
    /// As [`Timeline::check`].
    pub fn reading(&self) -> Result<Reading<'_>> {
        self.check()?;
        Ok(Reading::new(self))
    }
}

/// Tables that are being read.
///
/// ```
/// use keepwell::timeline::Timeline;
///
/// let timeline = Timeline::from_toml(r#"
///     account = "account"
///     [[table]]
///     kind = "accounts"
///     started = "signed_up"
///     [[table]]
///     name = "tickets"
///     kind = "interactions"
///     opened = "opened"
///     closed = "closed"
///     [[measure]]
///     signal = "tickets_open"
///     how = "count"
///     events = ["ticket_opened"]
///     less = { how = "count", events = ["ticket_closed"] }
/// "#)?;
/// #[derive(serde::Serialize)]
/// struct Ticket { account: &'static str, opened: &'static str, closed: Option<&'static str> }
///
/// let mut reading = timeline.reading()?;
/// reading.csv("accounts", "account,signed_up\nA,2026-01-01\nB,2026-01-32\n".as_bytes())?;
/// reading.records("tickets", &[
///     Ticket { account: "A", opened: "2026-02-01", closed: Some("2026-02-09") },
///     Ticket { account: "A", opened: "2026-02-07", closed: None },
/// ])?;
/// let intake = reading.finish()?;
/// assert_eq!(intake.bad[0].cause, "column `signed_up`: found `2026-01-32`, expected a date as 2026-11-21");
/// let table = timeline.snapshots(&intake.records, &[jiff::civil::date(2026, 2, 9)])?;
/// assert_eq!(table.column("tickets_open"), Some(&keepwell::frame::Column::Number(vec![2.0])));
/// # Ok::<(), keepwell::Error>(())
/// ```
pub struct Reading<'a> {
    timeline: &'a Timeline,
    /// Accounts that are told of, by id; where no table has accounts, whoever has a fact.
    ids: Ids,
    accounts: Vec<Option<Account>>,
    /// First day of each account that was told of, once all were.
    started: Vec<Date>,
    has_accounts: bool,
    contracts: Vec<Contract>,
    /// Where each contract was read.
    contract_rows: Vec<BadRow>,
    /// Contracts by their ids.
    contract_ids: HashMap<String, usize>,
    users: Users,
    names: EventNames,
    events: Vec<Event>,
    bad: Vec<BadRow>,
    doubtful: Vec<BadRow>,
    tables: Vec<TableIntake>,
    notes: Vec<String>,
    turn: u8,
}

impl<'a> Reading<'a> {
    fn new(timeline: &'a Timeline) -> Self {
        Reading {
            timeline,
            ids: Ids::default(),
            accounts: Vec::new(),
            started: Vec::new(),
            has_accounts: timeline.tables.iter().any(|table| table.kind == TableKind::Accounts),
            contracts: Vec::new(),
            contract_rows: Vec::new(),
            contract_ids: HashMap::new(),
            users: Users::default(),
            names: EventNames::default(),
            events: Vec::new(),
            bad: Vec::new(),
            doubtful: Vec::new(),
            tables: Vec::new(),
            notes: Vec::new(),
            turn: 0,
        }
    }

    /// Reads a table from CSV, gzip or not.
    ///
    /// # Errors
    /// [`ErrorKind::Io`]; [`ErrorKind::MissingColumn`]; [`ErrorKind::Records`] for a name that is no table's, or a
    /// table that is read after what should have come behind it.
    pub fn csv(&mut self, table: &str, reader: impl Read) -> Result<&mut Self> {
        let (from, what) = (self.table(table)?, table.to_owned());
        csv::read(self, from, reader, &what)?;
        Ok(self)
    }

    /// Reads a table from a file: Parquet by its ending `.parquet` (feature `parquet`), else CSV, gzip or not.
    ///
    /// # Errors
    /// As [`csv`](Self::csv).
    pub fn file(&mut self, table: &str, path: impl AsRef<Path>) -> Result<&mut Self> {
        let (from, path) = (self.table(table)?, path.as_ref());
        if is_parquet(path) {
            self.parquet(from, path)?;
            return Ok(self);
        }
        let what = path.display().to_string();
        let file =
            std::fs::File::open(path).map_err(|source| ErrorKind::Io { path: what.clone(), source })?;
        csv::read(self, from, file, &what)?;
        Ok(self)
    }

    /// Reads tables from files, one after the other.
    #[cfg(not(feature = "parquet"))]
    fn files(&mut self, files: &[(&TableFrom, std::path::PathBuf)]) -> Result<()> {
        files.iter().try_for_each(|(table, path)| self.file(&table.title(), path).map(drop))
    }

    #[cfg(not(feature = "parquet"))]
    fn parquet(&mut self, _: &TableFrom, path: &Path) -> Result<()> {
        let text = format!("{} is Parquet; build with the feature `parquet`, or export CSV", path.display());
        Err(ErrorKind::Records(text).into())
    }

    /// Reads a table from Rust records, one a row, one column a field, through serde. Fields must be plain; `None` is
    /// an empty cell.
    ///
    /// # Errors
    /// As [`csv`](Self::csv); [`ErrorKind::Records`] where a record has a field that is no plain value.
    pub fn records<T: Serialize>(&mut self, table: &str, rows: &[T]) -> Result<&mut Self> {
        let mut writer = ::csv::Writer::from_writer(Vec::new());
        let written = rows.iter().try_for_each(|row| writer.serialize(row));
        written.map_err(|error| ErrorKind::Records(error.to_string()))?;
        let text = writer.into_inner().map_err(|error| ErrorKind::Records(error.to_string()))?;
        if rows.is_empty() {
            self.begin(self.table(table)?)?;
            return Ok(self);
        }
        self.csv(table, text.as_slice())
    }

    /// Puts together what was read.
    ///
    /// # Errors
    /// [`ErrorKind::NoRows`] where nothing was; [`ErrorKind::Csv`] with the first cause where every row is bad.
    pub fn finish(self) -> Result<Intake> {
        self.finish_as("the export")
    }

    fn table(&self, name: &str) -> Result<&'a TableFrom> {
        let found = self.timeline.tables.iter().find(|table| table.title() == name);
        found.ok_or_else(|| {
            let names: Vec<String> = self.timeline.tables.iter().map(TableFrom::title).collect();
            let names = names.join(", ");
            ErrorKind::Records(format!("there is no table `{name}`; the timeline's are: {names}")).into()
        })
    }

    /// Opens the books for a table, if it is its turn.
    fn begin(&mut self, table: &TableFrom) -> Result<()> {
        let turn = table.kind.turn();
        if turn < self.turn {
            let (name, kind) = (table.title(), table.kind.name());
            let text = format!("table `{name}` comes too late; read {kind} before what belongs to them");
            return Err(ErrorKind::Records(text).into());
        }
        if turn == 2 && self.turn < 2 {
            self.settle_contracts();
            self.started = self.accounts.iter().flatten().map(|account| account.started).collect();
        }
        self.turn = turn;
        self.tables.push(TableIntake { name: table.title(), ..TableIntake::default() });
        Ok(())
    }

    fn counts(&mut self) -> &mut TableIntake {
        if self.tables.is_empty() {
            self.tables.push(TableIntake::default());
        }
        let last = self.tables.len() - 1;
        &mut self.tables[last]
    }

    fn row(&self, row: &impl Row, cause: Cause) -> BadRow {
        let table = self.tables.last().map_or_else(String::new, |table| table.name.clone());
        BadRow { table, line: row.line(), cause, text: row.text() }
    }

    fn note_bad(&mut self, row: &impl Row, cause: Cause) {
        self.bad.push(self.row(row, cause));
        self.counts().n_bad += 1;
    }

    fn note_doubtful(&mut self, row: &impl Row, cause: Cause) {
        self.doubtful.push(self.row(row, cause));
        self.counts().n_doubtful += 1;
    }

    /// The number of an account that is told of; where no table tells of accounts, of any.
    #[inline]
    fn account(&mut self, id: cells::Key<'_>) -> std::result::Result<u32, Cause> {
        if !self.has_accounts {
            return Ok(self.ids.code(id));
        }
        self.ids.find(id).ok_or_else(|| format!("account `{id}` is in no table of accounts"))
    }
}

fn is_parquet(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("parquet"))
}
