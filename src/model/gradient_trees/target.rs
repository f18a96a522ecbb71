//! What gradient trees can learn: a label of two classes, or a number. All that differs between the two stands here.

use super::GradientTrees;
use super::boost::Observed;
use crate::error::Result;
use crate::frame::TableView;
use crate::model::loss::{Logistic, Loss, RegressionLoss};
use crate::model::training::{check_numbers, check_training};

/// What [`GradientTrees`] learn: [`Label`] or [`RegressionLoss`].
pub trait Target: Rules {}

impl Target for Label {}
impl Target for RegressionLoss {}

/// A label of two classes, learned by log loss.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Label;

/// What a target has to say for itself; closed to other crates.
pub trait Rules: Clone + PartialEq + std::fmt::Debug + Send + Sync + Sized + 'static {
    /// One row's target.
    type Y: Observed + Default;
    /// The loss.
    type Loss: Loss;

    /// The loss.
    fn loss(&self) -> Self::Loss;

    /// Whether its own parameters are in their ranges, and go with monotone directions if there are `any_directions`.
    fn check(&self, any_directions: bool) -> Result<()>;

    /// Whether a table, its targets and its weights can be learned from.
    fn check_training(&self, table: &TableView<'_>, y: &[Self::Y], weights: Option<&[f64]>) -> Result<()>;

    /// Whether targets can be validated on.
    fn check_valid(&self, y: &[Self::Y]) -> Result<()>;

    /// What linfa is told of a row.
    fn told(&self, raw: f64) -> Self::Y;

    /// The part of the rows that folds and rows held back take an even share of.
    fn stratum(&self, y: Self::Y) -> bool;

    /// Whether nothing can be learned without rows of that stratum.
    fn needs(&self, stratum: bool) -> bool;
}

impl Rules for Label {
    type Y = bool;
    type Loss = Logistic;

    fn loss(&self) -> Logistic {
        Logistic
    }

    fn check(&self, _: bool) -> Result<()> {
        Ok(())
    }

    fn check_training(&self, table: &TableView<'_>, y: &[bool], weights: Option<&[f64]>) -> Result<()> {
        check_training(table, y, weights)
    }

    fn check_valid(&self, _: &[bool]) -> Result<()> {
        Ok(())
    }

    fn told(&self, raw: f64) -> bool {
        raw >= 0.0
    }

    fn stratum(&self, y: bool) -> bool {
        y
    }

    fn needs(&self, _: bool) -> bool {
        true
    }
}

impl Rules for RegressionLoss {
    type Y = f64;
    type Loss = RegressionLoss;

    fn loss(&self) -> RegressionLoss {
        *self
    }

    fn check(&self, any_directions: bool) -> Result<()> {
        self.check_quantile()?;
        if any_directions { self.check_directions() } else { Ok(()) }
    }

    fn check_training(&self, table: &TableView<'_>, y: &[f64], weights: Option<&[f64]>) -> Result<()> {
        check_numbers(table, y, weights, *self)
    }

    fn check_valid(&self, y: &[f64]) -> Result<()> {
        self.check_targets("validation targets", y)
    }

    fn told(&self, raw: f64) -> f64 {
        self.predicted(raw)
    }

    /// Counts above 0, whose mean has a logarithm.
    fn stratum(&self, y: f64) -> bool {
        *self == RegressionLoss::Poisson && y > 0.0
    }

    fn needs(&self, stratum: bool) -> bool {
        stratum == (*self == RegressionLoss::Poisson)
    }
}

impl<T: Target> GradientTrees<T> {
    /// What it learned, and by which loss.
    pub fn target(&self) -> &T {
        &self.target
    }
}
