//! `Playbook`: what can be done, and the plan of it.

use std::collections::BTreeMap;

use keepwell::action::{self, Capacity, History, LearnedOn, Planning};
use keepwell::frame::Column;
use keepwell::model::ProbabilityInterval;
use keepwell::schema::Money;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyCFunction, PyDict, PyTuple};

use crate::assignment::{AssignmentLog, date};
use crate::effects::Learned;
use crate::error::{Error, Result};
use crate::plan::Plan;
use crate::schema::{Schema, Toml};
use crate::scored::Scored;
use crate::table::Table;

/// What was done before a plan.
#[derive(FromPyObject)]
pub enum Before<'py> {
    /// The log of an earlier plan.
    Log(Bound<'py, AssignmentLog>),
    /// Account, action and ISO date of each.
    List(Vec<(String, String, String)>),
}

impl Before<'_> {
    fn read(self) -> Result<History> {
        match self {
            Before::Log(log) => Ok(History::new().with_log(log.get().get())),
            Before::List(all) => all.into_iter().try_fold(History::new(), |history, (id, action, day)| {
                Ok(history.done(id, action, date(&day)?))
            }),
        }
    }
}

/// The ends of intervals from the columns `lower` and `upper`.
fn ends(table: &Table) -> Result<Vec<ProbabilityInterval>> {
    let table = table.read()?;
    let column = |name: &str| match table.column(name) {
        Some(Column::Number(values)) => Ok(values.clone()),
        _ => Err(Error::new(format!(
            "intervals have no column `{name}`; give what HealthModel.intervals gives"
        ))),
    };
    let both = column("lower")?.into_iter().zip(column("upper")?);
    Ok(both.map(|(lower, upper)| ProbabilityInterval { lower, upper }).collect())
}

/// The actions there are, and how their money is reckoned.
#[pyclass(frozen, eq, module = "keepwell")]
#[derive(Clone, PartialEq)]
pub struct Playbook {
    inner: action::Playbook,
}

#[pymethods]
impl Playbook {
    /// Reads a playbook from TOML: a text, a path object, or a path that ends in `.toml`; with a schema, its
    /// eligibilities are checked against that.
    #[staticmethod]
    #[pyo3(signature = (source, schema=None))]
    fn from_toml(source: Toml, schema: Option<&Schema>) -> Result<Self> {
        let text = match source {
            Toml::Text(text) => text,
            Toml::File(path) => std::fs::read_to_string(&path).map_err(|source| {
                let path = path.display().to_string();
                keepwell::Error::from(keepwell::ErrorKind::Io { path, source })
            })?,
        };
        let inner = match schema {
            Some(schema) => action::Playbook::from_toml_for(&text, schema.get())?,
            None => action::Playbook::from_toml(&text)?,
        };
        Ok(Playbook { inner })
    }

    /// A playbook from a dictionary of what stands in the TOML: `{"name": ..., "pool": [{...}], "action": [{...}]}`; with
    /// a schema, its eligibilities are checked against that.
    #[staticmethod]
    #[pyo3(signature = (fields, schema=None))]
    fn from_dict(fields: &Bound<'_, PyDict>, schema: Option<&Schema>) -> Result<Self> {
        let json = fields.py().import("json")?;
        let options = PyDict::new(fields.py());
        options.set_item("default", PyCFunction::new_closure(fields.py(), None, None, plain)?)?;
        let text: String = json.call_method("dumps", (fields,), Some(&options))?.extract()?;
        let inner = action::Playbook::from_json(&text)?;
        schema.map_or(Ok(()), |schema| inner.check(schema.get()))?;
        Ok(Playbook { inner })
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
    /// units of the playbook's currency; `day` is the ISO date of the plan, `history` what was done before: an
    /// `AssignmentLog`, or account, action and ISO date of each; the intervals are those of `HealthModel.intervals` at a
    /// level of 0.9. `churn_effects` and `expansion_effects` are learned effects in place of the playbook's own, account
    /// by account: an `EffectModel` on that outcome, or what its `effects` gives of these accounts. A model is asked about
    /// the signals of the scored table as they stood there, by their names, so it must have been fitted to such; one
    /// fitted to other columns (scaled, joined, made anew) is to be asked for its `effects` of those.
    #[pyo3(signature = (
        scored, *, capacity=BTreeMap::new(), budget=None, day=None, history=None, churn_intervals=None,
        expansion_intervals=None, churn_effects=None, expansion_effects=None
    ))]
    #[expect(clippy::too_many_arguments, reason = "keywords in Python")]
    fn plan<'py>(
        &self,
        py: Python<'py>,
        scored: &Bound<'py, PyAny>,
        capacity: BTreeMap<String, f64>,
        budget: Option<f64>,
        day: Option<&str>,
        history: Option<Before<'py>>,
        churn_intervals: Option<&Bound<'py, Table>>,
        expansion_intervals: Option<&Bound<'py, Table>>,
        churn_effects: Option<Learned<'py>>,
        expansion_effects: Option<Learned<'py>>,
    ) -> Result<Bound<'py, Plan>> {
        let mut limits =
            capacity.into_iter().fold(Capacity::new(), |limits, (pool, units)| limits.pool(pool, units));
        if let Some(budget) = budget {
            limits = limits.budget(self.money(budget)?);
        }
        let history = history.map(Before::read).transpose()?;
        let churn = churn_intervals.map(|table| ends(table.get())).transpose()?;
        let expansion = expansion_intervals.map(|table| ends(table.get())).transpose()?;
        let day = day.map(date).transpose()?;
        let scored = scored.cast::<Scored>().map_err(|_| not_scored(scored))?.get().get();
        let mut learned = Vec::new();
        for (on, given) in [(LearnedOn::Churn, churn_effects), (LearnedOn::Expansion, expansion_effects)] {
            if let Some(given) = given {
                learned.push((on, given.effects(scored)?));
            }
        }
        let plan = py.detach(|| {
            let mut planning = Planning::new();
            planning = day.iter().fold(planning, |planning, day| planning.day(*day));
            planning = history.iter().fold(planning, |planning, history| planning.history(history));
            planning = churn.iter().fold(planning, |planning, ends| planning.churn_intervals(ends));
            planning = expansion.iter().fold(planning, |planning, ends| planning.expansion_intervals(ends));
            planning =
                learned.iter().fold(planning, |planning, (on, effects)| planning.learned(*on, effects));
            self.inner.plan_with(scored, &limits, &planning)
        })?;
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

/// What JSON has no word for: numpy's numbers and arrays become Python's own, dates texts, as in the TOML.
fn plain(given: &Bound<'_, PyTuple>, _: Option<&Bound<'_, PyDict>>) -> PyResult<Py<PyAny>> {
    let value = given.get_item(0)?;
    let plain = match value.hasattr("tolist")? {
        true => value.call_method0("tolist")?,
        false => value.str()?.into_any(),
    };
    Ok(plain.unbind())
}

fn not_scored(found: &Bound<'_, PyAny>) -> PyErr {
    let found = found.get_type().name().map_or_else(|_| "something else".into(), |name| name.to_string());
    PyTypeError::new_err(format!("a plan is made of what HealthModel.score gives, found {found}"))
}

impl Playbook {
    fn money(&self, units: f64) -> Result<Money> {
        let cents = (units * 100.0).round();
        if cents.abs() < i64::MAX as f64 {
            return Ok(Money::new(cents as i64, &self.inner.currency));
        }
        Err(Error::new(format!("`budget` is {units}, expected a finite number, 0 or more")))
    }
}
