//! Models that LightGBM trained, taken over from its text format (versions 3 and 4): the same scores and the same
//! contributions, at keepwell's speed.
//!
//! Trees of numbers and categories, missing values in every way but one, gbdt, dart and rf; labels of two classes, means,
//! counts and quantiles. What differs in meaning is refused.

#[cfg(test)]
mod tests;
mod text;

use super::{GradientTrees, GradientTreesClassifier, GradientTreesRegressor, Label, Target};
use crate::error::ErrorKind;
use crate::model::loss::RegressionLoss;
use crate::model::{FeatureKind, Features};
use crate::tree::{Forest, GivenNode, GivenTest, Tree};

use text::{Text, TreeText};

/// What is wrong with a text, in words.
type Problem = String;

/// Bits of `decision_type`: that it is a category, that missing values go left, and from the third on what is missing.
const IS_CATEGORY: u8 = 1;
const MISSING_LEFT: u8 = 2;
/// What counts as missing: nothing, zeros and NaN, or NaN.
const NONE: u8 = 0;
const ZERO: u8 = 1;
const NAN: u8 = 2;

impl GradientTreesClassifier {
    /// Takes over a model that LightGBM trained with the objective `binary` or `cross_entropy`, from the text of its
    /// model file (`Booster.save_model`, `Booster.model_to_string`).
    ///
    /// Log-odds, probabilities and contributions are LightGBM's own: log-odds are its raw scores, times `sigmoid` where
    /// that is not 1. Columns are known by LightGBM's names, and by `x0`, `x1`, … where those are its defaults,
    /// `Column_0`, `Column_1`, …. A category of a pandas frame is a category here, with the same levels; one that was given
    /// as numbers stays a column of numbers. The model can be saved, explained, and continued from, as any other.
    ///
    /// # Errors
    /// A text that is not such a model; linear leaves; several classes; other objectives; zeros that stand for missing
    /// values and go another way than zero does; more than 1,000 splits on a path; a leaf without training rows.
    ///
    /// ```
    /// use keepwell::model::GradientTreesClassifier;
    ///
    /// let text = "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nmax_feature_idx=0\n\
    ///     objective=binary sigmoid:1\nfeature_names=logins\nfeature_infos=[0:9]\n\n\
    ///     Tree=0\nnum_leaves=2\nnum_cat=0\nsplit_feature=0\nthreshold=3.5\ndecision_type=10\n\
    ///     left_child=-1\nright_child=-2\nleaf_value=0.5 -1.25\nleaf_count=30 70\nis_linear=0\nshrinkage=1\n\n\
    ///     end of trees\n";
    /// let model = GradientTreesClassifier::from_lightgbm(text)?;
    /// assert_eq!([model.log_odds_of_row(&[2.0]), model.log_odds_of_row(&[4.0])], [0.5, -1.25]);
    /// # Ok::<(), keepwell::Error>(())
    /// ```
    pub fn from_lightgbm(text: &str) -> crate::Result<Self> {
        told(text, |objective| match objective.name {
            "binary" => Ok((Label, objective.number("sigmoid").unwrap_or(1.0))),
            "cross_entropy" | "xentropy" => Ok((Label, 1.0)),
            _ => Err(objective.refused("a classifier takes over `binary` and `cross_entropy`")),
        })
    }
}

impl GradientTreesRegressor {
    /// Takes over a model that LightGBM trained with the objective `regression`, `regression_l1` (the median),
    /// `quantile` or `poisson`, from the text of its model file.
    ///
    /// # Errors
    /// As [`GradientTreesClassifier::from_lightgbm`].
    pub fn from_lightgbm(text: &str) -> crate::Result<Self> {
        told(text, |objective| match objective.name {
            "regression" if objective.has("sqrt") => {
                Err("it predicts with `reg_sqrt`, whose squares are no sum of trees".into())
            }
            "regression" => Ok((RegressionLoss::SquaredError, 1.0)),
            "regression_l1" => Ok((RegressionLoss::Quantile(0.5), 1.0)),
            "quantile" => match objective.alpha {
                Some(alpha) if alpha > 0.0 && alpha < 1.0 => Ok((RegressionLoss::Quantile(alpha), 1.0)),
                _ => Err("its objective `quantile` does not say which one".into()),
            },
            "poisson" => Ok((RegressionLoss::Poisson, 1.0)),
            _ => Err(objective
                .refused("a regressor takes over `regression`, `regression_l1`, `quantile` and `poisson`")),
        })
    }
}

/// The objective that a model was trained with: a name and words after it, some as `name:value`.
struct Objective<'a> {
    name: &'a str,
    words: Vec<&'a str>,
    /// The parameter of that name: which quantile, where it is that of one.
    alpha: Option<f64>,
}

impl<'a> Objective<'a> {
    fn of(text: &Text<'a>) -> Result<Self, Problem> {
        let missing = "it has no objective, as one trained with a function of your own: what its scores mean is not known";
        let mut words = text.header("objective").ok_or(missing)?.split_whitespace();
        let alpha = text.param("alpha").and_then(|alpha| alpha.parse().ok());
        Ok(Objective { name: words.next().ok_or(missing)?, words: words.collect(), alpha })
    }

    fn has(&self, word: &str) -> bool {
        self.words.contains(&word)
    }

    fn number(&self, name: &str) -> Option<f64> {
        let value = |word: &&str| word.strip_prefix(name)?.strip_prefix(':')?.parse().ok();
        self.words.iter().find_map(value)
    }

    fn refused(&self, instead: &str) -> Problem {
        format!("its objective is `{}`; {instead}", self.name)
    }
}

/// The model that a text tells; `target` says what its objective means, and what raw scores are multiplied by.
fn told<T: Target>(
    text: &str,
    target: impl FnOnce(&Objective<'_>) -> Result<(T, f64), Problem>,
) -> crate::Result<GradientTrees<T>> {
    let model = || {
        let text = Text::read(text)?;
        check_classes(&text)?;
        let (target, scale) = target(&Objective::of(&text)?)?;
        if !(scale > 0.0 && scale.is_finite()) {
            return Err(format!("its `sigmoid` is {scale}, expected a number above 0"));
        }
        let features = features(&text)?;
        let forest = forest(&text, features.names().len(), scale)?;
        Ok(GradientTrees { features, forest, valid_losses: Vec::new(), target, level_means: Vec::new() })
    };
    model().map_err(|problem| ErrorKind::ModelFile { what: "of LightGBM".into(), problem }.into())
}

fn check_classes(text: &Text<'_>) -> Result<(), Problem> {
    for key in ["num_class", "num_tree_per_iteration"] {
        let number = text.header(key).unwrap_or("1");
        if number != "1" {
            return Err(format!("its {key} is {number}; models of one score a row are taken over"));
        }
    }
    Ok(())
}

fn forest(text: &Text<'_>, n_columns: usize, scale: f64) -> Result<Forest, Problem> {
    let scale = if text.is_averaged { scale / text.trees.len().max(1) as f64 } else { scale };
    let (mut base, mut trees) = (0.0, Vec::new());
    for (index, tree) in text.trees.iter().enumerate() {
        let of_tree = |problem: Problem| format!("tree {index}: {problem}");
        match read_tree(tree, n_columns).map_err(of_tree)? {
            Read::Lone(value) => base += value * scale,
            Read::Tree(tree) => trees.push(tree.scaled(scale)),
        }
    }
    Ok(Forest::new(base, n_columns, trees))
}

enum Read {
    /// The same for all rows.
    Lone(f64),
    Tree(Tree),
}

fn read_tree(text: &TreeText<'_>, n_columns: usize) -> Result<Read, Problem> {
    if text.value("is_linear").is_some_and(|value| value != "0") {
        return Err("its leaves are linear (`linear_tree`); leaves of one value are taken over".into());
    }
    let values: Vec<f64> = text.list("leaf_value")?;
    if let ([value], true) = (values.as_slice(), text.one::<usize>("num_leaves")? == 1) {
        return if value.is_finite() {
            Ok(Read::Lone(*value))
        } else {
            Err("its value is not finite".into())
        };
    }
    let counts: Vec<u32> = text.list("leaf_count")?;
    if let Some(leaf) = counts.iter().position(|count| *count == 0) {
        return Err(format!("leaf {leaf} has no training rows; contributions cannot be told without"));
    }
    let nodes = read_nodes(text)?;
    Ok(Read::Tree(Tree::given(&nodes, &values, &counts, n_columns)?))
}

fn read_nodes(text: &TreeText<'_>) -> Result<Vec<GivenNode>, Problem> {
    let columns: Vec<usize> = text.list("split_feature")?;
    let thresholds: Vec<f64> = text.list("threshold")?;
    let types: Vec<u8> = text.list("decision_type")?;
    let (lefts, rights): (Vec<i32>, Vec<i32>) = (text.list("left_child")?, text.list("right_child")?);
    let lengths = [thresholds.len(), types.len(), lefts.len(), rights.len()];
    if lengths.iter().any(|length| *length != columns.len()) {
        return Err("it has not as many thresholds, decision types and children as splits".into());
    }
    let sets = level_sets(text)?;
    let node = |at: usize| {
        let (test, missing_left) = test(types[at], thresholds[at], &sets)?;
        Ok(GivenNode { column: columns[at], test, missing_left, left: lefts[at], right: rights[at] })
    };
    (0..columns.len()).map(node).collect()
}

/// What goes left, and whether missing values do.
fn test(decision_type: u8, threshold: f64, sets: &[Vec<u64>]) -> Result<(GivenTest, bool), Problem> {
    if decision_type & IS_CATEGORY != 0 {
        let set =
            sets.get(threshold as usize).ok_or("a split names a set of categories that is not there")?;
        return Ok((GivenTest::Among(set.clone()), false));
    }
    let zero_left = 0.0 <= threshold;
    let default_left = decision_type & MISSING_LEFT != 0;
    let missing_left = match decision_type >> 2 {
        NONE => zero_left,
        ZERO if default_left == zero_left => zero_left,
        NAN => default_left,
        ZERO => {
            return Err("zeros stand for missing values (`zero_as_missing`) and go another way than zero does; train it without".into());
        }
        other => return Err(format!("a split knows missing values of kind {other}, expected 0, 1 or 2")),
    };
    Ok((GivenTest::AtMost(threshold), missing_left))
}

/// The sets of categories, each as words of 64 bits.
fn level_sets(text: &TreeText<'_>) -> Result<Vec<Vec<u64>>, Problem> {
    if text.one::<usize>("num_cat")? == 0 {
        return Ok(Vec::new());
    }
    let (bounds, halves): (Vec<usize>, Vec<u32>) =
        (text.list("cat_boundaries")?, text.list("cat_threshold")?);
    let set = |bounds: &[usize]| {
        let halves = halves.get(bounds[0]..bounds[1]).ok_or("its sets of categories do not fit together")?;
        let word = |pair: &[u32]| pair.iter().rev().fold(0, |word, half| word << 32 | u64::from(*half));
        Ok(halves.chunks(2).map(word).collect())
    };
    bounds.windows(2).map(set).collect()
}

fn features(text: &Text<'_>) -> Result<Features, Problem> {
    let names: Vec<&str> = text.header("feature_names").unwrap_or_default().split_whitespace().collect();
    let n_expected = text.one_more("max_feature_idx")?;
    if names.len() != n_expected {
        return Err(format!("it has {} names of columns, expected {n_expected}", names.len()));
    }
    let is_default = |(at, name): (usize, &&str)| *name == format!("Column_{at}");
    let are_default = names.iter().enumerate().all(is_default);
    let name = |(at, name): (usize, &&str)| if are_default { format!("x{at}") } else { (*name).to_owned() };
    let mut kinds = vec![FeatureKind::Number; names.len()];
    for (column, levels) in text.categories(names.len())? {
        kinds[column] = FeatureKind::Category { levels: levels.into() };
    }
    Ok(Features::new(names.iter().enumerate().map(name).collect(), kinds))
}
