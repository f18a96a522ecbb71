//! Labels by hand: every rule, with what happens on the first and the last day that counts.

mod contracts;
mod events;
mod growth;
mod settings;
mod several;

use jiff::civil::{Date, date};

use super::super::record::{Account, Event, EventNames, Records};
use super::super::{Contract, ContractStatus};
use super::*;

const AS_OF: Date = date(2026, 4, 1);
/// With a gap of ten days and a horizon of thirty.
const BEGINS: Date = date(2026, 4, 11);
const ENDS: Date = date(2026, 5, 11);

/// A day of 2026.
const fn on(month: i8, day: i8) -> Date {
    date(2026, month, day)
}

fn labelling() -> Labelling {
    Labelling::default().expansion_event(None).gap_days(10).horizon_days(30)
}

/// Facts of one account since 2025, known until August 2026.
#[derive(Clone, Default)]
struct Story {
    names: EventNames,
    events: Vec<Event>,
    contracts: Vec<Contract>,
    known_until: Option<Date>,
}

fn story() -> Story {
    Story::default()
}

impl Story {
    fn event(self, name: &str, day: Date) -> Self {
        self.late_event(name, day, day)
    }

    fn late_event(mut self, name: &str, occurred_at: Date, known_at: Date) -> Self {
        let name = self.names.code(name);
        self.events.push(Event { account: 0, name, user: None, value: 1.0, occurred_at, known_at });
        self
    }

    fn contract(mut self, contract: Contract) -> Self {
        self.contracts.push(contract);
        self
    }

    fn known_until(mut self, day: Date) -> Self {
        self.known_until = Some(day);
        self
    }

    fn records(&self) -> Records {
        let Story { names, events, contracts, known_until } = self.clone();
        let accounts = vec![Account::new("A", date(2025, 1, 1))];
        Records::new(accounts, contracts, names, events, known_until.unwrap_or(on(8, 1))).unwrap()
    }

    /// All labels at `AS_OF`; `None` where not known.
    fn labels(&self, labelling: &Labelling) -> Vec<Option<bool>> {
        labelling.check().unwrap();
        let records = self.records();
        let reader = Reader::new(&records, labelling);
        let mut labels = vec![f64::NAN; labelling.label_columns().len()];
        reader.labels(0, &reader.at(AS_OF), &mut labels);
        labels.into_iter().map(|label| (!label.is_nan()).then_some(label == 1.0)).collect()
    }

    /// The first label at `AS_OF`.
    fn left(&self, labelling: &Labelling) -> Option<bool> {
        self.labels(labelling)[0]
    }

    fn is_customer(&self, labelling: &Labelling, as_of: Date) -> bool {
        Reader::new(&self.records(), labelling).is_customer(0, as_of)
    }
}

/// Ten seats of the plan "team" at 100.00 a seat and month.
fn team(starts: Date, ends: Date) -> Contract {
    Contract {
        ends: Some(ends),
        seats: Some(10),
        mrr_cents: Some(100_000),
        plan: "team".into(),
        ..Contract::new(0, starts)
    }
}
