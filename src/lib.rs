//! keepwell

pub mod action;
pub mod error;
pub mod explain;
pub mod frame;
pub mod health;
pub mod metric;
pub mod model;
pub mod monitor;
pub mod revenue;
pub mod schema;
pub mod simulate;
pub mod timeline;
pub mod tree;

pub use error::{Error, ErrorKind, Result};
