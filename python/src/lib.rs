//! The native half of the Python package `keepwell`: it converts, calls and converts back.

mod cells;
mod error;
mod numpy_column;
mod table;

use pyo3::prelude::*;

/// What `keepwell` is made of; import it from there.
#[pymodule(gil_used = false)]
mod _native {
    #[pymodule_export]
    use crate::table::Table;
}
