//! Whether two schemas describe the same inputs, and if not, where they part.

use super::{Schema, Signal};
use crate::error::{ErrorKind, Result};

impl Schema {
    /// Whether `other` has the signals of this one: the same names and kinds, in the same order.
    /// Labels, columns and wording may differ.
    ///
    /// # Errors
    /// The first signal that is missing, added or of another kind.
    pub fn check_same_signals(&self, other: &Schema) -> Result<()> {
        let mut pairs = self.signals.iter().zip(&other.signals);
        let problem = match pairs.find(|(own, other)| own.name != other.name || own.kind != other.kind) {
            Some((own, other)) => differing(own, other),
            None if self.signals.len() == other.signals.len() => return Ok(()),
            None => format!("it has {} signals, expected {}", other.signals.len(), self.signals.len()),
        };
        let advice = "read the table by the schema the model was trained with";
        Err(ErrorKind::Schema(format!("the table's schema is not the model's: {problem}; {advice}")).into())
    }
}

fn differing(own: &Signal, other: &Signal) -> String {
    if own.name == other.name {
        return format!("signal `{}` is a {}, expected a {}", own.name, other.kind.name(), own.kind.name());
    }
    format!("it has signal `{}` where `{}` was expected", other.name, own.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Dimension, Kind};

    fn schema(signals: &[(&str, Kind)]) -> Schema {
        let signals =
            signals.iter().map(|(name, kind)| Signal::new(*name, Dimension::Usage, *kind)).collect();
        Schema { signals, ..Schema::default() }
    }

    #[test]
    fn says_where_schemas_part() {
        let own = schema(&[("seats", Kind::Count), ("nps", Kind::Number)]);
        let refusal = |signals: &[(&str, Kind)]| {
            let text = own.check_same_signals(&schema(signals)).unwrap_err().to_string();
            let rest = text.strip_prefix("schema: the table's schema is not the model's: ").unwrap();
            rest.strip_suffix("; read the table by the schema the model was trained with").unwrap().to_owned()
        };
        assert!(own.check_same_signals(&own.clone()).is_ok());
        assert_eq!(refusal(&[("seats", Kind::Count)]), "it has 1 signals, expected 2");
        assert_eq!(
            refusal(&[("seats", Kind::Count), ("csat", Kind::Number)]),
            "it has signal `csat` where `nps` was expected"
        );
        assert_eq!(
            refusal(&[("seats", Kind::Number), ("nps", Kind::Number)]),
            "signal `seats` is a number, expected a count"
        );
    }
}
