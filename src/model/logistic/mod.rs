//! Logistic regression with an L2 penalty on columns of any kind: the model that is hardest to beat on few rows, and a
//! part of the blend.

mod dataset;
mod design;
mod linear;
mod monotone;
mod products;
mod quasi_newton;
mod solver;

use std::ops::ControlFlow;

use linfa::ParamGuard;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Classifier, Contributions, Features, OnProgress};
use crate::error::{ErrorKind, Result};
use crate::frame::TableView;
use crate::model::training::{FoldRows, Steps, check_training, rows_that_weigh, stratified_folds};

pub(crate) use design::{Design, DesignMatrix, Scorer};
pub(crate) use linear::{Cholesky, Symmetric};
pub(crate) use solver::{PathStep, SolverSettings, path, path_past_best};

/// The values of C that are tried when none is set: inverse strengths of regularisation in steps of about 3.
pub const DEFAULT_CS: [f64; 8] = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 10.0];
/// Pieces of a number's line when none are set. Over eight public tables 5 to 8 differed by less than their noise.
pub(crate) const DEFAULT_KNOTS: usize = 6;
/// The C that is taken where there are too few rows of one class to choose it by folds.
const FALLBACK_C: f64 = 1.0;
/// Tolerance of the solver where only scores of unseen rows are wanted: their log loss is exact to about its square.
pub(crate) const FOLD_TOL: f64 = 1e-3;
/// Folds by which C is chosen.
const N_FOLDS: usize = 5;

/// Parameters of a [`LogisticClassifier`].
///
/// ```
/// use keepwell::frame::{Column, Table};
/// use keepwell::model::{Classifier, LogisticClassifier};
///
/// let logins = (0..60).map(|row| f64::from(row % 20)).collect();
/// let table = Table::new(60, [("logins".to_string(), Column::Number(logins))])?;
/// let churned: Vec<bool> = (0..60).map(|row| row % 20 < 7 || row % 13 == 0).collect();
/// let model = LogisticClassifier::params().c(1.0).fit(&table, &churned, None)?;
/// let p = model.predict_proba(&table)?;
/// assert!(p[0] > 0.5 && p[19] < 0.5);
/// # Ok::<(), keepwell::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct LogisticParams(ValidLogisticParams);

/// [`LogisticParams`] that were checked.
#[derive(Clone, Debug, PartialEq)]
pub struct ValidLogisticParams {
    c: Option<f64>,
    knots: usize,
    max_iter: usize,
    tol: f64,
    random_state: u64,
}

impl Default for LogisticParams {
    fn default() -> Self {
        LogisticParams(ValidLogisticParams {
            c: None,
            knots: DEFAULT_KNOTS,
            max_iter: 200,
            tol: 1e-6,
            random_state: 0,
        })
    }
}

impl LogisticParams {
    /// Inverse strength of regularisation, `C` in scikit-learn: above 0, smaller is stronger. Default: the one of
    /// [`DEFAULT_CS`] with the least log loss over five stratified folds.
    pub fn c(mut self, c: f64) -> Self {
        self.0.c = Some(c);
        self
    }

    /// Pieces of the line that a number's effect may be made of, between quantiles of the training values: 0 to 64;
    /// 0 and 1 are one straight line. Default 6.
    pub fn knots(mut self, knots: usize) -> Self {
        self.0.knots = knots;
        self
    }

    /// Most steps of the solver for each C, at least 1. Default 200; it mostly needs less than 10.
    pub fn max_iter(mut self, max_iter: usize) -> Self {
        self.0.max_iter = max_iter;
        self
    }

    /// The solver stops when its next step would move no coefficient by more than this, relative to the largest of
    /// them or to 1. Above 0; default 1e-6.
    pub fn tol(mut self, tol: f64) -> Self {
        self.0.tol = tol;
        self
    }

    /// Seed of the folds by which C is chosen. Default 0.
    pub fn random_state(mut self, random_state: u64) -> Self {
        self.0.random_state = random_state;
        self
    }

    /// Fits to a table of `n` rows, their labels and, if given, their weights.
    ///
    /// # Errors
    /// A parameter outside its range, lengths that differ, no rows, one class only, a weight that is negative or not
    /// finite, an infinite number.
    pub fn fit<'a>(
        &self,
        table: impl Into<TableView<'a>>,
        y: &[bool],
        weights: Option<&[f64]>,
    ) -> Result<LogisticClassifier> {
        self.fit_with_progress(table, y, weights, &|_| ControlFlow::Continue(()))
    }

    /// As [`fit`](Self::fit), calling `on_progress` after each fit of each C; its `Break` cancels the training.
    ///
    /// # Errors
    /// As [`fit`](Self::fit), and [`ErrorKind::Cancelled`].
    pub fn fit_with_progress<'a>(
        &self,
        table: impl Into<TableView<'a>>,
        y: &[bool],
        weights: Option<&[f64]>,
        on_progress: OnProgress<'_>,
    ) -> Result<LogisticClassifier> {
        self.check_ref()?.fit_table(&table.into(), y, weights, on_progress)
    }
}

impl ParamGuard for LogisticParams {
    type Checked = ValidLogisticParams;
    type Error = crate::Error;

    fn check_ref(&self) -> Result<&ValidLogisticParams> {
        let refuse =
            |name, value: String, expected| Err(ErrorKind::Parameter { name, value, expected }.into());
        let params = &self.0;
        match params {
            ValidLogisticParams { c: Some(c), .. } if !(c.is_finite() && *c > 0.0) => {
                refuse("c", c.to_string(), "a finite number above 0")
            }
            ValidLogisticParams { knots: 65.., .. } => {
                refuse("knots", params.knots.to_string(), "0 (a straight line) to 64")
            }
            ValidLogisticParams { max_iter: 0, .. } => refuse("max_iter", "0".into(), "at least 1"),
            ValidLogisticParams { tol, .. } if !(tol.is_finite() && *tol > 0.0) => {
                refuse("tol", tol.to_string(), "a finite number above 0")
            }
            _ => Ok(params),
        }
    }

    fn check(self) -> Result<ValidLogisticParams> {
        self.check_ref()?;
        Ok(self.0)
    }
}

impl ValidLogisticParams {
    fn fit_table(
        &self,
        table: &TableView<'_>,
        y: &[bool],
        weights: Option<&[f64]>,
        on_progress: OnProgress<'_>,
    ) -> Result<LogisticClassifier> {
        check_training(table, y, weights)?;
        if let Some((table, y, weights)) = rows_that_weigh(table, y, weights) {
            return self.fit_table(&(&table).into(), &y, Some(&weights), on_progress);
        }
        let (n_rows, features) = (table.n_rows(), Features::of(table));
        let columns = features.encode(table)?;
        let design = Design::fit(features.names(), &columns, weights, self.knots)?;
        let matrix = design.matrix(&columns, n_rows);
        let folds = if self.c.is_none() { stratified_folds(y, N_FOLDS, self.random_state)? } else { None };
        let n_fits = 1 + folds.as_ref().map_or(0, |folds| folds.len() * DEFAULT_CS.len());
        let steps = Steps::new(n_fits, on_progress);
        let c = match (self.c, folds) {
            (Some(c), _) => c,
            (None, Some(folds)) => self.choose_c(&matrix, y, weights, folds, &steps)?,
            (None, None) => FALLBACK_C,
        };
        let rows: Vec<u32> = (0..n_rows as u32).collect();
        let finish = || steps.finish("fitting the logistic regression");
        let settings = self.settings(self.tol, &finish);
        let solution = path(&matrix, y, weights, &rows, &[], &[c], &settings)?.remove(0);
        let mut scorer = design.scorer(&solution.coefs, solution.intercept);
        scorer.centre(&columns, weights, n_rows);
        Ok(LogisticClassifier { features, scorer, design, c, solution: solution.into() })
    }

    fn settings<'a>(&self, tol: f64, after_each: &'a (dyn Fn() -> Result<()> + Sync)) -> SolverSettings<'a> {
        SolverSettings { max_iter: self.max_iter, tol, after_each }
    }

    /// The C with the least log loss on rows that its model has not seen.
    fn choose_c(
        &self,
        matrix: &DesignMatrix,
        y: &[bool],
        weights: Option<&[f64]>,
        folds: Vec<FoldRows>,
        steps: &Steps<'_>,
    ) -> Result<f64> {
        let finish = || steps.finish("choosing C");
        let settings = self.settings(self.tol.max(FOLD_TOL), &finish);
        let losses = folds.into_par_iter().map(|(train, valid)| {
            let path = path_past_best(matrix, y, weights, &train, &valid, &DEFAULT_CS, &settings)?;
            Ok(path.iter().map(|step| step.valid_loss(&valid, y, weights)).collect::<Vec<f64>>())
        });
        let losses: Vec<Vec<f64>> = losses.collect::<Result<_>>()?;
        let total = |at: usize| losses.iter().map(|fold| fold[at]).sum::<f64>();
        // Of a strength that some fold did not reach, another has done better there.
        let n_tried = losses.iter().map(Vec::len).min().unwrap_or(0);
        let best = (0..n_tried).min_by(|&a, &b| total(a).total_cmp(&total(b)));
        Ok(best.map_or(FALLBACK_C, |at| DEFAULT_CS[at]))
    }
}

/// A fitted logistic regression: for each column a table of what its value adds to the log-odds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogisticClassifier {
    features: Features,
    design: Design,
    scorer: Scorer,
    c: f64,
    solution: Solution,
}

/// What the solver found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Solution {
    coefs: Vec<f64>,
    intercept: f64,
    n_iter: usize,
    converged: bool,
}

impl From<PathStep> for Solution {
    fn from(step: PathStep) -> Self {
        let PathStep { coefs, intercept, n_iter, converged, .. } = step;
        Solution { coefs, intercept, n_iter, converged }
    }
}

impl LogisticClassifier {
    /// Parameters at their defaults.
    pub fn params() -> LogisticParams {
        LogisticParams::default()
    }

    /// The inverse strength of regularisation that was set or chosen.
    pub fn c(&self) -> f64 {
        self.c
    }

    /// Coefficients of the design columns, in the order of the table's columns: a number's ramps and then its missing
    /// flag; a category's pool of rare levels, its other levels and then missing.
    pub fn coefs(&self) -> &[f64] {
        &self.solution.coefs
    }

    /// The intercept.
    pub fn intercept(&self) -> f64 {
        self.solution.intercept
    }

    /// Steps the solver took.
    pub fn n_iter(&self) -> usize {
        self.solution.n_iter
    }

    /// Whether the solver reached its tolerance within `max_iter` steps.
    pub fn converged(&self) -> bool {
        self.solution.converged
    }

    /// Log-odds before anything is known of a row: the mean over the training rows.
    pub fn base(&self) -> f64 {
        self.scorer.base
    }

    /// Log-odds of one row of `d` values in the order of [`Features::names`]: a number, or a category's code among
    /// the training levels; NaN is missing and −1 a level that training did not see. Allocates nothing.
    pub fn log_odds_of_row(&self, row: &[f64]) -> f64 {
        self.scorer.log_odds_of_row(row)
    }

    /// The same, with what each column adds written into `into` (`d` long).
    pub fn contributions_of_row(&self, row: &[f64], into: &mut [f64]) -> f64 {
        self.scorer.contributions_of_row(row, into)
    }
}

impl Classifier for LogisticClassifier {
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

#[cfg(test)]
mod tests;
