//! `Classifier`: a fitted model of any of the three kinds, as the estimators of `keepwell._estimators` hold it.

use keepwell::frame;
use keepwell::model::{
    BlendClassifier, BlendParams, GradientTreesClassifier, LogisticClassifier, LogisticParams, ModelFile,
};
use numpy::{PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::error::{Error, Result};
use crate::params::{Given, apply, monotonic};
use crate::regressor::{Trees, fit_trees};
use crate::table::Table;
use crate::training::train;

/// What pickle keeps: the function that restores, and its arguments.
type Reduced<'py> = (Bound<'py, PyAny>, (&'static str, Bound<'py, PyBytes>));

/// A fitted model and what kind it is.
#[pyclass(frozen, module = "keepwell._native")]
pub struct Classifier {
    model: Model,
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

/// What is learned from: the table, the label and perhaps the weight of each row.
struct Training {
    table: frame::Table,
    y: Vec<bool>,
    weights: Option<Vec<f64>>,
}

impl Training {
    fn new(
        table: &Table,
        y: PyReadonlyArray1<'_, bool>,
        weights: Option<PyReadonlyArray1<'_, f64>>,
    ) -> Result<Self> {
        let weights = weights.map(|weights| weights.as_array().to_vec());
        Ok(Training { table: table.read()?, y: y.as_array().to_vec(), weights })
    }

    fn weights(&self) -> Option<&[f64]> {
        self.weights.as_deref()
    }
}

#[pymethods]
impl Classifier {
    /// Fits gradient trees, watching validation rows and continuing from a model if there are any.
    #[staticmethod]
    fn fit_gradient_trees(
        py: Python<'_>,
        training: Trees<'_, bool>,
        params: &Bound<'_, PyDict>,
        model: Option<&Self>,
    ) -> Result<Self> {
        let model = model.and_then(|model| match &model.model {
            Model::GradientTrees(model) => Some(model),
            _ => None,
        });
        let fitted = fit_trees(py, &training, GradientTreesClassifier::params(), params, model)?;
        Ok(Classifier { model: Model::GradientTrees(fitted) })
    }

    /// Fits a logistic regression.
    #[staticmethod]
    fn fit_logistic(
        py: Python<'_>,
        table: &Table,
        y: PyReadonlyArray1<'_, bool>,
        weights: Option<PyReadonlyArray1<'_, f64>>,
        params: &Bound<'_, PyDict>,
    ) -> Result<Self> {
        let data = Training::new(table, y, weights)?;
        let params = apply(LogisticClassifier::params(), params, set_logistic)?;
        let model = py.detach(|| params.fit(&data.table, &data.y, data.weights()))?;
        Ok(Classifier { model: Model::Logistic(model) })
    }

    /// Fits a blend; with `groups`, one a row, a fold leaves out whole groups.
    #[staticmethod]
    #[pyo3(signature = (table, y, weights, groups, params))]
    fn fit_blend(
        py: Python<'_>,
        table: &Table,
        y: PyReadonlyArray1<'_, bool>,
        weights: Option<PyReadonlyArray1<'_, f64>>,
        groups: Option<Vec<String>>,
        params: &Bound<'_, PyDict>,
    ) -> Result<Self> {
        let data = Training::new(table, y, weights)?;
        let params = apply(BlendClassifier::params(), params, set_blend)?;
        let fit = |on_progress: keepwell::model::OnProgress<'_>| match &groups {
            Some(groups) => {
                let (y, weights) = (&data.y, data.weights());
                params.fit_groups_with_progress(&data.table, y, weights, groups, on_progress)
            }
            None => params.fit_with_progress(&data.table, &data.y, data.weights(), on_progress),
        };
        Ok(Classifier { model: Model::Blend(train(py, None, fit)?) })
    }

    /// Log-odds of the positive class, `n` long.
    fn log_odds<'py>(&self, py: Python<'py>, table: &Table) -> Result<Bound<'py, PyArray1<f64>>> {
        let table = table.read()?;
        let log_odds = py.detach(|| self.model.get().log_odds(&table))?;
        Ok(PyArray1::from_vec(py, log_odds))
    }

    /// Probability of the positive class, `n` long.
    fn predict_proba<'py>(&self, py: Python<'py>, table: &Table) -> Result<Bound<'py, PyArray1<f64>>> {
        let table = table.read()?;
        let probability = py.detach(|| self.model.get().predict_proba(&table))?;
        Ok(PyArray1::from_vec(py, probability))
    }

    /// Log-odds before anything is known of a row, and what each of the `d` columns adds, `n × d`.
    fn contributions<'py>(&self, py: Python<'py>, table: &Table) -> Result<(f64, Bound<'py, PyArray2<f64>>)> {
        let table = table.read()?;
        let told = py.detach(|| self.model.get().contributions(&table))?;
        let shape = [table.n_rows(), told.n_features];
        Ok((told.base, PyArray1::from_vec(py, told.values).reshape(shape)?))
    }

    /// Lower and upper end of the interval of each probability, `n × 2`, of a blend.
    fn intervals<'py>(
        &self,
        py: Python<'py>,
        table: &Table,
        level: f64,
    ) -> Result<Bound<'py, PyArray2<f64>>> {
        let Model::Blend(model) = &self.model else {
            return Err(Error::new("only a blend has intervals".to_owned()));
        };
        let table = table.read()?;
        let intervals = py.detach(|| model.probability_intervals(&table, level))?;
        let ends = intervals.iter().flat_map(|interval| [interval.lower, interval.upper]).collect();
        Ok(PyArray1::from_vec(py, ends).reshape([intervals.len(), 2])?)
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
        Ok(Classifier { model })
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
        Ok(Classifier { model })
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
