//! What is taken over and what is refused; that scores and contributions are LightGBM's is tested from Python.

use super::*;
use crate::frame::{Categories, Column, Table};
use crate::model::{Classifier, ModelFile, TreesTask};

/// Two trees over a number and a category of three levels.
const TEXT: &str = "tree
version=v4
num_class=1
num_tree_per_iteration=1
label_index=0
max_feature_idx=1
objective=binary sigmoid:1
feature_names=seats plan
feature_infos=[0:9] 0:1:2
tree_sizes=1 1

Tree=0
num_leaves=3
num_cat=1
split_feature=0 1
split_gain=9 4
threshold=3.5 0
decision_type=10 1
left_child=-1 -2
right_child=1 -3
leaf_value=0.5 -1.25 2
leaf_count=30 60 10
cat_boundaries=0 1
cat_threshold=5
is_linear=0
shrinkage=1


Tree=1
num_leaves=1
num_cat=0
split_feature=
threshold=
decision_type=
left_child=
right_child=
leaf_value=0.25
leaf_count=100
is_linear=0
shrinkage=0.1


end of trees

feature_importances:
seats=1

parameters:
[boosting: gbdt]
[alpha: 0.9]
[categorical_feature: 1]

end of parameters

pandas_categorical:[[\"free\", \"t\\u00e9am\", \"pro\"]]
";

fn table() -> Table {
    let plans = [Some("pro"), Some("téam"), Some("free"), None, Some("other")];
    let columns = [
        ("plan".to_owned(), Column::Category(Categories::from_texts(plans))),
        ("seats".to_owned(), Column::Number(vec![9.0, 4.0, f64::NAN, 5.0, 6.0])),
    ];
    Table::new(5, columns).unwrap()
}

fn scores(text: &str) -> Vec<f64> {
    GradientTreesClassifier::from_lightgbm(text).unwrap().log_odds(&table()).unwrap()
}

fn refusal(from: &str, to: &str) -> String {
    assert!(TEXT.contains(from));
    GradientTreesClassifier::from_lightgbm(&TEXT.replace(from, to)).unwrap_err().to_string()
}

#[test]
fn numbers_categories_and_missing_values_go_as_the_text_says() {
    // `free` and `pro` are bits 0 and 2; missing and unseen levels go right; the second tree adds to all.
    assert_eq!(scores(TEXT), [-1.0, 2.25, 0.75, 2.25, 2.25]);
    let model = GradientTreesClassifier::from_lightgbm(TEXT).unwrap();
    let contributions = model.contributions(&table()).unwrap();
    assert!((contributions.base - (0.25 + 0.3 * 0.5 - 0.6 * 1.25 + 0.1 * 2.0)).abs() < 1e-12);
}

#[test]
fn a_model_taken_over_is_saved_and_continued_from() {
    let model = GradientTreesClassifier::from_lightgbm(TEXT).unwrap();
    assert_eq!(GradientTreesClassifier::from_bytes(&model.to_bytes()).unwrap(), model);
    let plans = Categories::from_texts((0..200).map(|row| Some(["free", "téam", "pro"][row % 3])));
    let columns = [
        ("seats".to_owned(), Column::Number((0..200).map(|row| f64::from(row % 10)).collect())),
        ("plan".to_owned(), Column::Category(plans)),
    ];
    let (table, y) =
        (Table::new(200, columns).unwrap(), (0..200).map(|row| row % 10 < 4).collect::<Vec<_>>());
    let params = GradientTreesClassifier::params().n_estimators(5);
    let more = params.fit_task(&TreesTask::new(&table, &y).continue_from(&model)).unwrap();
    assert_eq!(more.forest().trees()[0], model.forest().trees()[0]);
    assert_eq!(more.forest().trees().len(), 5);
}

#[test]
fn scale_and_mean_are_those_of_the_model() {
    assert_eq!(scores(&TEXT.replace("sigmoid:1", "sigmoid:2")), [-2.0, 4.5, 1.5, 4.5, 4.5]);
    let averaged = TEXT.replace("label_index=0", "label_index=0\naverage_output");
    assert_eq!(scores(&averaged), [-0.5, 1.125, 0.375, 1.125, 1.125]);
}

#[test]
fn what_counts_as_missing_is_kept() {
    let of_missing = |decision_type: &str| {
        let text = TEXT.replace("decision_type=10 1", &format!("decision_type={decision_type} 1"));
        GradientTreesClassifier::from_lightgbm(&text).map(|model| model.log_odds(&table()).unwrap()[2])
    };
    assert_eq!(of_missing("8").unwrap(), -1.0, "missing right");
    assert_eq!(of_missing("0").unwrap(), 0.75, "a missing value is read as 0, below 3.5");
    assert_eq!(of_missing("6").unwrap(), 0.75, "zeros and missing left, as zero itself");
    let refused = "model file of LightGBM: tree 0: zeros stand for missing values (`zero_as_missing`) and go another way \
                   than zero does; train it without";
    assert_eq!(of_missing("4").unwrap_err().to_string(), refused);
    assert!(of_missing("12").is_err());
}

#[test]
fn default_names_are_those_of_keepwell() {
    let text = TEXT.replace("feature_names=seats plan", "feature_names=Column_0 Column_1");
    assert_eq!(GradientTreesClassifier::from_lightgbm(&text).unwrap().features().names(), ["x0", "x1"]);
}

#[test]
fn what_means_something_else_is_refused() {
    let cases = [
        (
            "tree\nversion",
            "forest\nversion",
            "it does not begin with `tree`; expected the text of `Booster.model_to_string`",
        ),
        ("end of trees", "", "it is cut off before `end of trees`; save it again"),
        (
            "version=v4",
            "version=v2",
            "its version is v2, expected v3 or v4; load and save it with a newer LightGBM",
        ),
        ("num_class=1", "num_class=3", "its num_class is 3; models of one score a row are taken over"),
        (
            "objective=binary sigmoid:1",
            "objective=lambdarank",
            "its objective is `lambdarank`; a classifier takes over `binary` and `cross_entropy`",
        ),
        (
            "objective=binary sigmoid:1\n",
            "",
            "it has no objective, as one trained with a function of your own: what its scores mean is not known",
        ),
        ("sigmoid:1", "sigmoid:-1", "its `sigmoid` is -1, expected a number above 0"),
        ("feature_names=seats plan", "feature_names=seats", "it has 1 names of columns, expected 2"),
        (
            "is_linear=0\nshrinkage=1\n",
            "is_linear=1\nshrinkage=1\n",
            "tree 0: its leaves are linear (`linear_tree`); leaves of one value are taken over",
        ),
        ("30 60 10", "30 0 10", "tree 0: leaf 1 has no training rows; contributions cannot be told without"),
        ("30 60 10", "30 60", "tree 0: its nodes do not fit together"),
        ("right_child=1 -3", "right_child=0 -3", "tree 0: its nodes do not fit together"),
        ("split_feature=0 1", "split_feature=0 7", "tree 0: its nodes do not fit together"),
        ("threshold=3.5 0", "threshold=3.5 1", "tree 0: a split names a set of categories that is not there"),
        (
            "threshold=3.5 0",
            "threshold=3.5",
            "tree 0: it has not as many thresholds, decision types and children as splits",
        ),
        ("cat_boundaries=0 1", "cat_boundaries=1 0", "tree 0: its sets of categories do not fit together"),
        (
            "leaf_value=0.5",
            "leaf_value=half",
            "tree 0: `half` in `leaf_value` is not a number that belongs there",
        ),
        ("leaf_value=0.25", "leaf_value=nan", "tree 1: its value is not finite"),
        (
            "[categorical_feature: 1]",
            "[categorical_feature: ]",
            "its frame had 1 columns of categories, of which 0 were trained on as categories; ordered ones are not taken over",
        ),
    ];
    for (from, to, problem) in cases {
        assert_eq!(refusal(from, to), format!("model file of LightGBM: {problem}"));
    }
}

#[test]
fn a_text_cut_anywhere_is_no_panic() {
    for end in (0..TEXT.len()).filter(|end| TEXT.is_char_boundary(*end)) {
        let _ = GradientTreesClassifier::from_lightgbm(&TEXT[..end]);
        let _ = GradientTreesClassifier::from_lightgbm(&TEXT[end..]);
    }
}

#[test]
fn a_regressor_knows_its_objectives() {
    let loss = |objective: &str| {
        let text = TEXT.replace("binary sigmoid:1", objective);
        GradientTreesRegressor::from_lightgbm(&text).map(|model| model.loss())
    };
    assert_eq!(loss("regression").unwrap(), RegressionLoss::SquaredError);
    assert_eq!(loss("regression_l1").unwrap(), RegressionLoss::Quantile(0.5));
    assert_eq!(loss("quantile").unwrap(), RegressionLoss::Quantile(0.9));
    assert_eq!(loss("poisson").unwrap(), RegressionLoss::Poisson);
    for refused in ["regression sqrt", "tweedie tweedie_variance_power:1.5", "binary"] {
        assert!(loss(refused).is_err(), "{refused}");
    }
}
