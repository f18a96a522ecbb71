//! The honest references: linfa-logistic and linfa-trees, fed as they need it and read as they mean it.
//!
//! Both see the columns that [`LogisticClassifier`](super::LogisticClassifier) sees without knots: numbers imputed with
//! the median and standardised, missing flags, one-hot levels. They are here to be compared against, and the tree to be
//! read; for scores use the models of this crate.

use linfa::traits::Fit;
use linfa::{Dataset, DatasetBase};
use linfa_logistic::LogisticRegression;
use linfa_trees::{DecisionTree, TreeNode};
use ndarray::{Array1, Array2};
use serde::{Deserialize, Serialize};

use super::logistic::{Design, Scorer};
use super::training::check_training;
use super::{Classifier, Contributions, EncodedColumn, Features};
use crate::error::{ErrorKind, Result};
use crate::frame::TableView;

/// Parameters of a [`LinfaLogistic`].
///
/// ```
/// use keepwell::frame::{Column, Table};
/// use keepwell::model::{Classifier, LinfaLogistic};
///
/// let logins = (0..60).map(|row| f64::from(row % 20)).collect();
/// let table = Table::new(60, [("logins".to_string(), Column::Number(logins))])?;
/// let churned: Vec<bool> = (0..60).map(|row| row % 20 < 7 || row % 13 == 0).collect();
/// let model = LinfaLogistic::params().fit(&table, &churned, None)?;
/// assert!(model.predict_proba(&table)?[0] > 0.5);
/// # Ok::<(), keepwell::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct LinfaLogisticParams {
    c: f64,
    max_iter: u64,
}

impl Default for LinfaLogisticParams {
    fn default() -> Self {
        LinfaLogisticParams { c: 1.0, max_iter: 100 }
    }
}

impl LinfaLogisticParams {
    /// Inverse strength of regularisation, above 0; linfa's `alpha` is one over it. Default 1, as linfa's.
    pub fn c(mut self, c: f64) -> Self {
        self.c = c;
        self
    }

    /// Most steps of linfa's L-BFGS, at least 1. Default 100, as linfa's.
    pub fn max_iter(mut self, max_iter: u64) -> Self {
        self.max_iter = max_iter;
        self
    }

    fn check(&self) -> Result<()> {
        let refuse =
            |name, value: String, expected| Err(ErrorKind::Parameter { name, value, expected }.into());
        match self {
            _ if !(self.c.is_finite() && self.c > 0.0) => {
                refuse("c", self.c.to_string(), "a finite number above 0")
            }
            _ if self.max_iter == 0 => refuse("max_iter", "0".into(), "at least 1"),
            _ => Ok(()),
        }
    }

    /// Fits to a table of `n` rows and their labels.
    ///
    /// # Errors
    /// Weights that differ from row to row, since linfa-logistic 0.8.1 would pass over them without a word; what
    /// [`LogisticParams::fit`](super::LogisticParams::fit) refuses; whatever linfa-logistic refuses.
    pub fn fit<'a>(
        &self,
        table: impl Into<TableView<'a>>,
        y: &[bool],
        weights: Option<&[f64]>,
    ) -> Result<LinfaLogistic> {
        let table = &table.into();
        self.check()?;
        check_training(table, y, weights)?;
        check_equal(weights)?;
        let (features, n_rows) = (Features::of(table), table.n_rows());
        let columns = features.encode(table)?;
        let design = Design::fit(features.names(), &columns, None, 0)?;
        let (coefs, intercept) = self.solve(design.matrix(&columns, n_rows).to_dense(), y)?;
        let mut scorer = design.scorer(&coefs, intercept);
        scorer.centre(&columns, None, n_rows);
        Ok(LinfaLogistic { features, scorer, coefs, intercept })
    }

    /// Coefficients and intercept for the positive class, which is linfa's only where it is the majority.
    fn solve(&self, records: Array2<f64>, y: &[bool]) -> Result<(Vec<f64>, f64)> {
        let dataset = Dataset::new(records, Array1::from(y.to_vec()));
        let params = LogisticRegression::default().alpha(1.0 / self.c).max_iterations(self.max_iter);
        let fitted = params.fit(&dataset).map_err(|error| ErrorKind::Linfa(error.to_string()))?;
        let sign = if fitted.labels().pos.class { 1.0 } else { -1.0 };
        let coefs: Vec<f64> = fitted.params().iter().map(|coef| sign * coef).collect();
        let intercept = sign * fitted.intercept();
        if coefs.iter().chain([&intercept]).all(|value| value.is_finite()) {
            return Ok((coefs, intercept));
        }
        Err(ErrorKind::Linfa("logistic regression did not settle; lower `c`".into()).into())
    }
}

fn check_equal(weights: Option<&[f64]>) -> Result<()> {
    let Some(weights) = weights else { return Ok(()) };
    let Some(row) = weights.iter().position(|weight| *weight != weights[0]) else { return Ok(()) };
    let (what, value) = ("weights for linfa-logistic, which knows none".into(), weights[row]);
    Err(ErrorKind::Number { what, row: row + 1, value, expected: "the same weight in every row" }.into())
}

/// A logistic regression fitted by linfa-logistic 0.8.1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinfaLogistic {
    features: Features,
    scorer: Scorer,
    coefs: Vec<f64>,
    intercept: f64,
}

impl LinfaLogistic {
    /// Parameters at their defaults.
    pub fn params() -> LinfaLogisticParams {
        LinfaLogisticParams::default()
    }

    /// Coefficients of the design columns, for the positive class.
    pub fn coefs(&self) -> &[f64] {
        &self.coefs
    }

    /// The intercept, for the positive class.
    pub fn intercept(&self) -> f64 {
        self.intercept
    }
}

impl Classifier for LinfaLogistic {
    fn features(&self) -> &Features {
        &self.features
    }

    fn log_odds_of(&self, table: &TableView<'_>) -> Result<Vec<f64>> {
        Ok(self.scorer.log_odds(&self.features.encode(table)?, table.n_rows()))
    }

    fn contributions_of(&self, table: &TableView<'_>) -> Result<Contributions> {
        let columns = self.features.encode(table)?;
        let values = self.scorer.contributions(&columns, table.n_rows());
        Ok(Contributions { base: self.scorer.base, values, n_features: columns.len() })
    }

    fn log_odds_of_row(&self, row: &[f64]) -> f64 {
        self.scorer.log_odds_of_row(row)
    }
}

/// Parameters of a [`LinfaTree`].
#[derive(Clone, Debug, PartialEq)]
pub struct LinfaTreeParams {
    max_depth: usize,
    min_samples_leaf: f64,
}

impl Default for LinfaTreeParams {
    fn default() -> Self {
        LinfaTreeParams { max_depth: 4, min_samples_leaf: 20.0 }
    }
}

impl LinfaTreeParams {
    /// Most splits from root to leaf: 1 to 8, since linfa-trees looks at every row of the table for every node.
    /// Default 4.
    pub fn max_depth(mut self, max_depth: usize) -> Self {
        self.max_depth = max_depth;
        self
    }

    /// Least weight of a leaf, the rows' weights scaled to a mean of 1 and each class to one half of all: at least 1.
    /// Default 20.
    pub fn min_samples_leaf(mut self, min_samples_leaf: f64) -> Self {
        self.min_samples_leaf = min_samples_leaf;
        self
    }

    fn check(&self) -> Result<()> {
        let refuse =
            |name, value: String, expected| Err(ErrorKind::Parameter { name, value, expected }.into());
        match self {
            _ if !(1..=8).contains(&self.max_depth) => {
                refuse("max_depth", self.max_depth.to_string(), "1 to 8")
            }
            _ if !(self.min_samples_leaf.is_finite() && self.min_samples_leaf >= 1.0) => {
                refuse("min_samples_leaf", self.min_samples_leaf.to_string(), "a finite number, at least 1")
            }
            _ => Ok(()),
        }
    }

    /// Fits to a table of `n` rows, their labels and, if given, their weights.
    ///
    /// # Errors
    /// What [`LogisticParams::fit`](super::LogisticParams::fit) refuses; whatever linfa-trees refuses.
    pub fn fit<'a>(
        &self,
        table: impl Into<TableView<'a>>,
        y: &[bool],
        weights: Option<&[f64]>,
    ) -> Result<LinfaTree> {
        let table = &table.into();
        self.check()?;
        check_training(table, y, weights)?;
        let features = Features::of(table);
        let columns = features.encode(table)?;
        let design = Design::fit(features.names(), &columns, weights, 0)?;
        let records = design.matrix(&columns, table.n_rows()).to_dense();
        let grown = self.grow(&records, y, weights)?;
        let mut nodes = Vec::new();
        copy(grown.root_node(), &design.sources(), &mut nodes);
        fill(&mut nodes, &records, y, weights);
        Ok(LinfaTree { features, design, nodes })
    }

    fn grow(
        &self,
        records: &Array2<f64>,
        y: &[bool],
        weights: Option<&[f64]>,
    ) -> Result<DecisionTree<f64, bool>> {
        let dataset = DatasetBase::new(records.view(), Array1::from(y.to_vec()))
            .with_weights(Array1::from(balanced(y, weights)));
        let params = DecisionTree::params()
            .max_depth(Some(self.max_depth))
            .min_weight_leaf(self.min_samples_leaf as f32)
            .min_weight_split(2.0 * self.min_samples_leaf as f32);
        Ok(params.fit(&dataset)?)
    }
}

/// Weights under which each class is half of all, with a mean of 1.
///
/// linfa-trees makes one leaf of two that have the same majority: with few positives that is all of them. The classes
/// are kept a hair off balance, because it breaks ties of classes by the order of a hash map.
fn balanced(y: &[bool], weights: Option<&[f64]>) -> Vec<f32> {
    let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
    let total = |class: bool| (0..y.len()).filter(|&row| y[row] == class).map(weight).sum::<f64>();
    let half = y.len() as f64 / 2.0;
    let (positive, negative) = (half * (1.0 - 1.7e-4) / total(true), half / total(false));
    (0..y.len()).map(|row| (weight(row) * if y[row] { positive } else { negative }) as f32).collect()
}

/// A decision tree grown by linfa-trees 0.8.1, with the class shares of its leaves.
///
/// linfa's tree knows only classes. Its splits are kept, and the training rows are dropped through them: a leaf's
/// probability is the (weighted) share of positives in it, drawn towards the share in all rows by one row's weight, so
/// that it is never 0 or 1. A column's contribution is the sum, over the splits on the row's way that look at it, of
/// the change in expected log-odds there (Saabas 2014): exact in sum, from the training mean, but not Shapley values.
///
/// ```
/// use keepwell::frame::{Column, Table};
/// use keepwell::model::{Classifier, LinfaTree};
///
/// let logins = (0..90).map(|row| f64::from(row % 30)).collect();
/// let table = Table::new(90, [("logins".to_string(), Column::Number(logins))])?;
/// let churned: Vec<bool> = (0..90).map(|row| row % 30 < 10).collect();
/// let model = LinfaTree::params().max_depth(2).fit(&table, &churned, None)?;
/// assert!(model.predict_proba(&table)?[0] > 0.9);
/// # Ok::<(), keepwell::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinfaTree {
    features: Features,
    design: Design,
    /// The root first, children after their parents.
    nodes: Vec<Node>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Node {
    split: Option<Split>,
    /// Mean log-odds of the training rows that came here.
    value: f64,
    /// Weight of the training rows that came here.
    weight: f64,
    /// Weight of the positive ones.
    positive: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Split {
    /// Design column.
    design_column: usize,
    /// The table's column it comes from.
    column: usize,
    /// Rows below go left.
    threshold: f64,
    left: usize,
    right: usize,
}

/// Copies linfa's nodes; returns where the node stands.
fn copy(node: &TreeNode<f64, bool>, sources: &[usize], nodes: &mut Vec<Node>) -> usize {
    let at = nodes.len();
    nodes.push(Node { split: None, value: 0.0, weight: 0.0, positive: 0.0 });
    if let (false, [Some(left), Some(right)]) = (node.is_leaf(), &node.children()[..]) {
        let (design_column, threshold, _) = node.split();
        let (left, right) = (copy(left, sources, nodes), copy(right, sources, nodes));
        let column = sources[design_column];
        nodes[at].split = Some(Split { design_column, column, threshold, left, right });
    }
    at
}

/// Drops the training rows through the tree and sets each node's values, children before parents.
fn fill(nodes: &mut [Node], records: &Array2<f64>, y: &[bool], weights: Option<&[f64]>) {
    let mut total = 0.0;
    for (row, &y) in y.iter().enumerate() {
        let weight = weights.map_or(1.0, |weights| weights[row]);
        total += weight;
        let leaf = way(nodes, records, row).last().expect("the root is on every way");
        nodes[leaf].weight += weight;
        nodes[leaf].positive += if y { weight } else { 0.0 };
    }
    for at in (0..nodes.len()).rev() {
        if let Some(Split { left, right, .. }) = nodes[at].split {
            nodes[at].weight = nodes[left].weight + nodes[right].weight;
            nodes[at].positive = nodes[left].positive + nodes[right].positive;
        }
    }
    let (rate, one_row) = (nodes[0].positive / nodes[0].weight, total / y.len() as f64);
    nodes.iter_mut().for_each(|node| node.value = node.log_odds(rate, one_row));
    for at in (0..nodes.len()).rev() {
        if let Some(Split { left, right, .. }) = nodes[at].split {
            let sum = |child: &Node| child.weight * child.value;
            nodes[at].value = (sum(&nodes[left]) + sum(&nodes[right])) / nodes[at].weight;
        }
    }
}

impl Node {
    /// Of the share of positives, drawn towards `rate` by `prior` weight.
    fn log_odds(&self, rate: f64, prior: f64) -> f64 {
        let positive = self.positive + prior * rate;
        let negative = self.weight - self.positive + prior * (1.0 - rate);
        (positive / negative).ln()
    }
}

/// The nodes on a row's way, the root first.
fn way<'a>(nodes: &'a [Node], records: &'a Array2<f64>, row: usize) -> impl Iterator<Item = usize> {
    std::iter::successors(Some(0), move |&at| {
        let split = nodes[at].split?;
        let is_left = records[(row, split.design_column)] < split.threshold;
        Some(if is_left { split.left } else { split.right })
    })
}

impl LinfaTree {
    /// Parameters at their defaults.
    pub fn params() -> LinfaTreeParams {
        LinfaTreeParams::default()
    }

    /// Number of leaves.
    pub fn n_leaves(&self) -> usize {
        self.nodes.iter().filter(|node| node.split.is_none()).count()
    }

    fn records(&self, columns: &[EncodedColumn<'_>], n_rows: usize) -> Array2<f64> {
        self.design.matrix(columns, n_rows).to_dense()
    }

    fn value_of(&self, records: &Array2<f64>, row: usize) -> f64 {
        way(&self.nodes, records, row).last().map_or(0.0, |leaf| self.nodes[leaf].value)
    }
}

impl Classifier for LinfaTree {
    fn features(&self) -> &Features {
        &self.features
    }

    fn log_odds_of(&self, table: &TableView<'_>) -> Result<Vec<f64>> {
        let records = self.records(&self.features.encode(table)?, table.n_rows());
        Ok((0..table.n_rows()).map(|row| self.value_of(&records, row)).collect())
    }

    fn log_odds_of_row(&self, row: &[f64]) -> f64 {
        self.value_of(&self.records(&self.features.columns_of_row(row), 1), 0)
    }

    fn contributions_of(&self, table: &TableView<'_>) -> Result<Contributions> {
        let columns = self.features.encode(table)?;
        let records = self.records(&columns, table.n_rows());
        let mut values = vec![0.0; table.n_rows() * columns.len()];
        for row in 0..table.n_rows() {
            let own = &mut values[row * columns.len()..(row + 1) * columns.len()];
            let mut parent = &self.nodes[0];
            for at in way(&self.nodes, &records, row).skip(1) {
                let split = parent.split.expect("a node with a child has a split");
                own[split.column] += self.nodes[at].value - parent.value;
                parent = &self.nodes[at];
            }
        }
        Ok(Contributions { base: self.nodes[0].value, values, n_features: columns.len() })
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};

    use super::*;
    use crate::frame::{Categories, Column, Table};
    use crate::metric::roc_auc;
    use crate::model::{LogisticClassifier, sigmoid};

    /// Four columns with gaps; `shift` moves the rate of positives.
    fn customers(n: usize, shift: f64) -> (Table, Vec<bool>) {
        let mut rng = rand::rngs::StdRng::seed_from_u64(3);
        let usage: Vec<f64> = (0..n).map(|_| rng.random_range(-2.0..2.0)).collect();
        let plan: Vec<usize> = (0..n).map(|_| rng.random_range(0..4)).collect();
        let truth = |row: usize| shift - 1.2 * usage[row] + if plan[row] == 1 { 1.0 } else { 0.0 };
        let y = (0..n).map(|row| rng.random::<f64>() < sigmoid(truth(row))).collect();
        let texts = plan.iter().map(|&plan| [None, Some("a"), Some("b"), Some("c")][plan]);
        let gaps = usage.iter().enumerate().map(|(row, &u)| if row % 9 == 0 { f64::NAN } else { u });
        let columns = [
            ("usage", Column::Number(gaps.collect())),
            ("plan", Column::Category(Categories::from_texts(texts))),
            ("constant", Column::Number(vec![1.0; n])),
            ("nothing", Column::Number(vec![f64::NAN; n])),
        ];
        (Table::new(n, columns.map(|(name, column)| (name.to_string(), column))).unwrap(), y)
    }

    fn assert_exact(model: &dyn Classifier, table: &Table) {
        let (log_odds, parts) = (model.log_odds(table).unwrap(), model.contributions(table).unwrap());
        for (row, log_odds) in log_odds.iter().enumerate() {
            assert!((parts.base + parts.row(row).iter().sum::<f64>() - log_odds).abs() < 1e-12);
        }
        let mean = log_odds.iter().sum::<f64>() / log_odds.len() as f64;
        assert!((mean - parts.base).abs() < 1e-9);
    }

    #[test]
    fn linfa_logistic_is_read_for_the_positive_class() {
        for shift in [-1.5, 1.5] {
            let (table, y) = customers(800, shift);
            let linfa = LinfaLogistic::params().max_iter(1000).fit(&table, &y, None).unwrap();
            let ours = LogisticClassifier::params().knots(0).c(1.0).fit(&table, &y, None).unwrap();
            let (a, b) = (linfa.log_odds(&table).unwrap(), ours.log_odds(&table).unwrap());
            assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-3));
            assert_exact(&linfa, &table);
        }
    }

    #[test]
    fn the_tree_ranks_and_its_leaves_hold_shares() {
        for shift in [-3.5, -1.0, 2.0] {
            let (table, y) = customers(3_000, shift);
            let tree = LinfaTree::params().fit(&table, &y, None).unwrap();
            assert!(tree.n_leaves() >= 2, "rate moved by {shift}");
            let p = tree.predict_proba(&table).unwrap();
            assert!(roc_auc(&y, &p, None).unwrap() > 0.65);
            let rate = y.iter().filter(|&&y| y).count() as f64 / y.len() as f64;
            assert!((p.iter().sum::<f64>() / p.len() as f64 - rate).abs() < 0.01);
            assert_exact(&tree, &table);
        }
    }

    #[test]
    fn the_tree_is_the_same_every_time_and_saved() {
        let (table, y) = customers(600, -1.0);
        let weights: Vec<f64> = (0..600).map(|row| f64::from(1 + row % 3)).collect();
        let fit = || LinfaTree::params().max_depth(6).fit(&table, &y, Some(&weights)).unwrap();
        let first = fit();
        assert!((0..5).all(|_| fit() == first));
        let bytes = postcard::to_stdvec(&first).unwrap();
        assert_eq!(first, postcard::from_bytes(&bytes).unwrap());
    }

    #[test]
    fn tables_without_anything_to_learn_from_are_fine() {
        let (table, y) = customers(60, 0.0);
        for columns in [vec![], vec!["constant"], vec!["nothing"]] {
            let columns = columns.iter().map(|name| (name.to_string(), table.column(name).unwrap().clone()));
            let table = Table::new(60, columns).unwrap();
            let tree = LinfaTree::params().fit(&table, &y, None).unwrap();
            assert_eq!(tree.n_leaves(), 1);
            let logistic = LinfaLogistic::params().fit(&table, &y, None).unwrap();
            assert!(logistic.log_odds(&table).unwrap().iter().all(|value| value.is_finite()));
        }
    }

    #[test]
    fn bad_input_is_named() {
        let (table, y) = customers(40, 0.0);
        let weights: Vec<f64> = (0..40).map(|row| f64::from(row % 2) + 1.0).collect();
        assert_eq!(
            LinfaLogistic::params().fit(&table, &y, Some(&weights)).unwrap_err().to_string(),
            "weights for linfa-logistic, which knows none, row 2: found 2, expected the same weight in every row"
        );
        assert_eq!(
            LinfaTree::params().max_depth(0).fit(&table, &y, None).unwrap_err().to_string(),
            "`max_depth` is 0, expected 1 to 8"
        );
        assert_eq!(
            LinfaTree::params().fit(&table, &[true; 40], None).unwrap_err().to_string(),
            "label `y` is true in all 40 rows; a model needs rows of both classes"
        );
    }
}
