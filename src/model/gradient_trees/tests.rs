//! Gradient trees from outside: what they learn, what they refuse, and that they are the same every time.

use std::ops::ControlFlow;
use std::sync::Mutex;

use linfa::traits::{Fit, Predict};
use ndarray::{Array1, Array2};

use super::boost::{BoostTask, boost};
use super::*;
use crate::frame::{Categories, Column, Table};
use crate::model::Progress;
use crate::model::loss::Logistic;
use crate::tree::{Binning, Rows};

fn random(seed: usize) -> f64 {
    let mixed = (seed as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    (mixed >> 11) as f64 / (1u64 << 53) as f64
}

/// Two numbers, one with missing values, and a plan; the label depends on all three.
fn customers(n: usize) -> (Table, Vec<bool>) {
    let usage: Vec<f64> = (0..n).map(|r| if r % 11 == 0 { f64::NAN } else { 100.0 * random(r) }).collect();
    let tickets: Vec<f64> = (0..n).map(|r| (6.0 * random(r + 50_000)).floor()).collect();
    let plan = |r: usize| ["free", "team", "pro"][(3.0 * random(r + 90_000)) as usize];
    let risk = |r: usize| {
        let quiet = if usage[r].is_nan() || usage[r] < 30.0 { 1.5 } else { -1.0 };
        quiet + 0.3 * tickets[r] + if plan(r) == "free" { 0.8 } else { 0.0 } - 1.5
    };
    let y = (0..n).map(|r| random(r + 170_000) < crate::model::sigmoid(risk(r))).collect();
    let plans = Categories::from_texts((0..n).map(|r| Some(plan(r))));
    let columns = [
        ("usage".to_owned(), Column::Number(usage)),
        ("tickets".to_owned(), Column::Number(tickets)),
        ("plan".to_owned(), Column::Category(plans)),
    ];
    (Table::new(n, columns).unwrap(), y)
}

fn log_loss(model: &GradientTreesClassifier, table: &Table, y: &[bool]) -> f64 {
    let p = model.predict_proba(table).unwrap();
    p.iter().zip(y).map(|(p, &y)| -if y { *p } else { 1.0 - p }.ln()).sum::<f64>() / y.len() as f64
}

#[test]
fn it_learns_what_there_is_to_learn() {
    let (table, y) = customers(3000);
    let rows = |range: std::ops::Range<usize>| range.collect::<Vec<usize>>();
    let (train, test) = (table.take(&rows(0..2000)), table.take(&rows(2000..3000)));
    let model = GradientTreesClassifier::params()
        .max_depth(3)
        .n_estimators(60)
        .fit(&train, &y[..2000], None)
        .unwrap();
    let base = y.iter().filter(|y| **y).count() as f64 / 3000.0;
    let entropy = -(base * base.ln() + (1.0 - base) * (1.0 - base).ln());
    assert!(log_loss(&model, &test, &y[2000..]) < 0.92 * entropy);
}

#[test]
fn contributions_add_up_to_log_odds() {
    let (table, y) = customers(800);
    let model = GradientTreesClassifier::params().fit(&table, &y, None).unwrap();
    let contributions = model.contributions(&table).unwrap();
    for (row, log_odds) in model.log_odds(&table).unwrap().into_iter().enumerate() {
        let sum = contributions.base + contributions.row(row).iter().sum::<f64>();
        assert!((sum - log_odds).abs() < 1e-9);
    }
}

#[test]
fn the_model_is_the_same_at_any_thread_count_and_every_time() {
    let (table, y) = customers(9000);
    let params = GradientTreesClassifier::params().n_estimators(12).max_features(0.7).early_stopping(true);
    let bytes =
        |n_jobs: usize| postcard::to_allocvec(&params.clone().n_jobs(n_jobs).fit(&table, &y, None).unwrap());
    let one = bytes(1).unwrap();
    assert_eq!(one, bytes(2).unwrap());
    assert_eq!(one, bytes(5).unwrap());
    assert_eq!(one, bytes(1).unwrap());
}

#[test]
fn a_saved_model_scores_the_same() {
    let (table, y) = customers(600);
    let model = GradientTreesClassifier::params().n_estimators(20).fit(&table, &y, None).unwrap();
    let bytes = postcard::to_allocvec(&model).unwrap();
    let loaded: GradientTreesClassifier = postcard::from_bytes(&bytes).unwrap();
    assert_eq!(loaded, model);
    assert_eq!(loaded.log_odds(&table).unwrap(), model.log_odds(&table).unwrap());
}

#[test]
fn a_weight_counts_like_repeated_rows_and_none_like_a_row_left_out() {
    let (table, y) = customers(900);
    let params =
        GradientTreesClassifier::params().n_estimators(5).max_leaf_nodes(4).min_samples_leaf(1).n_jobs(1);
    let zeros: Vec<f64> = (0..900).map(|r| if r % 3 == 0 { 0.0 } else { 1.0 }).collect();
    let kept: Vec<usize> = (0..900).filter(|r| r % 3 != 0).collect();
    let y_kept: Vec<bool> = kept.iter().map(|&r| y[r]).collect();
    let coarse = params.clone().max_bins(255);
    let weighted = coarse.fit(&table, &y, Some(&zeros)).unwrap();
    let left_out = coarse.fit(&table.take(&kept), &y_kept, None).unwrap();
    let twice: Vec<usize> = (0..900).chain((0..900).filter(|r| r % 2 == 0)).collect();
    let y_twice: Vec<bool> = twice.iter().map(|&r| y[r]).collect();
    let doubled: Vec<f64> = (0..900).map(|r| if r % 2 == 0 { 2.0 } else { 1.0 }).collect();
    let by_weight = params.fit(&table, &y, Some(&doubled)).unwrap();
    let by_rows = params.fit(&table.take(&twice), &y_twice, None).unwrap();
    let mean_gap = |a: &GradientTreesClassifier, b: &GradientTreesClassifier| {
        let (a, b) = (a.log_odds(&table).unwrap(), b.log_odds(&table).unwrap());
        a.iter().zip(&b).map(|(a, b)| (a - b).abs()).sum::<f64>() / 900.0
    };
    assert!(mean_gap(&weighted, &left_out) < 0.03, "bins come from all rows, so cuts differ a little");
    assert!(mean_gap(&by_weight, &by_rows) < 0.03, "bins do not know weights, so cuts differ a little");
    assert!(mean_gap(&by_weight, &left_out) > 0.05, "the weights do matter");
}

#[test]
fn early_stopping_keeps_the_best_trees() {
    let (table, y) = customers(1500);
    let params = GradientTreesClassifier::params().n_estimators(400).learning_rate(0.3).early_stopping(true);
    let model = params.validation_fraction(0.3).n_iter_no_change(5).fit(&table, &y, None).unwrap();
    let losses = model.valid_losses();
    let best = losses.iter().copied().fold(f64::INFINITY, f64::min);
    let n_trees = model.forest().trees().len();
    assert_eq!(losses[n_trees], best);
    assert_eq!(losses.len(), n_trees + 1 + 5);
    assert!(best < losses[0]);
}

#[test]
fn as_many_trees_as_the_folds_find_best_tell_unseen_rows_better_than_many() {
    let (table, y) = customers(1500);
    let rows = |range: std::ops::Range<usize>| range.collect::<Vec<usize>>();
    let (train, test) = (table.take(&rows(0..1000)), table.take(&rows(1000..1500)));
    let fit = |params: GradientTreesParams| params.fit(&train, &y[..1000], None).unwrap();
    let by_folds = fit(GradientTreesClassifier::params());
    let many = fit(GradientTreesClassifier::params().n_estimators(300));
    assert_eq!(many.forest().trees().len(), 300, "what is set is honoured");
    assert!(log_loss(&by_folds, &test, &y[1000..]) < log_loss(&many, &test, &y[1000..]));
    let of_threads = |n_jobs: usize| fit(GradientTreesClassifier::params().n_jobs(n_jobs));
    assert_eq!(of_threads(1), of_threads(8));
}

#[test]
fn a_class_of_one_row_gives_few_trees() {
    let (table, _) = customers(60);
    let y: Vec<bool> = (0..60).map(|row| row == 5).collect();
    let model = GradientTreesClassifier::params().fit(&table, &y, None).unwrap();
    assert!(model.log_odds(&table).unwrap().iter().all(|log_odds| log_odds.is_finite()));
    let weights: Vec<f64> = (0..60).map(|row| f64::from(u8::from(row < 30))).collect();
    let model = GradientTreesClassifier::params().fit(&table, &y, Some(&weights)).unwrap();
    assert!(model.forest().trees().len() <= 30);
}

#[test]
fn boosting_over_a_fold_returns_its_scores() {
    let (table, y) = customers(1000);
    let features = Features::of(&table);
    let encoded = features.encode(&table).unwrap();
    let views: Vec<ColumnView> = encoded.iter().map(EncodedColumn::view).collect();
    let binning = Binning::fit(&views, 255);
    let bins = binning.bin(&views);
    let (valid, train): (Vec<u32>, Vec<u32>) = (0..1000).partition(|row| row % 5 == 0);
    let task = BoostTask { y: &y, weights: None, train: Rows::Listed(&train), valid: &valid };
    let params = GradientTreesClassifier::params().early_stopping(true).check().unwrap().boost_params(
        EarlyStopping::ValidationPart,
        vec![],
        1,
    );
    let boosted = boost(&Logistic, &binning, &bins, &task, &params, &|_| ControlFlow::Continue(())).unwrap();
    let valid_raw = boosted.valid_raw.clone();
    let scores = boosted.into_forest(3).predict(&views);
    for (&row, raw) in valid.iter().zip(valid_raw) {
        assert!((scores[row as usize] - raw).abs() < 1e-12);
    }
}

#[test]
fn linfa_datasets_with_weights_fit_like_tables() {
    let records = Array2::from_shape_fn((400, 2), |(row, column)| (100.0 * random(row * 2 + column)).round());
    let targets: Array1<bool> =
        (0..400).map(|row| records[[row, 0]] + 20.0 * random(row + 7) > 60.0).collect();
    let weights: Vec<f32> = (0..400).map(|row| 0.5 + (row % 4) as f32).collect();
    let dataset =
        linfa::Dataset::new(records.clone(), targets.clone()).with_weights(Array1::from(weights.clone()));
    let params = GradientTreesClassifier::params().n_estimators(10).n_jobs(1);
    let of_dataset = params.clone().check().unwrap().fit(&dataset).unwrap();
    let columns = (0..2).map(|c| (format!("x{c}"), Column::Number(records.column(c).to_vec())));
    let weights: Vec<f64> = weights.into_iter().map(f64::from).collect();
    let table = Table::new(400, columns).unwrap();
    let of_table = params.fit(&table, &targets.to_vec(), Some(&weights)).unwrap();
    assert_eq!(of_dataset, of_table);
    let predicted = of_dataset.predict(&records);
    let right = predicted.iter().zip(&targets).filter(|(a, b)| a == b).count();
    assert!(right > 340);
}

#[test]
fn progress_is_told_and_can_cancel() {
    let (table, y) = customers(300);
    let told = Mutex::new(Vec::new());
    let note = |progress: Progress| {
        told.lock().unwrap().push(progress.done);
        ControlFlow::Continue(())
    };
    let params = GradientTreesClassifier::params().n_estimators(8);
    params.fit_with_progress(&table, &y, None, &note).unwrap();
    let told = told.into_inner().unwrap();
    assert!(told.is_sorted() && told.len() == 8 && told[7] == 1.0);
    let error = params.fit_with_progress(&table, &y, None, &|_| ControlFlow::Break(())).unwrap_err();
    assert_eq!(error.to_string(), "training was cancelled by its progress callback");
}

#[test]
fn parameters_outside_their_range_are_named() {
    let text = |params: GradientTreesParams| params.check().unwrap_err().to_string();
    let params = GradientTreesClassifier::params;
    assert_eq!(text(params().n_estimators(0)), "`n_estimators` is 0, expected at least 1");
    assert_eq!(
        text(params().learning_rate(f64::NAN)),
        "`learning_rate` is NaN, expected above 0 and at most 1"
    );
    assert_eq!(text(params().max_leaf_nodes(1)), "`max_leaf_nodes` is 1, expected at least 2");
    assert_eq!(text(params().max_depth(0)), "`max_depth` is 0, expected at least 1, or none");
    assert_eq!(text(params().min_samples_leaf(0)), "`min_samples_leaf` is 0, expected at least 1");
    assert_eq!(
        text(params().l2_regularization(-1.0)),
        "`l2_regularization` is -1, expected 0 or more, and finite"
    );
    assert_eq!(text(params().max_bins(256)), "`max_bins` is 256, expected 2 to 255");
    assert_eq!(text(params().max_features(0.0)), "`max_features` is 0, expected above 0 and at most 1");
    assert_eq!(text(params().monotonic([("a", 2)])), "`monotonic` is 2, expected -1, 0 or 1 for each column");
    assert_eq!(
        text(params().validation_fraction(1.0)),
        "`validation_fraction` is 1, expected above 0 and below 1"
    );
    assert_eq!(text(params().n_iter_no_change(0)), "`n_iter_no_change` is 0, expected at least 1");
    assert_eq!(text(params().n_jobs(0)), "`n_jobs` is 0, expected at least 1, or none for all threads");
}

#[test]
fn bad_input_is_named() {
    let (table, y) = customers(40);
    let text = |table: &Table, y: &[bool], weights: Option<&[f64]>| {
        GradientTreesClassifier::params().fit(table, y, weights).unwrap_err().to_string()
    };
    assert_eq!(
        text(&table.take(&[]), &[], None),
        "the training table has no rows; give rows of both classes to learn from"
    );
    assert_eq!(text(&table, &y[1..], None), "number of labels: found 39, expected 40");
    assert_eq!(text(&table, &y, Some(&[1.0])), "number of weights: found 1, expected 40");
    assert_eq!(
        text(&table, &[false; 40], None),
        "label `y` is false in all 40 rows; a model needs rows of both classes"
    );
    let mut weights = [1.0; 40];
    weights[6] = -0.5;
    assert_eq!(
        text(&table, &y, Some(&weights)),
        "weights, row 7: found -0.5, expected a number from 0 to 1e100"
    );
    let positive: Vec<f64> = y.iter().map(|&y| f64::from(u8::from(y))).collect();
    assert_eq!(
        text(&table, &y, Some(&positive)),
        "label `y` is true in all 40 rows; a model needs rows of both classes"
    );
    let infinite = Table::new(40, [("mrr".to_owned(), Column::Number(vec![f64::INFINITY; 40]))]).unwrap();
    let message =
        "column `mrr`, row 1: found `inf`, expected a finite number, or none (NaN) where it is missing";
    assert_eq!(text(&infinite, &y, None), message);
    let plan = GradientTreesClassifier::params().monotonic([("plan", 1)]).fit(&table, &y, None).unwrap_err();
    let message =
        "column `plan` is text, expected numbers, since `monotonic` names it; a category has no direction";
    assert_eq!(plan.to_string(), message);
    let age = GradientTreesClassifier::params().monotonic([("age", 1)]).fit(&table, &y, None).unwrap_err();
    let message =
        "column `age` (named in `monotonic`) is not in the table; its columns are: usage, tickets, plan";
    assert_eq!(age.to_string(), message);
}

#[test]
fn tiny_and_odd_tables_give_finite_scores() {
    let fit = |columns: Vec<Column>, y: &[bool]| {
        let named = columns.into_iter().enumerate().map(|(at, column)| (format!("c{at}"), column));
        let table = Table::new(y.len(), named).unwrap();
        let model = GradientTreesClassifier::params()
            .min_samples_leaf(1)
            .early_stopping(true)
            .fit(&table, y, None)
            .unwrap();
        assert!(model.log_odds(&table).unwrap().iter().all(|log_odds| log_odds.is_finite()));
        let contributions = model.contributions(&table).unwrap();
        assert!(contributions.base.is_finite() && contributions.values.iter().all(|value| value.is_finite()));
    };
    let y: Vec<bool> = (0..30).map(|r| r % 3 == 0).collect();
    fit(vec![Column::Number(vec![1.0, 2.0])], &[true, false]);
    fit(vec![Column::Number(vec![f64::NAN; 30])], &y);
    fit(vec![Column::Number(vec![4.0; 30])], &y);
    fit(vec![Column::Category(Categories::from_texts(vec![None; 30]))], &y);
    fit(vec![Column::Number((0..30).map(|r| if r % 2 == 0 { f64::MAX } else { f64::MIN }).collect())], &y);
    fit(vec![], &y);
}

#[test]
fn a_table_lacking_a_column_is_refused_and_new_levels_are_scored() {
    let (table, y) = customers(500);
    let model = GradientTreesClassifier::params().n_estimators(10).fit(&table, &y, None).unwrap();
    let without = Table::new(500, [("usage".to_owned(), table.columns()[0].clone())]).unwrap();
    let message =
        "column `tickets` (a feature the model was trained on) is not in the table; its columns are: usage";
    assert_eq!(model.log_odds(&without).unwrap_err().to_string(), message);
    let new_plan = Categories::from_texts(vec![Some("enterprise"); 500]);
    let columns = [
        ("usage".to_owned(), table.columns()[0].clone()),
        ("tickets".to_owned(), table.columns()[1].clone()),
        ("plan".to_owned(), Column::Category(new_plan)),
    ];
    let table = Table::new(500, columns).unwrap();
    assert!(model.log_odds(&table).unwrap().iter().all(|log_odds| log_odds.is_finite()));
}

fn spends(n: usize) -> (Table, Vec<f64>) {
    let (table, _) = customers(n);
    let Column::Number(tickets) = &table.columns()[1] else { panic!("tickets are numbers") };
    let y = (0..n).map(|r| (3.0 * tickets[r] + 4.0 * random(r + 300_000)).floor()).collect();
    (table, y)
}

fn regressor(loss: RegressionLoss) -> GradientTreesParams<RegressionLoss> {
    GradientTreesRegressor::params().loss(loss).n_jobs(1)
}

#[test]
fn each_loss_predicts_what_it_says() {
    let (table, y) = spends(4000);
    let gap = |loss, quantile: f64| {
        let predicted =
            regressor(loss).max_leaf_nodes(8).fit(&table, &y, None).unwrap().predict(&table).unwrap();
        let below = predicted.iter().zip(&y).filter(|(p, y)| y < p).count() as f64 / 4000.0;
        let mean = predicted.iter().zip(&y).map(|(p, y)| p - y).sum::<f64>() / 4000.0;
        (mean.abs(), (below - quantile).abs())
    };
    assert!(gap(RegressionLoss::SquaredError, 0.5).0 < 0.01);
    assert!(gap(RegressionLoss::Poisson, 0.5).0 < 0.1);
    assert!(gap(RegressionLoss::Quantile(0.9), 0.9).1 < 0.05);
    assert!(gap(RegressionLoss::Quantile(0.2), 0.2).1 < 0.05);
}

#[test]
fn a_regression_explains_more_than_its_mean_and_contributions_add_up() {
    let (table, y) = spends(3000);
    for loss in [RegressionLoss::SquaredError, RegressionLoss::Poisson, RegressionLoss::Quantile(0.5)] {
        let model = regressor(loss).fit(&table, &y, None).unwrap();
        let predicted = model.predict(&table).unwrap();
        let error =
            |predict: &dyn Fn(usize) -> f64| (0..3000).map(|r| (y[r] - predict(r)).powi(2)).sum::<f64>();
        let mean = y.iter().sum::<f64>() / 3000.0;
        assert!(error(&|r| predicted[r]) < 0.2 * error(&|_| mean), "{loss:?}");
        let told = model.contributions(&table).unwrap();
        for (row, raw) in model.raw_scores(&table).unwrap().into_iter().enumerate() {
            assert!((told.base + told.row(row).iter().sum::<f64>() - raw).abs() < 1e-9);
        }
        let bytes = crate::model::ModelFile::to_bytes(&model);
        let loaded: GradientTreesRegressor = crate::model::ModelFile::from_bytes(&bytes).unwrap();
        assert_eq!((loaded.loss(), loaded.predict(&table).unwrap()), (loss, predicted));
        assert!(<GradientTreesClassifier as crate::model::ModelFile>::from_bytes(&bytes).is_err());
    }
}

#[test]
fn one_leaf_without_shrinkage_is_the_constant_that_minimises_the_loss() {
    let y = [0.0, 0.0, 1.0, 7.0, 1000.0];
    let table = Table::new(5, [("x".to_owned(), Column::Number(vec![1.0; 5]))]).unwrap();
    let constant =
        |loss| regressor(loss).n_estimators(1).fit(&table, &y, None).unwrap().predict(&table).unwrap()[0];
    assert!((constant(RegressionLoss::SquaredError) - 201.6).abs() < 1e-9);
    assert!((constant(RegressionLoss::Poisson) - 201.6).abs() < 1e-6);
    assert_eq!(constant(RegressionLoss::Quantile(0.5)), 1.0);
    assert_eq!(constant(RegressionLoss::Quantile(0.9)), 1000.0);
}

#[test]
fn targets_of_any_size_give_finite_predictions() {
    let table = Table::new(60, [("x".to_owned(), Column::Number((0..60).map(f64::from).collect()))]).unwrap();
    let weights: Vec<f64> = (0..60).map(|r| [1e100, 1.0, 1e-300, 0.0][r % 4]).collect();
    for scale in [1e18, 1.0, 1e-9, 1e-40, 1e-300] {
        let y: Vec<f64> = (0..60).map(|r| scale * random(r) * f64::from(u8::from(r > 30))).collect();
        for loss in [RegressionLoss::SquaredError, RegressionLoss::Poisson, RegressionLoss::Quantile(0.3)] {
            for weights in [None, Some(&weights[..])] {
                for l2 in [0.0, 1.0] {
                    let params = regressor(loss).min_samples_leaf(1).l2_regularization(l2).learning_rate(1.0);
                    let model = params.fit(&table, &y, weights).unwrap();
                    let predicted = model.predict(&table).unwrap();
                    assert!(predicted.iter().all(|p| p.is_finite()), "{scale} {loss:?} {l2} {predicted:?}");
                }
            }
        }
    }
}

#[test]
fn a_direction_holds_for_counts() {
    let (table, y) = spends(2000);
    let params = regressor(RegressionLoss::Poisson).monotonic([("tickets", -1)]);
    let model = params.fit(&table, &y, None).unwrap();
    for usage in [f64::NAN, 10.0, 90.0] {
        let scores: Vec<f64> = (0..7).map(|t| -model.raw_score_of_row(&[usage, f64::from(t), 0.0])).collect();
        assert!(scores.is_sorted());
    }
}

#[test]
fn targets_that_the_loss_cannot_take_are_named() {
    let (table, _) = spends(40);
    let text = |loss, change: &dyn Fn(&mut Vec<f64>)| {
        let mut y = vec![2.0; 40];
        change(&mut y);
        regressor(loss).fit(&table, &y, None).unwrap_err().to_string()
    };
    let squared = RegressionLoss::SquaredError;
    assert_eq!(
        text(squared, &|y| y[3] = f64::NAN),
        "targets, row 4: found NaN, expected a number from -1e18 to 1e18"
    );
    assert_eq!(
        text(squared, &|y| y[0] = f64::INFINITY),
        "targets, row 1: found inf, expected a number from -1e18 to 1e18"
    );
    assert_eq!(
        text(RegressionLoss::Poisson, &|y| y[8] = -1.0),
        "targets, row 9: found -1, expected a number from 0 to 1e18, as the Poisson loss needs"
    );
    assert_eq!(
        text(RegressionLoss::Poisson, &|y| y.fill(0.0)),
        "the training table, targets of 0 aside, has no rows; give the Poisson loss some target above 0"
    );
    assert_eq!(text(RegressionLoss::Quantile(1.0), &|_| ()), "`quantile` is 1, expected above 0 and below 1");
    let params = regressor(RegressionLoss::Quantile(0.5)).monotonic([("usage", 1)]);
    assert_eq!(
        params.check().unwrap_err().to_string(),
        "`loss` is quantile, expected squared_error or poisson where `monotonic` is set"
    );
}

#[test]
fn linfa_datasets_of_numbers_fit_and_predict() {
    let records = Array2::from_shape_fn((300, 2), |(row, column)| (100.0 * random(row * 2 + column)).round());
    let targets: Array1<f64> = records.column(0).mapv(|value| value * 3.0);
    let params = GradientTreesRegressor::params().n_jobs(1).check().unwrap();
    let model = params.fit(&linfa::Dataset::new(records.clone(), targets.clone())).unwrap();
    let predicted: Array1<f64> = Predict::predict(&model, &records);
    assert!((&predicted - &targets).mapv(f64::abs).mean().unwrap() < 5.0);
}

#[test]
fn continuing_gives_what_one_long_fit_gives() {
    let (table, y) = customers(1500);
    let params = GradientTreesClassifier::params().n_jobs(1).max_leaf_nodes(6);
    let sampled = params.clone().max_features(0.6).subsample(0.5);
    let stopped = sampled.clone().early_stopping(true).n_iter_no_change(1000);
    for params in [params, sampled, stopped] {
        let long = params.clone().n_estimators(30).fit(&table, &y, None).unwrap();
        let short = params.clone().n_estimators(11).fit(&table, &y, None).unwrap();
        let task = TreesTask::new(&table, &y).continue_from(&short);
        assert_eq!(params.n_estimators(30).fit_task(&task).unwrap(), long);
    }
    let (table, y) = spends(800);
    for loss in [RegressionLoss::SquaredError, RegressionLoss::Poisson, RegressionLoss::Quantile(0.7)] {
        let long = regressor(loss).n_estimators(20).fit(&table, &y, None).unwrap();
        let short = regressor(loss).n_estimators(7).fit(&table, &y, None).unwrap();
        let task = TreesTask::new(&table, &y).continue_from(&short);
        assert_eq!(regressor(loss).n_estimators(20).fit_task(&task).unwrap(), long, "{loss:?}");
    }
}

#[test]
fn a_model_that_cannot_be_continued_says_why() {
    let (table, y) = customers(200);
    let params = GradientTreesClassifier::params().n_estimators(9);
    let model = params.fit(&table, &y, None).unwrap();
    let text = |params: &GradientTreesParams, table: &Table| {
        params.fit_task(&TreesTask::new(table, &y).continue_from(&model)).unwrap_err().to_string()
    };
    assert_eq!(
        text(&params.clone().n_estimators(8), &table),
        "`n_estimators` is 8, expected at least as many as the model has that is continued"
    );
    assert_eq!(
        text(&params.clone().early_stopping(EarlyStopping::Folds(3)), &table),
        "`early_stopping` is by folds, expected off or a validation part, since a model is continued"
    );
    let mut more = table.clone();
    more.push("age".to_owned(), Column::Number(vec![1.0; 200])).unwrap();
    assert_eq!(
        text(&params, &more),
        "column `age` is new, expected a column of the model that is continued; leave it out, or fit a new model"
    );
    let fewer = Table::new(200, [("usage".to_owned(), table.columns()[0].clone())]).unwrap();
    assert_eq!(
        text(&params, &fewer),
        "column `tickets` (a feature the model was trained on) is not in the table; its columns are: usage"
    );
    let (table, y) = spends(100);
    let model = regressor(RegressionLoss::Poisson).n_estimators(20).fit(&table, &y, None).unwrap();
    let task = TreesTask::new(&table, &y).continue_from(&model);
    assert_eq!(
        regressor(RegressionLoss::Quantile(0.5)).n_estimators(200).fit_task(&task).unwrap_err().to_string(),
        "`loss` is Quantile(0.5), expected the one of the model that is continued"
    );
}

#[test]
fn by_folds_the_model_is_the_mean_of_forests_stopped_early() {
    let (table, y) = customers(1200);
    let params = GradientTreesClassifier::params().n_estimators(300).learning_rate(0.3).n_iter_no_change(5);
    let by_folds = params.early_stopping(EarlyStopping::Folds(4));
    let told = Mutex::new(Vec::new());
    let note = |progress: Progress| {
        told.lock().unwrap().push(progress.done);
        ControlFlow::Continue(())
    };
    let model = by_folds.fit_with_progress(&table, &y, None, &note).unwrap();
    let (losses, n_trees) = (model.valid_losses(), model.forest().trees().len());
    assert!((4..4 * 300).contains(&n_trees) && losses[lowest_of(losses)] < losses[0]);
    assert!(told.into_inner().unwrap().is_sorted());
    let bytes = |n_jobs: usize| {
        postcard::to_allocvec(&by_folds.clone().n_jobs(n_jobs).fit(&table, &y, None).unwrap())
    };
    assert_eq!(bytes(1).unwrap(), bytes(3).unwrap());
    let capped = by_folds.clone().n_estimators(2).fit(&table, &y, None).unwrap();
    assert_eq!(capped.forest().trees().len(), 8, "what is set is the most of each forest");
    let alone: Vec<bool> = (0..1200).map(|row| row == 7).collect();
    assert_eq!(
        by_folds.fit(&table, &alone, None).unwrap_err().to_string(),
        "rows of each class that weigh, for early stopping by folds: found 1, expected at least 2"
    );
}

#[test]
fn the_number_of_trees_is_found_where_it_is_not_set() {
    let (table, labels) = customers(600);
    let y: Vec<f64> = labels.iter().map(|&label| f64::from(u8::from(label))).collect();
    for loss in [RegressionLoss::SquaredError, RegressionLoss::Poisson, RegressionLoss::Quantile(0.4)] {
        let params = GradientTreesRegressor::params().loss(loss);
        let found = params.fit(&table, &y, None).unwrap();
        let asked = params.early_stopping(EarlyStopping::Folds(5)).fit(&table, &y, None).unwrap();
        assert_eq!(found, asked, "{loss:?}");
    }
    let alone: Vec<f64> = (0..600).map(|row| f64::from(u8::from(row == 9))).collect();
    let params = GradientTreesRegressor::params().loss(RegressionLoss::Poisson);
    let few = params.fit(&table, &alone, None).unwrap();
    assert!((1..=30).contains(&few.forest().trees().len()));
    assert!(few.predict(&table).unwrap().iter().all(|mean| mean.is_finite()));
    let one_row = params.fit(&table.take(&[9]), &[1.0], None).unwrap();
    assert!((one_row.predict(&table).unwrap()[0] - 1.0).abs() < 1e-6);
    let off = GradientTreesClassifier::params().early_stopping(false).fit(&table, &labels, None).unwrap();
    assert_eq!(off.forest().trees().len(), 100);
    let task = TreesTask::new(&table, &labels).validation(&table, &labels, None);
    let watched = GradientTreesClassifier::params().fit_task(&task).unwrap();
    let stopped = GradientTreesClassifier::params().early_stopping(true).fit_task(&task).unwrap();
    assert_eq!(watched, stopped, "a validation set takes the folds' place");
    let continued = TreesTask::new(&table, &labels).continue_from(&off);
    assert_eq!(
        GradientTreesClassifier::params().fit_task(&continued).unwrap_err().to_string(),
        "`n_estimators` is not set, expected a number, since a model is continued"
    );
}

#[test]
fn rows_of_weight_0_are_in_no_fold() {
    let (table, y) = customers(500);
    let weights: Vec<f64> = (0..500).map(|row| f64::from(u8::from(row % 4 != 0))).collect();
    let flipped: Vec<bool> = (0..500).map(|row| y[row] ^ (row % 4 == 0)).collect();
    let fit = |y: &[bool]| GradientTreesClassifier::params().fit(&table, y, Some(&weights)).unwrap();
    assert_eq!(fit(&y), fit(&flipped));
}

#[test]
fn a_validation_set_is_watched_and_not_learned_from() {
    let (table, y) = customers(2000);
    let rows = |range: std::ops::Range<usize>| range.collect::<Vec<usize>>();
    let (train, valid) = (table.take(&rows(0..1200)), table.take(&rows(1200..2000)));
    let params = GradientTreesClassifier::params().n_estimators(60).n_jobs(1);
    let task = TreesTask::new(&train, &y[..1200]).validation(&valid, &y[1200..], None);
    let watched = params.fit_task(&task).unwrap();
    let alone = params.fit(&train, &y[..1200], None).unwrap();
    assert_eq!(watched.forest(), alone.forest(), "it changes nothing unless it stops");
    let last = *watched.valid_losses().last().unwrap();
    assert!((last - log_loss(&watched, &valid, &y[1200..])).abs() < 1e-9);
    let stopped = params.learning_rate(0.5).n_estimators(400).early_stopping(true).fit_task(&task).unwrap();
    let n_trees = stopped.forest().trees().len();
    assert!(n_trees < 100 && lowest_of(stopped.valid_losses()) == n_trees);
    let refusal = |task: &TreesTask, early: EarlyStopping| {
        GradientTreesClassifier::params().early_stopping(early).fit_task(task).unwrap_err().to_string()
    };
    assert_eq!(
        refusal(&task, EarlyStopping::Folds(3)),
        "`early_stopping` is by folds, expected off or a validation part, since there is a validation set"
    );
    let short = TreesTask::new(&train, &y[..1200]).validation(&valid, &y[..3], None);
    assert_eq!(refusal(&short, EarlyStopping::Off), "number of validation labels: found 3, expected 800");
    let weights = [-1.0; 800];
    let weighed = TreesTask::new(&train, &y[..1200]).validation(&valid, &y[1200..], Some(&weights));
    assert_eq!(
        refusal(&weighed, EarlyStopping::Off),
        "validation weights, row 1: found -1, expected a number from 0 to 1e100"
    );
}

fn lowest_of(losses: &[f64]) -> usize {
    (0..losses.len()).min_by(|&a, &b| losses[a].total_cmp(&losses[b])).unwrap()
}

#[test]
fn sampled_rows_and_columns_change_with_the_seed_only() {
    let (table, y) = customers(6000);
    let params = GradientTreesClassifier::params().n_estimators(15).subsample(0.4).max_features(0.7);
    let fit =
        |seed, n_jobs: usize| params.clone().random_state(seed).n_jobs(n_jobs).fit(&table, &y, None).unwrap();
    assert_eq!(fit(3, 1), fit(3, 2));
    assert_ne!(fit(3, 1).forest(), fit(4, 1).forest());
    let all = params.clone().subsample(1.0).fit(&table, &y, None).unwrap();
    assert!((log_loss(&fit(3, 1), &table, &y) - log_loss(&all, &table, &y)).abs() < 0.05);
    let model = params.subsample(1e-9).min_samples_leaf(1).fit(&table, &y, None).unwrap();
    assert!(model.log_odds(&table).unwrap().iter().all(|log_odds| log_odds.is_finite()), "of one row a tree");
}

#[test]
fn no_path_mixes_columns_of_different_groups() {
    let n = 3000;
    let columns = ["a", "b", "c", "d"].map(|name| {
        let values = (0..n).map(|r| random(r * 4 + name.len() + name.as_bytes()[0] as usize)).collect();
        (name.to_owned(), Column::Number(values))
    });
    let table = Table::new(n, columns).unwrap();
    let value =
        |c: usize, r: usize| if let Column::Number(values) = &table.columns()[c] { values[r] } else { 0.0 };
    let product =
        |r| 8.0 * (value(0, r) - 0.5) * (value(1, r) - 0.5) + 8.0 * (value(2, r) - 0.5) * (value(3, r) - 0.5);
    let y: Vec<f64> = (0..n).map(|r| product(r) + 4.0 * (value(0, r) - 0.5) * (value(2, r) - 0.5)).collect();
    let fit = |groups: &[&[&str]]| {
        let groups = groups.iter().map(|group| group.iter().copied());
        regressor(RegressionLoss::SquaredError).interaction_cst(groups).fit(&table, &y, None).unwrap()
    };
    // Of functions of one group each, mixed differences over columns of different groups are nothing.
    let mixed = |model: &GradientTreesRegressor, i: usize, j: usize| {
        let score = |u: f64, v: f64| {
            let mut row = [0.5; 4];
            (row[i], row[j]) = (u, v);
            model.raw_score_of_row(&row)
        };
        (score(0.1, 0.1) - score(0.1, 0.9) - score(0.9, 0.1) + score(0.9, 0.9)).abs()
    };
    let free = fit(&[]);
    assert!(mixed(&free, 0, 2) > 0.1 && mixed(&free, 0, 1) > 0.1);
    let grouped = fit(&[&["a", "b"]]);
    assert!(mixed(&grouped, 0, 1) > 0.1 && mixed(&grouped, 2, 3) > 0.1, "those in no group form one");
    assert!([(0, 2), (0, 3), (1, 2), (1, 3)].iter().all(|&(i, j)| mixed(&grouped, i, j) < 1e-9));
    let error = regressor(RegressionLoss::SquaredError).interaction_cst([["a", "age"]]).fit(&table, &y, None);
    assert_eq!(
        error.unwrap_err().to_string(),
        "column `age` (named in `interaction_cst`) is not in the table; its columns are: a, b, c, d"
    );
}

#[test]
fn ten_thousand_levels_of_noise_are_not_fitted() {
    let n = 12_000;
    let rows = |range: std::ops::Range<usize>| range.collect::<Vec<usize>>();
    // Means over tables: a level's noise may help on one of them.
    let gaps = [0, 500_000].map(|shift| {
        let (table, y) = customers(n);
        let code = |row: usize| (10_000.0 * random(row + 300_000 + shift)) as usize;
        let texts: Vec<String> = (0..n).map(|row| format!("level {}", code(row))).collect();
        let noise = Categories::from_texts(texts.iter().map(|text| Some(text.as_str())));
        let columns = table.names().iter().cloned().zip(table.columns().iter().cloned());
        let noisy = Table::new(n, columns.chain([("noise".to_owned(), Column::Category(noise))])).unwrap();
        let auc = |table: &Table| {
            let params = GradientTreesClassifier::params().n_estimators(60).max_features(1.0);
            let model = params.fit(&table.take(&rows(0..8000)), &y[..8000], None).unwrap();
            let scores = model.log_odds(&table.take(&rows(8000..n))).unwrap();
            crate::metric::roc_auc(&y[8000..], &scores, None).unwrap()
        };
        auc(&noisy) - auc(&table)
    });
    assert!(gaps.iter().sum::<f64>() / 2.0 > -0.003, "{gaps:?}");
}

#[test]
fn a_fold_whose_weights_all_vanish_beside_the_largest_grows_no_tree() {
    let table = Table::new(50, [("x".to_owned(), Column::Number((0..50).map(f64::from).collect()))]).unwrap();
    let y: Vec<f64> = (0..50).map(|row| f64::from(row % 7)).collect();
    let mut weights = vec![1e-250; 50];
    weights[0] = 1e100;
    let model = GradientTreesRegressor::params().fit(&table, &y, Some(&weights)).unwrap();
    assert!(model.predict(&table).unwrap().iter().all(|value| value.is_finite()));
}
