//! The proof that a snapshot knows nothing of its future: what came later is changed, and nothing may move.

use jiff::ToSpan;
use jiff::civil::Date;

use super::contract::{Contract, ContractStatus};
use super::label::Labelling;
use super::measure::Measure;
use super::record::{Account, Event, Records};
use super::snapshot::snapshot;
use crate::error::{ErrorKind, Result};
use crate::frame::{Column, Table};

/// Perturbs every fact that happened or was known at or after `as_of` (events, contracts, and accounts that came then
/// with what is told of them: drops it, blows it up, moves it to the very day) and demands the same signals.
///
/// # Errors
/// [`ErrorKind::Records`] naming a signal that moved; whatever [`snapshot`] finds.
pub fn prove_point_in_time(
    records: &Records,
    measures: &[Measure],
    labelling: &Labelling,
    as_of: Date,
) -> Result<()> {
    let before = snapshot(records, measures, labelling, as_of)?;
    for what in Perturbation::ALL {
        let after = snapshot(&perturbed(records, as_of, what)?, measures, labelling, as_of)?;
        compare(&before, &after, labelling, as_of)?;
    }
    Ok(())
}

/// What becomes of what came later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Perturbation {
    /// It never came.
    Dropped,
    /// It is other, more, and worse.
    BlownUp,
    /// It happens on the day itself, or the day before but is known on the day.
    MovedToTheDay,
}

impl Perturbation {
    pub const ALL: [Self; 3] = [Self::Dropped, Self::BlownUp, Self::MovedToTheDay];

    fn event(self, event: &Event, as_of: Date) -> Vec<Event> {
        let eve = as_of.saturating_sub(1.day());
        match self {
            Self::Dropped => Vec::new(),
            Self::BlownUp => {
                vec![Event { value: -1e6 - event.value, user: event.user.map(|user| user ^ 1), ..*event }; 3]
            }
            Self::MovedToTheDay => vec![
                Event { occurred_at: as_of, known_at: as_of, ..*event },
                Event { occurred_at: eve, known_at: as_of, value: -1e6, ..*event },
            ],
        }
    }

    fn contract(self, contract: &Contract, as_of: Date) -> Option<Contract> {
        let worse = Contract {
            mrr_cents: Some(-1),
            seats: contract.seats.map(|seats| seats ^ 1),
            plan: format!("{} perturbed", contract.plan),
            status: ContractStatus::Cancelled,
            ..contract.clone()
        };
        match self {
            Self::Dropped => None,
            Self::BlownUp => Some(worse),
            Self::MovedToTheDay => {
                let known_at = contract.known_at.max(as_of);
                Some(Contract { starts: contract.starts.min(as_of), known_at, ..worse })
            }
        }
    }

    fn account(self, account: &Account, as_of: Date) -> Option<Account> {
        let started = match self {
            Self::Dropped => return None,
            Self::BlownUp => account.started.saturating_add(100.days()),
            Self::MovedToTheDay => account.started.min(as_of),
        };
        let texts = account.texts.iter().map(|(name, text)| (name.clone(), format!("{text} perturbed")));
        let numbers = account.numbers.iter().map(|(name, number)| (name.clone(), -1e6 - number));
        let known_at = started.max(account.known_at).max(as_of);
        let (texts, numbers) = (texts.collect(), numbers.collect());
        Some(Account { id: account.id.clone(), started, known_at, texts, numbers })
    }
}

pub(super) fn perturbed(records: &Records, as_of: Date, what: Perturbation) -> Result<Records> {
    let (accounts, places) = accounts(records, as_of, what);
    let place = |account: u32| places[account as usize];
    let is_later = |event: &Event| event.occurred_at >= as_of || event.known_at >= as_of;
    let change = |event: &Event| if is_later(event) { what.event(event, as_of) } else { vec![*event] };
    let of_place = |event: Event| Some(Event { account: place(event.account)?, ..event });
    let events = records.events().iter().flat_map(change).filter_map(of_place).collect();
    let change = |contract: &Contract| {
        let contract = match contract.is_known(as_of) {
            true => later_end(contract, as_of, what),
            false => what.contract(contract, as_of)?,
        };
        Some(Contract { account: place(contract.account)?, ..contract })
    };
    let contracts = records.contracts().iter().filter_map(change).collect();
    records.with_facts(accounts, contracts, events)
}

/// That a contract will have ended, is not known yet.
fn later_end(contract: &Contract, as_of: Date, what: Perturbation) -> Contract {
    let later = contract.ended.filter(|ended| *ended >= as_of);
    let ended = match (later, what) {
        (None, _) => contract.ended,
        (Some(_), Perturbation::Dropped) => None,
        (Some(ended), Perturbation::BlownUp) => Some(ended.saturating_add(100.days())),
        (Some(_), Perturbation::MovedToTheDay) => Some(as_of),
    };
    Contract { ended, ..contract.clone() }
}

/// The accounts, and the place of each among them; `None` of those that were dropped.
fn accounts(records: &Records, as_of: Date, what: Perturbation) -> (Vec<Account>, Vec<Option<u32>>) {
    let mut accounts = Vec::new();
    let mut places = Vec::new();
    for (at, account) in records.accounts().iter().enumerate() {
        let is_there = records.started_as_of(at, as_of).is_some_and(|started| started < as_of);
        let kept = if is_there { Some(account.clone()) } else { what.account(account, as_of) };
        places.push(kept.as_ref().map(|_| accounts.len() as u32));
        accounts.extend(kept);
    }
    (accounts, places)
}

pub(super) fn compare(before: &Table, after: &Table, labelling: &Labelling, as_of: Date) -> Result<()> {
    if before.n_rows() != after.n_rows() {
        return Err(ErrorKind::Records(format!("the accounts at {as_of} depend on what came later")).into());
    }
    let labels = labelling.label_columns();
    let signals = before.names().iter().filter(|name| !labels.contains(name));
    for name in signals {
        if !same(before.column(name), after.column(name)) {
            let text = format!("signal `{name}` at {as_of} depends on what came later");
            return Err(ErrorKind::Records(text).into());
        }
    }
    Ok(())
}

fn same(before: Option<&Column>, after: Option<&Column>) -> bool {
    match (before, after) {
        // Nothing but what came later has the column.
        (Some(column), None) => is_missing(column),
        (Some(Column::Number(a)), Some(Column::Number(b))) => {
            a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()))
        }
        (a, b) => a == b,
    }
}

fn is_missing(column: &Column) -> bool {
    match column {
        Column::Number(values) => values.iter().all(|value| value.is_nan()),
        Column::Category(texts) => (0..texts.codes.len()).all(|row| texts.text(row).is_none()),
    }
}
