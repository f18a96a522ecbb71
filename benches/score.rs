//! Training and scoring as a service does it: `cargo bench --bench score`.
//!
//! On 7,000 made-up accounts with 4 numbers and 15 categories, the shape of a telephone company's table:
//! training a health model, scoring one account with its reasons, scoring all of them.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use keepwell::frame::{Categories, Column, Frame, Table};
use keepwell::health::HealthModel;
use keepwell::model::ModelFile;
use keepwell::schema::{Dimension, Kind, Schema, Signal};

const N_ROWS: usize = 7_000;
const N_NUMBERS: usize = 4;
const N_CATEGORIES: usize = 15;

/// A number in [0, 1) that depends on row and column alone.
fn part(row: usize, column: usize) -> f64 {
    let mixed = (row as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)
        ^ (column as u64 + 1).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 31)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (mixed >> 11) as f64 / (1u64 << 53) as f64
}

fn schema() -> Schema {
    let numbers =
        (0..N_NUMBERS).map(|at| Signal::new(format!("number_{at}"), Dimension::Usage, Kind::Number));
    let texts =
        (0..N_CATEGORIES).map(|at| Signal::new(format!("text_{at}"), Dimension::Contract, Kind::Category));
    numbers.chain(texts).fold(Schema::new().id("account_id").churn("churned"), Schema::signal)
}

fn churned(row: usize) -> bool {
    let risk = 2.0 * part(row, 0) - 1.5 * part(row, 1) + f64::from(u8::from(part(row, 5) < 0.3)) - 1.8;
    part(row, 99) < 1.0 / (1.0 + (-2.0 * risk).exp())
}

fn accounts(n_rows: usize) -> Frame {
    let texts = |column: usize| {
        let levels = ["none", "basic", "plus", "full"];
        Categories::from_texts((0..n_rows).map(|row| Some(levels[(part(row, column) * 4.0) as usize])))
    };
    let ids: Vec<String> = (0..n_rows).map(|row| format!("A{row}")).collect();
    let mut columns = vec![
        (
            "account_id".into(),
            Column::Category(Categories::from_texts(ids.iter().map(|id| Some(id.as_str())))),
        ),
        (
            "churned".into(),
            Column::Number((0..n_rows).map(|row| f64::from(u8::from(churned(row)))).collect()),
        ),
    ];
    columns.extend((0..N_NUMBERS).map(|at| {
        (
            format!("number_{at}"),
            Column::Number((0..n_rows).map(|row| (part(row, at) * 100.0).round()).collect()),
        )
    }));
    columns
        .extend((0..N_CATEGORIES).map(|at| (format!("text_{at}"), Column::Category(texts(N_NUMBERS + at)))));
    let table = Table::new(n_rows, columns).expect("columns of equal length");
    Frame::from_table(&table, &schema()).expect("a frame of the schema")
}

fn score(criterion: &mut Criterion) {
    let past = accounts(N_ROWS);
    let params = HealthModel::params(past.schema());
    // As a service has it: read from its file.
    let bytes = params.fit(&past).expect("a model").to_bytes();
    let model = HealthModel::from_bytes(&bytes).expect("the model of the file");
    let one = past.take(&[17]);
    criterion.bench_function("score one account with reasons", |bencher| {
        bencher.iter(|| model.score(black_box(&one)).expect("a score"));
    });
    let mut slow = criterion.benchmark_group("table");
    slow.sample_size(10);
    slow.bench_function("score 7,000 accounts with reasons", |bencher| {
        bencher.iter(|| model.score(black_box(&past)).expect("scores"));
    });
    slow.bench_function("train on 7,000 accounts", |bencher| {
        bencher.iter(|| params.fit(black_box(&past)).expect("a model"));
    });
}

criterion_group!(benches, score);
criterion_main!(benches);
