//! The records that a business would have of an account in a hidden state.

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};
use rand::RngExt;
use rand::rngs::StdRng;
use rand_distr::{Distribution, Poisson};

use super::PERIOD_DAYS;
use super::hidden::{Hidden, normal};
use super::profile::Profile;
use super::story::Terms;
use crate::metric::sigmoid;
use crate::timeline::{Event, EventNames};

/// Numbers of the event names.
macro_rules! codes {
    ($($name:ident),* $(,)?) => {
        /// The number of each event name, as [`crate::timeline::b2b_saas`] calls them.
        pub(super) struct Codes { $($name: u32),* }

        impl Codes {
            pub fn new(names: &mut EventNames) -> Self {
                Codes { $($name: names.code(stringify!($name))),* }
            }
        }
    };
}

codes!(
    login,
    key_feature_depth,
    key_feature_breadth,
    integrations,
    api_calls,
    usage_limit_share,
    first_value,
    milestone,
    onboarding_complete,
    executive_sponsor,
    champion_left,
    meeting,
    email_sent,
    email_replied,
    training_session,
    community_post,
    price_change,
    seat_change,
    renewal,
    survey_sent,
    nps,
    csat,
    effort_score,
    complaint,
    ticket_opened,
    ticket_closed,
    ticket_answered,
    ticket_sentiment,
    escalation,
    payment_failed,
    days_past_due,
    invoice_disputed,
    goals_reached_share,
    business_review,
    became_reference,
    cancelled,
    expanded,
);

/// One quarter of an account.
pub(super) struct Quarter<'a> {
    pub profile: &'a Profile,
    pub contract: &'a Terms,
    pub started: Date,
    /// Its first day.
    pub day: Date,
    /// The day the account leaves, where it does.
    pub left: Option<Date>,
    /// The states at its first day and at the next quarter's.
    pub states: [&'a Hidden; 2],
}

/// Writes the events of one account.
pub(super) struct Emitter<'a> {
    account: u32,
    codes: &'a Codes,
    today: Date,
    /// Nothing of the quarter being told happens before or from these days on.
    from: Date,
    to: Date,
    pub events: Vec<Event>,
}

fn chance(rng: &mut StdRng, probability: f64) -> bool {
    rng.random::<f64>() < probability
}

fn count(rng: &mut StdRng, mean: f64) -> usize {
    Poisson::new(mean.clamp(1e-6, 1e4)).map_or(0, |poisson| poisson.sample(rng) as usize)
}

fn after(day: Date, days: i64) -> Date {
    day.saturating_add(days.days())
}

impl<'a> Emitter<'a> {
    pub fn new(account: u32, codes: &'a Codes, today: Date) -> Self {
        Emitter { account, codes, today, from: Date::MIN, to: today, events: Vec::new() }
    }

    /// Writes an event that is known some days after it happened, if it falls into what is being told.
    fn write(&mut self, name: u32, day: Date, value: f64, late_days: i64, user: Option<u32>) {
        let known_at = if late_days == 0 { day } else { after(day, late_days) };
        if day >= self.from && day < self.to && known_at < self.today {
            self.events.push(Event { account: self.account, name, user, value, occurred_at: day, known_at });
        }
    }

    fn event(&mut self, name: u32, day: Date, value: f64) {
        self.write(name, day, value, 0, None);
    }

    pub fn cancel(&mut self, day: Date, mrr_cents: i64) {
        self.to = self.today;
        self.event(self.codes.cancelled, day, mrr_cents as f64 / 100.0);
    }

    pub fn renewal(&mut self, day: Date) {
        self.whole_life();
        self.event(self.codes.renewal, day, 1.0);
    }

    pub fn price_change(&mut self, day: Date, share: f64) {
        self.whole_life();
        self.event(self.codes.price_change, day, share);
    }

    /// Seats that came or went; a rise of the recurring revenue in whole units where the account grew by them.
    pub fn seat_change(&mut self, day: Date, seats: f64, rise: Option<f64>) {
        self.whole_life();
        self.event(self.codes.seat_change, day, seats);
        if let Some(rise) = rise {
            self.event(self.codes.expanded, day, rise);
        }
    }

    fn whole_life(&mut self) {
        (self.from, self.to) = (Date::MIN, self.today);
    }

    /// First value and milestones; those who do not fit take longer, or never get there.
    pub fn onboarding(&mut self, started: Date, state: &Hidden, rng: &mut StdRng) {
        let first = (2.8 - 0.35 * state.fit - 0.25 * state.adoption + 0.5 * normal(rng)).exp().ceil();
        if !chance(rng, sigmoid(2.2 + 0.8 * state.fit)) {
            return;
        }
        self.event(self.codes.first_value, after(started, first as i64), 1.0);
        let mut day = first;
        for milestone in 1..=6 {
            day += (2.6 + 0.4 * normal(rng)).exp();
            if !chance(rng, sigmoid(2.4 + 0.8 * state.fit + 0.4 * state.adoption)) {
                return;
            }
            self.event(self.codes.milestone, after(started, day as i64), 1.0);
            if milestone == 4 {
                self.event(self.codes.onboarding_complete, after(started, day as i64), 1.0);
            }
        }
    }

    /// A quarter as it is recorded; what the product counts only where `with_usage`.
    pub fn quarter(&mut self, quarter: &Quarter, with_usage: bool, rng: &mut StdRng) {
        let next = after(quarter.day, i64::from(PERIOD_DAYS));
        self.from = quarter.day.max(quarter.started);
        // What follows from something in this quarter, as the closing of a ticket, may lie in the next.
        self.to = quarter.left.unwrap_or(self.today);
        if self.from >= next {
            return;
        }
        self.once_a_quarter(quarter, rng);
        let users = Users::draw(quarter, rng);
        for week in 0..i64::from(PERIOD_DAYS.div_ceil(7)) {
            let share = (week as f64 * 7.0 / f64::from(PERIOD_DAYS)).min(1.0);
            let state = quarter.states[0].towards(quarter.states[1], share);
            let day = after(quarter.day, week * 7);
            if with_usage {
                self.logins(&users, &state, day, next, rng);
                self.telemetry(quarter.profile, &state, any_day(rng, day), rng);
            }
            self.contact(quarter.profile, &state, day, rng);
            self.tickets(quarter.contract, &state, day, rng);
        }
        for month in 0..3 {
            self.payments(
                &quarter.states[1].towards(quarter.states[1], 0.0),
                after(quarter.day, month * 30 + 3),
                rng,
            );
        }
    }

    fn once_a_quarter(&mut self, quarter: &Quarter, rng: &mut StdRng) {
        let state = quarter.states[0].towards(quarter.states[1], 0.5);
        self.event(self.codes.executive_sponsor, after(quarter.day, 5), f64::from(u8::from(state.sponsor)));
        if state.since_champion_left == 0 {
            self.event(self.codes.champion_left, any_day_of_quarter(rng, quarter.day), 1.0);
        }
        if quarter.profile.has_goals {
            let reached = sigmoid(0.3 + 0.7 * state.adoption + 0.4 * state.satisfaction + 0.5 * normal(rng));
            self.event(
                self.codes.goals_reached_share,
                any_day_of_quarter(rng, quarter.day),
                round(reached, 100.0),
            );
        }
        if chance(rng, sigmoid(size_of(quarter.profile) - 2.2 + 0.5 * state.engagement)) {
            self.event(self.codes.business_review, any_day_of_quarter(rng, quarter.day), 1.0);
        }
        if state.satisfaction > 1.0 && chance(rng, 0.2) {
            self.event(self.codes.became_reference, any_day_of_quarter(rng, quarter.day), 1.0);
        }
        if chance(rng, 0.6) {
            self.nps(&state, any_day_of_quarter(rng, quarter.day), rng);
        }
    }

    fn nps(&mut self, state: &Hidden, day: Date, rng: &mut StdRng) {
        self.event(self.codes.survey_sent, day, 1.0);
        if chance(rng, sigmoid(0.1 + 0.9 * state.engagement + 0.2 * state.satisfaction)) {
            let answer = (7.0 + 1.7 * state.satisfaction + 1.2 * normal(rng)).round().clamp(0.0, 10.0);
            self.write(self.codes.nps, after(day, 2), answer, 1, None);
        }
    }

    /// On each working day of the week each user comes or does not; a few logins are known late.
    fn logins(&mut self, users: &Users, state: &Hidden, monday: Date, next: Date, rng: &mut StdRng) {
        let days: Vec<Date> = (0..7)
            .map(|offset| after(monday, offset))
            .filter(|day| *day < next && !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday))
            .collect();
        let liking = -1.1 + 0.6 * state.adoption + 0.25 * state.engagement;
        for (user, own) in users.habits.iter().enumerate() {
            let comes = sigmoid(liking + own);
            for day in &days {
                if chance(rng, comes) {
                    let late = if chance(rng, 0.03) { rng.random_range(1..=10) } else { 0 };
                    self.write(self.codes.login, *day, 1.0, late, Some(user as u32));
                }
            }
        }
    }

    fn telemetry(&mut self, profile: &Profile, state: &Hidden, day: Date, rng: &mut StdRng) {
        let share = |centre: f64, rng: &mut StdRng| round(sigmoid(centre + 0.35 * normal(rng)), 1_000.0);
        let depth = share(0.2 + 0.8 * state.adoption, rng);
        self.event(self.codes.key_feature_depth, day, depth);
        let breadth =
            (8.0 * sigmoid(0.1 + 0.7 * state.adoption + 0.3 * state.fit + 0.3 * normal(rng))).round() / 8.0;
        self.event(self.codes.key_feature_breadth, day, breadth);
        let integrations = (1.5 + 0.9 * state.fit + 0.6 * state.adoption).round().max(0.0);
        if integrations > 0.0 {
            self.event(self.codes.integrations, day, integrations);
            let calls = (4.5 + 0.6 * state.adoption + 0.5 * normal(rng)).exp().round();
            self.event(self.codes.api_calls, day, calls * integrations);
        }
        if profile.has_limit {
            let used = round(1.15 * sigmoid(0.4 + 0.8 * state.adoption + 0.3 * normal(rng)), 1_000.0);
            self.event(self.codes.usage_limit_share, day, used);
        }
    }

    fn contact(&mut self, profile: &Profile, state: &Hidden, day: Date, rng: &mut StdRng) {
        let size = size_of(profile);
        for _ in 0..count(rng, 0.08 * (0.7 * size + 0.5 * state.engagement).exp()) {
            self.event(self.codes.meeting, any_day(rng, day), 1.0);
        }
        if chance(rng, 0.4) {
            let sent = any_day(rng, day);
            self.event(self.codes.email_sent, sent, 1.0);
            if chance(rng, sigmoid(-0.3 + 0.9 * state.engagement)) {
                let replied = after(sent, rng.random_range(0..3));
                self.event(self.codes.email_replied, replied, 1.0);
            }
        }
        for _ in 0..count(rng, 0.04 * (0.4 * state.engagement + 0.3 * state.adoption).exp()) {
            self.event(self.codes.training_session, any_day(rng, day), 1.0);
        }
        for _ in 0..count(rng, 0.05 * (0.7 * state.engagement).exp()) {
            self.event(self.codes.community_post, any_day(rng, day), 1.0);
        }
    }

    fn tickets(&mut self, contract: &Terms, state: &Hidden, day: Date, rng: &mut StdRng) {
        let size = (f64::from(contract.seats) / 10.0).powf(0.4);
        for _ in 0..count(rng, 0.16 * size * (0.6 * state.burden).exp()) {
            self.ticket(state, any_day(rng, day), rng);
        }
        if chance(rng, 0.01 * (-0.8 * state.satisfaction).exp()) {
            self.event(self.codes.complaint, any_day(rng, day), 1.0);
        }
    }

    /// A ticket with all that follows; none where it would be opened outside of what is being told.
    fn ticket(&mut self, state: &Hidden, opened: Date, rng: &mut StdRng) {
        if opened < self.from || opened >= self.to {
            return;
        }
        self.event(self.codes.ticket_opened, opened, 1.0);
        let answered = round((1.6 + 0.3 * state.burden + 0.6 * normal(rng)).exp(), 10.0);
        self.event(self.codes.ticket_answered, after(opened, (answered / 24.0) as i64), answered);
        let tone =
            (0.05 + 0.35 * state.satisfaction - 0.1 * state.burden + 0.35 * normal(rng)).clamp(-1.0, 1.0);
        self.event(self.codes.ticket_sentiment, opened, round(tone, 100.0));
        if chance(rng, sigmoid(-3.2 + 0.6 * state.burden - 0.3 * state.satisfaction)) {
            self.event(self.codes.escalation, after(opened, 2), 1.0);
        }
        let hours = round(answered + (4.2 + 0.45 * state.burden + 0.8 * normal(rng)).exp(), 10.0);
        let closed = after(opened, (hours / 24.0) as i64);
        self.event(self.codes.ticket_closed, closed, hours);
        self.ticket_surveys(state, closed, rng);
    }

    fn ticket_surveys(&mut self, state: &Hidden, closed: Date, rng: &mut StdRng) {
        let answers = sigmoid(-0.5 + 0.8 * state.engagement);
        self.event(self.codes.survey_sent, closed, 1.0);
        if chance(rng, answers) {
            let csat = (3.7 + 0.7 * state.satisfaction + 0.6 * normal(rng)).round().clamp(1.0, 5.0);
            self.write(self.codes.csat, after(closed, 1), csat, 1, None);
        }
        if chance(rng, 0.3) {
            self.event(self.codes.survey_sent, closed, 1.0);
            if chance(rng, answers) {
                let effort = 3.2 - 0.7 * state.satisfaction + 0.5 * state.burden + 0.8 * normal(rng);
                self.write(
                    self.codes.effort_score,
                    after(closed, 1),
                    effort.round().clamp(1.0, 7.0),
                    1,
                    None,
                );
            }
        }
    }

    fn payments(&mut self, state: &Hidden, day: Date, rng: &mut StdRng) {
        if chance(rng, if state.cannot_pay { 0.6 } else { 0.012 }) {
            self.event(self.codes.payment_failed, day, 1.0);
        }
        let late = chance(rng, if state.cannot_pay { 0.7 } else { 0.05 });
        let days = if late { rng.random_range(3..45) } else { 0 };
        self.event(self.codes.days_past_due, day, f64::from(days));
        if chance(rng, 0.008 * (-0.6 * state.satisfaction).exp()) {
            self.event(self.codes.invoice_disputed, after(day, 5), 1.0);
        }
    }
}

/// The users of an account in a quarter, with how much more or less than usual each comes.
struct Users {
    habits: Vec<f64>,
}

impl Users {
    fn draw(quarter: &Quarter, rng: &mut StdRng) -> Self {
        let state = quarter.states[0].towards(quarter.states[1], 0.7);
        let share = sigmoid(0.7 + 0.8 * state.adoption + 0.25 * normal(rng));
        let n_users = (f64::from(quarter.contract.seats) * share).round().max(1.0) as usize;
        Users { habits: (0..n_users).map(|_| 0.7 * normal(rng)).collect() }
    }
}

fn any_day(rng: &mut StdRng, monday: Date) -> Date {
    after(monday, rng.random_range(0..7))
}

fn any_day_of_quarter(rng: &mut StdRng, day: Date) -> Date {
    after(day, rng.random_range(0..i64::from(PERIOD_DAYS)))
}

/// To that many steps a unit.
fn round(value: f64, steps: f64) -> f64 {
    (value * steps).round() / steps
}

/// How large a customer is, on the scale of log-odds.
fn size_of(profile: &Profile) -> f64 {
    match profile.tier {
        "small" => 0.0,
        "mid" => 1.0,
        _ => 2.0,
    }
}
