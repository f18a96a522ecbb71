//! Accounts as they were known at a date: one pass over each account's events, in order.

use std::collections::HashSet;

use jiff::ToSpan;
use jiff::civil::Date;
use rayon::prelude::*;

use super::label::Labelling;
use super::measure::{Aggregate, ContractFact, Formula, How, Measure};
use super::record::{Contract, Event, Records};
use crate::error::{ErrorKind, Result};
use crate::frame::{Categories, Column, Table};

/// Every account that was a customer at `as_of`, with the measures as known then and what came of it.
///
/// The columns: `account_id`, `as_of`, the accounts' texts and numbers, `plan` of the contract, the measures,
/// `churned` and `expanded` (1, 0, or missing where the horizon has not passed). Rows are in the order of the
/// records' accounts, so that two snapshots can be laid side by side.
///
/// # Errors
/// A horizon or gap outside its range, two measures of one name, no account that was a customer at `as_of`.
pub fn snapshot(
    records: &Records,
    measures: &[Measure],
    labelling: &Labelling,
    as_of: Date,
) -> Result<Table> {
    labelling.check()?;
    let is_customer = |account: &usize| labelling.is_customer(records, *account, as_of);
    let rows: Vec<usize> = (0..records.accounts().len()).filter(is_customer).collect();
    if rows.is_empty() {
        let what = format!("the snapshot at {as_of}");
        let hint = "no account had started and not left by then; choose another date";
        return Err(ErrorKind::NoRows { what, hint }.into());
    }
    let mut table = accounts_table(records, &rows, as_of)?;
    let engine = Engine::new(records, measures, as_of);
    let values: Vec<Vec<f64>> = rows.par_iter().map(|account| engine.measure(*account)).collect();
    for (at, measure) in measures.iter().enumerate() {
        let column = values.iter().map(|row| row[at]).collect();
        table.push(measure.signal.to_string(), Column::Number(column))?;
    }
    add_labels(&mut table, records, labelling, &rows, as_of)?;
    Ok(table)
}

fn accounts_table(records: &Records, rows: &[usize], as_of: Date) -> Result<Table> {
    let account = |row: &usize| &records.accounts()[*row];
    let mut table = Table::new(rows.len(), [])?;
    let ids = Categories::from_texts(rows.iter().map(|row| Some(account(row).id.as_str())));
    table.push("account_id".into(), Column::Category(ids))?;
    let date = as_of.to_string();
    let dates = Categories::from_texts(rows.iter().map(|_| Some(date.as_str())));
    table.push("as_of".into(), Column::Category(dates))?;
    let plan = |row: &usize| records.contract_at(*row, as_of).map(|contract| contract.plan.as_str());
    table.push("plan".into(), Column::Category(Categories::from_texts(rows.iter().map(plan))))?;
    for name in distinct(records.accounts().iter().flat_map(|account| &account.texts)) {
        let text = |row| find(&account(row).texts, name).map(String::as_str);
        table.push(name.to_owned(), Column::Category(Categories::from_texts(rows.iter().map(text))))?;
    }
    for name in distinct(records.accounts().iter().flat_map(|account| &account.numbers)) {
        let number = |row| find(&account(row).numbers, name).copied().unwrap_or(f64::NAN);
        table.push(name.to_owned(), Column::Number(rows.iter().map(number).collect()))?;
    }
    Ok(table)
}

/// The names in the order in which they are first met.
fn distinct<'a, T: 'a>(named: impl Iterator<Item = &'a (String, T)>) -> Vec<&'a str> {
    let mut seen = HashSet::new();
    named.map(|(name, _)| name.as_str()).filter(|name| seen.insert(*name)).collect()
}

fn find<'a, T>(named: &'a [(String, T)], wanted: &str) -> Option<&'a T> {
    named.iter().find(|(name, _)| name == wanted).map(|(_, value)| value)
}

fn add_labels(
    table: &mut Table,
    records: &Records,
    labelling: &Labelling,
    rows: &[usize],
    as_of: Date,
) -> Result<()> {
    let labels: Vec<[f64; 2]> =
        rows.par_iter().map(|account| labelling.labels(records, *account, as_of)).collect();
    for (at, name) in ["churned", "expanded"].into_iter().enumerate() {
        table.push(name.into(), Column::Number(labels.iter().map(|label| label[at]).collect()))?;
    }
    Ok(())
}

/// The aggregates of all measures, found by the events they read.
struct Engine<'a> {
    records: &'a Records,
    measures: &'a [Measure],
    as_of: Date,
    windows: Vec<Window>,
    /// Positions in `windows` that read each event name.
    readers: Vec<Vec<usize>>,
}

/// An aggregate with the days it reads, `[from, to)`.
struct Window {
    how: How,
    from: Date,
    to: Date,
    weeks: Option<f64>,
}

impl<'a> Engine<'a> {
    fn new(records: &'a Records, measures: &'a [Measure], as_of: Date) -> Self {
        let readers = vec![Vec::new(); records.names().names().len()];
        let mut engine = Engine { records, measures, as_of, windows: Vec::new(), readers };
        for aggregate in measures.iter().flat_map(|measure| aggregates(&measure.formula)) {
            engine.add(aggregate);
        }
        engine
    }

    fn add(&mut self, aggregate: &Aggregate) {
        let to = self.as_of.saturating_sub(i64::from(aggregate.ended_days).days());
        let from = aggregate.window_days.map_or(Date::MIN, |days| to.saturating_sub(i64::from(days).days()));
        for code in aggregate.events.iter().filter_map(|name| self.records.names().find(name)) {
            self.readers[code as usize].push(self.windows.len());
        }
        let weeks = aggregate.window_days.map(|days| f64::from(days) / 7.0);
        self.windows.push(Window { how: aggregate.how, from, to, weeks });
    }

    /// The values of an account, one a measure.
    fn measure(&self, account: usize) -> Vec<f64> {
        let mut found = vec![Found::default(); self.windows.len()];
        let before = |event: &&Event| event.occurred_at < self.as_of;
        let seen = |event: &&Event| event.known_at < self.as_of;
        for event in self.records.events_of(account).iter().take_while(before).filter(seen) {
            for at in &self.readers[event.name as usize] {
                if event.occurred_at >= self.windows[*at].from && event.occurred_at < self.windows[*at].to {
                    found[*at].add(event, self.windows[*at].how);
                }
            }
        }
        let started = self.records.accounts()[account].started;
        let mut values =
            self.windows.iter().zip(&mut found).map(|(w, found)| found.value(w, self.as_of, started));
        let contract = self.records.contract_at(account, self.as_of);
        let value = |measure: &Measure| match &measure.formula {
            Formula::Of(_) => next(&mut values),
            Formula::Ratio(..) => ratio(next(&mut values), next(&mut values)),
            Formula::Difference(..) => next(&mut values) - next(&mut values),
            Formula::PerSeat(_) => {
                ratio(next(&mut values), contract.map_or(f64::NAN, |c| f64::from(c.seats)))
            }
            Formula::Contract(fact) => {
                contract.map_or(f64::NAN, |c| of_contract(c, *fact, self.as_of, started))
            }
        };
        self.measures.iter().map(value).collect()
    }
}

/// The aggregates of a formula, in the order in which they are reckoned.
fn aggregates(formula: &Formula) -> Vec<&Aggregate> {
    match formula {
        Formula::Of(one) | Formula::PerSeat(one) => vec![one],
        Formula::Ratio(first, second) | Formula::Difference(first, second) => vec![first, second],
        Formula::Contract(_) => Vec::new(),
    }
}

fn next(values: &mut impl Iterator<Item = f64>) -> f64 {
    values.next().unwrap_or(f64::NAN)
}

fn ratio(part: f64, whole: f64) -> f64 {
    if whole == 0.0 { f64::NAN } else { part / whole }
}

fn of_contract(contract: &Contract, fact: ContractFact, as_of: Date, started: Date) -> f64 {
    match fact {
        ContractFact::TenureMonths => days(started, as_of) / 30.4375,
        ContractFact::DaysToRenewal => days(as_of, contract.ends),
        ContractFact::TermMonths => f64::from(contract.term_months),
        ContractFact::AutoRenew => f64::from(u8::from(contract.auto_renew)),
        ContractFact::Seats => f64::from(contract.seats),
        ContractFact::Mrr => contract.mrr_cents as f64 / 100.0,
        ContractFact::DiscountShare => contract.discount_share,
    }
}

fn days(from: Date, to: Date) -> f64 {
    (to.duration_since(from).as_hours() / 24) as f64
}

/// What was found of one aggregate so far.
#[derive(Clone, Default)]
struct Found {
    count: f64,
    sum: f64,
    first: Option<Date>,
    last: Option<(Date, f64)>,
    users: Vec<u32>,
    n_days: f64,
}

impl Found {
    /// Adds an event; they come by day.
    fn add(&mut self, event: &Event, how: How) {
        let is_new_day = self.last.is_none_or(|(day, _)| day < event.occurred_at);
        self.n_days += f64::from(u8::from(is_new_day));
        self.count += 1.0;
        self.sum += event.value;
        self.first.get_or_insert(event.occurred_at);
        self.last = Some((event.occurred_at, event.value));
        if how == How::DistinctUsers {
            self.users.extend(event.user);
        }
    }

    fn value(&mut self, window: &Window, as_of: Date, started: Date) -> f64 {
        let latest = self.last;
        match window.how {
            How::Count => self.count,
            How::CountPerWeek => {
                ratio(self.count, window.weeks.unwrap_or_else(|| days(started, as_of) / 7.0))
            }
            How::Any => f64::from(u8::from(self.count > 0.0)),
            How::Sum => self.sum,
            How::Mean => ratio(self.sum, self.count),
            How::Last => latest.map_or(f64::NAN, |(_, value)| value),
            How::DistinctUsers => self.n_users(),
            How::DistinctDays => self.n_days,
            How::DaysSinceLast => latest.map_or(f64::NAN, |(day, _)| days(day, as_of)),
            How::DaysToFirst => self.first.map_or(f64::NAN, |day| days(started, day)),
        }
    }

    fn n_users(&mut self) -> f64 {
        self.users.sort_unstable();
        self.users.dedup();
        self.users.len() as f64
    }
}
