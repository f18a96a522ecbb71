//! The life of one account: its states, its contracts, whether it leaves or grows, and the truth at each date.

use jiff::civil::Date;
use jiff::{Span, ToSpan};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::emit::{Codes, Emitter, Quarter};
use super::hidden::{Hidden, normal};
use super::profile::Profile;
use super::truth::{Circumstances, Truth};
use super::{Calendar, PERIOD_DAYS};
use crate::timeline::{Account, Contract, Event};

/// Quarters before the first in which accounts leave for which surveys and the like are told.
const QUARTERS_BEFORE: i64 = 4;

/// All that happened to an account, and the truth behind it.
pub(super) struct Story {
    pub account: Account,
    pub contracts: Vec<Contract>,
    pub events: Vec<Event>,
    /// One a date of the calendar; `None` where it is no customer.
    pub truths: Vec<Option<Truth>>,
}

impl Story {
    pub fn truth(&self, date: usize) -> Option<&Truth> {
        self.truths[date].as_ref()
    }

    /// Tells the story of the account of that number; it depends on nothing else.
    pub fn tell(seed: u64, number: usize, calendar: &Calendar, codes: &Codes) -> Self {
        // Weyl's sequence keeps the seeds of neighbours apart.
        let mut rng = StdRng::seed_from_u64(seed ^ (number as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let profile = Profile::draw(&mut rng);
        let tenure_days = (10.0 - 800.0 * (1.0 - rng.random::<f64>()).ln()).min(2_900.0) as i64;
        let started = calendar.today.saturating_sub(tenure_days.days());
        let mut life = Life::new(number, profile, started, calendar, codes, &mut rng);
        let truths = life.live(&mut rng);
        Story {
            account: life.account(number),
            contracts: life.contracts,
            events: life.emitter.events,
            truths,
        }
    }
}

/// An account while its story is told.
struct Life<'a> {
    number: usize,
    calendar: &'a Calendar,
    profile: Profile,
    started: Date,
    /// The contract that holds.
    current: Terms,
    price_change: f64,
    contracts: Vec<Contract>,
    emitter: Emitter<'a>,
}

/// What changes from one contract of an account to the next.
pub(super) struct Terms {
    starts: Date,
    ends: Date,
    term_months: u32,
    pub seats: u32,
    mrr_cents: i64,
}

impl Terms {
    fn contract(&self, account: u32, profile: &Profile) -> Contract {
        Contract {
            ends: Some(self.ends),
            term_months: Some(self.term_months),
            auto_renew: Some(profile.auto_renew),
            seats: Some(self.seats),
            mrr_cents: Some(self.mrr_cents),
            discount_share: Some(profile.discount_share),
            plan: profile.plan.to_owned(),
            ..Contract::new(account, self.starts)
        }
    }
}

fn months(months: u32) -> Span {
    i64::from(months).months()
}

fn days_between(from: Date, to: Date) -> f64 {
    (to.duration_since(from).as_hours() / 24) as f64
}

impl<'a> Life<'a> {
    fn new(
        number: usize,
        profile: Profile,
        started: Date,
        calendar: &'a Calendar,
        codes: &'a Codes,
        rng: &mut StdRng,
    ) -> Self {
        let emitter = Emitter::new(number as u32, codes, calendar.today);
        let current = Terms {
            starts: started,
            ends: started.saturating_add(months(profile.term_months)),
            term_months: profile.term_months,
            seats: profile.seats as u32,
            mrr_cents: (profile.seats * profile.seat_cents * (1.0 - profile.discount_share)).round() as i64,
        };
        let contracts = vec![current.contract(number as u32, &profile)];
        let mut life =
            Life { number, calendar, profile, started, current, price_change: 0.0, contracts, emitter };
        let first = life.calendar.day(-QUARTERS_BEFORE).max(started);
        life.renew_until(first, rng);
        life
    }

    fn account(&self, number: usize) -> Account {
        let texts = [
            ("tier", self.profile.tier),
            ("region", self.profile.region),
            ("industry", self.profile.industry),
            ("payment_method", self.profile.payment_method),
        ];
        Account {
            texts: texts.map(|(name, text)| (name.to_owned(), text.to_owned())).to_vec(),
            numbers: self.profile.employees.map(|n| ("employees".to_owned(), n)).into_iter().collect(),
            ..Account::new(format!("A-{:06}", number + 1), self.started)
        }
    }

    /// Lives quarter after quarter until it leaves or today is reached; the truth at each date.
    fn live(&mut self, rng: &mut StdRng) -> Vec<Option<Truth>> {
        let mut truths = vec![None; self.calendar.n_periods + 1];
        let mut state = Hidden::draw(rng);
        self.emitter.onboarding(self.started, &state, rng);
        for period in -QUARTERS_BEFORE..self.calendar.n_periods as i64 {
            let day = self.calendar.day(period);
            self.renew_until(day, rng);
            let truth = (period >= 0 && self.started < day).then(|| self.truth(&state, day));
            let next = state.next(rng);
            let left = self.live_a_quarter(period, truth.as_ref(), [&state, &next], rng);
            if let Ok(date) = usize::try_from(period) {
                truths[date] = truth;
            }
            if left {
                return truths;
            }
            state = next;
        }
        self.renew_until(self.calendar.today, rng);
        let today = (self.started < self.calendar.today).then(|| self.truth(&state, self.calendar.today));
        truths[self.calendar.n_periods] = today;
        truths
    }

    /// What happens from one date to the next; whether it left.
    fn live_a_quarter(
        &mut self,
        period: i64,
        truth: Option<&Truth>,
        states: [&Hidden; 2],
        rng: &mut StdRng,
    ) -> bool {
        let day = self.calendar.day(period);
        let leaves = truth.is_some_and(|truth| rng.random::<f64>() < truth.churn_probability);
        let grows = !leaves && truth.is_some_and(|truth| rng.random::<f64>() < truth.grows());
        let left = leaves.then(|| self.leaving_day(day, rng));
        let Life { profile, current, started, .. } = self;
        let quarter = Quarter { profile, contract: current, started: *started, day, left, states };
        self.emitter.quarter(&quarter, period >= -1, rng);
        match left {
            Some(left) => self.emitter.cancel(left, self.current.mrr_cents),
            None => self.change_seats(day, grows, states[0], rng),
        }
        leaves
    }

    fn truth(&self, state: &Hidden, day: Date) -> Truth {
        let circumstances = Circumstances {
            monthly: self.current.term_months == 1,
            renewal_due: days_between(day, self.current.ends) < f64::from(PERIOD_DAYS),
            auto_renew: self.profile.auto_renew,
            price_change: self.price_change,
            tenure_months: days_between(self.started, day) / 30.4375,
        };
        Truth::of(state, &circumstances)
    }

    /// On the day of renewal where there is one, mostly; else any day of the quarter.
    fn leaving_day(&self, day: Date, rng: &mut StdRng) -> Date {
        let to_renewal = days_between(day, self.current.ends);
        let any = rng.random_range(0..i64::from(PERIOD_DAYS));
        let due = (0.0..f64::from(PERIOD_DAYS)).contains(&to_renewal) && rng.random::<f64>() < 0.8;
        day.saturating_add(if due { to_renewal as i64 } else { any }.days())
    }

    /// Renews the contract as often as it ends before a day.
    fn renew_until(&mut self, day: Date, rng: &mut StdRng) {
        while self.current.ends < day {
            let starts = self.current.ends;
            let changes = rng.random::<f64>() < if self.current.term_months == 1 { 0.03 } else { 0.45 };
            if changes {
                self.price_change = ((0.05 + 0.05 * normal(rng)).clamp(-0.1, 0.2) * 100.0).round() / 100.0;
                self.current.mrr_cents =
                    (self.current.mrr_cents as f64 * (1.0 + self.price_change)).round() as i64;
                self.emitter.price_change(starts, self.price_change);
            }
            self.emitter.renewal(starts);
            self.hold_from(starts, starts.saturating_add(months(self.current.term_months)));
        }
    }

    /// A contract with today's terms from a day on.
    fn hold_from(&mut self, starts: Date, ends: Date) {
        (self.current.starts, self.current.ends) = (starts, ends);
        self.contracts.push(self.current.contract(self.number as u32, &self.profile));
    }

    /// More seats where it grows, sometimes fewer where the product is little used.
    fn change_seats(&mut self, day: Date, grows: bool, state: &Hidden, rng: &mut StdRng) {
        let shrinks = !grows && rng.random::<f64>() < 0.02 - 0.02 * state.adoption.min(0.5);
        if self.started >= day || !(grows || shrinks) {
            return;
        }
        let on = day.saturating_add(rng.random_range(0..i64::from(PERIOD_DAYS)).days());
        let share = rng.random_range(0.1..0.4) * if grows { 1.0 } else { -0.5 };
        let before = f64::from(self.current.seats);
        let change = (before * share).abs().ceil().copysign(share).max(1.0 - before);
        self.renew_until(on.saturating_add(1.day()), rng);
        let rise = (self.current.mrr_cents as f64 * change / before).round() as i64;
        self.current.seats = (before + change) as u32;
        self.current.mrr_cents += rise;
        self.emitter.seat_change(on, change, grows.then_some(rise as f64 / 100.0));
        self.hold_from(on, self.current.ends);
    }
}
