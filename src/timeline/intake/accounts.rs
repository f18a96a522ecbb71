//! Rows that tell of accounts.

use super::super::record::Account;
use super::super::table_from::TableFrom;
use super::cells::{Header, Row};
use super::{Cause, Reading};
use crate::error::Result;

pub(super) struct Accounts {
    pub header: Header,
    account: usize,
    started: usize,
    known_at: Option<usize>,
    texts: Vec<usize>,
    numbers: Vec<usize>,
}

impl Accounts {
    pub fn new(reading: &Reading<'_>, table: &TableFrom, header: Header) -> Result<Self> {
        let account = table.column("account").unwrap_or(&reading.timeline.account);
        let all = |columns: &[String], role| {
            columns.iter().map(|name| header.find(name, role)).collect::<Result<Vec<usize>>>()
        };
        Ok(Accounts {
            account: header.find(account, "account id")?,
            started: header.find(table.column("started").unwrap_or_default(), "first day of an account")?,
            known_at: header.maybe(table.column("known_at"), "day on which a row was known")?,
            texts: all(&table.texts, "text of an account")?,
            numbers: all(&table.numbers, "number of an account")?,
            header,
        })
    }

    pub fn row(&mut self, reading: &mut Reading<'_>, row: &impl Row) -> std::result::Result<(), Cause> {
        let id = self.header.needed_text(row, self.account)?;
        let started = self.header.needed_moment(row, self.started)?.day;
        let known_at = match self.known_at {
            Some(at) => self.header.moment(row, at)?.map_or(started, |moment| moment.day),
            None => started,
        };
        if known_at < started {
            return Err(format!("was known on {known_at}, before it started on {started}"));
        }
        let mut account = Account { known_at, ..Account::new(id.to_string(), started) };
        let name = |at: usize| self.header.names[at].clone();
        for &at in &self.texts {
            if let Some(text) = self.header.text(row, at)? {
                account.texts.push((name(at), text.to_string()));
            }
        }
        for &at in &self.numbers {
            if let Some(number) = self.header.number(row, at)? {
                account.numbers.push((name(at), number));
            }
        }
        if known_at > started {
            reading.counts().n_late += 1;
        }
        let code = reading.ids.code(id) as usize;
        if code == reading.accounts.len() {
            reading.accounts.push(Some(account));
            return Ok(());
        }
        // Of several rows the one known first counts; of those the one that says most, by whatever is in it.
        reading.counts().n_duplicates += 1;
        let key = |account: &Account| (account.known_at, account.started, format!("{account:?}"));
        let kept = &mut reading.accounts[code];
        if kept.as_ref().is_none_or(|kept| key(&account) < key(kept)) {
            *kept = Some(account);
        }
        Ok(())
    }
}
