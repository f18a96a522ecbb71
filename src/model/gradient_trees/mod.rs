//! Gradient-boosted trees for a two-class label: numbers, categories and missing values as they come.

mod bag;
mod boost;
mod dataset;
mod fit;
mod params;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use super::{Classifier, Contributions, EncodedColumn, Features};
use crate::error::Result;
use crate::frame::Table;
use crate::tree::{ColumnView, Forest};

pub(crate) use boost::{BoostParams, BoostTask, boost};
pub use params::{GradientTreesParams, ValidGradientTreesParams};

/// Fitted gradient-boosted trees. Made by [`GradientTreesParams::fit`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GradientTreesClassifier {
    features: Features,
    forest: Forest,
    valid_losses: Vec<f64>,
}

impl GradientTreesClassifier {
    /// Parameters at their defaults.
    pub fn params() -> GradientTreesParams {
        GradientTreesParams::default()
    }

    /// The trees.
    pub fn forest(&self) -> &Forest {
        &self.forest
    }

    /// Mean log loss on the rows held back for early stopping: before the first tree, after it, and so on to the
    /// last tree tried. Empty without early stopping.
    pub fn valid_losses(&self) -> &[f64] {
        &self.valid_losses
    }

    /// Log-odds of one row of `d` numbers in the order of [`features`](Classifier::features): NaN is missing, a
    /// category is the place of its level among the training levels, an unseen one −1. The fast way for one account.
    ///
    /// # Panics
    /// When `row` is shorter than `d`.
    pub fn log_odds_of_row(&self, row: &[f64]) -> f64 {
        self.forest.predict_row(row)
    }

    /// What each column adds to the log-odds of one row, given as in [`log_odds_of_row`](Self::log_odds_of_row),
    /// into `out`; they add to [`Forest::expected`].
    ///
    /// # Panics
    /// When `row` or `out` is not `d` long.
    pub fn contributions_of_row(&self, row: &[f64], out: &mut [f64]) {
        self.forest.contributions_row(row, out);
    }

    fn with_views<T>(&self, table: &Table, read: impl FnOnce(&[ColumnView]) -> T) -> Result<T> {
        let encoded = self.features.encode(table)?;
        let views: Vec<ColumnView> = encoded.iter().map(EncodedColumn::view).collect();
        Ok(read(&views))
    }
}

impl Classifier for GradientTreesClassifier {
    fn features(&self) -> &Features {
        &self.features
    }

    fn log_odds(&self, table: &Table) -> Result<Vec<f64>> {
        if self.features.names().is_empty() {
            return Ok(vec![self.forest.base(); table.n_rows()]);
        }
        self.with_views(table, |views| self.forest.predict(views))
    }

    fn contributions(&self, table: &Table) -> Result<Contributions> {
        let n_features = self.features.names().len();
        let values = self.with_views(table, |views| self.forest.contributions(views))?;
        Ok(Contributions { base: self.forest.expected(), values, n_features })
    }
}
