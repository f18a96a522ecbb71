//! What cannot be used is refused with a sentence that says which, where, and what to do.

mod common;

use common::{csv, frame, schema};
use keepwell::frame::{Column, Frame, Table};
use keepwell::health::HealthModel;
use keepwell::model::loss::RegressionLoss;
use keepwell::model::{Classifier, GradientTreesClassifier, GradientTreesRegressor, ModelFile};

fn read(text: &str) -> keepwell::Result<Frame> {
    Frame::from_csv_reader(text.as_bytes(), &schema())
}

fn train(text: &str) -> String {
    read(text).and_then(|past| HealthModel::params(&schema()).fit(&past)).unwrap_err().to_string()
}

/// The shared table with one cell of a data row replaced.
fn with_cell(row: usize, column: usize, cell: &str) -> String {
    let replace = |(at, line): (usize, &str)| {
        let mut cells: Vec<&str> = line.split(',').collect();
        if at == row {
            cells[column] = cell;
        }
        cells.join(",")
    };
    csv(60).lines().enumerate().map(replace).collect::<Vec<_>>().join("\n")
}

fn without_columns(from: usize) -> String {
    csv(60)
        .lines()
        .map(|line| line.split(',').take(from).collect::<Vec<_>>().join(","))
        .collect::<Vec<_>>()
        .join("\n")
}

fn every_label(churned: &str) -> String {
    let replace = |(at, line): (usize, &str)| {
        let mut cells: Vec<&str> = line.split(',').collect();
        if at > 0 {
            cells[7] = churned;
        }
        cells.join(",")
    };
    csv(60).lines().enumerate().map(replace).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_missing_label_column() {
    assert_eq!(
        train(&without_columns(7)),
        "no label to learn from: the table has no column `churned` or `expanded`; add it, or name another under `labels`"
    );
}

#[test]
fn one_class() {
    assert_eq!(
        train(&every_label("0")),
        "label `churned` is false in all 60 rows; a model needs rows of both classes"
    );
    assert_eq!(
        train(&every_label("1")),
        "label `churned` is true in all 60 rows; a model needs rows of both classes"
    );
}

#[test]
fn labels_that_are_all_empty() {
    assert_eq!(
        train(&every_label("")),
        "label `churned` has no rows; all its cells are empty: no outcome is known yet"
    );
}

#[test]
fn no_rows() {
    assert_eq!(train(&csv(0)), "the CSV has no rows; give it a header and at least one row");
}

#[test]
fn a_column_of_the_wrong_type() {
    assert_eq!(
        train(&with_cell(7, 3, "plenty")),
        "column `seat_utilisation`, row 7: found `plenty`, expected a number without thousands separators, unit or % sign (leave the cell empty where it is not known)"
    );
}

#[test]
fn a_duplicate_account_id() {
    assert_eq!(
        train(&with_cell(7, 0, "A00002")),
        "account `A00002` is in rows 3 and 7 of column `account_id`; give each account one row, or name the date column as `as_of` if its rows are of different dates"
    );
}

#[test]
fn a_signal_that_is_not_there() {
    let text = csv(60).replacen("nps", "net_promoter_score", 1);
    assert_eq!(
        train(&text),
        "column `nps` (signal of the schema) is not in the table; its columns are: account_id, plan, mrr, seat_utilisation, tickets_open, net_promoter_score, auto_renew, churned, expanded"
    );
}

#[test]
fn a_model_file_that_is_not_whole_or_not_ours() {
    let bytes = HealthModel::params(&schema()).fit(&frame(300)).unwrap().to_bytes();
    let refusal = |bytes: &[u8]| HealthModel::from_bytes(bytes).unwrap_err().to_string();
    let mut newer = bytes.clone();
    newer[8..12].copy_from_slice(&7u32.to_le_bytes());
    assert_eq!(
        refusal(&newer),
        "model file bytes: format version 7 is unknown, this keepwell reads version 2; update keepwell or save the model anew"
    );
    let payload = bytes.len() - 40;
    assert_eq!(
        refusal(&bytes[..1_040]),
        format!("model file bytes: cut off: 1000 of {payload} payload bytes are there; copy it again")
    );
    assert_eq!(
        refusal(b"account_id,churned\n"),
        "model file bytes: not a keepwell model; expected a file written by `save`"
    );
    let error = HealthModel::load("no/such/file.keepwell").unwrap_err().to_string();
    assert!(error.starts_with("no/such/file.keepwell: "), "{error}");
}

#[test]
fn a_table_of_another_schema() {
    let model = HealthModel::params(&schema()).fit(&frame(300)).unwrap();
    let mut other = schema();
    other.signals.swap(0, 1);
    let accounts = Frame::from_csv_reader(csv(5).as_bytes(), &other).unwrap();
    assert_eq!(
        model.score(&accounts).unwrap_err().to_string(),
        "schema: the table's schema is not the model's: it has signal `tickets_open` where `seat_utilisation` was expected; read the table by the schema the model was trained with"
    );
}

#[test]
fn settings_outside_their_range() {
    let refusal =
        |params: keepwell::health::HealthModelParams| params.fit(&frame(60)).unwrap_err().to_string();
    let params = || HealthModel::params(&schema());
    assert_eq!(refusal(params().horizon_days(0)), "`horizon_days` is 0, expected at least 1");
    assert_eq!(refusal(params().red_share(1.5)), "`red_share` is 1.5, expected above 0 and below 1");
    assert_eq!(
        refusal(params().red_share(0.5).amber_share(0.5)),
        "`amber_share` is 0.5, expected above 0 and, with red_share, below 1"
    );
    assert_eq!(refusal(params().n_jobs(0)), "`n_jobs` is 0, expected at least 1, or none for all threads");
}

#[test]
fn a_schema_without_signals() {
    let mut bare = schema();
    bare.signals.clear();
    let past = Frame::from_csv_reader(csv(60).as_bytes(), &bare).unwrap();
    assert_eq!(
        HealthModel::params(&bare).fit(&past).unwrap_err().to_string(),
        "schema: it has no signal to learn from; name at least one"
    );
}

/// A table of one column of numbers.
fn column(values: Vec<f64>) -> Table {
    Table::new(values.len(), [("mrr".to_owned(), Column::Number(values))]).unwrap()
}

/// What gradient trees say of a table, one label and one weight a row.
fn refusal(table: &Table, y: &[bool], weights: Option<&[f64]>) -> String {
    GradientTreesClassifier::params().fit(table, y, weights).unwrap_err().to_string()
}

#[test]
fn tables_that_trees_cannot_learn_from() {
    let counted = |n: usize| column((0..n).map(|row| row as f64).collect());
    let both = |n: usize| (0..n).map(|row| row % 2 == 0).collect::<Vec<bool>>();
    let with = |at: usize, weight: f64| {
        let mut weights = vec![1.0; 4];
        weights[at] = weight;
        weights
    };
    let cases = [
        (
            refusal(&counted(0), &[], None),
            "the training table has no rows; give rows of both classes to learn from",
        ),
        (
            refusal(&counted(1), &[true], None),
            "label `y` is true in all 1 rows; a model needs rows of both classes",
        ),
        (
            refusal(&counted(4), &[false; 4], None),
            "label `y` is false in all 4 rows; a model needs rows of both classes",
        ),
        (
            refusal(&column(vec![1.0, 2.0, f64::INFINITY, 4.0]), &both(4), None),
            "column `mrr`, row 3: found `inf`, expected a finite number, or none (NaN) where it is missing",
        ),
        (
            refusal(&column(vec![1.0, f64::NEG_INFINITY, 2.0, 4.0]), &both(4), None),
            "column `mrr`, row 2: found `-inf`, expected a finite number, or none (NaN) where it is missing",
        ),
        (
            refusal(&counted(4), &both(4), Some(&with(1, f64::NAN))),
            "weights, row 2: found NaN, expected a number from 0 to 1e100",
        ),
        (
            refusal(&counted(4), &both(4), Some(&with(2, -1.0))),
            "weights, row 3: found -1, expected a number from 0 to 1e100",
        ),
        (
            refusal(&counted(4), &both(4), Some(&with(3, f64::INFINITY))),
            "weights, row 4: found inf, expected a number from 0 to 1e100",
        ),
        (
            refusal(&counted(4), &both(4), Some(&[0.0; 4])),
            "the training table, weights of 0 aside, has no rows; give some rows a weight above 0",
        ),
    ];
    for (found, expected) in cases {
        assert_eq!(found, expected);
    }
    let twice = [1.0, 2.0].map(|value| ("mrr".to_owned(), Column::Number(vec![value; 3])));
    assert_eq!(
        Table::new(3, twice).unwrap_err().to_string(),
        "schema: column `mrr` stands twice; give each its own name"
    );
    let regressor = GradientTreesRegressor::params();
    assert_eq!(
        regressor.fit(&counted(0), &[], None).unwrap_err().to_string(),
        "the training table has no rows; give rows to learn from"
    );
    assert_eq!(
        regressor.fit(&counted(2), &[1.0, 2.0], Some(&[0.0; 2])).unwrap_err().to_string(),
        "the training table, weights of 0 aside, has no rows; give some rows a weight above 0"
    );
}

#[test]
fn odd_tables_that_trees_learn_from_all_the_same() {
    let odd: [(&str, Vec<f64>); 8] = [
        ("two rows", vec![1.0, 2.0]),
        ("zero variance", vec![4.0; 300]),
        ("nothing known", vec![f64::NAN; 300]),
        ("one row apart from all others", (0..300).map(|row| f64::from(u8::from(row == 7))).collect()),
        ("more whole numbers than bins", (0..3000).map(|row| f64::from(row * 7919 % 3000)).collect()),
        ("huge and tiny", (0..300).map(|row| [f64::MAX, f64::MIN, 5e-324, -0.0][row % 4]).collect()),
        (
            "neighbours in double precision",
            (0..300).map(|row| f64::from_bits(1.0f64.to_bits() + row % 3)).collect(),
        ),
        ("one value a row, nearly", (0..300).map(|row| 1e9 + f64::from(row) * 1e-6).collect()),
    ];
    for (what, values) in odd {
        let table = column(values);
        let n = table.n_rows();
        let y: Vec<bool> = (0..n).map(|row| row % 3 == 0).collect();
        for least in [1, 20] {
            let model = GradientTreesClassifier::params()
                .min_samples_leaf(least)
                .early_stopping(true)
                .fit(&table, &y, None);
            let probability = model.unwrap().predict_proba(&table).unwrap();
            assert!(probability.iter().all(|p| *p > 0.0 && *p < 1.0), "{what}: {probability:?}");
            let numbers: Vec<f64> = y.iter().map(|&y| f64::from(u8::from(y))).collect();
            for loss in [RegressionLoss::SquaredError, RegressionLoss::Poisson, RegressionLoss::Quantile(0.8)]
            {
                let params = GradientTreesRegressor::params().loss(loss).min_samples_leaf(least);
                let predicted = params.fit(&table, &numbers, None).unwrap().predict(&table).unwrap();
                assert!(predicted.iter().all(|p| p.is_finite()), "{what}, {loss:?}: {predicted:?}");
            }
        }
    }
}

#[test]
fn a_constant_number_is_predicted_as_it_is() {
    let table = column((0..50).map(f64::from).collect());
    for loss in [RegressionLoss::SquaredError, RegressionLoss::Poisson, RegressionLoss::Quantile(0.8)] {
        let model = GradientTreesRegressor::params().loss(loss).fit(&table, &[12.5; 50], None).unwrap();
        let predicted = model.predict(&table).unwrap();
        assert!(predicted.iter().all(|p| (p - 12.5).abs() < 1e-9), "{loss:?}: {predicted:?}");
        let one_row =
            GradientTreesRegressor::params().loss(loss).fit(&column(vec![1.0]), &[3.0], None).unwrap();
        assert!((one_row.predict(&column(vec![9.0])).unwrap()[0] - 3.0).abs() < 1e-9);
    }
}
