//! Do the intervals of learned effects hold the truth?
//!
//! `cargo run --release --example effect_intervals -- [--seed 1] [--repeats 2]`
//!
//! Makes experiments whose true effects are known, learns the effects from each, and tells those of 3,000 other accounts.
//! Prints, a line a world: how far the effects truly deviate between accounts; how far the estimates are from the truth,
//! and how far "the same for all" would be (root mean squares, in points); the share of accounts whose 90 % interval
//! holds the truth. Then the coverage over all worlds as `interval_coverage_90`.

#[macro_use]
mod say;

use keepwell::Result;
use keepwell::action::{EffectModel, Evidence};
use keepwell::frame::{Categories, Column, Table};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// How the effect differs between accounts, by five numbers and a category.
type Effect = fn(&[f64; 5], usize) -> f64;

const SHAPES: [(&str, Effect); 5] = [
    ("none", |_, _| 0.0),
    ("the same", |_, _| 1.0),
    ("a line", |x, _| 1.0 + 0.6 * x[0] - 0.5 * x[3]),
    ("a step", |x, _| if x[1] > 0.3 { 2.0 } else { 0.2 }),
    ("an interaction", |x, group| if x[2] > 0.0 && group != 2 { 2.5 } else { 0.0 }),
];

struct World {
    table: Table,
    arm: Vec<usize>,
    y: Vec<bool>,
    truth: Vec<f64>,
}

fn main() {
    if let Err(error) = options().and_then(|(seed, repeats)| run(seed, repeats).map_err(|e| e.to_string())) {
        eprintln!("{error}");
        std::process::exit(2);
    }
}

fn options() -> std::result::Result<(u64, u64), String> {
    const USAGE: &str = "usage: effect_intervals [--seed 1] [--repeats 2]";
    let (mut seed, mut repeats) = (1, 2);
    let mut args = std::env::args().skip(1);
    while let Some(flag) = args.next() {
        let value = args.next().and_then(|text| text.parse().ok()).ok_or(USAGE)?;
        match flag.as_str() {
            "--seed" => seed = value,
            "--repeats" => repeats = value,
            _ => return Err(format!("{flag} is unknown; {USAGE}")),
        }
    }
    Ok((seed, repeats))
}

fn run(seed: u64, repeats: u64) -> Result<()> {
    say!("accounts  size  shape            deviation  error  same for all  held");
    let (mut total, mut n) = ([0.0; 2], [0.0; 2]);
    for n_rows in [2_000, 6_000, 20_000] {
        for size in [0.03, 0.08] {
            for (at, (name, effect)) in SHAPES.into_iter().enumerate() {
                let (mut sums, times) = ([0.0; 4], repeats as f64);
                for repeat in 0..repeats {
                    let start = seed.wrapping_mul(1_000_003) + repeat * 1_009 + n_rows as u64 + at as u64;
                    let told = learn(n_rows, size, effect, start)?;
                    sums.iter_mut().zip(told).for_each(|(sum, value)| *sum += value / times);
                }
                let [deviation, error, same, held] = sums;
                say!(
                    "{n_rows:>8}  {size:.2}  {name:<15}  {:>9.1}  {:>5.1}  {:>12.1}  {held:.2}",
                    100.0 * deviation,
                    100.0 * error,
                    100.0 * same
                );
                let differs = usize::from(at > 1);
                total[differs] += held;
                n[differs] += 1.0;
            }
        }
    }
    say!("coverage where accounts do not differ: {:.3}", total[0] / n[0]);
    say!("coverage where they do: {:.3}", total[1] / n[1]);
    say!("interval_coverage_90: {:.3}", (total[0] + total[1]) / (n[0] + n[1]));
    Ok(())
}

/// Deviation of the truth, error of the estimates and of the same for all, coverage.
fn learn(n_rows: usize, size: f64, effect: Effect, seed: u64) -> Result<[f64; 4]> {
    let (past, today) = (world(n_rows, size, effect, seed)?, world(3_000, size, effect, !seed)?);
    let params = EffectModel::params(["none", "action"], Evidence::Randomised);
    let model = params.fit(&past.table, &past.y, &past.arm)?;
    let effects = model.effects(&today.table)?;
    let truth = &today.truth;
    let average = model.reports()[0].average.value;
    let n = truth.len() as f64;
    let root = |of_row: &dyn Fn(usize) -> f64| {
        ((0..truth.len()).map(|row| of_row(row).powi(2)).sum::<f64>() / n).sqrt()
    };
    let mean = truth.iter().sum::<f64>() / n;
    let held = (0..truth.len()).filter(|&row| {
        let (low, high) = effects.interval(row, 1);
        low <= truth[row] && truth[row] <= high
    });
    Ok([
        root(&|row| truth[row] - mean),
        root(&|row| effects.effect(row, 1) - truth[row]),
        root(&|row| average - truth[row]),
        held.count() as f64 / n,
    ])
}

fn world(n: usize, size: f64, effect: Effect, seed: u64) -> Result<World> {
    let mut random = StdRng::seed_from_u64(seed);
    let normal = |random: &mut StdRng| (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0;
    let numbers: Vec<[f64; 5]> = (0..n).map(|_| std::array::from_fn(|_| normal(&mut random))).collect();
    let groups: Vec<usize> = (0..n).map(|_| random.random_range(0..3)).collect();
    let (mut arm, mut y, mut truth) = (Vec::new(), Vec::new(), Vec::new());
    for (x, &group) in numbers.iter().zip(&groups) {
        let odds = -1.2 + 0.6 * x[0] - 0.4 * x[1] + 0.3 * x[0] * x[2] + if group == 1 { 0.5 } else { 0.0 };
        let base = (1.0 / (1.0 + (-odds).exp())).clamp(0.02, 0.98);
        let held = x.map(|value| value.clamp(-2.0, 2.0));
        let with = (base + size * effect(&held, group)).clamp(0.01, 0.99);
        let got = random.random_range(0..2);
        arm.push(got);
        truth.push(if effect(&held, group) == 0.0 { 0.0 } else { with - base });
        y.push(random.random::<f64>() < if got == 1 { with } else { base });
    }
    let names = ["a", "b", "c", "d", "e"];
    let column = |at: usize| Column::Number(numbers.iter().map(|x| x[at]).collect());
    let group = Categories::from_texts(groups.iter().map(|&group| Some(["u", "v", "w"][group])));
    let columns = (0..5).map(|at| (names[at].to_owned(), column(at)));
    let table = Table::new(n, columns.chain([("group".to_owned(), Column::Category(group))]))?;
    Ok(World { table, arm, y, truth })
}
