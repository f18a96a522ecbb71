//! Expansion and downsell: seats, plan, products; prices are none.

use super::*;

const ALL: [Part; 3] = [Part::Seats, Part::Plan, Part::Products];

fn by(parts: &[Part]) -> Labelling {
    labelling().expansion_by(parts.iter().copied()).downsell_by(parts.iter().copied())
}

fn base() -> Contract {
    team(date(2025, 5, 1), on(12, 1))
}

/// Whether it grew and whether it shrank, by what is agreed from a day on.
fn changed(labelling: &Labelling, next: Contract) -> [Option<bool>; 2] {
    let labels = story().contract(base()).contract(next).labels(labelling);
    [labels[1], labels[2]]
}

const GREW: [Option<bool>; 2] = [Some(true), Some(false)];
const SHRANK: [Option<bool>; 2] = [Some(false), Some(true)];
const NEITHER: [Option<bool>; 2] = [Some(false); 2];
const NOT_KNOWN: [Option<bool>; 2] = [None; 2];

#[test]
fn seats_count_and_prices_do_not() {
    let seats = |seats, mrr_cents| Contract {
        seats: Some(seats),
        mrr_cents: Some(mrr_cents),
        ..team(on(4, 20), on(12, 1))
    };
    assert_eq!(changed(&by(&ALL), seats(12, 120_000)), GREW);
    assert_eq!(changed(&by(&ALL), seats(10, 130_000)), NEITHER, "a price rise");
    assert_eq!(changed(&by(&ALL), seats(10, 70_000)), NEITHER, "a discount");
    assert_eq!(changed(&by(&ALL), seats(8, 130_000)), SHRANK, "dearer, but fewer seats");
    assert_eq!(changed(&by(&ALL), seats(12, 90_000)), GREW, "cheaper, but more seats");
    assert_eq!(changed(&by(&[Part::Plan, Part::Products]), seats(12, 120_000)), NEITHER);
    let uncounted = Contract { seats: None, mrr_cents: Some(120_000), ..team(on(4, 20), on(12, 1)) };
    assert_eq!(changed(&by(&ALL), uncounted), NEITHER, "nobody counts seats: it may be the price");
}

#[test]
fn what_changes_within_the_horizon_counts() {
    let more = |starts| Contract { seats: Some(12), ..team(starts, on(12, 1)) };
    for (day, expected) in [(on(4, 10), NEITHER), (BEGINS, GREW), (on(5, 10), GREW), (ENDS, NEITHER)] {
        assert_eq!(changed(&by(&ALL), more(day)), expected, "{day}");
    }
    // Up and down again within the horizon is neither.
    let and_back = story().contract(base()).contract(more(on(4, 20))).contract(team(on(5, 5), on(12, 1)));
    assert_eq!(and_back.labels(&by(&ALL))[1..], NEITHER);
    let censored = story().contract(base()).contract(more(on(4, 20))).known_until(on(5, 10));
    assert_eq!(censored.labels(&by(&ALL))[1..], NOT_KNOWN);
}

#[test]
fn a_dearer_plan_is_growth_and_a_new_name_is_none() {
    let plan = |plan: &str, mrr_cents| Contract {
        plan: plan.into(),
        mrr_cents: Some(mrr_cents),
        ..team(on(4, 20), on(12, 1))
    };
    assert_eq!(changed(&by(&ALL), plan("business", 150_000)), GREW);
    assert_eq!(changed(&by(&ALL), plan("starter", 50_000)), SHRANK);
    assert_eq!(changed(&by(&[Part::Seats]), plan("business", 150_000)), NEITHER);
    // Renamed when the price rose: the order of the plans tells.
    let ordered = by(&ALL).plan_order(["starter", "team", "business"]);
    assert_eq!(changed(&ordered, plan("business", 150_000)), GREW);
    assert_eq!(changed(&ordered, plan("starter", 150_000)), NEITHER, "a lesser plan at a higher price");
    assert_eq!(changed(&ordered, plan("team plus", 150_000)), GREW, "one that is not in the order");
    // Half the seats at thrice the price of another plan: 500.00 less for seats, 1,000.00 more for the plan.
    let both = Contract { seats: Some(5), ..plan("business", 150_000) };
    assert_eq!(changed(&by(&ALL), both.clone()), GREW);
    assert_eq!(changed(&by(&[Part::Seats]), both), SHRANK);
    // From nothing to something.
    let free = Contract { plan: "free".into(), mrr_cents: Some(0), ..base() };
    let pays = story().contract(free.clone()).contract(team(on(4, 20), on(12, 1)));
    assert_eq!(pays.labels(&by(&ALL))[1..], GREW);
    let more_for_nothing =
        Contract { seats: Some(50), starts: on(4, 20), known_at: on(4, 20), ..free.clone() };
    assert_eq!(story().contract(free).contract(more_for_nothing).labels(&by(&ALL))[1..], NEITHER);
}

#[test]
fn a_product_more_is_growth_and_one_less_is_none_of_it() {
    let add_on = |starts, ends| Contract { product: "add-on".into(), ..team(starts, ends) };
    assert_eq!(changed(&by(&ALL), add_on(on(4, 20), on(12, 1))), GREW);
    assert_eq!(changed(&by(&[Part::Seats, Part::Plan]), add_on(on(4, 20), on(12, 1))), NEITHER);
    let dropped = add_on(on(1, 1), on(5, 1));
    assert_eq!(changed(&by(&ALL), dropped.clone()), SHRANK);
    // Renewed late: within the days of grace it was never dropped.
    let late = story().contract(base()).contract(dropped).contract(add_on(on(5, 15), on(12, 1)));
    assert_eq!(late.labels(&by(&ALL))[1..], SHRANK);
    assert_eq!(late.labels(&by(&ALL).grace_days(4))[1..], SHRANK);
    assert_eq!(late.labels(&by(&ALL).grace_days(5))[1..], NEITHER);
}

#[test]
fn who_leaves_neither_grows_nor_shrinks() {
    let more = Contract { seats: Some(12), ..team(on(4, 15), on(12, 1)) };
    let left = story().contract(base()).contract(more.clone()).event("cancelled", on(5, 1));
    assert_eq!(left.labels(&by(&ALL)), [Some(true), Some(false), Some(false)]);
    let in_gap = story().contract(base()).contract(more.clone()).event("cancelled", on(4, 5));
    assert_eq!(in_gap.labels(&by(&ALL)), [None; 3]);
    // Without any contract before, there is nothing to grow from.
    let new = story().contract(more);
    assert_eq!(new.labels(&by(&ALL)), [Some(false), None, None]);
    let runs_out = story().contract(team(date(2025, 5, 1), on(5, 1)));
    assert_eq!(runs_out.labels(&by(&ALL)), [Some(false); 3]);
}

#[test]
fn growth_by_events_is_until_it_leaves() {
    let labelling = labelling().expansion_event(Some("expanded")).downsell_event(Some("reduced"));
    assert_eq!(labelling.label_columns(), ["churned", "expanded", "downsold"]);
    let labels = |day| {
        story().event("expanded", day).event("reduced", day).event("cancelled", on(5, 1)).labels(&labelling)
    };
    assert_eq!(labels(on(4, 30)), [true, true, true].map(Some));
    assert_eq!(labels(on(5, 2)), [true, false, false].map(Some));
    let grew = |day| story().event("expanded", day).labels(&labelling)[1];
    assert_eq!([on(4, 10), BEGINS, on(5, 10), ENDS].map(grew), [false, true, true, false].map(Some));
}
