//! Labels without signals, and when accounts left: as tables.

use jiff::civil::Date;
use rayon::prelude::*;

use super::away::{self, Away};
use super::known::Known;
use super::reader::{Reader, patience};
use super::{Churn, Labelling, after};
use crate::error::{ErrorKind, Result};
use crate::frame::{Categories, Column, Table};
use crate::timeline::{Records, snapshots};

/// The labels of every account that was a customer at each date, without any signals: for those who have their own.
///
/// The columns: `account_id`, `as_of` and [`Labelling::label_columns`]; rows as in [`snapshots`].
///
/// # Errors
/// As [`snapshots`].
pub fn labels(records: &Records, labelling: &Labelling, dates: &[Date]) -> Result<Table> {
    let table = snapshots(records, &[], labelling, dates)?;
    let kept = [vec!["account_id".to_owned(), "as_of".to_owned()], labelling.label_columns()].concat();
    let column = |name: String| table.column(&name).cloned().map(|column| (name, column));
    Table::new(table.n_rows(), kept.into_iter().filter_map(column))
}

/// Every time that an account left, by account and day, as far as it is known by now: what the lead time of a back-test
/// is reckoned from.
///
/// The columns: `account_id`; `left_on`; `returned_on`, missing where it has not come back; `is_involuntary` where
/// [`Labelling::involuntary`] tells. An account that left fewer than the grace days ago may still come back and is not
/// told of.
///
/// ```
/// use jiff::civil::date;
/// use keepwell::frame::Column;
/// use keepwell::timeline::{Account, Event, EventNames, Labelling, Records, exits};
///
/// let mut names = EventNames::default();
/// let (name, day) = (names.code("cancelled"), date(2026, 3, 1));
/// let gone = Event { account: 0, name, user: None, value: 1.0, occurred_at: day, known_at: day };
/// let accounts = vec![Account::new("A", date(2025, 1, 1)), Account::new("B", date(2025, 1, 1))];
/// let records = Records::new(accounts, vec![], names, vec![gone], date(2026, 7, 1))?;
/// let table = exits(&records, &Labelling::default())?;
/// assert_eq!(table.n_rows(), 1);
/// let Some(Column::Category(left_on)) = table.column("left_on") else { panic!() };
/// assert_eq!(left_on.text(0), Some("2026-03-01"));
/// # Ok::<(), keepwell::Error>(())
/// ```
///
/// # Errors
/// A setting outside its range; [`Churn::Silence`] without `days`, by which nobody ever leaves.
pub fn exits(records: &Records, labelling: &Labelling) -> Result<Table> {
    labelling.check()?;
    if labelling.churn_rules.iter().any(|rule| matches!(rule, Churn::Silence { days: None, .. })) {
        let (name, value) = ("silence_days", "none".to_owned());
        let expected = "the days of silence after which an account has left";
        return Err(ErrorKind::Parameter { name, value, expected }.into());
    }
    let reader = Reader::new(records, labelling);
    let exits: Vec<Exit> = (0..records.accounts().len())
        .into_par_iter()
        .flat_map_iter(|account| reader.exits(account))
        .collect();
    table(records, labelling, &exits)
}

struct Exit {
    account: usize,
    away: Away,
    is_involuntary: bool,
}

impl Reader<'_> {
    fn exits(&self, account: usize) -> Vec<Exit> {
        let (records, labelling) = (self.records, self.labelling);
        let known = self.known(account, records.known_until());
        let pauses = self.pauses(&known);
        let away = self.all_away(account, &known, &pauses);
        let grace_days = labelling.grace_days;
        let merged = self.merged(&known);
        let is_exit = |away: &Away| {
            let is_known = after(away.from, grace_days) < known.until;
            let was_there = merged.is_none_or(|day| away.from < day) && away.from > Date::MIN;
            away.is_for_good(grace_days) && is_known && was_there
        };
        let exit = |away: Away| {
            let is_involuntary = self.is_involuntary(&known, away.from);
            Exit { account, away, is_involuntary }
        };
        away.into_iter().filter(is_exit).map(exit).collect()
    }

    /// The stretches of days without the account by any rule that it was judged by when they began: a contract that came
    /// later neither unsays a silence before it nor makes an absence of the days before it.
    fn all_away(&self, account: usize, known: &Known<'_>, pauses: &[std::ops::Range<Date>]) -> Vec<Away> {
        let by_contract = match self.labelling.churn_rules.iter().any(Churn::is_by_contract) {
            true => away::by_contracts(known, &self.labelling.churn_rules, pauses),
            false => Vec::new(),
        };
        let by_contract = by_contract.into_iter().filter(|away| self.judged(account, away.from).by_contract);
        let silent = self.exits_by_silence(account, known, pauses).into_iter();
        let silent = silent.filter(|away| self.judged(account, away.from).by_silence);
        away::joined(away::joined(self.by_events(known), by_contract.collect()), silent.collect())
    }

    fn exits_by_silence(
        &self,
        account: usize,
        known: &Known<'_>,
        pauses: &[std::ops::Range<Date>],
    ) -> Vec<Away> {
        match self.silence() {
            Some(Churn::Silence { days, .. }) => {
                let seen = self.seen(account, Date::MIN..known.until, known.until);
                away::by_silence(&seen, days.unwrap_or(u32::MAX), pauses)
            }
            Some(Churn::Rhythm { times, at_least_days, .. }) => {
                self.exits_by_rhythm(account, *times, *at_least_days, pauses)
            }
            _ => Vec::new(),
        }
    }

    /// With the rhythm as it was on each day with an event.
    fn exits_by_rhythm(
        &self,
        account: usize,
        times: f64,
        at_least_days: u32,
        pauses: &[std::ops::Range<Date>],
    ) -> Vec<Away> {
        let records = self.records;
        let seen = self.seen(account, Date::MIN..records.known_until(), records.known_until());
        let mut first = 0;
        let mut found = Vec::new();
        for (at, &last) in seen.iter().enumerate() {
            while after(seen[first], super::reader::RHYTHM_DAYS) <= last {
                first += 1;
            }
            let most_days = patience(&seen[first..=at], times, at_least_days, pauses);
            let days: Vec<Date> = [Some(last), seen.get(at + 1).copied()].into_iter().flatten().collect();
            found.extend(away::by_silence(&days, most_days, pauses).into_iter().filter(|away| {
                // Only the silence after this very day.
                away.from > last && seen.get(at + 1).is_none_or(|next| away.from < *next)
            }));
        }
        found
    }
}

fn table(records: &Records, labelling: &Labelling, exits: &[Exit]) -> Result<Table> {
    let texts = |texts: Vec<Option<String>>| {
        Column::Category(Categories::from_texts(texts.iter().map(Option::as_deref)))
    };
    let id = |exit: &Exit| Some(records.accounts()[exit.account].id.clone());
    let left_on = |exit: &Exit| Some(exit.away.from.to_string());
    let returned_on = |exit: &Exit| exit.away.to.map(|day| day.to_string());
    let mut table = Table::new(exits.len(), [])?;
    table.push("account_id".into(), texts(exits.iter().map(id).collect()))?;
    table.push("left_on".into(), texts(exits.iter().map(left_on).collect()))?;
    table.push("returned_on".into(), texts(exits.iter().map(returned_on).collect()))?;
    if labelling.involuntary.is_some() {
        let flags = exits.iter().map(|exit| f64::from(u8::from(exit.is_involuntary))).collect();
        table.push("is_involuntary".into(), Column::Number(flags))?;
    }
    Ok(table)
}
