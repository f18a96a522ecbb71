//! Plans by learned effects: account by account, told as learned, harm never recommended.

use super::*;
use crate::action::tests::Book;
use crate::action::{Action, Capacity, Change, Effect, Goal, LearnedOn, Plan, Playbook};
use crate::schema::Money;

fn action(name: &str) -> Action {
    let effect = Effect::assumed_on_churn(Change::relative(0.1), "a guess");
    Action::new(name, name, Goal::Retain, effect).cost(10.0)
}

/// Effects of a call on three accounts, each with a standard error of a point.
fn learned(effects: [f64; 3]) -> LearnedEffects {
    let report = ArmReport {
        arm: "call".into(),
        n_treated: 500,
        n_untreated: 400,
        basis: Basis::Randomised,
        average: Average { value: data::mean(&effects), standard_error: 0.01 },
        candidates: Vec::new(),
        overlap: Overlap { lowest: 0.5, highest: 0.5, share_far: 0.0 },
    };
    let arms = vec!["none".into(), "call".into()];
    LearnedEffects::new(arms, Basis::Randomised, vec![report], 3, vec![(effects.to_vec(), vec![0.01; 3])])
}

fn plan(names: &[&str], on: LearnedOn, effects: &LearnedEffects) -> crate::Result<Plan> {
    let playbook = Playbook::new("test", names.iter().map(|name| action(name)).collect());
    let mut book = Book::three();
    book.expansion = Some(vec![0.1; 3]);
    playbook.plan_learned_accounts(&book.accounts(), &Capacity::new(), &[(on, effects)])
}

#[test]
fn each_account_has_its_own_effect_and_harm_is_not_recommended() {
    let plan = plan(&["call"], LearnedOn::Churn, &learned([-0.1, 0.05, -0.1])).unwrap();
    // A: .1 × EUR 100 × 12 − 10 = 110; a point and two thirds of reach are EUR 19.74, as much is a tenth of the effect.
    let first = plan.recommendations[0].action.as_ref().unwrap();
    assert_eq!(first.gain.expected, Money::eur(110));
    assert_eq!((first.gain.low.cents, first.gain.high.cents), (8209, 13791));
    let points = first.churn_fall.unwrap();
    assert!((points.expected - 0.1).abs() < 1e-9 && (points.high - 0.12326).abs() < 1e-4, "{points:?}");
    assert_eq!(first.expansion_rise, None);
    assert_eq!(plan.recommendations[1].action, None);
    assert_eq!(
        plan.recommendations[0].to_string(),
        "call: EUR 110 expected (EUR 82 to EUR 138) after EUR 10 of cost (effect learned: call: \
         -0.0500 ± 0.0100 on average, from 500 accounts with and 400 without it (randomised))"
    );
}

#[test]
fn no_effect_is_more_than_there_is_and_others_stay_assumed() {
    let plan = plan(&["call", "visit"], LearnedOn::Churn, &learned([-0.9, -0.9, -0.9])).unwrap();
    let options = plan.options(1);
    // B's churn is .2: .2 × EUR 200 × 12 − 10 by the call, a tenth of that by the visit.
    assert_eq!(options[0].gain.expected, Money::eur(470));
    assert_eq!(options[1].action.effect.source.to_string(), "assumed: a guess");
    let grown = self::plan(&["call"], LearnedOn::Expansion, &learned([0.05, -0.3, 0.0])).unwrap();
    // A: .05 × .2 × EUR 1200 − 10 = 2; B would shrink, by no more than the .1 there is.
    assert_eq!(grown.options(0)[0].gain.expected, Money::eur(2));
    assert_eq!(grown.options(1)[0].gain.expected, Money::eur(-58));
}

#[test]
fn what_does_not_fit_the_playbook_is_named() {
    let effects = learned([0.0; 3]);
    let text = |result: crate::Result<Plan>| result.unwrap_err().to_string();
    let unknown = text(plan(&["calls"], LearnedOn::Churn, &effects));
    assert!(
        unknown.starts_with("playbook: effects were learned of `call`, which is no action;"),
        "{unknown}"
    );
    let playbook = Playbook::new("test", vec![action("call")]);
    let book = Book::three();
    let of = |learned: &[(LearnedOn, &LearnedEffects)], n: usize| {
        let many = Book::many(n);
        let book = if n == 3 { &book } else { &many };
        text(playbook.plan_learned_accounts(&book.accounts(), &Capacity::new(), learned))
    };
    assert_eq!(of(&[(LearnedOn::Churn, &effects)], 4), "accounts with learned effects: found 3, expected 4");
    let twice = [(LearnedOn::Churn, &effects), (LearnedOn::Expansion, &effects)];
    assert_eq!(of(&twice, 3), "playbook: action `call` has two learned effects; give one");
}
