//! What is known of one account by a day, as far as labels read it: rare events, and what its contracts come to.

use std::ops::Range;

use jiff::civil::Date;

use super::super::contract::{Contract, ContractStatus};
use super::super::record::Event;

/// The facts of an account that were known before `until`.
pub(super) struct Known<'a> {
    /// Events of names that labels read, by day.
    pub marks: &'a [Event],
    /// By start.
    pub contracts: &'a [Contract],
    pub until: Date,
}

impl<'a> Known<'a> {
    /// The events of these names, by day.
    pub fn events<'s>(&'s self, names: &'s [u32]) -> impl Iterator<Item = &'a Event> + 's {
        self.marks.iter().filter(|event| event.known_at < self.until && names.contains(&event.name))
    }

    pub fn happened(&self, names: &[u32], days: Range<Date>) -> bool {
        self.events(names).any(|event| days.contains(&event.occurred_at))
    }

    /// Of each product the contract that started last, where it holds on a day.
    ///
    /// Of a contract that stands several times under one id, each counts from the day it is known, the first also
    /// before; that it ended counts from the day it did, whenever that was known.
    pub fn held(&self, day: Date) -> Vec<&'a Contract> {
        let mut found: Vec<&Contract> = Vec::new();
        for contract in self.contracts.iter().filter(|contract| self.counts(contract, day)) {
            found.retain(|other| other.product != contract.product);
            found.push(contract);
        }
        found.retain(|contract| self.holds(contract, day));
        found
    }

    /// Whether it is the one of its id that counts on a day on or after its start.
    fn counts(&self, contract: &Contract, day: Date) -> bool {
        let is_known = contract.known_at < self.until && contract.starts <= day;
        is_known && self.versions(contract).all(|other| self.is_before(other, contract, day))
    }

    /// Whether one of two with the same id gives way to the other on a day.
    fn is_before(&self, one: &Contract, other: &Contract, day: Date) -> bool {
        match (one.known_at <= day, other.known_at <= day) {
            (true, true) => one.known_at <= other.known_at,
            (true, false) => false,
            (false, true) => true,
            (false, false) => other.known_at <= one.known_at,
        }
    }

    /// The others with its id.
    fn versions(&self, contract: &'a Contract) -> impl Iterator<Item = &'a Contract> {
        let has_id = !contract.id.is_empty();
        let same = move |other: &&Contract| {
            has_id
                && !std::ptr::eq(*other, contract)
                && other.id == contract.id
                && other.known_at < self.until
        };
        self.contracts.iter().filter(same)
    }

    fn holds(&self, contract: &'a Contract, day: Date) -> bool {
        let last = self.versions(contract).chain([contract]).max_by_key(|version| version.known_at);
        let ended = last.and_then(|last| last.ended).filter(|ended| *ended < self.until);
        let is_over = contract.status == ContractStatus::Ended || ended.is_some_and(|ended| ended <= day);
        let has_run_out = contract.ends.is_some_and(|ends| ends <= day) && !contract.renews_itself();
        !is_over && !has_run_out
    }

    /// The days on which what [`held`](Self::held) gives may change.
    pub fn turns(&self) -> impl Iterator<Item = Date> + 'a {
        self.contracts.iter().flat_map(|contract| {
            [Some(contract.starts), Some(contract.known_at), contract.ends, contract.ended]
                .into_iter()
                .flatten()
        })
    }
}
