//! `Classifier`: a fitted model of any of the three kinds, as the estimators of `keepwell._estimators` hold it.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use keepwell::frame::TableView;
use keepwell::model::{
    BlendClassifier, BlendParams, GradientTreesClassifier, GradientTreesParams, LogisticClassifier,
    LogisticParams, ModelFile, OnProgress, RowEncoder,
};
use numpy::{PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::columns::Columns;
use crate::error::{Error, Result};
use crate::params::{Given, apply};
use crate::row;
use crate::training::train;

/// What pickle keeps: the function that restores, and its arguments.
type Reduced<'py> = (Bound<'py, PyAny>, (&'static str, Bound<'py, PyBytes>));

/// A fitted model and what kind it is.
#[pyclass(frozen, module = "keepwell._native")]
pub struct Classifier {
    model: Model,
    /// Made when the first single row comes.
    encoder: OnceLock<RowEncoder>,
}

enum Model {
    GradientTrees(GradientTreesClassifier),
    Logistic(LogisticClassifier),
    Blend(BlendClassifier),
}

impl Model {
    fn get(&self) -> &dyn keepwell::model::Classifier {
        match self {
            Model::GradientTrees(model) => model,
            Model::Logistic(model) => model,
            Model::Blend(model) => model,
        }
    }

    fn to_bytes(&self) -> Vec<u8> {
        match self {
            Model::GradientTrees(model) => model.to_bytes(),
            Model::Logistic(model) => model.to_bytes(),
            Model::Blend(model) => model.to_bytes(),
        }
    }

    fn save(&self, path: &str) -> keepwell::Result<()> {
        match self {
            Model::GradientTrees(model) => model.save(path),
            Model::Logistic(model) => model.save(path),
            Model::Blend(model) => model.save(path),
        }
    }
}

/// Parameters of any of the three kinds.
enum Params {
    GradientTrees(GradientTreesParams),
    Logistic(LogisticParams),
    Blend(BlendParams),
}

impl Params {
    fn read(kind: &str, given: &Bound<'_, PyDict>) -> Result<Self> {
        Ok(match kind {
            GradientTreesClassifier::KIND => {
                Params::GradientTrees(apply(GradientTreesClassifier::params(), given, set_gradient_trees)?)
            }
            LogisticClassifier::KIND => {
                Params::Logistic(apply(LogisticClassifier::params(), given, set_logistic)?)
            }
            BlendClassifier::KIND => Params::Blend(apply(BlendClassifier::params(), given, set_blend)?),
            _ => return Err(unknown_kind(kind)),
        })
    }

    fn fit(
        &self,
        table: &TableView<'_>,
        y: &[bool],
        weights: Option<&[f64]>,
        on_progress: OnProgress<'_>,
    ) -> keepwell::Result<Model> {
        Ok(match self {
            Params::GradientTrees(params) => {
                Model::GradientTrees(params.fit_with_progress(table, y, weights, on_progress)?)
            }
            Params::Logistic(params) => {
                Model::Logistic(params.fit_with_progress(table, y, weights, on_progress)?)
            }
            Params::Blend(params) => {
                Model::Blend(params.fit_with_progress(table, y, weights, on_progress)?)
            }
        })
    }
}

/// Up to this many rows of a matrix are scored one by one: that costs less than to look at them as columns.
const FEW_ROWS: usize = 4;

impl Classifier {
    fn of(model: Model) -> Self {
        Classifier { model, encoder: OnceLock::new() }
    }

    /// The columns, numbered as those of training, under the names of training. Those of a matrix have no infinite
    /// number.
    fn view<'a>(&'a self, columns: &'a Columns<'_>) -> Result<TableView<'a>> {
        let view = columns.view(self.model.get().features().names())?;
        if columns.matrix_shape().is_some() {
            view.check_finite()?;
        }
        Ok(view)
    }

    /// A score for each row, by `score_row` for each of a few rows of numbers, by `score` for all others.
    fn scored(
        &self,
        py: Python<'_>,
        columns: &Columns<'_>,
        score_row: impl Fn(&dyn keepwell::model::Classifier, &[f64]) -> f64,
        score: impl Fn(&dyn keepwell::model::Classifier, &TableView<'_>) -> keepwell::Result<Vec<f64>> + Sync,
    ) -> Result<Vec<f64>> {
        let model = self.model.get();
        if let Some((n_rows, d)) = columns.matrix_shape() {
            let fits = n_rows <= FEW_ROWS && d == model.features().names().len();
            if fits && model.features().are_numbers() {
                return self.scored_one_by_one(columns, n_rows, score_row);
            }
        }
        let view = self.view(columns)?;
        Ok(py.detach(|| score(model, &view))?)
    }

    fn scored_one_by_one(
        &self,
        columns: &Columns<'_>,
        n_rows: usize,
        score: impl Fn(&dyn keepwell::model::Classifier, &[f64]) -> f64,
    ) -> Result<Vec<f64>> {
        let (mut scores, mut row) = (Vec::with_capacity(n_rows), Vec::new());
        for at in 0..n_rows {
            columns.write_row(at, &mut row);
            if row.iter().any(|number| number.is_infinite()) {
                self.view(columns)?;
            }
            scores.push(score(self.model.get(), &row));
        }
        Ok(scores)
    }
}

#[pymethods]
impl Classifier {
    /// Fits a model of that kind to columns under these names.
    #[staticmethod]
    fn fit(
        py: Python<'_>,
        kind: &str,
        names: Vec<String>,
        columns: Columns<'_>,
        y: PyReadonlyArray1<'_, bool>,
        weights: Option<PyReadonlyArray1<'_, f64>>,
        params: &Bound<'_, PyDict>,
    ) -> Result<Self> {
        let params = Params::read(kind, params)?;
        let (view, y) = (columns.view(&names)?, y.as_array().to_vec());
        let weights = weights.map(|weights| weights.as_array().to_vec());
        let fit = |on_progress: OnProgress<'_>| params.fit(&view, &y, weights.as_deref(), on_progress);
        Ok(Classifier::of(train(py, None, fit)?))
    }

    /// Log-odds of the positive class, `n` long.
    fn log_odds<'py>(&self, py: Python<'py>, columns: Columns<'_>) -> Result<Bound<'py, PyArray1<f64>>> {
        let scores = self.scored(
            py,
            &columns,
            |model, row| model.log_odds_of_row(row),
            |model, view| model.log_odds_of(view),
        )?;
        Ok(PyArray1::from_vec(py, scores))
    }

    /// Probability of the negative and of the positive class, `n × 2`.
    fn predict_proba<'py>(&self, py: Python<'py>, columns: Columns<'_>) -> Result<Bound<'py, PyArray2<f64>>> {
        let scores = self.scored(
            py,
            &columns,
            |model, row| model.predict_proba_of_row(row),
            |model, view| model.predict_proba_of(view),
        )?;
        let shape = [scores.len(), 2];
        let both = scores.into_iter().flat_map(|positive| [1.0 - positive, positive]).collect();
        Ok(PyArray1::from_vec(py, both).reshape(shape)?)
    }

    /// Probability of the positive class for one row: a mapping of names to cells, an array, or another sequence.
    fn predict_proba_of_row(&self, row: &Bound<'_, PyAny>) -> Result<f64> {
        let model = self.model.get();
        let encoder = self.encoder.get_or_init(|| RowEncoder::new(model.features()));
        Ok(model.predict_proba_of_row(&row::read(encoder, row)?))
    }

    /// Log-odds before anything is known of a row, and what each of the `d` columns adds, `n × d`.
    fn contributions<'py>(
        &self,
        py: Python<'py>,
        columns: Columns<'_>,
    ) -> Result<(f64, Bound<'py, PyArray2<f64>>)> {
        let view = self.view(&columns)?;
        let told = py.detach(|| self.model.get().contributions_of(&view))?;
        let shape = [view.n_rows(), told.n_features];
        Ok((told.base, PyArray1::from_vec(py, told.values).reshape(shape)?))
    }

    /// Names of the columns it was fitted on.
    #[getter]
    fn feature_names(&self) -> Vec<String> {
        self.model.get().features().names().to_vec()
    }

    /// Trees that were grown; `None` for a logistic regression.
    #[getter]
    fn n_trees(&self) -> Option<usize> {
        match &self.model {
            Model::GradientTrees(model) => Some(model.forest().trees().len()),
            Model::Logistic(_) => None,
            Model::Blend(model) => Some(model.n_trees()),
        }
    }

    /// Mean log loss of gradient trees on the rows held back, before the first tree and after each.
    #[getter]
    fn valid_losses(&self) -> Option<Vec<f64>> {
        match &self.model {
            Model::GradientTrees(model) => Some(model.valid_losses().to_vec()),
            _ => None,
        }
    }

    /// C, intercept, coefficients, steps of the solver and whether it converged, of a logistic regression.
    #[getter]
    fn logistic(&self) -> Option<(f64, f64, Vec<f64>, usize, bool)> {
        let Model::Logistic(model) = &self.model else { return None };
        Some((model.c(), model.intercept(), model.coefs().to_vec(), model.n_iter(), model.converged()))
    }

    /// Name, weight and mean log loss on unseen rows of the members of a blend.
    #[getter]
    fn members(&self) -> Option<Vec<(String, f64, f64)>> {
        let Model::Blend(model) = &self.model else { return None };
        let members = model.members().iter();
        Some(members.map(|member| (member.name.clone(), member.weight, member.log_loss)).collect())
    }

    /// "gradient trees", "logistic" or "blend", as the model file names it.
    #[getter]
    fn kind(&self) -> &'static str {
        match &self.model {
            Model::GradientTrees(_) => GradientTreesClassifier::KIND,
            Model::Logistic(_) => LogisticClassifier::KIND,
            Model::Blend(_) => BlendClassifier::KIND,
        }
    }

    /// Writes the model file.
    fn save(&self, path: &str) -> Result<()> {
        Ok(self.model.save(path)?)
    }

    /// Reads the model file of that kind.
    #[staticmethod]
    fn load(kind: &str, path: &str) -> Result<Self> {
        let model = match kind {
            GradientTreesClassifier::KIND => Model::GradientTrees(ModelFile::load(path)?),
            LogisticClassifier::KIND => Model::Logistic(ModelFile::load(path)?),
            BlendClassifier::KIND => Model::Blend(ModelFile::load(path)?),
            _ => return Err(unknown_kind(kind)),
        };
        Ok(Classifier::of(model))
    }

    /// From the bytes of a model file of that kind.
    #[staticmethod]
    fn from_bytes(kind: &str, bytes: &[u8]) -> Result<Self> {
        let model = match kind {
            GradientTreesClassifier::KIND => Model::GradientTrees(ModelFile::from_bytes(bytes)?),
            LogisticClassifier::KIND => Model::Logistic(ModelFile::from_bytes(bytes)?),
            BlendClassifier::KIND => Model::Blend(ModelFile::from_bytes(bytes)?),
            _ => return Err(unknown_kind(kind)),
        };
        Ok(Classifier::of(model))
    }

    /// For pickle: the bytes of the model file.
    fn __reduce__<'py>(&self, py: Python<'py>) -> Result<Reduced<'py>> {
        let from_bytes = py.get_type::<Self>().getattr("from_bytes")?;
        Ok((from_bytes, (self.kind(), PyBytes::new(py, &self.model.to_bytes()))))
    }
}

fn unknown_kind(kind: &str) -> Error {
    Error::new(format!("there is no kind of model `{kind}`"))
}

fn set_gradient_trees(
    params: GradientTreesParams,
    name: &str,
    given: &Given<'_>,
) -> Result<Option<GradientTreesParams>> {
    Ok(Some(match name {
        "n_estimators" => params.n_estimators(given.whole()?),
        "learning_rate" => params.learning_rate(given.number()?),
        "max_leaf_nodes" => params.max_leaf_nodes(given.whole()?),
        "max_depth" => params.max_depth(given.whole::<Option<usize>>()?),
        "min_samples_leaf" => params.min_samples_leaf(given.whole()?),
        "l2_regularization" => params.l2_regularization(given.number()?),
        "max_bins" => params.max_bins(given.whole()?),
        "max_features" => params.max_features(given.number()?),
        "monotonic" => params.monotonic(monotonic(given)?),
        "early_stopping" => params.early_stopping(given.flag()?),
        "validation_fraction" => params.validation_fraction(given.number()?),
        "n_iter_no_change" => params.n_iter_no_change(given.whole()?),
        "random_state" => params.random_state(given.whole()?),
        "n_jobs" => params.n_jobs(given.whole::<Option<usize>>()?),
        _ => return Ok(None),
    }))
}

fn set_logistic(params: LogisticParams, name: &str, given: &Given<'_>) -> Result<Option<LogisticParams>> {
    Ok(Some(match name {
        "C" => match given.read::<Option<f64>>("a number, or None to have it chosen")? {
            Some(c) => params.c(c),
            None => params,
        },
        "knots" => params.knots(given.whole()?),
        "max_iter" => params.max_iter(given.whole()?),
        "tol" => params.tol(given.number()?),
        "random_state" => params.random_state(given.whole()?),
        _ => return Ok(None),
    }))
}

fn set_blend(params: BlendParams, name: &str, given: &Given<'_>) -> Result<Option<BlendParams>> {
    Ok(Some(match name {
        "n_folds" => params.n_folds(given.whole()?),
        "monotonic" => params.monotonic(monotonic(given)?),
        "random_state" => params.random_state(given.whole()?),
        "n_jobs" => params.n_jobs(given.whole::<Option<usize>>()?),
        _ => return Ok(None),
    }))
}

fn monotonic(given: &Given<'_>) -> Result<BTreeMap<String, i8>> {
    given.read("a dictionary of column names to -1, 0 or 1")
}
