//! Accounts as they were known at a date: one pass over each account's events, in order.

use std::collections::HashSet;

use jiff::civil::Date;
use rayon::prelude::*;

use super::label::{Labelling, Reader};
use super::measure::Measure;
use super::record::Records;
use super::signals::Signals;
use crate::error::{ErrorKind, Result};
use crate::frame::{Categories, Column, MISSING_CODE, Table};

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
    let signals = Signals::new(records.names(), measures)?;
    let reader = Reader::new(records, labelling);
    let rows = Rows::new(records, &reader, dates)?;
    let (table, columns) =
        rayon::join(|| accounts_table(records, &rows), || signals.columns(records, &rows.by_date));
    let mut table = table?;
    for (measure, column) in measures.iter().zip(columns) {
        table.push(measure.signal.to_string(), Column::Number(column))?;
    }
    add_labels(&mut table, labelling, &reader, &rows)?;
    Ok(table)
}

/// The accounts at each date, ascending.
struct Rows {
    by_date: Vec<(Date, Vec<u32>)>,
}

/// An account at a date.
#[derive(Clone, Copy)]
struct Row {
    account: usize,
    as_of: Date,
}

impl Rows {
    fn new(records: &Records, reader: &Reader<'_>, dates: &[Date]) -> Result<Self> {
        let mut by_date = Vec::new();
        for &as_of in dates {
            let is_customer = |account: &u32| reader.is_customer(*account as usize, as_of);
            let accounts: Vec<u32> =
                (0..records.accounts().len() as u32).into_par_iter().filter(is_customer).collect();
            if accounts.is_empty() {
                let what = format!("the snapshot at {as_of}");
                let hint = "no account had started and not left by then; choose another date";
                return Err(ErrorKind::NoRows { what, hint }.into());
            }
            by_date.push((as_of, accounts));
        }
        if by_date.is_empty() {
            let what = "the list of dates".to_owned();
            return Err(ErrorKind::NoRows { what, hint: "give it one date at least" }.into());
        }
        Ok(Rows { by_date })
    }

    fn len(&self) -> usize {
        self.by_date.iter().map(|(_, accounts)| accounts.len()).sum()
    }

    fn iter(&self) -> impl Iterator<Item = Row> {
        self.by_date.iter().flat_map(|(as_of, accounts)| {
            accounts.iter().map(|account| Row { account: *account as usize, as_of: *as_of })
        })
    }

    /// The ids: a dictionary of the accounts that are there, in the order in which they are first met.
    fn ids(&self, records: &Records) -> Categories {
        let mut code_of = vec![MISSING_CODE; records.accounts().len()];
        let mut levels = Vec::new();
        let code = |row: Row| {
            let code = &mut code_of[row.account];
            if *code == MISSING_CODE {
                *code = levels.len() as u32;
                levels.push(records.accounts()[row.account].id.clone());
            }
            *code
        };
        let codes = self.iter().map(code).collect();
        Categories { codes, levels: levels.into() }
    }

    fn dates(&self) -> Categories {
        let of_date = |(at, (_, accounts)): (usize, &(Date, Vec<u32>))| vec![at as u32; accounts.len()];
        let codes = self.by_date.iter().enumerate().flat_map(of_date).collect();
        Categories { codes, levels: self.by_date.iter().map(|(date, _)| date.to_string()).collect() }
    }
}

fn accounts_table(records: &Records, rows: &Rows) -> Result<Table> {
    let account = |row: &Row| &records.accounts()[row.account];
    let mut table = Table::new(rows.len(), [])?;
    table.push("account_id".into(), Column::Category(rows.ids(records)))?;
    table.push("as_of".into(), Column::Category(rows.dates()))?;
    let rows: Vec<Row> = rows.iter().collect();
    if !records.contracts().is_empty() {
        let has_plans = records.contracts().iter().any(|contract| !contract.plan.is_empty());
        let plan = |row: &Row| {
            let contract = records.contract_at(row.account, row.as_of)?;
            (!contract.plan.is_empty()).then_some(contract.plan.as_str())
        };
        let plans: Vec<Option<&str>> = match has_plans {
            true => rows.par_iter().map(plan).collect(),
            false => vec![None; rows.len()],
        };
        table.push("plan".into(), Column::Category(Categories::from_texts(plans)))?;
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

fn add_labels(table: &mut Table, labelling: &Labelling, reader: &Reader<'_>, rows: &Rows) -> Result<()> {
    let names = labelling.label_columns();
    let mut labels = vec![0.0; rows.len() * names.len()];
    let mut rest = labels.as_mut_slice();
    for (as_of, accounts) in &rows.by_date {
        let at = reader.at(*as_of);
        let (own, later) = std::mem::take(&mut rest).split_at_mut(accounts.len() * names.len());
        let of_rows = own.par_chunks_mut(names.len()).zip(accounts);
        of_rows.for_each(|(labels, account)| reader.labels(*account as usize, &at, labels));
        rest = later;
    }
    for (at, name) in names.iter().enumerate() {
        let column = labels.iter().skip(at).step_by(names.len()).copied().collect();
        table.push(name.clone(), Column::Number(column))?;
    }
    Ok(())
}
