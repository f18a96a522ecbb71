//! What came of an account after a date: churn, expansion and downsell within one or several horizons, or not yet known.
//!
//! A label of a snapshot at `as_of` covers the days from `begins = as_of + gap` to before `ends = begins + horizon`. It
//! is read with everything that was known before [`Records::known_until`], however late that was known.
//!
//! **Churn.** Every rule of [`Churn`] tells on which days an account is *away*: stretches of days `[from, to)`, `to`
//! the day it came back, if it did. It has left where a stretch begins within the horizon and lasts longer than the
//! grace days: `begins ≤ from < ends` and `to − from > grace`. An account that is away when the horizon begins
//! (`from < begins < to`) has no label, whether it came back or not: it left within the gap, or before it was known.
//!
//! **Expansion and downsell.** By events within the horizon, or by what the contracts of the day before the horizon
//! and of its last day differ in, at constant prices: see [`Part`]. Neither of an account that left by then.
//!
//! **Censored**, which is a missing label and never 0: a horizon (and the grace days after it) that has not passed,
//! `ends + grace > known_until`, whatever happened so far, since else what happens early would be seen more often than
//! what does not; and an account that was merged into another before it could leave.

mod away;
mod codes;
mod exits;
mod file;
mod growth;
mod known;
mod reader;
mod rule;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use jiff::ToSpan;
use jiff::civil::Date;
use serde::Deserialize;

use crate::error::{ErrorKind, Result};
use crate::frame::split::TimeSplit;

pub use exits::{exits, labels};
pub(super) use reader::Reader;
pub use rule::Churn;

/// A part of what contracts can grow or shrink by, in money a month at constant prices; a change of price alone is none.
///
/// Of each product, with `s` seats (1 where nobody counts them) and `u` the revenue a seat, before (₀) and after (₁):
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// `(s₁ − s₀) × u₀`.
    Seats,
    /// `s₁ × (u₁ − u₀)` where the plan is another; where both plans are in [`Labelling::plan_order`], 0 unless that
    /// order agrees.
    Plan,
    /// Products bought beside those there were, less those dropped: the revenue of each.
    Products,
}

/// By what growth or shrinking is told.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Change {
    /// An event of one of these names.
    Event(Vec<String>),
    /// These parts of the contracts, added up.
    Contracts(Vec<Part>),
}

/// What tells that an account was made to leave.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Involuntary {
    pub events: Vec<String>,
    pub days: u32,
}

/// Which facts are outcomes, and when they count. In TOML, the `[label]` table, whose keys are the setters' names:
///
/// ```toml
/// [label]
/// churn = "churned"                 # the columns
/// expansion = "expanded"
/// downsell = "downsold"
/// churn_event = "cancelled"         # or a list; and/or
/// churn_by = ["notice", "no_revenue"]   # or "renewal", or one of them; and/or, for accounts without a contract,
/// rhythm = ["order"]                # with rhythm_times = 3 and at_least_days = 30;
///                                   # or silence = ["order"] with silence_days = 184
/// expansion_by = ["seats", "plan", "products"]   # or expansion_event
/// downsell_by = ["seats", "plan", "products"]    # or downsell_event
/// plan_order = ["free", "team", "business"]
/// win_back_event = "reactivated"
/// pause_event = "paused"
/// resume_event = "resumed"
/// pause_days = 90
/// merged_event = "merged"
/// absorbed_event = "absorbed"
/// involuntary_events = ["payment_failed"]
/// involuntary_days = 30
/// grace_days = 14
/// gap_days = 7
/// horizon_days = [30, 90]           # or one number
/// ```
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "file::LabelTable")]
pub struct Labelling {
    churn_rules: Vec<Churn>,
    expansion_change: Option<Change>,
    downsell_change: Option<Change>,
    plan_order: Vec<String>,
    win_back: Vec<String>,
    pause: Option<[String; 2]>,
    pause_days: u32,
    merged: Vec<String>,
    absorbed: Vec<String>,
    involuntary: Option<Involuntary>,
    grace_days: u32,
    gap_days: u32,
    horizons_days: Vec<u32>,
    churn: String,
    expansion: String,
    downsell: String,
}

impl Default for Labelling {
    fn default() -> Self {
        Labelling {
            churn_rules: vec![Churn::Event(vec!["cancelled".into()])],
            expansion_change: Some(Change::Event(vec!["expanded".into()])),
            downsell_change: None,
            plan_order: Vec::new(),
            win_back: Vec::new(),
            pause: None,
            pause_days: 90,
            merged: Vec::new(),
            absorbed: Vec::new(),
            involuntary: None,
            grace_days: 0,
            gap_days: 0,
            horizons_days: vec![90],
            churn: "churned".into(),
            expansion: "expanded".into(),
            downsell: "downsold".into(),
        }
    }
}

fn owned(names: impl IntoIterator<Item = impl Into<String>>) -> Vec<String> {
    names.into_iter().map(Into::into).collect()
}

impl Labelling {
    /// When an account has left. Default: by the event "cancelled".
    pub fn churn(self, rule: Churn) -> Self {
        self.churn_by_any([rule])
    }

    /// Several rules at a time, one of each kind: an account leaves on the first day on which any of them says so.
    ///
    /// With rules by contract beside it, [`Churn::Silence`] or [`Churn::Rhythm`] (one of them) is for accounts of which no
    /// contract is known at the date asked about, and a contract that starts is no silence; rules by contract are for the
    /// others. [`Churn::Renewal`] beside others leaves no account without a label.
    pub fn churn_by_any(mut self, rules: impl IntoIterator<Item = Churn>) -> Self {
        self.churn_rules = rules.into_iter().collect();
        self
    }

    /// The event after which an account is none any more: [`Churn::Event`] of one name. Default: "cancelled".
    pub fn churn_event(self, name: impl Into<String>) -> Self {
        self.churn(Churn::Event(vec![name.into()]))
    }

    /// Where there is no contract to cancel: [`Churn::Silence`].
    pub fn silence(self, events: impl IntoIterator<Item = impl Into<String>>, days: Option<u32>) -> Self {
        self.churn(Churn::Silence { events: owned(events), days })
    }

    /// The event by which an account grows; `None` where nothing tells, and there is no such label.
    /// Default: "expanded".
    pub fn expansion_event(mut self, name: Option<&str>) -> Self {
        self.expansion_change = name.map(|name| Change::Event(owned([name])));
        self
    }

    /// An account grows where these parts of its contracts add up to more money at constant prices: seats, plan,
    /// products, or any of them. Default: not by contract but by event.
    pub fn expansion_by(mut self, parts: impl IntoIterator<Item = Part>) -> Self {
        self.expansion_change = Some(Change::Contracts(parts.into_iter().collect()));
        self
    }

    /// The event by which an account that stays shrinks; `None` for no such label. Default: `None`.
    pub fn downsell_event(mut self, name: Option<&str>) -> Self {
        self.downsell_change = name.map(|name| Change::Event(owned([name])));
        self
    }

    /// An account that stays shrinks where these parts of its contracts add up to less money at constant prices.
    /// Default: there is no such label.
    pub fn downsell_by(mut self, parts: impl IntoIterator<Item = Part>) -> Self {
        self.downsell_change = Some(Change::Contracts(parts.into_iter().collect()));
        self
    }

    /// The plans from the least to the greatest, by which an upgrade is told from a plan that was renamed when its price
    /// rose. Default: none, and any change of plan counts by its price a seat.
    pub fn plan_order(mut self, plans: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.plan_order = owned(plans);
        self
    }

    /// The event that ends being away by [`Churn::Event`]: the account is one again from that day on. Default: none, and
    /// who has left stays away.
    pub fn win_back_event(mut self, name: impl Into<String>) -> Self {
        self.win_back = owned([name]);
        self
    }

    /// The events by which a pause begins and ends. Paused days are no days without contract, revenue or event; notice
    /// and cancellation count as ever. A contract that stands as paused is a pause of itself. Default: none.
    pub fn pause_events(mut self, begins: impl Into<String>, ends: impl Into<String>) -> Self {
        self.pause = Some([begins.into(), ends.into()]);
        self
    }

    /// The longest pause between the two events: after so many days the account is away. Range: 1 to 3,660. Default: 90.
    pub fn pause_days(mut self, days: u32) -> Self {
        self.pause_days = days;
        self
    }

    /// Events of mergers: `merged` of the account that goes, which is none any more but has not left; `absorbed` of the
    /// one that it goes into, whose growth or shrinking within the horizon then is not its own, and not known.
    /// Default: none.
    pub fn merger_events(mut self, merged: impl Into<String>, absorbed: impl Into<String>) -> Self {
        (self.merged, self.absorbed) = (owned([merged]), owned([absorbed]));
        self
    }

    /// Tells leaving by choice from being made to: involuntary is leaving where one of these events happened on that
    /// day or in the `days` before (range: 0 to 3,660). Adds two columns, the churn column's name with `_voluntary` and
    /// `_involuntary`; each is 0 where the account left in the other way. Default: not told apart.
    pub fn involuntary(mut self, events: impl IntoIterator<Item = impl Into<String>>, days: u32) -> Self {
        self.involuntary = Some(Involuntary { events: owned(events), days });
        self
    }

    /// The columns of churn and expansion. Default: "churned", "expanded". With several horizons each is followed by its
    /// own: "churned_30d".
    pub fn columns(mut self, churn: impl Into<String>, expansion: impl Into<String>) -> Self {
        (self.churn, self.expansion) = (churn.into(), expansion.into());
        self
    }

    /// The column of downsell. Default: "downsold".
    pub fn downsell_column(mut self, name: impl Into<String>) -> Self {
        self.downsell = name.into();
        self
    }

    /// Who is back within so many days was never away: late papers, a late payment. The label is known so many days
    /// later. Range: 0 to 3,660. Default: 0.
    pub fn grace_days(mut self, days: u32) -> Self {
        self.grace_days = days;
        self
    }

    /// Days after `as_of` that are needed to act. Range: 0 to 3,660. Default: 0.
    pub fn gap_days(mut self, days: u32) -> Self {
        self.gap_days = days;
        self
    }

    /// Days looked ahead after the gap. Range: 1 to 3,660. Default: 90.
    pub fn horizon_days(self, days: u32) -> Self {
        self.horizons_days([days])
    }

    /// Several horizons at once: each label has a column for each. Range: 1 to 3,660 each, all different. Default: 90.
    pub fn horizons_days(mut self, days: impl IntoIterator<Item = u32>) -> Self {
        self.horizons_days = days.into_iter().collect();
        self
    }

    /// The split by time that fits the labels: trained is on rows whose longest horizon, with gap and grace days, was
    /// over by the cut.
    pub fn split(&self, cut: Date) -> TimeSplit {
        let longest = self.horizons_days.iter().max().copied().unwrap_or(0);
        TimeSplit::new(cut).gap_days(self.gap_days).horizon_days(longest).delay_days(self.grace_days)
    }

    /// The names of the columns of labels, in their order: churn (with voluntary and involuntary), expansion, downsell;
    /// of each, the horizons.
    pub fn label_columns(&self) -> Vec<String> {
        let mut names = vec![self.churn.clone()];
        if self.involuntary.is_some() {
            names.extend(["voluntary", "involuntary"].map(|way| format!("{}_{way}", self.churn)));
        }
        names.extend(self.expansion_change.as_ref().map(|_| self.expansion.clone()));
        names.extend(self.downsell_change.as_ref().map(|_| self.downsell.clone()));
        let horizons = &self.horizons_days;
        let by_horizon = |name: String| match horizons[..] {
            [_] => vec![name],
            _ => horizons.iter().map(|days| format!("{name}_{days}d")).collect(),
        };
        names.into_iter().flat_map(by_horizon).collect()
    }

    /// The names of all events that it reads.
    pub(super) fn events(&self) -> Vec<&str> {
        let of_churn = self.churn_rules.iter().flat_map(Churn::events);
        let changes = [&self.expansion_change, &self.downsell_change].into_iter().flatten();
        let of_changes = changes.filter_map(|change| match change {
            Change::Event(events) => Some(events),
            Change::Contracts(_) => None,
        });
        let involuntary = self.involuntary.iter().flat_map(|way| &way.events);
        let others = [&self.win_back, &self.merged, &self.absorbed].into_iter().flatten();
        let all = of_churn.chain(of_changes.flatten()).chain(others);
        all.chain(self.pause.iter().flatten()).chain(involuntary).map(String::as_str).collect()
    }

    pub(super) fn check(&self) -> Result<()> {
        let shortest = [("grace_days", self.grace_days), ("gap_days", self.gap_days)];
        let days = self.involuntary.iter().map(|way| ("involuntary", way.days));
        shortest.into_iter().chain(days).try_for_each(|(name, days)| within(name, days, 0))?;
        self.horizons_days.iter().try_for_each(|days| within("horizon_days", *days, 1))?;
        within("pause_days", self.pause_days, 1)?;
        rule::check(&self.churn_rules)?;
        let changes = [&self.expansion_change, &self.downsell_change].into_iter().flatten();
        for change in changes {
            let is_empty = matches!(change, Change::Contracts(parts) if parts.is_empty());
            if is_empty {
                return wrong("expansion_by or downsell_by", "empty", "seats, plan or products");
            }
        }
        if self.horizons_days.is_empty() {
            return wrong("horizons_days", "empty", "at least one horizon");
        }
        let columns = self.label_columns();
        let mut seen = HashSet::new();
        match columns.iter().find(|name| !seen.insert(*name)) {
            Some(name) => wrong("columns", &format!("`{name}` twice"), "a name of its own for each label"),
            None => Ok(()),
        }
    }

    /// First day of the horizon.
    fn begins(&self, as_of: Date) -> Date {
        after(as_of, self.gap_days)
    }
}

fn after(day: Date, days: u32) -> Date {
    day.saturating_add(i64::from(days).days())
}

/// Days from one date to another; negative where that is earlier.
fn days_between(from: Date, to: Date) -> i64 {
    to.duration_since(from).as_hours() / 24
}

fn within(name: &'static str, days: u32, least: u32) -> Result<()> {
    let expected = if least == 0 { "at most 3660 days" } else { "1 to 3660 days" };
    if (least..=3_660).contains(&days) { Ok(()) } else { wrong(name, &days.to_string(), expected) }
}

fn wrong(name: &'static str, value: &str, expected: &'static str) -> Result<()> {
    Err(ErrorKind::Parameter { name, value: value.to_owned(), expected }.into())
}
