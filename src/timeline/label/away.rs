//! Stretches of days on which an account is away, by each rule of churn.

use std::ops::Range;

use jiff::civil::Date;

use super::super::contract::{Contract, ContractStatus};
use super::known::Known;
use super::{Churn, after, days_between};

/// Days without the account: `[from, to)`; it never came back where `to` is `None`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Away {
    pub from: Date,
    pub to: Option<Date>,
}

impl Away {
    /// Whether it began before a day and lasts beyond.
    pub fn covers(&self, day: Date) -> bool {
        self.from < day && self.to.is_none_or(|to| day < to)
    }

    /// Whether it lasts longer than the days of grace.
    pub fn is_for_good(&self, grace_days: u32) -> bool {
        self.to.is_none_or(|to| days_between(self.from, to) > i64::from(grace_days))
    }
}

/// Between the events by which an account leaves and those by which it comes back; on one day, it comes back.
pub(super) fn by_events(known: &Known<'_>, leaves: &[u32], returns: &[u32]) -> Vec<Away> {
    let mut stretches: Vec<Away> = Vec::new();
    for event in known.events(leaves) {
        let day = event.occurred_at;
        let is_away = stretches.last().is_some_and(|last| last.to.is_none_or(|to| day < to));
        if !is_away {
            let to = known.events(returns).map(|event| event.occurred_at).find(|back| *back >= day);
            stretches.push(Away { from: day, to });
        }
    }
    stretches
}

/// The days that either has, in order.
pub(super) fn joined(mut stretches: Vec<Away>, others: Vec<Away>) -> Vec<Away> {
    if stretches.is_empty() || others.is_empty() {
        stretches.extend(others);
        return stretches;
    }
    stretches.extend(others);
    stretches.sort_by_key(|away| away.from);
    let mut joined: Vec<Away> = Vec::new();
    for away in stretches {
        match joined.last_mut().filter(|last| last.to.is_none_or(|to| away.from <= to)) {
            Some(last) => last.to = last.to.zip(away.to).map(|(a, b)| a.max(b)),
            None => joined.push(away),
        }
    }
    joined
}

/// The days without contract, revenue or anything that is not under notice, by any of the rules; the first stretch
/// begins before all days.
pub(super) fn by_contracts(known: &Known<'_>, rules: &[Churn], pauses: &[Range<Date>]) -> Vec<Away> {
    let bounds = pauses.iter().flat_map(|pause| [pause.start, pause.end]);
    let mut days: Vec<Date> = known.turns().chain(bounds).collect();
    days.sort_unstable();
    days.dedup();
    let mut stretches = vec![Away { from: Date::MIN, to: None }];
    for day in days {
        let (is_there, last) = (is_there(known, rules, pauses, day), stretches.len() - 1);
        match stretches[last].to {
            None if is_there => stretches[last].to = Some(day),
            Some(_) if !is_there => stretches.push(Away { from: day, to: None }),
            _ => (),
        }
    }
    stretches
}

fn is_there(known: &Known<'_>, rules: &[Churn], pauses: &[Range<Date>], day: Date) -> bool {
    let held = known.held(day);
    let is_paused = || pauses.iter().any(|pause| pause.contains(&day));
    rules.iter().all(|rule| match rule {
        Churn::Notice => held.iter().any(|contract| contract.status != ContractStatus::Cancelled),
        Churn::Renewal => !held.is_empty() || is_paused(),
        Churn::NoRevenue => held.iter().any(|contract| pays(contract)) || is_paused(),
        Churn::Event(_) | Churn::Silence { .. } | Churn::Rhythm { .. } => true,
    })
}

/// A revenue that nobody knows is not zero.
fn pays(contract: &Contract) -> bool {
    match contract.status {
        ContractStatus::Trial => false,
        ContractStatus::Paused => true,
        _ => contract.mrr_cents.is_none_or(|cents| cents > 0),
    }
}

/// From the first day that is more than `most_days` after a day with an event, pauses aside, to the next such day.
/// `seen` are those days, ascending.
pub(super) fn by_silence(seen: &[Date], most_days: u32, pauses: &[Range<Date>]) -> Vec<Away> {
    let nexts = seen.iter().skip(1).map(|next| Some(*next)).chain([None]);
    let stretch = |(&last, to): (&Date, Option<Date>)| {
        let from = silent_from(last, most_days, pauses);
        to.is_none_or(|to| from < to).then_some(Away { from, to })
    };
    seen.iter().zip(nexts).filter_map(stretch).collect()
}

/// The first day that is more than so many unpaused days after another.
pub(super) fn silent_from(last: Date, most_days: u32, pauses: &[Range<Date>]) -> Date {
    let mut from = after(last, most_days.saturating_add(1));
    for pause in pauses.iter().filter(|pause| pause.end > last) {
        if pause.start >= from {
            break;
        }
        let paused = days_between(pause.start.max(last), pause.end);
        from = after(from, u32::try_from(paused).unwrap_or(0));
    }
    from
}
