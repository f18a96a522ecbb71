//! Gradient-boosted trees for a two-class label or a number: numbers, categories and missing values as they come.

mod awake;
mod bag;
mod boost;
mod dataset;
mod fit;
mod level_means;
mod lightgbm;
mod params;
mod stopping;
mod target;
mod task;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use super::loss::{Loss, RegressionLoss};
use super::{Classifier, Contributions, EncodedColumn, Features, InteractionValues};
use crate::error::Result;
use crate::frame::TableView;
use crate::tree::{ColumnView, Forest};

use level_means::LevelMeans;

pub(crate) use boost::{Before, BoostParams, BoostTask, boost, boost_on};
pub use params::{GradientTreesParams, ValidGradientTreesParams};
pub use stopping::EarlyStopping;
pub use target::{Label, Target};
pub use task::TreesTask;

/// Fitted gradient-boosted trees. Made by [`GradientTreesParams::fit`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GradientTrees<T: Target = Label> {
    features: Features,
    forest: Forest,
    valid_losses: Vec<f64>,
    target: T,
    /// Of the columns that are read as numbers, for want of bins for their levels.
    level_means: Vec<LevelMeans>,
}

/// Gradient trees for a label of two classes.
pub type GradientTreesClassifier = GradientTrees<Label>;

/// Gradient trees for a number: its mean, the mean of a count, or a quantile.
pub type GradientTreesRegressor = GradientTrees<RegressionLoss>;

impl<T: Target> GradientTrees<T> {
    /// The trees.
    pub fn forest(&self) -> &Forest {
        &self.forest
    }

    /// The `d` columns it was fitted on.
    pub fn features(&self) -> &Features {
        &self.features
    }

    /// Mean loss on the rows that early stopping watched: before the first tree, after it, and so on to the last tree
    /// tried; by folds, their mean, as far as every fold tried. Empty where none were watched. The loss is log loss for a label, the one chosen
    /// for a number ([`loss`](crate::model::loss) tells their formulas).
    pub fn valid_losses(&self) -> &[f64] {
        &self.valid_losses
    }

    /// Raw scores, one a row, `n` long: log-odds for a label, the logarithm of the mean for
    /// [`RegressionLoss::Poisson`], else the prediction itself. Contributions add up to these. Never NaN.
    ///
    /// # Errors
    /// A column of the training table that is missing or of another type.
    pub fn raw_scores<'a>(&self, table: impl Into<TableView<'a>>) -> Result<Vec<f64>> {
        let table = &table.into();
        if self.features.names().is_empty() {
            return Ok(vec![self.forest.base(); table.n_rows()]);
        }
        self.with_views(table, |views| self.forest.predict(views))
    }

    /// What each column adds to the raw score of each row: base + sum = [`raw_scores`](Self::raw_scores) to 1e-6.
    ///
    /// # Errors
    /// As [`raw_scores`](Self::raw_scores).
    pub fn contributions<'a>(&self, table: impl Into<TableView<'a>>) -> Result<Contributions> {
        let n_features = self.features.names().len();
        let values = self.with_views(&table.into(), |views| self.forest.contributions(views))?;
        Ok(Contributions { base: self.forest.expected(), values, n_features })
    }

    /// What every two columns add together to the raw score of each row: a symmetric matrix a row, whose rows add up to
    /// the [`contributions`](Self::contributions). It takes `n × d × d` numbers: ask for some rows at a time where columns
    /// are many.
    ///
    /// # Errors
    /// As [`raw_scores`](Self::raw_scores).
    ///
    /// ```
    /// use keepwell::frame::{Column, Table};
    /// use keepwell::model::GradientTreesClassifier;
    ///
    /// let column = |number: fn(u32) -> u32| Column::Number((0..400).map(|row| f64::from(number(row))).collect());
    /// let columns = [("seats", column(|row| row % 4)), ("logins", column(|row| row / 4 % 5)), ("age", column(|row| row % 7))];
    /// let table = Table::new(400, columns.map(|(name, column)| (name.to_string(), column)))?;
    /// let churned: Vec<bool> = (0..400).map(|row| (row % 4 < 2) != (row / 4 % 5 < 2)).collect();
    /// let model = GradientTreesClassifier::params().n_estimators(50).fit(&table, &churned, None)?;
    /// let together = model.interaction_values(&table)?;
    /// assert!(together.between(0, 0, 1) < -0.5, "few seats and few logins go together");
    /// assert!(together.between(0, 0, 2).abs() < 0.1);
    /// # Ok::<(), keepwell::Error>(())
    /// ```
    pub fn interaction_values<'a>(&self, table: impl Into<TableView<'a>>) -> Result<InteractionValues> {
        let n_features = self.features.names().len();
        let values = self.with_views(&table.into(), |views| self.forest.interaction_values(views))?;
        Ok(InteractionValues { base: self.forest.expected(), values, n_features })
    }

    /// Raw score of one row of `d` numbers in the order of [`features`](Self::features): NaN is missing, a category is
    /// the place of its level among the training levels, an unseen one −1. The fast way for one account.
    ///
    /// # Panics
    /// When `row` is shorter than `d`.
    pub fn raw_score_of_row(&self, row: &[f64]) -> f64 {
        self.with_row(row, |row| self.forest.predict_row(row))
    }

    /// What each column adds to the raw score of one row, given as in [`raw_score_of_row`](Self::raw_score_of_row),
    /// into `out`; they add to [`Forest::expected`].
    ///
    /// # Panics
    /// When `row` or `out` is not `d` long.
    pub fn contributions_of_row(&self, row: &[f64], out: &mut [f64]) {
        self.with_row(row, |row| self.forest.contributions_row(row, out));
    }

    fn with_views<R>(&self, table: &TableView<'_>, read: impl FnOnce(&[ColumnView]) -> R) -> Result<R> {
        let encoded = self.features.encode(table)?;
        let mut views: Vec<ColumnView> = encoded.iter().map(EncodedColumn::view).collect();
        let told: Vec<Vec<f64>> =
            self.level_means.iter().map(|means| told(means, views[means.column])).collect();
        for (means, told) in self.level_means.iter().zip(&told) {
            views[means.column] = ColumnView::F64(told);
        }
        Ok(read(&views))
    }

    /// The row with its levels of many as numbers; as it is where there are none such, without a copy.
    fn with_row<R>(&self, row: &[f64], read: impl FnOnce(&[f64]) -> R) -> R {
        if self.level_means.is_empty() {
            return read(row);
        }
        let mut row = row.to_vec();
        for means in &self.level_means {
            row[means.column] = means.mean_of_number(row[means.column]);
        }
        read(&row)
    }
}

fn told(means: &LevelMeans, view: ColumnView) -> Vec<f64> {
    if let ColumnView::Category { codes, .. } = view { means.read(codes) } else { Vec::new() }
}

impl GradientTreesClassifier {
    /// Parameters at their defaults.
    pub fn params() -> GradientTreesParams {
        GradientTreesParams::default()
    }

    /// Log-odds of one row: [`raw_score_of_row`](Self::raw_score_of_row) by its name for a label.
    ///
    /// # Panics
    /// When `row` is shorter than `d`.
    pub fn log_odds_of_row(&self, row: &[f64]) -> f64 {
        self.raw_score_of_row(row)
    }
}

impl Classifier for GradientTreesClassifier {
    fn features(&self) -> &Features {
        &self.features
    }

    fn log_odds_of(&self, table: &TableView<'_>) -> Result<Vec<f64>> {
        self.raw_scores(table)
    }

    fn contributions_of(&self, table: &TableView<'_>) -> Result<Contributions> {
        GradientTrees::contributions(self, table)
    }

    fn log_odds_of_row(&self, row: &[f64]) -> f64 {
        self.raw_score_of_row(row)
    }
}

impl GradientTreesRegressor {
    /// Parameters at their defaults: squared error, so that the mean is predicted.
    ///
    /// ```
    /// use keepwell::frame::{Column, Table};
    /// use keepwell::model::GradientTreesRegressor;
    /// use keepwell::model::loss::RegressionLoss;
    ///
    /// let seats: Vec<f64> = (0..200).map(|row| f64::from(row % 20)).collect();
    /// let tickets: Vec<f64> = seats.iter().map(|seats| (seats / 4.0).floor()).collect();
    /// let table = Table::new(200, [("seats".to_string(), Column::Number(seats))])?;
    /// let model = GradientTreesRegressor::params().loss(RegressionLoss::Poisson).fit(&table, &tickets, None)?;
    /// let expected = model.predict(&table)?;
    /// assert!(expected[1] < 0.1 && (expected[19] - 4.0).abs() < 0.1);
    /// # Ok::<(), keepwell::Error>(())
    /// ```
    pub fn params() -> GradientTreesParams<RegressionLoss> {
        GradientTreesParams::of(RegressionLoss::SquaredError)
    }

    /// The loss it was fitted by.
    pub fn loss(&self) -> RegressionLoss {
        self.target
    }

    /// Predictions, one a row, `n` long: the mean or the quantile of the target. Never NaN.
    ///
    /// # Errors
    /// As [`raw_scores`](Self::raw_scores).
    pub fn predict<'a>(&self, table: impl Into<TableView<'a>>) -> Result<Vec<f64>> {
        Ok(self.raw_scores(table)?.into_iter().map(|raw| self.target.predicted(raw)).collect())
    }
}
