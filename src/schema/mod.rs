//! What the columns mean: the signals, the account id, the labels and the value column.

mod money;
mod signal;

use serde::{Deserialize, Serialize};

pub use money::Money;
pub use signal::{Dimension, Direction, Kind, Missing, Signal};

/// What the columns of a table mean.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schema {
    /// Column of the account id; row numbers serve where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Column of the date at which the row was known, for splits by time and date signals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<String>,
    /// Columns that name the account's segment: tier, plan, region.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub segments: Vec<String>,
    /// The columns of what came of the account.
    #[serde(default)]
    pub labels: Labels,
    /// The account's recurring value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// The inputs, `d` of them.
    #[serde(default, rename = "signal")]
    pub signals: Vec<Signal>,
    /// Columns known and left out on purpose, with the reason.
    #[serde(default, rename = "set_aside", skip_serializing_if = "Vec::is_empty")]
    pub set_aside: Vec<SetAside>,
}

/// Columns of the outcomes within the horizon. Empty cells are censored, never negative.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Labels {
    /// True where the account left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub churn: Option<String>,
    /// True where the account grew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expansion: Option<String>,
}

/// The recurring value of an account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Value {
    /// Its column. One whose name ends in `_cents` holds minor units, any other whole units.
    pub column: String,
    /// ISO 4217 code. Default: "EUR".
    #[serde(default = "default_currency")]
    pub currency: String,
    /// How many times a year the value recurs: 12 for a monthly, 1 for a yearly value. Default: 12.
    #[serde(default = "default_per_year")]
    pub per_year: f64,
}

fn default_currency() -> String {
    "EUR".into()
}

fn default_per_year() -> f64 {
    12.0
}

/// A column that is in the table and is no signal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetAside {
    /// The column.
    pub column: String,
    /// Why: "constant", "different in every row: an id?", …
    pub reason: String,
}
