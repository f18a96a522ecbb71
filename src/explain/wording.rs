//! Values and reasons in plain words.

use super::Usual;
use crate::frame::{Column, Table};
use crate::schema::{Kind, Signal};

/// What a score speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Leaving.
    Churn,
    /// Growing.
    Expansion,
}

impl Outcome {
    /// What a contribution of that sign goes with. Association, never cause.
    pub fn effect(self, contribution: f64) -> &'static str {
        match (self, contribution > 0.0) {
            (Outcome::Churn, true) => "raises churn risk",
            (Outcome::Churn, false) => "lowers churn risk",
            (Outcome::Expansion, true) => "raises the chance to grow",
            (Outcome::Expansion, false) => "lowers the chance to grow",
        }
    }
}

/// The value of a row as a person would write it; "unknown" where it is missing.
pub fn value_text(signal: &Signal, table: &Table, column: usize, row: usize) -> String {
    match &table.columns()[column] {
        Column::Number(values) => number_text(signal, values[row]),
        Column::Category(categories) => categories.text(row).unwrap_or("unknown").to_owned(),
    }
}

/// The usual value as a person would write it.
pub fn usual_text(signal: &Signal, usual: &Usual) -> String {
    match usual {
        Usual::Number(value) => number_text(signal, *value),
        Usual::Category(text) => text.clone(),
        Usual::Unknown => "unknown".into(),
    }
}

fn number_text(signal: &Signal, value: f64) -> String {
    if value.is_nan() {
        return "unknown".into();
    }
    match (signal.kind, signal.unit.as_deref()) {
        (Kind::Flag, _) => if value > 0.5 { "yes" } else { "no" }.into(),
        (Kind::Share, None | Some("%")) => format!("{} %", short(value * 100.0)),
        (_, Some(unit)) => format!("{} {unit}", short(value)),
        (_, None) => short(value),
    }
}

/// At most three significant digits after the point, none where the number is whole or large.
fn short(value: f64) -> String {
    let decimals = match value.abs() {
        size if size >= 100.0 || value.fract() == 0.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        _ => 3,
    };
    let text = format!("{value:.decimals$}");
    let text = if decimals > 0 { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".into() } else { text.into() }
}

/// The sentence of a signal: its own from the schema, or "title value, usual usual: effect".
pub fn sentence(signal: &Signal, value: &str, usual: &str, effect: &str) -> String {
    let title = signal.title_text();
    match &signal.sentence {
        Some(pattern) => pattern
            .replace("{title}", &title)
            .replace("{value}", value)
            .replace("{usual}", usual)
            .replace("{effect}", effect),
        None if value == usual => format!("{title} {value}, as usual: {effect}"),
        None => format!("{title} {value}, usual {usual}: {effect}"),
    }
}

/// The sentence with the signals that say the same: "… (with logins, exports)".
pub fn with_also<'a>(sentence: String, also: impl Iterator<Item = &'a Signal>) -> String {
    let titles: Vec<_> = also.map(Signal::title_text).collect();
    if titles.is_empty() { sentence } else { format!("{sentence} (with {})", titles.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Dimension;

    fn share() -> Signal {
        Signal::new("seat_utilisation", Dimension::Usage, Kind::Share)
    }

    #[test]
    fn a_sentence_has_value_usual_and_effect() {
        let text = sentence(&share(), "31 %", "64 %", Outcome::Churn.effect(0.2));
        assert_eq!(text, "seat utilisation 31 %, usual 64 %: raises churn risk");
        let own = share().sentence("only {value} of seats are used ({usual} is usual), which {effect}");
        assert_eq!(
            sentence(&own, "31 %", "64 %", Outcome::Expansion.effect(-0.2)),
            "only 31 % of seats are used (64 % is usual), which lowers the chance to grow"
        );
        assert_eq!(
            sentence(&share(), "no", "no", "lowers churn risk"),
            "seat utilisation no, as usual: lowers churn risk"
        );
    }

    #[test]
    fn numbers_are_short() {
        let number = Signal::new("x", Dimension::Usage, Kind::Number);
        let written = |value| number_text(&number, value);
        let texts: Vec<String> = [0.0, -0.0001, 0.12345, 1.5, 12.34, 123.4, 70.0, 1e6].map(written).into();
        assert_eq!(texts, ["0", "0", "0.123", "1.5", "12.3", "123", "70", "1000000"]);
        assert_eq!(number_text(&share(), 0.314), "31.4 %");
        assert_eq!(number_text(&share(), f64::NAN), "unknown");
        assert_eq!(number_text(&number.clone().unit("days"), 30.0), "30 days");
        assert_eq!(number_text(&Signal::new("x", Dimension::Usage, Kind::Flag), 1.0), "yes");
    }
}
