//! Accounts as columns, checked against a schema: from CSV, Arrow, and in code.

#[cfg(feature = "arrow")]
mod arrow;
pub(crate) mod cell;
pub(crate) mod csv;
mod infer;
mod leak;
mod raw;
mod read;
pub mod split;
mod table;
mod view;
mod words;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::schema::{Money, Schema, Value};

pub use infer::InferOptions;
pub use leak::{Evidence, Leak, leaks};
pub(crate) use leak::{leaks_among_groups, some_accounts, some_rows};
pub use raw::RawTable;
pub use table::{Categories, Column, MISSING_CODE, Table};
pub use view::{ColumnRef, Numbers, Reader, TableView};

/// `n` accounts as known at a date, by schema. A clone shares what it was cloned from and costs next to nothing.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Frame {
    #[serde(with = "crate::schema::as_toml")]
    schema: Arc<Schema>,
    ids: Arc<[String]>,
    signals: Arc<Table>,
    churn: Option<Arc<[Option<bool>]>>,
    expansion: Option<Arc<[Option<bool>]>>,
    value_cents: Option<Arc<[Option<i64>]>>,
    segments: Arc<Table>,
    as_of: Option<Arc<[jiff::civil::Date]>>,
}

impl Frame {
    /// The schema it was read by.
    pub fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// Number of accounts, `n`.
    pub fn n_rows(&self) -> usize {
        self.ids.len()
    }

    /// Account ids, distinct unless the schema has `as_of`.
    pub fn ids(&self) -> &[String] {
        &self.ids
    }

    /// The schema's signals, `n × d`, named and ordered as in the schema.
    pub fn signals(&self) -> &Table {
        &self.signals
    }

    /// Whether each account left; `None` for a row is censored. `None` for all where the table has no such column.
    pub fn churn(&self) -> Option<&[Option<bool>]> {
        self.churn.as_deref()
    }

    /// Whether each account grew, as [`churn`](Self::churn).
    pub fn expansion(&self) -> Option<&[Option<bool>]> {
        self.expansion.as_deref()
    }

    /// Recurring value of each account in minor units of the schema's currency.
    pub fn value_cents(&self) -> Option<&[Option<i64>]> {
        self.value_cents.as_deref()
    }

    /// The segment keys, `n` × number of keys, all categories.
    pub fn segments(&self) -> &Table {
        &self.segments
    }

    /// The date at which each row was known.
    pub fn as_of(&self) -> Option<&[jiff::civil::Date]> {
        self.as_of.as_deref()
    }
}

impl Frame {
    /// Gives every account the same recurring value, for tables that have no such column.
    ///
    /// `per_year` says how many times a year it recurs. The schema of the frame then names the column `(the same)`.
    pub fn with_same_value(mut self, value: &Money, per_year: f64) -> Self {
        let mut schema = Schema::clone(&self.schema);
        schema.value =
            Some(Value { column: "(the same)".into(), currency: value.currency.to_string(), per_year });
        self.schema = Arc::new(schema);
        self.value_cents = Some(vec![Some(value.cents); self.n_rows()].into());
        self
    }
}
