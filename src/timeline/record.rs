//! Raw facts: accounts and events, each with the day it happened and the day it was known, put together with contracts.

use std::collections::HashMap;
use std::ops::Range;

use jiff::ToSpan;
use jiff::civil::Date;
use rayon::prelude::*;

use super::contract::{self, Contract};
use super::order::{Order, SameDay, by_account, merge, starts};
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
    /// Whether any contract names its product.
    has_products: bool,
    /// Whether an account's start is told by its facts alone, and so is known only when they are.
    starts_by_facts: bool,
    same_day: SameDay,
}

impl Records {
    /// Puts facts of any order together. `known_until` is the first day of which nothing is known yet.
    ///
    /// # Errors
    /// [`ErrorKind::Records`] for a fact of an account or with a name that is not there, one known before it
    /// happened, a value that is no number, a contract that ends before it starts, contracts in several currencies.
    pub fn new(
        accounts: Vec<Account>,
        contracts: Vec<Contract>,
        names: EventNames,
        events: Vec<Event>,
        known_until: Date,
    ) -> Result<Self> {
        check_events(&events, &accounts, &names)?;
        Records::put_together(accounts, contracts, names, events, known_until, SameDay::ByContent)
    }

    /// As [`new`](Self::new), where the events of an account and day are in the order in which they happened:
    /// [`SameDay::AsRead`].
    ///
    /// # Errors
    /// As there.
    pub fn as_read(
        accounts: Vec<Account>,
        contracts: Vec<Contract>,
        names: EventNames,
        events: Vec<Event>,
        known_until: Date,
    ) -> Result<Self> {
        check_events(&events, &accounts, &names)?;
        Records::put_together(accounts, contracts, names, events, known_until, SameDay::AsRead)
    }

    /// Of events that are known to be sound.
    pub(super) fn put_together(
        accounts: Vec<Account>,
        mut contracts: Vec<Contract>,
        names: EventNames,
        events: Vec<Event>,
        known_until: Date,
        same_day: SameDay,
    ) -> Result<Self> {
        debug_assert!(check_events(&events, &accounts, &names).is_ok());
        accounts.iter().enumerate().try_for_each(|(at, account)| check_account(at, account))?;
        contract::check(&contracts, &accounts)?;
        contracts.sort_by(contract::order);
        let order = Order::new(same_day, &names);
        let (events, event_starts) = by_account(events, accounts.len(), &order);
        let contract_starts = starts(accounts.len(), contracts.iter().map(|contract| contract.account));
        let has_products = contracts.iter().any(|contract| !contract.product.is_empty());
        Ok(Records {
            has_products,
            accounts,
            contracts,
            names,
            events,
            known_until,
            event_starts,
            contract_starts,
            starts_by_facts: false,
            same_day,
        })
    }

    /// Adds facts that came since: accounts behind those that are there, contracts and events of any of them, events of
    /// names by [`name_code`](Self::name_code). What is there is moved, but neither read nor sorted again; the records
    /// are the same as if all had come at once.
    ///
    /// ```
    /// use jiff::civil::date;
    /// use keepwell::timeline::{Account, Event, EventNames, Records};
    ///
    /// let day = date(2026, 3, 30);
    /// let account = Account::new("A", date(2026, 1, 1));
    /// let mut records = Records::new(vec![account], vec![], EventNames::default(), vec![], day)?;
    /// let name = records.name_code("login");
    /// let event = Event { account: 0, name, user: None, value: 1.0, occurred_at: day, known_at: day };
    /// records.add(vec![], vec![], vec![event], date(2026, 3, 31))?;
    /// assert_eq!(records.events(), [event]);
    /// # Ok::<(), keepwell::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`new`](Self::new); nothing is added then.
    pub fn add(
        &mut self,
        accounts: Vec<Account>,
        contracts: Vec<Contract>,
        mut events: Vec<Event>,
        known_until: Date,
    ) -> Result<()> {
        let n_accounts = self.accounts.len();
        let checked = accounts.iter().enumerate().try_for_each(|(at, account)| check_account(at, account));
        self.accounts.extend(accounts);
        let all: Vec<Contract> = match contracts.is_empty() {
            true => Vec::new(),
            false => self.contracts.iter().cloned().chain(contracts).collect(),
        };
        let checked = checked
            .and_then(|()| contract::check(&all, &self.accounts))
            .and_then(|()| check_events(&events, &self.accounts, &self.names));
        if checked.is_err() {
            self.accounts.truncate(n_accounts);
            return checked;
        }
        if !all.is_empty() {
            self.contracts = all;
            self.contracts.sort_by(contract::order);
            self.has_products |= self.contracts.iter().any(|contract| !contract.product.is_empty());
        }
        let order = Order::new(self.same_day, &self.names);
        events.sort_by(|a, b| order.compare(a, b));
        merge(&mut self.events, &self.event_starts, &events, &order);
        let n_accounts = self.accounts.len();
        self.contract_starts = starts(n_accounts, self.contracts.iter().map(|contract| contract.account));
        let more = starts(n_accounts, events.iter().map(|event| event.account));
        let before = *self.event_starts.last().unwrap_or(&0);
        self.event_starts.resize(n_accounts + 1, before);
        self.event_starts.iter_mut().zip(more).for_each(|(start, more)| *start += more);
        self.known_until = known_until;
        Ok(())
    }

    /// The number of an event's name, a new one where it is new.
    pub fn name_code(&mut self, name: &str) -> u32 {
        self.names.code(name)
    }

    /// As [`new`](Self::new), where nothing but contracts and events tells when an account started: with the first of
    /// them that was known by the date asked about, whatever [`Account::started`] says.
    pub fn started_by_facts(mut self) -> Self {
        self.starts_by_facts = true;
        self
    }

    /// An account's first day, as known at `as_of`; `None` where nothing was known of it.
    pub(super) fn started_as_of(&self, account: usize, as_of: Date) -> Option<Date> {
        if !self.starts_by_facts {
            let account = &self.accounts[account];
            return (account.known_at < as_of).then_some(account.started);
        }
        let event = self.events_of(account).iter().find(|event| event.known_at < as_of);
        let contract = self.contracts_of(account).iter().find(|contract| contract.known_at < as_of);
        let days = [event.map(|event| event.occurred_at), contract.map(|contract| contract.starts)];
        days.into_iter().flatten().min()
    }

    /// The firsts of the months between the first fact and the first day of which nothing is known; none where there
    /// is no fact.
    pub fn months(&self) -> Vec<Date> {
        let accounts = self.accounts.iter().map(|account| account.started);
        let events = self.events.iter().map(|event| event.occurred_at);
        let contracts = self.contracts.iter().map(|contract| contract.starts);
        let Some(first) = accounts.chain(events).chain(contracts).min() else { return Vec::new() };
        let mut month = first.first_of_month();
        let mut months = Vec::new();
        while let Ok(next) = month.checked_add(1.month()) {
            if next > self.known_until {
                break;
            }
            months.push(next);
            month = next;
        }
        months
    }

    /// Other facts, put together as these were.
    pub(super) fn with_facts(
        &self,
        accounts: Vec<Account>,
        contracts: Vec<Contract>,
        events: Vec<Event>,
    ) -> Result<Self> {
        let (names, until) = (self.names.clone(), self.known_until);
        let records = Records::put_together(accounts, contracts, names, events, until, self.same_day)?;
        Ok(Records { starts_by_facts: self.starts_by_facts, ..records })
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

    /// The names of the events, of records that are needed no more.
    pub fn into_names(self) -> EventNames {
        self.names
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

    pub(super) fn has_products(&self) -> bool {
        self.has_products
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

fn fault(text: String) -> crate::Error {
    ErrorKind::Records(text).into()
}

fn check_events(events: &[Event], accounts: &[Account], names: &EventNames) -> Result<()> {
    let fault = |(at, event)| check_event(at, event, accounts, names).err();
    events.par_iter().enumerate().find_map_first(fault).map_or(Ok(()), Err)
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
