//! When an account has left: the rules, each on its own.

use super::{within, wrong};
use crate::error::Result;

/// When an account has left.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Churn {
    /// On the day of an event of one of these names: a cancellation, a closed account, or the notice of either.
    ///
    /// Away from such an event to the next of [`Labelling::win_back_event`](super::Labelling::win_back_event).
    Event(Vec<String>),
    /// By contract, on the day on which notice was given for all it has: see [`ContractStatus::Cancelled`].
    ///
    /// Away on days on which no contract holds that is not under notice. Back when notice is withdrawn or a new
    /// contract starts.
    ///
    /// [`ContractStatus::Cancelled`]: crate::timeline::ContractStatus::Cancelled
    Notice,
    /// By contract, on the day of a renewal that did not come.
    ///
    /// Away on days on which no contract holds. Only accounts with a renewal within the horizon, as known at `as_of`,
    /// have a label: the others have nothing to decide.
    Renewal,
    /// By contract, on the day on which monthly recurring revenue falls to zero.
    ///
    /// Away on days on which the revenue of all contracts that hold adds up to nothing. Trials bring none; a revenue
    /// that nobody knows is not zero. Accounts that do not pay are in no snapshot.
    NoRevenue,
    /// Without a contract: none of these events happens within the whole horizon. An account is one for `days` after
    /// its latest such event, for ever where that is `None`.
    Silence {
        /// The events that must not cease.
        events: Vec<String>,
        /// How long an account is one without any.
        days: Option<u32>,
    },
    /// Without a contract: silence beyond a multiple of the account's own rhythm.
    ///
    /// `T = max(at_least_days, times × r)`, where the rhythm `r` is the mean of the days from one day with such an event
    /// to the next, over the 365 days before `as_of` as known then; with fewer than three such days, `T` is
    /// `at_least_days`. Away from the first day that is more than `T` days after the latest event (or the account's
    /// start) to the next event.
    Rhythm {
        /// The events that must not cease.
        events: Vec<String>,
        /// How many times the usual gap is too long.
        times: f64,
        /// No gap of fewer days is too long.
        at_least_days: u32,
    },
}

impl Churn {
    pub(super) fn is_by_contract(&self) -> bool {
        matches!(self, Churn::Notice | Churn::Renewal | Churn::NoRevenue)
    }

    pub(super) fn is_by_silence(&self) -> bool {
        matches!(self, Churn::Silence { .. } | Churn::Rhythm { .. })
    }

    /// The events that it reads.
    pub(super) fn events(&self) -> &[String] {
        match self {
            Churn::Event(events) | Churn::Silence { events, .. } | Churn::Rhythm { events, .. } => events,
            Churn::Notice | Churn::Renewal | Churn::NoRevenue => &[],
        }
    }

    /// What of two can stand beside each other only if it differs.
    fn kind(&self) -> &'static str {
        match self {
            Churn::Event(_) => "churn by event",
            Churn::Notice => "churn by notice",
            Churn::Renewal => "churn by renewal",
            Churn::NoRevenue => "churn by no revenue",
            Churn::Silence { .. } | Churn::Rhythm { .. } => "churn by silence or rhythm",
        }
    }

    fn check(&self) -> Result<()> {
        if let Churn::Rhythm { times, at_least_days, .. } = self {
            if !(times.is_finite() && *times >= 1.0) {
                return wrong("times", &times.to_string(), "a finite number of at least 1");
            }
            within("at_least_days", *at_least_days, 1)?;
        }
        let events = self.events();
        let is_named = !events.is_empty() && events.iter().all(|name| !name.trim().is_empty());
        match is_named || self.is_by_contract() {
            true => Ok(()),
            false => wrong("churn", "without events", "names of one event at least"),
        }
    }
}

pub(super) fn check(rules: &[Churn]) -> Result<()> {
    if rules.is_empty() {
        return wrong("churn", "without a rule", "one rule at least");
    }
    rules.iter().try_for_each(Churn::check)?;
    let again = |(at, rule): &(usize, &Churn)| rules[..*at].iter().any(|other| other.kind() == rule.kind());
    match rules.iter().enumerate().find(again) {
        Some((_, rule)) => wrong("churn", &format!("{} twice", rule.kind()), "one rule of each kind"),
        None => Ok(()),
    }
}
