//! A timeline in TOML: how the rows of somebody's export become events, which signals are read from them, and what
//! is an outcome.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::civil::Date;
use serde::Deserialize;

use super::day::zone_of;
use super::label::Labelling;
use super::measure::Measure;
use super::order::SameDay;
use super::proof::prove_point_in_time;
use super::record::Records;
use super::snapshot::snapshots;
use super::table_from::{EventFrom, TableFrom};
use crate::error::{Error, ErrorKind, Result};
use crate::frame::Table;
use crate::schema::toml_problem;

/// From the columns of an export of events to snapshots, as declared in TOML.
///
/// ```
/// use keepwell::frame::Column;
/// use keepwell::timeline::Timeline;
///
/// let timeline = Timeline::from_toml(r#"
///     account = "customer_id"
///     occurred_at = "date"
///
///     [[event]]
///     name = "order"
///     value = "amount"
///
///     [[measure]]
///     signal = "spend_90d"
///     how = "sum"
///     events = ["order"]
///     window_days = 90
///
///     [label]
///     churn = "lapsed"
///     silence = ["order"]
///     horizon_days = 30
/// "#)?;
/// let orders = "customer_id,date,amount\nA,2026-01-05,12.5\nA,2026-03-01,7.5\nB,2026-02-01,40\nB,2026-03-30,1\n";
/// let intake = timeline.read_events(orders.as_bytes())?;
/// assert!(intake.bad.is_empty());
/// let table = timeline.snapshots(&intake.records, &[jiff::civil::date(2026, 2, 15)])?;
/// assert_eq!(table.column("spend_90d"), Some(&Column::Number(vec![12.5, 40.0])));
/// assert_eq!(table.column("lapsed"), Some(&Column::Number(vec![0.0, 1.0])));
/// # Ok::<(), keepwell::Error>(())
/// ```
///
/// Where records stand in several tables, each is a `[[table]]` (see [`TableFrom`]); the keys of a single table of
/// events may stand at the top, as above. All of it may also stand in a schema's file, under `[timeline]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Timeline {
    /// Column of the account id in a snapshot, and in each table that does not name another.
    pub account: String,
    /// How dates are written, in the signs of `strptime` ("%m/%d/%Y"). Default: 2026-11-21, with or without a time.
    pub date_format: Option<String>,
    /// Zone of times that do not name theirs, as "Europe/Berlin"; dates are those in UTC. Default: UTC.
    pub time_zone: Option<String>,
    /// The currency of all amounts. Default: the one that most contracts are in.
    pub currency: Option<String>,
    /// What one unit of another currency is worth in that one; contracts in any other are bad rows.
    pub rates: BTreeMap<String, f64>,
    /// The first day of which nothing is known yet. Default: the day after the last on which anything was known.
    pub known_until: Option<Date>,
    /// What stands first of the events of one day.
    pub same_day: SameDay,
    /// The tables of the export.
    pub tables: Vec<TableFrom>,
    /// The signals and how they are read.
    pub measures: Vec<Measure>,
    /// What is an outcome. Default: as [`Labelling`].
    pub label: Labelling,
}

/// A timeline as it stands in TOML.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TimelineToml {
    account: String,
    occurred_at: Option<String>,
    known_at: Option<String>,
    id: Option<String>,
    user: Option<String>,
    date_format: Option<String>,
    time_zone: Option<String>,
    currency: Option<String>,
    #[serde(default)]
    rates: BTreeMap<String, f64>,
    known_until: Option<Date>,
    #[serde(default)]
    same_day: SameDay,
    #[serde(default, rename = "event")]
    events: Vec<EventFrom>,
    #[serde(default, rename = "table")]
    tables: Vec<TableFrom>,
    #[serde(default, rename = "measure")]
    measures: Vec<Measure>,
    #[serde(default)]
    label: Labelling,
}

/// A schema's file with a timeline in it.
#[derive(Deserialize)]
struct InSchema {
    timeline: TimelineToml,
}

impl From<TimelineToml> for Timeline {
    fn from(toml: TimelineToml) -> Self {
        let roles = [
            ("occurred_at", toml.occurred_at),
            ("known_at", toml.known_at),
            ("id", toml.id),
            ("user", toml.user),
        ];
        let columns: BTreeMap<String, String> =
            roles.into_iter().filter_map(|(role, column)| Some((role.to_owned(), column?))).collect();
        let mut tables = toml.tables;
        if tables.is_empty() || !toml.events.is_empty() || !columns.is_empty() {
            tables.insert(0, TableFrom { events: toml.events, columns, ..TableFrom::default() });
        }
        Timeline {
            account: toml.account,
            date_format: toml.date_format,
            time_zone: toml.time_zone,
            currency: toml.currency,
            rates: toml.rates,
            known_until: toml.known_until,
            same_day: toml.same_day,
            tables,
            measures: toml.measures,
            label: toml.label,
        }
    }
}

impl Timeline {
    /// Reads a timeline from TOML, on its own or from a schema's file, and checks it.
    ///
    /// # Errors
    /// [`ErrorKind::Schema`], with the line where the TOML itself is wrong.
    pub fn from_toml(text: &str) -> Result<Self> {
        let wrong = |error: toml::de::Error| Error::from(ErrorKind::Schema(toml_problem(text, &error)));
        let is_schema = text.parse::<toml::Table>().is_ok_and(|table| table.contains_key("timeline"));
        let toml: TimelineToml = match is_schema {
            true => toml::from_str::<InSchema>(text).map_err(wrong)?.timeline,
            false => toml::from_str(text).map_err(wrong)?,
        };
        let timeline = Timeline::from(toml);
        timeline.check()?;
        Ok(timeline)
    }

    /// Reads a timeline from a TOML file and checks it.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] where the file cannot be read, else as [`from_toml`](Self::from_toml) with the file's name.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let name = path.as_ref().display().to_string();
        let text = std::fs::read_to_string(path.as_ref())
            .map_err(|source| ErrorKind::Io { path: name.clone(), source })?;
        Timeline::from_toml(&text).map_err(|error| match error.kind() {
            ErrorKind::Schema(problem) => Error::from(ErrorKind::Schema(format!("{name}: {problem}"))),
            _ => error,
        })
    }

    /// Makes sure that the timeline holds together.
    ///
    /// # Errors
    /// [`ErrorKind::Schema`]: a table that lacks what its kind needs, or says what it cannot have; two tables of one
    /// name; two measures of one signal; a measure or label that cannot be reckoned; a name of an event that none is
    /// given, where all names are given; a time zone or rate that is none.
    pub fn check(&self) -> Result<()> {
        for (at, table) in self.tables.iter().enumerate() {
            table.check().map_err(ErrorKind::Schema)?;
            if self.tables[..at].iter().any(|other| other.title() == table.title()) {
                return wrong(&format!("two tables are called `{}`; give each a `name`", table.title()));
            }
            zone_of(self.zone_name(table))?;
        }
        if let Some((currency, rate)) =
            self.rates.iter().find(|(_, rate)| !(rate.is_finite() && **rate > 0.0))
        {
            return wrong(&format!("the rate of {currency} is {rate}, expected a number above 0"));
        }
        self.label.check()?;
        for (at, measure) in self.measures.iter().enumerate() {
            measure.check()?;
            if self.measures[..at].iter().any(|other| other.signal == measure.signal) {
                return wrong(&format!("measure `{}` stands twice; give each its own name", measure.signal));
            }
            self.check_names(measure)?;
        }
        self.check_label_names()
    }

    /// A label by an event that never is would be 0 throughout. Where no label is declared, the usual one need not be.
    fn check_label_names(&self) -> Result<()> {
        let events: Vec<EventFrom> = self.tables.iter().flat_map(TableFrom::all_events).collect();
        let names: Option<Vec<&str>> = events.iter().map(|event| event.name.as_deref()).collect();
        let Some(names) = names.filter(|_| self.label != Labelling::default()) else { return Ok(()) };
        match self.label.events().into_iter().find(|name| !names.contains(name)) {
            Some(name) => wrong(&format!("[label] reads `{name}`, but the events are: {}", names.join(", "))),
            None => Ok(()),
        }
    }

    pub(super) fn zone_name<'a>(&'a self, table: &'a TableFrom) -> Option<&'a str> {
        table.time_zone.as_deref().or(self.time_zone.as_deref())
    }

    fn check_names(&self, measure: &Measure) -> Result<()> {
        let events: Vec<EventFrom> = self.tables.iter().flat_map(TableFrom::all_events).collect();
        let names: Option<Vec<&str>> = events.iter().map(|event| event.name.as_deref()).collect();
        let Some(names) = names else { return Ok(()) };
        let read = measure.formula.aggregates().into_iter().flat_map(|aggregate| &aggregate.events);
        match read.into_iter().find(|name| !names.contains(&name.as_ref())) {
            Some(name) => {
                let found = names.join(", ");
                wrong(&format!("measure `{}` reads `{name}`, but the events are: {found}", measure.signal))
            }
            None => Ok(()),
        }
    }

    /// The accounts at each date with their signals and labels, by date and account; the column of ids is called as
    /// in the export.
    ///
    /// # Errors
    /// As [`snapshots`].
    pub fn snapshots(&self, records: &Records, dates: &[Date]) -> Result<Table> {
        snapshots(records, &self.measures, &self.label, dates)?.renamed("account_id", &self.account)
    }

    /// [`snapshots`](Self::snapshots) at the first of each month from the first fact on; see [`Records::months`].
    ///
    /// # Errors
    /// As [`snapshots`].
    pub fn monthly_snapshots(&self, records: &Records) -> Result<Table> {
        self.snapshots(records, &records.months())
    }

    /// The proof that the snapshot at a date knows nothing of what came later; see [`prove_point_in_time`].
    ///
    /// # Errors
    /// As there.
    pub fn prove(&self, records: &Records, as_of: Date) -> Result<()> {
        prove_point_in_time(records, &self.measures, &self.label, as_of)
    }
}

fn wrong(problem: &str) -> Result<()> {
    Err(ErrorKind::Schema(problem.to_owned()).into())
}
