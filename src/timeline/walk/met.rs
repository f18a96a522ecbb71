//! What was met on the way back, and what a window answers from it.

use std::ops::Range;

use super::super::measure::{Absent, How};
use super::super::plan::{Answer, Needs};
use super::marks::Marks;
use super::stream::Stream;
use super::{ratio, sum};

/// What was met on the way back so far.
#[derive(Default)]
pub(super) struct Met {
    count: u32,
    latest: i32,
    last_value: f64,
    /// Day of the event that was met last, which is the first in time.
    first: i32,
    n_days: u32,
    /// The day that was met last, as far as days are counted.
    day: i32,
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
pub(super) struct Asked<'a> {
    as_of: i32,
    to: i32,
    from: i32,
    started: i32,
    /// The events within, in the order of days.
    parts: [(&'a Stream, Range<usize>); 2],
    /// Room for the values of both parts.
    values: &'a mut Vec<f64>,
    sum: Option<f64>,
}

impl Met {
    /// Goes on back through some events of a stream, none met before.
    pub fn meet(&mut self, stream: &Stream, range: Range<usize>, needs: Needs, to: i32, marks: &mut Marks) {
        let days = &stream.days[range.clone()];
        let (Some(first), Some(latest)) = (days.first(), days.last()) else { return };
        if self.count == 0 {
            self.latest = *latest;
            self.last_value = stream.values.get(range.end - 1).copied().unwrap_or_default();
        }
        if needs.days {
            days.iter().rev().for_each(|day| self.meet_day(*day));
        }
        if needs.extremes {
            self.meet_values(&stream.values[range.clone()]);
        }
        if needs.weeks {
            self.weeks_ago += days.iter().map(|day| i64::from((to - 1 - day) / 7)).sum::<i64>();
        }
        if needs.users {
            self.n_users += marks.users(&stream.users[range.clone()]);
        }
        if needs.names {
            self.n_names += marks.names(&stream.names[range.clone()]);
        }
        if needs.pairs {
            self.n_pairs += marks.pairs(&stream.pairs[range.clone()]);
        }
        self.first = *first;
        self.count += range.len() as u32;
    }

    fn meet_day(&mut self, day: i32) {
        if self.n_days == 0 {
            (self.n_days, self.run) = (1, 1);
        } else if day != self.day {
            self.n_days += 1;
            self.is_broken |= day != self.day - 1;
            self.run += u32::from(!self.is_broken);
        }
        self.day = day;
    }

    fn meet_values(&mut self, values: &[f64]) {
        if self.count == 0 {
            (self.least, self.greatest) = (f64::INFINITY, f64::NEG_INFINITY);
        }
        self.least = values.iter().fold(self.least, |least, value| least.min(*value));
        self.greatest = values.iter().fold(self.greatest, |greatest, value| greatest.max(*value));
    }

    pub fn answer(&self, answer: &Answer, asked: &mut Asked<'_>) -> f64 {
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
            How::Sum => asked.sum(),
            How::Mean => asked.sum() / count,
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

impl<'a> Asked<'a> {
    /// `days` are `as_of`, the end of the window, its beginning, and the account's first.
    pub fn new(
        parts: [(&'a Stream, Range<usize>); 2],
        values: &'a mut Vec<f64>,
        [as_of, to, from, started]: [i32; 4],
    ) -> Self {
        Asked { as_of, to, from, started, parts, values, sum: None }
    }

    /// The sum of the values in the order of days.
    fn sum(&mut self) -> f64 {
        let [first, second] = &self.parts;
        let values = |(stream, range): &(&'a Stream, Range<usize>)| &stream.values[range.clone()];
        *self.sum.get_or_insert_with(|| match second.1.is_empty() {
            true => sum::pairwise(values(first)),
            false => {
                self.values.clear();
                self.values.extend_from_slice(values(first));
                self.values.extend_from_slice(values(second));
                sum::pairwise(self.values)
            }
        })
    }

    fn seen(&self) -> impl Iterator<Item = (f64, f64)> {
        self.parts.iter().flat_map(|(stream, range)| {
            let days = stream.days[range.clone()].iter().map(|day| f64::from(*day));
            days.zip(stream.values[range.clone()].iter().copied())
        })
    }

    /// The least-squares slope Σ (t − t̄) (v − v̄) / Σ (t − t̄)² of the values v over their days t, for 30 days; missing
    /// where all are of one day.
    fn trend(&self) -> f64 {
        let n = self.seen().count() as f64;
        let day = self.seen().map(|(day, _)| day).sum::<f64>() / n;
        let value = self.seen().map(|(_, value)| value).sum::<f64>() / n;
        let mut above = 0.0;
        let mut below = 0.0;
        for (at, v) in self.seen() {
            let off = at - day;
            above += off * (v - value);
            below += off * off;
        }
        30.0 * ratio(above, below)
    }
}
