//! The blend on tables that are small or odd: it must not be worse than the logistic regression by more than chance,
//! and must say where there is too little to learn from.

use keepwell::frame::{Categories, Column, Table};
use keepwell::model::{BlendClassifier, Classifier, Effort, LogisticClassifier};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// A way to draw `n` rows: the columns, and the log-odds of each row.
type World = fn(usize, &mut StdRng) -> (Vec<(String, Column)>, Vec<f64>);

fn draw(world: World, n: usize, seed: u64) -> (Table, Vec<bool>) {
    let mut rng = StdRng::seed_from_u64(seed);
    let (columns, log_odds) = world(n, &mut rng);
    let y = log_odds.iter().map(|z| rng.random::<f64>() < 1.0 / (1.0 + (-z).exp())).collect();
    (Table::new(n, columns).expect("a table"), y)
}

/// `k` numbers of each row, uniform from -1 to 1.
fn numbers(n: usize, k: usize, rng: &mut StdRng) -> Vec<Vec<f64>> {
    (0..k).map(|_| (0..n).map(|_| rng.random_range(-1.0..1.0)).collect()).collect()
}

fn named(columns: Vec<Vec<f64>>) -> Vec<(String, Column)> {
    columns.into_iter().enumerate().map(|(at, values)| (format!("x{at}"), Column::Number(values))).collect()
}

/// Ten columns of which two tell something, and positives as rare as `intercept` makes them.
fn lines(n: usize, intercept: f64, rng: &mut StdRng) -> (Vec<(String, Column)>, Vec<f64>) {
    let columns = numbers(n, 10, rng);
    let log_odds = (0..n).map(|row| intercept + 1.5 * columns[0][row] - columns[1][row]).collect();
    (named(columns), log_odds)
}

fn twelve_in_a_hundred(n: usize, rng: &mut StdRng) -> (Vec<(String, Column)>, Vec<f64>) {
    lines(n, -2.4, rng)
}

fn one_in_a_thousand(n: usize, rng: &mut StdRng) -> (Vec<(String, Column)>, Vec<f64>) {
    lines(n, -7.4, rng)
}

fn five_hundred_columns(n: usize, rng: &mut StdRng) -> (Vec<(String, Column)>, Vec<f64>) {
    let columns = numbers(n, 500, rng);
    let log_odds = (0..n).map(|row| -1.0 + 2.0 * columns[0][row] - 2.0 * columns[1][row]).collect();
    (named(columns), log_odds)
}

fn five_thousand_levels(n: usize, rng: &mut StdRng) -> (Vec<(String, Column)>, Vec<f64>) {
    let (mut columns, log_odds) = lines(n, -1.0, rng);
    let texts: Vec<String> = (0..n).map(|_| format!("city {}", rng.random_range(0..5_000))).collect();
    let cities = Categories::from_texts(texts.iter().map(|text| Some(text.as_str())));
    columns.push(("city".into(), Column::Category(cities)));
    (columns, log_odds)
}

/// Thirty columns of which all but three are missing everywhere.
fn all_missing_but_three(n: usize, rng: &mut StdRng) -> (Vec<(String, Column)>, Vec<f64>) {
    let mut columns = numbers(n, 3, rng);
    let log_odds = (0..n).map(|row| -1.0 + 1.5 * columns[0][row] - columns[1][row]).collect();
    columns.extend((0..27).map(|_| vec![f64::NAN; n]));
    (named(columns), log_odds)
}

fn loss(y: bool, p: f64) -> f64 {
    -(if y { p } else { 1.0 - p }).ln()
}

/// Mean log loss of the blend less that of the logistic regression on new rows, a draw of training rows each.
fn differences(world: World, n: usize, n_draws: u64) -> Vec<f64> {
    let (unseen, came) = draw(world, 4_000, 99);
    let of_draw = |seed: u64| {
        let (table, y) = draw(world, n, seed);
        let blend =
            BlendClassifier::params().effort(Effort::Balanced).fit(&table, &y, None).expect("a blend");
        let logistic = LogisticClassifier::params().fit(&table, &y, None).expect("a logistic regression");
        let mean =
            |p: Vec<f64>| came.iter().zip(p).map(|(&y, p)| loss(y, p)).sum::<f64>() / came.len() as f64;
        mean(blend.predict_proba(&unseen).expect("scores"))
            - mean(logistic.predict_proba(&unseen).expect("scores"))
    };
    (0..n_draws).map(of_draw).collect()
}

/// Not worse in the mean than by two standard errors over draws of training rows, and a hundredth of a nat.
fn assert_no_worse(world: World, n: usize, n_draws: u64) {
    let found = differences(world, n, n_draws);
    let mean = found.iter().sum::<f64>() / found.len() as f64;
    let variance = found.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / (found.len() - 1) as f64;
    let noise = 2.0 * (variance / found.len() as f64).sqrt();
    assert!(mean <= noise + 0.01, "worse by {mean} ± {noise}: {found:?}");
}

#[test]
fn a_hundred_rows_of_which_twelve_are_positive() {
    assert_no_worse(twelve_in_a_hundred, 100, 8);
}

#[test]
fn one_positive_in_a_thousand() {
    assert_no_worse(one_in_a_thousand, 12_000, 4);
}

#[test]
fn more_columns_than_rows() {
    assert_no_worse(five_hundred_columns, 300, 3);
}

#[test]
fn a_category_of_five_thousand_levels_that_tell_nothing() {
    assert_no_worse(five_thousand_levels, 4_000, 4);
}

#[test]
fn nothing_known_but_three_columns() {
    assert_no_worse(all_missing_but_three, 500, 4);
}

#[test]
fn scarce_positives_are_told_and_make_intervals_wide() {
    let (table, y) = draw(one_in_a_thousand, 12_000, 0);
    let scarce = BlendClassifier::params().effort(Effort::Fast).fit(&table, &y, None).expect("a blend");
    assert!(scarce.warnings()[0].starts_with("only about "), "{:?}", scarce.warnings());
    let (table, y) = draw(twelve_in_a_hundred, 12_000, 0);
    let enough = BlendClassifier::params().effort(Effort::Fast).fit(&table, &y, None).expect("a blend");
    assert!(enough.warnings().is_empty(), "{:?}", enough.warnings());
    let relative = |blend: &BlendClassifier| {
        let p = blend.predict_proba(&table).expect("scores");
        let intervals = blend.probability_intervals(&table, 0.9).expect("intervals");
        p.iter().zip(intervals).map(|(p, of)| (of.upper - of.lower) / p).sum::<f64>() / p.len() as f64
    };
    assert!(relative(&scarce) > 3.0 * relative(&enough), "{} {}", relative(&scarce), relative(&enough));
}
