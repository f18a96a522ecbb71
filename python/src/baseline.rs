//! `Baseline`: linfa's models as the benchmark compares with them.

use keepwell::model::{Classifier, LinfaLogistic, LinfaTree};
use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;

use crate::error::{Error, Result};
use crate::table::Table;

/// A fitted baseline, "linfa logistic" or "linfa tree".
#[pyclass(frozen, module = "keepwell._native")]
pub struct Baseline {
    model: Box<dyn Classifier>,
}

#[pymethods]
impl Baseline {
    /// Fits with the defaults to rows and their labels.
    #[staticmethod]
    fn fit(py: Python<'_>, kind: &str, table: &Table, y: PyReadonlyArray1<'_, bool>) -> Result<Self> {
        let (table, y) = (table.read()?, y.as_array().to_vec());
        let model: Box<dyn Classifier> = match kind {
            "linfa logistic" => Box::new(py.detach(|| LinfaLogistic::params().fit(&table, &y, None))?),
            "linfa tree" => Box::new(py.detach(|| LinfaTree::params().fit(&table, &y, None))?),
            _ => return Err(Error::new(format!("there is no baseline `{kind}`"))),
        };
        Ok(Baseline { model })
    }

    /// Probability of the positive class, `n` long.
    fn predict_proba<'py>(&self, py: Python<'py>, table: &Table) -> Result<Bound<'py, PyArray1<f64>>> {
        let table = table.read()?;
        let probability = py.detach(|| self.model.predict_proba(&table))?;
        Ok(PyArray1::from_vec(py, probability))
    }
}
