//! Why a score is what it is: contributions by signal and dimension, and in sentences.

mod usual;
mod wording;

pub use usual::Usual;
pub use wording::Outcome;

use crate::frame::Table;
use crate::schema::{Dimension, Schema};

/// One signal's part in one account's score, told as association, never as cause.
#[derive(Clone, Debug, PartialEq)]
pub struct Reason {
    /// Position of the signal in the schema.
    pub signal: usize,
    /// The signal's name.
    pub name: String,
    /// Its dimension.
    pub dimension: Dimension,
    /// The account's value as shown: "31 %", "unknown".
    pub value: String,
    /// What is usual, as shown: "64 %".
    pub usual: String,
    /// What it adds to the log-odds of the outcome, against the average account.
    pub contribution: f64,
    /// "seat utilisation 31 %, usual 64 %: raises churn risk".
    pub sentence: String,
}

/// Sums the contributions of `d` signals by dimension, in the order of [`Dimension::ALL`].
pub fn by_dimension(schema: &Schema, contributions: &[f64]) -> [f64; 8] {
    let mut sums = [0.0; 8];
    for (signal, contribution) in schema.signals.iter().zip(contributions) {
        sums[signal.dimension as usize] += contribution;
    }
    sums
}

/// Writes the reasons of accounts: what the signals are, what is usual, and which outcome is spoken of.
#[derive(Clone, Copy, Debug)]
pub struct Reasons<'a> {
    schema: &'a Schema,
    usual: &'a [Usual],
    outcome: Outcome,
    most: usize,
}

/// A contribution below this changes a probability by less than a quarter of a point and is not worth a sentence.
const SMALLEST_CONTRIBUTION: f64 = 0.01;

impl<'a> Reasons<'a> {
    /// At most `most` reasons an account.
    pub fn new(schema: &'a Schema, usual: &'a [Usual], outcome: Outcome, most: usize) -> Self {
        Reasons { schema, usual, outcome, most }
    }

    /// The reasons of one row from its `d` contributions.
    ///
    /// Signals that push the score the way it deviates from the average come first, strongest first: an
    /// account at risk is told what speaks for leaving before what speaks for staying.
    pub fn of(&self, table: &Table, row: usize, contributions: &[f64]) -> Vec<Reason> {
        let deviation: f64 = contributions.iter().sum();
        let mut order: Vec<usize> =
            (0..contributions.len()).filter(|&at| contributions[at].abs() >= SMALLEST_CONTRIBUTION).collect();
        let with_the_score = |at: usize| contributions[at].is_sign_positive() == deviation.is_sign_positive();
        order.sort_by(|&a, &b| {
            let strength = |at: usize| contributions[at].abs();
            with_the_score(b).cmp(&with_the_score(a)).then(strength(b).total_cmp(&strength(a)))
        });
        order.truncate(self.most);
        order.into_iter().map(|signal| self.reason(table, row, signal, contributions[signal])).collect()
    }

    fn reason(&self, table: &Table, row: usize, at: usize, contribution: f64) -> Reason {
        let signal = &self.schema.signals[at];
        let value = wording::value_text(signal, table, at, row);
        let usual = wording::usual_text(signal, &self.usual[at]);
        let sentence = wording::sentence(signal, &value, &usual, self.outcome.effect(contribution));
        let (name, dimension) = (signal.name.clone(), signal.dimension);
        Reason { signal: at, name, dimension, value, usual, contribution, sentence }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Column;
    use crate::schema::{Kind, Signal};

    fn schema() -> Schema {
        let signal = |name: &str, dimension| Signal::new(name, dimension, Kind::Number);
        Schema {
            signals: vec![
                signal("logins", Dimension::Usage),
                signal("nps", Dimension::Sentiment),
                signal("exports", Dimension::Usage),
            ],
            ..Schema::default()
        }
    }

    #[test]
    fn dimensions_add_up_to_the_signals() {
        let sums = by_dimension(&schema(), &[0.5, -0.25, 0.125]);
        assert_eq!(sums, [0.625, 0.0, 0.0, -0.25, 0.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn what_goes_with_the_score_comes_first_and_nothing_small_is_told() {
        let schema = schema();
        let column = || Column::Number(vec![3.0]);
        let table =
            Table::new(1, ["logins", "nps", "exports"].map(|name| (name.to_owned(), column()))).unwrap();
        let usual = vec![Usual::Number(5.0); 3];
        let reasons = Reasons::new(&schema, &usual, Outcome::Churn, 2);
        let names = |contributions: &[f64]| -> Vec<String> {
            reasons.of(&table, 0, contributions).into_iter().map(|reason| reason.name).collect()
        };
        assert_eq!(names(&[0.3, -0.5, 0.4]), ["exports", "logins"]);
        assert_eq!(names(&[0.3, -0.9, 0.4]), ["nps", "exports"]);
        assert_eq!(names(&[0.3, 0.001, 0.0]), ["logins"]);
        assert_eq!(
            reasons.of(&table, 0, &[0.3, 0.0, 0.0])[0].sentence,
            "logins 3, usual 5: raises churn risk"
        );
    }
}
