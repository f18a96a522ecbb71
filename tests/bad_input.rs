//! What cannot be used is refused with a sentence that says which, where, and what to do.

mod common;

use common::{csv, frame, schema};
use keepwell::frame::Frame;
use keepwell::health::HealthModel;
use keepwell::model::ModelFile;

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
