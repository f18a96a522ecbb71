//! Which facts fall into a window: by the day they happened, and by the day they were known.

use super::*;

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
