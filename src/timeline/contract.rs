//! What was agreed with an account: contracts, which of several counts at a date, and when it renews.

use std::cmp::Ordering;

use jiff::ToSpan;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::record::Account;
use crate::error::{ErrorKind, Result};

/// What was agreed with an account from a day on. What nobody knows is `None` or an empty text, never zero.
#[derive(Clone, Debug, PartialEq)]
pub struct Contract {
    /// Position of the account in [`Records::accounts`](super::Records::accounts).
    pub account: u32,
    /// Its own id. Of several with one id, the one known last replaces the others from the day it is known.
    pub id: String,
    /// What it is about; contracts of different products hold side by side.
    pub product: String,
    /// First day it holds. Of two of one product that hold, the one that starts later counts.
    pub starts: Date,
    /// Day of its renewal: the first day it no longer holds unless renewed. `None`: until further notice.
    pub ends: Option<Date>,
    /// The day on which it really ended, where it did; known on that day.
    pub ended: Option<Date>,
    /// The day it was known. Never before it was agreed, but possibly before it starts.
    pub known_at: Date,
    /// Length in months.
    pub term_months: Option<u32>,
    /// Whether it renews itself.
    pub auto_renew: Option<bool>,
    /// Days before the renewal by which notice has to be given.
    pub notice_days: Option<u32>,
    /// Seats paid for.
    pub seats: Option<u32>,
    /// Monthly recurring revenue in minor units.
    pub mrr_cents: Option<i64>,
    /// Currency of the revenue, ISO 4217; all contracts of some records are in one.
    pub currency: String,
    /// Discount on the list price, 0 to 1.
    pub discount_share: Option<f64>,
    /// Name of the plan.
    pub plan: String,
    /// How it stands, from the day it is known.
    pub status: ContractStatus,
}

/// How a contract stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContractStatus {
    /// It holds.
    #[default]
    Active,
    /// It is tried out, for nothing.
    Trial,
    /// It is suspended for a time.
    Paused,
    /// Notice was given; it holds until it ends.
    Cancelled,
    /// It is over.
    Ended,
}

impl ContractStatus {
    /// Every status, with the word used in files.
    pub const ALL: [(ContractStatus, &'static str); 5] = [
        (ContractStatus::Active, "active"),
        (ContractStatus::Trial, "trial"),
        (ContractStatus::Paused, "paused"),
        (ContractStatus::Cancelled, "cancelled"),
        (ContractStatus::Ended, "ended"),
    ];
}

impl Contract {
    /// A contract from a day on, known on that day, of which nothing else is known.
    pub fn new(account: u32, starts: Date) -> Self {
        Contract {
            account,
            id: String::new(),
            product: String::new(),
            starts,
            ends: None,
            ended: None,
            known_at: starts,
            term_months: None,
            auto_renew: None,
            notice_days: None,
            seats: None,
            mrr_cents: None,
            currency: String::new(),
            discount_share: None,
            plan: String::new(),
            status: ContractStatus::default(),
        }
    }

    /// Whether it had started and was known before a date.
    pub fn is_known(&self, as_of: Date) -> bool {
        self.starts < as_of && self.known_at < as_of
    }

    /// Whether it holds on a date, as known then: its renewal has not come or renews itself, and it was not ended
    /// before.
    pub fn holds(&self, as_of: Date) -> bool {
        let is_over = self.status == ContractStatus::Ended || self.ended.is_some_and(|ended| ended < as_of);
        let has_run_out = self.ends.is_some_and(|ends| ends <= as_of) && !self.renews_itself();
        self.is_known(as_of) && !is_over && !has_run_out
    }

    pub(super) fn renews_itself(&self) -> bool {
        self.auto_renew == Some(true) && self.status != ContractStatus::Cancelled
    }

    /// The day of the renewal that is next at a date, as known then: `ends`, or a term after the start where there is
    /// none, and for one that renews itself as many terms later as it takes. A renewal that has passed is the last.
    /// `None` where nothing tells, or where it was ended before.
    pub fn renewal(&self, as_of: Date) -> Option<Date> {
        if self.ended.is_some_and(|ended| ended < as_of) {
            return None;
        }
        let term = self.term_months.filter(|months| *months > 0);
        let after = |terms: u32| {
            let months = i64::from(terms) * i64::from(term?);
            self.starts.checked_add(months.months()).ok()
        };
        let mut renewal = self.ends.or_else(|| after(1))?;
        let mut terms = 1;
        while renewal < as_of && self.renews_itself() {
            terms += 1;
            let Some(next) = after(terms) else { break };
            renewal = renewal.max(next);
        }
        Some(renewal)
    }
}

/// By everything that decides which counts, then by the rest, so that the order in which they come decides nothing.
pub(super) fn order(a: &Contract, b: &Contract) -> Ordering {
    let key = |c: &Contract| (c.account, c.starts, c.known_at, c.ends, c.ended, c.status);
    let number = |c: &Contract| (c.mrr_cents, c.seats, c.term_months, c.auto_renew, c.notice_days);
    key(a)
        .cmp(&key(b))
        .then_with(|| a.id.cmp(&b.id))
        .then_with(|| a.product.cmp(&b.product))
        .then_with(|| a.plan.cmp(&b.plan))
        .then_with(|| number(a).cmp(&number(b)))
}

/// The contract that started last among those known, none that was replaced; of several products, among those that
/// still hold, if there are any.
pub(super) fn latest(sorted: &[Contract], as_of: Date) -> Option<&Contract> {
    let known = |contract: &&Contract| contract.is_known(as_of) && !is_replaced(contract, sorted, as_of);
    let last = sorted.iter().rev().find(known)?;
    let is_same = |contract: &Contract| match last.product.is_empty() {
        true => contract.product.is_empty(),
        false => contract.product == last.product,
    };
    if last.holds(as_of) || sorted.iter().all(is_same) {
        return Some(last);
    }
    let held = held(sorted, as_of);
    Some(held.into_iter().max_by(|a, b| order(a, b)).unwrap_or(last))
}

/// Of each product the contract that started last, where it holds.
pub(super) fn held(sorted: &[Contract], as_of: Date) -> Vec<&Contract> {
    let mut found: Vec<&Contract> = Vec::new();
    for contract in sorted.iter().rev().filter(|contract| contract.is_known(as_of)) {
        let is_earlier = found.iter().any(|other| other.product == contract.product);
        if !is_earlier && !is_replaced(contract, sorted, as_of) {
            found.push(contract);
        }
    }
    found.retain(|contract| contract.holds(as_of));
    found.sort_by(|a, b| a.product.cmp(&b.product));
    found
}

/// Whether another of the same id was known later, by a date.
fn is_replaced(contract: &Contract, among: &[Contract], as_of: Date) -> bool {
    let newer = |other: &Contract| {
        other.id == contract.id && other.known_at > contract.known_at && other.known_at < as_of
    };
    !contract.id.is_empty() && among.iter().any(newer)
}

/// Pairs of contracts of one account and product that hold on the same days under different ids, as positions in
/// `sorted`; the later in start counts from its start on.
pub(super) fn overlaps(sorted: &[Contract]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for (at, later) in sorted.iter().enumerate() {
        let same = |other: &Contract| other.account == later.account && other.product == later.product;
        let before = (0..at).rev().take_while(|&at| sorted[at].account == later.account);
        let end = |c: &Contract| c.ended.or(c.ends).unwrap_or(Date::MAX);
        let clash = |other: &Contract| {
            let is_version = !other.id.is_empty() && other.id == later.id;
            same(other) && !is_version && end(other) > later.starts
        };
        let mut before = before.filter(|&at| clash(&sorted[at]));
        found.extend(before.next().map(|other| (other, at)));
    }
    found
}

pub(super) fn check(contracts: &[Contract], accounts: &[Account]) -> Result<()> {
    contracts.iter().enumerate().try_for_each(|(at, contract)| check_one(at, contract, accounts))?;
    let mut named = contracts.iter().enumerate().filter(|(_, contract)| !contract.currency.is_empty());
    let Some((first, one)) = named.next() else { return Ok(()) };
    match named.find(|(_, contract)| contract.currency != one.currency) {
        Some((at, other)) => Err(fault(format!(
            "contract {} is in {}, contract {} in {}; convert all to one currency",
            first + 1,
            one.currency,
            at + 1,
            other.currency
        ))),
        None => Ok(()),
    }
}

fn check_one(at: usize, contract: &Contract, accounts: &[Account]) -> Result<()> {
    let n = at + 1;
    let Some(account) = accounts.get(contract.account as usize) else {
        let (account, n_accounts) = (contract.account, accounts.len());
        return Err(fault(format!(
            "contract {n} is of account {account}, but there are {n_accounts} accounts"
        )));
    };
    let (id, starts) = (&account.id, contract.starts);
    for (word, day) in [("ends", contract.ends), ("ended", contract.ended)] {
        if let Some(day) = day.filter(|day| *day < starts || (word == "ends" && *day == starts)) {
            let relation = if word == "ends" { "not after" } else { "before" };
            let text =
                format!("contract {n} of account `{id}` {word} on {day}, {relation} it starts on {starts}");
            return Err(fault(text));
        }
    }
    match contract.discount_share {
        Some(share) if !share.is_finite() => Err(fault(format!(
            "contract {n} of account `{id}` has a discount of {share}, expected a share of 1"
        ))),
        _ => Ok(()),
    }
}

fn fault(text: String) -> crate::Error {
    ErrorKind::Records(text).into()
}
