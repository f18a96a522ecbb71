//! The events of one account and some names, field by field, by day.

use std::ops::Range;

use super::super::plan::Needs;

/// An event as it is walked by: days by number, users and pairs of user and name by their numbers within the account.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub day: i32,
    pub known: i32,
    /// `NOBODY` where no user did it.
    pub user: u32,
    pub name: u32,
    pub pair: u32,
    pub value: f64,
}

pub(super) const NOBODY: u32 = u32::MAX;

const USUAL_EVENTS: usize = 256;

/// One position of each list is an event; lists that no measure needs are empty.
#[derive(Debug, Default)]
pub(super) struct Stream {
    pub days: Vec<i32>,
    known: Vec<i32>,
    /// The last day on which any event up to this one was known.
    all_known: Vec<i32>,
    pub values: Vec<f64>,
    pub users: Vec<u32>,
    pub names: Vec<u32>,
    pub pairs: Vec<u32>,
}

impl Stream {
    pub fn len(&self) -> usize {
        self.days.len()
    }

    pub fn clear(&mut self) {
        self.days.clear();
        self.known.clear();
        self.all_known.clear();
        self.values.clear();
        self.users.clear();
        self.names.clear();
        self.pairs.clear();
    }

    /// Makes room for as many events as most accounts have, so that one account alone does not wait for it.
    pub fn fit(&mut self, n_events: usize, needs: Needs) {
        let n_events = n_events.min(USUAL_EVENTS);
        let fit = |codes: &mut Vec<u32>, is_needed: bool| codes.reserve(if is_needed { n_events } else { 0 });
        self.days.reserve(n_events);
        self.known.reserve(n_events);
        self.all_known.reserve(n_events);
        self.values.reserve(if needs.values { n_events } else { 0 });
        fit(&mut self.users, needs.users);
        fit(&mut self.names, needs.names);
        fit(&mut self.pairs, needs.pairs);
    }

    #[inline]
    pub fn push(&mut self, seen: &Seen, needs: Needs) {
        self.days.push(seen.day);
        self.known.push(seen.known);
        self.all_known.push(self.all_known.last().map_or(seen.known, |last| seen.known.max(*last)));
        if needs.values {
            self.values.push(seen.value);
        }
        if needs.users {
            self.users.push(seen.user);
        }
        if needs.names {
            self.names.push(seen.name);
        }
        if needs.pairs {
            self.pairs.push(seen.pair);
        }
    }

    /// Takes over those of another stream's events that were known before `as_of`.
    pub fn take(&mut self, from: &Stream, range: Range<usize>, as_of: i32) {
        for at in range.filter(|&at| from.known[at] < as_of) {
            self.days.push(from.days[at]);
            self.values.extend(from.values.get(at));
            self.users.extend(from.users.get(at));
            self.names.extend(from.names.get(at));
            self.pairs.extend(from.pairs.get(at));
        }
    }

    /// How many lie before a day.
    pub fn before(&self, day: i32) -> usize {
        self.days.partition_point(|other| *other < day)
    }

    /// The first of those before a position that lie on or after a day; near ones are found first.
    pub fn since(&self, position: usize, day: i32) -> usize {
        let days = &self.days[..position];
        let mut step = 1;
        let mut high = position;
        while step <= high && days[high - step] >= day {
            high -= step;
            step *= 2;
        }
        let low = high.saturating_sub(step);
        low + days[low..high].partition_point(|other| *other < day)
    }

    /// How many from the first on were all known before `as_of`, of those before a position.
    pub fn settled(&self, end: usize, as_of: i32) -> usize {
        match self.all_known[..end].last() {
            Some(last) if *last >= as_of => self.all_known[..end].partition_point(|known| *known < as_of),
            _ => end,
        }
    }

    /// Whether any happened and was known before `as_of`.
    pub fn has_visible(&self, as_of: i32) -> bool {
        self.days.iter().zip(&self.known).any(|(day, known)| *day < as_of && *known < as_of)
    }
}
