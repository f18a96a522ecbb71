//! How a signal is read from records: a declared set of aggregates, so that none can look past its date.

use std::borrow::Cow;

/// A signal and how it is read from records.
#[derive(Clone, Debug, PartialEq)]
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

/// What a contract says at a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContractFact {
    /// Whole and part months since the account started.
    TenureMonths,
    /// Days from `as_of` to the renewal.
    DaysToRenewal,
    /// Length in months.
    TermMonths,
    /// 1 where it renews itself, else 0.
    AutoRenew,
    /// Seats paid for.
    Seats,
    /// Monthly recurring revenue in whole units of the currency.
    Mrr,
    /// Discount on the list price.
    DiscountShare,
}

/// One number from an account's events of some names within a window before `as_of`.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    pub(super) events: Vec<Cow<'static, str>>,
    pub(super) how: How,
    pub(super) window_days: Option<u32>,
    pub(super) ended_days: u32,
}

/// What is reckoned from the events. "Absent" is an account without such an event in the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// Value of the latest; absent is missing.
    Last,
    /// Different users; absent is 0.
    DistinctUsers,
    /// Different days; absent is 0.
    DistinctDays,
    /// Days from the latest to `as_of`; absent is missing.
    DaysSinceLast,
    /// Days from the account's start to the first; absent is missing.
    DaysToFirst,
}

impl Aggregate {
    /// All events of a name, however old.
    pub fn new(how: How, event: impl Into<Cow<'static, str>>) -> Self {
        Aggregate { events: vec![event.into()], how, window_days: None, ended_days: 0 }
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
}
