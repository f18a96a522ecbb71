//! Raw facts: accounts and events, each with the day it happened and the day it was known, put together with contracts.

use std::collections::HashMap;
use std::ops::Range;

use jiff::civil::Date;
use rayon::prelude::*;

use super::contract::{self, Contract};
use crate::error::{ErrorKind, Result};

/// Who can leave or grow.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    /// Its id.
    pub id: String,
    /// Its first day as a customer.
    pub started: Date,
    /// The day it was known that it started; not before it did.
    pub known_at: Date,
    /// Segment keys and other texts that do not change, by column name: tier, region, industry.
    pub texts: Vec<(String, String)>,
    /// Numbers that do not change, by column name: employees.
    pub numbers: Vec<(String, f64)>,
}

impl Account {
    /// An account that started on a day and was known on that day.
    pub fn new(id: impl Into<String>, started: Date) -> Self {
        Account { id: id.into(), started, known_at: started, texts: Vec::new(), numbers: Vec::new() }
    }
}

/// Something that happened: a login, a ticket, an answer to a survey, a payment, a cancellation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Event {
    /// Position of the account in [`Records::accounts`].
    pub account: u32,
    /// What happened, by [`EventNames`].
    pub name: u32,
    /// Number of the account's user who did it, where one did.
    pub user: Option<u32>,
    /// How much: an amount, an answer, a duration; 1 where nothing else is to be said.
    pub value: f64,
    /// The day it happened.
    pub occurred_at: Date,
    /// The day it was known; not before it happened.
    pub known_at: Date,
}

/// The names of events, each with its number.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EventNames {
    names: Vec<String>,
    codes: HashMap<String, u32>,
}

impl EventNames {
    /// The number of a name, a new one where it is new.
    pub fn code(&mut self, name: &str) -> u32 {
        if let Some(code) = self.codes.get(name) {
            return *code;
        }
        let code = self.names.len() as u32;
        self.names.push(name.to_owned());
        self.codes.insert(name.to_owned(), code);
        code
    }

    /// The number of a name, `None` where no event has it.
    pub fn find(&self, name: &str) -> Option<u32> {
        self.codes.get(name).copied()
    }

    /// All names; the position is the number.
    pub fn names(&self) -> &[String] {
        &self.names
    }
}

/// All facts about some accounts up to a day, in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Records {
    accounts: Vec<Account>,
    contracts: Vec<Contract>,
    names: EventNames,
    events: Vec<Event>,
    known_until: Date,
    /// The events of account `i` are `events[starts[i]..starts[i + 1]]`.
    event_starts: Vec<usize>,
    contract_starts: Vec<usize>,
    /// Whether an account's start is told by its events alone, and so is known only when they are.
    starts_by_events: bool,
}

impl Records {
    /// Puts facts of any order together. `known_until` is the first day of which nothing is known yet.
    ///
    /// # Errors
    /// [`ErrorKind::Records`] for a fact of an account or with a name that is not there, one known before it
    /// happened, a value that is no number, a contract that ends before it starts, contracts in several currencies.
    pub fn new(
        accounts: Vec<Account>,
        mut contracts: Vec<Contract>,
        names: EventNames,
        mut events: Vec<Event>,
        known_until: Date,
    ) -> Result<Self> {
        events.iter().enumerate().try_for_each(|(at, event)| check_event(at, event, &accounts, &names))?;
        accounts.iter().enumerate().try_for_each(|(at, account)| check_account(at, account))?;
        contract::check(&contracts, &accounts)?;
        // By everything that is in a fact, so that the order in which facts come decides nothing.
        events.par_sort_by(|a, b| key(a).cmp(&key(b)).then(a.value.total_cmp(&b.value)));
        contracts.sort_by(contract::order);
        let event_starts = starts(accounts.len(), events.iter().map(|event| event.account));
        let contract_starts = starts(accounts.len(), contracts.iter().map(|contract| contract.account));
        Ok(Records {
            accounts,
            contracts,
            names,
            events,
            known_until,
            event_starts,
            contract_starts,
            starts_by_events: false,
        })
    }

    /// As [`new`](Self::new), where nothing but events tells when an account started: with the first of them that
    /// was known by the date asked about, whatever [`Account::started`] says.
    pub fn started_by_events(mut self) -> Self {
        self.starts_by_events = true;
        self
    }

    /// An account's first day, as known at `as_of`; `None` where nothing was known of it.
    pub(super) fn started_as_of(&self, account: usize, as_of: Date) -> Option<Date> {
        if !self.starts_by_events {
            let account = &self.accounts[account];
            return (account.known_at < as_of).then_some(account.started);
        }
        self.events_of(account).iter().find(|event| event.known_at < as_of).map(|event| event.occurred_at)
    }

    /// The same accounts with other contracts and events.
    pub(super) fn with_facts(&self, contracts: Vec<Contract>, events: Vec<Event>) -> Result<Self> {
        let accounts = self.accounts.clone();
        let records = Records::new(accounts, contracts, self.names.clone(), events, self.known_until)?;
        Ok(Records { starts_by_events: self.starts_by_events, ..records })
    }

    /// The accounts, in the order given.
    pub fn accounts(&self) -> &[Account] {
        &self.accounts
    }

    /// All contracts, by account and start.
    pub fn contracts(&self) -> &[Contract] {
        &self.contracts
    }

    /// All events, by account and day.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The names of the events.
    pub fn names(&self) -> &EventNames {
        &self.names
    }

    /// The first day of which nothing is known yet.
    pub fn known_until(&self) -> Date {
        self.known_until
    }

    /// The events of an account, by day.
    pub fn events_of(&self, account: usize) -> &[Event] {
        &self.events[self.event_starts[account]..self.event_starts[account + 1]]
    }

    /// The events of an account on some days.
    pub(super) fn events_within(&self, account: usize, days: Range<Date>) -> &[Event] {
        let events = self.events_of(account);
        let before = |day: Date| events.partition_point(|event| event.occurred_at < day);
        let to = before(days.end);
        &events[before(days.start).min(to)..to]
    }

    /// The contracts of an account, by start.
    pub fn contracts_of(&self, account: usize) -> &[Contract] {
        &self.contracts[self.contract_starts[account]..self.contract_starts[account + 1]]
    }

    /// The contract of an account that counts, as known at `as_of`: of those that had started, the one that started
    /// last; of one that stands several times under one id, as it was known last.
    pub fn contract_at(&self, account: usize, as_of: Date) -> Option<&Contract> {
        contract::latest(self.contracts_of(account), as_of)
    }

    /// The contract that counts of each product of an account, as known at `as_of`, where it holds on that day; by
    /// product.
    pub fn contracts_at(&self, account: usize, as_of: Date) -> Vec<&Contract> {
        contract::held(self.contracts_of(account), as_of)
    }
}

/// What an event is ordered by before its value.
fn key(event: &Event) -> (u32, Date, u32, Date, Option<u32>) {
    (event.account, event.occurred_at, event.name, event.known_at, event.user)
}

fn starts(n_accounts: usize, sorted: impl Iterator<Item = u32>) -> Vec<usize> {
    let mut starts = vec![0; n_accounts + 1];
    sorted.for_each(|account| starts[account as usize + 1] += 1);
    (0..n_accounts).for_each(|at| starts[at + 1] += starts[at]);
    starts
}

fn fault(text: String) -> crate::Error {
    ErrorKind::Records(text).into()
}

fn check_event(at: usize, event: &Event, accounts: &[Account], names: &EventNames) -> Result<()> {
    let n = at + 1;
    if event.account as usize >= accounts.len() {
        let (account, n_accounts) = (event.account, accounts.len());
        return Err(fault(format!("event {n} is of account {account}, but there are {n_accounts} accounts")));
    }
    if event.name as usize >= names.names.len() {
        return Err(fault(format!("event {n} has the name number {}, which names nothing", event.name)));
    }
    let id = &accounts[event.account as usize].id;
    let what = &names.names[event.name as usize];
    if event.known_at < event.occurred_at {
        let (known, occurred) = (event.known_at, event.occurred_at);
        return Err(fault(format!(
            "event {n} (`{what}` of account `{id}`) was known on {known}, before it happened on {occurred}"
        )));
    }
    if !event.value.is_finite() {
        let value = event.value;
        return Err(fault(format!(
            "event {n} (`{what}` of account `{id}`) has value {value}, expected a number"
        )));
    }
    Ok(())
}

fn check_account(at: usize, account: &Account) -> Result<()> {
    let Account { id, started, known_at, .. } = account;
    if known_at < started {
        let n = at + 1;
        let text = format!("account {n} (`{id}`) was known on {known_at}, before it started on {started}");
        return Err(fault(text));
    }
    Ok(())
}
