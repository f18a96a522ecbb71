//! Is a value of the time after its row, or does it change when the event comes?

use std::collections::HashMap;

use super::super::{Column, MISSING_CODE};
use super::{Evidence, Tally, telling};

/// The row of the same account at the date before, of each row; `None` where no account has two.
pub(super) fn before(ids: &[Option<&str>], dates: &[f64]) -> Option<Vec<Option<usize>>> {
    let mut accounts: HashMap<&str, Vec<usize>> = HashMap::new();
    for (row, id) in ids.iter().enumerate().filter(|(row, _)| !dates[*row].is_nan()) {
        if let Some(id) = id {
            accounts.entry(id).or_default().push(row);
        }
    }
    let mut before = vec![None; ids.len()];
    for rows in accounts.values_mut() {
        rows.sort_by(|a, b| dates[*a].total_cmp(&dates[*b]));
        for pair in rows.windows(2).filter(|pair| dates[pair[0]] < dates[pair[1]]) {
            before[pair[1]] = Some(pair[0]);
        }
    }
    before.iter().any(Option::is_some).then_some(before)
}

/// Are rows whose value changed since the account's row before nearly all true?
pub(super) fn changed(values: &Column, before: &[Option<usize>], label: &[bool]) -> Option<Evidence> {
    let (mut changed, mut all) = (Tally::default(), Tally::default());
    for (row, before) in before.iter().enumerate() {
        let Some(before) = *before else { continue };
        all.add(label[row]);
        if !is_same(values, before, row) {
            changed.add(label[row]);
        }
    }
    telling::of_rows("changed since the account's row before", changed, all)
}

fn is_same(values: &Column, one: usize, other: usize) -> bool {
    match values {
        Column::Number(values) => {
            let (one, other) = (values[one], values[other]);
            one == other || (one.is_nan() && other.is_nan())
        }
        Column::Category(categories) => {
            let (one, other) = (categories.codes[one], categories.codes[other]);
            one == other || (one == MISSING_CODE && other == MISSING_CODE)
        }
    }
}

/// Are rows whose date is not before their own nearly all true? Renewals and the like may lie ahead of all rows.
pub(super) fn after(days: &[f64], as_of: &[f64], label: &[bool]) -> Option<Evidence> {
    let (mut after, mut all) = (Tally::default(), Tally::default());
    for (row, (day, as_of)) in days.iter().zip(as_of).enumerate() {
        if day.is_nan() || as_of.is_nan() {
            continue;
        }
        all.add(label[row]);
        if day >= as_of {
            after.add(label[row]);
        }
    }
    telling::of_rows("is on or after the row's own date", after, all)
}
