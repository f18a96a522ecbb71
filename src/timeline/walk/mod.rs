//! One account's events, walked back from each date: each window that closes on the way is answered from what was met so
//! far, and what a longer window does not need is not looked at again.

mod marks;
mod met;
mod stream;
mod sum;

use super::day::Numbers;
use super::plan::{ALWAYS, AsOf, Plan, Scan};
use super::record::Event;
use marks::{Dense, Marks};
use met::{Asked, Met};
use stream::{NOBODY, Seen, Stream};

/// The events of an account by stream, with room for what is noted on the way.
#[derive(Default)]
pub(super) struct Walker {
    streams: Vec<Stream>,
    /// Of the stream that is walked, the visible events among those behind the first that is not.
    late: Stream,
    users: Dense,
    pairs: Dense,
    marks: Marks,
    numbers: Numbers,
    values: Vec<f64>,
    found: Vec<f64>,
}

impl Walker {
    /// Takes up the events of an account, which come by day.
    pub fn load(&mut self, plan: &Plan, events: &[Event]) {
        self.streams.resize_with(self.streams.len().max(plan.streams.len()), Stream::default);
        for (stream, needs) in self.streams.iter_mut().zip(&plan.streams) {
            stream.clear();
            stream.fit(events.len(), *needs);
        }
        self.users.clear(if plan.needs.users { events.len() } else { 0 });
        self.pairs.clear(if plan.needs.pairs { events.len() } else { 0 });
        for event in events {
            let streams = plan.streams_of(event.name);
            if streams.is_empty() {
                continue;
            }
            let seen = self.seen(plan, event);
            for &stream in streams {
                self.streams[stream].push(&seen, plan.streams[stream]);
            }
        }
        self.marks.fit(self.users.n_codes, plan.n_names, self.pairs.n_codes);
    }

    #[inline]
    fn seen(&mut self, plan: &Plan, event: &Event) -> Seen {
        let (day, known) = (self.numbers.of(event.occurred_at), self.numbers.of(event.known_at));
        let user = match event.user {
            Some(user) if plan.needs.users => self.users.code(u64::from(user)),
            _ => NOBODY,
        };
        let pair = match event.user {
            Some(user) if plan.needs.pairs => self.pairs.code(u64::from(user) << 32 | u64::from(event.name)),
            _ => NOBODY,
        };
        Seen { day, known, user, name: event.name, pair, value: event.value }
    }

    /// The aggregates at a date; `started` is the account's first day.
    pub fn aggregates(&mut self, plan: &Plan, as_of: AsOf, started: i32) -> &[f64] {
        self.found.clear();
        self.found.resize(plan.n_aggregates, f64::NAN);
        for scan in &plan.scans {
            self.scan(scan, as_of.day, started);
        }
        &self.found
    }

    fn scan(&mut self, scan: &Scan, as_of: i32, started: i32) {
        let to = as_of.saturating_sub(scan.ended_days);
        let stream = &self.streams[scan.stream];
        let end = stream.before(to);
        let mut settled = stream.settled(end, as_of);
        if settled < end && scan.longest_days != ALWAYS {
            // What lies before all windows need not be looked through.
            settled = settled.max(stream.since(end, to.saturating_sub(scan.longest_days)));
        }
        self.late.clear();
        self.late.take(stream, settled..end, as_of);
        let late = &self.late;
        self.marks.next();
        let mut met = Met::default();
        let (mut at, mut late_at) = (settled, late.len());
        for window in &scan.windows {
            let from = if window.days == ALWAYS { i32::MIN } else { to.saturating_sub(window.days) };
            let (late_from, first) = (late.since(late_at, from), stream.since(at, from));
            met.meet(late, late_from..late_at, window.needs, to, &mut self.marks);
            met.meet(stream, first..at, window.needs, to, &mut self.marks);
            (at, late_at) = (first, late_from);
            let parts = [(stream, at..settled), (late, late_at..late.len())];
            let mut asked = Asked::new(parts, &mut self.values, [as_of, to, from, started]);
            for answer in &window.answers {
                let is_observed =
                    answer.observed_with.is_none_or(|with| self.streams[with].has_visible(as_of));
                self.found[answer.at] = if is_observed { met.answer(answer, &mut asked) } else { f64::NAN };
            }
        }
    }
}

pub(super) fn ratio(part: f64, whole: f64) -> f64 {
    if whole == 0.0 { f64::NAN } else { part / whole }
}
