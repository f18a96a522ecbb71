//! Plans keep to the playbook's terms: cool-down, exclusions, several actions, lead time, expiry, history.

use jiff::civil::{Date, date};

use super::tests::Book;
use super::*;
use crate::model::ProbabilityInterval;
use crate::schema::Money;

const DAY: Date = date(2026, 7, 1);

fn action(name: &str, reduction: f64) -> Action {
    let effect = Effect::assumed_on_churn(Change::relative(reduction), "a guess");
    Action::new(name, name, Goal::Retain, effect)
}

fn playbook(actions: Vec<Action>) -> Playbook {
    Playbook::new("test", actions)
        .pool("csm_hours", "success-manager hours")
        .pool("trainer_hours", "trainer hours")
}

fn plan_with(playbook: &Playbook, book: &Book, capacity: &Capacity, planning: &Planning<'_>) -> Plan {
    playbook.plan_by(&book.accounts(), capacity, planning).unwrap()
}

fn names(plan: &Plan) -> Vec<Vec<&str>> {
    let of = |told: &Recommendation| -> Vec<String> {
        told.action.iter().chain(&told.more).map(|action| action.action.name.clone()).collect()
    };
    let all: Vec<Vec<String>> = plan.recommendations.iter().map(of).collect();
    let find = |name: &String| {
        plan.to_do().map(|(_, todo)| todo.action.name.as_str()).find(|other| other == name).unwrap_or("")
    };
    all.iter().map(|own| own.iter().map(find).collect()).collect()
}

#[test]
fn what_was_done_lately_cools_down() {
    let playbook = playbook(vec![action("call", 0.2).cool_down_days(60)]);
    let history = History::new().done("A", "call", date(2026, 6, 1)).done("B", "call", date(2026, 4, 1));
    let planning = Planning::new().day(DAY).history(&history);
    let plan = plan_with(&playbook, &Book::three(), &Capacity::new(), &planning);
    assert_eq!(names(&plan), [vec![], vec!["call"], vec![]]);
    assert_eq!(
        plan.recommendations[0].to_string(),
        "Nothing: call was done lately; it may be done again from 2026-07-31"
    );
}

#[test]
fn eligibility_can_ask_what_was_done() {
    let asked = |text: &str| {
        let playbook = playbook(vec![action("call", 0.2).eligible(text)]);
        let history = History::new().done("A", "call", date(2026, 6, 1));
        let planning = Planning::new().day(DAY).history(&history);
        let plan = plan_with(&playbook, &Book::three(), &Capacity::new(), &planning);
        [0, 1].map(|row| plan.recommendations[row].action.is_some())
    };
    assert_eq!(asked("days_since_call >= 30"), [true, false]);
    assert_eq!(asked("days_since_call > 30"), [false, false]);
    assert_eq!(asked("days_since_call is missing"), [false, true]);
    assert_eq!(asked("times_call < 1"), [false, true]);
}

#[test]
fn several_actions_share_what_there_is_and_exclusions_hold() {
    let actions = || vec![action("call", 0.5), action("mail", 0.5), action("visit", 0.4)];
    let two = playbook(actions()).max_actions(2);
    let plan = plan_with(&two, &Book::three(), &Capacity::new(), &Planning::new());
    assert_eq!(names(&plan)[0], ["call", "mail"]);
    // A: half of a risk of .5 is EUR 300; half of what is left is EUR 150 more.
    let told = &plan.recommendations[0];
    assert_eq!(told.action.as_ref().unwrap().gain.expected, Money::eur(300));
    assert_eq!(told.more[0].gain.expected, Money::eur(150));
    assert!(told.to_string().contains("; with it mail: EUR 150 expected"), "{told}");
    let mut excluding = actions();
    excluding[1] = action("mail", 0.5).excludes("call");
    let plan =
        plan_with(&playbook(excluding).max_actions(2), &Book::three(), &Capacity::new(), &Planning::new());
    assert_eq!(names(&plan)[0], ["call", "visit"]);
    let three =
        plan_with(&playbook(actions()).max_actions(3), &Book::three(), &Capacity::new(), &Planning::new());
    assert_eq!(names(&three)[0], ["call", "mail", "visit"]);
    assert_eq!(three.total.expected.cents, (60_000.0 * 0.85 + 48_000.0 * 0.85_f64).round() as i64);
}

#[test]
fn efforts_of_several_roles_are_all_paid() {
    let workshop = action("workshop", 0.3).pool("csm_hours", 1.0).effort("trainer_hours", 3.0);
    let capacity = Capacity::new().pool("csm_hours", 2.0).pool("trainer_hours", 5.0);
    let plan = plan_with(&playbook(vec![workshop]), &Book::three(), &capacity, &Planning::new());
    assert_eq!(plan.to_do().count(), 1);
    assert_eq!((plan.pools[0].used, plan.pools[1].used), (1.0, 3.0));
    let Some(Bound::Pool { name, .. }) = &plan.recommendations.iter().find_map(|r| r.bound.clone()) else {
        panic!()
    };
    assert_eq!(name, "trainer_hours");
}

#[test]
fn lead_time_takes_its_share_and_what_is_over_is_left_out() {
    let actions = vec![
        action("slow", 0.3).lead_days(45),
        action("too_slow", 0.9).lead_days(90),
        action("over", 0.9).last_day(date(2026, 6, 30)),
    ];
    let planning = Planning::new().day(DAY);
    let plan = plan_with(&playbook(actions), &Book::three(), &Capacity::new(), &planning);
    // A: half of .3 of .5 of EUR 1,200.
    assert_eq!(plan.recommendations[0].action.as_ref().unwrap().gain.expected, Money::eur(90));
    let said: Vec<String> = plan.left_out.iter().map(|left| left.to_string()).collect();
    assert_eq!(
        said,
        [
            "too_slow is left out: it takes 90 days to work, and the scores look 90 days ahead",
            "over is left out: its last day was 2026-06-30",
        ]
    );
}

#[test]
fn recommendations_expire() {
    let actions = vec![action("call", 0.3).expiry_days(14).last_day(date(2026, 7, 10))];
    let planning = Planning::new().day(DAY);
    let plan = plan_with(&playbook(actions), &Book::three(), &Capacity::new(), &planning);
    assert_eq!(plan.recommendations[0].action.as_ref().unwrap().until, Some(date(2026, 7, 10)));
    assert_eq!(plan.options(0)[0].until, Some(date(2026, 7, 10)));
}

#[test]
fn an_unsure_score_and_an_unsure_value_widen_the_money() {
    let unsure = |range: Option<[f64; 2]>, intervals: Option<&[ProbabilityInterval]>| {
        let mut playbook = playbook(vec![action("call", 0.2)]);
        playbook.actions[0].effect.churn_reduction = Some(Change::relative(0.2).range(0.2, 0.2));
        playbook.value_months_range = range;
        let planning = intervals.into_iter().fold(Planning::new(), Planning::churn_intervals);
        let plan = plan_with(&playbook, &Book::three(), &Capacity::new(), &planning);
        let gain = plan.recommendations[0].action.as_ref().unwrap().gain.clone();
        (gain.low.cents, gain.expected.cents, gain.high.cents)
    };
    let intervals = vec![ProbabilityInterval { lower: 0.3, upper: 0.6 }; 3];
    assert_eq!(unsure(None, None), (12_000, 12_000, 12_000));
    assert_eq!(unsure(None, Some(&intervals)), (7_200, 12_000, 14_400));
    assert_eq!(unsure(Some([8.4, 13.8]), None), (8_400, 12_000, 13_800));
    // 4,800 and 3,600 are 6,000 together.
    assert_eq!(unsure(Some([8.4, 13.8]), Some(&intervals)), (6_000, 12_000, 15_000));
}

#[test]
fn an_action_is_kept_out_by_its_own_share() {
    let playbook = playbook(vec![action("call", 0.2).kept_out(0.5)]);
    let book = Book::many(600);
    let plan = plan_with(&playbook, &book, &Capacity::new(), &Planning::new().day(DAY));
    let log = plan.assign(0.0, 1).unwrap();
    let planned: Vec<&Assignment> = log.assignments().iter().filter(|a| a.planned.is_some()).collect();
    let out = planned.iter().filter(|a| a.assigned.is_none()).count();
    assert!(planned.len() > 300 && (out as f64 / planned.len() as f64 - 0.5).abs() < 0.1);
    assert!(planned.iter().all(|a| a.probability == 0.5 && a.day == Some(DAY)));
    let history = History::new().with_log(&log);
    let done = history.until(DAY, &book.ids, &["call"]).unwrap();
    let again = (0..600).filter(|row| done.days_since(0, *row) == Some(0)).count();
    assert_eq!(again, planned.len() - out);
}

#[test]
fn terms_that_make_no_sense_are_refused_in_words() {
    let refused = |actions: Vec<Action>| playbook(actions).to_toml().unwrap_err().to_string();
    let call = || action("call", 0.2);
    assert_eq!(
        refused(vec![call().excludes("cal"), action("visit", 0.1)]),
        "playbook: action `call`: excludes `cal`, which is no action; did you mean `call`?"
    );
    assert_eq!(
        refused(vec![call().excludes("call")]),
        "playbook: action `call`: it excludes itself; name other actions in `excludes`"
    );
    assert_eq!(
        refused(vec![call().kept_out(0.8)]),
        "playbook: action `call`: kept_out is 0.8, expected a share from 0 to 0.5"
    );
    assert_eq!(
        refused(vec![call().expiry_days(0)]),
        "playbook: action `call`: expiry_days is 0, expected 1 or more"
    );
    assert_eq!(
        refused(vec![call().effort("csm_hour", 1.0)]),
        "playbook: action `call`: pool `csm_hour` is not declared by a [[pool]]; did you mean `csm_hours`?"
    );
    assert_eq!(
        refused(vec![call().pool("csm_hours", 1.0).effort("csm_hours", 1.0)]),
        "playbook: action `call`: pool `csm_hours` stands in `efforts` too; give its units once"
    );
    assert_eq!(
        playbook(vec![call()]).max_actions(4).to_toml().unwrap_err().to_string(),
        "playbook: max_actions is 4, expected 1 to 3"
    );
    assert_eq!(
        playbook(vec![call()]).value_months_range(13.0, 20.0).to_toml().unwrap_err().to_string(),
        "playbook: value_months_range is 13 to 20, expected to hold 12 and to lie from 0 to 120"
    );
    let history = History::new().done("A", "call", DAY);
    let undated = playbook(vec![call()]).plan_by(
        &Book::three().accounts(),
        &Capacity::new(),
        &Planning::new().history(&history),
    );
    assert_eq!(
        undated.unwrap_err().to_string(),
        "playbook: there is a history, but the day of the plan is not known; give it by `day`"
    );
}

#[test]
fn all_terms_survive_toml() {
    let full = action("call", 0.2)
        .pool("csm_hours", 1.0)
        .effort("trainer_hours", 0.5)
        .cool_down_days(30)
        .excludes("visit")
        .lead_days(5)
        .expiry_days(14)
        .last_day(DAY)
        .kept_out(0.1);
    let playbook = playbook(vec![full, action("visit", 0.1)]).max_actions(2).value_months_range(9.0, 15.0);
    let text = playbook.to_toml().unwrap();
    assert_eq!(Playbook::from_toml(&text).unwrap(), playbook, "{text}");
    let bad = text.replace("cool_down_days = 30", "eligible = 'seats < 3'");
    let refused = Playbook::from_toml_for(&bad, &Book::three().schema).unwrap_err().to_string();
    assert!(
        refused.starts_with("playbook: action `call`: eligible, character 1: `seats` is not known"),
        "{refused}"
    );
}
