//! keepwell

pub mod action;
pub mod error;
pub mod explain;
pub mod frame;
pub mod health;
pub mod metric;
pub mod model;
pub mod schema;
pub mod tree;

pub use error::{Error, ErrorKind, Result};
