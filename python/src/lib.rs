//! The native half of the Python package `keepwell`: it converts, calls and converts back.

mod cells;
mod classifier;
mod error;
mod numpy_column;
mod params;
mod table;
mod training;

use pyo3::prelude::*;

/// What `keepwell` is made of; import it from there.
#[pymodule(gil_used = false)]
mod _native {
    #[pymodule_export]
    use crate::classifier::Classifier;
    #[pymodule_export]
    use crate::table::Table;
}
