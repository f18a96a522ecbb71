//! Snapshots by hand: windows, absence, late facts, labels and censoring; and the proof on any records.

mod order;
mod proof;

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

#[test]
fn windows_and_dates_are_half_open() {
    let days = [date(2026, 3, 24), date(2026, 3, 25), date(2026, 3, 31), AS_OF];
    let records = records(&days.map(|day| at(day, 1.0)));
    assert_eq!(measured(&records, last_week(How::Count)), 2.0);
    let before = Formula::Of(Aggregate::new(How::Count, "seen").window_days(7).ended_days(7));
    assert_eq!(measured(&records, before), 1.0);
}

#[test]
fn what_was_not_yet_known_is_not_seen() {
    let day = date(2026, 3, 30);
    let late = ("seen", None, 1.0, day, AS_OF);
    let just_in_time = ("seen", None, 1.0, day, date(2026, 3, 31));
    assert_eq!(measured(&records(&[late, just_in_time]), last_week(How::Count)), 1.0);
}

#[test]
fn every_aggregate_is_reckoned() {
    let monday = date(2026, 3, 30);
    let records =
        records(&[at(monday, 5.0), at(monday, 5.0), at(date(2026, 3, 26), 2.0), at(date(2025, 1, 11), 9.0)]);
    let found: Vec<f64> = [
        How::Count,
        How::CountPerWeek,
        How::Any,
        How::Sum,
        How::Mean,
        How::Last,
        How::DistinctUsers,
        How::DistinctDays,
        How::DaysSinceLast,
    ]
    .map(|how| measured(&records, last_week(how)))
    .to_vec();
    assert_eq!(found, [3.0, 3.0, 1.0, 12.0, 4.0, 5.0, 2.0, 2.0, 2.0]);
    assert_eq!(measured(&records, Formula::Of(Aggregate::new(How::DaysToFirst, "seen"))), 10.0);
}

#[test]
fn every_other_aggregate_is_reckoned() {
    // Two, two and one day before the end; nothing the day before that; then one more.
    let days = [30, 31, 31, 28].map(|day| date(2026, 3, day));
    let seen = [at(days[0], 5.0), at(days[1], 7.0), at(days[2], 2.0), at(days[3], 4.0)];
    let records = records(&[&seen[..], &[("met", None, 1.0, days[1], days[1])]].concat());
    let found = |how| measured(&records, Formula::Of(Aggregate::new(how, "seen").or("met").window_days(7)));
    assert_eq!([How::Min, How::Max].map(|how| measured(&records, last_week(how))), [2.0, 7.0]);
    assert_eq!(found(How::DistinctNames), 2.0);
    assert_eq!(found(How::DaysSinceFirst), 4.0);
    assert_eq!(found(How::MeanGapDays), 1.5);
    assert_eq!(found(How::StreakDays), 2.0);
    let until_monday = Aggregate::new(How::StreakDays, "seen").window_days(7).ended_days(1);
    assert_eq!(measured(&records, Formula::Of(until_monday)), 1.0);
    let until_sunday = Aggregate::new(How::StreakDays, "seen").window_days(7).ended_days(2);
    assert_eq!(measured(&records, Formula::Of(until_sunday)), 0.0, "nothing on the last day of the window");
    let since = Aggregate::new(How::DaysToFirst, "seen").since(date(2026, 3, 1));
    assert_eq!(measured(&records, Formula::Of(since)), 27.0);
}

#[test]
fn depth_breadth_and_shares_are_reckoned() {
    let day = date(2026, 3, 20);
    let use_of = |name: &'static str, user: u32| (name, Some(user), 1.0, day, day);
    // Ann uses reports twice and exports, Bob reports only: three pairs of two users.
    let facts = [use_of("reports", 1), use_of("reports", 1), use_of("exports", 1), use_of("reports", 2)];
    let records = records(&facts);
    let features =
        |how| Aggregate::new(how, "reports").or("exports").or("alerts").or("reports").window_days(28);
    assert_eq!(measured(&records, Formula::Of(features(How::NamesPerUser))), 1.5);
    assert_eq!(measured(&records, Formula::Of(features(How::ShareOfNames))), 2.0 / 3.0);
    assert_eq!(measured(&records, Formula::Of(features(How::DistinctNames))), 2.0);
    let of = |name: &'static str| Aggregate::new(How::Count, name).window_days(28);
    assert_eq!(measured(&records, Formula::Ratio(of("exports"), features(How::Count))), 0.25);
    let alerts = Aggregate::new(How::NamesPerUser, "alerts");
    assert!(measured(&records, Formula::Of(alerts)).is_nan());
}

#[test]
fn the_trend_is_that_of_the_values_over_their_days() {
    // 4 on day 0, 2 on day 10, 3 on day 20: slope ((-10) (1) + (10) (0)) / 200 = -0.05 a day.
    let days = [(1, 4.0), (11, 2.0), (21, 3.0)];
    let records = records(&days.map(|(day, value)| at(date(2026, 3, day), value)));
    let trend = |days| Formula::Of(Aggregate::new(How::Trend, "seen").window_days(days));
    assert!((measured(&records, trend(90)) + 1.5).abs() < 1e-12);
    assert!(measured(&records, trend(20)).is_nan(), "one day has no trend");
    assert!(measured(&records, trend(7)).is_nan());
}

#[test]
fn what_nobody_recorded_is_missing_not_zero() {
    let facts = [("desk", None, 1.0, date(2026, 2, 1), date(2026, 3, 31))];
    let connected = records(&facts);
    let tickets = || Aggregate::new(How::Count, "ticket").window_days(30);
    assert_eq!(measured(&connected, Formula::Of(tickets())), 0.0);
    assert_eq!(measured(&connected, Formula::Of(tickets().observed_with("desk"))), 0.0);
    assert!(measured(&records(&[]), Formula::Of(tickets().observed_with("desk"))).is_nan());
    assert_eq!(measured(&connected, Formula::Of(tickets().observed_since(date(2026, 3, 2)))), 0.0);
    assert!(measured(&connected, Formula::Of(tickets().observed_since(date(2026, 3, 3)))).is_nan());
    let ever = Aggregate::new(How::Count, "ticket");
    assert_eq!(measured(&connected, Formula::Of(ever.clone().observed_since(date(2025, 1, 1)))), 0.0);
    assert!(measured(&connected, Formula::Of(ever.observed_since(date(2025, 1, 2)))).is_nan());
}

#[test]
fn windows_of_many_lengths_and_ends_agree_with_counting_by_hand() {
    let days: Vec<Date> =
        (0..200).map(|at| AS_OF.saturating_sub(jiff::Span::new().days(at * at % 211))).collect();
    let facts: Vec<_> = days.iter().enumerate().map(|(at, day)| at_user(*day, at as u32 % 7)).collect();
    let records = records(&facts);
    for ended in [0, 1, 28] {
        for window in [1, 7, 28, 90, 180, 365] {
            let to = AS_OF.saturating_sub(jiff::Span::new().days(ended));
            let from = to.saturating_sub(jiff::Span::new().days(window));
            let inside: Vec<_> = facts.iter().filter(|fact| fact.3 >= from && fact.3 < to).collect();
            let distinct = |of: &dyn Fn(&&Fact) -> i64| {
                inside.iter().map(of).collect::<std::collections::BTreeSet<i64>>().len() as f64
            };
            let found = |how| {
                let window = Aggregate::new(how, "seen").window_days(window as u32).ended_days(ended as u32);
                measured(&records, Formula::Of(window))
            };
            assert_eq!(found(How::Count), inside.len() as f64);
            assert_eq!(found(How::DistinctUsers), distinct(&|fact| i64::from(fact.1.unwrap())));
            assert_eq!(found(How::DistinctDays), distinct(&|fact| i64::from(super::day::number_of(fact.3))));
            let sum: f64 = inside.iter().map(|fact| fact.2).sum();
            assert!((found(How::Sum) - sum).abs() < 1e-12 * sum.max(1.0));
        }
    }
}

type Fact = (&'static str, Option<u32>, f64, Date, Date);

fn at_user(day: Date, user: u32) -> Fact {
    ("seen", Some(user), 0.1 + f64::from(user) / 3.0, day, day)
}

#[test]
fn contracts_tell_of_notice_and_products() {
    let yearly = |product: &str, mrr: i64| Contract {
        product: product.into(),
        term_months: Some(12),
        notice_days: Some(30),
        mrr_cents: Some(mrr),
        seats: Some(3),
        ..Contract::new(0, date(2025, 7, 1))
    };
    let over = Contract { ended: Some(date(2026, 1, 1)), ..yearly("old", 99_900) };
    let cancelled = Contract { status: ContractStatus::Cancelled, ..yearly("add-on", 500) };
    let contracts = vec![yearly("main", 10_000), over, cancelled];
    let names = EventNames::default();
    let records = Records::new(vec![account("A")], contracts, names, vec![], date(2026, 8, 1)).unwrap();
    let fact = |fact| measured(&records, Formula::Contract(fact));
    assert_eq!(fact(ContractFact::Products), 2.0);
    assert_eq!(fact(ContractFact::Mrr), 105.0);
    assert_eq!(fact(ContractFact::Seats), 6.0);
    assert_eq!(fact(ContractFact::NoticeDays), 30.0);
    assert_eq!(fact(ContractFact::DaysToRenewal) - fact(ContractFact::DaysToNotice), 30.0);
    assert!(fact(ContractFact::DiscountShare).is_nan(), "unsaid is not zero");
}

#[test]
fn months_lie_between_the_first_fact_and_the_end() {
    let records = records(&[at(date(2025, 3, 1), 1.0)]);
    let months = records.months();
    assert_eq!((months[0], months[1], months.len()), (date(2025, 2, 1), date(2025, 3, 1), 19));
    assert_eq!(months[18], date(2026, 8, 1));
}

#[test]
fn the_slope_is_that_of_the_weekly_counts() {
    // 1, 0, 4 events in three weeks, oldest first: slope (4 - 1) / 2. What is older than whole weeks does not count.
    let days = [(3, 13), (3, 25), (3, 26), (3, 26), (3, 31), (3, 9)];
    let records = records(&days.map(|(month, day)| at(date(2026, month, day), 1.0)));
    let slope = |days| Formula::Of(Aggregate::new(How::WeeklySlope, "seen").window_days(days));
    assert!((measured(&records, slope(21)) - 1.5).abs() < 1e-12);
    assert!((measured(&records, slope(24)) - 1.5).abs() < 1e-12);
    // 4 then 0 events in two weeks.
    let text = snapshot(&records, &[Measure::new("x", slope(13))], &Labelling::default(), AS_OF);
    assert_eq!(
        text.unwrap_err().to_string(),
        "schema: measure `x`: a `weekly_slope` needs `window_days` of 14 or more"
    );
}

#[test]
fn absent_can_be_said() {
    let records = records(&[at(date(2026, 1, 1), 5.0)]);
    let of = |how, absent| Formula::Of(Aggregate::new(how, "seen").window_days(7).absent(absent));
    assert!(measured(&records, of(How::Count, Absent::Missing)).is_nan());
    assert_eq!(measured(&records, of(How::Last, Absent::Zero)), 0.0);
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
fn absent_is_zero_or_missing_by_what_is_asked() {
    let records = records(&[at(date(2026, 1, 1), 5.0)]);
    for how in [How::Count, How::CountPerWeek, How::Any, How::Sum, How::DistinctUsers, How::DistinctDays] {
        assert_eq!(measured(&records, last_week(how)), 0.0, "{how:?}");
    }
    for how in [How::Mean, How::Last, How::DaysSinceLast, How::DaysToFirst] {
        assert!(measured(&records, last_week(how)).is_nan(), "{how:?}");
    }
    let never = Aggregate::new(How::Count, "never");
    assert!(measured(&records, Formula::Ratio(never.clone(), never.clone())).is_nan());
    assert!(measured(&records, Formula::PerSeat(never)).is_nan());
    assert!(measured(&records, Formula::Contract(ContractFact::Mrr)).is_nan());
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

#[test]
fn the_contract_is_the_one_known_then() {
    let contract = |starts: Date, known_at: Date, seats: u32| Contract {
        ends: Some(date(2026, 10, 1)),
        known_at,
        auto_renew: Some(true),
        seats: Some(seats),
        mrr_cents: Some(12_345),
        ..Contract::new(0, starts)
    };
    let contracts = vec![
        contract(date(2026, 3, 1), date(2026, 5, 1), 30),
        contract(date(2025, 10, 1), date(2025, 9, 1), 20),
        contract(AS_OF, date(2026, 1, 1), 40),
    ];
    let events = vec![];
    let records =
        Records::new(vec![account("A")], contracts, EventNames::default(), events, date(2026, 8, 1)).unwrap();
    let measure = |fact| measured(&records, Formula::Contract(fact));
    assert_eq!(measure(ContractFact::Seats), 20.0);
    assert_eq!(measure(ContractFact::Mrr), 123.45);
    assert_eq!(measure(ContractFact::DaysToRenewal), 183.0);
    assert_eq!(measure(ContractFact::AutoRenew), 1.0);
}

#[test]
fn a_contract_renews_itself_ends_early_or_is_replaced() {
    let yearly = Contract {
        id: "C1".into(),
        term_months: Some(12),
        auto_renew: Some(true),
        ..Contract::new(0, date(2024, 3, 31))
    };
    assert_eq!(yearly.renewal(date(2024, 4, 1)), Some(date(2025, 3, 31)));
    assert_eq!(yearly.renewal(date(2025, 3, 31)), Some(date(2025, 3, 31)));
    assert_eq!(yearly.renewal(AS_OF), Some(date(2027, 3, 31)));
    let cancelled = Contract { status: ContractStatus::Cancelled, ..yearly.clone() };
    assert_eq!(cancelled.renewal(AS_OF), Some(date(2025, 3, 31)), "notice was given");
    assert!(yearly.holds(AS_OF) && !Contract { ends: cancelled.renewal(AS_OF), ..cancelled }.holds(AS_OF));
    let ended = Contract { ended: Some(date(2026, 3, 31)), ..yearly.clone() };
    assert!(!ended.holds(AS_OF) && ended.holds(date(2026, 3, 31)), "known on the day itself, not before it");
    assert_eq!(ended.renewal(AS_OF), None);

    let corrected =
        Contract { starts: date(2024, 1, 1), known_at: date(2026, 3, 1), seats: Some(7), ..yearly.clone() };
    let other = Contract { product: "add-on".into(), ..Contract::new(0, date(2026, 1, 1)) };
    let contracts = vec![yearly, corrected, other];
    let made = |contracts| {
        Records::new(vec![account("A")], contracts, EventNames::default(), vec![], date(2026, 8, 1))
    };
    let records = made(contracts.clone()).unwrap();
    let seats = |day| records.contracts_at(0, day).iter().map(|c| c.seats).collect::<Vec<_>>();
    assert_eq!(seats(date(2026, 3, 1)), [None, None]);
    assert_eq!(seats(date(2026, 3, 2)), [Some(7), None], "the correction is known");
    let mut mixed = contracts;
    (mixed[0].currency, mixed[2].currency) = ("EUR".into(), "USD".into());
    assert_eq!(
        made(mixed).unwrap_err().to_string(),
        "records: contract 1 is in EUR, contract 3 in USD; convert all to one currency"
    );
}

#[test]
fn an_account_is_there_once_it_is_known() {
    let late = Account { known_at: AS_OF, ..account("A") };
    let names = EventNames::default();
    let records = |account| Records::new(vec![account], vec![], names.clone(), vec![], date(2026, 8, 1));
    let late = records(late).unwrap();
    assert!(snapshot(&late, &[], &Labelling::default(), AS_OF).is_err());
    assert!(snapshot(&late, &[], &Labelling::default(), date(2026, 4, 2)).is_ok());
    let early = Account { known_at: date(2024, 12, 31), ..account("A") };
    assert_eq!(
        records(early).unwrap_err().to_string(),
        "records: account 1 (`A`) was known on 2024-12-31, before it started on 2025-01-01"
    );
}

#[test]
fn bad_records_are_refused_in_words() {
    let day = date(2026, 3, 1);
    let mut names = EventNames::default();
    let event = Event {
        account: 0,
        name: names.code("seen"),
        user: None,
        value: 1.0,
        occurred_at: day,
        known_at: day,
    };
    let refused = |event: Event| {
        let made = Records::new(vec![account("A")], vec![], names.clone(), vec![event], day);
        made.unwrap_err().to_string()
    };
    assert_eq!(
        refused(Event { account: 3, ..event }),
        "records: event 1 is of account 3, but there are 1 accounts"
    );
    assert_eq!(
        refused(Event { known_at: date(2026, 2, 1), ..event }),
        "records: event 1 (`seen` of account `A`) was known on 2026-02-01, before it happened on 2026-03-01"
    );
    assert_eq!(
        refused(Event { value: f64::NAN, ..event }),
        "records: event 1 (`seen` of account `A`) has value NaN, expected a number"
    );
    let horizon = Labelling::default().horizon_days(0);
    assert_eq!(
        snapshot(&records(&[]), &[], &horizon, day).unwrap_err().to_string(),
        "`horizon_days` is 0, expected 1 to 3660 days"
    );
}

#[test]
fn late_facts_are_left_out_of_windows_of_every_kind() {
    // Every third fact is known up to forty days late: counting by hand what was known by then.
    let facts: Vec<Fact> = (0..300_i64)
        .map(|at| {
            let day = AS_OF.saturating_sub(jiff::Span::new().days(at * 7 % 120));
            let late = if at % 3 == 0 { at * 11 % 41 } else { 0 };
            let known_at = day.saturating_add(jiff::Span::new().days(late));
            (["seen", "met"][at as usize % 2], Some(at as u32 % 9), at as f64 / 8.0, day, known_at)
        })
        .collect();
    let records = records(&facts);
    for (window, ended) in [(7_u32, 0_u32), (30, 0), (90, 0), (30, 14), (400, 3)] {
        let to = AS_OF.saturating_sub(jiff::Span::new().days(ended));
        let from = to.saturating_sub(jiff::Span::new().days(window));
        let inside: Vec<&Fact> =
            facts.iter().filter(|fact| (from..to).contains(&fact.3) && fact.4 < AS_OF).collect();
        let distinct = |of: &dyn Fn(&Fact) -> i64| {
            inside.iter().map(|fact| of(fact)).collect::<std::collections::BTreeSet<i64>>().len() as f64
        };
        let found = |how| {
            let both = Aggregate::new(how, "seen").or("met").window_days(window).ended_days(ended);
            measured(&records, Formula::Of(both))
        };
        let values = || inside.iter().map(|fact| fact.2);
        let days = || inside.iter().map(|fact| super::day::number_of(fact.3));
        let as_of = super::day::number_of(AS_OF);
        assert_eq!(found(How::Count), inside.len() as f64);
        assert_eq!(found(How::DistinctUsers), distinct(&|fact| i64::from(fact.1.unwrap())));
        assert_eq!(found(How::DistinctNames), distinct(&|fact| fact.0.len() as i64));
        assert_eq!(found(How::DistinctDays), distinct(&|fact| i64::from(super::day::number_of(fact.3))));
        assert_eq!(found(How::Sum), values().sum::<f64>(), "eighths are exact");
        assert_eq!(found(How::Max), values().fold(f64::MIN, f64::max));
        assert_eq!(found(How::Min), values().fold(f64::MAX, f64::min));
        assert_eq!(found(How::DaysSinceLast), f64::from(as_of - days().max().unwrap()));
        assert_eq!(found(How::DaysSinceFirst), f64::from(as_of - days().min().unwrap()));
    }
}
