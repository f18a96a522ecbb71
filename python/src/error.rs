//! The one mapping from keepwell's error to Python's exceptions.
//!
//! | what went wrong | raised | also caught by |
//! |---|---|---|
//! | a column or cell of the wrong type | `keepwell.ColumnTypeError` | `keepwell.Error`, `TypeError` |
//! | a file that cannot be opened, read or written | `OSError`'s own subclass, with `errno` and `filename` | `OSError` |
//! | everything else: parameters, columns, values, labels, schema, playbook, model file | `keepwell.Error` | `ValueError` |
//!
//! A training that Ctrl-C cancels raises `KeyboardInterrupt`; see `crate::training`.

use keepwell::ErrorKind;
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;

mod class {
    pyo3::import_exception!(keepwell._errors, Error);
    pyo3::import_exception!(keepwell._errors, ColumnTypeError);
}

/// What a function of the bindings returns: Python's exceptions pass, keepwell's errors are mapped by `?`.
pub type Result<T> = std::result::Result<T, Error>;

/// An error on its way to Python.
pub enum Error {
    /// keepwell's own.
    Keepwell(keepwell::Error),
    /// Raised by Python, or meant as a Python exception.
    Python(PyErr),
}

impl Error {
    /// A `keepwell.Error` with this text.
    pub fn new(text: impl Into<String>) -> Self {
        Error::Python(class::Error::new_err(text.into()))
    }
}

impl From<keepwell::Error> for Error {
    fn from(error: keepwell::Error) -> Self {
        Error::Keepwell(error)
    }
}

impl From<PyErr> for Error {
    fn from(error: PyErr) -> Self {
        Error::Python(error)
    }
}

impl From<std::convert::Infallible> for Error {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

impl From<Error> for PyErr {
    fn from(error: Error) -> Self {
        match error {
            Error::Python(error) => error,
            Error::Keepwell(error) => exception(&error),
        }
    }
}

fn exception(error: &keepwell::Error) -> PyErr {
    match error.kind() {
        ErrorKind::ColumnType { .. } => class::ColumnTypeError::new_err(error.to_string()),
        ErrorKind::Io { path, source } => match source.raw_os_error() {
            // With errno and filename Python picks FileNotFoundError, PermissionError …
            Some(errno) => {
                let text = source.to_string();
                let text = text.split(" (os error").next().unwrap_or_default().to_owned();
                PyOSError::new_err((errno, text, path.clone()))
            }
            None => PyOSError::new_err(error.to_string()),
        },
        // Rust's setter has a small letter, scikit-learn's parameter a capital one.
        ErrorKind::Parameter { name: "c", .. } => {
            class::Error::new_err(error.to_string().replacen("`c`", "`C`", 1))
        }
        _ => class::Error::new_err(error.to_string()),
    }
}
