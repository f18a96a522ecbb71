//! Accounts, contracts and events as they were known at a date, and those that are refused.

use super::*;

#[test]
fn contracts_tell_of_notice_and_products() {
    let yearly = |product: &str, mrr: i64| Contract {
        product: product.into(),
        term_months: Some(12),
        notice_days: Some(30),
        mrr_cents: Some(mrr),
        seats: Some(3),
        ..Contract::new(0, date(2025, 7, 1))
    };
    let over = Contract { ended: Some(date(2026, 1, 1)), ..yearly("old", 99_900) };
    let cancelled = Contract { status: ContractStatus::Cancelled, ..yearly("add-on", 500) };
    let contracts = vec![yearly("main", 10_000), over, cancelled];
    let names = EventNames::default();
    let records = Records::new(vec![account("A")], contracts, names, vec![], date(2026, 8, 1)).unwrap();
    let fact = |fact| measured(&records, Formula::Contract(fact));
    assert_eq!(fact(ContractFact::Products), 2.0);
    assert_eq!(fact(ContractFact::Mrr), 105.0);
    assert_eq!(fact(ContractFact::Seats), 6.0);
    assert_eq!(fact(ContractFact::NoticeDays), 30.0);
    assert_eq!(fact(ContractFact::DaysToRenewal) - fact(ContractFact::DaysToNotice), 30.0);
    assert!(fact(ContractFact::DiscountShare).is_nan(), "unsaid is not zero");
}

#[test]
fn months_lie_between_the_first_fact_and_the_end() {
    let records = records(&[at(date(2025, 3, 1), 1.0)]);
    let months = records.months();
    assert_eq!((months[0], months[1], months.len()), (date(2025, 2, 1), date(2025, 3, 1), 19));
    assert_eq!(months[18], date(2026, 8, 1));
}

#[test]
fn the_contract_is_the_one_known_then() {
    let contract = |starts: Date, known_at: Date, seats: u32| Contract {
        ends: Some(date(2026, 10, 1)),
        known_at,
        auto_renew: Some(true),
        seats: Some(seats),
        mrr_cents: Some(12_345),
        ..Contract::new(0, starts)
    };
    let contracts = vec![
        contract(date(2026, 3, 1), date(2026, 5, 1), 30),
        contract(date(2025, 10, 1), date(2025, 9, 1), 20),
        contract(AS_OF, date(2026, 1, 1), 40),
    ];
    let events = vec![];
    let records =
        Records::new(vec![account("A")], contracts, EventNames::default(), events, date(2026, 8, 1)).unwrap();
    let measure = |fact| measured(&records, Formula::Contract(fact));
    assert_eq!(measure(ContractFact::Seats), 20.0);
    assert_eq!(measure(ContractFact::Mrr), 123.45);
    assert_eq!(measure(ContractFact::DaysToRenewal), 183.0);
    assert_eq!(measure(ContractFact::AutoRenew), 1.0);
}

#[test]
fn a_contract_renews_itself_ends_early_or_is_replaced() {
    let yearly = Contract {
        id: "C1".into(),
        term_months: Some(12),
        auto_renew: Some(true),
        ..Contract::new(0, date(2024, 3, 31))
    };
    assert_eq!(yearly.renewal(date(2024, 4, 1)), Some(date(2025, 3, 31)));
    assert_eq!(yearly.renewal(date(2025, 3, 31)), Some(date(2025, 3, 31)));
    assert_eq!(yearly.renewal(AS_OF), Some(date(2027, 3, 31)));
    let cancelled = Contract { status: ContractStatus::Cancelled, ..yearly.clone() };
    assert_eq!(cancelled.renewal(AS_OF), Some(date(2025, 3, 31)), "notice was given");
    assert!(yearly.holds(AS_OF) && !Contract { ends: cancelled.renewal(AS_OF), ..cancelled }.holds(AS_OF));
    let ended = Contract { ended: Some(date(2026, 3, 31)), ..yearly.clone() };
    assert!(!ended.holds(AS_OF) && ended.holds(date(2026, 3, 31)), "known on the day itself, not before it");
    assert_eq!(ended.renewal(AS_OF), None);

    let corrected =
        Contract { starts: date(2024, 1, 1), known_at: date(2026, 3, 1), seats: Some(7), ..yearly.clone() };
    let other = Contract { product: "add-on".into(), ..Contract::new(0, date(2026, 1, 1)) };
    let contracts = vec![yearly, corrected, other];
    let made = |contracts| {
        Records::new(vec![account("A")], contracts, EventNames::default(), vec![], date(2026, 8, 1))
    };
    let records = made(contracts.clone()).unwrap();
    let seats = |day| records.contracts_at(0, day).iter().map(|c| c.seats).collect::<Vec<_>>();
    assert_eq!(seats(date(2026, 3, 1)), [None, None]);
    assert_eq!(seats(date(2026, 3, 2)), [Some(7), None], "the correction is known");
    let mut mixed = contracts;
    (mixed[0].currency, mixed[2].currency) = ("EUR".into(), "USD".into());
    assert_eq!(
        made(mixed).unwrap_err().to_string(),
        "records: contract 1 is in EUR, contract 3 in USD; convert all to one currency"
    );
}

#[test]
fn an_account_is_there_once_it_is_known() {
    let late = Account { known_at: AS_OF, ..account("A") };
    let names = EventNames::default();
    let records = |account| Records::new(vec![account], vec![], names.clone(), vec![], date(2026, 8, 1));
    let late = records(late).unwrap();
    assert!(snapshot(&late, &[], &Labelling::default(), AS_OF).is_err());
    assert!(snapshot(&late, &[], &Labelling::default(), date(2026, 4, 2)).is_ok());
    let early = Account { known_at: date(2024, 12, 31), ..account("A") };
    assert_eq!(
        records(early).unwrap_err().to_string(),
        "records: account 1 (`A`) was known on 2024-12-31, before it started on 2025-01-01"
    );
}

#[test]
fn bad_records_are_refused_in_words() {
    let day = date(2026, 3, 1);
    let mut names = EventNames::default();
    let event = Event {
        account: 0,
        name: names.code("seen"),
        user: None,
        value: 1.0,
        occurred_at: day,
        known_at: day,
    };
    let refused = |event: Event| {
        let made = Records::new(vec![account("A")], vec![], names.clone(), vec![event], day);
        made.unwrap_err().to_string()
    };
    assert_eq!(
        refused(Event { account: 3, ..event }),
        "records: event 1 is of account 3, but there are 1 accounts"
    );
    assert_eq!(
        refused(Event { known_at: date(2026, 2, 1), ..event }),
        "records: event 1 (`seen` of account `A`) was known on 2026-02-01, before it happened on 2026-03-01"
    );
    assert_eq!(
        refused(Event { value: f64::NAN, ..event }),
        "records: event 1 (`seen` of account `A`) has value NaN, expected a number"
    );
    let horizon = Labelling::default().horizon_days(0);
    assert_eq!(
        snapshot(&records(&[]), &[], &horizon, day).unwrap_err().to_string(),
        "`horizon_days` is 0, expected 1 to 3660 days"
    );
}
