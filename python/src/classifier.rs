//! `Classifier`: a fitted model of any of the three kinds, as the estimators of `keepwell._estimators` hold it.

use std::sync::OnceLock;

use keepwell::frame::TableView;
use keepwell::model::{
    BlendClassifier, BlendParams, BlendPart, Classifier as _, GradientTreesClassifier, InteractionValues,
    LogisticClassifier, LogisticParams, ModelFile, RowEncoder,
};
use numpy::{PyArray1, PyArray2, PyArray3, PyArrayMethods};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::columns::Columns;
use crate::error::{Error, Result};
use crate::params::{Given, apply, monotonic};
use crate::regressor::{Read, Rows, fit_trees};
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

/// Up to this many rows of a matrix are scored one by one: that costs less than to look at them as columns.
const FEW_ROWS: usize = 4;

impl Classifier {
    fn of(model: Model) -> Self {
        Classifier { model, encoder: OnceLock::new() }
    }

    fn view<'a>(&'a self, columns: &'a Columns<'_>) -> Result<TableView<'a>> {
        columns.view_to_score(self.model.get().features().names())
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
    /// Fits a model of that kind. Gradient trees may watch rows to validate on and continue from a model; with `groups`,
    /// one a row, a fold of the blend leaves out whole groups.
    #[staticmethod]
    #[pyo3(signature = (kind, learn, params, validate=None, model=None, groups=None))]
    fn fit(
        py: Python<'_>,
        kind: &str,
        learn: Rows<'_, bool>,
        params: &Bound<'_, PyDict>,
        validate: Option<Rows<'_, bool>>,
        model: Option<&Self>,
        groups: Option<Vec<String>>,
    ) -> Result<Self> {
        Ok(Classifier::of(match kind {
            GradientTreesClassifier::KIND => {
                let model = model.and_then(|model| match &model.model {
                    Model::GradientTrees(model) => Some(model),
                    _ => None,
                });
                let start = GradientTreesClassifier::params();
                Model::GradientTrees(fit_trees(py, &learn, validate.as_ref(), start, params, model)?)
            }
            LogisticClassifier::KIND => Model::Logistic(fit_logistic(py, &learn, params)?),
            BlendClassifier::KIND => Model::Blend(fit_blend(py, &learn, groups.as_deref(), params)?),
            _ => return Err(unknown_kind(kind)),
        }))
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

    /// Log-odds before anything is known of a row, and what every two of the `d` columns add together, `n × d × d`.
    fn interaction_values<'py>(
        &self,
        py: Python<'py>,
        columns: Columns<'_>,
    ) -> Result<(f64, Bound<'py, PyArray3<f64>>)> {
        let view = self.view(&columns)?;
        let told = py.detach(|| match &self.model {
            Model::GradientTrees(model) => model.interaction_values(&view),
            Model::Blend(model) => model.interaction_values(&view),
            Model::Logistic(model) => Ok(InteractionValues::of_additive(&model.contributions_of(&view)?)),
        })?;
        tell_pairs(py, view.n_rows(), told)
    }

    /// Gradient trees from the text of a LightGBM model.
    #[staticmethod]
    fn from_lightgbm(py: Python<'_>, text: &str) -> Result<Self> {
        let model = py.detach(|| GradientTreesClassifier::from_lightgbm(text))?;
        Ok(Classifier::of(Model::GradientTrees(model)))
    }

    /// Lower and upper end of the interval of each probability, `n × 2`, of a blend.
    fn intervals<'py>(
        &self,
        py: Python<'py>,
        columns: Columns<'_>,
        level: f64,
    ) -> Result<Bound<'py, PyArray2<f64>>> {
        let Model::Blend(model) = &self.model else {
            return Err(Error::new("only a blend has intervals".to_owned()));
        };
        let view = self.view(&columns)?;
        let intervals = py.detach(|| model.probability_intervals(&view, level))?;
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

    /// What whoever relies on a blend's scores should know of the rows it learned from.
    #[getter]
    fn warnings(&self) -> Option<Vec<String>> {
        let Model::Blend(model) = &self.model else { return None };
        Some(model.warnings().to_vec())
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

/// Base and matrices as Python has them.
pub fn tell_pairs(
    py: Python<'_>,
    n_rows: usize,
    told: InteractionValues,
) -> Result<(f64, Bound<'_, PyArray3<f64>>)> {
    let shape = [n_rows, told.n_features, told.n_features];
    Ok((told.base, PyArray1::from_vec(py, told.values).reshape(shape)?))
}

fn unknown_kind(kind: &str) -> Error {
    Error::new(format!("there is no kind of model `{kind}`"))
}

fn fit_logistic(
    py: Python<'_>,
    learn: &Rows<'_, bool>,
    params: &Bound<'_, PyDict>,
) -> Result<LogisticClassifier> {
    let data = Read::of(learn)?;
    let params = apply(LogisticClassifier::params(), params, set_logistic)?;
    train(py, None, |on_progress| params.fit_with_progress(&data.view, &data.y, data.weights(), on_progress))
}

fn fit_blend(
    py: Python<'_>,
    learn: &Rows<'_, bool>,
    groups: Option<&[String]>,
    params: &Bound<'_, PyDict>,
) -> Result<BlendClassifier> {
    let data = Read::of(learn)?;
    let params = apply(BlendClassifier::params(), params, set_blend)?;
    let (y, weights) = (&data.y, data.weights());
    train(py, None, |on_progress| match groups {
        Some(groups) => params.fit_groups_with_progress(&data.view, y, weights, groups, on_progress),
        None => params.fit_with_progress(&data.view, y, weights, on_progress),
    })
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
        "effort" => params.effort(given.effort()?),
        "leave_out" => {
            let names = given.read::<Vec<String>>("a list of names of parts")?;
            params.leave_out(names.iter().map(|name| Ok(name.parse()?)).collect::<Result<Vec<BlendPart>>>()?)
        }
        "monotonic" => params.monotonic(monotonic(given)?),
        "random_state" => params.random_state(given.whole()?),
        "n_jobs" => params.n_jobs(given.whole::<Option<usize>>()?),
        _ => return Ok(None),
    }))
}
