//! Accounts as columns, checked against a schema: from CSV, Arrow, and in code.

mod table;

pub use table::{Categories, Column, MISSING_CODE, Table};
