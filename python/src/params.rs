//! Parameters by name: what an estimator was given, read into keepwell's setters.

use keepwell::model::Effort;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::error::{Error, Result};

/// Applies each entry of a dictionary of parameters to `params` by `set`, which gives back `None` for an unknown name.
///
/// # Errors
/// A value of the wrong type, with the parameter's name; a name that `set` does not know.
pub fn apply<P>(
    mut params: P,
    given: &Bound<'_, PyDict>,
    set: impl Fn(P, &str, &Given<'_>) -> Result<Option<P>>,
) -> Result<P> {
    for (name, value) in given {
        let name: String = name.extract()?;
        let given = Given { name: &name, value };
        params = set(params, &name, &given)?
            .ok_or_else(|| Error::new(format!("there is no parameter `{name}`")))?;
    }
    Ok(params)
}

/// One parameter's value as it was given.
pub struct Given<'py> {
    name: &'py str,
    value: Bound<'py, PyAny>,
}

impl<'py> Given<'py> {
    /// A whole number from 0.
    pub fn whole<T: for<'a> FromPyObject<'a, 'py>>(&self) -> Result<T> {
        self.read("a whole number, 0 or more")
    }

    /// A number.
    pub fn number(&self) -> Result<f64> {
        self.read("a number")
    }

    /// True or false.
    pub fn flag(&self) -> Result<bool> {
        self.read("True or False")
    }

    /// How much time training may take.
    pub fn effort(&self) -> Result<Effort> {
        Ok(self.read::<String>("'fast', 'balanced' or 'best'")?.parse::<Effort>()?)
    }

    /// Anything, or an error that says what was expected.
    pub fn read<T: for<'a> FromPyObject<'a, 'py>>(&self, expected: &str) -> Result<T> {
        self.value.extract().map_err(|_| {
            let value = self.value.repr().map_or_else(|_| "unreadable".into(), |text| text.to_string());
            Error::new(format!("`{}` is {value}, expected {expected}", self.name))
        })
    }
}
