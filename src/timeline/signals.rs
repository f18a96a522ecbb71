//! The signals of an account at a date, by one code for one account and for all of them at many dates.

use jiff::civil::Date;
use rayon::prelude::*;

use super::contract::{Contract, ContractStatus};
use super::day::number_of;
use super::measure::{ContractFact, Formula, Measure};
use super::plan::{AsOf, Plan};
use super::record::{EventNames, Records};
use super::walk::{Walker, ratio};
use crate::error::Result;

/// Accounts that are reckoned at a time by one thread.
const CHUNK: usize = 256;

/// Signals, ready to be read of any account at any date.
///
/// ```
/// use jiff::civil::date;
/// use keepwell::timeline::{Account, Aggregate, Event, EventNames, Formula, How, Measure, Records, Signals};
///
/// let mut names = EventNames::default();
/// let login = names.code("login");
/// let day = date(2026, 3, 30);
/// let event = Event { account: 0, name: login, user: None, value: 1.0, occurred_at: day, known_at: day };
/// let account = Account::new("A", date(2026, 1, 1));
/// let records = Records::new(vec![account], vec![], names, vec![event; 2], date(2026, 4, 1))?;
/// let logins = Measure::new("logins_7d", Formula::Of(Aggregate::new(How::Count, "login").window_days(7)));
///
/// let signals = Signals::new(records.names(), &[logins])?;
/// assert_eq!(signals.of(&records, 0, date(2026, 4, 1)), [2.0]);
/// assert_eq!(signals.of(&records, 0, date(2026, 3, 30)), [0.0]);
/// # Ok::<(), keepwell::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Signals {
    plan: Plan,
    needs_contract: bool,
}

impl Signals {
    /// Prepares measures for records whose events have these names.
    ///
    /// # Errors
    /// As [`Measure::check`].
    pub fn new(names: &EventNames, measures: &[Measure]) -> Result<Self> {
        measures.iter().try_for_each(Measure::check)?;
        let of_contract =
            |measure: &Measure| matches!(measure.formula, Formula::Contract(_) | Formula::PerSeat(_));
        Ok(Signals { plan: Plan::new(names, measures), needs_contract: measures.iter().any(of_contract) })
    }

    /// The values of one account as known at a date, one a measure; missing is NaN.
    pub fn of(&self, records: &Records, account: usize, as_of: Date) -> Vec<f64> {
        let mut walker = Walker::default();
        walker.load(&self.plan, records.events_of(account));
        let mut values = vec![f64::NAN; self.plan.measures.len()];
        let write = |at: usize, value| values[at] = value;
        self.reckon(&mut walker, records, account, AsOf::new(as_of), write);
        values
    }

    /// The values of accounts at dates: of each date the accounts, ascending; the columns, one a measure, date after
    /// date. All dates of an account are reckoned together, while its events are at hand.
    pub(super) fn columns(&self, records: &Records, rows: &[(Date, Vec<u32>)]) -> Vec<Vec<f64>> {
        let n_rows = rows.iter().map(|(_, accounts)| accounts.len()).sum();
        // Every value is written; zeros need no pass of their own.
        let mut columns: Vec<Vec<f64>> = self.plan.measures.iter().map(|_| vec![0.0; n_rows]).collect();
        let dates: Vec<AsOf> = rows.iter().map(|(date, _)| AsOf::new(*date)).collect();
        let chunks = split(&mut columns, rows, records.accounts().len());
        chunks.into_par_iter().for_each_init(Walker::default, |walker, mut chunk| {
            for account in chunk.accounts.clone() {
                self.dates_of(walker, records, account, &dates, &mut chunk);
            }
        });
        columns
    }

    fn dates_of(
        &self,
        walker: &mut Walker,
        records: &Records,
        account: usize,
        dates: &[AsOf],
        chunk: &mut Chunk<'_>,
    ) {
        let mut is_loaded = false;
        for (as_of, part) in dates.iter().zip(&mut chunk.parts) {
            if part.accounts.first() != Some(&(account as u32)) {
                continue;
            }
            if !is_loaded {
                walker.load(&self.plan, records.events_of(account));
                is_loaded = true;
            }
            let row = part.row;
            let columns = &mut part.columns;
            self.reckon(walker, records, account, *as_of, |at, value| columns[at][row] = value);
            part.accounts = &part.accounts[1..];
            part.row += 1;
        }
    }

    /// Writes the values of the account whose events were taken up.
    fn reckon(
        &self,
        walker: &mut Walker,
        records: &Records,
        account: usize,
        as_of: AsOf,
        mut write: impl FnMut(usize, f64),
    ) {
        let started = records.started_as_of(account, as_of.date).unwrap_or(as_of.date);
        let agreed = match self.needs_contract {
            true => Agreed::new(records, account, as_of.date),
            false => Agreed::default(),
        };
        let started = number_of(started);
        let mut found = walker.aggregates(&self.plan, as_of, started).iter().copied();
        let mut next = || found.next().unwrap_or(f64::NAN);
        for (at, measure) in self.plan.measures.iter().enumerate() {
            let value = match &measure.formula {
                Formula::Of(_) => next(),
                Formula::Ratio(..) => ratio(next(), next()),
                Formula::Difference(..) => next() - next(),
                Formula::PerSeat(_) => ratio(next(), agreed.seats()),
                Formula::Contract(fact) => agreed.value(*fact, as_of, started),
            };
            write(at, value);
        }
    }
}

/// Some accounts with the rows that they have in the columns.
struct Chunk<'a> {
    accounts: std::ops::Range<usize>,
    /// One a date.
    parts: Vec<Part<'a>>,
}

struct Part<'a> {
    /// Those that are still to come.
    accounts: &'a [u32],
    row: usize,
    columns: Vec<&'a mut [f64]>,
}

/// Gives each chunk of accounts its own part of every column, date by date.
fn split<'a>(columns: &'a mut [Vec<f64>], rows: &'a [(Date, Vec<u32>)], n_accounts: usize) -> Vec<Chunk<'a>> {
    let starts = (0..n_accounts).step_by(CHUNK);
    let mut chunks: Vec<Chunk<'a>> = starts
        .map(|start| Chunk { accounts: start..(start + CHUNK).min(n_accounts), parts: Vec::new() })
        .collect();
    let mut rest: Vec<&'a mut [f64]> = columns.iter_mut().map(Vec::as_mut_slice).collect();
    for (_, accounts) in rows {
        let mut accounts = accounts.as_slice();
        for chunk in &mut chunks {
            let n = accounts.partition_point(|account| (*account as usize) < chunk.accounts.end);
            let (own, later) = accounts.split_at(n);
            accounts = later;
            let take = |column: &mut &'a mut [f64]| {
                let (own, later) = std::mem::take(column).split_at_mut(n);
                *column = later;
                own
            };
            let columns = rest.iter_mut().map(take).collect();
            chunk.parts.push(Part { accounts: own, row: 0, columns });
        }
    }
    chunks
}

/// What was agreed with an account, as known at a date.
#[derive(Default)]
struct Agreed<'a> {
    latest: Option<&'a Contract>,
    /// Those that hold, where there are products.
    held: Vec<&'a Contract>,
}

impl<'a> Agreed<'a> {
    fn new(records: &'a Records, account: usize, as_of: Date) -> Self {
        let held = if records.has_products() { records.contracts_at(account, as_of) } else { Vec::new() };
        Agreed { latest: records.contract_at(account, as_of), held }
    }

    /// Of all products that hold, or of the contract that held last.
    fn sum(&self, of: impl Fn(&Contract) -> Option<f64>) -> f64 {
        let latest = self.latest.into_iter().filter(|_| self.held.is_empty());
        let known = self.held.iter().copied().chain(latest).filter_map(of);
        known.reduce(|sum, value| sum + value).unwrap_or(f64::NAN)
    }

    fn seats(&self) -> f64 {
        self.sum(|contract| contract.seats.map(f64::from))
    }

    fn value(&self, fact: ContractFact, as_of: AsOf, started: i32) -> f64 {
        let Some(contract) = self.latest else { return f64::NAN };
        let number = |value: Option<u32>| value.map_or(f64::NAN, f64::from);
        let days_to = |day: Option<Date>| day.map_or(f64::NAN, |day| f64::from(number_of(day) - as_of.day));
        match fact {
            ContractFact::TenureMonths => f64::from(as_of.day - started) / 30.4375,
            ContractFact::DaysToRenewal => days_to(contract.renewal(as_of.date)),
            ContractFact::DaysToNotice => {
                days_to(contract.renewal(as_of.date)) - number(contract.notice_days)
            }
            ContractFact::TermMonths => number(contract.term_months),
            ContractFact::AutoRenew => number(contract.auto_renew.map(u32::from)),
            ContractFact::NoticeDays => number(contract.notice_days),
            ContractFact::NoticeGiven => f64::from(u8::from(contract.status == ContractStatus::Cancelled)),
            ContractFact::Seats => self.seats(),
            ContractFact::Mrr => self.sum(|contract| contract.mrr_cents.map(|cents| cents as f64)) / 100.0,
            ContractFact::DiscountShare => contract.discount_share.unwrap_or(f64::NAN),
            ContractFact::Products => match self.held.len() {
                0 => f64::from(u8::from(contract.holds(as_of.date))),
                n => n as f64,
            },
        }
    }
}
