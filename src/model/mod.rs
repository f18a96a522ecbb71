//! What every fitted model keeps, and the models: logistic, gradient trees, their blend, calibration, baselines.

mod baselines;
mod blend;
mod calibration;
pub mod compare;
mod features;
mod file;
pub mod gradient_trees;
mod interval;
pub(crate) mod logistic;
pub mod loss;
mod row;
mod stack;
pub(crate) mod training;

use std::ops::ControlFlow;

use crate::error::Result;
use crate::frame::{Table, TableView};

pub use crate::metric::sigmoid;
pub use baselines::{LinfaLogistic, LinfaLogisticParams, LinfaTree, LinfaTreeParams};
pub use blend::{BlendClassifier, BlendParams, BlendPart, Effort, Member, ValidBlendParams};
pub use calibration::BetaCalibration;
pub use compare::{CompareParams, Compared, Comparison};
pub use features::{EncodedColumn, FeatureKind, Features};
pub use file::ModelFile;
pub use gradient_trees::{
    EarlyStopping, GradientTrees, GradientTreesClassifier, GradientTreesParams, GradientTreesRegressor,
    TreesTask,
};
pub use interval::{ProbabilityInterval, RateInterval};
pub use logistic::{DEFAULT_CS, LogisticClassifier, LogisticParams, ValidLogisticParams};
pub use row::{Cell, RowEncoder};

/// The contract of a fitted model for one two-class label.
///
/// Every table is read by column name; a table with more columns is fine, one with fewer is an error. What ends in
/// `_of` takes columns where they stand; what ends in `_of_row` takes a single row, for a service that scores accounts
/// one by one, and says what the others say, bit for bit.
pub trait Classifier: Send + Sync {
    /// The `d` columns it was fitted on.
    fn features(&self) -> &Features;

    /// Log-odds of the positive class, one a row, `n` long. Never NaN.
    fn log_odds_of(&self, table: &TableView<'_>) -> Result<Vec<f64>>;

    /// What each column adds to the log-odds of each row: base + sum = [`log_odds`](Self::log_odds) to 1e-6.
    fn contributions_of(&self, table: &TableView<'_>) -> Result<Contributions>;

    /// Log-odds of one row of `d` numbers in the order of [`features`](Self::features): NaN is missing, a category is
    /// the place of its level among the training levels, an unseen one −1. [`RowEncoder`] makes such a row of cells.
    ///
    /// # Panics
    /// When `row` is shorter than `d`.
    fn log_odds_of_row(&self, row: &[f64]) -> f64;

    /// [`log_odds_of`](Self::log_odds_of) the columns of a table.
    fn log_odds(&self, table: &Table) -> Result<Vec<f64>> {
        self.log_odds_of(&table.into())
    }

    /// [`contributions_of`](Self::contributions_of) the columns of a table.
    fn contributions(&self, table: &Table) -> Result<Contributions> {
        self.contributions_of(&table.into())
    }

    /// Probability of the positive class, one a row, in (0, 1): never quite certain, so that its log loss is finite.
    fn predict_proba(&self, table: &Table) -> Result<Vec<f64>> {
        self.predict_proba_of(&table.into())
    }

    /// [`predict_proba`](Self::predict_proba) of columns where they stand.
    fn predict_proba_of(&self, table: &TableView<'_>) -> Result<Vec<f64>> {
        let mut scores = self.log_odds_of(table)?;
        scores.iter_mut().for_each(|score| *score = open_probability(*score));
        Ok(scores)
    }

    /// [`predict_proba`](Self::predict_proba) of one row, given as to [`log_odds_of_row`](Self::log_odds_of_row).
    ///
    /// # Panics
    /// When `row` is shorter than `d`.
    fn predict_proba_of_row(&self, row: &[f64]) -> f64 {
        open_probability(self.log_odds_of_row(row))
    }
}

/// What each of `d` columns adds to the log-odds of each of `n` rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Contributions {
    /// Log-odds before anything is known of a row: what the model says of an average training row. For the blend it
    /// is the calibrated mean of its members, which is near the mean of the calibrated log-odds, not equal to it.
    pub base: f64,
    /// `n × d`, row-major.
    pub values: Vec<f64>,
    /// Number of columns, `d`.
    pub n_features: usize,
}

impl Contributions {
    /// The `d` contributions of a row.
    pub fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.n_features..(row + 1) * self.n_features]
    }
}

/// What every two of `d` columns add together to the log-odds of each of `n` rows: Shapley interaction values.
///
/// A matrix a row, symmetric: what two columns add is shared equally between its two places, and on the diagonal stands
/// what a column adds whatever the others are. A row of the matrix adds up to the column's contribution, the whole
/// matrix and base to the log-odds.
#[derive(Clone, Debug, PartialEq)]
pub struct InteractionValues {
    /// As in [`Contributions`].
    pub base: f64,
    /// `n × d × d`, row-major.
    pub values: Vec<f64>,
    /// Number of columns, `d`.
    pub n_features: usize,
}

impl InteractionValues {
    /// Those of a model in which no two columns act together: the contributions on the diagonal.
    pub fn of_additive(contributions: &Contributions) -> Self {
        let d = contributions.n_features;
        let mut values = vec![0.0; contributions.values.len() * d];
        values.chunks_mut((d * d).max(1)).enumerate().for_each(|(row, matrix)| {
            for (at, value) in contributions.row(row).iter().enumerate() {
                matrix[at * (d + 1)] = *value;
            }
        });
        InteractionValues { base: contributions.base, values, n_features: d }
    }

    /// The `d × d` values of a row.
    pub fn row(&self, row: usize) -> &[f64] {
        let size = self.n_features * self.n_features;
        &self.values[row * size..(row + 1) * size]
    }

    /// The value of a row at a place of its matrix: half of what two columns add together.
    pub fn between(&self, row: usize, one: usize, other: usize) -> f64 {
        self.row(row)[one * self.n_features + other]
    }
}

/// How far a training is, for a progress bar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Share of the work done, 0 to 1, never falling.
    pub done: f64,
    /// What is being done, for a person.
    pub stage: &'static str,
}

/// Called while training, from any thread; `Break` cancels it.
pub type OnProgress<'a> = &'a (dyn Fn(Progress) -> ControlFlow<()> + Sync);

/// [`sigmoid`], kept off 0 and 1 where it rounds to them: log-odds below about -708 and above 36.
fn open_probability(log_odds: f64) -> f64 {
    sigmoid(log_odds).clamp(f64::MIN_POSITIVE, 1.0 - f64::EPSILON / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Column;

    #[test]
    fn nothing_is_quite_certain() {
        assert_eq!([sigmoid(-1e4), sigmoid(40.0)], [0.0, 1.0]);
        for log_odds in [-f64::MAX, -1e4, -40.0, 0.0, 36.0, 40.0, f64::MAX] {
            let probability = open_probability(log_odds);
            assert!(probability > 0.0 && probability < 1.0 && probability.ln().is_finite(), "{log_odds}");
        }
        assert_eq!(open_probability(1.5), sigmoid(1.5));
    }

    #[test]
    fn a_table_without_columns_is_told_the_share_of_positives_row_by_row() {
        let table = Table::new(40, []).unwrap();
        let y: Vec<bool> = (0..40).map(|row| row % 4 == 0).collect();
        let blend = BlendClassifier::params().fit(&table, &y, None).unwrap();
        let probability = blend.predict_proba(&table).unwrap();
        assert_eq!(probability.len(), 40);
        assert!(probability.iter().all(|p| (p - 0.25).abs() < 0.03), "{probability:?}");
    }

    #[test]
    fn rows_of_a_group_are_left_out_together() {
        // Each group has a number of its own that tells its label: a model that has seen the group knows it.
        let group = |row: usize| row / 40;
        let number = |row: usize| f64::from((group(row) * 37 % 101) as u32);
        let y: Vec<bool> = (0..800).map(|row| group(row) * 53 % 7 < 2).collect();
        let table = Table::new(800, [("x".into(), Column::Number((0..800).map(number).collect()))]).unwrap();
        let groups: Vec<String> = (0..800).map(|row| group(row).to_string()).collect();
        let (params, width) = (BlendClassifier::params(), |intervals: Vec<ProbabilityInterval>| {
            intervals.iter().map(|interval| interval.upper - interval.lower).sum::<f64>()
        });
        let apart = params.fit_groups(&table, &y, None, &groups).unwrap();
        let mixed = params.fit(&table, &y, None).unwrap();
        let trees = |blend: &BlendClassifier| blend.members().last().unwrap().log_loss;
        assert!(trees(&mixed) < trees(&apart) - 0.05, "{:?} {:?}", mixed.members(), apart.members());
        let widths = [&apart, &mixed].map(|blend| width(blend.probability_intervals(&table, 0.9).unwrap()));
        assert!(widths[0] > widths[1], "{widths:?}");
        let weights: Vec<f64> = (0..800).map(|row| f64::from(u8::from(row >= 80))).collect();
        let some: Vec<usize> = (80..800).collect();
        let without = params.fit_groups(&table.take(&some), &y[80..], None, &groups[80..]).unwrap();
        let weighed = params.fit_groups(&table, &y, Some(&weights), &groups).unwrap();
        let (a, b) = (weighed.log_odds(&table).unwrap(), without.log_odds(&table).unwrap());
        assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-6));
        assert_eq!(
            params.fit_groups(&table, &y, None, &groups[1..]).unwrap_err().to_string(),
            "number of groups, one a row: found 799, expected 800"
        );
    }

    #[test]
    fn one_positive_leaves_everything_open() {
        let table = Table::new(20, [("x".into(), Column::Number(vec![1.0; 20]))]).unwrap();
        let y: Vec<bool> = (0..20).map(|row| row == 3).collect();
        let blend = BlendClassifier::params().fit(&table, &y, None).unwrap();
        let unknown = ProbabilityInterval { lower: 0.0, upper: 1.0 };
        assert!(
            blend.probability_intervals(&table, 0.9).unwrap().iter().all(|interval| *interval == unknown)
        );
    }

    #[test]
    fn numbers_of_any_size_give_finite_scores() {
        let columns = || [1.0, -1.0, 1e-310, 1e300].into_iter().cycle();
        let y: Vec<bool> = (0..200).map(|row| row % 3 == 0).collect();
        let table =
            |values: Vec<f64>| Table::new(values.len(), [("x".into(), Column::Number(values))]).unwrap();
        let blend = BlendClassifier::params().fit(&table(columns().take(200).collect()), &y, None).unwrap();
        let scored = table(vec![f64::MAX, -f64::MAX, f64::INFINITY, 5e-324, f64::NAN]);
        let sums = blend.contributions(&scored).unwrap();
        for (row, log_odds) in blend.log_odds(&scored).unwrap().into_iter().enumerate() {
            assert!(log_odds.is_finite() && (sums.base + sums.row(row)[0] - log_odds).abs() < 1e-6);
        }
    }
}
