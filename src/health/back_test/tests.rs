//! The walk forward by hand: what each date may learn from, lead time, and what cannot be tested.

use std::cell::RefCell;

use jiff::civil::date;

use super::*;
use crate::health::HealthModel;
use crate::schema::{Dimension, Kind, Schema, Signal};

fn schema() -> Schema {
    let signal = Signal::new("x", Dimension::Usage, Kind::Number);
    Schema::new().id("id").as_of("as_of").churn("churned").expansion("expanded").signal(signal)
}

fn params() -> BackTestParams {
    HealthModel::params(&schema()).horizon_days(30).back_test()
}

/// Ten accounts on the first of each of six months; `x` is the account's number, and the first two leave in July.
fn past(labels_known_months: i8) -> Frame {
    let mut csv = "id,as_of,x,churned,expanded\n".to_owned();
    for month in 1..=6_i8 {
        for account in 0..10 {
            let churned = match month <= labels_known_months {
                true => u8::from((account + month) % 5 == 0).to_string(),
                false => String::new(),
            };
            csv += &format!("A{account},2026-{month:02}-01,{account},{churned},0\n");
        }
    }
    Frame::from_csv_reader(csv.as_bytes(), &schema()).unwrap()
}

fn x(frame: &Frame) -> Vec<f64> {
    match frame.signals().column("x") {
        Some(crate::frame::Column::Number(values)) => values.clone(),
        other => panic!("{other:?}"),
    }
}

/// The least numbers are the most at risk.
fn by_x(_: &Frame, test: &Frame) -> Result<Vec<f64>> {
    Ok(x(test).into_iter().map(|x| 0.9 - 0.05 * x).collect())
}

#[test]
fn each_date_learns_from_what_was_known_by_then_only() {
    let seen = RefCell::new(Vec::new());
    let test = params().gap_days(10).delay_days(20).run_with(&past(6), |train, test| {
        seen.borrow_mut().push((train.as_of().unwrap().to_vec(), test.as_of().unwrap()[0]));
        by_x(train, test)
    });
    let dates: Vec<Date> = test.unwrap().dates.iter().map(|date| date.as_of).collect();
    assert_eq!(dates, [4, 5, 6].map(|month| date(2026, month, 1)));
    for (train, at) in seen.into_inner() {
        let latest = train.into_iter().max().unwrap();
        assert!((at.duration_since(latest).as_hours() / 24) >= 60, "{latest} for {at}");
    }
}

#[test]
fn each_date_is_told_by_itself() {
    let test = params().share(0.2).run_with(&past(5), by_x).unwrap();
    let dates: Vec<Date> = test.dates.iter().map(|date| date.as_of).collect();
    assert_eq!(dates, [2, 3, 4, 5].map(|month| date(2026, month, 1)));
    assert_eq!(test.left_out, [(date(2026, 6, 1), "no label of it is known yet".to_owned())]);
    // In May accounts 0 and 5 leave: ranks 1 and 6 of ten; one of them in the top two.
    let may = test.dates[3];
    assert_eq!((may.n_train, may.n_accounts, may.n_labelled, may.n_positive), (40, 10, 10, 2));
    assert_eq!((may.base_rate, may.auc, may.lift), (Some(0.2), Some(12.0 / 16.0), Some(2.5)));
    assert!((may.mean_probability.unwrap() - 0.675).abs() < 1e-12);
    let page = test.to_string();
    assert!(page.contains("2026-05-01       40       10       10   20.0 %   67.5 %    0.750"), "{page}");
    assert!(page.contains("2026-06-01 was left out: no label of it is known yet"), "{page}");
}

#[test]
fn the_lead_time_is_read_from_the_score_that_held_then() {
    let left = [("A0", 5, 20), ("A1", 5, 20), ("A9", 5, 1), ("A0", 1, 15), ("B", 4, 1), ("A0", 12, 1)];
    let left = left.map(|(id, month, day)| (id.to_owned(), date(2026, month, day)));
    let test = params().left_on(left).lead_days([0, 30, 89, 100]).run_with(&past(5), by_x).unwrap();
    let leads = test.leads.clone().unwrap();
    let told =
        leads.iter().map(|lead| (lead.days, lead.n_left, lead.n_top, lead.n_unseen)).collect::<Vec<_>>();
    // One of ten accounts is the top tenth: A0. A9 never is; B never had a score; what was before the first tested date
    // does not count, nor what is long after the last. 100 days before the first of May no date was tested.
    assert_eq!(told, [(0, 3, 1.0, 1), (30, 3, 1.0, 1), (89, 3, 1.0, 1), (100, 2, 1.0, 2)]);
    assert_eq!(leads[0].share(), Some(1.0 / 3.0));
    assert!(
        test.to_string()
            .contains(" 30 days before they left, 1 of 3 accounts (33.3 %) were in the top 10.0 %; 1 more")
    );
    // Tied at the edge, each counts in part.
    let flat = |_: &Frame, test: &Frame| Ok(vec![0.5; test.n_rows()]);
    let test = params().left_on([("A3".to_owned(), date(2026, 6, 20))]).run_with(&past(5), flat).unwrap();
    assert!((test.leads.unwrap()[0].n_top - 0.1).abs() < 1e-12);
}

#[test]
fn accounts_can_be_kept_apart() {
    let seen = RefCell::new(0);
    let test = params().accounts_apart(3).n_dates(2).run_with(&past(6), |train, test| {
        *seen.borrow_mut() += 1;
        assert!(test.ids().iter().all(|id| !train.ids().contains(id)));
        by_x(train, test)
    });
    let together = params().n_dates(2).run_with(&past(6), by_x).unwrap();
    let test = test.unwrap();
    assert_eq!(seen.into_inner(), 6);
    assert_eq!(test.dates.len(), 2);
    assert_eq!(test.dates[1].as_of, date(2026, 6, 1), "the last date is always among those chosen");
    assert!(test.dates.iter().zip(&together.dates).all(|(a, b)| (a.auc, a.lift) == (b.auc, b.lift)));
}

#[test]
fn what_cannot_be_tested_is_said() {
    let refused =
        |params: &BackTestParams, past: &Frame| params.run_with(past, by_x).unwrap_err().to_string();
    assert_eq!(refused(&params().share(1.0), &past(6)), "`share` is 1, expected above 0 and below 1");
    assert_eq!(
        refused(&params().n_dates(0), &past(6)),
        "`n_dates` is 0, expected at least 1, or none for all dates"
    );
    assert_eq!(
        refused(&params(), &past(0)),
        "the back-test has no rows; no date that can be tested has a known label"
    );
    let undated = Schema { as_of: None, ..schema() };
    let csv = "id,x,churned,expanded\nA,1,0,0\nB,2,1,0\n";
    let undated = Frame::from_csv_reader(csv.as_bytes(), &undated).unwrap();
    assert_eq!(
        refused(&params(), &undated),
        "schema: a back-test needs the date of each row: name its column as `as_of` in the schema"
    );
    let short = |_: &Frame, _: &Frame| Ok(vec![0.5]);
    assert_eq!(
        params().run_with(&past(6), short).unwrap_err().to_string(),
        "probabilities of the back-tested model: found 1, expected 10"
    );
    // Where a model cannot be trained at one date, the others go on.
    let fails = |_: &Frame, test: &Frame| match test.as_of().unwrap()[0] == date(2026, 3, 1) {
        true => Err(ErrorKind::NoLabel { hint: "not today".into() }.into()),
        false => Ok(vec![0.5; 10]),
    };
    let test = params().run_with(&past(6), fails).unwrap();
    assert_eq!(test.left_out, [(date(2026, 3, 1), "no label to learn from: not today".to_owned())]);
    assert_eq!(test.dates.len(), 4);
}
