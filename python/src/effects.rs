//! `EffectModel`: effects of actions learned from what was done and what came of it, as `keepwell._effects` holds it.

use keepwell::action::{self, Evidence, LearnedEffects};
use keepwell::health::Scored;
use keepwell::model::ModelFile;
use numpy::{PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::arrays::{Named, numbers, texts};
use crate::error::{Error, Result};
use crate::table::Table;

/// How it came who got what.
#[derive(FromPyObject)]
pub enum How<'py> {
    /// "randomised" or "observational".
    Named(String),
    /// `n × n_arms` logged probabilities.
    Logged(PyReadonlyArray2<'py, f64>),
}

impl How<'_> {
    fn evidence(&self) -> Result<Evidence> {
        match self {
            How::Named(name) if name == "randomised" => Ok(Evidence::Randomised),
            How::Named(name) if name == "observational" => Ok(Evidence::Observational),
            How::Named(name) => Err(Error::new(format!(
                "`evidence` is {name:?}, expected 'randomised', 'observational' or an array of logged probabilities"
            ))),
            How::Logged(values) => Ok(Evidence::Logged(values.as_array().iter().copied().collect())),
        }
    }
}

/// Learned effects of actions on `n` accounts: a table, and what a playbook plans by.
#[pyclass(frozen, extends = Table, module = "keepwell")]
pub struct Effects {
    inner: action::LearnedEffects,
}

impl Effects {
    /// The table and, on top of it, the effects.
    fn new(inner: action::LearnedEffects) -> Result<PyClassInitializer<Self>> {
        let rows = 0..inner.n_rows();
        let mut columns: Vec<Named> = Vec::new();
        for (arm, name) in inner.arms().iter().enumerate().skip(1) {
            let intervals: Vec<(f64, f64)> = rows.clone().map(|row| inner.interval(row, arm)).collect();
            columns.push(numbers(name, rows.clone().map(|row| Some(inner.effect(row, arm)))));
            columns.push(numbers(&format!("{name}_low"), intervals.iter().map(|(low, _)| Some(*low))));
            columns.push(numbers(&format!("{name}_high"), intervals.iter().map(|(_, high)| Some(*high))));
        }
        let basis = inner.basis().to_string();
        columns.push(texts("basis", rows.clone().map(|_| Some(&basis))));
        let table = Table::of(rows.len(), columns)?;
        Ok(PyClassInitializer::from(table).add_subclass(Effects { inner }))
    }
}

#[pymethods]
impl Effects {
    /// Names of the arms, none first.
    #[getter]
    fn arms(&self) -> Vec<String> {
        self.inner.arms().to_vec()
    }

    /// "randomised" or "observational".
    #[getter]
    fn basis(&self) -> &'static str {
        basis(self.inner.basis())
    }
}

/// Learned effects for a plan.
pub enum Learned<'py> {
    /// Of the accounts that are planned for, row by row.
    Effects(Bound<'py, Effects>),
    /// A model, to be asked about those accounts.
    Model(Bound<'py, EffectModel>),
}

impl<'py> FromPyObject<'_, 'py> for Learned<'py> {
    type Error = PyErr;

    fn extract(given: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(effects) = given.cast::<Effects>() {
            return Ok(Learned::Effects(effects.to_owned()));
        }
        // Other models have one too, of their own kind.
        if given.hasattr("_fitted")?
            && let Ok(model) = given.getattr("_fitted")?.cast_into::<EffectModel>()
        {
            return Ok(Learned::Model(model));
        }
        let found = given.get_type().name()?;
        Err(PyTypeError::new_err(format!(
            "expected a fitted keepwell.EffectModel or what its `effects` gives, found {found}; learn one from the \
             lessons of a log of assignments, or leave it out to plan by the playbook's own effects"
        )))
    }
}

impl Learned<'_> {
    /// The effects on scored accounts.
    pub fn effects(&self, scored: &Scored) -> Result<LearnedEffects> {
        match self {
            Learned::Effects(effects) => Ok(effects.get().inner.clone()),
            Learned::Model(model) => Ok(model.get().inner.effects_on(scored)?),
        }
    }
}

/// Learned effects of several actions on one outcome.
#[pyclass(frozen, module = "keepwell._native")]
pub struct EffectModel {
    inner: action::EffectModel,
}

#[pymethods]
impl EffectModel {
    /// Fits to a table, an outcome and an arm a row; `priors` are arm, mean and standard deviation.
    #[staticmethod]
    #[pyo3(signature = (table, y, arm, arms, evidence, priors, n_folds, random_state))]
    #[allow(clippy::too_many_arguments)] // called by one function of the Python half
    fn fit(
        py: Python<'_>,
        table: &Table,
        y: PyReadonlyArray1<'_, bool>,
        arm: PyReadonlyArray1<'_, i64>,
        arms: Vec<String>,
        evidence: How<'_>,
        priors: Vec<(String, f64, f64)>,
        n_folds: usize,
        random_state: u64,
    ) -> Result<Self> {
        let table = table.read()?;
        let (y, arm) = (y.as_array().to_vec(), arm.as_array().to_vec());
        // An index that is none is told of by the fit.
        let arm: Vec<usize> = arm.into_iter().map(|arm| usize::try_from(arm).unwrap_or(usize::MAX)).collect();
        let start = action::EffectModel::params(arms, evidence.evidence()?);
        let params =
            priors.iter().fold(start, |params, (arm, mean, deviation)| params.prior(arm, *mean, *deviation));
        let params = params.n_folds(n_folds).random_state(random_state);
        Ok(EffectModel { inner: py.detach(|| params.fit(&table, &y, &arm))? })
    }

    /// Effect, low and high end of each action, and what they rest on.
    fn effects<'py>(&self, py: Python<'py>, table: &Table) -> Result<Bound<'py, Effects>> {
        let table = table.read()?;
        let effects = py.detach(|| self.inner.effects(&table))?;
        Ok(Bound::new(py, Effects::new(effects)?)?)
    }

    /// The arm of each row that is worth most, at most `most` of them other than none.
    fn best<'py>(
        &self,
        py: Python<'py>,
        table: &Table,
        worth: f64,
        costs: Vec<f64>,
        most: Option<usize>,
    ) -> Result<Bound<'py, PyArray1<i64>>> {
        let (given, needed) = (costs.len(), self.inner.arms().len());
        if given != needed {
            return Err(Error::new(format!(
                "`costs` has {given} numbers, expected {needed}: one an arm, none included"
            )));
        }
        let table = table.read()?;
        let effects = py.detach(|| self.inner.effects(&table))?;
        let best = effects.best_within(worth, &costs, most.unwrap_or(usize::MAX));
        Ok(PyArray1::from_iter(py, best.into_iter().map(|arm| arm as i64)))
    }

    /// Expected outcomes, `n × n_arms`.
    fn expected<'py>(&self, py: Python<'py>, table: &Table) -> Result<Bound<'py, PyArray2<f64>>> {
        let table = table.read()?;
        let expected = py.detach(|| self.inner.expected(&table))?;
        let (n_rows, n_arms) = (table.n_rows(), self.inner.arms().len());
        Ok(PyArray1::from_vec(py, expected).reshape([n_rows, n_arms])?)
    }

    /// What was found of each action.
    #[getter]
    fn reports<'py>(&self, py: Python<'py>) -> Result<Vec<Bound<'py, PyDict>>> {
        self.inner.reports().iter().map(|report| Ok(told(py, report)?)).collect()
    }

    /// "randomised" or "observational".
    #[getter]
    fn basis(&self) -> &'static str {
        basis(self.inner.basis())
    }

    #[getter]
    fn arms(&self) -> Vec<String> {
        self.inner.arms().to_vec()
    }

    #[getter]
    fn feature_names(&self) -> Vec<String> {
        self.inner.features().names().to_vec()
    }

    fn save(&self, path: &str) -> Result<()> {
        Ok(self.inner.save(path)?)
    }

    #[staticmethod]
    fn load(path: &str) -> Result<Self> {
        Ok(EffectModel { inner: action::EffectModel::load(path)? })
    }

    #[staticmethod]
    fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Ok(EffectModel { inner: action::EffectModel::from_bytes(bytes)? })
    }

    /// For pickle: the model file.
    fn __reduce__<'py>(&self, py: Python<'py>) -> Result<(Bound<'py, PyAny>, (Bound<'py, PyBytes>,))> {
        let bytes = PyBytes::new(py, &self.inner.to_bytes());
        Ok((py.get_type::<Self>().getattr("from_bytes")?, (bytes,)))
    }
}

fn basis(basis: action::Basis) -> &'static str {
    match basis {
        action::Basis::Randomised => "randomised",
        action::Basis::Observational => "observational",
    }
}

fn told<'py>(py: Python<'py>, report: &action::ArmReport) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("arm", &report.arm)?;
    dict.set_item("n_treated", report.n_treated)?;
    dict.set_item("n_untreated", report.n_untreated)?;
    dict.set_item("basis", basis(report.basis))?;
    dict.set_item("average", report.average.value)?;
    dict.set_item("standard_error", report.average.standard_error)?;
    dict.set_item("heterogeneity", report.heterogeneity())?;
    let overlap = report.overlap;
    dict.set_item("lowest_chance", overlap.lowest)?;
    dict.set_item("highest_chance", overlap.highest)?;
    dict.set_item("share_without_overlap", overlap.share_far)?;
    let weights: Vec<(&str, f64)> = report.candidates.iter().map(|c| (c.name.as_str(), c.weight)).collect();
    dict.set_item("candidates", weights)?;
    dict.set_item("sentence", report.to_string())?;
    Ok(dict)
}
