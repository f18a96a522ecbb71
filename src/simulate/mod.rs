//! A simulated B2B SaaS business with known truth, for examples, tests and benchmarks.
//!
//! Each account has hidden states (adoption, satisfaction, budget, engagement, trouble with support and payments)
//! that move from quarter to quarter. From them come the true probabilities of churn and expansion at the start
//! of each quarter, what really happens in it, and the records that a business would have of it: logins,
//! tickets, surveys, payments, contracts. A model sees the records only; [`Truth`] is what it should have found.

mod effects;
mod emit;
mod hidden;
mod profile;
mod story;
mod truth;

use jiff::ToSpan;
use jiff::civil::Date;
use rayon::prelude::*;

use crate::error::{ErrorKind, Result};
use crate::frame::Table;
use crate::timeline::{EventNames, Labelling, Records, b2b_saas, snapshot};
use story::Story;

pub use effects::{EffectAccounts, EffectWorld, TrueEffect, TrueOutcome};
pub use truth::{Cause, Truth};

/// Days of a quarter: the horizon of the true probabilities.
pub const PERIOD_DAYS: u32 = 90;

/// What to simulate.
#[derive(Clone, Debug, PartialEq)]
pub struct SimulationParams {
    n_accounts: usize,
    n_periods: usize,
    random_state: u64,
    today: Date,
}

impl Default for SimulationParams {
    fn default() -> Self {
        SimulationParams {
            n_accounts: 2_000,
            n_periods: 2,
            random_state: 0,
            today: jiff::civil::date(2026, 7, 1),
        }
    }
}

impl SimulationParams {
    /// Accounts that are customers one quarter before today, which are those to learn from. Range: 1 to
    /// 1,000,000. Default: 2,000.
    pub fn n_accounts(mut self, n_accounts: usize) -> Self {
        self.n_accounts = n_accounts;
        self
    }

    /// Quarters before today in which accounts come and go. Range: 1 to 20. Default: 2.
    pub fn n_periods(mut self, n_periods: usize) -> Self {
        self.n_periods = n_periods;
        self
    }

    /// Seed; the same seed makes the same business. Default: 0.
    pub fn random_state(mut self, random_state: u64) -> Self {
        self.random_state = random_state;
        self
    }

    /// The first day of which nothing is known yet. Default: 2026-07-01.
    pub fn today(mut self, today: Date) -> Self {
        self.today = today;
        self
    }

    fn check(&self) -> Result<()> {
        let ranges = [
            ("n_accounts", self.n_accounts, 1_000_000, "1 to 1000000"),
            ("n_periods", self.n_periods, 20, "1 to 20"),
        ];
        match ranges.into_iter().find(|(_, value, most, _)| !(1..=*most).contains(value)) {
            Some((name, value, _, expected)) => {
                Err(ErrorKind::Parameter { name, value: value.to_string(), expected }.into())
            }
            None => Ok(()),
        }
    }

    /// Lets the business live.
    ///
    /// # Errors
    /// A parameter outside its range.
    pub fn simulate(&self) -> Result<Simulation> {
        self.check()?;
        let calendar = Calendar::new(self.today, self.n_periods);
        let mut names = EventNames::default();
        let codes = emit::Codes::new(&mut names);
        let stories = self.stories(&calendar, &codes);
        Simulation::new(stories, names, calendar)
    }

    /// One story after the other until there are enough accounts to learn from.
    fn stories(&self, calendar: &Calendar, codes: &emit::Codes) -> Vec<Story> {
        let mut stories: Vec<Story> = Vec::new();
        let mut missing = self.n_accounts;
        while missing > 0 {
            let next = stories.len()..stories.len() + missing;
            let more =
                next.into_par_iter().map(|number| Story::tell(self.random_state, number, calendar, codes));
            let more: Vec<Story> = more.collect();
            missing -= more.iter().filter(|story| story.truth(calendar.past()).is_some()).count();
            stories.extend(more);
        }
        stories
    }
}

/// The first days of the quarters: 0 is the first in which accounts leave, the last is today.
#[derive(Clone, Debug)]
struct Calendar {
    today: Date,
    n_periods: usize,
}

impl Calendar {
    fn new(today: Date, n_periods: usize) -> Self {
        Calendar { today, n_periods }
    }

    /// First day of a quarter; negative ones lie before the first in which accounts leave.
    fn day(&self, period: i64) -> Date {
        let periods_back = self.n_periods as i64 - period;
        self.today.saturating_sub((periods_back * i64::from(PERIOD_DAYS)).days())
    }

    /// The last quarter whose end is known.
    fn past(&self) -> usize {
        self.n_periods - 1
    }
}

/// A business that was simulated: its records, and the truth behind them.
#[derive(Clone, Debug)]
pub struct Simulation {
    records: Records,
    truths: Vec<Vec<Option<Truth>>>,
    calendar: Calendar,
}

impl Simulation {
    /// What to simulate, with defaults.
    ///
    /// ```
    /// use keepwell::simulate::Simulation;
    ///
    /// let business = Simulation::params().n_accounts(100).random_state(7).simulate()?;
    /// let past = business.past()?;
    /// assert_eq!(past.n_rows(), 100);
    /// assert!(past.column("churned").is_some() && business.today()?.column("churned").is_none());
    /// # Ok::<(), keepwell::Error>(())
    /// ```
    pub fn params() -> SimulationParams {
        SimulationParams::default()
    }

    fn new(stories: Vec<Story>, names: EventNames, calendar: Calendar) -> Result<Self> {
        let (mut accounts, mut contracts, mut events, mut truths) = (vec![], vec![], vec![], vec![]);
        for story in stories {
            accounts.push(story.account);
            contracts.extend(story.contracts);
            events.extend(story.events);
            truths.push(story.truths);
        }
        let records = Records::new(accounts, contracts, names, events, calendar.today)?;
        Ok(Simulation { records, truths, calendar })
    }

    /// What the business knows: accounts, contracts and events.
    pub fn records(&self) -> &Records {
        &self.records
    }

    /// The dates at which there is truth: the start of each quarter, the last being today.
    pub fn dates(&self) -> Vec<Date> {
        (0..=self.calendar.n_periods as i64).map(|period| self.calendar.day(period)).collect()
    }

    /// The accounts as they were known one quarter ago, with what came of them: to learn from. The columns are
    /// those of `Schema::b2b_saas()`, and `as_of`.
    ///
    /// # Errors
    /// None for a business that was simulated.
    pub fn past(&self) -> Result<Table> {
        self.at(self.calendar.past())
    }

    /// The accounts as they were known at one of [`dates`](Self::dates), with labels that are missing for today.
    ///
    /// # Errors
    /// A position that is none of the dates; a date at which there were no accounts.
    pub fn at(&self, date: usize) -> Result<Table> {
        let found = self.dates().get(date).copied().ok_or_else(|| ErrorKind::Shape {
            what: "position among the simulation's dates".into(),
            found: date,
            expected: self.calendar.n_periods,
        })?;
        let labelling = Labelling::default().horizon_days(PERIOD_DAYS);
        snapshot(&self.records, &b2b_saas(), &labelling, found)
    }

    /// The accounts as they are known today, without labels.
    ///
    /// # Errors
    /// [`ErrorKind::NoRows`] where none is left.
    pub fn today(&self) -> Result<Table> {
        let table = self.at(self.calendar.n_periods)?;
        let columns = table.names().iter().cloned().zip(table.columns().iter().cloned());
        Table::new(table.n_rows(), columns.filter(|(name, _)| name != "churned" && name != "expanded"))
    }

    /// The truth of each row of [`past`](Self::past).
    pub fn truth_past(&self) -> Vec<&Truth> {
        self.truth_at(self.calendar.past())
    }

    /// The truth of each row of [`today`](Self::today).
    pub fn truth_today(&self) -> Vec<&Truth> {
        self.truth_at(self.calendar.n_periods)
    }

    /// The truth of each row of [`at`](Self::at); empty for a position that is none of the dates.
    pub fn truth_at(&self, date: usize) -> Vec<&Truth> {
        self.truths.iter().filter_map(|truths| truths.get(date)?.as_ref()).collect()
    }
}

#[cfg(test)]
mod tests;
