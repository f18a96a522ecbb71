//! Reads labels from records: all that depends on neither account nor date is found once.

use std::ops::Range;

use jiff::civil::Date;
use rayon::prelude::*;

use super::super::record::{Event, Records};
use super::away::{self, Away};
use super::codes::Codes;
use super::known::Known;
use super::{Change, Churn, Labelling, after, days_between, growth};

/// Days over which the rhythm of an account is taken.
pub(super) const RHYTHM_DAYS: u32 = 365;
/// With fewer days with an event, there is no rhythm.
const RHYTHM_MIN_DAYS: usize = 3;

/// Reads labels from some records.
pub(in crate::timeline) struct Reader<'a> {
    pub(super) records: &'a Records,
    pub(super) labelling: &'a Labelling,
    codes: Codes,
    /// Of each account, the events that labels read; those that must not cease aside, which may be many.
    marks: Vec<Vec<Event>>,
}

/// A date, with its horizons.
pub(in crate::timeline) struct At {
    as_of: Date,
    begins: Date,
    /// The end of each horizon, where it is over with its days of grace.
    ends: Vec<Option<Date>>,
}

/// What an account is judged by, where there are several rules; events always count.
#[derive(Clone, Copy)]
pub(super) struct Judged {
    pub by_contract: bool,
    pub by_silence: bool,
}

/// What came of an account within a horizon.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    NotKnown,
    Stayed,
    /// On that day.
    Left(Date),
}

/// An account at a date, with what all its horizons share.
struct Asked<'a> {
    account: usize,
    as_of: Date,
    begins: Date,
    known: Known<'a>,
    pauses: Vec<Range<Date>>,
    judged: Judged,
    /// By all rules but [`Churn::Silence`].
    away: Vec<Away>,
    merged: Option<Date>,
}

impl<'a> Reader<'a> {
    pub fn new(records: &'a Records, labelling: &'a Labelling) -> Self {
        let codes = Codes::of(labelling, records);
        let is_mark = codes.marks(records.names().names().len());
        let marks = |account| -> Vec<Event> {
            let events = records.events_of(account).iter();
            events.filter(|event| is_mark[event.name as usize]).copied().collect()
        };
        let n_accounts = records.accounts().len();
        let marks = match is_mark.contains(&true) {
            true => (0..n_accounts).into_par_iter().map(marks).collect(),
            false => vec![Vec::new(); n_accounts],
        };
        Reader { records, labelling, codes, marks }
    }

    pub(super) fn known(&self, account: usize, until: Date) -> Known<'_> {
        Known { marks: &self.marks[account], contracts: self.records.contracts_of(account), until }
    }

    /// The agreed pauses, in order, none overlapping.
    pub(super) fn pauses(&self, known: &Known<'_>) -> Vec<Range<Date>> {
        let [begins, ends] = &self.codes.pauses;
        let mut pauses: Vec<Range<Date>> = Vec::new();
        for event in known.events(begins) {
            let (start, longest) = (event.occurred_at, after(event.occurred_at, self.labelling.pause_days));
            if pauses.last().is_some_and(|last| start < last.end) {
                continue;
            }
            let resumed = known.events(ends).map(|event| event.occurred_at).find(|day| *day >= start);
            pauses.push(start..resumed.map_or(longest, |day| day.min(longest)));
        }
        pauses
    }

    /// What an account is judged by, as known before a day.
    pub(super) fn judged(&self, account: usize, until: Date) -> Judged {
        let rules = &self.labelling.churn_rules;
        let by_contract = rules.iter().any(Churn::is_by_contract);
        let by_silence = self.silence().is_some();
        if rules.len() == 1 || !by_silence {
            return Judged { by_contract, by_silence };
        }
        let has_contract = self.records.contracts_of(account).iter().any(|contract| contract.is_known(until));
        Judged { by_contract: by_contract && has_contract, by_silence: !(by_contract && has_contract) }
    }

    /// The rule by which events must not cease.
    pub(super) fn silence(&self) -> Option<&'a Churn> {
        self.labelling.churn_rules.iter().find(|rule| rule.is_by_silence())
    }

    /// The stretches of days without the account by an event or by contract.
    fn away(&self, known: &Known<'_>, pauses: &[Range<Date>], judged: Judged) -> Vec<Away> {
        let by_events = self.by_events(known);
        match judged.by_contract {
            true => away::joined(by_events, away::by_contracts(known, &self.labelling.churn_rules, pauses)),
            false => by_events,
        }
    }

    pub(super) fn by_events(&self, known: &Known<'_>) -> Vec<Away> {
        away::by_events(known, &self.codes.leaves, &self.codes.returns)
    }

    /// The first day on which it went into another account.
    pub(super) fn merged(&self, known: &Known<'_>) -> Option<Date> {
        known.events(&self.codes.merged).map(|event| event.occurred_at).next()
    }

    /// Whether it was made to leave on a day.
    pub(super) fn is_involuntary(&self, known: &Known<'_>, day: Date) -> bool {
        let days = self.labelling.involuntary.as_ref().map_or(0, |way| way.days);
        let from = day.saturating_sub(jiff::Span::new().days(i64::from(days)));
        known.happened(&self.codes.involuntary, from..after(day, 1))
    }

    /// The days with an event that must not cease, as known before `until`, on some days.
    pub(super) fn seen(&self, account: usize, days: Range<Date>, until: Date) -> Vec<Date> {
        let events = self.records.events_within(account, days.clone()).iter();
        let seen = events.filter(|event| self.is_seen(event, until)).map(|event| event.occurred_at);
        let mut found: Vec<Date> = seen.collect();
        let n_events = found.len();
        found.extend(self.signed(account, until).filter(|day| days.contains(day)));
        if found.len() > n_events {
            found.sort_unstable();
        }
        found.dedup();
        found
    }

    /// Beside rules by contract, the start of a contract is no silence.
    fn signed(&self, account: usize, until: Date) -> impl Iterator<Item = Date> + use<'_, 'a> {
        let is_beside = self.labelling.churn_rules.iter().any(Churn::is_by_contract);
        let contracts = if is_beside { self.records.contracts_of(account) } else { &[] };
        contracts.iter().filter(move |contract| contract.known_at < until).map(|contract| contract.starts)
    }

    fn is_seen(&self, event: &Event, until: Date) -> bool {
        event.known_at < until && self.codes.seen.contains(&event.name)
    }

    /// The last day before another with an event that must not cease.
    fn last_seen(&self, account: usize, before: Date, until: Date) -> Option<Date> {
        let events = self.records.events_within(account, Date::MIN..before).iter();
        let event = events.rev().find(|event| self.is_seen(event, until)).map(|event| event.occurred_at);
        self.signed(account, until).filter(|day| *day < before).chain(event).max()
    }

    /// How many days of silence are not too long for an account, as known at a date.
    fn patience(&self, account: usize, as_of: Date, pauses: &[Range<Date>]) -> u32 {
        let from = as_of.saturating_sub(jiff::Span::new().days(i64::from(RHYTHM_DAYS)));
        match self.silence() {
            Some(Churn::Rhythm { times, at_least_days, .. }) => {
                let seen = self.seen(account, from..as_of, as_of);
                patience(&seen, *times, *at_least_days, pauses)
            }
            _ => u32::MAX,
        }
    }

    /// Whether an account is a customer at a date, as known then.
    pub fn is_customer(&self, account: usize, as_of: Date) -> bool {
        let Some(started) = self.records.started_as_of(account, as_of).filter(|day| *day < as_of) else {
            return false;
        };
        let known = self.known(account, as_of);
        if self.merged(&known).is_some() {
            return false;
        }
        let judged = self.judged(account, as_of);
        let is_silent = judged.by_silence && self.is_silent(account, as_of, started, &known);
        !is_silent && !self.is_away(as_of, &known, judged)
    }

    /// Whether an account has been silent for too long at a date, as known then.
    fn is_silent(&self, account: usize, as_of: Date, started: Date, known: &Known<'_>) -> bool {
        match self.silence() {
            Some(Churn::Silence { days: Some(days), .. }) => {
                let from = as_of.saturating_sub(jiff::Span::new().days(i64::from(*days)));
                let latest = self.last_seen(account, as_of, as_of).is_some_and(|day| day >= from);
                !latest && !self.pauses(known).iter().any(|pause| pause.start < as_of && from < pause.end)
            }
            Some(Churn::Rhythm { .. }) => {
                let pauses = self.pauses(known);
                let last = self.last_seen(account, as_of, as_of).unwrap_or(started);
                away::silent_from(last, self.patience(account, as_of, &pauses), &pauses) < as_of
            }
            _ => false,
        }
    }

    /// Whether an account is away at a date by an event or by contract, as known then, and its days of grace are over.
    fn is_away(&self, as_of: Date, known: &Known<'_>, judged: Judged) -> bool {
        let away = self.away(known, &self.pauses(known), judged);
        let grace_days = i64::from(self.labelling.grace_days);
        away.last()
            .filter(|away| away.to.is_none())
            .is_some_and(|away| away.from == Date::MIN || days_between(away.from, as_of) > grace_days)
    }

    /// A date as labels are asked for.
    pub fn at(&self, as_of: Date) -> At {
        let begins = self.labelling.begins(as_of);
        let end = |days: &u32| {
            let end = after(begins, *days);
            (after(end, self.labelling.grace_days) <= self.records.known_until()).then_some(end)
        };
        At { as_of, begins, ends: self.labelling.horizons_days.iter().map(end).collect() }
    }

    /// The labels of an account at a date as numbers, in the order of [`Labelling::label_columns`]: 1, 0, or missing
    /// where not known.
    pub fn labels(&self, account: usize, at: &At, labels: &mut [f64]) {
        labels.fill(f64::NAN);
        if at.ends.iter().all(Option::is_none) {
            return;
        }
        let asked = self.ask(account, at);
        let changes = [
            (&self.labelling.expansion_change, &self.codes.grows, 1.0),
            (&self.labelling.downsell_change, &self.codes.shrinks, -1.0),
        ];
        for (horizon, end) in at.ends.iter().enumerate().filter_map(|(horizon, end)| Some((horizon, (*end)?)))
        {
            let mut columns = labels.iter_mut().skip(horizon).step_by(at.ends.len());
            let mut write = |label: Option<bool>| {
                if let (Some(column), Some(label)) = (columns.next(), label) {
                    *column = f64::from(u8::from(label));
                }
            };
            let fate = self.fate(&asked, end);
            write(of_fate(fate, |_| true));
            if self.labelling.involuntary.is_some() {
                for is_asked in [false, true] {
                    write(of_fate(fate, |day| self.is_involuntary(&asked.known, day) == is_asked));
                }
            }
            for (change, events, sign) in changes {
                if let Some(change) = change {
                    write(self.changed(&asked, end, fate, change, events, sign));
                }
            }
        }
    }

    fn ask(&self, account: usize, at: &At) -> Asked<'_> {
        let (as_of, begins) = (at.as_of, at.begins);
        let known = self.known(account, self.records.known_until());
        let pauses = self.pauses(&known);
        let judged = self.judged(account, as_of);
        let mut away = self.away(&known, &pauses, judged);
        if judged.by_silence && matches!(self.silence(), Some(Churn::Rhythm { .. })) {
            let most_days = self.patience(account, as_of, &pauses);
            let first = self.last_seen(account, begins, known.until);
            let started = self.records.started_as_of(account, as_of);
            let mut days = Vec::from_iter(first.or(started));
            days.extend(self.seen(account, begins..known.until, known.until));
            away = away::joined(away, away::by_silence(&days, most_days, &pauses));
        }
        let merged = self.merged(&known);
        Asked { account, as_of, begins, known, pauses, judged, away, merged }
    }

    /// What came of it within a horizon that is over.
    fn fate(&self, asked: &Asked<'_>, ends: Date) -> Fate {
        let Asked { begins, away, merged, .. } = asked;
        let is_away = away.iter().any(|away| away.covers(*begins));
        if is_away || merged.is_some_and(|day| day < *begins) {
            return Fate::NotKnown;
        }
        if self.labelling.churn_rules == [Churn::Renewal] && !self.is_due(asked, ends) {
            return Fate::NotKnown;
        }
        let is_left = |away: &&Away| {
            (*begins..ends).contains(&away.from) && away.is_for_good(self.labelling.grace_days)
        };
        let by_away = match (away.iter().find(is_left), merged.filter(|day| *day < ends)) {
            (Some(away), merged) if merged.is_none_or(|day| away.from < day) => Fate::Left(away.from),
            (_, Some(_)) => Fate::NotKnown,
            _ => Fate::Stayed,
        };
        if !asked.judged.by_silence || !matches!(self.silence(), Some(Churn::Silence { .. })) {
            return by_away;
        }
        match (by_away, self.fate_by_silence(asked, ends)) {
            (Fate::Left(day), Fate::Left(other)) => Fate::Left(day.min(other)),
            (Fate::Left(day), _) => Fate::Left(day),
            (_, by_silence) => by_silence,
        }
    }

    /// Silence was agreed where the account was paused: nothing can be told from it.
    fn fate_by_silence(&self, asked: &Asked<'_>, ends: Date) -> Fate {
        let days = asked.begins..ends;
        let mut events = self.records.events_within(asked.account, days.clone()).iter();
        let is_paused = || asked.pauses.iter().any(|pause| pause.start < ends && asked.begins < pause.end);
        let mut signed = self.signed(asked.account, asked.known.until);
        let is_heard = events.any(|event| self.is_seen(event, asked.known.until))
            || signed.any(|day| days.contains(&day));
        match is_heard {
            true => Fate::Stayed,
            false if is_paused() || asked.merged.is_some_and(|day| day < ends) => Fate::NotKnown,
            false => Fate::Left(asked.begins),
        }
    }

    /// Whether a renewal falls into the horizon, as known at `as_of`.
    fn is_due(&self, asked: &Asked<'_>, ends: Date) -> bool {
        let held = self.records.contracts_at(asked.account, asked.as_of);
        let renewals = held.into_iter().filter_map(|contract| contract.renewal(asked.begins));
        renewals.into_iter().any(|day| (asked.begins..ends).contains(&day))
    }

    /// Whether an account grew, or shrank, within a horizon that is over.
    fn changed(
        &self,
        asked: &Asked<'_>,
        ends: Date,
        fate: Fate,
        change: &Change,
        events: &[u32],
        sign: f64,
    ) -> Option<bool> {
        let Asked { as_of, begins, known, .. } = asked;
        let is_away = asked.away.iter().any(|away| away.covers(*begins));
        let is_merged = asked.merged.is_some_and(|day| day < ends);
        if is_away || is_merged || known.happened(&self.codes.absorbed, *as_of..ends) {
            return None;
        }
        let parts = match change {
            Change::Event(_) => {
                let left = |day: Date| matches!(fate, Fate::Left(gone) if gone < day);
                let grew = known
                    .events(events)
                    .any(|event| (*begins..ends).contains(&event.occurred_at) && !left(event.occurred_at));
                return Some(grew);
            }
            Change::Contracts(parts) => parts,
        };
        let before = known.held(begins.yesterday().ok()?);
        let last = ends.yesterday().ok()?;
        let held = known.held(last);
        if before.is_empty() {
            return None;
        }
        if held.is_empty() || matches!(fate, Fate::Left(_)) {
            return Some(false);
        }
        let until = after(last, self.labelling.grace_days);
        let resumed = known.contracts.iter().filter(|contract| {
            contract.known_at < known.until && contract.starts > last && contract.starts <= until
        });
        let missing = |product: &&str| held.iter().all(|contract| contract.product != *product);
        let undecided: Vec<&str> = resumed.map(|c| c.product.as_str()).filter(missing).collect();
        let sum = growth::change(&before, &held, parts, &self.labelling.plan_order, &undecided);
        Some(sign * sum > 0.0)
    }
}

fn of_fate(fate: Fate, is_asked: impl Fn(Date) -> bool) -> Option<bool> {
    match fate {
        Fate::NotKnown => None,
        Fate::Stayed => Some(false),
        Fate::Left(day) => Some(is_asked(day)),
    }
}

/// `max(at_least_days, times × mean gap)` in whole days; pauses do not belong to the gaps.
pub(super) fn patience(seen: &[Date], times: f64, at_least_days: u32, pauses: &[Range<Date>]) -> u32 {
    let (Some(first), Some(last)) = (seen.first(), seen.last()) else { return at_least_days };
    if seen.len() < RHYTHM_MIN_DAYS {
        return at_least_days;
    }
    let paused = |pause: &Range<Date>| days_between(pause.start.max(*first), pause.end.min(*last)).max(0);
    let days = days_between(*first, *last) - pauses.iter().map(paused).sum::<i64>();
    let mean_gap = days as f64 / (seen.len() - 1) as f64;
    at_least_days.max((times * mean_gap).floor() as u32)
}
