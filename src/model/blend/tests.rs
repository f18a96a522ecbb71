//! The blend as a whole: what it tries, what it leaves out, and what it says of scarce data.

use super::*;
use crate::frame::{Categories, Column};
use crate::model::training::stratified_folds;

/// A number in [0, 1) that depends on row and column alone.
fn part(row: usize, column: usize) -> f64 {
    ((row * 7 + 3) as f64 * [0.618_033_988_75, 0.414_213_562_37, 0.732_050_807_57, 0.236_067_977][column])
        .fract()
}

/// Customers whose churn depends on usage by a step, on tickets by a line and on plan; `strength` 0 is all chance.
fn customers(n: usize, strength: f64) -> (Table, Vec<bool>) {
    let plans = ["free", "team", "scale"];
    let plan = |row: usize| (part(row, 2) * 3.0) as usize;
    let risk = |row: usize| {
        let step = if part(row, 0) < 0.3 && part(row, 1) > 0.5 { 2.0 } else { -0.5 };
        strength * (step + part(row, 1) + plan(row) as f64 - 1.0) - 1.0
    };
    let y = (0..n).map(|row| part(row, 3) < crate::model::sigmoid(risk(row))).collect();
    let texts = Categories::from_texts((0..n).map(|row| Some(plans[plan(row)])));
    let columns = [
        ("usage".to_owned(), Column::Number((0..n).map(|row| part(row, 0)).collect())),
        ("tickets".to_owned(), Column::Number((0..n).map(|row| part(row, 1)).collect())),
        ("plan".to_owned(), Column::Category(texts)),
    ];
    (Table::new(n, columns).unwrap(), y)
}

#[test]
fn more_effort_tries_more_and_stays_one_exact_model() {
    let (table, y) = customers(600, 1.5);
    for (effort, n_members) in [(Effort::Fast, 3), (Effort::Balanced, 5), (Effort::Best, 5)] {
        let blend = BlendClassifier::params().effort(effort).fit(&table, &y, None).unwrap();
        assert_eq!(blend.members().len(), n_members, "{effort}");
        let sums = blend.contributions(&table).unwrap();
        for (row, log_odds) in blend.log_odds(&table).unwrap().into_iter().enumerate() {
            let sum = sums.base + sums.row(row).iter().sum::<f64>();
            assert!((sum - log_odds).abs() < 1e-6, "{effort}, row {row}");
        }
        let again = BlendClassifier::from_bytes(&blend.to_bytes()).unwrap();
        assert_eq!(again.log_odds(&table).unwrap(), blend.log_odds(&table).unwrap());
    }
}

#[test]
fn a_kind_of_trees_that_does_not_help_is_left_out() {
    let (table, y) = customers(400, 0.0);
    let blend = BlendClassifier::params().fit(&table, &y, None).unwrap();
    let further: Vec<f64> = blend.members()[3..].iter().map(|member| member.weight).collect();
    assert_eq!(further, [0.0, 0.0], "{:?}", blend.members());
}

#[test]
fn a_part_left_out_is_not_tried_and_something_has_to_stay() {
    let (table, y) = customers(300, 1.0);
    let without = |parts: &[BlendPart]| {
        let params = BlendClassifier::params().leave_out(parts.iter().copied());
        params.fit(&table, &y, None)
    };
    for part in BlendPart::ALL.into_iter().take(5) {
        let blend = without(&[part]).unwrap();
        let names: Vec<&str> = blend.members().iter().map(|member| member.name.as_str()).collect();
        assert!(names.len() == 4 && !names.contains(&part.name()), "{part}: {names:?}");
    }
    let equal = without(&[BlendPart::Weights, BlendPart::Calibration]).unwrap();
    assert!(equal.members().iter().all(|member| member.weight == 0.2));
    assert_ne!(without(&[BlendPart::Calibration]).unwrap().to_bytes(), without(&[]).unwrap().to_bytes());
    let nothing = without(&[BlendPart::Logistic, BlendPart::PiecewiseLogistic, BlendPart::GradientTrees]);
    assert_eq!(
        nothing.unwrap_err().to_string(),
        "`leave_out` is `logistic`, `piecewise logistic`, `gradient trees`, expected one of `logistic`, `piecewise \
         logistic` and `gradient trees` to stay"
    );
    for part in BlendPart::ALL {
        assert_eq!(part.to_string().parse::<BlendPart>().unwrap(), part);
    }
}

#[test]
fn rows_of_one_account_are_twins_unless_they_are_known_to_belong_together() {
    let (accounts, churned) = customers(200, 1.0);
    let rows: Vec<usize> = (0..600).map(|row| row / 3).collect();
    let (table, y) = (accounts.take(&rows), rows.iter().map(|&row| churned[row]).collect::<Vec<bool>>());
    let params = BlendClassifier::params().effort(Effort::Fast);
    let twins = |blend: &BlendClassifier| {
        blend.warnings().iter().any(|warning| warning.contains("the same account in several rows"))
    };
    assert!(twins(&params.fit(&table, &y, None).unwrap()));
    let groups: Vec<String> = rows.iter().map(usize::to_string).collect();
    assert!(!twins(&params.fit_groups(&table, &y, None, &groups).unwrap()));
}

#[test]
fn members_do_not_depend_on_the_number_of_threads() {
    let (table, y) = customers(500, 1.0);
    let fit = |n_jobs: usize| BlendClassifier::params().n_jobs(n_jobs).fit(&table, &y, None).unwrap();
    assert_eq!(fit(1).to_bytes(), fit(3).to_bytes());
}

#[test]
fn too_little_to_learn_from_is_told() {
    let (table, _) = customers(200, 1.0);
    let fit = |n_positive: usize| {
        let y: Vec<bool> = (0..200).map(|row| row < n_positive).collect();
        BlendClassifier::params().effort(Effort::Fast).fit(&table, &y, None).unwrap()
    };
    assert!(fit(100).warnings().is_empty());
    assert!(fit(12).warnings()[0].starts_with("only about 12 positive rows of 200 to learn from"));
    let lone = fit(1);
    assert!(lone.warnings()[1].starts_with("one class has a single row"), "{:?}", lone.warnings());
    assert_eq!(BlendClassifier::from_bytes(&lone.to_bytes()).unwrap().warnings(), lone.warnings());
}

#[test]
fn a_column_that_knows_the_label_is_told() {
    let (table, y) = customers(400, 1.0);
    let left_on = y.iter().map(|&y| if y { 30.0 } else { f64::NAN }).collect();
    let named = table.names().iter().cloned().zip(table.columns().iter().cloned());
    let leaky = Table::new(400, named.chain([("left_on".to_owned(), Column::Number(left_on))])).unwrap();
    let fit = |table: &Table| BlendClassifier::params().effort(Effort::Fast).fit(table, &y, None).unwrap();
    assert!(fit(&table).warnings().is_empty(), "{:?}", fit(&table).warnings());
    assert!(fit(&leaky).warnings()[0].starts_with("`left_on` "), "{:?}", fit(&leaky).warnings());
}

/// Mean log loss on rows left out, of five folds.
fn unseen_loss<C: Classifier>(table: &Table, y: &[bool], fit: impl Fn(&Table, &[bool]) -> Result<C>) -> f64 {
    let folds = stratified_folds(y, 5, 3).unwrap().unwrap();
    let of_fold = |(train, valid): &(Vec<u32>, Vec<u32>)| {
        let rows = |rows: &[u32]| rows.iter().map(|&row| row as usize).collect::<Vec<_>>();
        let labels = |rows: &[u32]| rows.iter().map(|&row| y[row as usize]).collect::<Vec<_>>();
        let model = fit(&table.take(&rows(train)), &labels(train)).unwrap();
        let probability = model.predict_proba(&table.take(&rows(valid))).unwrap();
        crate::metric::log_loss(&labels(valid), &probability, None).unwrap()
    };
    folds.iter().map(of_fold).sum::<f64>() / folds.len() as f64
}

#[test]
fn on_few_rows_it_is_no_worse_than_the_logistic_regression() {
    let (table, y) = customers(100, 1.0);
    let blend = unseen_loss(&table, &y, |table, y| BlendClassifier::params().fit(table, y, None));
    let logistic =
        unseen_loss(&table, &y, |table, y| crate::model::LogisticClassifier::params().fit(table, y, None));
    assert!(blend < logistic + 0.03, "blend {blend}, logistic {logistic}");
}
