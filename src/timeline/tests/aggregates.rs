//! Every aggregate by hand, and what it says of an account without facts.

use super::*;

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
