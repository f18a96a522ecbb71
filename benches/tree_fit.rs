//! Whole classifiers of 100 trees, from a table: what threads gain at each size, and that a progress callback costs
//! nothing that can be measured.

mod tree_data;

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};

use criterion::{Criterion, criterion_group, criterion_main};
use keepwell::frame::{Categories, Column, Table};
use keepwell::model::{GradientTreesClassifier, TreesTask};
use tree_data::Data;

fn table(data: &Data, n: usize) -> Table {
    let numbers = data.numbers.iter().map(|values| Column::Number(values.clone()));
    let categories = data.categories.iter().map(|(codes, n_levels)| {
        let levels = (0..*n_levels).map(|level| format!("level {level}")).collect();
        Column::Category(Categories { codes: codes.clone(), levels })
    });
    let columns = numbers.chain(categories).enumerate().map(|(at, column)| (format!("c{at}"), column));
    Table::new(n, columns).expect("columns of equal length and distinct names")
}

fn fit(c: &mut Criterion) {
    let mut group = c.benchmark_group("fit");
    group.sample_size(10);
    for (name, n, d) in [("5k x 20", 5_000, 20), ("10k x 30", 10_000, 30), ("100k x 50", 100_000, 50)] {
        let data = Data::new(n, d);
        let table = table(&data, n);
        for n_jobs in [1, 2] {
            let params = GradientTreesClassifier::params()
                .n_estimators(100)
                .max_leaf_nodes(31)
                .max_features(1.0)
                .n_jobs(n_jobs);
            group.bench_function(format!("{name}, {n_jobs} threads"), |b| {
                b.iter(|| params.fit(&table, &data.y, None).expect("a table that can be learned from"));
            });
        }
        let (params, told) = (
            GradientTreesClassifier::params()
                .n_estimators(100)
                .max_leaf_nodes(31)
                .max_features(1.0)
                .n_jobs(1),
            AtomicUsize::new(0),
        );
        let on_progress = |_| {
            told.fetch_add(1, Ordering::Relaxed);
            ControlFlow::Continue(())
        };
        let task = TreesTask::new(&table, &data.y).on_progress(&on_progress);
        group.bench_function(format!("{name}, 1 threads, told and cancellable"), |b| {
            b.iter(|| params.fit_task(&task).expect("a table that can be learned from"));
        });
    }
    group.finish();
}

/// What a category of 10,000 levels costs beside the same table without it.
fn many_levels(c: &mut Criterion) {
    let mut group = c.benchmark_group("fit with 10,000 levels");
    group.sample_size(10);
    for (name, n, d) in [("10k x 30", 10_000, 30), ("100k x 50", 100_000, 50)] {
        let mut data = Data::new(n, d);
        let params = GradientTreesClassifier::params().n_estimators(100).max_leaf_nodes(31).max_features(1.0);
        let without = table(&data, n);
        data.categories
            .push(((0..n as u32).map(|row| row.wrapping_mul(2_654_435_761) % 10_000).collect(), 10_000));
        for (which, table) in [("without", without), ("with", table(&data, n))] {
            group.bench_function(format!("{name}, {which}"), |b| {
                b.iter(|| params.fit(&table, &data.y, None).expect("a table that can be learned from"));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, fit, many_levels);
criterion_main!(benches);
