//! Exact contributions of one row: a shallow forest (all tables) and a deep one (tables and integrals).

mod tree_data;

use criterion::{Criterion, criterion_group, criterion_main};
use keepwell::tree::{Forest, GrowParams};
use tree_data::Data;

fn contributions(c: &mut Criterion) {
    let data = Data::new(10_000, 20);
    let rows = tree_data::rows(&data, 256);
    let shapes = [
        ("300 trees of depth 4", 300, Some(4), 16),
        ("300 trees of 16 leaves", 300, None, 16),
        ("100 trees of 31 leaves", 100, None, 31),
    ];
    for (name, n_trees, max_depth, max_leaf_nodes) in shapes {
        let params = GrowParams { max_depth, max_leaf_nodes, ..GrowParams::default() };
        let forest = tree_data::forest(&data, n_trees, &params);
        let mut out = vec![0.0; 20];
        let trees = forest.trees().to_vec();
        c.bench_function(&format!("contributions/first row, tables built, {name}"), |b| {
            b.iter(|| Forest::new(0.0, 20, trees.clone()).contributions_row(&rows[0], &mut out));
        });
        c.bench_function(&format!("contributions/256 single rows, {name}"), |b| {
            b.iter(|| rows.iter().for_each(|row| forest.contributions_row(row, &mut out)));
        });
    }
}

criterion_group!(benches, contributions);
criterion_main!(benches);
