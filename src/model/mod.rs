//! What every fitted model keeps, and the models: logistic, gradient trees, their blend, calibration, baselines.

mod baselines;
mod blend;
mod calibration;
mod features;
mod file;
pub mod gradient_trees;
pub(crate) mod logistic;
pub mod loss;
mod stack;
pub(crate) mod training;

use std::ops::ControlFlow;

use crate::error::Result;
use crate::frame::Table;

pub use baselines::{LinfaLogistic, LinfaLogisticParams, LinfaTree, LinfaTreeParams};
pub use blend::{BlendClassifier, BlendParams, Member, ValidBlendParams};
pub use calibration::BetaCalibration;
pub use features::{EncodedColumn, FeatureKind, Features};
pub use file::ModelFile;
pub use gradient_trees::{GradientTreesClassifier, GradientTreesParams};
pub use logistic::{DEFAULT_CS, LogisticClassifier, LogisticParams, ValidLogisticParams};

/// The contract of a fitted model for one two-class label.
///
/// Every table is read by column name; a table with more columns is fine, one with fewer is an error.
pub trait Classifier: Send + Sync {
    /// The `d` columns it was fitted on.
    fn features(&self) -> &Features;

    /// Log-odds of the positive class, one a row, `n` long. Never NaN.
    fn log_odds(&self, table: &Table) -> Result<Vec<f64>>;

    /// What each column adds to the log-odds of each row: base + sum = [`log_odds`](Self::log_odds) to 1e-6.
    fn contributions(&self, table: &Table) -> Result<Contributions>;

    /// Probability of the positive class, one a row, in (0, 1).
    fn predict_proba(&self, table: &Table) -> Result<Vec<f64>> {
        Ok(self.log_odds(table)?.into_iter().map(sigmoid).collect())
    }
}

/// What each of `d` columns adds to the log-odds of each of `n` rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Contributions {
    /// Log-odds before anything is known of a row: the mean over the training rows.
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

/// Probability from log-odds.
pub fn sigmoid(log_odds: f64) -> f64 {
    1.0 / (1.0 + (-log_odds).exp())
}
