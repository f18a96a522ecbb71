#[path = "../benches/tree_data/mod.rs"]
mod tree_data;
use keepwell::frame::{Column, Table};
use keepwell::model::GradientTreesClassifier;
use std::time::Instant;
fn main() {
    let a: Vec<usize> = std::env::args().skip(1).map(|x| x.parse().unwrap()).collect();
    let (n, d, runs) = (a[0], a[1], a[2]);
    let tree_data::Data { mut numbers, categories, y } = tree_data::Data::new(n, d);
    numbers.extend(categories.iter().map(|(codes, _)| codes.iter().map(|&code| f64::from(code)).collect()));
    let table = Table::new(
        n,
        numbers.into_iter().enumerate().map(|(c, values)| (format!("x{c}"), Column::Number(values))),
    )
    .unwrap();
    for jobs in &a[3..] {
        let params = GradientTreesClassifier::params()
            .n_estimators(100)
            .max_leaf_nodes(31)
            .max_features(1.0)
            .n_jobs(*jobs);
        let mut times = Vec::new();
        for _ in 0..runs {
            let t = Instant::now();
            params.fit(&table, &y, None).unwrap();
            times.push(t.elapsed().as_secs_f64());
        }
        times.sort_by(f64::total_cmp);
        let mut bin = f64::INFINITY;
        let one = GradientTreesClassifier::params()
            .n_estimators(1)
            .max_leaf_nodes(2)
            .max_features(1.0)
            .n_jobs(*jobs);
        for _ in 0..3 {
            let t = Instant::now();
            one.fit(&table, &y, None).unwrap();
            bin = bin.min(t.elapsed().as_secs_f64());
        }
        println!(
            "{n}x{d} jobs {jobs}: min {:.3} median {:.3}; one stump {:.3}",
            times[0],
            times[times.len() / 2],
            bin
        );
    }
}
