//! Fitting gradient trees to a table: check what came in, bin it, boost, put the model together.

use super::boost::SplitMix64;
use super::{BoostParams, BoostTask, GradientTreesClassifier, ValidGradientTreesParams, boost};
use crate::error::{Error, ErrorKind, Result};
use crate::frame::{Column, Table};
use crate::model::loss::Logistic;
use crate::model::{EncodedColumn, Features, OnProgress};
use crate::tree::{Binning, Bins, ColumnView, GrowParams};

impl ValidGradientTreesParams {
    pub(super) fn fit_table(
        &self,
        table: &Table,
        y: &[bool],
        weights: Option<&[f64]>,
        on_progress: OnProgress,
    ) -> Result<GradientTreesClassifier> {
        check_training(table, y, weights)?;
        let monotonic = self.directions(table)?;
        let features = Features::of(table);
        let encoded = features.encode(table)?;
        let views: Vec<ColumnView> = encoded.iter().map(EncodedColumn::view).collect();
        self.with_threads(|n_threads| {
            let params = self.boost_params(monotonic, n_threads);
            self.fit_views(features, &views, y, weights, &params, on_progress)
        })
    }

    fn fit_views(
        &self,
        features: Features,
        views: &[ColumnView],
        y: &[bool],
        weights: Option<&[f64]>,
        params: &BoostParams,
        on_progress: OnProgress,
    ) -> Result<GradientTreesClassifier> {
        let binning = Binning::fit(views, self.max_bins);
        let bins: Bins = binning.bin(views);
        let (train, valid) = self.hold_back(y);
        let y: Vec<f64> = y.iter().map(|&y| f64::from(u8::from(y))).collect();
        let task = BoostTask { y: &y, weights, offset: None, train: &train, valid: &valid };
        let boosted = boost(&Logistic, &binning, &bins, &task, params, on_progress)?;
        let valid_losses = boosted.valid_losses.clone();
        Ok(GradientTreesClassifier { features, forest: boosted.into_forest(views.len()), valid_losses })
    }

    /// These parameters as boosting takes them; `monotonic` is a direction a column.
    pub(crate) fn boost_params(&self, monotonic: Vec<i8>, n_threads: usize) -> BoostParams {
        BoostParams {
            n_estimators: self.n_estimators,
            learning_rate: self.learning_rate,
            max_features: self.max_features,
            n_iter_no_change: self.early_stopping.then_some(self.n_iter_no_change),
            random_state: self.random_state,
            n_threads,
            grow: GrowParams {
                max_leaf_nodes: self.max_leaf_nodes,
                max_depth: self.max_depth,
                min_samples_leaf: self.min_samples_leaf,
                l2_regularization: self.l2_regularization,
                monotonic,
                ..GrowParams::default()
            },
        }
    }

    /// Runs with `n_jobs` threads: this one, a pool of that size, or rayon's current pool.
    fn with_threads<T: Send>(&self, run: impl FnOnce(usize) -> Result<T> + Send) -> Result<T> {
        match self.n_jobs {
            Some(1) => run(1),
            Some(n_jobs) if n_jobs != rayon::current_num_threads() => {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(n_jobs).build();
                pool.map_err(|error| no_threads(n_jobs, &error))?.install(|| run(n_jobs))
            }
            _ => run(rayon::current_num_threads()),
        }
    }

    /// A direction a column, in the table's order.
    fn directions(&self, table: &Table) -> Result<Vec<i8>> {
        for (name, direction) in &self.monotonic {
            check_direction(table, name, *direction)?;
        }
        Ok(table.names().iter().map(|name| self.monotonic.get(name).copied().unwrap_or(0)).collect())
    }

    /// Training rows and rows held back for early stopping, ascending, the same share of both classes.
    fn hold_back(&self, y: &[bool]) -> (Vec<u32>, Vec<u32>) {
        let mut held = vec![false; y.len()];
        if self.early_stopping {
            let mut random = SplitMix64(self.random_state);
            for class in [false, true] {
                let mut rows: Vec<usize> = (0..y.len()).filter(|&row| y[row] == class).collect();
                let n_held =
                    ((rows.len() as f64 * self.validation_fraction).round() as usize).min(rows.len() - 1);
                random.shuffle_front(&mut rows, n_held);
                rows[..n_held].iter().for_each(|&row| held[row] = true);
            }
        }
        (0..y.len() as u32).partition(|&row| !held[row as usize])
    }
}

fn no_threads(n_jobs: usize, error: &dyn std::error::Error) -> Error {
    let expected = "a number of threads that the system can start";
    ErrorKind::Parameter { name: "n_jobs", value: format!("{n_jobs} ({error})"), expected }.into()
}

fn check_direction(table: &Table, name: &str, direction: i8) -> Result<()> {
    let missing = || ErrorKind::MissingColumn {
        column: name.to_owned(),
        role: "named in `monotonic`".into(),
        found: table.names().join(", "),
    };
    match table.column(name).ok_or_else(missing)? {
        Column::Category(_) if direction != 0 => Err(ErrorKind::ColumnType {
            column: name.to_owned(),
            found: "text".into(),
            expected: "numbers, since `monotonic` names it; a category has no direction".into(),
        }
        .into()),
        _ => Ok(()),
    }
}

/// Whether labels, weights and values can be learned from.
fn check_training(table: &Table, y: &[bool], weights: Option<&[f64]>) -> Result<()> {
    if table.n_rows() == 0 {
        let what = "the training table".into();
        return Err(ErrorKind::NoRows { what, hint: "give rows of both classes to learn from" }.into());
    }
    check_length("number of labels", y.len(), table.n_rows())?;
    if let Some(weights) = weights {
        check_length("number of weights", weights.len(), table.n_rows())?;
        check_weights(weights)?;
    }
    check_classes(y, weights)?;
    table.names().iter().zip(table.columns()).try_for_each(|(name, column)| check_finite(name, column))
}

fn check_length(what: &str, found: usize, expected: usize) -> Result<()> {
    if found == expected {
        Ok(())
    } else {
        Err(ErrorKind::Shape { what: what.into(), found, expected }.into())
    }
}

fn check_weights(weights: &[f64]) -> Result<()> {
    let wrong = |weight: &f64| !(weight.is_finite() && *weight >= 0.0);
    match weights.iter().position(wrong) {
        Some(at) => Err(ErrorKind::Number {
            what: "weights".into(),
            row: at + 1,
            value: weights[at],
            expected: "a finite number, 0 or more",
        }
        .into()),
        None => Ok(()),
    }
}

fn check_classes(y: &[bool], weights: Option<&[f64]>) -> Result<()> {
    let counts = |row: usize| weights.is_none_or(|weights| weights[row] > 0.0);
    let has = |class: bool| (0..y.len()).any(|row| y[row] == class && counts(row));
    let class = match (has(false), has(true)) {
        (true, true) => return Ok(()),
        (true, false) => "false",
        (false, true) => "true",
        (false, false) => {
            let what = "the training table, weights of 0 aside,".into();
            return Err(ErrorKind::NoRows { what, hint: "give some rows a weight above 0" }.into());
        }
    };
    Err(ErrorKind::OneClass { label: "y".into(), class, n_rows: y.len() }.into())
}

fn check_finite(name: &str, column: &Column) -> Result<()> {
    let Column::Number(values) = column else { return Ok(()) };
    match values.iter().position(|value| value.is_infinite()) {
        Some(at) => Err(ErrorKind::Value {
            column: name.to_owned(),
            row: at + 1,
            value: values[at].to_string(),
            expected: "a finite number, or none (NaN) where it is missing".into(),
        }
        .into()),
        None => Ok(()),
    }
}
