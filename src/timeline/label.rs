//! What came of an account after a date: churn and expansion within the horizon, or not yet known.

use jiff::ToSpan;
use jiff::civil::Date;

use super::record::{Event, Records};
use crate::error::{ErrorKind, Result};

/// Which events are outcomes, and when they count.
#[derive(Clone, Debug, PartialEq)]
pub struct Labelling {
    pub(super) churn_event: String,
    pub(super) expansion_event: String,
    pub(super) gap_days: u32,
    pub(super) horizon_days: u32,
}

impl Default for Labelling {
    fn default() -> Self {
        Labelling {
            churn_event: "cancelled".into(),
            expansion_event: "expanded".into(),
            gap_days: 0,
            horizon_days: 90,
        }
    }
}

impl Labelling {
    /// The event after which an account is none any more. Default: "cancelled".
    pub fn churn_event(mut self, name: impl Into<String>) -> Self {
        self.churn_event = name.into();
        self
    }

    /// The event by which an account grows. Default: "expanded".
    pub fn expansion_event(mut self, name: impl Into<String>) -> Self {
        self.expansion_event = name.into();
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
        let within = |name: &str, from: Date, to: Date| {
            happened(records, account, name, |event| event.occurred_at >= from && event.occurred_at < to)
        };
        if ends > records.known_until() || within(&self.churn_event, as_of, begins) {
            return [f64::NAN; 2];
        }
        [&self.churn_event, &self.expansion_event].map(|name| f64::from(u8::from(within(name, begins, ends))))
    }

    /// Whether an account is a customer at a date, as known then.
    pub(super) fn is_customer(&self, records: &Records, account: usize, as_of: Date) -> bool {
        let left = happened(records, account, &self.churn_event, |event| {
            event.occurred_at < as_of && event.known_at < as_of
        });
        records.accounts()[account].started < as_of && !left
    }
}

fn happened(records: &Records, account: usize, name: &str, when: impl Fn(&Event) -> bool) -> bool {
    let Some(code) = records.names().find(name) else { return false };
    let seen = |event: &&Event| event.name == code && event.known_at < records.known_until();
    records.events_of(account).iter().filter(seen).any(when)
}
