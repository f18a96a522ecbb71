//! The root histogram: a tree of one split is little else.

mod tree_data;

use criterion::{Criterion, criterion_group, criterion_main};
use keepwell::tree::{GrowParams, Grower, Rows};
use tree_data::Data;

fn histogram(c: &mut Criterion) {
    for (name, n, d) in [("5k x 19", 5_000, 19), ("100k x 50", 100_000, 50)] {
        let data = Data::new(n, d);
        let (_, bins) = data.bins();
        let (gradients, hessians) = data.gradients();
        let columns: Vec<usize> = (0..d).collect();
        let params = GrowParams { max_leaf_nodes: 2, ..GrowParams::default() };
        let mut grower = Grower::new(&bins, params, 1);
        c.bench_function(&format!("histogram/one split {name}"), |b| {
            b.iter(|| grower.grow(Rows::First(n), &(&gradients[..], &hessians[..]), &columns));
        });
    }
}

criterion_group!(benches, histogram);
criterion_main!(benches);
