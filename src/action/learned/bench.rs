//! What all learners of an experiment share: columns in codes, as designs and in bins, made once.
//!
//! They are made of all rows, of the columns alone; outcomes are only seen fold by fold.

use super::data::{Data, mean, numbers, pick};
use crate::error::Result;
use crate::model::EncodedColumn;
use crate::model::gradient_trees::{Before, BoostParams, BoostTask, boost_on};
use crate::model::logistic::{Design, DesignMatrix, SolverSettings};
use crate::model::loss::Logistic;
use crate::tree::{Binning, Bins, ColumnView, Forest, GrowParams, Rows};

/// Chances of getting an action need no more digits of a coefficient.
pub(super) const FOLD_SOLVER: SolverSettings<'_> = SolverSettings::new(200, 1e-3);
/// Pieces of the line that a number may bend in.
const KNOTS: usize = 6;
/// Most coefficients with lines that bend; above it they are straight.
const MOST_BENT: usize = 200;
/// Trees that a half grows.
const N_TREES: usize = 20;
/// Finer cuts than these tell effects nothing.
const MAX_BINS: usize = 64;

/// An experiment in the forms that learners read.
pub(super) struct Bench<'a> {
    pub data: &'a Data<'a>,
    pub columns: Vec<EncodedColumn<'a>>,
    /// The outcomes as 0 and 1.
    pub targets: Vec<f64>,
    /// The columns as linear models read them.
    pub form: Form,
    binning: Binning,
    /// In bins, with the actions behind.
    bins: Bins,
}

/// Columns as a design for linear models.
pub(super) struct Form {
    pub design: Design,
    pub matrix: DesignMatrix,
}

impl<'a> Bench<'a> {
    pub fn new(data: &'a Data<'a>) -> Result<Self> {
        let columns = data.reading.encode(data.table)?;
        let n_rows = data.n_rows();
        let given = |action: usize| numbers(data.arm.iter().map(|&arm| arm == action));
        let actions: Vec<Vec<f64>> = (1..data.n_arms).map(given).collect();
        let (binning, bins) = in_bins(&joined(&columns, &actions));
        Ok(Bench {
            targets: numbers(data.y.iter().copied()),
            form: Form::of(&data.reading.names(), &columns, n_rows)?,
            bins,
            binning,
            data,
            columns,
        })
    }

    /// Few small trees with large leaves, for the log-odds of the outcome.
    pub fn trees(&self, rows: &[u32], random_state: u64) -> Result<Forest> {
        let task = BoostTask { y: &self.targets, weights: None, train: Rows::Listed(rows), valid: &[] };
        let grow = GrowParams {
            max_leaf_nodes: 7,
            min_samples_leaf: 100,
            l2_regularization: 10.0,
            ..GrowParams::default()
        };
        let params = BoostParams {
            n_estimators: N_TREES,
            learning_rate: 0.2,
            max_features: 0.8,
            subsample: 1.0,
            n_iter_no_change: None,
            random_state,
            n_threads: 1,
            grow,
        };
        // From the log-odds of the rate, which no Newton steps have to find.
        let rate = mean(&pick(&self.targets, rows));
        let none = Forest::new((rate / (1.0 - rate)).ln(), self.binning.n_columns(), Vec::new());
        let raw = vec![none.base(); self.targets.len()];
        let before = Before { forest: &none, raw, valid_losses: Vec::new() };
        let go_on = |_| std::ops::ControlFlow::Continue(());
        let boosted = boost_on(&Logistic, &self.binning, &self.bins, &task, &params, before, &go_on)?;
        Ok(boosted.into_forest(self.binning.n_columns()))
    }
}

impl Form {
    /// Numbers as lines that bend; straight ones where that would be too many coefficients.
    fn of(names: &[String], columns: &[EncodedColumn<'_>], n_rows: usize) -> Result<Self> {
        let with = |knots: usize| -> Result<Self> {
            let design = Design::fit(names, columns, None, knots)?;
            let matrix = design.matrix(columns, n_rows);
            Ok(Form { design, matrix })
        };
        let bent = with(KNOTS)?;
        if bent.matrix.n_coefs() <= MOST_BENT { Ok(bent) } else { with(0) }
    }
}

fn in_bins(columns: &[EncodedColumn<'_>]) -> (Binning, Bins) {
    let views: Vec<ColumnView<'_>> = columns.iter().map(EncodedColumn::view).collect();
    let binning = Binning::fit(&views, MAX_BINS);
    let bins = binning.bin(&views);
    (binning, bins)
}

/// The columns with those of numbers behind them, all borrowed.
pub(super) fn joined<'a>(columns: &'a [EncodedColumn<'_>], more: &'a [Vec<f64>]) -> Vec<EncodedColumn<'a>> {
    let borrowed = |column: &'a EncodedColumn<'_>| match column {
        EncodedColumn::Number(numbers) => EncodedColumn::Number(numbers.clone()),
        EncodedColumn::Category { codes, n_levels } => {
            EncodedColumn::Category { codes: codes[..].into(), n_levels: *n_levels }
        }
    };
    let more = more.iter().map(|numbers| EncodedColumn::Number(numbers[..].into()));
    columns.iter().map(borrowed).chain(more).collect()
}
