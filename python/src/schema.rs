//! `Schema`: what the columns of a table mean, from TOML, from a table, or ready-made.

use std::collections::BTreeMap;
use std::path::PathBuf;

use keepwell::frame::InferOptions;
use keepwell::schema::{self, Signal, Value};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyType};

use crate::error::{Error, Result};
use crate::table::Table;

/// What the columns of a table mean: the signals, the account id, the labels and the value.
#[pyclass(frozen, eq, module = "keepwell")]
#[derive(Clone, PartialEq)]
pub struct Schema {
    inner: schema::Schema,
}

impl Schema {
    /// The schema itself.
    pub fn get(&self) -> &schema::Schema {
        &self.inner
    }
}

impl From<schema::Schema> for Schema {
    fn from(inner: schema::Schema) -> Self {
        Schema { inner }
    }
}

/// TOML as text, or where it stands.
pub enum Toml {
    /// The text itself.
    Text(String),
    /// A path object, or a text of one line that ends in `.toml`.
    File(PathBuf),
}

impl<'py> FromPyObject<'_, 'py> for Toml {
    type Error = PyErr;

    fn extract(source: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        match source.extract::<String>() {
            Ok(text) if text.contains('\n') || !text.ends_with(".toml") => Ok(Toml::Text(text)),
            _ => Ok(Toml::File(source.extract()?)),
        }
    }
}

#[pymethods]
impl Schema {
    /// Reads a schema from TOML: a text, a path object, or a path that ends in `.toml`.
    #[staticmethod]
    fn from_toml(source: Toml) -> Result<Self> {
        Ok(Schema::from(match source {
            Toml::Text(text) => schema::Schema::from_toml(&text)?,
            Toml::File(path) => schema::Schema::read(path)?,
        }))
    }

    /// The schema as TOML, which `from_toml` reads back the same.
    fn to_toml(&self) -> String {
        self.inner.to_toml()
    }

    /// A first schema of a table, to be looked at and edited.
    ///
    /// Columns are recognised as numbers, counts, shares, flags, categories or dates; ids, constant columns and free
    /// text are set aside, each with its reason. Labels and id are found by their names where none is given; the
    /// recurring value never is. A value column whose name ends in `_cents` holds minor units, any other whole ones.
    #[classmethod]
    #[pyo3(signature = (table, *, id=None, as_of=None, churn=None, expansion=None, value=None, currency="EUR", per_year=12.0, segments=vec![], set_aside=BTreeMap::new()))]
    #[expect(clippy::too_many_arguments, reason = "keywords in Python")]
    fn infer(
        _class: &Bound<'_, PyType>,
        table: &Bound<'_, PyAny>,
        id: Option<String>,
        as_of: Option<String>,
        churn: Option<String>,
        expansion: Option<String>,
        value: Option<String>,
        currency: &str,
        per_year: f64,
        segments: Vec<String>,
        set_aside: BTreeMap<String, String>,
    ) -> Result<Self> {
        let options = InferOptions::new();
        let options = id.into_iter().fold(options, InferOptions::id);
        let options = as_of.into_iter().fold(options, InferOptions::as_of);
        let options = churn.into_iter().fold(options, InferOptions::churn);
        let options = expansion.into_iter().fold(options, InferOptions::expansion);
        let value = value.map(|column| Value::new(column).currency(currency).per_year(per_year));
        let options = value.into_iter().fold(options, InferOptions::value);
        let options = segments.into_iter().fold(options, InferOptions::segment);
        let aside = |options: InferOptions, (column, reason)| options.set_aside(column, reason);
        let options = set_aside.into_iter().fold(options, aside);
        let table = Table::from_any(table)?.get().read()?;
        Ok(Schema::from(schema::Schema::infer_from_table(&table, &options)?))
    }

    /// The ready-made schema of a B2B SaaS account. Take from it what you have.
    #[staticmethod]
    fn b2b_saas() -> Self {
        Schema::from(schema::Schema::b2b_saas())
    }

    /// The same schema with changes to one signal: its name and any of column, dimension, kind, unit, direction,
    /// missing, movable, title, sentence; None takes a setting back.
    #[pyo3(signature = (name, **changes))]
    fn edit(&self, name: &str, changes: Option<&Bound<'_, PyDict>>) -> Result<Self> {
        let mut edited = self.inner.clone();
        let signal = edited.signals.iter_mut().find(|signal| signal.name == name);
        let signal = signal.ok_or_else(|| Error::new(self.no_signal(name)))?;
        for (key, value) in changes.into_iter().flatten() {
            *signal = edit_signal(signal, &key.extract::<String>()?, &value)?;
        }
        edited.check()?;
        Ok(Schema::from(edited))
    }

    /// The same schema with a column left out, and its signal if it was one.
    fn set_aside(&self, column: &str, reason: &str) -> Result<Self> {
        let edited = self.inner.clone().set_aside(column, reason);
        edited.check()?;
        Ok(Schema::from(edited))
    }

    /// Column of the account id; None where row numbers serve.
    #[getter]
    fn id(&self) -> Option<&str> {
        self.inner.id.as_deref()
    }

    /// Column of the date at which a row was known.
    #[getter]
    fn as_of(&self) -> Option<&str> {
        self.inner.as_of.as_deref()
    }

    /// Column that is true where the account left.
    #[getter]
    fn churn(&self) -> Option<&str> {
        self.inner.labels.churn.as_deref()
    }

    /// Column that is true where the account grew.
    #[getter]
    fn expansion(&self) -> Option<&str> {
        self.inner.labels.expansion.as_deref()
    }

    /// Column, currency and times a year of the recurring value.
    #[getter]
    fn value(&self) -> Option<(&str, &str, f64)> {
        let value = self.inner.value.as_ref()?;
        Some((&value.column, &value.currency, value.per_year))
    }

    /// The segment keys.
    #[getter]
    fn segments(&self) -> Vec<String> {
        self.inner.segments.clone()
    }

    /// The signals, each as a dictionary.
    #[getter]
    fn signals<'py>(&self, py: Python<'py>) -> Result<Vec<Bound<'py, PyDict>>> {
        self.inner.signals.iter().map(|signal| signal_dict(py, signal)).collect()
    }

    /// Columns that are known and left out, and why.
    #[getter]
    fn columns_set_aside(&self) -> BTreeMap<String, String> {
        let aside = self.inner.set_aside.iter();
        aside.map(|aside| (aside.column.clone(), aside.reason.clone())).collect()
    }

    /// What a model depends on, as 64 hexadecimal digits to compare by.
    #[getter]
    fn fingerprint(&self) -> String {
        self.inner.fingerprint().hex()
    }

    fn __repr__(&self) -> String {
        let labels = [("churn", self.churn()), ("expansion", self.expansion())];
        let labels = labels.iter().filter_map(|(name, column)| Some(format!(", {name}={:?}", (*column)?)));
        let (signals, labels) = (self.inner.signals.len(), labels.collect::<String>());
        format!("keepwell.Schema({signals} signals{labels}, {} set aside)", self.inner.set_aside.len())
    }

    /// For pickle: the TOML.
    fn __reduce__<'py>(&self, py: Python<'py>) -> Result<(Bound<'py, PyAny>, (String,))> {
        Ok((py.get_type::<Self>().getattr("from_toml")?, (self.to_toml(),)))
    }
}

impl Schema {
    fn no_signal(&self, name: &str) -> String {
        let names: Vec<&str> = self.inner.signals.iter().map(|signal| signal.name.as_str()).collect();
        format!("schema: there is no signal `{name}`; its signals are: {}", names.join(", "))
    }
}

fn edit_signal(signal: &Signal, key: &str, value: &Bound<'_, PyAny>) -> Result<Signal> {
    let fault = |text: &str| Error::new(format!("schema: signal `{}`, `{key}`: {text}", signal.name));
    let mut table = toml::Table::try_from(signal).map_err(|error| fault(&error.to_string()))?;
    match toml_value(value) {
        None if value.is_none() => table.remove(key),
        None => return Err(fault("expected a text, True, False or None")),
        Some(value) => table.insert(key.to_owned(), value),
    };
    table.try_into().map_err(|error: toml::de::Error| fault(error.message()))
}

fn toml_value(value: &Bound<'_, PyAny>) -> Option<toml::Value> {
    let flag = value.extract::<bool>().ok().map(toml::Value::Boolean);
    flag.or_else(|| value.extract::<String>().ok().map(toml::Value::String))
}

fn signal_dict<'py>(py: Python<'py>, signal: &Signal) -> Result<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("name", &signal.name)?;
    dict.set_item("column", signal.source())?;
    dict.set_item("dimension", signal.dimension.name())?;
    dict.set_item("kind", signal.kind.name())?;
    dict.set_item("unit", &signal.unit)?;
    dict.set_item("direction", signal.direction.name())?;
    dict.set_item("missing", signal.missing.name())?;
    dict.set_item("movable", signal.movable)?;
    dict.set_item("title", signal.title_text())?;
    dict.set_item("sentence", &signal.sentence)?;
    Ok(dict)
}
