//! Tests of the whole way from a table to a fitted logistic model.

use proptest::prelude::*;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::frame::{Categories, Column, Table};
use crate::model::sigmoid;

/// Numbers with gaps, a bent effect, a category with rare levels and gaps, a constant, a copy of a column.
fn customers(n: usize, seed: u64) -> (Table, Vec<bool>) {
    let mut rng = rand::rngs::StdRng::seed_from_u64(seed);
    let (mut usage, mut tenure, mut plan, mut y) = (vec![], vec![], vec![], vec![]);
    for row in 0..n {
        let (u, t, p) =
            (rng.random_range(-2.0..2.0f64), rng.random_range(0.0..60.0f64), rng.random_range(0..3));
        let log_odds = -1.0 - 0.8 * u + (6.0 - t).max(0.0) / 2.0 + [0.0, 0.7, -0.5][p];
        y.push(rng.random::<f64>() < sigmoid(log_odds));
        usage.push(if row % 11 == 0 { f64::NAN } else { u });
        tenure.push(t);
        let rare = format!("odd{}", row % 3);
        plan.push((row % 17 != 0).then(|| if row % 97 == 0 { rare } else { ["a", "b", "c"][p].to_string() }));
    }
    let plan = Categories::from_texts(plan.iter().map(Option::as_deref));
    let columns = [
        ("usage", Column::Number(usage)),
        ("tenure", Column::Number(tenure.clone())),
        ("plan", Column::Category(plan)),
        ("constant", Column::Number(vec![3.0; n])),
        ("tenure_again", Column::Number(tenure)),
        ("nothing", Column::Number(vec![f64::NAN; n])),
    ];
    (Table::new(n, columns.map(|(name, column)| (name.to_string(), column))).unwrap(), y)
}

/// The design as dense columns, from its scorer: unit coefficients one at a time.
fn dense(model: &LogisticClassifier, table: &Table) -> Vec<Vec<f64>> {
    let columns = model.features.encode(table).unwrap();
    let unit = |coef: usize| {
        let mut coefs = vec![0.0; model.coefs().len()];
        coefs[coef] = 1.0;
        model.design.scorer(&coefs, 0.0).log_odds(&columns, table.n_rows())
    };
    (0..model.coefs().len()).map(unit).collect()
}

/// Gradient of scikit-learn's objective, by C: coefficients, then the intercept.
fn gradient(model: &LogisticClassifier, table: &Table, y: &[bool], weights: &[f64]) -> Vec<f64> {
    let p = model.predict_proba(table).unwrap();
    let residual = |row: usize| weights[row] * (p[row] - f64::from(u8::from(y[row])));
    let along = |x: &[f64]| (0..y.len()).map(|row| residual(row) * x[row]).sum::<f64>();
    let columns = dense(model, table);
    let mut gradient: Vec<f64> =
        columns.iter().zip(model.coefs()).map(|(x, b)| along(x) + b / model.c()).collect();
    gradient.push(along(&vec![1.0; y.len()]));
    gradient
}

#[test]
fn the_gradient_vanishes_at_the_solution() {
    let (table, y) = customers(700, 1);
    let weights: Vec<f64> = (0..700).map(|row| 0.5 + f64::from(row % 4)).collect();
    for knots in [0, 1, 5, 8] {
        for c in [1e-3, 1.0, 1e3] {
            let params = LogisticClassifier::params().knots(knots).c(c).tol(1e-10);
            let model = params.fit(&table, &y, Some(&weights)).unwrap();
            assert!(model.converged());
            let worst =
                gradient(&model, &table, &y, &weights).into_iter().fold(0.0f64, |a, g| a.max(g.abs()));
            assert!(worst < 1e-6, "knots {knots}, C {c}: {worst}");
        }
    }
}

#[test]
fn a_wide_design_converges_with_the_diagonal_alone() {
    let n = 600;
    let mut rng = rand::rngs::StdRng::seed_from_u64(3);
    let columns: Vec<Vec<f64>> = (0..900).map(|_| (0..n).map(|_| rng.random::<f64>()).collect()).collect();
    let y: Vec<bool> = (0..n).map(|row| columns[0][row] + columns[1][row] > 1.0).collect();
    let named = columns.into_iter().enumerate().map(|(k, values)| (format!("x{k}"), Column::Number(values)));
    let table = Table::new(n, named).unwrap();
    let model = LogisticClassifier::params().knots(0).c(0.01).fit(&table, &y, None).unwrap();
    assert!(model.converged());
    let worst = gradient(&model, &table, &y, &vec![1.0; n]).into_iter().fold(0.0f64, |a, g| a.max(g.abs()));
    assert!(worst < 1e-3, "{worst}");
}

#[test]
fn base_and_contributions_are_the_log_odds() {
    let (table, y) = customers(500, 2);
    let (fresh, _) = customers(300, 9);
    let model = LogisticClassifier::params().fit(&table, &y, None).unwrap();
    for table in [&table, &fresh] {
        let (log_odds, parts) = (model.log_odds(table).unwrap(), model.contributions(table).unwrap());
        for (row, log_odds) in log_odds.iter().enumerate() {
            let sum = parts.base + parts.row(row).iter().sum::<f64>();
            assert!((sum - log_odds).abs() < 1e-12);
        }
    }
    let log_odds = model.log_odds(&table).unwrap();
    assert!((log_odds.iter().sum::<f64>() / 500.0 - model.base()).abs() < 1e-9);
}

#[test]
fn one_row_scores_as_a_table_does() {
    let (table, y) = customers(400, 4);
    let model = LogisticClassifier::params().fit(&table, &y, None).unwrap();
    let log_odds = model.log_odds(&table).unwrap();
    let contributions = model.contributions(&table).unwrap();
    for row in 0..400 {
        let cell = |column: &Column| match column {
            Column::Number(values) => values[row],
            Column::Category(_) if column.is_missing(row) => f64::NAN,
            Column::Category(categories) => f64::from(categories.codes[row]),
        };
        let cells: Vec<f64> = table.columns().iter().map(cell).collect();
        let mut into = vec![0.0; cells.len()];
        assert_eq!(model.log_odds_of_row(&cells), log_odds[row]);
        assert_eq!(model.contributions_of_row(&cells, &mut into), log_odds[row]);
        assert_eq!(into, contributions.row(row));
    }
}

#[test]
fn the_path_scores_unseen_rows_as_its_coefficients_do() {
    let (table, y) = customers(600, 5);
    let features = Features::of(&table);
    let columns = features.encode(&table).unwrap();
    let design = Design::fit(features.names(), &columns, None, 6).unwrap();
    let matrix = design.matrix(&columns, 600);
    let (train, valid): (Vec<u32>, Vec<u32>) = (0..600).partition(|row| row % 5 != 0);
    let settings = SolverSettings::new(100, 1e-8);
    let cs = [1.0, 0.01, 0.1];
    let steps = path(&matrix, &y, None, &train, &valid, &cs, &settings).unwrap();
    for (step, c) in steps.iter().zip(cs) {
        assert_eq!(step.c, c);
        let all = design.scorer(&step.coefs, step.intercept).log_odds(&columns, 600);
        for (found, &row) in step.valid_log_odds.iter().zip(&valid) {
            assert!((found - all[row as usize]).abs() < 1e-10);
        }
        let alone = path(&matrix, &y, None, &train, &valid, &[c], &settings).unwrap().remove(0);
        assert!(step.coefs.iter().zip(&alone.coefs).all(|(a, b)| (a - b).abs() < 1e-5));
    }
}

#[test]
fn whole_weights_are_repeated_rows() {
    let (table, y) = customers(400, 6);
    let weights: Vec<f64> = (0..400).map(|row| f64::from(row % 3)).collect();
    let rows: Vec<usize> = (0..400).flat_map(|row| std::iter::repeat_n(row, row % 3)).collect();
    let y2: Vec<bool> = rows.iter().map(|&row| y[row]).collect();
    let numbers = Table::new(400, [("usage".to_string(), table.columns()[0].clone())]).unwrap();
    let params = LogisticClassifier::params().c(0.5).knots(4);
    let weighted = params.fit(&numbers, &y, Some(&weights)).unwrap();
    let repeated = params.fit(&numbers.take(&rows), &y2, None).unwrap();
    let (a, b) = (weighted.log_odds(&numbers).unwrap(), repeated.log_odds(&numbers).unwrap());
    assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-6));
}

#[test]
fn unseen_and_missing_levels_score() {
    let (table, y) = customers(500, 7);
    let model = LogisticClassifier::params().c(1.0).fit(&table, &y, None).unwrap();
    let mut cells = vec![0.0, 10.0, -1.0, 3.0, 10.0, f64::NAN];
    let unseen = model.log_odds_of_row(&cells);
    let plan = table.column("plan").unwrap();
    let Column::Category(categories) = plan else { unreachable!() };
    cells[2] = categories.levels.iter().position(|level| level.starts_with("odd")).unwrap() as f64;
    assert_eq!(unseen, model.log_odds_of_row(&cells), "unseen levels score as the pool of rare ones");
    cells[2] = f64::NAN;
    assert_ne!(unseen, model.log_odds_of_row(&cells));
    for odd in [f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN] {
        cells[0] = odd;
        assert!(model.log_odds_of_row(&cells).is_finite());
    }
}

#[test]
fn separable_constant_and_tiny_tables_are_fine() {
    let values: Vec<f64> = (0..40).map(f64::from).collect();
    let y: Vec<bool> = values.iter().map(|&value| value > 19.5).collect();
    let table = Table::new(40, [("x".to_string(), Column::Number(values))]).unwrap();
    let model = LogisticClassifier::params().c(1e6).fit(&table, &y, None).unwrap();
    assert!(model.predict_proba(&table).unwrap().iter().zip(&y).all(|(p, &y)| (*p > 0.5) == y));
    let two = table.take(&[0, 39]);
    let model = LogisticClassifier::params().fit(&two, &[false, true], None).unwrap();
    assert!(model.log_odds(&two).unwrap().iter().all(|value| value.is_finite()));
    let none = Table::new(3, []).unwrap();
    let model = LogisticClassifier::params().fit(&none, &[true, false, false], None).unwrap();
    assert!((model.predict_proba(&none).unwrap()[0] - 1.0 / 3.0).abs() < 1e-9);
}

#[test]
fn a_saved_model_scores_the_same() {
    let (table, y) = customers(300, 8);
    let model = LogisticClassifier::params().fit(&table, &y, None).unwrap();
    let bytes = postcard::to_stdvec(&model).unwrap();
    let loaded: LogisticClassifier = postcard::from_bytes(&bytes).unwrap();
    assert_eq!(model, loaded);
    assert_eq!(model.log_odds(&table).unwrap(), loaded.log_odds(&table).unwrap());
}

#[test]
fn bad_input_is_named() {
    let (table, mut y) = customers(30, 1);
    let text = |params: LogisticParams| params.fit(&table, &y, None).unwrap_err().to_string();
    let params = LogisticClassifier::params;
    assert_eq!(text(params().c(0.0)), "`c` is 0, expected a finite number above 0");
    assert_eq!(text(params().knots(65)), "`knots` is 65, expected 0 (a straight line) to 64");
    assert_eq!(text(params().max_iter(0)), "`max_iter` is 0, expected at least 1");
    assert_eq!(text(params().tol(f64::NAN)), "`tol` is NaN, expected a finite number above 0");
    y.fill(false);
    let fit = |y: &[bool], weights| params().fit(&table, y, weights).unwrap_err().to_string();
    assert_eq!(fit(&y, None), "label `y` is false in all 30 rows; a model needs rows of both classes");
    assert_eq!(fit(&y[1..], None), "number of labels: found 29, expected 30");
    y[3] = true;
    assert_eq!(fit(&y, Some(&[-1.0; 30])), "weights, row 1: found -1, expected a number from 0 to 1e100");
    let infinite = Table::new(2, [("x".to_string(), Column::Number(vec![1.0, f64::INFINITY]))]).unwrap();
    assert_eq!(
        params().fit(&infinite, &[true, false], None).unwrap_err().to_string(),
        "column `x`, row 2: found `inf`, expected a finite number, or none (NaN) where it is missing"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn no_table_makes_it_panic_or_return_nan(
        cells in prop::collection::vec(prop::option::of(prop::num::f64::NORMAL | prop::num::f64::ZERO), 24),
        codes in prop::collection::vec(0usize..4, 24),
        seed in any::<u64>(),
    ) {
        let numbers = cells.iter().map(|cell| cell.unwrap_or(f64::NAN)).collect();
        let texts = codes.iter().map(|&code| [None, Some("a"), Some("b"), Some("c")][code]);
        let columns = [
            ("x".to_string(), Column::Number(numbers)),
            ("k".to_string(), Column::Category(Categories::from_texts(texts))),
        ];
        let table = Table::new(24, columns).unwrap();
        let y: Vec<bool> = (0..24).map(|row| row == 0 || (row > 1 && seed >> row & 1 == 1)).collect();
        let model = LogisticClassifier::params().random_state(seed).fit(&table, &y, None).unwrap();
        let parts = model.contributions(&table).unwrap();
        prop_assert!(model.log_odds(&table).unwrap().iter().chain(&parts.values).all(|value| value.is_finite()));
    }
}
