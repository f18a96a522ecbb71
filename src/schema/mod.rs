//! What the columns mean: the signals, the account id, the labels and the value column.

mod check;
mod file;
mod fingerprint;
mod money;
mod same;
mod signal;

use serde::{Deserialize, Serialize};

pub(crate) use file::{as_toml, problem as toml_problem};
pub use fingerprint::Fingerprint;
pub use money::Money;
pub use signal::{Dimension, Direction, Kind, Missing, Signal};

/// What the columns of a table mean.
///
/// Read from TOML ([`from_toml`](Self::from_toml)), built in code, or inferred from a table (`Schema::infer`) and
/// then edited. Everything that reads by a schema first makes sure that it holds together ([`check`](Self::check)).
///
/// ```
/// use keepwell::schema::{Dimension, Direction, Kind, Schema, Signal};
///
/// let schema = Schema::new()
///     .id("account_id")
///     .churn("churned")
///     .value("mrr")
///     .segment("tier")
///     .signal(Signal::new("seat_utilisation", Dimension::Usage, Kind::Share).direction(Direction::Keeps))
///     .signal(Signal::new("nps", Dimension::Sentiment, Kind::Number));
/// schema.check()?;
/// assert_eq!(Schema::from_toml(&schema.to_toml())?, schema);
/// # Ok::<(), keepwell::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
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
    /// How the signals are read from records, as it stands in the file; a `Timeline` is read from there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeline: Option<toml::Table>,
}

impl Schema {
    /// A schema with nothing in it yet.
    pub fn new() -> Self {
        Schema::default()
    }

    /// Column of the account id. Default: none; row numbers serve.
    pub fn id(mut self, column: impl Into<String>) -> Self {
        self.id = Some(column.into());
        self
    }

    /// Column of the date at which a row was known. Default: none.
    pub fn as_of(mut self, column: impl Into<String>) -> Self {
        self.as_of = Some(column.into());
        self
    }

    /// Adds a segment key: tier, plan, region. It may be a category signal too.
    pub fn segment(mut self, column: impl Into<String>) -> Self {
        self.segments.push(column.into());
        self
    }

    /// Column that is true where the account left. Default: none.
    pub fn churn(mut self, column: impl Into<String>) -> Self {
        self.labels.churn = Some(column.into());
        self
    }

    /// Column that is true where the account grew. Default: none.
    pub fn expansion(mut self, column: impl Into<String>) -> Self {
        self.labels.expansion = Some(column.into());
        self
    }

    /// The recurring value: a column's name (monthly, in EUR), or a [`Value`]. Default: none.
    /// Its column may be a signal too.
    pub fn value(mut self, value: impl Into<Value>) -> Self {
        self.value = Some(value.into());
        self
    }

    /// Adds a signal.
    pub fn signal(mut self, signal: Signal) -> Self {
        self.signals.push(signal);
        self
    }

    /// Leaves a column out on purpose, and its signal if it was one.
    pub fn set_aside(mut self, column: impl Into<String>, reason: impl Into<String>) -> Self {
        let aside = SetAside { column: column.into(), reason: reason.into() };
        self.signals.retain(|signal| signal.source() != aside.column);
        self.set_aside.push(aside);
        self
    }

    /// The signal of that name.
    pub fn find(&self, name: &str) -> Option<&Signal> {
        self.signals.iter().find(|signal| signal.name == name)
    }
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

impl Value {
    /// A monthly value in EUR, read from `column`.
    pub fn new(column: impl Into<String>) -> Self {
        Value { column: column.into(), currency: default_currency(), per_year: default_per_year() }
    }

    /// ISO 4217 code. Default: "EUR".
    pub fn currency(mut self, currency: impl Into<String>) -> Self {
        self.currency = currency.into();
        self
    }

    /// How many times a year it recurs, above 0. Default: 12.
    pub fn per_year(mut self, per_year: f64) -> Self {
        self.per_year = per_year;
        self
    }

    /// Whether the column holds minor units: its name ends in `_cents`.
    pub fn is_in_cents(&self) -> bool {
        self.column.ends_with("_cents")
    }
}

impl From<&str> for Value {
    fn from(column: &str) -> Self {
        Value::new(column)
    }
}

impl From<String> for Value {
    fn from(column: String) -> Self {
        Value::new(column)
    }
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
