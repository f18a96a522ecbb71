//! One row and a batch through a forest.

mod tree_data;

use criterion::{Criterion, criterion_group, criterion_main};
use keepwell::tree::GrowParams;
use tree_data::Data;

fn predict(c: &mut Criterion) {
    let data = Data::new(10_000, 30);
    let views = data.views();
    let rows = tree_data::rows(&data, 256);
    for n_trees in [100, 500] {
        let forest = tree_data::forest(&data, n_trees, &GrowParams::default());
        c.bench_function(&format!("predict/256 single rows, {n_trees} trees"), |b| {
            b.iter(|| rows.iter().map(|row| forest.predict_row(row)).sum::<f64>());
        });
        c.bench_function(&format!("predict/batch of 10k, {n_trees} trees"), |b| {
            b.iter(|| forest.predict(&views))
        });
    }
}

criterion_group!(benches, predict);
criterion_main!(benches);
