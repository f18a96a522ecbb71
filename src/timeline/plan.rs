//! The aggregates of all measures, sorted into scans: one walk back through the events of some names answers every
//! window that ends on the same day.

use jiff::civil::Date;

use super::day::number_of;
use super::measure::{Absent, Aggregate, How, Measure};
use super::record::EventNames;

/// Days of a window that has no beginning.
pub(super) const ALWAYS: i32 = i32::MAX;

/// What is walked through for some measures.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub measures: Vec<Measure>,
    pub scans: Vec<Scan>,
    pub n_aggregates: usize,
    /// What is needed of the events of each stream.
    pub streams: Vec<Needs>,
    /// What is needed of those of any.
    pub needs: Needs,
    pub n_names: usize,
    /// Streams that an event of each name flows into.
    streams_of: Vec<Vec<usize>>,
}

/// A walk back through a stream, from some days before `as_of`.
#[derive(Clone, Debug)]
pub(super) struct Scan {
    pub stream: usize,
    pub ended_days: i32,
    /// The narrowest first.
    pub windows: Vec<Window>,
    /// The days of the widest.
    pub longest_days: i32,
}

/// What has to be noted of events.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Needs {
    pub values: bool,
    pub users: bool,
    pub names: bool,
    pub pairs: bool,
    pub days: bool,
    pub extremes: bool,
    pub weeks: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Window {
    /// Its length, or `ALWAYS`.
    pub days: i32,
    pub answers: Vec<Answer>,
    /// What has to be noted of the events that no narrower window has, for this window and all that are wider.
    pub needs: Needs,
}

/// An aggregate that a window answers.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    /// Its place among the aggregates of all measures.
    pub at: usize,
    pub how: How,
    pub absent: Absent,
    /// Weeks of the window that was asked for.
    pub weeks: Option<f64>,
    pub since: Option<i32>,
    /// Names asked for.
    pub n_names: f64,
    /// The first day on which such events were recorded.
    pub observed_since: Option<i32>,
    /// The stream of events that tell that such events are recorded.
    pub observed_with: Option<usize>,
}

impl Plan {
    pub fn new(names: &EventNames, measures: &[Measure]) -> Self {
        let mut plan = Plan {
            measures: measures.to_vec(),
            scans: Vec::new(),
            n_aggregates: 0,
            streams: Vec::new(),
            needs: Needs::default(),
            n_names: names.names().len(),
            streams_of: vec![Vec::new(); names.names().len()],
        };
        let mut streams: Vec<Vec<u32>> = Vec::new();
        for aggregate in measures.iter().flat_map(|measure| measure.formula.aggregates()) {
            plan.add(aggregate, names, &mut streams);
        }
        for (stream, codes) in streams.iter().enumerate() {
            codes.iter().for_each(|code| plan.streams_of[*code as usize].push(stream));
        }
        plan.streams = vec![Needs::default(); streams.len()];
        for scan in &mut plan.scans {
            scan.windows.sort_by_key(|window| window.days);
            scan.longest_days = scan.windows.last().map_or(0, |window| window.days);
            let mut needs = Needs::default();
            for window in scan.windows.iter_mut().rev() {
                window.answers.iter().for_each(|answer| needs.note(answer.how));
                window.needs = needs;
            }
            plan.streams[scan.stream].add(needs);
            plan.needs.add(needs);
        }
        plan
    }

    fn add(&mut self, aggregate: &Aggregate, names: &EventNames, streams: &mut Vec<Vec<u32>>) {
        let mut stream_of = |events: &mut dyn Iterator<Item = &str>| {
            let mut codes: Vec<u32> = events.filter_map(|name| names.find(name)).collect();
            codes.sort_unstable();
            codes.dedup();
            streams.iter().position(|other| *other == codes).unwrap_or_else(|| {
                streams.push(codes);
                streams.len() - 1
            })
        };
        let stream = stream_of(&mut aggregate.events.iter().map(AsRef::as_ref));
        let observed_with =
            aggregate.observed_with.as_deref().map(|name| stream_of(&mut std::iter::once(name)));
        let how = aggregate.how;
        let answer = Answer {
            at: self.n_aggregates,
            how,
            absent: aggregate.absent.unwrap_or_else(|| how.absent()),
            weeks: aggregate.window_days.map(|days| f64::from(days) / 7.0),
            since: aggregate.since.map(number_of),
            n_names: aggregate.n_names() as f64,
            observed_since: aggregate.observed_since.map(number_of),
            observed_with,
        };
        self.n_aggregates += 1;
        let scan = self.scan(stream, aggregate.ended_days as i32);
        // A slope is that of whole weeks.
        let days = aggregate.window_days.map_or(ALWAYS, |days| match how {
            How::WeeklySlope => (days - days % 7) as i32,
            _ => days as i32,
        });
        match scan.windows.iter_mut().find(|window| window.days == days) {
            Some(window) => window.answers.push(answer),
            None => scan.windows.push(Window { days, answers: vec![answer], needs: Needs::default() }),
        }
    }

    fn scan(&mut self, stream: usize, ended_days: i32) -> &mut Scan {
        let found = self.scans.iter().position(|scan| scan.stream == stream && scan.ended_days == ended_days);
        let at = found.unwrap_or_else(|| {
            self.scans.push(Scan { stream, ended_days, windows: Vec::new(), longest_days: 0 });
            self.scans.len() - 1
        });
        &mut self.scans[at]
    }

    /// The streams that an event of a name flows into; none of a name that came after the plan was made.
    pub fn streams_of(&self, name: u32) -> &[usize] {
        self.streams_of.get(name as usize).map_or(&[], Vec::as_slice)
    }
}

impl Needs {
    fn note(&mut self, how: How) {
        match how {
            How::DistinctUsers => self.users = true,
            How::DistinctNames | How::ShareOfNames => self.names = true,
            How::NamesPerUser => (self.users, self.pairs) = (true, true),
            How::DistinctDays | How::MeanGapDays | How::StreakDays => self.days = true,
            How::Min | How::Max => (self.values, self.extremes) = (true, true),
            How::Sum | How::Mean | How::Last | How::Trend => self.values = true,
            How::WeeklySlope => self.weeks = true,
            _ => (),
        }
    }

    fn add(&mut self, other: Needs) {
        self.values |= other.values;
        self.users |= other.users;
        self.names |= other.names;
        self.pairs |= other.pairs;
        self.days |= other.days;
        self.extremes |= other.extremes;
        self.weeks |= other.weeks;
    }
}

/// A date as it is asked about.
#[derive(Clone, Copy, Debug)]
pub(super) struct AsOf {
    pub date: Date,
    pub day: i32,
}

impl AsOf {
    pub fn new(date: Date) -> Self {
        AsOf { date, day: number_of(date) }
    }
}
