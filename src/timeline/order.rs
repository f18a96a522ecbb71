//! Events in the order in which they are walked through: by account and day, and by everything else that is in them, so
//! that the order in which they come decides nothing; or, where that is the order in which they happened, by it.

use std::cmp::Ordering;
use std::ops::Range;

use jiff::civil::Date;
use rayon::prelude::*;
use serde::Deserialize;

use super::record::{Event, EventNames};

/// Accounts that are put in order at a time by one thread.
const CHUNK: usize = 1_024;
/// Each part of the accounts reads all events once, so that more would only wait for memory.
const MAX_PARTS: usize = 8;

/// What stands first of an account's events of one day: which of them is the last, and in which order values are added
/// up, which can move the last bit of a sum. In TOML, `same_day`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SameDay {
    /// By name, day known, value and user: the same rows in any order give the same signals.
    #[default]
    ByContent,
    /// As the rows were read: for logs whose order is that in which things happened.
    AsRead,
}

/// The order of the events of some records.
pub(super) struct Order {
    same_day: SameDay,
    /// Of each name's number, its place among the names by alphabet: numbers are given as names are met. Empty where
    /// names do not count.
    ranks: Vec<u32>,
}

impl Order {
    pub fn new(same_day: SameDay, names: &EventNames) -> Self {
        let ranks = match same_day {
            SameDay::ByContent => ranks(names.names()),
            SameDay::AsRead => Vec::new(),
        };
        Order { same_day, ranks }
    }

    /// The order of events but for that in which they came, which a stable sort keeps.
    pub fn compare(&self, a: &Event, b: &Event) -> Ordering {
        match self.same_day {
            SameDay::ByContent => self.by_content(a, b),
            SameDay::AsRead => (a.account, packed(a.occurred_at)).cmp(&(b.account, packed(b.occurred_at))),
        }
    }

    /// By account, day, name, day it was known and value, then by user.
    fn by_content(&self, a: &Event, b: &Event) -> Ordering {
        let day =
            |event: &Event| u128::from(event.account) << 64 | u128::from(packed(event.occurred_at)) << 32;
        let first = |event: &Event| day(event) | u128::from(self.rank(event));
        // Users are numbered as they are met, so that they come last: what is added up must not depend on it.
        let by_value = || a.value.total_cmp(&b.value).then(a.user.cmp(&b.user));
        let ties = || packed(a.known_at).cmp(&packed(b.known_at)).then_with(by_value);
        first(a).cmp(&first(b)).then_with(ties)
    }

    fn rank(&self, event: &Event) -> u32 {
        self.ranks[event.name as usize]
    }
}

fn ranks(names: &[String]) -> Vec<u32> {
    let mut sorted: Vec<usize> = (0..names.len()).collect();
    sorted.sort_unstable_by_key(|code| &names[*code]);
    let mut ranks = vec![0; names.len()];
    sorted.into_iter().zip(0..).for_each(|(code, rank)| ranks[code] = rank);
    ranks
}

/// A day as a number that is in order as the days are, at less cost than comparing year, month and day in turn.
fn packed(day: Date) -> u32 {
    let year = (i32::from(day.year()) + 10_000) as u32;
    year << 9 | (day.month() as u32) << 5 | day.day() as u32
}

/// The events in order, and where those of each account begin: first dealt out to their accounts, then sorted there.
pub(super) fn by_account(events: Vec<Event>, n_accounts: usize, order: &Order) -> (Vec<Event>, Vec<usize>) {
    let starts = starts_of(&events, n_accounts);
    let Some(any) = events.first().copied() else { return (events, starts) };
    let mut sorted: Vec<Event> = (0..events.len()).into_par_iter().map(|_| any).collect();
    let n_parts = rayon::current_num_threads().clamp(1, MAX_PARTS);
    let parts = split(&mut sorted, &starts, n_accounts.div_ceil(n_parts));
    parts.into_par_iter().for_each(|(accounts, part)| deal(&events, &starts, accounts, part));
    drop(events);
    split(&mut sorted, &starts, CHUNK).into_par_iter().for_each_init(Sorter::default, |sorter, chunk| {
        let (accounts, mut part) = chunk;
        for account in accounts {
            let (own, later) = part.split_at_mut(starts[account + 1] - starts[account]);
            sorter.sort(own, order);
            part = later;
        }
    });
    (sorted, starts)
}

/// Puts the events of one account in order by keys of day, name and day known, each with the place of its event.
#[derive(Default)]
struct Sorter {
    small: Vec<u64>,
    large: Vec<u128>,
    events: Vec<Event>,
}

impl Sorter {
    fn sort(&mut self, events: &mut [Event], order: &Order) {
        self.events.clear();
        if small_keys(&mut self.small, events, order) {
            self.small.sort_unstable();
            self.events.extend(self.small.iter().map(|key| events[(*key & MAX_PLACE) as usize]));
        } else {
            let key = |(event, place)| large_key(event, order) << 32 | u128::from(place);
            let keys = events.iter().zip(0_u32..).map(key);
            self.large.clear();
            self.large.extend(keys);
            self.large.sort_unstable();
            self.events.extend(self.large.iter().map(|key| events[*key as u32 as usize]));
        }
        if order.same_day == SameDay::ByContent {
            let is_tie = |a: &Event, b: &Event| {
                (a.occurred_at, a.name, a.known_at) == (b.occurred_at, b.name, b.known_at)
            };
            let ties = self.events.chunk_by_mut(is_tie).filter(|events| events.len() > 1);
            ties.for_each(|events| events.sort_unstable_by(|a, b| order.by_content(a, b)));
        }
        events.copy_from_slice(&self.events);
    }
}

/// What a key of 64 bits has room for: 16 bits of days, 12 each of names and delays, 24 of places.
const MAX_DAY: u32 = (1 << 16) - 1;
const MAX_NAME: u32 = (1 << 12) - 1;
const MAX_DELAY: u32 = (1 << 12) - 1;
const MAX_PLACE: u64 = (1 << 24) - 1;

/// Keys that are in order as the events are, but for ties; false where they have no room in 64 bits.
fn small_keys(keys: &mut Vec<u64>, events: &[Event], order: &Order) -> bool {
    keys.clear();
    let Some(first) = events.iter().map(|event| packed(event.occurred_at)).min() else { return true };
    let (mut days, mut names, mut delays) = (0, 0, 0);
    let key = |(event, place): (&Event, u64)| {
        let day = packed(event.occurred_at);
        let (name, delay) = match order.same_day {
            SameDay::ByContent => (order.rank(event), packed(event.known_at).saturating_sub(day)),
            SameDay::AsRead => (0, 0),
        };
        (days, names, delays) = (days.max(day - first), names.max(name), delays.max(delay));
        u64::from(day - first) << 48 | u64::from(name) << 36 | u64::from(delay) << 24 | place
    };
    keys.extend(events.iter().zip(0_u64..).map(key));
    days <= MAX_DAY && names <= MAX_NAME && delays <= MAX_DELAY && events.len() as u64 <= MAX_PLACE
}

/// The same in 80 bits, where everything has room.
fn large_key(event: &Event, order: &Order) -> u128 {
    let day = u128::from(packed(event.occurred_at)) << 56;
    match order.same_day {
        SameDay::ByContent => day | u128::from(order.rank(event)) << 24 | u128::from(packed(event.known_at)),
        SameDay::AsRead => day,
    }
}

/// Where the facts of each account begin, and where the last end.
pub(super) fn starts(n_accounts: usize, accounts: impl Iterator<Item = u32>) -> Vec<usize> {
    let mut starts = vec![0; n_accounts + 1];
    accounts.for_each(|account| starts[account as usize + 1] += 1);
    (0..n_accounts).for_each(|at| starts[at + 1] += starts[at]);
    starts
}

/// As [`starts`], of many events by many threads.
fn starts_of(events: &[Event], n_accounts: usize) -> Vec<usize> {
    let n_at_a_time = events.len().div_ceil(rayon::current_num_threads().clamp(1, MAX_PARTS)).max(n_accounts);
    let parts = events.par_chunks(n_at_a_time.max(1));
    let of_part = |part: &[Event]| starts(n_accounts, part.iter().map(|event| event.account));
    let added = |mut a: Vec<usize>, b: Vec<usize>| {
        a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
        a
    };
    parts.map(of_part).reduce_with(added).unwrap_or_else(|| vec![0; n_accounts + 1])
}

/// The accounts, so many at a time, each with the part that is theirs.
fn split<'a>(
    mut events: &'a mut [Event],
    starts: &[usize],
    n_at_a_time: usize,
) -> Vec<(Range<usize>, &'a mut [Event])> {
    let n_accounts = starts.len() - 1;
    let mut parts = Vec::new();
    for first in (0..n_accounts).step_by(n_at_a_time.max(1)) {
        let accounts = first..(first + n_at_a_time).min(n_accounts);
        let (part, later) = events.split_at_mut(starts[accounts.end] - starts[accounts.start]);
        parts.push((accounts, part));
        events = later;
    }
    parts
}

/// Puts the events of some accounts where those of their account belong.
fn deal(events: &[Event], starts: &[usize], accounts: Range<usize>, part: &mut [Event]) {
    let first = starts[accounts.start];
    let mut next: Vec<usize> = starts[accounts.clone()].iter().map(|start| start - first).collect();
    for event in events {
        let account = event.account as usize;
        if accounts.contains(&account) {
            let place = &mut next[account - accounts.start];
            part[*place] = *event;
            *place += 1;
        }
    }
}

/// Puts more events, in order, among events in order, moving each of those once at most; `starts` is where the events of
/// each account begin that has any yet.
pub(super) fn merge(events: &mut Vec<Event>, starts: &[usize], more: &[Event], order: &Order) {
    let Some(any) = more.first().copied() else { return };
    let mut end = events.len();
    events.resize(end + more.len(), any);
    for (n_before, event) in more.iter().enumerate().rev() {
        let start = |account: usize| starts.get(account).map_or(end, |start| end.min(*start));
        // Only its account's events are looked at: all others lie far apart in memory.
        let own = start(event.account as usize)..start(event.account as usize + 1);
        let is_before = |other: &Event| order.compare(other, event) != Ordering::Greater;
        let place = own.start + events[own].partition_point(is_before);
        events.copy_within(place..end, place + n_before + 1);
        events[place + n_before] = *event;
        end = place;
    }
}
