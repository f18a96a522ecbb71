//! One account's events, walked back from each date: every event is met once a scan, and each window that closes on the
//! way is answered from what was met so far.

use super::day::number_of;
use super::measure::{Absent, How};
use super::plan::{ALWAYS, Answer, AsOf, Needs, Plan, Scan};
use super::record::Event;

/// An event as it is walked by: days by number, users and names by their numbers within the account.
#[derive(Clone, Copy, Debug)]
struct Seen {
    day: i32,
    known: i32,
    /// `NOBODY` where no user did it.
    user: u32,
    /// Name, and the pair of user and name.
    name: u32,
    pair: u32,
    value: f64,
}

const NOBODY: u32 = u32::MAX;

/// The events of an account by stream, with room for what is noted on the way.
#[derive(Default)]
pub(super) struct Walker {
    streams: Vec<Vec<Seen>>,
    users: Dense,
    names: Dense,
    pairs: Dense,
    user_stamps: Stamps,
    name_stamps: Stamps,
    pair_stamps: Stamps,
    values: Vec<f64>,
    found: Vec<f64>,
}

impl Walker {
    /// Takes up the events of an account, which come by day.
    pub fn load(&mut self, plan: &Plan, events: &[Event]) {
        self.streams.resize_with(self.streams.len().max(plan.n_streams), Vec::new);
        self.streams.iter_mut().for_each(Vec::clear);
        for dense in [&mut self.users, &mut self.names, &mut self.pairs] {
            dense.clear(events.len());
        }
        for event in events {
            let streams = plan.streams_of(event.name);
            if streams.is_empty() {
                continue;
            }
            let seen = self.seen(plan, event);
            streams.iter().for_each(|stream| self.streams[*stream].push(seen));
        }
        self.user_stamps.clear(self.users.n_codes);
        self.name_stamps.clear(self.names.n_codes);
        self.pair_stamps.clear(self.pairs.n_codes);
    }

    fn seen(&mut self, plan: &Plan, event: &Event) -> Seen {
        let day = number_of(event.occurred_at);
        let known = if event.known_at == event.occurred_at { day } else { number_of(event.known_at) };
        let user = match event.user {
            Some(user) if plan.needs_users => self.users.code(u64::from(user)),
            _ => NOBODY,
        };
        let pair = match event.user {
            Some(user) if plan.needs_pairs => self.pairs.code(u64::from(user) << 32 | u64::from(event.name)),
            _ => NOBODY,
        };
        Seen { day, known, user, name: self.names.code(u64::from(event.name)), pair, value: event.value }
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
        let end = stream.partition_point(|seen| seen.day < to);
        self.user_stamps.next();
        self.name_stamps.next();
        self.pair_stamps.next();
        let mut met = Met::default();
        let mut at = end;
        for window in &scan.windows {
            let from = if window.days == ALWAYS { i32::MIN } else { to.saturating_sub(window.days) };
            let stream = &self.streams[scan.stream];
            let is_short = window.needs_ends_only && window.days == ALWAYS;
            while at > 0 && stream[at - 1].day >= from && !(is_short && met.count > 0) {
                at -= 1;
                let seen = &stream[at];
                if seen.known < as_of {
                    met.meet(seen, scan.needs, to);
                    if scan.needs.users && seen.user != NOBODY {
                        met.n_users += self.user_stamps.stamp(seen.user);
                    }
                    if scan.needs.names {
                        met.n_names += self.name_stamps.stamp(seen.name);
                    }
                    if scan.needs.pairs && seen.pair != NOBODY {
                        met.n_pairs += self.pair_stamps.stamp(seen.pair);
                    }
                }
            }
            if is_short && met.count > 0 {
                let first = stream.iter().find(|seen| seen.known < as_of);
                met.first = first.map_or(met.first, |seen| seen.day);
                at = 0;
            }
            for answer in &window.answers {
                let range = &self.streams[scan.stream][at..end];
                let asked = Asked { as_of, to, from, started, range };
                let observed = answer.observed_with.is_none_or(|stream| {
                    self.streams[stream].iter().any(|seen| seen.day < as_of && seen.known < as_of)
                });
                self.found[answer.at] =
                    if observed { met.answer(answer, &asked, &mut self.values) } else { f64::NAN };
            }
        }
    }
}

/// What was met on the way back so far.
#[derive(Default)]
struct Met {
    count: u32,
    latest: i32,
    last_value: f64,
    /// Day of the event that was met last, which is the first in time.
    first: i32,
    n_days: u32,
    /// Days in a row up to the latest.
    run: u32,
    is_broken: bool,
    least: f64,
    greatest: f64,
    /// Sum of the weeks that the events lie back.
    weeks_ago: i64,
    n_users: u32,
    n_names: u32,
    n_pairs: u32,
}

/// What is asked of a window.
struct Asked<'a> {
    as_of: i32,
    to: i32,
    from: i32,
    started: i32,
    range: &'a [Seen],
}

impl Met {
    fn meet(&mut self, seen: &Seen, needs: Needs, to: i32) {
        let is_latest = self.count == 0;
        if needs.days {
            self.meet_day(seen.day, is_latest);
        }
        if needs.extremes {
            self.least = if is_latest { seen.value } else { self.least.min(seen.value) };
            self.greatest = if is_latest { seen.value } else { self.greatest.max(seen.value) };
        }
        if needs.weeks {
            self.weeks_ago += i64::from((to - 1 - seen.day) / 7);
        }
        if is_latest {
            (self.latest, self.last_value) = (seen.day, seen.value);
        }
        self.first = seen.day;
        self.count += 1;
    }

    fn meet_day(&mut self, day: i32, is_latest: bool) {
        if is_latest {
            (self.n_days, self.run) = (1, 1);
        } else if day != self.first {
            self.n_days += 1;
            self.is_broken |= day != self.first - 1;
            self.run += u32::from(!self.is_broken);
        }
    }

    fn answer(&self, answer: &Answer, asked: &Asked<'_>, values: &mut Vec<f64>) -> f64 {
        if answer.observed_since.is_some_and(|since| asked.from.max(asked.started) < since) {
            return f64::NAN;
        }
        if self.count == 0 {
            return if answer.absent == Absent::Zero { 0.0 } else { f64::NAN };
        }
        let count = f64::from(self.count);
        let days = |from: i32, to: i32| f64::from(to - from);
        match answer.how {
            How::Count => count,
            How::CountPerWeek => {
                ratio(count, answer.weeks.unwrap_or_else(|| days(asked.started, asked.as_of) / 7.0))
            }
            How::Any => 1.0,
            How::Sum => asked.sum(values),
            How::Mean => asked.sum(values) / count,
            How::Min => self.least,
            How::Max => self.greatest,
            How::Last => self.last_value,
            How::DistinctUsers => f64::from(self.n_users),
            How::DistinctNames => f64::from(self.n_names),
            How::ShareOfNames => f64::from(self.n_names) / answer.n_names,
            How::NamesPerUser => ratio(f64::from(self.n_pairs), f64::from(self.n_users)),
            How::DistinctDays => f64::from(self.n_days),
            How::DaysSinceLast => days(self.latest, asked.as_of),
            How::DaysSinceFirst => days(self.first, asked.as_of),
            How::DaysToFirst => days(answer.since.unwrap_or(asked.started), self.first),
            How::MeanGapDays => ratio(days(self.first, self.latest), f64::from(self.n_days) - 1.0),
            How::StreakDays => {
                if self.latest == asked.to - 1 {
                    f64::from(self.run)
                } else {
                    0.0
                }
            }
            How::WeeklySlope => self.slope(answer.weeks.unwrap_or_default().floor()),
            How::Trend => asked.trend(),
        }
    }

    /// The least-squares slope Σ (t − t̄) cₜ / Σ (t − t̄)² over the counts cₜ of n whole weeks t; the sum below the line
    /// is n (n² − 1) / 12, and that above (n − 1) / 2 times the events less the weeks that they lie back.
    fn slope(&self, n: f64) -> f64 {
        let above = (n - 1.0) / 2.0 * f64::from(self.count) - self.weeks_ago as f64;
        12.0 * above / (n * (n * n - 1.0))
    }
}

impl Asked<'_> {
    fn visible(&self) -> impl Iterator<Item = &Seen> {
        self.range.iter().filter(|seen| seen.known < self.as_of)
    }

    /// The sum of the values in the order of days.
    fn sum(&self, values: &mut Vec<f64>) -> f64 {
        values.clear();
        values.extend(self.visible().map(|seen| seen.value));
        pairwise(values)
    }

    /// The least-squares slope Σ (t − t̄) (v − v̄) / Σ (t − t̄)² of the values v over their days t, for 30 days; missing
    /// where all are of one day.
    fn trend(&self) -> f64 {
        let n = self.visible().count() as f64;
        let mean = |of: fn(&Seen) -> f64| self.visible().map(of).sum::<f64>() / n;
        let (day, value) = (mean(|seen| f64::from(seen.day)), mean(|seen| seen.value));
        let mut above = 0.0;
        let mut below = 0.0;
        for seen in self.visible() {
            let off = f64::from(seen.day) - day;
            above += off * (seen.value - value);
            below += off * off;
        }
        30.0 * ratio(above, below)
    }
}

pub(super) fn ratio(part: f64, whole: f64) -> f64 {
    if whole == 0.0 { f64::NAN } else { part / whole }
}

/// The sum of values, by halves, and of 128 and fewer in eight strands, as numpy has it: its error grows with the
/// logarithm of their number.
fn pairwise(values: &[f64]) -> f64 {
    match values.len() {
        ..8 => values.iter().fold(0.0, |sum, value| sum + value),
        8..=128 => strands(values),
        n => {
            let half = n / 2 - n / 2 % 8;
            pairwise(&values[..half]) + pairwise(&values[half..])
        }
    }
}

fn strands(values: &[f64]) -> f64 {
    let (eights, rest) = values.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for (at, eight) in eights.iter().enumerate() {
        for (sum, value) in sums.iter_mut().zip(eight) {
            *sum = if at == 0 { *value } else { *sum + value };
        }
    }
    let [a, b, c, d, e, f, g, h] = sums;
    let whole = ((a + b) + (c + d)) + ((e + f) + (g + h));
    rest.iter().fold(whole, |sum, value| sum + value)
}

/// Numbers from 0 for keys in the order in which they are met; cleared without touching what is there.
#[derive(Default)]
struct Dense {
    slots: Vec<Slot>,
    mask: usize,
    epoch: u32,
    n_codes: u32,
}

#[derive(Clone, Copy, Default)]
struct Slot {
    key: u64,
    epoch: u32,
    code: u32,
}

impl Dense {
    /// Forgets all, and makes room for so many keys.
    fn clear(&mut self, n_keys: usize) {
        let n_slots = (2 * n_keys).next_power_of_two().max(16);
        if self.slots.len() < n_slots || self.epoch == u32::MAX {
            self.slots = vec![Slot::default(); n_slots];
            self.epoch = 0;
        }
        self.mask = n_slots - 1;
        self.epoch += 1;
        self.n_codes = 0;
    }

    fn code(&mut self, key: u64) -> u32 {
        let mut at = (key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as usize & self.mask;
        loop {
            let slot = &mut self.slots[at];
            if slot.epoch != self.epoch {
                *slot = Slot { key, epoch: self.epoch, code: self.n_codes };
                self.n_codes += 1;
                return self.n_codes - 1;
            }
            if slot.key == key {
                return slot.code;
            }
            at = (at + 1) & self.mask;
        }
    }
}

/// Which codes were met on a walk.
#[derive(Default)]
struct Stamps {
    stamps: Vec<u32>,
    now: u32,
}

impl Stamps {
    fn clear(&mut self, n_codes: u32) {
        self.stamps.clear();
        self.stamps.resize(n_codes as usize, 0);
        self.now = 0;
    }

    /// Begins another walk.
    fn next(&mut self) {
        self.now += 1;
    }

    /// 1 for a code that is met for the first time on this walk, else 0.
    fn stamp(&mut self, code: u32) -> u32 {
        let stamp = &mut self.stamps[code as usize];
        let is_new = *stamp != self.now;
        *stamp = self.now;
        u32::from(is_new)
    }
}
