//! `Regressor`: fitted gradient trees for a number, and how trees of either kind are fitted.

use keepwell::frame::TableView;
use keepwell::model::gradient_trees::Target;
use keepwell::model::loss::RegressionLoss;
use keepwell::model::{GradientTrees, GradientTreesParams, GradientTreesRegressor, ModelFile, TreesTask};
use numpy::{Element, PyArray1, PyArray2, PyArray3, PyArrayMethods, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::classifier::tell_pairs;
use crate::columns::Columns;
use crate::error::{Error, Result};
use crate::params::{Given, apply, set_gradient_trees};
use crate::training::train;

/// Names, columns under them, a target a row, perhaps a weight a row.
pub type Rows<'py, Y> =
    (Vec<String>, Columns<'py>, PyReadonlyArray1<'py, Y>, Option<PyReadonlyArray1<'py, f64>>);

/// Rows as Rust reads them: the columns where they stand.
pub struct Read<'a, Y> {
    /// The columns.
    pub view: TableView<'a>,
    /// One target a row.
    pub y: Vec<Y>,
    weights: Option<Vec<f64>>,
}

impl<'a, Y: Element + Copy> Read<'a, Y> {
    /// Reads what Python gave.
    pub fn of((names, columns, y, weights): &'a Rows<'_, Y>) -> Result<Self> {
        let weights = weights.as_ref().map(|weights| weights.as_array().to_vec());
        Ok(Read { view: columns.view(names)?, y: y.as_array().to_vec(), weights })
    }

    /// One weight a row, if there are any.
    pub fn weights(&self) -> Option<&[f64]> {
        self.weights.as_deref()
    }
}

/// Fits gradient trees for a label or a number.
pub fn fit_trees<T: Target<Y: Element> + Send>(
    py: Python<'_>,
    learn: &Rows<'_, T::Y>,
    validate: Option<&Rows<'_, T::Y>>,
    params: GradientTreesParams<T>,
    given: &Bound<'_, PyDict>,
    model: Option<&GradientTrees<T>>,
) -> Result<GradientTrees<T>> {
    let (learn, validate) = (Read::of(learn)?, validate.map(Read::of).transpose()?);
    let params = apply(params, given, set_gradient_trees)?;
    train(py, None, |on_progress| {
        let task = TreesTask::new(&learn.view, &learn.y).weights(learn.weights());
        let task = task.continue_from(model).on_progress(on_progress);
        params.fit_task(&match &validate {
            Some(valid) => task.validation(&valid.view, &valid.y, valid.weights()),
            None => task,
        })
    })
}

/// Fitted gradient trees for a number.
#[pyclass(frozen, module = "keepwell._native")]
pub struct Regressor {
    model: GradientTreesRegressor,
}

#[pymethods]
impl Regressor {
    /// Fits gradient trees by the loss of that name, watching validation rows and continuing from a model if there are
    /// any.
    #[staticmethod]
    #[pyo3(signature = (learn, params, loss, quantile, validate=None, model=None))]
    fn fit(
        py: Python<'_>,
        learn: Rows<'_, f64>,
        params: &Bound<'_, PyDict>,
        loss: &Bound<'_, PyAny>,
        quantile: &Bound<'_, PyAny>,
        validate: Option<Rows<'_, f64>>,
        model: Option<&Self>,
    ) -> Result<Self> {
        let loss = read_loss(&Given::new("loss", loss), &Given::new("quantile", quantile))?;
        let start = GradientTreesRegressor::params().loss(loss);
        let model = model.map(|model| &model.model);
        let model = fit_trees(py, &learn, validate.as_ref(), start, params, model)?;
        Ok(Regressor { model })
    }

    /// The prediction for each row, `n` long.
    fn predict<'py>(&self, py: Python<'py>, columns: Columns<'_>) -> Result<Bound<'py, PyArray1<f64>>> {
        let view = columns.view_to_score(self.model.features().names())?;
        let predicted = py.detach(|| self.model.predict(&view))?;
        Ok(PyArray1::from_vec(py, predicted))
    }

    /// The raw score before anything is known of a row, and what each of the `d` columns adds, `n × d`.
    fn contributions<'py>(
        &self,
        py: Python<'py>,
        columns: Columns<'_>,
    ) -> Result<(f64, Bound<'py, PyArray2<f64>>)> {
        let view = columns.view_to_score(self.model.features().names())?;
        let told = py.detach(|| self.model.contributions(&view))?;
        let shape = [view.n_rows(), told.n_features];
        Ok((told.base, PyArray1::from_vec(py, told.values).reshape(shape)?))
    }

    /// The raw score before anything is known of a row, and what every two of the `d` columns add together, `n × d × d`.
    fn interaction_values<'py>(
        &self,
        py: Python<'py>,
        columns: Columns<'_>,
    ) -> Result<(f64, Bound<'py, PyArray3<f64>>)> {
        let view = columns.view_to_score(self.model.features().names())?;
        let told = py.detach(|| self.model.interaction_values(&view))?;
        tell_pairs(py, view.n_rows(), told)
    }

    /// From the text of a LightGBM model.
    #[staticmethod]
    fn from_lightgbm(py: Python<'_>, text: &str) -> Result<Self> {
        Ok(Regressor { model: py.detach(|| GradientTreesRegressor::from_lightgbm(text))? })
    }

    /// Names of the columns it was fitted on.
    #[getter]
    fn feature_names(&self) -> Vec<String> {
        self.model.features().names().to_vec()
    }

    /// Trees that were grown.
    #[getter]
    fn n_trees(&self) -> usize {
        self.model.forest().trees().len()
    }

    /// Mean loss on the rows watched, before the first tree and after each.
    #[getter]
    fn valid_losses(&self) -> Vec<f64> {
        self.model.valid_losses().to_vec()
    }

    /// Name of the loss, and the quantile if it is that of one.
    #[getter]
    fn loss(&self) -> (&'static str, Option<f64>) {
        match self.model.loss() {
            RegressionLoss::SquaredError => ("squared_error", None),
            RegressionLoss::Poisson => ("poisson", None),
            RegressionLoss::Quantile(quantile) => ("quantile", Some(quantile)),
        }
    }

    /// Writes the model file.
    fn save(&self, path: &str) -> Result<()> {
        Ok(self.model.save(path)?)
    }

    /// Reads the model file.
    #[staticmethod]
    fn load(path: &str) -> Result<Self> {
        Ok(Regressor { model: ModelFile::load(path)? })
    }

    /// From the bytes of a model file.
    #[staticmethod]
    fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Ok(Regressor { model: ModelFile::from_bytes(bytes)? })
    }

    /// For pickle: the bytes of the model file.
    fn __reduce__<'py>(&self, py: Python<'py>) -> Result<(Bound<'py, PyAny>, (Bound<'py, PyBytes>,))> {
        let from_bytes = py.get_type::<Self>().getattr("from_bytes")?;
        Ok((from_bytes, (PyBytes::new(py, &self.model.to_bytes()),)))
    }
}

fn read_loss(loss: &Given<'_>, quantile: &Given<'_>) -> Result<RegressionLoss> {
    let expected = "'squared_error', 'poisson' or 'quantile'";
    match loss.read::<String>(expected)?.as_str() {
        "squared_error" => Ok(RegressionLoss::SquaredError),
        "poisson" => Ok(RegressionLoss::Poisson),
        "quantile" => {
            Ok(RegressionLoss::Quantile(quantile.read("a number above 0 and below 1 for the quantile loss")?))
        }
        other => Err(Error::new(format!("`loss` is '{other}', expected {expected}"))),
    }
}
