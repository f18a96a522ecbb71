//! keepwell

pub mod error;
pub mod frame;
pub mod metric;
pub mod model;
pub mod schema;
pub mod tree;

pub use error::{Error, ErrorKind, Result};
