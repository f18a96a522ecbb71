//! One row and a batch through a forest; numbers with missing values, two columns of categories.

mod tree_data;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use keepwell::tree::GrowParams;
use tree_data::Data;

/// Name, trees, most depth, most leaves.
const SHAPES: [(&str, usize, Option<usize>, usize); 4] = [
    ("100 trees of 31 leaves", 100, None, 31),
    ("500 trees of 31 leaves", 500, None, 31),
    ("300 trees of depth 4", 300, Some(4), 16),
    ("50 trees of 300 leaves", 50, None, 300),
];

fn predict(c: &mut Criterion) {
    let data = Data::new(20_000, 50);
    let views = data.views();
    let rows = tree_data::rows(&data, 256);
    let mut group = c.benchmark_group("predict");
    for (name, n_trees, max_depth, max_leaf_nodes) in SHAPES {
        let params = GrowParams { max_depth, max_leaf_nodes, ..GrowParams::default() };
        let forest = tree_data::forest(&data, n_trees, &params);
        group.throughput(Throughput::Elements(256));
        group.bench_function(format!("256 single rows, {name}"), |b| {
            b.iter(|| rows.iter().map(|row| forest.predict_row(row)).sum::<f64>());
        });
        group.throughput(Throughput::Elements(20_000));
        group.bench_function(format!("batch of 20k × 50, {name}"), |b| b.iter(|| forest.predict(&views)));
    }
}

criterion_group!(benches, predict);
criterion_main!(benches);
