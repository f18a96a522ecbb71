//! What was read of all tables, put together.

use jiff::ToSpan;
use jiff::civil::Date;
use rayon::prelude::*;

use super::super::contract::{self, Contract};
use super::super::record::{Account, Records};
use super::{BadRow, Intake, Reading, TableIntake, contracts, events};
use crate::error::{Error, ErrorKind, Result};

impl Reading<'_> {
    pub(super) fn finish_as(mut self, what: &str) -> Result<Intake> {
        if self.turn < 2 {
            self.settle_contracts();
        }
        let n_rows = self.tables.iter().map(|table| table.n_rows).sum();
        if self.tables.iter().any(|table| table.n_duplicates > 0) {
            self.events.retain(|event| event.account != events::DROPPED);
        }
        let is_empty = self.events.is_empty() && self.contracts.is_empty() && !self.has_accounts;
        if n_rows == 0 || is_empty || self.ids.is_empty() {
            return Err(nothing(what, self.bad.first()));
        }
        let known_until = self.timeline.known_until.unwrap_or_else(|| self.known_until());
        let has_accounts = self.has_accounts;
        let (accounts, place) = self.sorted_accounts();
        self.events.par_iter_mut().for_each(|event| event.account = place[event.account as usize]);
        for contract in &mut self.contracts {
            contract.account = place[contract.account as usize];
        }
        let same_day = self.timeline.same_day;
        let (names, events) = (self.names, self.events);
        let records = Records::put_together(accounts, self.contracts, names, events, known_until, same_day)?;
        let records = if has_accounts { records } else { records.started_by_facts() };
        let sum = |count: fn(&TableIntake) -> usize| self.tables.iter().map(count).sum();
        Ok(Intake {
            records,
            n_rows,
            bad: self.bad,
            doubtful: self.doubtful,
            n_duplicates: sum(|table| table.n_duplicates),
            n_late: sum(|table| table.n_late),
            notes: self.notes,
            tables: self.tables,
        })
    }

    /// The day after the last on which anything was known.
    fn known_until(&self) -> Date {
        let event = self.events.par_iter().map(|event| event.known_at).max();
        let contracts = self.contracts.iter().map(|contract| contract.known_at);
        let accounts = self.accounts.iter().flatten().map(|account| account.known_at);
        let last = contracts.chain(accounts).chain(event).max().unwrap_or(Date::MIN);
        last.saturating_add(1.day())
    }

    /// The accounts by id, and the place of each number among them; those without a fact are none, unless they were
    /// told of.
    fn sorted_accounts(&mut self) -> (Vec<Account>, Vec<u32>) {
        let ids = self.ids.names();
        let mut accounts: Vec<Option<Account>> = std::mem::take(&mut self.accounts);
        accounts.resize(ids.len(), None);
        if !self.has_accounts {
            let events = self.events.iter().map(|event| (event.account, event.occurred_at));
            let contracts = self.contracts.iter().map(|contract| (contract.account, contract.starts));
            let mut started: Vec<Option<Date>> = vec![None; ids.len()];
            for (account, day) in events.chain(contracts) {
                let first = &mut started[account as usize];
                *first = Some(first.map_or(day, |other| other.min(day)));
            }
            let account = |(id, day): (&String, Option<Date>)| day.map(|day| Account::new(id.as_str(), day));
            accounts = ids.iter().zip(started).map(account).collect();
        }
        let mut order: Vec<usize> = (0..accounts.len()).filter(|&at| accounts[at].is_some()).collect();
        order.par_sort_unstable_by(|&a, &b| ids[a].cmp(&ids[b]));
        let mut place = vec![0; accounts.len()];
        order.iter().zip(0..).for_each(|(&at, new)| place[at] = new);
        (order.into_iter().filter_map(|at| accounts[at].take()).collect(), place)
    }

    /// Leaves out contracts that stand twice or are in a currency that cannot be converted, and counts overlaps.
    pub(super) fn settle_contracts(&mut self) {
        contracts::settle(self);
        let mut order: Vec<usize> = (0..self.contracts.len()).collect();
        order.sort_by(|&a, &b| contract::order(&self.contracts[a], &self.contracts[b]));
        let sorted: Vec<Contract> = order.iter().map(|&at| self.contracts[at].clone()).collect();
        for (earlier, later) in contract::overlaps(&sorted) {
            let (row, other) = (&self.contract_rows[order[later]], &self.contract_rows[order[earlier]]);
            let cause = format!(
                "starts on {} before the contract of line {} ends; from then on this one counts",
                sorted[later].starts, other.line
            );
            let doubtful = BadRow { cause, ..row.clone() };
            if let Some(table) = self.tables.iter_mut().find(|table| table.name == doubtful.table) {
                table.n_doubtful += 1;
            }
            self.doubtful.push(doubtful);
        }
        self.contract_rows = Vec::new();
    }
}

fn nothing(what: &str, bad: Option<&BadRow>) -> Error {
    let what = what.to_owned();
    match bad {
        Some(bad) => {
            let problem = format!("{}; no row of the file can be used, and this is the first", bad.cause);
            ErrorKind::Csv { what, line: bad.line, problem }.into()
        }
        None => ErrorKind::NoRows { what, hint: "give it a header and at least one event" }.into(),
    }
}
