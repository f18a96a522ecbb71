//! How labels are asked for: names, ranges, TOML, the split that fits, and the list of those who left.

use super::super::{exits, labels};
use super::*;
use crate::frame::{Column, Table};

fn from_toml(text: &str) -> std::result::Result<Labelling, String> {
    toml::from_str(text).map_err(|error| error.message().to_owned())
}

#[test]
fn everything_can_be_said_in_toml() {
    let text = r#"
        churn = "gone"
        churn_event = ["cancelled", "closed"]
        expansion = "grew"
        expansion_by = ["seats", "products"]
        downsell_event = "reduced"
        plan_order = ["free", "team"]
        win_back_event = "back"
        pause_event = "paused"
        resume_event = "resumed"
        pause_days = 45
        merged_event = "merged"
        absorbed_event = "absorbed"
        involuntary_events = ["payment_failed"]
        involuntary_days = 20
        grace_days = 14
        gap_days = 7
        horizon_days = [30, 90]
    "#;
    let expected = Labelling::default()
        .churn(Churn::Event(vec!["cancelled".into(), "closed".into()]))
        .columns("gone", "grew")
        .expansion_by([Part::Seats, Part::Products])
        .downsell_event(Some("reduced"))
        .plan_order(["free", "team"])
        .win_back_event("back")
        .pause_events("paused", "resumed")
        .pause_days(45)
        .merger_events("merged", "absorbed")
        .involuntary(["payment_failed"], 20)
        .grace_days(14)
        .gap_days(7)
        .horizons_days([30, 90]);
    assert_eq!(from_toml(text), Ok(expected));
    let rules = |text| from_toml(text).map(|labelling| labelling.churn_rules);
    assert_eq!(rules("churn_by = 'no_revenue'"), Ok(vec![Churn::NoRevenue]));
    assert_eq!(rules("churn_by = 'renewal'"), Ok(vec![Churn::Renewal]));
    assert_eq!(rules("churn_by = ['notice']"), Ok(vec![Churn::Notice]));
    let rhythm = Churn::Rhythm { events: vec!["order".into()], times: 3.0, at_least_days: 30 };
    assert_eq!(rules("rhythm = ['order']"), Ok(vec![rhythm.clone()]));
    let all = "rhythm = ['order']\nchurn_by = ['notice', 'no_revenue']\nchurn_event = 'closed'";
    let closed = Churn::Event(vec!["closed".into()]);
    assert_eq!(rules(all), Ok(vec![closed, Churn::Notice, Churn::NoRevenue, rhythm]));
}

#[test]
fn what_does_not_hold_together_is_refused() {
    for (text, expected) in [
        (
            "gap_days = 3",
            "[label] needs `churn_event`, `churn_by`, `rhythm`, or `silence` with the events that must not cease",
        ),
        ("silence = ['a']\nrhythm = ['a']", "[label] has both `silence` and `rhythm`; give it one"),
        (
            "churn_by = ['notice', 'notice']",
            "`churn` is churn by notice twice, expected one rule of each kind",
        ),
        ("churn_by = []", "[label] has an empty `churn_by`; name notice, renewal or no_revenue"),
        (
            "churn_event = 'a'\nexpansion_event = 'b'\nexpansion_by = ['seats']",
            "[label] has both `expansion_event` and `expansion_by`; give it one",
        ),
        (
            "churn_event = 'a'\npause_event = 'b'",
            "[label] has one of `pause_event` and `resume_event`; give it both",
        ),
        (
            "churn_event = 'a'\ninvoluntary_days = 3",
            "[label] has `involuntary_days` but no `involuntary_events`; name them",
        ),
        (
            "churn_event = 'a'\nsilence_days = 3",
            "[label] has `silence_days` but no `silence`; name the events that must not cease",
        ),
        (
            "churn_event = 'a'\nrhythm_times = 3.0",
            "[label] has `rhythm_times` or `at_least_days` but no `rhythm`; name the events that must not cease",
        ),
        ("churn_event = 'a'\nhorizon_days = 0", "`horizon_days` is 0, expected 1 to 3660 days"),
        ("churn_event = 'a'\nhorizon_days = []", "`horizons_days` is empty, expected at least one horizon"),
        (
            "churn_event = 'a'\nhorizon_days = [30, 30]",
            "`columns` is `churned_30d` twice, expected a name of its own for each label",
        ),
        ("churn_event = 'a'\ngrace_days = 9999", "`grace_days` is 9999, expected at most 3660 days"),
        ("churn_event = ''", "`churn` is without events, expected names of one event at least"),
        ("rhythm = ['a']\nrhythm_times = 0.5", "`times` is 0.5, expected a finite number of at least 1"),
        (
            "churn_event = 'a'\nexpansion_event = 'b'\nexpansion = 'churned'",
            "`columns` is `churned` twice, expected a name of its own for each label",
        ),
    ] {
        assert_eq!(from_toml(text), Err(expected.to_owned()), "{text}");
    }
    let nothing = labelling().expansion_by([]);
    assert!(nothing.check().is_err());
}

#[test]
fn a_label_by_an_event_that_never_is_would_be_no_label() {
    let timeline = |label: &str| {
        let table = "account = 'a'\n[[table]]\noccurred_at = 'd'\n[[table.event]]\nname = 'order'\n";
        crate::timeline::Timeline::from_toml(&format!("{table}{label}")).map_err(|error| error.to_string())
    };
    let refused = timeline("[label]\nchurn_event = 'canceled'\n").unwrap_err();
    assert_eq!(refused, "schema: [label] reads `canceled`, but the events are: order");
    assert!(timeline("[label]\nsilence = ['order']\n").is_ok());
    assert!(timeline("").is_ok(), "where none is declared, the usual one need not be");
}

#[test]
fn the_split_purges_what_the_labels_look_at() {
    let split = labelling().horizons_days([30, 60]).grace_days(5).split(on(6, 30));
    // 75 days before the cut, and 74.
    let as_of = [on(4, 16), on(4, 17), on(6, 30)];
    assert_eq!(split.split(&as_of).unwrap(), (vec![0], vec![2]));
}

fn texts(table: &Table, name: &str) -> Vec<Option<String>> {
    match table.column(name) {
        Some(Column::Category(texts)) => {
            (0..table.n_rows()).map(|row| texts.text(row).map(str::to_owned)).collect()
        }
        other => panic!("{name}: {other:?}"),
    }
}

fn days(story: &Story, labelling: &Labelling) -> Vec<(String, Option<String>)> {
    let table = exits(&story.records(), labelling).unwrap();
    let left_on = texts(&table, "left_on").into_iter().flatten();
    left_on.zip(texts(&table, "returned_on")).collect()
}

#[test]
fn who_left_is_listed_with_the_day() {
    let labelling = labelling().win_back_event("back").grace_days(10).involuntary(["unpaid"], 5);
    let told = story()
        .event("cancelled", on(2, 1))
        .event("back", on(3, 1))
        .event("cancelled", on(5, 1))
        .event("back", on(5, 11))
        .event("unpaid", on(6, 30))
        .event("cancelled", on(7, 2));
    let first = ("2026-02-01".to_owned(), Some("2026-03-01".to_owned()));
    let last = ("2026-07-02".to_owned(), None);
    assert_eq!(days(&told, &labelling), [first.clone(), last]);
    let table = exits(&told.records(), &labelling).unwrap();
    assert_eq!(table.column("is_involuntary"), Some(&Column::Number(vec![0.0, 1.0])));
    assert_eq!(texts(&table, "account_id"), [Some("A".into()), Some("A".into())]);
    // Within its days of grace it may still come back.
    assert_eq!(days(&told.clone().known_until(on(7, 12)), &labelling), [first]);
    // Which no merger is.
    let merged = labelling.clone().merger_events("merged", "absorbed");
    assert_eq!(days(&story().event("merged", on(2, 1)).event("cancelled", on(2, 2)), &merged), []);
    assert_eq!(
        days(&story().contract(team(date(2025, 5, 1), on(5, 1))), &labelling.churn(Churn::NoRevenue)).len(),
        1
    );
}

#[test]
fn labels_come_without_signals_too() {
    let records = story().event("cancelled", on(4, 20)).records();
    let table = labels(&records, &labelling(), &[AS_OF, on(4, 15), on(6, 30)][..2]).unwrap();
    assert_eq!(table.names(), ["account_id", "as_of", "churned"]);
    assert_eq!(texts(&table, "as_of"), [Some("2026-04-01".into()), Some("2026-04-15".into())]);
    let Some(Column::Number(churned)) = table.column("churned") else { panic!() };
    assert!(churned[0] == 1.0 && churned[1].is_nan(), "{churned:?}");
}

#[test]
fn silence_has_a_day_too() {
    let orders = |days: &[Date]| days.iter().fold(story(), |story, day| story.event("order", *day));
    let told = orders(&[on(3, 3), on(3, 10), on(3, 17), on(5, 1)]);
    let back = ("2026-04-08".to_owned(), Some("2026-05-01".to_owned()));
    let rhythm = Churn::Rhythm { events: vec!["order".into()], times: 3.0, at_least_days: 10 };
    // 21 days after the third; after the fourth the rhythm is 19⅔ days, which makes 59.
    let gone = ("2026-06-30".to_owned(), None);
    assert_eq!(days(&told, &labelling().churn(rhythm)), [back.clone(), gone]);
    let silence = labelling().silence(["order"], Some(21));
    assert_eq!(days(&told, &silence), [back, ("2026-05-23".to_owned(), None)]);
    let text = exits(&told.records(), &labelling().silence(["order"], None)).unwrap_err().to_string();
    assert_eq!(text, "`silence_days` is none, expected the days of silence after which an account has left");
}
