//! Churn by several rules at a time: whichever comes first, silence only where there is no contract.

use super::*;

fn rhythm() -> Churn {
    Churn::Rhythm { events: vec!["order".into()], times: 3.0, at_least_days: 10 }
}

fn any(rules: impl IntoIterator<Item = Churn>) -> Labelling {
    labelling().churn_by_any(rules)
}

fn weekly_until(last: Date) -> Story {
    let days = (0..12).map(|weeks| last.saturating_sub(jiff::Span::new().days(7 * weeks)));
    days.fold(story(), |story, day| story.event("order", day))
}

#[test]
fn the_first_rule_that_says_so_decides() {
    let rules = [Churn::Event(vec!["closed".into()]), Churn::Notice, Churn::NoRevenue];
    let labelling = any(rules).involuntary(["unpaid"], 3);
    let base = || Contract { id: "C".into(), ..team(date(2025, 5, 1), date(2027, 5, 1)) };
    let stays = [Some(false); 3];
    let (left, not_known) = ([Some(true), Some(true), Some(false)], [None; 3]);
    assert_eq!(story().contract(base()).labels(&labelling), stays);
    let notice = |day| Contract { status: ContractStatus::Cancelled, known_at: day, ..base() };
    let under_notice = |day| story().contract(base()).contract(notice(day));
    assert_eq!(under_notice(on(4, 20)).labels(&labelling), left);
    assert_eq!(under_notice(on(6, 20)).labels(&labelling), stays, "beyond the horizon");
    let free = Contract { mrr_cents: Some(0), known_at: on(4, 30), ..base() };
    let with_free = |story: Story| story.contract(free.clone());
    assert_eq!(with_free(story().contract(base())).labels(&labelling), left);
    assert_eq!(story().contract(base()).event("closed", on(4, 12)).labels(&labelling), left);
    // The first day counts: unpaid three days before it closed, long before the notice.
    let unpaid = under_notice(on(5, 5)).event("closed", on(4, 15)).event("unpaid", on(4, 12));
    assert_eq!(unpaid.labels(&labelling), [Some(true), Some(false), Some(true)]);
    assert_eq!(under_notice(on(4, 5)).event("closed", on(4, 20)).labels(&labelling), not_known, "in the gap");
    assert!(!story().is_customer(&labelling, AS_OF), "has no contract, and no other rule is for such");
}

#[test]
fn silence_is_for_accounts_without_a_contract() {
    let labelling = any([Churn::NoRevenue, rhythm()]);
    let contract = || team(date(2025, 5, 1), date(2027, 5, 1));
    let silent = weekly_until(on(4, 1));
    assert_eq!(silent.left(&labelling), Some(true));
    assert_eq!(weekly_until(on(5, 10)).left(&labelling), Some(false));
    assert_eq!(silent.clone().contract(contract()).left(&labelling), Some(false), "its contract pays");
    let over = Contract { ended: Some(on(4, 20)), ..contract() };
    assert_eq!(weekly_until(on(5, 10)).contract(over).left(&labelling), Some(true), "nothing is paid");
    // Silent since March: none any more without a contract, one with it.
    let gone = weekly_until(on(3, 1));
    assert!(!gone.is_customer(&labelling, AS_OF));
    assert!(gone.clone().contract(contract()).is_customer(&labelling, AS_OF));
    assert!(gone.contract(Contract { known_at: on(3, 20), ..contract() }).is_customer(&labelling, AS_OF));
}

#[test]
fn a_contract_that_starts_is_no_silence() {
    let signed = |day, rule| {
        let labelling = any([Churn::Notice, rule]);
        weekly_until(on(3, 31)).contract(team(day, date(2027, 5, 1))).left(&labelling)
    };
    let silence = || Churn::Silence { events: vec!["order".into()], days: Some(60) };
    assert_eq!((signed(on(4, 25), silence()), signed(on(6, 25), silence())), (Some(false), Some(true)));
    assert_eq!((signed(on(4, 20), rhythm()), signed(on(5, 20), rhythm())), (Some(false), Some(true)));
    let far = || Churn::Rhythm { events: vec!["order".into()], times: 5.0, at_least_days: 10 };
    assert_eq!((signed(on(4, 25), far()), signed(on(7, 20), far())), (Some(false), Some(true)));
}

fn silence(days: u32) -> Churn {
    Churn::Silence { events: vec!["order".into()], days: Some(days) }
}

fn exit_days(story: &Story, labelling: &Labelling, column: &str) -> Vec<Option<String>> {
    let table = crate::timeline::exits(&story.records(), labelling).unwrap();
    let Some(crate::frame::Column::Category(days)) = table.column(column) else { panic!("{column}") };
    (0..table.n_rows()).map(|row| days.text(row).map(str::to_owned)).collect()
}

fn days(days: &[&str]) -> Vec<Option<String>> {
    days.iter().map(|day| Some((*day).to_owned())).collect()
}

#[test]
fn exits_are_by_the_rules_that_an_account_is_judged_by() {
    let labelling = any([Churn::Event(vec!["closed".into()]), Churn::NoRevenue, rhythm()]);
    let left_on = |story: &Story| exit_days(story, &labelling, "left_on");
    let silent = weekly_until(on(4, 1));
    assert_eq!(left_on(&silent), days(&["2026-04-23"]), "21 days are not too long");
    assert_eq!(
        left_on(&silent.clone().event("closed", on(4, 10))),
        days(&["2026-04-10"]),
        "silent when it closed"
    );
    let paid = Contract { ended: Some(on(6, 1)), ..team(date(2025, 5, 1), date(2027, 5, 1)) };
    assert_eq!(left_on(&silent.contract(paid)), days(&["2026-06-01"]));
}

#[test]
fn without_a_rule_by_contract_no_contract_keeps_an_account_from_falling_silent() {
    let old = || team(date(2025, 2, 1), date(2027, 5, 1));
    for (rule, left_on) in [(silence(20), "2026-03-22"), (rhythm(), "2026-03-23")] {
        let labelling = any([Churn::Event(vec!["closed".into()]), rule]);
        for signed in [old(), Contract { ended: Some(date(2025, 12, 1)), ..old() }] {
            let story = |last| weekly_until(last).contract(signed.clone());
            assert_eq!(story(on(3, 31)).left(&labelling), Some(true));
            assert_eq!(story(on(5, 5)).left(&labelling), Some(false));
            assert!(story(on(3, 31)).is_customer(&labelling, AS_OF));
            assert!(!story(on(3, 1)).is_customer(&labelling, AS_OF), "silent since March");
            assert_eq!(exit_days(&story(on(3, 1)), &labelling, "left_on"), days(&[left_on]));
        }
    }
}

#[test]
fn a_contract_that_comes_later_unsays_no_silence_before_it() {
    let closed = || Churn::Event(vec!["closed".into()]);
    for rule in [Churn::Notice, Churn::NoRevenue] {
        let labelling = any([closed(), rule, silence(20)]);
        let lapsed = weekly_until(on(3, 1));
        let exits =
            |story: &Story| ["left_on", "returned_on"].map(|column| exit_days(story, &labelling, column));
        assert_eq!(exits(&lapsed), [days(&["2026-03-22"]), vec![None]]);
        let back = lapsed.clone().contract(team(on(6, 1), date(2027, 5, 1)));
        assert_eq!(exits(&back), [days(&["2026-03-22"]), days(&["2026-06-01"])]);
        // Whether it was a customer says the same.
        assert!(back.is_customer(&labelling, on(3, 21)) && !back.is_customer(&labelling, on(3, 22)));
        // From then on its contract decides, whatever it orders.
        let over = lapsed.contract(Contract { ended: Some(on(7, 1)), ..team(on(6, 1), date(2027, 5, 1)) });
        assert_eq!(
            exits(&over),
            [days(&["2026-03-22", "2026-07-01"]), vec![Some("2026-06-01".into()), None]]
        );
    }
}
