//! The proof that nothing that comes later moves a signal, on any records; and that it notices one that moves.

use proptest::prelude::*;

use super::super::proof;
use super::*;

#[test]
fn accounts_and_contracts_that_come_later_are_perturbed_and_move_nothing() {
    let eve = date(2026, 3, 31);
    let tier = |account: Account, tier: &str, staff: f64| Account {
        texts: vec![("tier".into(), tier.into())],
        numbers: vec![("staff".into(), staff)],
        ..account
    };
    let region = |account: Account| Account { texts: vec![("region".into(), "EU".into())], ..account };
    let accounts = vec![
        region(Account { started: AS_OF, known_at: AS_OF, ..account("A") }),
        tier(account("B"), "mid", 5.0),
        tier(Account { known_at: AS_OF, ..account("C") }, "small", 7.0),
        tier(Account { started: eve, known_at: eve, ..account("D") }, "big", 9.0),
    ];
    let contract = |account: u32, starts: Date, known_at: Date| Contract {
        known_at,
        mrr_cents: Some(9_900),
        seats: Some(3),
        plan: "team".into(),
        ended: (account == 1).then_some(date(2026, 6, 1)),
        ..Contract::new(account, starts)
    };
    let contracts = vec![
        contract(0, AS_OF, eve),
        contract(1, date(2026, 1, 1), date(2026, 1, 1)),
        contract(3, eve, AS_OF),
        contract(3, AS_OF, AS_OF),
    ];
    let mut names = EventNames::default();
    let name = names.code("login");
    let login =
        |account, day| Event { account, name, user: None, value: 1.0, occurred_at: day, known_at: day };
    let events = vec![login(0, eve), login(1, eve), login(2, AS_OF), login(3, date(2026, 5, 1))];
    let records = Records::new(accounts, contracts, names, events, date(2026, 8, 1)).unwrap();
    let measures = [
        Measure::new("mrr", Formula::Contract(ContractFact::Mrr)),
        Measure::new("products", Formula::Contract(ContractFact::Products)),
        Measure::new("logins", Formula::Of(Aggregate::new(How::Count, "login"))),
    ];
    let labelling = Labelling::default();
    let before = snapshot(&records, &measures, &labelling, AS_OF).unwrap();
    assert_eq!(before.n_rows(), 2);
    prove_point_in_time(&records, &measures, &labelling, AS_OF).unwrap();
    let perturbed = |what| proof::perturbed(&records, AS_OF, what).unwrap();
    let dropped = perturbed(proof::Perturbation::Dropped);
    assert_eq!((dropped.accounts().len(), dropped.contracts().len(), dropped.events().len()), (2, 1, 1));
    for what in [proof::Perturbation::BlownUp, proof::Perturbation::MovedToTheDay] {
        let other = perturbed(what);
        let is_same: Vec<bool> =
            records.accounts().iter().zip(other.accounts()).map(|(a, b)| a == b).collect();
        assert_eq!(is_same, [false, true, false, true], "{what:?}");
        assert_eq!(other.contracts().iter().filter(|contract| contract.mrr_cents == Some(-1)).count(), 3);
        let later = snapshot(&other, &measures, &labelling, date(2026, 7, 31)).unwrap();
        assert_ne!(later, snapshot(&records, &measures, &labelling, date(2026, 7, 31)).unwrap());
    }
}

/// Any event around `AS_OF`: its name, user, value, day and delay.
fn any_event() -> impl Strategy<Value = (u32, Option<u32>, f64, i64, i64)> {
    (0..3_u32, proptest::option::of(0..4_u32), -5.0..5.0_f64, -60..30_i64, 0..12_i64)
}

proptest! {
    #[test]
    fn what_comes_later_moves_nothing(
        events in proptest::collection::vec(any_event(), 0..60),
        others in proptest::collection::vec((-30..30_i64, 0..12_i64), 0..6),
        shuffled in any::<proptest::sample::Index>(),
    ) {
        let mut names = EventNames::default();
        let codes = ["login", "ticket_opened", "nps"].map(|name| names.code(name));
        let day = |offset: i64| AS_OF.saturating_add(jiff::Span::new().days(offset));
        let mut facts: Vec<Event> = events
            .iter()
            .map(|&(name, user, value, offset, delay)| Event {
                account: 0,
                name: codes[name as usize],
                user,
                value,
                occurred_at: day(offset),
                known_at: day(offset + delay),
            })
            .collect();
        let make = |facts: &[Event]| {
            Records::new(vec![account("A")], vec![], names.clone(), facts.to_vec(), date(2026, 8, 1)).unwrap()
        };
        let first = make(&facts);
        prop_assert!(prove_point_in_time(&first, &b2b_saas(), &Labelling::default(), AS_OF).is_ok());
        let other = |(at, &(offset, delay)): (usize, &(i64, i64))| Account {
            started: day(offset),
            known_at: day(offset + delay),
            texts: vec![(["tier", "region"][at % 2].into(), at.to_string())],
            numbers: vec![("staff".into(), at as f64)],
            ..account(&at.to_string())
        };
        let mut accounts: Vec<Account> = others.iter().enumerate().map(other).collect();
        accounts.push(account("A"));
        let spread = facts.iter().enumerate().map(|(at, fact)| {
            Event { account: (at % accounts.len()) as u32, ..*fact }
        });
        let spread = spread.collect();
        let known_until = date(2026, 8, 1);
        let many = Records::new(accounts, vec![], names.clone(), spread, known_until).unwrap();
        prop_assert!(prove_point_in_time(&many, &b2b_saas(), &Labelling::default(), AS_OF).is_ok());
        let by_facts = many.started_by_facts();
        if snapshot(&by_facts, &[], &Labelling::default(), AS_OF).is_ok() {
            prop_assert!(prove_point_in_time(&by_facts, &b2b_saas(), &Labelling::default(), AS_OF).is_ok());
        }
        if !facts.is_empty() {
            let middle = shuffled.index(facts.len());
            facts.rotate_left(middle);
        }
        prop_assert!(make(&facts) == first, "the order in which facts come decides nothing");
    }
}

#[test]
fn the_proof_notices_a_signal_that_moved() {
    let table = |x: f64, churned: f64| {
        let column = |value: f64| Column::Number(vec![value, f64::NAN]);
        Table::new(2, [("x".to_owned(), column(x)), ("churned".to_owned(), column(churned))]).unwrap()
    };
    assert!(
        proof::compare(&table(1.0, 0.0), &table(1.0, 1.0), &Labelling::default(), AS_OF).is_ok(),
        "labels are of the future"
    );
    let text = proof::compare(&table(1.0, 0.0), &table(1.5, 0.0), &Labelling::default(), AS_OF)
        .unwrap_err()
        .to_string();
    assert_eq!(text, "records: signal `x` at 2026-04-01 depends on what came later");
}
