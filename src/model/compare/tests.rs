//! Splits, ties, failures and words of a comparison.

use jiff::civil::{Date, date};
use rand::{RngExt, SeedableRng};

use super::*;
use crate::frame::Column;
use crate::model::sigmoid;

/// Rows of accounts with `n_dates` rows each, the truth a straight line in one column.
fn rows(n_accounts: usize, n_dates: usize) -> (Table, Vec<bool>, Vec<String>, Vec<Date>) {
    let mut rng = rand::rngs::StdRng::seed_from_u64(4);
    let n = n_accounts * n_dates;
    let usage: Vec<f64> = (0..n).map(|_| rng.random_range(-2.0..2.0)).collect();
    let y = usage.iter().map(|u| rng.random::<f64>() < sigmoid(-1.0 - 1.5 * u)).collect();
    let ids = (0..n).map(|row| format!("A{}", row / n_dates)).collect();
    let as_of = (0..n).map(|row| date(2026, 1 + (row % n_dates) as i8, 1)).collect();
    (Table::new(n, [("usage".into(), Column::Number(usage))]).unwrap(), y, ids, as_of)
}

fn quick() -> CompareParams {
    Comparison::params().n_folds(3).n_repeats(2).only(&["logistic", "linfa logistic", "base rate"])
}

#[test]
fn what_knows_only_the_rate_is_last_and_far_behind() {
    let (table, y, ..) = rows(400, 1);
    let found = Comparison::params().n_folds(2).n_repeats(1).table(&table, &y, None, None).unwrap();
    assert_eq!((found.models.len(), found.failed.len(), found.n_rows), (6, 0, 400));
    let last = found.models.last().unwrap();
    assert_eq!(last.name, "base rate");
    assert!((last.auc.mean - 0.5).abs() < 1e-12 && (last.lift_top_tenth.mean - 1.0).abs() < 1e-9);
    assert!(last.log_loss.behind > 0.05 && last.auc.behind > 0.2);
    assert!(found.models.windows(2).all(|two| two[0].log_loss.mean <= two[1].log_loss.mean));
    assert_eq!(found.models[0].log_loss.behind, 0.0);
    assert!(found.models[0].log_loss.interval.is_none());
}

#[test]
fn a_model_against_its_twin_differs_by_nothing() {
    let (table, y, ..) = rows(200, 1);
    let twin = |rows: &TrainingRows<'_>| -> Result<Box<dyn Classifier>> {
        Ok(Box::new(BaseRate::fit(rows.table, rows.y, None)?))
    };
    let params = quick().only(&["base rate"]).model("twin", twin);
    let found = params.table(&table, &y, None, None).unwrap();
    let behind = found.models[1].log_loss;
    assert_eq!((behind.behind, behind.standard_error, behind.interval), (0.0, Some(0.0), Some([0.0, 0.0])));
}

#[test]
fn accounts_stay_whole_and_dates_are_kept_in_order() {
    let (table, y, ids, as_of) = rows(100, 4);
    let found = quick().table(&table, &y, Some(&ids), Some(&as_of)).unwrap();
    assert_eq!((found.splits.as_str(), found.n_accounts), ("2 × 3 folds of whole accounts", 100));
    let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let note = seen.clone();
    let watch = move |rows: &TrainingRows<'_>| -> Result<Box<dyn Classifier>> {
        note.lock().unwrap().push(rows.table.n_rows());
        Ok(Box::new(BaseRate::fit(rows.table, rows.y, None)?))
    };
    let cuts = [TimeSplit::new(date(2026, 3, 1)), TimeSplit::new(date(2026, 4, 1))];
    let by_time = quick().by_time(cuts).model("watch", watch);
    let found = by_time.table(&table, &y, Some(&ids), Some(&as_of)).unwrap();
    assert_eq!(found.splits, "by time, tested from 2026-03-01, 2026-04-01");
    assert_eq!(*seen.lock().unwrap(), [200, 300]);
    let behind = found.models.last().unwrap().log_loss;
    let [low, high] = behind.interval.unwrap();
    assert!(low < behind.behind && behind.behind < high && low > 0.0, "{behind:?}");
}

#[test]
fn a_model_that_refuses_is_said_to_have_failed() {
    let (table, y, ..) = rows(60, 1);
    let refuse = |_: &TrainingRows<'_>| -> Result<Box<dyn Classifier>> {
        Err(crate::ErrorKind::Linfa("it would not".into()).into())
    };
    let found = quick().model("broken", refuse).table(&table, &y, None, None).unwrap();
    assert_eq!(found.failed, [Failure { name: "broken".into(), problem: "linfa: it would not".into() }]);
    assert!(found.to_string().contains("broken could not be compared: linfa: it would not"));
    let alone = quick().only(&["broken"]).model("broken", refuse);
    assert_eq!(alone.table(&table, &y, None, None).unwrap_err().to_string(), "linfa: it would not");
}

#[test]
fn bad_input_is_named() {
    let (table, y, ids, as_of) = rows(30, 1);
    let refusal = |params: CompareParams, y: &[bool]| {
        params.table(&table, y, Some(&ids), Some(&as_of)).unwrap_err().to_string()
    };
    let mut lonely = vec![false; 30];
    lonely[3] = true;
    let cases = [
        (refusal(quick().n_folds(1), &y), "`n_folds` is 1, expected 2 to 100"),
        (refusal(quick().n_repeats(0), &y), "`n_repeats` is 0, expected 1 to 100"),
        (refusal(quick().n_jobs(0), &y), "`n_jobs` is 0, expected at least 1, or none for all threads"),
        (refusal(quick().only(&[]), &y), "`models` is empty, expected at least one model"),
        (
            refusal(quick().model("logistic", |_| unreachable!()), &y),
            "`models` is `logistic` twice, expected a name of its own for each model",
        ),
        (refusal(quick(), &y[1..]), "number of labels: found 29, expected 30"),
        (
            refusal(quick(), &[true; 30]),
            "label `y` is true in all 30 rows; a model needs rows of both classes",
        ),
        (
            refusal(quick(), &lonely),
            "rows where the label is true, for 3 folds: found 1, expected at least 3",
        ),
        (
            refusal(quick().by_time([TimeSplit::new(date(2027, 1, 1))]), &y),
            "the test side of the split by time has no rows; take an earlier cut",
        ),
    ];
    for (found, expected) in cases {
        assert_eq!(found, expected);
    }
    let undated = quick().by_time([TimeSplit::new(date(2026, 2, 1))]).table(&table, &y, None, None);
    assert_eq!(
        undated.unwrap_err().to_string(),
        "`by_time` is set, expected no cuts, since the rows have no date; name one as `as_of` to compare by time"
    );
    assert_eq!(
        quick().table(&table, &y, Some(&ids[1..]), None).unwrap_err().to_string(),
        "number of accounts, one a row: found 29, expected 30"
    );
    let late: Vec<bool> = vec![true; 30];
    assert_eq!(
        quick().table(&table, &late, None, None).unwrap_err().to_string(),
        "label `y` is true in all 30 rows; a model needs rows of both classes"
    );
}
