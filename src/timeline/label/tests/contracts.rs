//! Churn by contract: renewals, notice, revenue, pauses, versions.

use super::*;

fn renewal() -> Labelling {
    labelling().churn(Churn::Renewal)
}

/// Up for renewal on the first of May.
fn due() -> Contract {
    team(date(2025, 5, 1), on(5, 1))
}

#[test]
fn a_renewal_that_does_not_come_is_churn() {
    let due = || story().contract(due());
    assert_eq!(due().left(&renewal()), Some(true));
    assert_eq!(due().contract(team(on(5, 1), date(2027, 5, 1))).left(&renewal()), Some(false));
    let early = Contract { known_at: on(3, 1), ..team(on(4, 20), date(2027, 5, 1)) };
    assert_eq!(due().contract(early).left(&renewal()), Some(false), "renewed early");
    let late = |grace_days| {
        let late = due().contract(team(on(5, 11), date(2027, 5, 1)));
        late.left(&renewal().grace_days(grace_days))
    };
    assert_eq!((late(0), late(9), late(10)), (Some(true), Some(true), Some(false)));
}

#[test]
fn only_accounts_with_a_renewal_in_the_horizon_have_something_to_decide() {
    let ends = |day| story().contract(team(date(2025, 5, 1), day)).left(&renewal());
    assert_eq!(ends(on(4, 10)), None, "within the gap");
    assert_eq!(ends(BEGINS), Some(true));
    assert_eq!(ends(on(5, 10)), Some(true));
    assert_eq!(ends(ENDS), None);
    // What was not known then decides nothing: the contract that was known is due.
    let signed = Contract { known_at: on(4, 2), ..team(on(5, 1), date(2027, 5, 1)) };
    assert_eq!(story().contract(due()).contract(signed).left(&renewal()), Some(false));
    assert_eq!(story().left(&renewal()), None);
    assert!(!story().is_customer(&renewal(), AS_OF));
}

#[test]
fn an_account_is_one_while_a_contract_holds_and_in_the_days_of_grace() {
    let labelling = renewal().grace_days(10);
    let ends = |day| story().contract(team(date(2025, 5, 1), day)).is_customer(&labelling, AS_OF);
    assert!(ends(on(4, 2)) && ends(on(3, 22)) && !ends(on(3, 21)));
    assert!(!story().contract(team(AS_OF, on(5, 1))).is_customer(&labelling, AS_OF), "it starts that day");
    assert!(story().contract(team(on(3, 31), on(5, 1))).is_customer(&labelling, AS_OF));
}

#[test]
fn a_contract_that_renews_itself_goes_on_until_notice_is_given_or_it_is_ended() {
    let rolling = Contract { id: "C".into(), auto_renew: Some(true), term_months: Some(12), ..due() };
    assert_eq!(story().contract(rolling.clone()).left(&renewal()), Some(false));
    let notice = Contract { status: ContractStatus::Cancelled, known_at: on(4, 20), ..rolling.clone() };
    assert_eq!(story().contract(rolling.clone()).contract(notice.clone()).left(&renewal()), Some(true));
    let ended = |day| Contract { ended: Some(day), known_at: on(6, 1), ..rolling.clone() };
    assert_eq!(story().contract(rolling.clone()).contract(ended(on(5, 1))).left(&renewal()), Some(true));
    assert_eq!(story().contract(rolling.clone()).contract(ended(ENDS)).left(&renewal()), Some(false));
    // By notice, the day it is known is the day that counts.
    let by_notice = |day, labelling: &Labelling| {
        let notice = Contract { known_at: day, ..notice.clone() };
        story().contract(rolling.clone()).contract(notice).left(labelling)
    };
    let labelling = labelling().churn(Churn::Notice);
    for (day, expected) in
        [(on(4, 10), None), (BEGINS, Some(true)), (on(5, 10), Some(true)), (ENDS, Some(false))]
    {
        assert_eq!(by_notice(day, &labelling), expected, "{day}");
    }
    let given = story().contract(rolling.clone()).contract(notice.clone());
    assert!(given.is_customer(&labelling, on(4, 20)) && !given.is_customer(&labelling, on(4, 21)));
    // Withdrawn ten days later.
    let back = Contract { known_at: on(4, 30), ..rolling };
    let withdrawn = given.contract(back);
    assert_eq!(withdrawn.left(&labelling), Some(true));
    assert_eq!(withdrawn.left(&labelling.clone().grace_days(10)), Some(false));
}

#[test]
fn an_account_that_keeps_another_product_has_not_left() {
    let add_on = Contract { product: "add-on".into(), ..team(date(2025, 5, 1), on(12, 1)) };
    let both = story().contract(due()).contract(add_on.clone());
    assert_eq!(both.left(&renewal()), Some(false));
    assert_eq!(both.left(&labelling().churn(Churn::NoRevenue)), Some(false));
    let notice = |contract: &Contract, day| {
        let named = Contract { id: contract.product.clone() + "1", ..contract.clone() };
        [named.clone(), Contract { status: ContractStatus::Cancelled, known_at: day, ..named }]
    };
    let of_one =
        notice(&due(), on(4, 15)).into_iter().fold(story().contract(add_on.clone()), Story::contract);
    let labelling = labelling().churn(Churn::Notice);
    assert_eq!(of_one.left(&labelling), Some(false));
    let all = [notice(&due(), on(4, 15)), notice(&add_on, on(4, 30))].concat();
    assert_eq!(all.into_iter().fold(story(), Story::contract).left(&labelling), Some(true));
}

fn no_revenue() -> Labelling {
    labelling().churn(Churn::NoRevenue)
}

#[test]
fn revenue_that_falls_to_zero_is_churn() {
    let free = |starts| Contract { mrr_cents: Some(0), plan: "free".into(), ..team(starts, on(12, 1)) };
    let paying = || story().contract(team(date(2025, 5, 1), on(12, 1)));
    let falls = |day| paying().contract(free(day)).left(&no_revenue());
    for (day, expected) in
        [(on(4, 10), None), (BEGINS, Some(true)), (on(5, 10), Some(true)), (ENDS, Some(false))]
    {
        assert_eq!(falls(day), expected, "{day}");
    }
    // It runs out, or is ended early.
    assert_eq!(story().contract(due()).left(&no_revenue()), Some(true));
    let ended = Contract { ended: Some(on(4, 20)), ..team(date(2025, 5, 1), on(12, 1)) };
    assert_eq!(story().contract(ended).left(&no_revenue()), Some(true));
    // A month without, and it pays again.
    let again = paying().contract(free(on(4, 15))).contract(team(on(5, 15), on(12, 1)));
    assert_eq!(again.left(&no_revenue().grace_days(29)), Some(true));
    assert_eq!(again.left(&no_revenue().grace_days(30)), Some(false));
    // Who never paid is no account by this rule; what nobody knows is not zero.
    assert!(!story().contract(free(date(2025, 5, 1))).is_customer(&no_revenue(), AS_OF));
    let trial = Contract { status: ContractStatus::Trial, ..team(on(3, 1), on(12, 1)) };
    assert!(!story().contract(trial).is_customer(&no_revenue(), AS_OF));
    let unknown = Contract { mrr_cents: None, ..team(on(3, 1), on(12, 1)) };
    assert!(story().contract(unknown.clone()).is_customer(&no_revenue(), AS_OF));
    assert_eq!(story().contract(unknown).left(&no_revenue()), Some(false));
}

#[test]
fn a_pause_is_no_loss_until_it_is_too_long() {
    let labelling = no_revenue().pause_events("paused", "resumed").pause_days(30);
    let unpaid = Contract { mrr_cents: Some(0), ..team(on(4, 15), on(12, 1)) };
    let story = || story().contract(team(date(2025, 5, 1), on(12, 1))).contract(unpaid.clone());
    assert_eq!(story().left(&labelling), Some(true));
    let again = team(on(5, 14), on(12, 1));
    let paused = |day| story().event("paused", day).contract(again.clone()).left(&labelling);
    assert_eq!(paused(on(4, 15)), Some(false), "thirty days, and then it pays again");
    assert_eq!(paused(on(4, 10)), Some(true), "over on the 10th of May");
    assert_eq!(paused(on(4, 16)), Some(true), "a day too late");
    assert_eq!(story().event("paused", on(4, 15)).left(&labelling), Some(false), "over after the horizon");
    // One that stands as paused needs no event.
    let stands = Contract { status: ContractStatus::Paused, ..unpaid.clone() };
    let stands = super::story().contract(team(date(2025, 5, 1), on(12, 1))).contract(stands);
    assert_eq!(stands.left(&no_revenue()), Some(false));
    // Notice counts as ever.
    let notice = labelling.clone().churn(Churn::Notice);
    let given = Contract { status: ContractStatus::Cancelled, ..unpaid.clone() };
    let given = super::story().contract(team(date(2025, 5, 1), on(12, 1))).contract(given);
    assert_eq!(given.event("paused", on(4, 1)).left(&notice), Some(true));
}

#[test]
fn of_several_versions_each_counts_from_the_day_it_is_known() {
    let first = Contract { id: "C".into(), ..team(date(2025, 5, 1), on(12, 1)) };
    let cheaper = Contract { mrr_cents: Some(0), known_at: on(4, 20), ..first.clone() };
    let story = story().contract(first).contract(cheaper);
    assert_eq!(story.left(&no_revenue()), Some(true));
    assert!(story.is_customer(&no_revenue(), on(4, 20)));
    let gap = no_revenue().gap_days(20);
    assert_eq!(story.left(&gap), None, "away the day before its horizon begins");
}
