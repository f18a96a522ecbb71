//! From raw records to what was known at a date, and what came of it.
//!
//! A signal of a snapshot at `as_of` reads only facts with `occurred_at < as_of` and `known_at < as_of`. A label
//! covers `[as_of + gap, as_of + gap + horizon)`; one whose horizon has not passed is censored, never negative.

mod b2b_saas;
mod label;
mod measure;
mod proof;
mod record;
mod snapshot;

pub use b2b_saas::b2b_saas;
pub use label::Labelling;
pub use measure::{Aggregate, ContractFact, Formula, How, Measure};
pub use proof::prove_point_in_time;
pub use record::{Account, Contract, Event, EventNames, Records};
pub use snapshot::snapshot;

#[cfg(test)]
mod tests;
