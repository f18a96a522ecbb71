//! One whole tree on one thread: 31 leaves, and depth 4.

mod tree_data;

use criterion::{Criterion, criterion_group, criterion_main};
use keepwell::tree::{GrowParams, Grower, Rows};
use tree_data::Data;

fn grow(c: &mut Criterion) {
    for (name, n, d) in [("5k x 19", 5_000, 19), ("10k x 30", 10_000, 30), ("100k x 50", 100_000, 50)] {
        let data = Data::new(n, d);
        let (_, bins) = data.bins();
        let (gradients, hessians) = data.gradients();
        let columns: Vec<usize> = (0..d).collect();
        for (shape, max_depth) in [("31 leaves", None), ("depth 4", Some(4))] {
            let mut grower = Grower::new(&bins, GrowParams { max_depth, ..GrowParams::default() }, 1);
            c.bench_function(&format!("grow/{shape} {name}"), |b| {
                b.iter(|| grower.grow(Rows::First(n), &(&gradients[..], &hessians[..]), &columns));
            });
        }
    }
}

criterion_group!(benches, grow);
criterion_main!(benches);
