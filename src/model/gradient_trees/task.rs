//! What gradient trees are fitted to, and what goes beside it.

use std::ops::ControlFlow;

use super::{GradientTrees, Label, Target};
use crate::frame::TableView;
use crate::model::{OnProgress, Progress};

/// A table of `n` rows with a target each, and what may go beside it: weights, rows to validate on, a model to
/// continue from, somebody to tell how far it is.
///
/// ```
/// use keepwell::frame::{Column, Table};
/// use keepwell::model::{GradientTreesClassifier, TreesTask};
///
/// let logins = (0..200).map(|row| f64::from(row % 20)).collect();
/// let table = Table::new(200, [("logins".to_string(), Column::Number(logins))])?;
/// let churned: Vec<bool> = (0..200).map(|row| row % 20 < 7).collect();
/// let params = GradientTreesClassifier::params();
/// let first = params.clone().n_estimators(20).fit(&table, &churned, None)?;
/// let more = params.n_estimators(50).fit_task(&TreesTask::new(&table, &churned).continue_from(&first))?;
/// assert_eq!(more.forest().trees()[..20], first.forest().trees()[..]);
/// # Ok::<(), keepwell::Error>(())
/// ```
#[derive(Clone)]
pub struct TreesTask<'a, T: Target = Label> {
    pub(super) table: TableView<'a>,
    pub(super) y: &'a [T::Y],
    pub(super) weights: Option<&'a [f64]>,
    pub(super) valid: Option<Valid<'a, T>>,
    pub(super) model: Option<&'a GradientTrees<T>>,
    pub(super) on_progress: OnProgress<'a>,
}

/// Rows that are not learned from but watched.
#[derive(Clone)]
pub(super) struct Valid<'a, T: Target> {
    pub(super) table: TableView<'a>,
    pub(super) y: &'a [T::Y],
    pub(super) weights: Option<&'a [f64]>,
}

impl<'a, T: Target> TreesTask<'a, T> {
    /// A table of `n` rows and `n` targets.
    pub fn new(table: impl Into<TableView<'a>>, y: &'a [T::Y]) -> Self {
        let on_progress = &|_: Progress| ControlFlow::Continue(());
        TreesTask { table: table.into(), y, weights: None, valid: None, model: None, on_progress }
    }

    /// `n` weights from 0 to 1e100, or none: 1 each, the default. A row of weight 0 is as good as not there, but for
    /// the bins, which know no weights.
    #[must_use]
    pub fn weights(mut self, weights: impl Into<Option<&'a [f64]>>) -> Self {
        self.weights = weights.into();
        self
    }

    /// Rows to validate on, with a target and, if there are any, a weight each. Early stopping watches them in place of
    /// training rows held back, so that all of those are learned from; without early stopping their loss is only
    /// noted, in [`valid_losses`](GradientTrees::valid_losses). Default: none.
    #[must_use]
    pub fn validation(
        mut self,
        table: impl Into<TableView<'a>>,
        y: &'a [T::Y],
        weights: Option<&'a [f64]>,
    ) -> Self {
        self.valid = Some(Valid { table: table.into(), y, weights });
        self
    }

    /// A model whose trees are the first of `n_estimators`: the new ones begin where it left off. On the same rows and
    /// by the same parameters that gives the model that one long fit gives, bit for bit, columns and rows sampled or
    /// not. Default: none.
    #[must_use]
    pub fn continue_from(mut self, model: impl Into<Option<&'a GradientTrees<T>>>) -> Self {
        self.model = model.into();
        self
    }

    /// Told how far it is after each tree; cancels the training by breaking. Default: nobody.
    #[must_use]
    pub fn on_progress(mut self, on_progress: OnProgress<'a>) -> Self {
        self.on_progress = on_progress;
        self
    }
}
