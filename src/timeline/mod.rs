//! From raw records to what was known at a date, and what came of it.
//!
//! A signal of a snapshot at `as_of` reads only facts with `occurred_at < as_of` and `known_at < as_of`. A label
//! covers `[as_of + gap, as_of + gap + horizon)`; one whose horizon has not passed is censored, never negative.

mod b2b_saas;
mod contract;
mod day;
mod file;
mod intake;
mod label;
mod measure;
mod order;
mod plan;
mod proof;
mod record;
mod signals;
mod snapshot;
mod table_from;
mod walk;

pub use b2b_saas::b2b_saas;
pub use contract::{Contract, ContractStatus};
pub use file::Timeline;
pub use intake::{BadRow, Intake, Reading, TableIntake};
pub use label::{Churn, Labelling, Part, exits, labels};
pub use measure::{Absent, Aggregate, ContractFact, Formula, How, Measure};
pub use order::SameDay;
pub use proof::prove_point_in_time;
pub use record::{Account, Event, EventNames, Records};
pub use signals::Signals;
pub use snapshot::{snapshot, snapshots};
pub use table_from::{BeforeStart, EventFrom, TableFrom, TableKind};

#[cfg(test)]
mod tests;
