//! What came of an account after a date: churn and expansion within the horizon, or not yet known.

use std::ops::Range;

use jiff::ToSpan;
use jiff::civil::Date;
use serde::Deserialize;

use super::record::{Event, Records};
use crate::error::{ErrorKind, Result};

/// Which events are outcomes, and when they count.
///
/// In TOML, the `[label]` table: `churn_event` or `silence`, `expansion_event`, `gap_days`, `horizon_days`, and the
/// columns' names `churn` and `expansion`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "LabelTable")]
pub struct Labelling {
    pub(super) left: Left,
    pub(super) expansion_event: Option<String>,
    pub(super) gap_days: u32,
    pub(super) horizon_days: u32,
    pub(super) churn: String,
    pub(super) expansion: String,
}

/// What tells that an account has left.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Left {
    /// An event of this name.
    By(String),
    /// None of these events within the horizon; and an account is one for so many days after its latest.
    Silence { events: Vec<String>, days: Option<u32> },
}

impl Default for Labelling {
    fn default() -> Self {
        Labelling {
            left: Left::By("cancelled".into()),
            expansion_event: Some("expanded".into()),
            gap_days: 0,
            horizon_days: 90,
            churn: "churned".into(),
            expansion: "expanded".into(),
        }
    }
}

impl Labelling {
    /// The event after which an account is none any more. Default: "cancelled".
    pub fn churn_event(mut self, name: impl Into<String>) -> Self {
        self.left = Left::By(name.into());
        self
    }

    /// Where there is no contract to cancel: an account has left when none of these events happens between gap and
    /// horizon. It stays an account for `days` after its latest such event, for ever where that is `None`.
    pub fn silence(mut self, events: impl IntoIterator<Item = impl Into<String>>, days: Option<u32>) -> Self {
        self.left = Left::Silence { events: events.into_iter().map(Into::into).collect(), days };
        self
    }

    /// The event by which an account grows; `None` where nothing tells, and there is no such label.
    /// Default: "expanded".
    pub fn expansion_event(mut self, name: Option<&str>) -> Self {
        self.expansion_event = name.map(str::to_owned);
        self
    }

    /// The columns of the two labels. Default: "churned", "expanded".
    pub fn columns(mut self, churn: impl Into<String>, expansion: impl Into<String>) -> Self {
        (self.churn, self.expansion) = (churn.into(), expansion.into());
        self
    }

    /// Days after `as_of` that are needed to act. Default: 0.
    pub fn gap_days(mut self, days: u32) -> Self {
        self.gap_days = days;
        self
    }

    /// Days looked ahead after the gap. Range: 1 to 3,660. Default: 90.
    pub fn horizon_days(mut self, days: u32) -> Self {
        self.horizon_days = days;
        self
    }

    pub(super) fn check(&self) -> Result<()> {
        for (name, days, least) in [("gap_days", self.gap_days, 0), ("horizon_days", self.horizon_days, 1)] {
            if !(least..=3_660).contains(&days) {
                let expected = if least == 0 { "at most 3660 days" } else { "1 to 3660 days" };
                return Err(ErrorKind::Parameter { name, value: days.to_string(), expected }.into());
            }
        }
        Ok(())
    }

    /// First day after the horizon.
    fn ends(&self, as_of: Date) -> Date {
        as_of.saturating_add(i64::from(self.gap_days + self.horizon_days).days())
    }

    /// Churn and expansion of an account, as numbers: 1, 0, or missing where not known or no longer possible.
    ///
    /// An account that left within the gap has neither: it was gone before the label begins.
    pub(super) fn labels(&self, records: &Records, account: usize, as_of: Date) -> [f64; 2] {
        let begins = as_of.saturating_add(i64::from(self.gap_days).days());
        let ends = self.ends(as_of);
        let within = |name: &str, days: Range<Date>| happened(records, account, name, days, |_| true);
        let left_before = matches!(&self.left, Left::By(name) if within(name, as_of..begins));
        if ends > records.known_until() || left_before {
            return [f64::NAN; 2];
        }
        let left = match &self.left {
            Left::By(name) => within(name, begins..ends),
            Left::Silence { events, .. } => !events.iter().any(|name| within(name, begins..ends)),
        };
        let grew = self.expansion_event.as_ref().is_some_and(|name| within(name, begins..ends));
        [left, grew].map(|label| f64::from(u8::from(label)))
    }

    /// Whether an account is a customer at a date, as known then.
    pub(super) fn is_customer(&self, records: &Records, account: usize, as_of: Date) -> bool {
        let seen = |name: &str, from: Date| {
            happened(records, account, name, from..as_of, |event| event.known_at < as_of)
        };
        let is_gone = match &self.left {
            Left::By(name) => seen(name, Date::MIN),
            Left::Silence { days: None, .. } => false,
            Left::Silence { events, days: Some(days) } => {
                let from = as_of.saturating_sub(i64::from(*days).days());
                !events.iter().any(|name| seen(name, from))
            }
        };
        records.started_as_of(account, as_of).is_some_and(|started| started < as_of) && !is_gone
    }
}

/// Whether an account has an event of a name on some days that fits and is known by now.
fn happened(
    records: &Records,
    account: usize,
    name: &str,
    days: Range<Date>,
    fits: impl Fn(&Event) -> bool,
) -> bool {
    let Some(code) = records.names().find(name) else { return false };
    let seen = |event: &&Event| event.name == code && event.known_at < records.known_until();
    records.events_within(account, days).iter().filter(seen).any(fits)
}

/// A labelling as it stands in TOML.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LabelTable {
    churn: Option<String>,
    expansion: Option<String>,
    churn_event: Option<String>,
    silence: Option<Vec<String>>,
    silence_days: Option<u32>,
    expansion_event: Option<String>,
    #[serde(default)]
    gap_days: u32,
    horizon_days: Option<u32>,
}

impl TryFrom<LabelTable> for Labelling {
    type Error = String;

    fn try_from(table: LabelTable) -> std::result::Result<Self, String> {
        let usual = Labelling::default();
        let left = match (table.churn_event, table.silence, table.silence_days) {
            (Some(name), None, None) => Left::By(name),
            (None, Some(events), days) if !events.is_empty() => Left::Silence { events, days },
            (Some(_), _, _) => return Err("[label] has both `churn_event` and `silence`; give it one".into()),
            _ => {
                return Err(
                    "[label] needs `churn_event`, or `silence` with the events that must not cease".into()
                );
            }
        };
        let labelling = Labelling {
            left,
            expansion_event: table.expansion_event,
            gap_days: table.gap_days,
            horizon_days: table.horizon_days.unwrap_or(usual.horizon_days),
            churn: table.churn.unwrap_or(usual.churn),
            expansion: table.expansion.unwrap_or(usual.expansion),
        };
        labelling.check().map_err(|error| error.to_string())?;
        Ok(labelling)
    }
}
