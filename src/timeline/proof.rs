//! The proof that a snapshot knows nothing of its future: what came later is changed, and nothing may move.

use jiff::ToSpan;
use jiff::civil::Date;

use super::contract::Contract;
use super::label::Labelling;
use super::measure::Measure;
use super::record::{Event, Records};
use super::snapshot::snapshot;
use crate::error::{ErrorKind, Result};
use crate::frame::{Column, Table};

/// Perturbs every fact that happened or was known at or after `as_of` (drops it, blows it up, moves it to the
/// very day) and demands the same signals.
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
    for perturb in [dropped, blown_up, moved_to_the_day] {
        let after = snapshot(&perturbed(records, as_of, perturb)?, measures, labelling, as_of)?;
        compare(&before, &after, labelling, as_of)?;
    }
    Ok(())
}

/// What becomes of a later event: nothing, or other ones.
type Perturb = fn(&Event, Date) -> Vec<Event>;

fn dropped(_: &Event, _: Date) -> Vec<Event> {
    Vec::new()
}

fn blown_up(event: &Event, _: Date) -> Vec<Event> {
    vec![Event { value: -1e6 - event.value, user: event.user.map(|user| user ^ 1), ..*event }; 3]
}

/// Happening on the day itself, and happening the day before but known on the day.
fn moved_to_the_day(event: &Event, as_of: Date) -> Vec<Event> {
    let eve = as_of.saturating_sub(1.day());
    vec![
        Event { occurred_at: as_of, known_at: as_of, ..*event },
        Event { occurred_at: eve, known_at: as_of, value: -1e6, ..*event },
    ]
}

fn perturbed(records: &Records, as_of: Date, perturb: Perturb) -> Result<Records> {
    let later = |event: &Event| event.occurred_at >= as_of || event.known_at >= as_of;
    let change = |event: &Event| if later(event) { perturb(event, as_of) } else { vec![*event] };
    let events = records.events().iter().flat_map(change).collect();
    let known = |contract: &&Contract| contract.is_known(as_of);
    // That one will have ended is not known yet.
    let unended = |contract: &Contract| Contract {
        ended: contract.ended.filter(|ended| *ended < as_of),
        ..contract.clone()
    };
    let contracts = records.contracts().iter().filter(known).map(unended).collect();
    records.with_facts(contracts, events)
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
        (Some(Column::Number(a)), Some(Column::Number(b))) => {
            a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()))
        }
        (a, b) => a == b,
    }
}
