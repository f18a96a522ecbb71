//! `Scored`: what a model says of each account, as a table.

use keepwell::health;
use keepwell::model::ModelFile;
use keepwell::schema::Dimension;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::arrays::{Named, dates, numbers, reasons, texts, whole};
use crate::error::Result;
use crate::table::Table;

/// Scores, health and reasons of `n` accounts: a table, and what a playbook plans on.
#[pyclass(frozen, extends = Table, module = "keepwell")]
pub struct Scored {
    inner: health::Scored,
}

impl Scored {
    /// The table and, on top of it, the scores.
    pub fn new(inner: health::Scored) -> Result<PyClassInitializer<Self>> {
        let table = Table::of(inner.frame.n_rows(), columns(&inner))?;
        Ok(PyClassInitializer::from(table).add_subclass(Scored { inner }))
    }

    /// The scores themselves.
    pub fn get(&self) -> &health::Scored {
        &self.inner
    }
}

#[pymethods]
impl Scored {
    /// Length of the horizon of the probabilities, in days.
    #[getter]
    fn horizon_days(&self) -> u32 {
        self.inner.horizon_days
    }

    /// What whoever relies on the scores should know of the accounts, a sentence each; mostly none.
    #[getter]
    fn notes(&self) -> Vec<String> {
        self.inner.notes.clone()
    }

    /// From the bytes of a pickle.
    #[staticmethod]
    fn from_bytes<'py>(py: Python<'py>, bytes: &[u8]) -> Result<Bound<'py, Self>> {
        let inner = py.detach(|| health::Scored::from_bytes(bytes))?;
        Ok(Bound::new(py, Scored::new(inner)?)?)
    }

    /// For pickle: accounts and scores as bytes.
    fn __reduce__<'py>(&self, py: Python<'py>) -> Result<(Bound<'py, PyAny>, (Bound<'py, PyBytes>,))> {
        let from_bytes = py.get_type::<Self>().getattr("from_bytes")?;
        Ok((from_bytes, (PyBytes::new(py, &self.inner.to_bytes()),)))
    }
}

fn columns(scored: &health::Scored) -> Vec<Named> {
    let mut columns = vec![texts("account_id", scored.frame.ids().iter().map(Some))];
    columns.extend(scored.frame.as_of().map(|as_of| dates("as_of", as_of)));
    columns.extend(scored.frame.value_cents().map(|cents| whole("value_cents", cents.iter().copied())));
    let probabilities = [
        ("churn_probability", &scored.churn_probability),
        ("expansion_probability", &scored.expansion_probability),
    ];
    for (name, probability) in probabilities {
        columns.extend(probability.as_ref().map(|values| numbers(name, values.iter().copied().map(Some))));
    }
    columns.push(numbers("health", scored.health.iter().copied().map(Some)));
    columns.push(texts("band", scored.band.iter().map(|band| Some(band.to_string()))));
    if scored.churn_probability.is_some() {
        let growth = scored.growth.as_ref();
        columns.extend(growth.map(|growth| numbers("growth", growth.iter().copied().map(Some))));
    }
    columns.extend(Dimension::ALL.into_iter().map(|dimension| sub_score(scored, dimension)));
    columns.push(texts("segment", scored.segment.iter().map(Some)));
    columns.push(numbers("coverage", scored.coverage.iter().copied().map(Some)));
    columns.push(reasons("reasons", &scored.reasons));
    if scored.churn_probability.is_some() && scored.expansion_probability.is_some() {
        columns.push(reasons("expansion_reasons", &scored.expansion_reasons));
    }
    columns
}

/// The sub-scores of a dimension; missing where the schema has no signal of it.
fn sub_score(scored: &health::Scored, dimension: Dimension) -> Named {
    let is_there = scored.frame.schema().signals.iter().any(|signal| signal.dimension == dimension);
    let at = dimension as usize;
    numbers(dimension.name(), scored.sub_scores.iter().map(|scores| is_there.then_some(scores[at])))
}
