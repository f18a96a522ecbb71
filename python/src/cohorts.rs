//! `Cohorts`: found segments with a rule in words.

use keepwell::frame::Frame;
use keepwell::health;
use keepwell::model::ModelFile;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::arrays::{numbers, texts, whole};
use crate::error::Result;
use crate::schema::Schema;
use crate::table::Table;

/// Found cohorts: a table of them, and the tree that tells accounts apart.
#[pyclass(frozen, extends = Table, module = "keepwell._native")]
pub struct Cohorts {
    inner: health::Cohorts,
    schema: keepwell::schema::Schema,
}

#[pymethods]
impl Cohorts {
    /// Finds cohorts that differ in churn.
    #[staticmethod]
    fn find<'py>(
        py: Python<'py>,
        schema: &Schema,
        table: &Table,
        signals: Option<Vec<String>>,
        max_depth: usize,
        least_share: f64,
    ) -> Result<Bound<'py, Self>> {
        let past = Frame::from_arrow(table.batches(), schema.get())?;
        let params = health::Cohorts::params().max_depth(max_depth).least_share(least_share);
        let params = signals.into_iter().fold(params, health::CohortParams::signals);
        let inner = py.detach(|| params.find(&past))?;
        Cohorts { inner, schema: schema.get().clone() }.bound(py)
    }

    /// The cohort of each account, as its row in the table of cohorts.
    fn assign(&self, table: &Table) -> Result<Vec<usize>> {
        Ok(self.inner.assign(&Frame::from_arrow(table.batches(), &self.schema)?)?)
    }

    /// From the bytes of a pickle.
    #[staticmethod]
    fn from_bytes<'py>(py: Python<'py>, bytes: &[u8]) -> Result<Bound<'py, Self>> {
        let inner = health::Cohorts::from_bytes(bytes)?;
        let schema = inner.schema().clone();
        Cohorts { inner, schema }.bound(py)
    }

    /// For pickle: the bytes of the cohorts' file.
    fn __reduce__<'py>(&self, py: Python<'py>) -> Result<(Bound<'py, PyAny>, (Bound<'py, PyBytes>,))> {
        let from_bytes = py.get_type::<Self>().getattr("from_bytes")?;
        Ok((from_bytes, (PyBytes::new(py, &self.inner.to_bytes()),)))
    }

    fn __repr__(&self) -> String {
        let lines: Vec<String> = self.inner.cohorts().iter().map(ToString::to_string).collect();
        lines.join("\n")
    }
}

impl Cohorts {
    fn bound(self, py: Python<'_>) -> Result<Bound<'_, Self>> {
        let table = columns(&self.inner)?;
        Ok(Bound::new(py, PyClassInitializer::from(table).add_subclass(self))?)
    }
}

fn columns(found: &health::Cohorts) -> Result<Table> {
    let cohorts = found.cohorts();
    let count = |n: usize| i64::try_from(n).ok();
    let mut columns = vec![
        texts("rule", cohorts.iter().map(|cohort| Some(&cohort.rule))),
        whole("n_accounts", cohorts.iter().map(|cohort| count(cohort.n_accounts))),
        whole("n_churned", cohorts.iter().map(|cohort| count(cohort.n_churned))),
        numbers("churn_rate", cohorts.iter().map(|cohort| Some(cohort.churn_rate()))),
    ];
    if cohorts.iter().any(|cohort| cohort.value_cents.is_some()) {
        columns.push(whole("value_cents", cohorts.iter().map(|cohort| cohort.value_cents)));
    }
    Table::of(cohorts.len(), columns)
}
