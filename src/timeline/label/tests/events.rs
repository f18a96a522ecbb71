//! Churn by events: cancellation, win-back, mergers, silence, rhythm, pauses, what made it leave.

use super::*;

fn cancelled(day: Date) -> Story {
    story().event("cancelled", day)
}

#[test]
fn the_first_day_counts_and_the_day_after_the_last_does_not() {
    let cases = [
        (AS_OF, None),
        (on(4, 10), None),
        (BEGINS, Some(true)),
        (on(5, 10), Some(true)),
        (ENDS, Some(false)),
    ];
    for (day, expected) in cases {
        assert_eq!(cancelled(day).left(&labelling()), expected, "{day}");
        assert!(cancelled(day).is_customer(&labelling(), AS_OF), "{day}");
    }
    assert_eq!(story().left(&labelling()), Some(false));
    // Without a gap the horizon begins with the very day.
    assert_eq!(cancelled(AS_OF).left(&labelling().gap_days(0)), Some(true));
    assert!(!cancelled(on(3, 31)).is_customer(&labelling(), AS_OF));
}

#[test]
fn who_left_before_but_was_known_to_only_later_is_in_the_snapshot_without_a_label() {
    let late = story().late_event("cancelled", on(3, 30), on(4, 3));
    assert!(late.is_customer(&labelling(), AS_OF));
    assert_eq!(late.left(&labelling()), None);
    assert!(!late.is_customer(&labelling(), on(4, 4)));
    // What is known late of the horizon counts, unless it is known too late for these records.
    let late = |known_at| story().late_event("cancelled", on(5, 1), known_at).left(&labelling());
    assert_eq!((late(on(7, 31)), late(on(8, 1))), (Some(true), Some(false)));
}

#[test]
fn a_horizon_that_has_not_passed_is_censored_whatever_happened() {
    for gone in [story(), cancelled(BEGINS)] {
        let expected = Some(!gone.events.is_empty());
        assert_eq!(gone.clone().known_until(ENDS).left(&labelling()), expected);
        assert_eq!(gone.clone().known_until(on(5, 10)).left(&labelling()), None);
        assert_eq!(gone.clone().known_until(on(5, 24)).left(&labelling().grace_days(14)), None);
        assert_eq!(gone.clone().known_until(on(5, 25)).left(&labelling().grace_days(14)), expected);
    }
}

#[test]
fn several_horizons_have_a_column_each() {
    let labelling = labelling().horizons_days([30, 60, 120]);
    assert_eq!(labelling.label_columns(), ["churned_30d", "churned_60d", "churned_120d"]);
    assert_eq!(cancelled(on(5, 20)).labels(&labelling), [Some(false), Some(true), None]);
}

#[test]
fn who_is_back_within_the_days_of_grace_was_never_away() {
    let back = |grace_days| {
        let labelling = labelling().win_back_event("back").grace_days(grace_days);
        cancelled(on(4, 15)).event("back", on(4, 20)).left(&labelling)
    };
    assert_eq!((back(0), back(4), back(5)), (Some(true), Some(true), Some(false)));
    let same_day = cancelled(on(4, 15)).event("back", on(4, 15));
    assert_eq!(same_day.left(&labelling().win_back_event("back")), Some(false));
}

#[test]
fn who_was_won_back_is_an_account_again_and_can_leave_again() {
    let labelling = labelling().win_back_event("back");
    let back = cancelled(on(2, 1)).event("back", on(3, 1));
    assert!(back.is_customer(&labelling, on(2, 1)) && !back.is_customer(&labelling, on(2, 2)));
    assert!(!back.is_customer(&labelling, on(3, 1)) && back.is_customer(&labelling, on(3, 2)));
    assert_eq!(back.left(&labelling), Some(false));
    assert_eq!(back.event("cancelled", on(4, 30)).left(&labelling), Some(true));
    // Away when the horizon begins: no label, whether it comes back or not.
    let in_gap = |back| cancelled(on(4, 5)).event("back", back).left(&labelling);
    assert_eq!((in_gap(BEGINS), in_gap(on(4, 12))), (Some(false), None));
    // In its days of grace an account is one that may still come back.
    let grace = labelling.clone().grace_days(10);
    assert!(cancelled(on(3, 22)).is_customer(&grace, AS_OF));
    assert!(!cancelled(on(3, 21)).is_customer(&grace, AS_OF));
}

#[test]
fn an_account_that_went_into_another_has_not_left() {
    let labelling = labelling().merger_events("merged", "absorbed").expansion_event(Some("expanded"));
    let both = |story: Story| story.labels(&labelling);
    assert_eq!(both(story().event("merged", on(4, 20))), [None, None]);
    assert_eq!(both(story().event("merged", ENDS)), [Some(false), Some(false)]);
    assert_eq!(both(cancelled(on(4, 19)).event("merged", on(4, 20)))[0], Some(true));
    assert_eq!(both(cancelled(on(4, 20)).event("merged", on(4, 20)))[0], None);
    assert!(!story().event("merged", on(3, 31)).is_customer(&labelling, AS_OF));
    assert!(story().event("merged", AS_OF).is_customer(&labelling, AS_OF));
    // Growth by taking another in is not its own.
    let takes_in = |day| both(story().event("absorbed", day).event("expanded", on(4, 20)));
    assert_eq!(
        (takes_in(on(5, 10)), takes_in(ENDS)),
        (vec![Some(false), None], vec![Some(false), Some(true)])
    );
}

#[test]
fn those_made_to_leave_are_told_from_those_who_choose_to() {
    let labelling = labelling().involuntary(["payment_failed"], 30);
    assert_eq!(labelling.label_columns(), ["churned", "churned_voluntary", "churned_involuntary"]);
    let unpaid = |day| cancelled(on(4, 30)).event("payment_failed", day).labels(&labelling);
    let (voluntary, involuntary) = ([true, true, false].map(Some), [true, false, true].map(Some));
    assert_eq!(cancelled(on(4, 30)).labels(&labelling), voluntary);
    for (day, expected) in
        [(on(3, 30), voluntary), (on(3, 31), involuntary), (on(4, 30), involuntary), (on(5, 1), voluntary)]
    {
        assert_eq!(unpaid(day), expected, "{day}");
    }
    assert_eq!(story().labels(&labelling), [Some(false); 3]);
    assert_eq!(cancelled(on(4, 5)).labels(&labelling), [None; 3]);
}

#[test]
fn silence_in_an_agreed_pause_tells_nothing() {
    let labelling = labelling().silence(["login"], Some(60)).pause_events("paused", "resumed");
    let quiet = story().event("login", on(3, 1));
    assert_eq!(quiet.left(&labelling), Some(true));
    assert_eq!(quiet.clone().event("paused", on(4, 20)).left(&labelling), None);
    assert_eq!(
        quiet.clone().event("paused", on(3, 5)).event("resumed", on(4, 11)).left(&labelling),
        Some(true)
    );
    assert_eq!(quiet.clone().event("paused", ENDS).left(&labelling), Some(true));
    assert_eq!(
        quiet.clone().event("paused", on(4, 20)).event("login", on(5, 9)).left(&labelling),
        Some(false)
    );
    // No longer an account 60 days after its latest, unless it is paused.
    assert!(quiet.is_customer(&labelling, on(4, 30)) && !quiet.is_customer(&labelling, on(5, 1)));
    assert!(quiet.event("paused", on(4, 20)).is_customer(&labelling, on(5, 1)));
}

/// Once a week up to the last of March.
fn weekly() -> Story {
    [on(3, 3), on(3, 10), on(3, 17), on(3, 24), on(3, 31)]
        .into_iter()
        .fold(story(), |s, day| s.event("order", day))
}

fn by_rhythm(at_least_days: u32) -> Labelling {
    labelling().churn(Churn::Rhythm { events: vec!["order".into()], times: 3.0, at_least_days })
}

#[test]
fn silence_is_too_long_beyond_a_multiple_of_the_own_rhythm() {
    // More than 21 days after the last of March: on the 22nd of April.
    assert_eq!(weekly().left(&by_rhythm(10)), Some(true));
    let then = |day| weekly().event("order", day).left(&by_rhythm(10));
    assert_eq!(then(on(4, 21)), Some(false), "in time, and the next 21 days end after the horizon");
    assert_eq!(then(on(4, 22)), Some(false), "on that very day");
    assert_eq!(then(on(4, 23)), Some(true), "came back a day after it had left");
    assert_eq!(then(on(4, 18)), Some(true), "too long after that one, on the 10th of May");
    assert_eq!(then(on(4, 19)), Some(false), "on the 11th");
    // No gap of fewer days is too long: 40 days after the last of March is the 10th of May.
    assert_eq!((weekly().left(&by_rhythm(39)), weekly().left(&by_rhythm(40))), (Some(true), Some(false)));
    assert_eq!(weekly().left(&by_rhythm(4).gap_days(21)), Some(true), "on the first day of the horizon");
    assert_eq!(weekly().left(&by_rhythm(4).gap_days(22)), None, "within the gap");
}

#[test]
fn the_rhythm_is_the_one_known_at_the_date() {
    assert!(
        weekly().is_customer(&by_rhythm(10), on(4, 22)) && !weekly().is_customer(&by_rhythm(10), on(4, 23))
    );
    // Two days are no rhythm.
    let two = story().event("order", on(3, 30)).event("order", on(3, 31));
    assert_eq!((two.left(&by_rhythm(39)), two.left(&by_rhythm(40))), (Some(true), Some(false)));
    // An order known late was not part of the rhythm, which then is 14 days a gap.
    let late = story().event("order", on(3, 3)).event("order", on(3, 17)).event("order", on(3, 31));
    assert_eq!(late.left(&by_rhythm(1)), Some(false), "42 days after the last of March");
    let late = late.late_event("order", on(3, 24), on(4, 2)).late_event("order", on(3, 10), on(4, 2));
    assert_eq!(late.left(&by_rhythm(1)), Some(false));
    assert!(late.is_customer(&by_rhythm(1), AS_OF));
    // Without any, since it started.
    assert!(!story().is_customer(&by_rhythm(30), AS_OF));
    assert!(story().is_customer(&by_rhythm(30), date(2025, 2, 1)));
    assert!(!story().is_customer(&by_rhythm(30), date(2025, 2, 2)));
}

#[test]
fn paused_days_are_no_silence() {
    let labelling = by_rhythm(10).pause_events("paused", "resumed").pause_days(60);
    let paused = |from, to| weekly().event("paused", from).event("resumed", to).left(&labelling);
    assert_eq!(paused(on(4, 5), on(4, 24)), Some(false), "19 days later, on the 11th of May");
    assert_eq!(paused(on(4, 5), on(4, 23)), Some(true));
    assert_eq!(paused(on(4, 22), on(5, 20)), Some(true), "too late");
    // Without an end, after the longest there is.
    let endless = weekly().event("paused", on(4, 5));
    assert_eq!(endless.left(&labelling), Some(false));
    assert_eq!(endless.left(&labelling.clone().pause_days(18)), Some(true));
    // Nor do they make the rhythm slower.
    let before =
        [on(2, 1), on(2, 8), on(3, 24), on(3, 31)].into_iter().fold(story(), |s, day| s.event("order", day));
    let labelling = labelling.clone();
    assert_eq!(before.left(&labelling), Some(false));
    assert_eq!(before.event("paused", on(2, 9)).event("resumed", on(3, 18)).left(&labelling), Some(true));
}
