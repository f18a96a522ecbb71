//! Events in order, however they come.

use super::*;

#[test]
fn facts_that_come_later_are_as_if_all_had_come_at_once() {
    let fact = |account: u32, name: u32, day: i8, value: f64| {
        let day = date(2026, 3, day);
        Event { account, name, user: None, value, occurred_at: day, known_at: day }
    };
    let mut names = EventNames::default();
    names.code("a");
    names.code("b");
    let first = vec![fact(1, 0, 9, 1.0), fact(0, 0, 5, 1.0), fact(1, 1, 3, 2.0)];
    let later = vec![fact(0, 1, 4, 9.0), fact(2, 0, 7, 3.0), fact(1, 0, 9, 0.5), fact(1, 1, 30, 4.0)];
    let contract = Contract::new(2, date(2026, 3, 1));
    let accounts = ["A", "B", "C"].map(account).to_vec();
    let end = date(2026, 8, 1);
    let mut grown =
        Records::new(accounts[..2].to_vec(), vec![], names.clone(), first.clone(), date(2026, 3, 9)).unwrap();
    let bad = grown.clone().add(vec![], vec![], vec![fact(2, 0, 7, 3.0)], end).unwrap_err().to_string();
    assert_eq!(bad, "records: event 1 is of account 2, but there are 2 accounts");
    grown.add(accounts[2..].to_vec(), vec![contract.clone()], later.clone(), end).unwrap();
    let at_once = Records::new(accounts, vec![contract], names, [first, later].concat(), end).unwrap();
    assert!(grown == at_once);
    let signals = Signals::new(grown.names(), &b2b_saas()).unwrap();
    assert_eq!(signals.of(&grown, 1, AS_OF).len(), b2b_saas().len());
}

#[test]
fn events_of_one_day_are_in_the_order_of_their_content_or_of_their_rows() {
    let day = date(2026, 3, 30);
    let mut names = EventNames::default();
    let name = names.code("seen");
    let seen = |value, day| Event { account: 0, name, user: None, value, occurred_at: day, known_at: day };
    let events = vec![seen(7.0, day), seen(9.0, day), seen(1.0, date(2026, 3, 29)), seen(3.0, day)];
    let later = vec![seen(2.0, day), seen(1.0, day)];
    type Make = fn(Vec<Account>, Vec<Contract>, EventNames, Vec<Event>, Date) -> crate::Result<Records>;
    let last = |make: Make| {
        let mut records =
            make(vec![account("A")], vec![], names.clone(), events.clone(), date(2026, 8, 1)).unwrap();
        let first = measured(&records, last_week(How::Last));
        records.add(vec![], vec![], later.clone(), date(2026, 8, 1)).unwrap();
        let all = [events.clone(), later.clone()].concat();
        assert!(records == make(vec![account("A")], vec![], names.clone(), all, date(2026, 8, 1)).unwrap());
        let values: Vec<f64> = records.events().iter().map(|event| event.value).collect();
        (first, values)
    };
    assert_eq!(last(Records::new), (9.0, vec![1.0, 1.0, 2.0, 3.0, 7.0, 9.0]));
    assert_eq!(last(Records::as_read), (3.0, vec![1.0, 7.0, 9.0, 3.0, 2.0, 1.0]));
}

#[test]
fn events_are_in_order_whatever_their_days_and_names_are() {
    let days = [date(-9999, 1, 1), date(1, 1, 1), date(2026, 3, 30), date(9999, 12, 30)];
    let mut names = EventNames::default();
    let codes: Vec<u32> = (0..5_000).map(|at| names.code(&at.to_string())).collect();
    let all: Vec<Event> = (0..400)
        .map(|at: usize| {
            let (day, known) = (days[at % 2 + 2], days[at % 3 % 2 + 2].max(days[at % 2 + 2]));
            let name = codes[at * 37 % 5_000];
            Event { account: 0, name, user: None, value: (at % 5) as f64, occurred_at: day, known_at: known }
        })
        .chain(days.map(|day| Event {
            account: 0,
            name: codes[4_999],
            user: Some(1),
            value: 0.0,
            occurred_at: day,
            known_at: day,
        }))
        .collect();
    for n in [3, 400, all.len()] {
        let made = |events: Vec<Event>| {
            Records::new(vec![account("A")], vec![], names.clone(), events, date(2026, 8, 1)).unwrap()
        };
        let mut expected = all[..n].to_vec();
        expected.sort_by(|a, b| {
            let key = |e: &Event| (e.occurred_at, &names.names()[e.name as usize], e.known_at);
            key(a).cmp(&key(b)).then(a.value.total_cmp(&b.value)).then(a.user.cmp(&b.user))
        });
        assert_eq!(made(all[..n].to_vec()).events(), expected);
        let backwards: Vec<Event> = all[..n].iter().rev().copied().collect();
        assert_eq!(made(backwards).events(), expected);
    }
}

#[test]
fn how_names_are_numbered_decides_nothing() {
    let day = date(2026, 3, 30);
    let told = |rows: [(&'static str, f64); 4]| {
        let (first, later) = rows.split_at(2);
        let facts = |rows: &[(&'static str, f64)]| -> Vec<Fact> {
            rows.iter().map(|(name, value)| (*name, None, *value, day, day)).collect()
        };
        let (mut grown, at_once) = (records(&facts(first)), records(&facts(&rows)));
        let events: Vec<Event> = later
            .iter()
            .map(|&(name, value)| {
                let name = grown.name_code(name);
                Event { account: 0, name, user: None, value, occurred_at: day, known_at: day }
            })
            .collect();
        grown.add(vec![], vec![], events, date(2026, 8, 1)).unwrap();
        let values =
            [&grown, &at_once].map(|records| records.events().iter().map(|event| event.value).collect());
        let [grown, at_once]: [Vec<f64>; 2] = values;
        assert_eq!(grown, at_once);
        grown
    };
    let rows = [("read", 0.1), ("seen", 0.7), ("liked", 0.2), ("met", 0.4)];
    assert_eq!(told(rows), [0.2, 0.4, 0.1, 0.7]);
    assert_eq!(told([rows[3], rows[1], rows[0], rows[2]]), [0.2, 0.4, 0.1, 0.7]);
}

#[test]
fn how_users_are_numbered_decides_nothing() {
    let day = date(2026, 3, 30);
    let values = |users: [u32; 3]| {
        let told = users.iter().zip([0.1, 0.7, 0.2]);
        let facts: Vec<Fact> = told.map(|(user, value)| ("seen", Some(*user), value, day, day)).collect();
        let records = records(&facts);
        records.events().iter().map(|event| event.value).collect::<Vec<f64>>()
    };
    assert_eq!(values([0, 1, 2]), values([2, 0, 1]));
}
