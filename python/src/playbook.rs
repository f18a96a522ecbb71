//! `Playbook`: what can be done, and the plan of it.

use std::collections::BTreeMap;

use keepwell::action::{self, Capacity};
use keepwell::schema::Money;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::error::{Error, Result};
use crate::plan::Plan;
use crate::schema::{Schema, Toml};
use crate::scored::Scored;

/// The actions there are, and how their money is reckoned.
#[pyclass(frozen, eq, module = "keepwell")]
#[derive(Clone, PartialEq)]
pub struct Playbook {
    inner: action::Playbook,
}

#[pymethods]
impl Playbook {
    /// Reads a playbook from TOML: a text, a path object, or a path that ends in `.toml`.
    #[staticmethod]
    fn from_toml(source: Toml) -> Result<Self> {
        let text = match source {
            Toml::Text(text) => text,
            Toml::File(path) => std::fs::read_to_string(&path).map_err(|source| {
                let path = path.display().to_string();
                keepwell::Error::from(keepwell::ErrorKind::Io { path, source })
            })?,
        };
        Ok(Playbook { inner: action::Playbook::from_toml(&text)? })
    }

    /// The playbook as TOML, which `from_toml` reads back the same.
    fn to_toml(&self) -> Result<String> {
        Ok(self.inner.to_toml()?)
    }

    /// A starter over the signals of `Schema.b2b_saas()`. Its effects are assumed: replace them.
    #[staticmethod]
    #[pyo3(signature = (*, currency="EUR"))]
    fn b2b_saas(currency: &str) -> Self {
        Playbook { inner: action::Playbook::b2b_saas().currency(currency) }
    }

    /// A starter for any schema with a value. Its effects are assumed: replace them.
    #[staticmethod]
    #[pyo3(signature = (*, currency="EUR"))]
    fn any_business(currency: &str) -> Self {
        Playbook { inner: action::Playbook::any_business().currency(currency) }
    }

    /// Raises the first fault of the playbook for accounts of that schema.
    fn check(&self, schema: &Schema) -> Result<()> {
        Ok(self.inner.check(schema.get())?)
    }

    /// Recommends for every account its best action or none, by expected incremental money.
    ///
    /// `capacity` gives units of the playbook's pools, a pool that is not named has no limit; `budget` is in whole
    /// units of the playbook's currency.
    #[pyo3(signature = (scored, *, capacity=BTreeMap::new(), budget=None))]
    fn plan<'py>(
        &self,
        py: Python<'py>,
        scored: &Bound<'py, PyAny>,
        capacity: BTreeMap<String, f64>,
        budget: Option<f64>,
    ) -> Result<Bound<'py, Plan>> {
        let mut limits =
            capacity.into_iter().fold(Capacity::new(), |limits, (pool, units)| limits.pool(pool, units));
        if let Some(budget) = budget {
            limits = limits.budget(self.money(budget)?);
        }
        let scored = scored.cast::<Scored>().map_err(|_| not_scored(scored))?.get().get();
        let plan = py.detach(|| self.inner.plan(scored, &limits))?;
        Ok(Bound::new(py, Plan::new(plan)?)?)
    }

    /// What the playbook is called.
    #[getter]
    fn name(&self) -> &str {
        &self.inner.name
    }

    /// ISO 4217 code of all its money.
    #[getter]
    fn currency(&self) -> &str {
        &self.inner.currency
    }

    /// Names of the pools that its actions draw on, and their units in a sentence.
    #[getter]
    fn pools(&self) -> BTreeMap<String, String> {
        self.inner.pools.iter().map(|pool| (pool.name.clone(), pool.title())).collect()
    }

    /// The actions: name, title, cost in minor units and the effect's source, each as a dictionary.
    #[getter]
    fn actions<'py>(&self, py: Python<'py>) -> Result<Vec<Bound<'py, PyDict>>> {
        let action = |action: &action::Action| {
            let dict = PyDict::new(py);
            dict.set_item("name", &action.name)?;
            dict.set_item("title", &action.title)?;
            dict.set_item("cost_cents", (action.cost * 100.0).round() as i64)?;
            dict.set_item("source", action.effect.source.to_string())?;
            Ok(dict)
        };
        self.inner.actions.iter().map(action).collect()
    }

    fn __repr__(&self) -> String {
        let (name, actions) = (&self.inner.name, self.inner.actions.len());
        format!("keepwell.Playbook({name:?}, {actions} actions, {})", self.inner.currency)
    }

    /// For pickle: the TOML.
    fn __reduce__<'py>(&self, py: Python<'py>) -> Result<(Bound<'py, PyAny>, (String,))> {
        Ok((py.get_type::<Self>().getattr("from_toml")?, (self.to_toml()?,)))
    }
}

fn not_scored(found: &Bound<'_, PyAny>) -> PyErr {
    let found = found.get_type().name().map_or_else(|_| "something else".into(), |name| name.to_string());
    PyTypeError::new_err(format!("a plan is made of what HealthModel.score gives, found {found}"))
}

impl Playbook {
    fn money(&self, units: f64) -> Result<Money> {
        let cents = (units * 100.0).round();
        if !(cents.abs() < i64::MAX as f64) {
            return Err(Error::new(format!("`budget` is {units}, expected a finite number, 0 or more")));
        }
        Ok(Money::new(cents as i64, &self.inner.currency))
    }
}
