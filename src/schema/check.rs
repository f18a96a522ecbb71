//! The one place that says whether a schema holds together, and how that is worded.

use std::collections::{HashMap, HashSet};
use std::fmt;

use super::{Direction, Kind, Missing, Schema, Signal, Value};
use crate::error::{ErrorKind, Result};

/// What stands in braces in a sentence.
const PLACEHOLDERS: [&str; 4] = ["title", "value", "usual", "effect"];

impl Schema {
    /// Makes sure that the schema holds together.
    ///
    /// No name is empty; signals have distinct names and columns; a column has one role (only the value and the
    /// segment keys may be signals too); a date signal needs `as_of`; a category has neither a direction nor
    /// `missing = "zero"`; a sentence knows only `{title}`, `{value}`, `{usual}` and `{effect}`; the value has a
    /// currency code of three capitals and recurs more than 0 times a year.
    ///
    /// # Errors
    /// [`ErrorKind::Schema`] with the first thing that does not hold.
    pub fn check(&self) -> Result<()> {
        self.check_signals()?;
        self.check_roles()?;
        self.check_segments()?;
        self.value.as_ref().map_or(Ok(()), check_value)
    }

    fn check_roles(&self) -> Result<()> {
        let mut role_of: HashMap<&str, Role<'_>> = HashMap::new();
        for (column, role) in self.exclusive_columns() {
            check_name(column, role)?;
            if let Some(other) = role_of.insert(column, role) {
                return wrong(format!("column `{column}` is both {other} and {role}; it can be one of them"));
            }
        }
        Ok(())
    }

    /// The columns that have one role and no other, with that role.
    fn exclusive_columns(&self) -> impl Iterator<Item = (&str, Role<'_>)> {
        let single = [
            (&self.id, "the account id"),
            (&self.as_of, "the `as_of` date"),
            (&self.labels.churn, "the churn label"),
            (&self.labels.expansion, "the expansion label"),
        ];
        let single =
            single.into_iter().filter_map(|(column, role)| Some((column.as_deref()?, Role::Only(role))));
        let signals = self.signals.iter().map(|signal| (signal.source(), Role::Signal(&signal.name)));
        let aside = self.set_aside.iter().map(|aside| (aside.column.as_str(), Role::Only("set aside")));
        single.chain(signals).chain(aside)
    }

    fn check_segments(&self) -> Result<()> {
        for (at, column) in self.segments.iter().enumerate() {
            check_name(column, Role::Only("a segment key"))?;
            if self.segments[..at].contains(column) {
                return wrong(format!("segment key `{column}` stands twice; once is enough"));
            }
        }
        Ok(())
    }

    fn check_signals(&self) -> Result<()> {
        let mut names: HashSet<&str> = HashSet::new();
        for signal in &self.signals {
            check_name(&signal.name, Role::Only("a signal"))?;
            if !names.insert(&signal.name) {
                return wrong(format!("signal `{}` stands twice; give each its own name", signal.name));
            }
            check_signal(signal)?;
            if signal.kind == Kind::Date && self.as_of.is_none() {
                return wrong(format!(
                    "signal `{}` is a date, which is read as days before `as_of`; name the `as_of` column",
                    signal.name
                ));
            }
        }
        Ok(())
    }
}

/// What a column is for; worded only when there is something to say.
#[derive(Clone, Copy)]
enum Role<'a> {
    Only(&'static str),
    Signal(&'a str),
}

impl fmt::Display for Role<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Role::Only(role) => f.write_str(role),
            Role::Signal(name) => write!(f, "signal `{name}`"),
        }
    }
}

fn check_signal(signal: &Signal) -> Result<()> {
    let Signal { name, kind, .. } = signal;
    if *kind == Kind::Category && signal.direction != Direction::Unknown {
        return wrong(format!(
            "signal `{name}` is a category, which has no direction; leave `direction` out"
        ));
    }
    if matches!(kind, Kind::Category | Kind::Date) && signal.missing == Missing::Zero {
        return wrong(format!("signal `{name}` is a {kind}, which has no zero; leave `missing` out"));
    }
    for (text, what) in [(&signal.title, "title"), (&signal.unit, "unit"), (&signal.sentence, "sentence")] {
        if text.as_ref().is_some_and(|text| text.trim().is_empty()) {
            return wrong(format!("the {what} of signal `{name}` is empty; fill it in or leave it out"));
        }
    }
    signal.sentence.as_deref().map_or(Ok(()), |sentence| check_sentence(name, sentence))
}

fn check_sentence(name: &str, sentence: &str) -> Result<()> {
    let mut rest = sentence;
    while let Some(at) = rest.find(['{', '}']) {
        let inside = rest[at..].strip_prefix('{').and_then(|open| open.split_once('}'));
        match inside {
            Some((word, after)) if PLACEHOLDERS.contains(&word) => rest = after,
            Some((word, _)) if !word.contains('{') => {
                return wrong(format!(
                    "the sentence of signal `{name}` has `{{{word}}}`; it can have {{title}}, {{value}}, {{usual}} \
                     and {{effect}}"
                ));
            }
            _ => return wrong(format!("the sentence of signal `{name}` has a brace without its partner")),
        }
    }
    Ok(())
}

fn check_value(value: &Value) -> Result<()> {
    check_name(&value.column, Role::Only("the value"))?;
    if value.currency.len() != 3 || !value.currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return wrong(format!("the currency is `{}`, expected an ISO 4217 code such as EUR", value.currency));
    }
    if !(value.per_year.is_finite() && value.per_year > 0.0) {
        return wrong(format!(
            "the value's `per_year` is {}, expected a number above 0: 12 for monthly, 1 for yearly",
            value.per_year
        ));
    }
    Ok(())
}

/// Headers are read without outer blanks, so a name with them would never be found.
fn check_name(name: &str, role: Role<'_>) -> Result<()> {
    if name.is_empty() {
        return wrong(format!("the name of {role} is empty; fill it in"));
    }
    if name.trim() != name {
        return wrong(format!("the name of {role}, `{name}`, begins or ends with a blank; take it away"));
    }
    Ok(())
}

fn wrong(problem: String) -> Result<()> {
    Err(ErrorKind::Schema(problem).into())
}
