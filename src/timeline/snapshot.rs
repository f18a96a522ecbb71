//! Accounts as they were known at a date: one pass over each account's events, in order.

use std::collections::{HashMap, HashSet};

use jiff::ToSpan;
use jiff::civil::Date;
use rayon::prelude::*;

use super::contract::Contract;
use super::label::{Labelling, Reader};
use super::measure::{Absent, Aggregate, ContractFact, Formula, How, Measure};
use super::record::{Event, Records};
use crate::error::{ErrorKind, Result};
use crate::frame::{Categories, Column, Table};

/// Every account that was a customer at `as_of`, with the measures as known then and what came of it.
///
/// The columns: `account_id`, `as_of`, the accounts' texts and numbers, `plan` of the contract where there are any,
/// the measures, the labels ([`Labelling::label_columns`]: `churned` and `expanded` unless it names them otherwise; 1,
/// 0, or missing where the horizon has not passed). Rows are in the order of the records' accounts, so that two snapshots can be
/// laid side by side.
///
/// # Errors
/// As [`snapshots`].
pub fn snapshot(
    records: &Records,
    measures: &[Measure],
    labelling: &Labelling,
    as_of: Date,
) -> Result<Table> {
    snapshots(records, measures, labelling, &[as_of])
}

/// [`snapshot`] at several dates in one pass over the accounts: one table, by date and then by account.
///
/// # Errors
/// A horizon or gap outside its range, a measure that cannot be reckoned ([`Measure::check`]), two columns of one
/// name, no date, a date at which no account was a customer.
pub fn snapshots(
    records: &Records,
    measures: &[Measure],
    labelling: &Labelling,
    dates: &[Date],
) -> Result<Table> {
    labelling.check()?;
    measures.iter().try_for_each(Measure::check)?;
    let reader = Reader::new(records, labelling);
    let rows = rows(records, &reader, dates)?;
    let mut table = accounts_table(records, &rows)?;
    let values = measured(records, measures, dates, &rows);
    for (at, measure) in measures.iter().enumerate() {
        let column = values.iter().map(|row| row[at]).collect();
        table.push(measure.signal.to_string(), Column::Number(column))?;
    }
    add_labels(&mut table, labelling, &reader, &rows)?;
    Ok(table)
}

/// An account at a date.
#[derive(Clone, Copy)]
struct Row {
    account: usize,
    as_of: Date,
}

fn rows(records: &Records, reader: &Reader<'_>, dates: &[Date]) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for &as_of in dates {
        let is_customer = |account: &usize| reader.is_customer(*account, as_of);
        let accounts: Vec<usize> =
            (0..records.accounts().len()).into_par_iter().filter(is_customer).collect();
        if accounts.is_empty() {
            let what = format!("the snapshot at {as_of}");
            let hint = "no account had started and not left by then; choose another date";
            return Err(ErrorKind::NoRows { what, hint }.into());
        }
        rows.extend(accounts.into_iter().map(|account| Row { account, as_of }));
    }
    if rows.is_empty() {
        let what = "the list of dates".to_owned();
        return Err(ErrorKind::NoRows { what, hint: "give it one date at least" }.into());
    }
    Ok(rows)
}

/// The measures of each row; all dates of an account are reckoned together, while its events are at hand.
fn measured(records: &Records, measures: &[Measure], dates: &[Date], rows: &[Row]) -> Vec<Vec<f64>> {
    let engines: HashMap<Date, Engine<'_>> =
        dates.iter().map(|&as_of| (as_of, Engine::new(records, measures, as_of))).collect();
    let mut by_account: Vec<usize> = (0..rows.len()).collect();
    by_account.sort_by_key(|at| rows[*at].account);
    let reckoned: Vec<(usize, Vec<f64>)> = by_account
        .into_par_iter()
        .filter_map(|at| Some((at, engines.get(&rows[at].as_of)?.measure(rows[at].account))))
        .collect();
    let mut values = vec![Vec::new(); rows.len()];
    reckoned.into_iter().for_each(|(at, row)| values[at] = row);
    values
}

fn accounts_table(records: &Records, rows: &[Row]) -> Result<Table> {
    let account = |row: &Row| &records.accounts()[row.account];
    let mut table = Table::new(rows.len(), [])?;
    let ids = Categories::from_texts(rows.iter().map(|row| Some(account(row).id.as_str())));
    table.push("account_id".into(), Column::Category(ids))?;
    let dates: HashMap<Date, String> = rows.iter().map(|row| (row.as_of, row.as_of.to_string())).collect();
    let dates = rows.iter().map(|row| dates.get(&row.as_of).map(String::as_str));
    table.push("as_of".into(), Column::Category(Categories::from_texts(dates)))?;
    if !records.contracts().is_empty() {
        let plan = |row: &Row| {
            let plan = records.contract_at(row.account, row.as_of)?.plan.as_str();
            (!plan.is_empty()).then_some(plan)
        };
        table.push("plan".into(), Column::Category(Categories::from_texts(rows.iter().map(plan))))?;
    }
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

fn add_labels(table: &mut Table, labelling: &Labelling, reader: &Reader<'_>, rows: &[Row]) -> Result<()> {
    let labels: Vec<Vec<f64>> = rows.par_iter().map(|row| reader.labels(row.account, row.as_of)).collect();
    for (at, name) in labelling.label_columns().into_iter().enumerate() {
        table.push(name, Column::Number(labels.iter().map(|label| label[at]).collect()))?;
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
    days: Option<u32>,
    since: Option<Date>,
    absent: Absent,
}

impl<'a> Engine<'a> {
    fn new(records: &'a Records, measures: &'a [Measure], as_of: Date) -> Self {
        let readers = vec![Vec::new(); records.names().names().len()];
        let mut engine = Engine { records, measures, as_of, windows: Vec::new(), readers };
        for aggregate in measures.iter().flat_map(|measure| measure.formula.aggregates()) {
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
        let Aggregate { how, window_days: days, since, .. } = *aggregate;
        let absent = aggregate.absent.unwrap_or_else(|| how.absent());
        self.windows.push(Window { how, from, to, days, since, absent });
    }

    /// The values of an account, one a measure.
    fn measure(&self, account: usize) -> Vec<f64> {
        let mut found = vec![Found::default(); self.windows.len()];
        let from = self.windows.iter().map(|window| window.from).min().unwrap_or(self.as_of);
        let seen = |event: &&Event| event.known_at < self.as_of;
        for event in self.records.events_within(account, from..self.as_of).iter().filter(seen) {
            for at in &self.readers[event.name as usize] {
                if event.occurred_at >= self.windows[*at].from && event.occurred_at < self.windows[*at].to {
                    found[*at].add(event, &self.windows[*at]);
                }
            }
        }
        let started = self.records.started_as_of(account, self.as_of).unwrap_or(self.as_of);
        let mut values =
            self.windows.iter().zip(&mut found).map(|(w, found)| found.value(w, self.as_of, started));
        let contract = self.records.contract_at(account, self.as_of);
        let value = |measure: &Measure| match &measure.formula {
            Formula::Of(_) => next(&mut values),
            Formula::Ratio(..) => ratio(next(&mut values), next(&mut values)),
            Formula::Difference(..) => next(&mut values) - next(&mut values),
            Formula::PerSeat(_) => {
                ratio(next(&mut values), contract.and_then(|c| c.seats).map_or(f64::NAN, f64::from))
            }
            Formula::Contract(fact) => {
                contract.map_or(f64::NAN, |c| of_contract(c, *fact, self.as_of, started))
            }
        };
        self.measures.iter().map(value).collect()
    }
}

fn next(values: &mut impl Iterator<Item = f64>) -> f64 {
    values.next().unwrap_or(f64::NAN)
}

fn ratio(part: f64, whole: f64) -> f64 {
    if whole == 0.0 { f64::NAN } else { part / whole }
}

fn of_contract(contract: &Contract, fact: ContractFact, as_of: Date, started: Date) -> f64 {
    let number = |value: Option<u32>| value.map_or(f64::NAN, f64::from);
    match fact {
        ContractFact::TenureMonths => days(started, as_of) / 30.4375,
        ContractFact::DaysToRenewal => contract.renewal(as_of).map_or(f64::NAN, |day| days(as_of, day)),
        ContractFact::TermMonths => number(contract.term_months),
        ContractFact::AutoRenew => number(contract.auto_renew.map(u32::from)),
        ContractFact::Seats => number(contract.seats),
        ContractFact::Mrr => contract.mrr_cents.map_or(f64::NAN, |cents| cents as f64 / 100.0),
        ContractFact::DiscountShare => contract.discount_share.unwrap_or(f64::NAN),
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
    least: f64,
    greatest: f64,
    first: Option<Date>,
    last: Option<(Date, f64)>,
    /// Users or names, where different ones are counted.
    codes: Vec<u32>,
    n_days: f64,
    /// Days in a row up to the last.
    run: f64,
    slope: f64,
}

impl Found {
    /// Adds an event; they come by day.
    fn add(&mut self, event: &Event, window: &Window) {
        match window.how {
            How::Sum | How::Mean => self.sum += event.value,
            How::Min if self.first.is_some() => self.least = self.least.min(event.value),
            How::Max if self.first.is_some() => self.greatest = self.greatest.max(event.value),
            How::Min => self.least = event.value,
            How::Max => self.greatest = event.value,
            How::DistinctUsers => self.codes.extend(event.user),
            How::DistinctNames if !self.codes.contains(&event.name) => self.codes.push(event.name),
            How::DistinctDays | How::MeanGapDays | How::StreakDays => self.add_day(event),
            How::WeeklySlope => self.slope += window.slope_of(event.occurred_at),
            _ => (),
        }
        self.count += 1.0;
        self.first.get_or_insert(event.occurred_at);
        self.last = Some((event.occurred_at, event.value));
    }

    /// Notes the day of an event, before it becomes the last.
    fn add_day(&mut self, event: &Event) {
        let last = self.last.map(|(day, _)| day);
        if last != Some(event.occurred_at) {
            self.n_days += 1.0;
            let is_next = last.is_some_and(|day| day.tomorrow().is_ok_and(|next| next == event.occurred_at));
            self.run = if is_next { self.run + 1.0 } else { 1.0 };
        }
    }

    fn value(&mut self, window: &Window, as_of: Date, started: Date) -> f64 {
        let Some((first, (latest, value))) = self.first.zip(self.last) else {
            return if window.absent == Absent::Zero { 0.0 } else { f64::NAN };
        };
        match window.how {
            How::Count => self.count,
            How::CountPerWeek => {
                ratio(self.count, window.weeks().unwrap_or_else(|| days(started, as_of) / 7.0))
            }
            How::Any => 1.0,
            How::Sum => self.sum,
            How::Mean => self.sum / self.count,
            How::Min => self.least,
            How::Max => self.greatest,
            How::Last => value,
            How::DistinctUsers | How::DistinctNames => self.n_codes(),
            How::DistinctDays => self.n_days,
            How::DaysSinceLast => days(latest, as_of),
            How::DaysSinceFirst => days(first, as_of),
            How::DaysToFirst => days(window.since.unwrap_or(started), first),
            How::MeanGapDays => ratio(days(first, latest), self.n_days - 1.0),
            How::StreakDays if days(latest, window.to) == 1.0 => self.run,
            How::StreakDays => 0.0,
            How::WeeklySlope => self.slope,
        }
    }

    fn n_codes(&mut self) -> f64 {
        self.codes.sort_unstable();
        self.codes.dedup();
        self.codes.len() as f64
    }
}

impl Window {
    fn weeks(&self) -> Option<f64> {
        self.days.map(|days| f64::from(days) / 7.0)
    }

    /// What one event of a day adds to the least-squares slope Σ (t − t̄) cₜ / Σ (t − t̄)² over the counts cₜ of the
    /// window's n whole weeks t; the sum below the line is n (n² − 1) / 12.
    fn slope_of(&self, day: Date) -> f64 {
        let n = self.weeks().unwrap_or_default().floor();
        let weeks_ago = (days(day, self.to) - 1.0).div_euclid(7.0);
        match weeks_ago < n {
            true => 12.0 * ((n - 1.0) / 2.0 - weeks_ago) / (n * (n * n - 1.0)),
            false => 0.0,
        }
    }
}
