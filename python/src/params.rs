//! Parameters by name: what an estimator was given, read into keepwell's setters.

use std::collections::BTreeMap;

use keepwell::model::gradient_trees::Target;
use keepwell::model::{EarlyStopping, GradientTreesParams};
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
    /// A value under its name.
    pub fn new(name: &'py str, value: &Bound<'py, PyAny>) -> Self {
        Given { name, value: value.clone() }
    }

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

    /// Anything, or an error that says what was expected.
    pub fn read<T: for<'a> FromPyObject<'a, 'py>>(&self, expected: &str) -> Result<T> {
        self.value.extract().map_err(|_| {
            let value = self.value.repr().map_or_else(|_| "unreadable".into(), |text| text.to_string());
            Error::new(format!("`{}` is {value}, expected {expected}", self.name))
        })
    }
}

/// The parameters of gradient trees, whatever they learn.
pub fn set_gradient_trees<T: Target>(
    params: GradientTreesParams<T>,
    name: &str,
    given: &Given<'_>,
) -> Result<Option<GradientTreesParams<T>>> {
    Ok(Some(match name {
        "n_estimators" => params.n_estimators(given.whole()?),
        "learning_rate" => params.learning_rate(given.number()?),
        "max_leaf_nodes" => params.max_leaf_nodes(given.whole()?),
        "max_depth" => params.max_depth(given.whole::<Option<usize>>()?),
        "min_samples_leaf" => params.min_samples_leaf(given.whole()?),
        "l2_regularization" => params.l2_regularization(given.number()?),
        "max_bins" => params.max_bins(given.whole()?),
        "max_features" => params.max_features(given.number()?),
        "subsample" => params.subsample(given.number()?),
        "monotonic" => params.monotonic(monotonic(given)?),
        "interaction_cst" => params.interaction_cst(given.read::<Vec<Vec<String>>>("lists of column names")?),
        "early_stopping" => params.early_stopping(early_stopping(given)?),
        "validation_fraction" => params.validation_fraction(given.number()?),
        "n_iter_no_change" => params.n_iter_no_change(given.whole()?),
        "random_state" => params.random_state(given.whole()?),
        "n_jobs" => params.n_jobs(given.whole::<Option<usize>>()?),
        _ => return Ok(None),
    }))
}

/// Directions by column name.
pub fn monotonic(given: &Given<'_>) -> Result<BTreeMap<String, i8>> {
    given.read("a dictionary of column names to -1, 0 or 1")
}

fn early_stopping(given: &Given<'_>) -> Result<EarlyStopping> {
    match given.flag() {
        Ok(flag) => Ok(flag.into()),
        Err(_) => Ok(EarlyStopping::Folds(given.read("True, False or a number of folds from 2")?)),
    }
}
