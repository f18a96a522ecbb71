//! A timeline in TOML: how the rows of somebody's export become events, which signals are read from them, and what
//! is an outcome.

use std::path::Path;

use jiff::civil::Date;
use serde::Deserialize;

use super::label::Labelling;
use super::measure::Measure;
use super::proof::prove_point_in_time;
use super::record::Records;
use super::snapshot::snapshots;
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
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timeline {
    /// Column of the account id; that of a snapshot is called the same.
    pub account: String,
    /// Column of the day on which a row happened.
    pub occurred_at: String,
    /// Column of the day on which it was known; where there is none, or its cell is empty: when it happened.
    pub known_at: Option<String>,
    /// Column of the row's own id: of several rows with one id, the one known first counts.
    pub id: Option<String>,
    /// Column of the account's user who did it.
    pub user: Option<String>,
    /// How dates are written, in the signs of `strptime` ("%m/%d/%Y"). Default: 2026-11-21, with or without a time.
    pub date_format: Option<String>,
    /// The first day of which nothing is known yet. Default: the day after the last on which anything was known.
    pub known_until: Option<Date>,
    /// What events a row becomes, one or more.
    #[serde(rename = "event")]
    pub events: Vec<EventFrom>,
    /// The signals and how they are read.
    #[serde(default, rename = "measure")]
    pub measures: Vec<Measure>,
    /// What is an outcome. Default: as [`Labelling`].
    #[serde(default)]
    pub label: Labelling,
}

/// One event that a row becomes.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventFrom {
    /// Its name, the same for all rows.
    pub name: Option<String>,
    /// Column of its name, where rows differ.
    pub name_from: Option<String>,
    /// Column of its value. An empty cell says that this event did not happen. Default: none, the value is 1.
    pub value: Option<String>,
}

impl Timeline {
    /// Reads a timeline from TOML and checks it.
    ///
    /// # Errors
    /// [`ErrorKind::Schema`], with the line where the TOML itself is wrong.
    pub fn from_toml(text: &str) -> Result<Self> {
        let timeline: Timeline =
            toml::from_str(text).map_err(|error| ErrorKind::Schema(toml_problem(text, &error)))?;
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
    /// [`ErrorKind::Schema`]: no event; one with both or neither of `name` and `name_from`; two measures of one
    /// signal; a measure or label that cannot be reckoned; a name of an event that none is given, where all names are
    /// given.
    pub fn check(&self) -> Result<()> {
        if self.events.is_empty() {
            return wrong("no [[event]]; say what event a row is");
        }
        if self.events.iter().any(|event| event.name.is_some() == event.name_from.is_some()) {
            return wrong("an [[event]] needs either `name` or `name_from`, its column");
        }
        self.label.check()?;
        for (at, measure) in self.measures.iter().enumerate() {
            measure.check()?;
            if self.measures[..at].iter().any(|other| other.signal == measure.signal) {
                return wrong(&format!("measure `{}` stands twice; give each its own name", measure.signal));
            }
            self.check_names(measure)?;
        }
        Ok(())
    }

    fn check_names(&self, measure: &Measure) -> Result<()> {
        let names: Option<Vec<&str>> = self.events.iter().map(|event| event.name.as_deref()).collect();
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
        let table = snapshots(records, &self.measures, &self.label, dates)?;
        let names = table.names().iter().map(|name| match name.as_str() {
            "account_id" => self.account.clone(),
            name => name.to_owned(),
        });
        Table::new(table.n_rows(), names.zip(table.columns().iter().cloned()))
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
