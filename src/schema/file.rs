//! Schemas to and from TOML, and the ready-made one.

use std::path::Path;

use super::Schema;
use crate::error::{Error, ErrorKind, Result};

impl Schema {
    /// Reads a schema from TOML and checks it.
    ///
    /// ```
    /// let schema = keepwell::schema::Schema::from_toml(r#"
    ///     id = "account_id"
    ///     [labels]
    ///     churn = "churned"
    ///     [[signal]]
    ///     name = "seat_utilisation"
    ///     dimension = "usage"
    ///     kind = "share"
    ///     direction = "keeps"
    /// "#)?;
    /// assert_eq!(schema.signals.len(), 1);
    /// # Ok::<(), keepwell::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Schema`], with the line where the TOML itself is wrong.
    pub fn from_toml(text: &str) -> Result<Self> {
        let schema: Schema =
            toml::from_str(text).map_err(|error| ErrorKind::Schema(problem(text, &error)))?;
        schema.check()?;
        Ok(schema)
    }

    /// The schema as TOML, for [`from_toml`](Self::from_toml) and for people to edit.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("a schema is strings, numbers and lists of them, which TOML can hold")
    }

    /// Reads a schema from a TOML file and checks it.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] where the file cannot be read, else as [`from_toml`](Self::from_toml) with the file's name.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let name = path.display();
        let text = std::fs::read_to_string(path)
            .map_err(|source| ErrorKind::Io { path: name.to_string(), source })?;
        Schema::from_toml(&text).map_err(|error| match error.kind() {
            ErrorKind::Schema(problem) => Error::from(ErrorKind::Schema(format!("{name}: {problem}"))),
            _ => error,
        })
    }

    /// A ready-made schema for an account of a B2B SaaS business: 55 signals in all eight dimensions,
    /// segment keys `tier`, `plan` and `region`, value `mrr`, labels `churned` and `expanded`.
    ///
    /// Take it whole, or keep the signals that there is data for: every signal named must be a column of the table.
    ///
    /// ```
    /// use keepwell::schema::Schema;
    ///
    /// let mut schema = Schema::b2b_saas();
    /// schema.signals.retain(|signal| ["seat_utilisation", "nps", "mrr"].contains(&signal.name.as_str()));
    /// assert_eq!(schema.signals.len(), 3);
    /// ```
    pub fn b2b_saas() -> Self {
        Schema::from_toml(include_str!("b2b_saas.toml")).expect("the ready-made schema is checked by a test")
    }
}

/// What is wrong with a TOML text, with the line.
pub(crate) fn problem(text: &str, error: &toml::de::Error) -> String {
    let message = error.message().trim_end();
    match error.span() {
        Some(span) => format!("line {}: {message}", line_of(text, span.start)),
        None => message.to_owned(),
    }
}

fn line_of(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|&byte| byte == b'\n').count()
}

/// A schema within a binary file: its own TOML, which says what is left out, as the file's format cannot.
pub(crate) mod as_toml {
    use std::sync::Arc;

    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    use super::Schema;

    pub(crate) fn serialize<S: Serializer>(schema: &Arc<Schema>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&schema.to_toml())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<Schema>, D::Error> {
        let text = String::deserialize(from)?;
        Schema::from_toml(&text).map(Arc::new).map_err(D::Error::custom)
    }
}
