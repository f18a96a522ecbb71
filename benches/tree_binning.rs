//! How long it takes to find cut points and to put rows into bins.

mod tree_data;

use criterion::{Criterion, criterion_group, criterion_main};
use keepwell::tree::Binning;
use tree_data::Data;

fn binning(c: &mut Criterion) {
    let data = Data::new(10_000, 30);
    let views = data.views();
    let fitted = Binning::fit(&views, 255);
    c.bench_function("binning/fit 10k x 30", |b| b.iter(|| Binning::fit(&views, 255)));
    c.bench_function("binning/bin 10k x 30", |b| b.iter(|| fitted.bin(&views)));
}

criterion_group!(benches, binning);
criterion_main!(benches);
