//! Snapshots by hand, at one date and at several; labels and censoring; and the proof on any records.

mod aggregates;
mod facts;
mod order;
mod proof;
mod windows;

use jiff::civil::{Date, date};

use super::*;
use crate::frame::{Column, Table};

const AS_OF: Date = date(2026, 4, 1);

fn account(id: &str) -> Account {
    Account::new(id, date(2025, 1, 1))
}

/// Records of one account with events given as name, user, value, day it happened, day it was known.
fn records(events: &[(&str, Option<u32>, f64, Date, Date)]) -> Records {
    let mut names = EventNames::default();
    let events = events
        .iter()
        .map(|&(name, user, value, occurred_at, known_at)| Event {
            account: 0,
            name: names.code(name),
            user,
            value,
            occurred_at,
            known_at,
        })
        .collect();
    Records::new(vec![account("A")], vec![], names, events, date(2026, 8, 1)).unwrap()
}

fn at(day: Date, value: f64) -> (&'static str, Option<u32>, f64, Date, Date) {
    ("seen", Some(value as u32), value, day, day)
}

fn value(table: &Table, name: &str) -> f64 {
    match table.column(name) {
        Some(Column::Number(values)) => values[0],
        other => panic!("{name}: {other:?}"),
    }
}

fn measured(records: &Records, formula: Formula) -> f64 {
    let measures = [Measure::new("x", formula)];
    value(&snapshot(records, &measures, &Labelling::default(), AS_OF).unwrap(), "x")
}

fn last_week(how: How) -> Formula {
    Formula::Of(Aggregate::new(how, "seen").window_days(7))
}

type Fact = (&'static str, Option<u32>, f64, Date, Date);

fn at_user(day: Date, user: u32) -> Fact {
    ("seen", Some(user), 0.1 + f64::from(user) / 3.0, day, day)
}

#[test]
fn silence_is_a_label_where_there_is_no_contract() {
    let lapsed = |day: Date, labelling: &Labelling| {
        let table = snapshot(&records(&[at(date(2026, 3, 1), 1.0), at(day, 1.0)]), &[], labelling, AS_OF);
        value(&table.unwrap(), "churned")
    };
    let labelling = Labelling::default().silence(["seen"], None).gap_days(10).horizon_days(30);
    assert_eq!(lapsed(date(2026, 4, 10), &labelling), 1.0, "within the gap");
    assert_eq!(lapsed(date(2026, 4, 11), &labelling), 0.0);
    assert_eq!(lapsed(date(2026, 5, 10), &labelling), 0.0);
    assert_eq!(lapsed(date(2026, 5, 11), &labelling), 1.0);
    assert!(lapsed(date(2026, 5, 11), &labelling.clone().horizon_days(120)).is_nan(), "not over yet");
    // Whoever was silent for a month is none any more.
    let month = |days| Labelling::default().silence(["seen"], Some(days));
    let records = records(&[at(date(2026, 3, 1), 1.0)]);
    assert!(snapshot(&records, &[], &month(31), AS_OF).is_ok());
    assert!(snapshot(&records, &[], &month(30), AS_OF).is_err());
}

#[test]
fn snapshots_at_several_dates_are_those_of_each() {
    let days = [date(2026, 1, 5), date(2026, 2, 9), date(2026, 3, 30)];
    let records = records(&days.map(|day| at(day, 2.0)));
    let measures = [Measure::new("x", last_week(How::Sum)), Measure::new("y", last_week(How::DaysSinceLast))];
    let dates = [date(2026, 1, 8), date(2026, 2, 12), AS_OF];
    let labelling = Labelling::default();
    let all = snapshots(&records, &measures, &labelling, &dates).unwrap();
    for (row, as_of) in dates.into_iter().enumerate() {
        let one = snapshot(&records, &measures, &labelling, as_of).unwrap();
        for name in ["x", "y", "churned", "expanded"] {
            let (Some(Column::Number(all)), Some(Column::Number(one))) = (all.column(name), one.column(name))
            else {
                panic!("{name}")
            };
            assert!(all[row].to_bits() == one[0].to_bits() || all[row].is_nan() && one[0].is_nan(), "{name}");
        }
    }
    let text = snapshots(&records, &measures, &labelling, &[]).unwrap_err().to_string();
    assert_eq!(text, "the list of dates has no rows; give it one date at least");
}

#[test]
fn labels_cover_gap_and_horizon_and_are_censored_after() {
    let label = |day: Date, labelling: &Labelling, as_of: Date| {
        let records = records(&[("cancelled", None, 1.0, day, day)]);
        value(&snapshot(&records, &[], labelling, as_of).unwrap(), "churned")
    };
    let labelling = Labelling::default().gap_days(10).horizon_days(30);
    assert_eq!(label(date(2026, 4, 11), &labelling, AS_OF), 1.0);
    assert_eq!(label(date(2026, 5, 10), &labelling, AS_OF), 1.0);
    assert_eq!(label(date(2026, 5, 11), &labelling, AS_OF), 0.0);
    assert!(label(date(2026, 4, 10), &labelling, AS_OF).is_nan(), "left within the gap");
    // Known until the first of August: 40 days before it is the last date whose label is known.
    assert_eq!(label(date(2026, 7, 30), &labelling, date(2026, 6, 22)), 1.0);
    assert!(label(date(2026, 7, 30), &labelling, date(2026, 6, 23)).is_nan(), "not over yet");
}

#[test]
fn those_who_left_or_are_not_there_yet_are_in_no_snapshot() {
    let left = records(&[("cancelled", None, 1.0, date(2026, 3, 1), date(2026, 3, 1))]);
    let text = snapshot(&left, &[], &Labelling::default(), AS_OF).unwrap_err().to_string();
    assert_eq!(
        text,
        "the snapshot at 2026-04-01 has no rows; no account had started and not left by then; choose another date"
    );
    assert!(snapshot(&left, &[], &Labelling::default(), date(2025, 1, 1)).is_err());
    assert!(snapshot(&left, &[], &Labelling::default(), date(2025, 1, 2)).is_ok());
}
