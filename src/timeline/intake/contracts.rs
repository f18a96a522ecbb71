//! Rows that tell of contracts.

use std::collections::{BTreeMap, HashSet};

use super::super::contract::{self, Contract, ContractStatus};
use super::super::table_from::TableFrom;
use super::cells::{Header, Key, Row};
use super::{BadRow, Cause, Reading};
use crate::error::Result;

/// Amounts beyond this are not exact in a float.
const MAX_CENTS: f64 = 9.0e15;

pub(super) struct Contracts {
    pub header: Header,
    account: usize,
    starts: usize,
    columns: BTreeMap<&'static str, usize>,
}

/// What a contract may have beside account and start.
const OPTIONAL: [&str; 14] = [
    "id",
    "known_at",
    "ends",
    "ended",
    "product",
    "term_months",
    "auto_renew",
    "notice_days",
    "seats",
    "mrr",
    "currency",
    "discount_share",
    "plan",
    "status",
];

impl Contracts {
    pub fn new(reading: &Reading<'_>, table: &TableFrom, header: Header) -> Result<Self> {
        let account = table.column("account").unwrap_or(&reading.timeline.account);
        let mut columns = BTreeMap::new();
        for role in OPTIONAL {
            if let Some(at) = header.maybe(table.column(role), &format!("`{role}` of a contract"))? {
                columns.insert(role, at);
            }
        }
        Ok(Contracts {
            account: header.find(account, "account id")?,
            starts: header.find(table.column("starts").unwrap_or_default(), "first day of a contract")?,
            columns,
            header,
        })
    }

    pub fn row(&mut self, reading: &mut Reading<'_>, row: &impl Row) -> std::result::Result<(), Cause> {
        let contract = self.contract(reading, row)?;
        let at = reading.contracts.len();
        if !contract.id.is_empty() {
            reading.contract_ids.entry(contract.id.clone()).or_insert(at);
        }
        if contract.known_at > contract.starts {
            reading.counts().n_late += 1;
        }
        reading.contracts.push(contract);
        reading.contract_rows.push(reading.row(row, String::new()));
        Ok(())
    }

    fn contract(
        &mut self,
        reading: &mut Reading<'_>,
        row: &impl Row,
    ) -> std::result::Result<Contract, Cause> {
        let starts = self.header.needed_moment(row, self.starts)?.day;
        let ends = self.day(row, "ends")?;
        let ended = self.day(row, "ended")?;
        if let Some(ends) = ends.filter(|ends| *ends <= starts) {
            return Err(format!("ends on {ends}, not after it starts on {starts}"));
        }
        if let Some(ended) = ended.filter(|ended| *ended < starts) {
            return Err(format!("ended on {ended}, before it starts on {starts}"));
        }
        let known_at = self.day(row, "known_at")?.unwrap_or(starts);
        let text = |role: &str| match self.columns.get(role) {
            Some(&at) => Ok(self.header.text(row, at)?.map_or_else(String::new, |key| key.to_string())),
            None => Ok::<_, Cause>(String::new()),
        };
        let count = |role: &str| match self.columns.get(role) {
            Some(&at) => self.header.count(row, at),
            None => Ok(None),
        };
        let contract = Contract {
            id: text("id")?,
            product: text("product")?,
            ends,
            ended,
            known_at,
            term_months: count("term_months")?,
            auto_renew: self.flag(row, "auto_renew")?,
            notice_days: count("notice_days")?,
            seats: count("seats")?,
            mrr_cents: self.cents(row)?,
            currency: text("currency")?.to_uppercase(),
            discount_share: self.share(row)?,
            plan: text("plan")?,
            status: self.status(row)?,
            ..Contract::new(0, starts)
        };
        let account = reading.account(self.header.needed_text(row, self.account)?)?;
        Ok(Contract { account, ..contract })
    }

    fn day(&mut self, row: &impl Row, role: &str) -> std::result::Result<Option<jiff::civil::Date>, Cause> {
        let Some(&at) = self.columns.get(role) else { return Ok(None) };
        Ok(self.header.moment(row, at)?.map(|moment| moment.day))
    }

    fn flag(&self, row: &impl Row, role: &str) -> std::result::Result<Option<bool>, Cause> {
        self.columns.get(role).map_or(Ok(None), |&at| self.header.flag(row, at))
    }

    fn cents(&self, row: &impl Row) -> std::result::Result<Option<i64>, Cause> {
        let Some(&at) = self.columns.get("mrr") else { return Ok(None) };
        match self.header.number(row, at)?.map(|mrr| (mrr * 100.0).round()) {
            Some(cents) if cents.abs() > MAX_CENTS => {
                Err(self.header.found(at, row.cell(at)?, "an amount below 90 trillion"))
            }
            cents => Ok(cents.map(|cents| cents as i64)),
        }
    }

    fn share(&self, row: &impl Row) -> std::result::Result<Option<f64>, Cause> {
        let Some(&at) = self.columns.get("discount_share") else { return Ok(None) };
        match self.header.number(row, at)? {
            Some(share) if !(0.0..=1.0).contains(&share) => {
                Err(self.header.found(at, row.cell(at)?, "a share of 1: 31 % is 0.31"))
            }
            share => Ok(share),
        }
    }

    fn status(&self, row: &impl Row) -> std::result::Result<ContractStatus, Cause> {
        let Some(&at) = self.columns.get("status") else { return Ok(ContractStatus::default()) };
        let Some(key) = self.header.text(row, at)? else { return Ok(ContractStatus::default()) };
        let word = key.to_string().to_lowercase();
        status_of(&word).ok_or_else(|| {
            let words = ContractStatus::ALL.map(|(_, word)| word).join(", ");
            self.header.found(at, crate::frame::cell::Cell::Text(&word), &format!("one of {words}"))
        })
    }
}

/// The status by its own word or another that is commonly used.
fn status_of(word: &str) -> Option<ContractStatus> {
    let own = ContractStatus::ALL.into_iter().find(|(_, own)| *own == word).map(|(status, _)| status);
    own.or(match word {
        "live" | "current" | "renewed" | "past_due" | "signed" => Some(ContractStatus::Active),
        "trialing" => Some(ContractStatus::Trial),
        "suspended" => Some(ContractStatus::Paused),
        "canceled" | "cancelling" | "canceling" => Some(ContractStatus::Cancelled),
        "expired" | "churned" | "terminated" | "closed" | "inactive" => Some(ContractStatus::Ended),
        _ => None,
    })
}

/// Leaves out contracts that stand twice or are in a currency that cannot be converted.
pub(super) fn settle(reading: &mut Reading<'_>) {
    let wanted = reading.timeline.currency.clone().map(|currency| currency.to_uppercase());
    let wanted = wanted.or_else(|| commonest(&reading.contracts)).unwrap_or_default();
    let contracts = std::mem::take(&mut reading.contracts);
    let rows = std::mem::take(&mut reading.contract_rows);
    let mut pairs: Vec<(Contract, BadRow)> = contracts.into_iter().zip(rows).collect();
    // One contract known on one day: whichever comes first by whatever is in it.
    pairs.sort_by(|(a, _), (b, _)| contract::order(a, b));
    let mut seen = HashSet::new();
    for (mut contract, row) in pairs {
        if !contract.id.is_empty() && !seen.insert((contract.id.clone(), contract.known_at)) {
            count(reading, &row.table, |table| table.n_duplicates += 1);
            continue;
        }
        match converted(reading, &mut contract, &wanted) {
            Ok(()) => {
                reading.contracts.push(contract);
                reading.contract_rows.push(row);
            }
            Err(cause) => {
                count(reading, &row.table, |table| table.n_bad += 1);
                reading.bad.push(BadRow { cause, ..row });
            }
        }
    }
    reading.contract_ids.clear();
    for (at, contract) in reading.contracts.iter().enumerate().filter(|(_, c)| !c.id.is_empty()) {
        reading.contract_ids.entry(contract.id.clone()).or_insert(at);
    }
}

fn count(reading: &mut Reading<'_>, table: &str, add: impl Fn(&mut super::TableIntake)) {
    if let Some(counts) = reading.tables.iter_mut().find(|counts| counts.name == table) {
        add(counts);
    }
}

/// Converts the revenue to the currency of all.
fn converted(reading: &Reading<'_>, contract: &mut Contract, wanted: &str) -> std::result::Result<(), Cause> {
    if contract.currency.is_empty() || contract.currency == wanted {
        contract.currency = wanted.to_owned();
        return Ok(());
    }
    let Some(rate) = reading.timeline.rates.get(&contract.currency) else {
        let currency = &contract.currency;
        return Err(format!(
            "is in {currency}, but the others are in {wanted}; give the rate of {currency} in [rates]"
        ));
    };
    contract.mrr_cents = contract.mrr_cents.map(|cents| (cents as f64 * rate).round() as i64);
    contract.currency = wanted.to_owned();
    Ok(())
}

/// The currency of most; of several the first by name.
fn commonest(contracts: &[Contract]) -> Option<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for contract in contracts.iter().filter(|contract| !contract.currency.is_empty()) {
        *counts.entry(&contract.currency).or_default() += 1;
    }
    let most = counts.values().max().copied()?;
    counts.into_iter().find(|(_, count)| *count == most).map(|(currency, _)| currency.to_owned())
}

impl Reading<'_> {
    /// The first contract of that id.
    pub(super) fn contract(&self, id: Key<'_>) -> std::result::Result<&Contract, Cause> {
        let found = match id {
            Key::Text(text) => self.contract_ids.get(text),
            Key::Whole(number) => self.contract_ids.get(&number.to_string()),
        };
        found
            .map(|&at| &self.contracts[at])
            .ok_or_else(|| format!("contract `{id}` is in no table of contracts"))
    }
}
