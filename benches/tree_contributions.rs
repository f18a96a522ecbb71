//! Exact contributions and interaction values of single rows and of a batch: shallow forests (tables) and deep ones (integrals too).

mod tree_data;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use keepwell::tree::{Forest, GrowParams};
use tree_data::Data;

/// Columns of the table.
const D: usize = 50;
/// Name, trees, most depth, most leaves.
const SHAPES: [(&str, usize, Option<usize>, usize); 4] = [
    ("300 trees of depth 4", 300, Some(4), 16),
    ("300 trees of 16 leaves", 300, None, 16),
    ("100 trees of 31 leaves", 100, None, 31),
    ("500 trees of 31 leaves", 500, None, 31),
];

fn contributions(c: &mut Criterion) {
    let data = Data::new(20_000, D);
    let views = data.views();
    let rows = tree_data::rows(&data, 256);
    let mut group = c.benchmark_group("contributions");
    group.sample_size(20);
    for (name, n_trees, max_depth, max_leaf_nodes) in SHAPES {
        let params = GrowParams { max_depth, max_leaf_nodes, ..GrowParams::default() };
        let forest = tree_data::forest(&data, n_trees, &params);
        let (mut out, mut pairs) = (vec![0.0; D], vec![0.0; D * D]);
        let trees = forest.trees().to_vec();
        group.throughput(Throughput::Elements(1));
        group.bench_function(format!("first row, tables built, {name}"), |b| {
            b.iter(|| Forest::new(0.0, D, trees.clone()).contributions_row(&rows[0], &mut out));
        });
        group.throughput(Throughput::Elements(256));
        group.bench_function(format!("256 single rows, {name}"), |b| {
            b.iter(|| rows.iter().for_each(|row| forest.contributions_row(row, &mut out)));
        });
        group.throughput(Throughput::Elements(20_000));
        group.bench_function(format!("batch of 20k × 50, {name}"), |b| {
            b.iter(|| forest.contributions(&views))
        });
        group.throughput(Throughput::Elements(1));
        group.bench_function(format!("first row of interaction values, {name}"), |b| {
            b.iter(|| Forest::new(0.0, D, trees.clone()).interaction_values_row(&rows[0], &mut pairs));
        });
        group.throughput(Throughput::Elements(256));
        group.bench_function(format!("256 single rows of interaction values, {name}"), |b| {
            b.iter(|| rows.iter().for_each(|row| forest.interaction_values_row(row, &mut pairs)));
        });
    }
}

criterion_group!(benches, contributions);
criterion_main!(benches);
