//! How a signal is read from records: a declared set of aggregates, so that none can look past its date.

use std::borrow::Cow;

use jiff::civil::Date;
use serde::Deserialize;

use crate::error::{ErrorKind, Result};

/// A signal and how it is read from records.
///
/// In TOML, one `[[measure]]` table: the signal and its aggregate, which may be divided by another, lessened by
/// another or taken per seat; or what the contract says.
///
/// ```toml
/// [[measure]]
/// signal = "orders_28d_to_90d"
/// how = "count_per_week"
/// events = ["order"]
/// window_days = 28
/// divided_by = { how = "count_per_week", events = ["order"], window_days = 90, ended_days = 28 }
/// ```
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "MeasureTable")]
pub struct Measure {
    /// The signal's name.
    pub signal: Cow<'static, str>,
    /// How it is read.
    pub formula: Formula,
}

impl Measure {
    /// Reads a signal by a formula.
    pub fn new(signal: impl Into<Cow<'static, str>>, formula: Formula) -> Self {
        Measure { signal: signal.into(), formula }
    }

    /// Makes sure that the measure can be reckoned.
    ///
    /// # Errors
    /// [`ErrorKind::Schema`]: a signal without a name, an aggregate of no event, a window of 0 days, a slope over
    /// less than two weeks, a `since` where nothing is counted from it.
    pub fn check(&self) -> Result<()> {
        let faulty = |problem: String| ErrorKind::Schema(format!("measure `{}`: {problem}", self.signal));
        if self.signal.trim().is_empty() {
            return Err(
                ErrorKind::Schema("a measure has no signal; name the signal that it gives".into()).into()
            );
        }
        self.formula
            .aggregates()
            .into_iter()
            .try_for_each(Aggregate::check)
            .map_err(|text| faulty(text).into())
    }
}

/// What a signal's value is.
#[derive(Clone, Debug, PartialEq)]
pub enum Formula {
    /// One aggregate.
    Of(Aggregate),
    /// The first divided by the second; missing where either is or the second is 0.
    Ratio(Aggregate, Aggregate),
    /// Users who did something as a share of the seats paid for; missing without a contract.
    PerSeat(Aggregate),
    /// The first less the second; missing where either is.
    Difference(Aggregate, Aggregate),
    /// What the contract says; missing without one.
    Contract(ContractFact),
}

impl Formula {
    /// The aggregates, in the order in which they are reckoned.
    pub(super) fn aggregates(&self) -> Vec<&Aggregate> {
        match self {
            Formula::Of(one) | Formula::PerSeat(one) => vec![one],
            Formula::Ratio(first, second) | Formula::Difference(first, second) => vec![first, second],
            Formula::Contract(_) => Vec::new(),
        }
    }
}

/// What a contract says at a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContractFact {
    /// Whole and part months since the account started.
    TenureMonths,
    /// Days from `as_of` to the renewal that is next; negative behind one that has passed.
    DaysToRenewal,
    /// Days from `as_of` to the last day on which notice can be given.
    DaysToNotice,
    /// Length in months.
    TermMonths,
    /// 1 where it renews itself, else 0.
    AutoRenew,
    /// Days before the renewal by which notice has to be given.
    NoticeDays,
    /// 1 where notice was given, else 0.
    NoticeGiven,
    /// Seats paid for, of all products that hold.
    Seats,
    /// Monthly recurring revenue in whole units of the currency, of all products that hold.
    Mrr,
    /// Discount on the list price.
    DiscountShare,
    /// Products that hold.
    Products,
}

/// One number from an account's events of some names within a window before `as_of`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Aggregate {
    pub(super) events: Vec<Cow<'static, str>>,
    pub(super) how: How,
    pub(super) window_days: Option<u32>,
    #[serde(default)]
    pub(super) ended_days: u32,
    pub(super) since: Option<Date>,
    pub(super) absent: Option<Absent>,
    pub(super) observed_since: Option<Date>,
    pub(super) observed_with: Option<Cow<'static, str>>,
}

/// What an account without an event in the window gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Absent {
    /// 0: there was nothing to count.
    Zero,
    /// Missing: nobody knows.
    Missing,
}

/// What is reckoned from the events. "Absent" is an account without such an event in the window, unless
/// [`Aggregate::absent`] says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// How many; absent is 0.
    Count,
    /// How many a week of the window (of the account's life without one); absent is 0.
    CountPerWeek,
    /// 1 where there is any, else 0.
    Any,
    /// Sum of values; absent is 0.
    Sum,
    /// Mean of values; absent is missing.
    Mean,
    /// Least value; absent is missing.
    Min,
    /// Greatest value; absent is missing.
    Max,
    /// Value of the latest; absent is missing.
    Last,
    /// Different users; absent is 0.
    DistinctUsers,
    /// Different days; absent is 0.
    DistinctDays,
    /// Different names among those asked for: features used; absent is 0.
    DistinctNames,
    /// Days from the latest to `as_of`; absent is missing.
    DaysSinceLast,
    /// Days from the first to `as_of`; absent is missing.
    DaysSinceFirst,
    /// Days from the account's start (or [`Aggregate::since`]) to the first; absent is missing.
    DaysToFirst,
    /// Mean days from one day with an event to the next; missing with fewer than two such days.
    MeanGapDays,
    /// Days in a row with an event, up to the last day of the window; absent is 0.
    StreakDays,
    /// Different names as a share of those asked for: milestones reached, key features used; absent is 0.
    ShareOfNames,
    /// Different names a user, on the mean of the users: how deep the product is used; missing where nobody did it.
    NamesPerUser,
    /// Slope of the values over their days, in units of the value in 30 days, by least squares; missing where all are
    /// of one day.
    Trend,
    /// Slope of the weekly counts over the whole weeks of the window, in events a week each week, by least squares;
    /// absent is 0. Needs a window of 14 days or more.
    WeeklySlope,
}

impl How {
    /// What an account without an event gets unless said.
    pub(super) fn absent(self) -> Absent {
        match self {
            How::Count | How::CountPerWeek | How::Any | How::Sum => Absent::Zero,
            How::DistinctUsers | How::DistinctDays | How::DistinctNames => Absent::Zero,
            How::StreakDays | How::WeeklySlope | How::ShareOfNames => Absent::Zero,
            How::Mean | How::Min | How::Max | How::Last => Absent::Missing,
            How::DaysSinceLast | How::DaysSinceFirst | How::DaysToFirst => Absent::Missing,
            How::MeanGapDays | How::NamesPerUser | How::Trend => Absent::Missing,
        }
    }
}

impl Aggregate {
    /// All events of a name, however old.
    pub fn new(how: How, event: impl Into<Cow<'static, str>>) -> Self {
        Aggregate {
            events: vec![event.into()],
            how,
            window_days: None,
            ended_days: 0,
            since: None,
            absent: None,
            observed_since: None,
            observed_with: None,
        }
    }

    /// Events of another name too.
    pub fn or(mut self, event: impl Into<Cow<'static, str>>) -> Self {
        self.events.push(event.into());
        self
    }

    /// Only the days `[as_of − days, as_of)`. Default: all.
    pub fn window_days(mut self, days: u32) -> Self {
        self.window_days = Some(days);
        self
    }

    /// Lets the window end that many days before `as_of`; its length stays. Default: 0.
    pub fn ended_days(mut self, days: u32) -> Self {
        self.ended_days = days;
        self
    }

    /// What [`How::DaysToFirst`] counts from. Default: the account's start.
    pub fn since(mut self, date: Date) -> Self {
        self.since = Some(date);
        self
    }

    /// What an account without an event in the window gets. Default: see [`How`].
    pub fn absent(mut self, absent: Absent) -> Self {
        self.absent = Some(absent);
        self
    }

    /// The first day on which such events were recorded at all: where the window, or the account, began before it, the
    /// value is missing, not zero. Default: ever since.
    pub fn observed_since(mut self, date: Date) -> Self {
        self.observed_since = Some(date);
        self
    }

    /// The event that tells that such events of an account are recorded, as that its help desk was connected: before
    /// one is known the value is missing, not zero. Default: of all accounts they are.
    pub fn observed_with(mut self, event: impl Into<Cow<'static, str>>) -> Self {
        self.observed_with = Some(event.into());
        self
    }

    /// How many different names it asks for.
    pub(super) fn n_names(&self) -> usize {
        let is_new = |(at, name): &(usize, &Cow<'static, str>)| !self.events[..*at].contains(name);
        self.events.iter().enumerate().filter(is_new).count()
    }

    fn check(&self) -> std::result::Result<(), String> {
        let days = self.window_days;
        if self.events.is_empty() || self.events.iter().any(|name| name.trim().is_empty()) {
            return Err("`events` names no event; name one at least".into());
        }
        if let Some(days) = days
            .into_iter()
            .chain([self.ended_days.saturating_add(1)])
            .find(|days| !(1..=36_600).contains(days))
        {
            return Err(format!("a window of {days} days, expected 1 to 36600"));
        }
        if self.how == How::WeeklySlope && days.is_none_or(|days| days < 14) {
            return Err("a `weekly_slope` needs `window_days` of 14 or more".into());
        }
        if self.since.is_some() && self.how != How::DaysToFirst {
            return Err("`since` is for `days_to_first` only; leave it out".into());
        }
        Ok(())
    }
}

/// A measure as it stands in TOML.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MeasureTable {
    signal: String,
    how: Option<How>,
    #[serde(default)]
    events: Vec<Cow<'static, str>>,
    window_days: Option<u32>,
    #[serde(default)]
    ended_days: u32,
    since: Option<Date>,
    absent: Option<Absent>,
    observed_since: Option<Date>,
    observed_with: Option<Cow<'static, str>>,
    divided_by: Option<Aggregate>,
    less: Option<Aggregate>,
    #[serde(default)]
    per_seat: bool,
    contract: Option<ContractFact>,
}

impl TryFrom<MeasureTable> for Measure {
    type Error = String;

    fn try_from(table: MeasureTable) -> std::result::Result<Self, String> {
        let signal = table.signal.clone();
        let faulty = |problem: &str| format!("measure `{signal}`: {problem}");
        let formula = match table.how {
            None => table.of_contract().map_err(faulty)?,
            Some(how) => table.of_events(how).map_err(faulty)?,
        };
        let measure = Measure::new(signal.clone(), formula);
        measure.check().map_err(|error| match error.kind() {
            ErrorKind::Schema(problem) => problem.clone(),
            _ => error.to_string(),
        })?;
        Ok(measure)
    }
}

impl MeasureTable {
    fn of_contract(self) -> std::result::Result<Formula, &'static str> {
        const ALONE: &str = "`contract` stands alone; leave the keys of events out";
        let fact = self.contract.ok_or("says neither `how` nor `contract`; give it one of them")?;
        let has_events = !self.events.is_empty() || self.window_days.is_some() || self.since.is_some();
        let has_second = self.divided_by.is_some() || self.less.is_some() || self.per_seat;
        let is_observed = self.observed_since.is_some() || self.observed_with.is_some();
        let is_plain =
            !has_events && !has_second && !is_observed && self.absent.is_none() && self.ended_days == 0;
        if is_plain { Ok(Formula::Contract(fact)) } else { Err(ALONE) }
    }

    fn of_events(self, how: How) -> std::result::Result<Formula, &'static str> {
        if self.contract.is_some() {
            return Err("has both `how` and `contract`; give it one of them");
        }
        let MeasureTable { events, window_days, ended_days, since, absent, .. } = self;
        let (observed_since, observed_with) = (self.observed_since, self.observed_with);
        let first =
            Aggregate { events, how, window_days, ended_days, since, absent, observed_since, observed_with };
        match (self.divided_by, self.less, self.per_seat) {
            (None, None, false) => Ok(Formula::Of(first)),
            (Some(second), None, false) => Ok(Formula::Ratio(first, second)),
            (None, Some(second), false) => Ok(Formula::Difference(first, second)),
            (None, None, true) => Ok(Formula::PerSeat(first)),
            _ => Err("has more than one of `divided_by`, `less` and `per_seat`; give it one"),
        }
    }
}
