//! Planning seen from outside the files of the room: a small book of accounts, exact texts of bad input.

use super::accounts::Accounts;
use super::*;
use crate::frame::{Categories, Column, Table};
use crate::health::Band;
use crate::schema::{Dimension, Kind, Money, Schema, Signal};

/// Accounts with scores, owned.
pub(super) struct Book {
    pub schema: Schema,
    pub ids: Vec<String>,
    pub signals: Table,
    pub segments: Table,
    pub value_cents: Option<Vec<Option<i64>>>,
    pub churn: Option<Vec<f64>>,
    pub expansion: Option<Vec<f64>>,
    pub health: Vec<f64>,
    pub band: Vec<Band>,
    pub sub_scores: Vec<[f64; 8]>,
}

fn schema() -> Schema {
    let mut schema: Schema = toml::from_str(
        "id = 'account_id'\nsegments = ['tier']\nvalue = { column = 'mrr', currency = 'EUR', per_year = 12 }",
    )
    .unwrap();
    schema.signals = vec![
        Signal::new("seat_utilisation", Dimension::Usage, Kind::Share),
        Signal::new("nps", Dimension::Sentiment, Kind::Number),
        Signal::new("auto_renew", Dimension::Contract, Kind::Flag),
    ];
    schema
}

impl Book {
    /// A risky, an uncertain and a safe account; the last has many blanks.
    pub fn three() -> Self {
        let number = |name: &str, values: [f64; 3]| (name.to_owned(), Column::Number(values.to_vec()));
        let tier = Categories::from_texts([Some("gold"), Some("silver"), None]);
        Book {
            schema: schema(),
            ids: ["A", "B", "C"].map(String::from).to_vec(),
            signals: Table::new(
                3,
                [
                    number("seat_utilisation", [0.3, 0.9, f64::NAN]),
                    number("nps", [3.0, 8.0, f64::NAN]),
                    number("auto_renew", [1.0, 0.0, 1.0]),
                ],
            )
            .unwrap(),
            segments: Table::new(3, [("tier".to_owned(), Column::Category(tier))]).unwrap(),
            value_cents: Some(vec![Some(10_000), Some(20_000), None]),
            churn: Some(vec![0.5, 0.2, 0.05]),
            expansion: None,
            health: vec![20.0, 50.0, 90.0],
            band: vec![Band::Red, Band::Amber, Band::Green],
            sub_scores: vec![[10.0; 8], [50.0; 8], [80.0; 8]],
        }
    }

    /// `n` accounts whose risk and value vary.
    pub fn many(n: usize) -> Self {
        let wave = |row: usize, step: f64| 0.5 + 0.5 * (row as f64 * step).sin();
        let column = |step: f64| Column::Number((0..n).map(|row| wave(row, step)).collect());
        let signals = ["seat_utilisation", "nps", "auto_renew"];
        let signals =
            signals.iter().zip([0.7, 1.3, 2.1]).map(|(name, step)| ((*name).to_owned(), column(step)));
        let tier = Categories::from_texts((0..n).map(|row| Some(["gold", "silver"][row % 2])));
        Book {
            schema: schema(),
            ids: (0..n).map(|row| format!("A{row}")).collect(),
            signals: Table::new(n, signals).unwrap(),
            segments: Table::new(n, [("tier".to_owned(), Column::Category(tier))]).unwrap(),
            value_cents: Some((0..n).map(|row| Some((wave(row, 0.31).powi(3) * 5e5) as i64)).collect()),
            churn: Some((0..n).map(|row| 0.01 + 0.6 * wave(row, 0.83).powi(4)).collect()),
            expansion: Some((0..n).map(|row| 0.01 + 0.4 * wave(row, 1.7).powi(3)).collect()),
            health: (0..n).map(|row| 100.0 * wave(row, 0.83)).collect(),
            band: vec![Band::Amber; n],
            sub_scores: vec![[50.0; 8]; n],
        }
    }

    pub fn accounts(&self) -> Accounts<'_> {
        Accounts {
            schema: &self.schema,
            ids: &self.ids,
            signals: &self.signals,
            segments: &self.segments,
            value_cents: self.value_cents.as_deref(),
            churn: self.churn.as_deref(),
            expansion: self.expansion.as_deref(),
            health: &self.health,
            band: &self.band,
            sub_scores: &self.sub_scores,
            horizon_days: 90,
            as_of: None,
            done: None,
        }
    }
}

fn call() -> Action {
    let effect = Effect::assumed_on_churn(Change::relative(0.1), "a guess");
    Action::new("call", "Call", Goal::Retain, effect).pool("csm_hours", 1.0).cost(10.0)
}

fn visit() -> Action {
    let effect = Effect::assumed_on_churn(Change::relative(0.2).range(0.1, 0.3), "a guess");
    Action::new("visit", "Visit", Goal::Retain, effect).pool("csm_hours", 4.0).cost(40.0)
}

fn playbook(actions: Vec<Action>) -> Playbook {
    Playbook::new("test", actions).pool("csm_hours", "success-manager hours")
}

fn plan(book: &Book, actions: Vec<Action>, capacity: &Capacity) -> crate::Result<Plan> {
    playbook(actions).plan_accounts(&book.accounts(), capacity)
}

fn text(result: crate::Result<Plan>) -> String {
    result.map(|_| ()).unwrap_err().to_string()
}

#[test]
fn money_is_the_change_of_probability_times_the_value_less_the_cost() {
    let plan = plan(&Book::three(), vec![call()], &Capacity::new()).unwrap();
    // A: .5 × .1 × EUR 100 × 12 − 10 = 50; B: .2 × .1 × EUR 200 × 12 − 10 = 38.
    let first = plan.recommendations[0].action.as_ref().unwrap();
    assert_eq!(first.gain.expected, Money::eur(50));
    assert_eq!((&first.gain.low, &first.gain.high), (&Money::eur(-10), &Money::eur(110)));
    assert_eq!(plan.total.expected, Money::eur(88));
    assert_eq!(plan.recommendations[2].bound, Some(Bound::ValueUnknown));
    assert_eq!((plan.gap, &plan.bound), (0.0, &Money::eur(88)));
}

#[test]
fn months_margin_and_expansion_value_scale_the_money() {
    let mut book = Book::three();
    book.expansion = Some(vec![0.5, 0.2, 0.05]);
    let grow = Effect::assumed_on_expansion(Change::absolute(0.1), "a guess");
    let actions = vec![Action::new("grow", "Grow", Goal::Grow, grow)];
    let playbook = playbook(actions).value_months(6.0).margin(0.5).expansion_value(0.4);
    let plan = playbook.plan_accounts(&book.accounts(), &Capacity::new()).unwrap();
    // .1 × .4 × EUR 100 × 6 × .5 = 12.
    assert_eq!(plan.recommendations[0].action.as_ref().unwrap().gain.expected, Money::eur(12));
}

#[test]
fn sentences_say_what_it_brings_and_that_the_effect_is_assumed() {
    let capacity = Capacity::new().pool("csm_hours", 4.0).budget(Money::eur(100));
    let plan = plan(&Book::three(), vec![call(), visit()], &capacity).unwrap();
    let sentences: Vec<String> = plan.recommendations.iter().map(|r| r.to_string()).collect();
    assert_eq!(
        sentences,
        [
            "Call: EUR 50 expected (EUR -10 to EUR 110) after EUR 10 of cost; Visit would bring more, but not \
             enough success-manager hours left (effect assumed: a guess)",
            "Call: EUR 38 expected (EUR -10 to EUR 86) after EUR 10 of cost; Visit would bring more, but not \
             enough success-manager hours left (effect assumed: a guess)",
            "Nothing: its recurring value is not known",
        ]
    );
    let told = plan.to_string();
    assert!(told.starts_with("2 of 3 accounts get an action\n2 of 4 success-manager hours"), "{told}");
    assert!(told.ends_with("(effects assumed: a guess)"), "{told}");
}

#[test]
fn every_account_without_an_action_says_why() {
    let dear = Action { cost: 1_000.0, ..call() };
    let bounds = |actions, capacity: &Capacity| -> Vec<Option<Bound>> {
        let plan = plan(&Book::three(), actions, capacity).unwrap();
        plan.recommendations.into_iter().map(|r| r.bound).collect()
    };
    let hours = Bound::Pool { name: "csm_hours".into(), title: "success-manager hours".into() };
    let unknown = Some(Bound::ValueUnknown);
    let risky = || vec![call().eligible("churn_probability > 30 %")];
    assert_eq!(bounds(risky(), &Capacity::new()), [None, Some(Bound::NoneEligible), unknown.clone()]);
    assert_eq!(bounds(vec![dear], &Capacity::new())[..2], [Some(Bound::NoGain), Some(Bound::NoGain)]);
    let one_hour = Capacity::new().pool("csm_hours", 1.0);
    assert_eq!(bounds(vec![call()], &one_hour), [None, Some(hours), unknown.clone()]);
    let ten_euros = Capacity::new().budget(Money::eur(10));
    assert_eq!(bounds(vec![call()], &ten_euros), [None, Some(Bound::Budget), unknown]);
}

#[test]
fn an_effect_on_what_was_not_scored_is_left_out_and_said_so() {
    let grow = Effect::assumed_on_expansion(Change::relative(0.1), "a guess");
    let actions = vec![call(), Action::new("grow", "Grow", Goal::Grow, grow)];
    let plan = plan(&Book::three(), actions, &Capacity::new()).unwrap();
    let said: Vec<String> = plan.left_out.iter().map(|left| left.to_string()).collect();
    assert_eq!(said, ["Grow is left out: its effect is on expansion, which was not scored"]);
    assert_eq!(plan.options(0).len(), 1);
}

#[test]
fn limits_hold_and_the_gap_is_small_for_many_accounts() {
    let book = Book::many(2_000);
    let capacity = Capacity::new().pool("csm_hours", 150.0).budget(Money::eur(2_000));
    let plan = plan(&book, vec![call(), visit()], &capacity).unwrap();
    assert!(plan.pools[0].used <= 150.0 && plan.pools[0].used > 140.0);
    assert!(plan.budget.as_ref().unwrap().used.cents <= 200_000);
    assert!(plan.total.expected.cents > 0 && plan.gap < 0.005, "{}", plan.gap);
    assert!(plan.pools[0].worth.cents > 0 || plan.budget.as_ref().unwrap().worth > 0.0);
}

#[test]
fn a_second_plan_is_the_same() {
    let book = Book::many(500);
    let capacity = Capacity::new().pool("csm_hours", 50.0);
    let twice = [(); 2].map(|()| plan(&book, vec![call(), visit()], &capacity).unwrap());
    assert_eq!(twice[0], twice[1]);
}

#[test]
fn starters_are_well_formed_and_survive_toml() {
    for playbook in [Playbook::b2b_saas(), Playbook::any_business()] {
        let text = playbook.to_toml().unwrap();
        assert_eq!(Playbook::from_toml(&text).unwrap(), playbook);
        assert!(playbook.actions.iter().all(|a| matches!(a.effect.source, EffectSource::Assumed { .. })));
    }
    Playbook::any_business().check(&schema()).unwrap();
}

#[test]
fn no_accounts_make_an_empty_plan() {
    let plan = plan(&Book::many(0), vec![call()], &Capacity::new().pool("csm_hours", 1.0)).unwrap();
    assert_eq!((plan.recommendations.len(), plan.gap), (0, 0.0));
}

#[test]
fn bad_playbooks_are_refused_in_words() {
    let refused = |actions: Vec<Action>| text(plan(&Book::three(), actions, &Capacity::new()));
    assert_eq!(refused(vec![]), "playbook: it has no actions; add at least one [[action]]");
    assert_eq!(refused(vec![call(), call()]), "playbook: action `call` stands twice; give each its own name");
    assert_eq!(refused(vec![call().cost(-1.0)]), "playbook: action `call`: cost is -1, expected 0 or more");
    assert_eq!(
        refused(vec![call().eligible("churn_probability > 5 % and seat_utilization < 50 %")]),
        "playbook: action `call`: eligible, character 29: `seat_utilization` is not known; did you mean \
         `seat_utilisation`?"
    );
    assert_eq!(
        refused(vec![call().pool("csm_hour", 1.0)]),
        "playbook: action `call`: pool `csm_hour` is not declared by a [[pool]]; did you mean `csm_hours`?"
    );
    assert_eq!(
        refused(vec![call().pool("csm_hours", 0.0)]),
        "playbook: action `call`: effort is 0, expected units of `csm_hours` above 0"
    );
    let too_much = Effect::assumed_on_churn(Change::relative(1.5), "a guess");
    assert_eq!(
        refused(vec![Action { effect: too_much, ..call() }]),
        "playbook: action `call`: effect `churn_reduction` is 0, 1.5, 1 (low, mean, high), expected rising \
         numbers from 0 to 1"
    );
    let nothing = Effect { churn_reduction: None, ..call().effect };
    assert_eq!(
        refused(vec![Action { effect: nothing, ..call() }]),
        "playbook: action `call`: its effect changes nothing; give `churn_reduction` or `expansion_increase`"
    );
    let margin = playbook(vec![call()]).margin(1.5).check(&schema()).unwrap_err().to_string();
    assert_eq!(margin, "playbook: margin is 1.5, expected above 0 and at most 1");
}

#[test]
fn bad_capacities_are_refused_in_words() {
    let refused = |capacity: Capacity| text(plan(&Book::three(), vec![call()], &capacity));
    assert_eq!(
        refused(Capacity::new().pool("csm_hour", 1.0)),
        "playbook: the capacity names pool `csm_hour`, which it does not declare; did you mean `csm_hours`?"
    );
    assert_eq!(
        refused(Capacity::new().pool("csm_hours", f64::NAN)),
        "playbook: the capacity of pool `csm_hours` is NaN, expected 0 or more"
    );
    assert_eq!(
        refused(Capacity::new().budget(Money::usd(10))),
        "playbook: the budget is in USD, but its money is in EUR; use one currency"
    );
    assert_eq!(
        refused(Capacity::new().budget(Money::eur(-10))),
        "playbook: the budget is EUR -10, expected 0 or more"
    );
}

#[test]
fn money_of_two_currencies_or_none_is_refused_in_words() {
    let mut book = Book::three();
    let dollars = playbook(vec![call()]).currency("USD").plan_accounts(&book.accounts(), &Capacity::new());
    assert_eq!(
        text(dollars),
        "playbook: its money is in USD, but the schema's value column `mrr` is in EUR; use one currency"
    );
    book.value_cents = None;
    assert_eq!(
        text(plan(&book, vec![call()], &Capacity::new())),
        "playbook: there is no money to reckon with: the schema names no [value] column, or the table has none"
    );
}

#[test]
fn toml_that_does_not_fit_is_refused_with_its_place() {
    let refused = |text: &str| Playbook::from_toml(text).unwrap_err().to_string();
    let unknown = refused("name = 'x'\n[[action]]\nname = 'a'\nwieght = 3\n");
    assert!(unknown.starts_with("playbook: TOML parse error at line 4, column 1"), "{unknown}");
    assert!(unknown.contains("unknown field `wieght`"), "{unknown}");
    assert_eq!(refused("name = 'x'"), "playbook: it has no actions; add at least one [[action]]");
}
