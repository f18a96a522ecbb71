//! `AssignmentLog`: what was really assigned, with what probability, and what came of it.

use keepwell::action::{self, Came, Event, Evidence, Matured, Measured, Reading};
use keepwell::metric::Estimate;
use numpy::{PyArray1, PyArray2, PyArrayMethods};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::error::{Error, Result};
use crate::table::Table;

/// The assignments of a plan: a table of `n` rows with the probability of each, and what its outcomes say.
#[pyclass(frozen, extends = Table, module = "keepwell")]
pub struct AssignmentLog {
    inner: action::AssignmentLog,
}

/// What came of an account.
#[derive(FromPyObject)]
pub enum Outcome {
    /// Whether it happened.
    Happened(bool),
    /// That, and its money in minor units.
    WithMoney(bool, Option<i64>),
}

impl Outcome {
    fn came(&self) -> Came {
        match *self {
            Outcome::Happened(happened) => Came { happened, money_cents: None },
            Outcome::WithMoney(happened, money_cents) => Came { happened, money_cents },
        }
    }
}

impl AssignmentLog {
    /// The table and, on top of it, the log.
    pub fn new(inner: action::AssignmentLog) -> Result<PyClassInitializer<Self>> {
        let table = Table::from(inner.to_arrow()?);
        Ok(PyClassInitializer::from(table).add_subclass(AssignmentLog { inner }))
    }

    /// The log itself.
    pub fn get(&self) -> &action::AssignmentLog {
        &self.inner
    }
}

#[pymethods]
impl AssignmentLog {
    /// From a table with the columns that a log has.
    #[staticmethod]
    fn from_table<'py>(py: Python<'py>, table: &Bound<'py, PyAny>) -> Result<Bound<'py, Self>> {
        let table = Table::from_any(table)?;
        let inner = action::AssignmentLog::from_arrow(table.get().batches())?;
        Ok(Bound::new(py, AssignmentLog::new(inner)?)?)
    }

    /// From CSV text.
    #[staticmethod]
    fn from_csv<'py>(py: Python<'py>, text: &str) -> Result<Bound<'py, Self>> {
        let inner = action::AssignmentLog::read_csv(text.as_bytes())?;
        Ok(Bound::new(py, AssignmentLog::new(inner)?)?)
    }

    /// The log as CSV text, which `from_csv` reads back the same.
    fn to_csv(&self) -> Result<String> {
        let mut file = Vec::new();
        self.inner.write_csv(&mut file)?;
        String::from_utf8(file).map_err(|error| Error::new(error.to_string()))
    }

    /// The log with what was really done: an action's name or None for nothing, by account.
    fn with_done<'py>(
        &self,
        py: Python<'py>,
        done: Vec<(String, Option<String>)>,
    ) -> Result<Bound<'py, Self>> {
        let done = done.iter().map(|(id, what)| (id.as_str(), what.as_deref()));
        let inner = self.inner.clone().with_done(done)?;
        Ok(Bound::new(py, AssignmentLog::new(inner)?)?)
    }

    /// Joins outcomes by account: None where it is not known yet, else whether it happened and its money.
    fn join(&self, outcomes: Vec<(String, Option<Outcome>)>) -> Result<Outcomes> {
        let outcomes =
            outcomes.iter().map(|(id, outcome)| (id.as_str(), outcome.as_ref().map(Outcome::came)));
        let matured = self.inner.join_came(outcomes)?;
        Ok(Outcomes { log: self.inner.clone(), matured })
    }

    /// Joins events (account, ISO date, money in minor units) that happened until a day; the horizon of an outcome that
    /// is known has passed by then.
    fn join_events(
        &self,
        events: Vec<(String, String, Option<i64>)>,
        horizon_days: u32,
        until: &str,
    ) -> Result<Outcomes> {
        let event = |(id, day, money_cents): (String, String, Option<i64>)| {
            Ok::<_, Error>(Event { id, day: date(&day)?, money_cents })
        };
        let events = events.into_iter().map(event).collect::<Result<Vec<Event>>>()?;
        let matured = self.inner.join_events(&events, horizon_days, date(until)?)?;
        Ok(Outcomes { log: self.inner.clone(), matured })
    }

    /// For pickle: the CSV.
    fn __reduce__<'py>(&self, py: Python<'py>) -> Result<(Bound<'py, PyAny>, (String,))> {
        Ok((py.get_type::<Self>().getattr("from_csv")?, (self.to_csv()?,)))
    }
}

/// A log with the outcomes that are known.
#[pyclass(frozen, module = "keepwell")]
pub struct Outcomes {
    log: action::AssignmentLog,
    matured: Matured,
}

#[pymethods]
impl Outcomes {
    /// Assignments whose outcome is known.
    #[getter]
    fn n_known(&self) -> usize {
        self.matured.assignments.len()
    }

    /// Assignments whose outcome is not known yet.
    #[getter]
    fn n_pending(&self) -> usize {
        self.matured.n_pending
    }

    /// The rows to learn the effects of actions from: those whose outcome is known and that were assigned nothing or one
    /// of these actions. Raises for an action that stands nowhere in the log.
    fn lessons(&self, actions: Vec<String>) -> Result<Lessons> {
        let names: Vec<&str> = actions.iter().map(String::as_str).collect();
        let inner = self.log.lessons(&self.matured, &names)?;
        Ok(Lessons { arms: std::iter::once("none".to_owned()).chain(actions).collect(), inner })
    }

    /// By how much an action, or all that were planned, changed the outcome, with its 95 % interval.
    #[pyo3(signature = (*, reading="intention_to_treat", measured="rate", action=None))]
    fn effect<'py>(
        &self,
        py: Python<'py>,
        reading: &str,
        measured: &str,
        action: Option<&str>,
    ) -> Result<Bound<'py, PyDict>> {
        let reading = match reading {
            "intention_to_treat" => Reading::IntentionToTreat,
            "per_protocol" => Reading::PerProtocol,
            "as_treated" => Reading::AsTreated,
            other => {
                let expected = "intention_to_treat, per_protocol or as_treated";
                return Err(Error::new(format!("`reading` is {other}, expected {expected}")));
            }
        };
        told(py, self.log.effect(&self.matured, reading, of(measured)?, action)?)
    }

    /// What came of the accounts that were assigned an action, and what of it would have come anyway.
    #[pyo3(signature = (*, measured="rate", action=None))]
    fn attribution<'py>(
        &self,
        py: Python<'py>,
        measured: &str,
        action: Option<&str>,
    ) -> Result<Bound<'py, PyDict>> {
        let found = self.log.attribution(&self.matured, of(measured)?, action)?;
        let dict = PyDict::new(py);
        dict.set_item("n_assigned", found.n_assigned)?;
        dict.set_item("came", found.came)?;
        dict.set_item("anyway", found.anyway)?;
        dict.set_item("due", told(py, found.due)?)?;
        Ok(dict)
    }
}

/// Rows of a log to learn effects from, as `EffectModel` takes them.
#[pyclass(frozen, module = "keepwell")]
pub struct Lessons {
    arms: Vec<String>,
    inner: action::Lessons,
}

#[pymethods]
impl Lessons {
    /// What doing nothing is called, then the actions.
    #[getter]
    fn arms(&self) -> Vec<String> {
        self.arms.clone()
    }

    /// Rows of the log.
    #[getter]
    fn rows<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<i64>> {
        PyArray1::from_iter(py, self.inner.assignments.iter().map(|&row| row as i64))
    }

    /// Whether the outcome came.
    #[getter]
    fn y<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<bool>> {
        PyArray1::from_slice(py, &self.inner.outcomes)
    }

    /// What each was assigned: its place among `arms`.
    #[getter]
    fn arm<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<i64>> {
        PyArray1::from_iter(py, self.inner.arm.iter().map(|&arm| arm as i64))
    }

    /// The logged probabilities of the arms, rows × arms.
    #[getter]
    fn chances<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyArray2<f64>>> {
        let Evidence::Logged(chances) = &self.inner.evidence else {
            return Err(Error::new("the lessons of a log have its probabilities"));
        };
        Ok(PyArray1::from_slice(py, chances).reshape([self.inner.arm.len(), self.arms.len()])?)
    }

    fn __len__(&self) -> usize {
        self.inner.arm.len()
    }
}

fn of(measured: &str) -> Result<Measured> {
    match measured {
        "rate" => Ok(Measured::Rate),
        "money" => Ok(Measured::Money),
        other => Err(Error::new(format!("`measured` is {other}, expected rate or money"))),
    }
}

fn told(py: Python<'_>, estimate: Estimate) -> Result<Bound<'_, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("value", estimate.value)?;
    dict.set_item("low", estimate.low)?;
    dict.set_item("high", estimate.high)?;
    dict.set_item("standard_error", estimate.standard_error)?;
    Ok(dict)
}

/// A date from its ISO text.
pub fn date(text: &str) -> Result<jiff::civil::Date> {
    text.parse().map_err(|_| Error::new(format!("`{text}` is no date; expected one as 2026-11-21")))
}
