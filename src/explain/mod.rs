//! Why a score is what it is: contributions by signal and dimension, and in sentences.
//!
//! - *Reasons* ([`Reasons`]): the fewest signals that explain most of why an account differs from what is usual in its
//!   segment. Signals that say the same ([`groups`]) are told as one, by their strongest. Each has its contribution in
//!   log-odds and in points of probability, both of which add up over all signals. Association, never cause.
//! - *Whole-model views*: importance by signal and dimension with intervals ([`importance`]), what a signal does over its
//!   range ([`partial_dependence`], [`accumulated_effect`]), which signals work together ([`interaction_strength`]).
//! - *Nearest rows* ([`NearestRows`]): what similar accounts are found by.

mod alike;
mod nearest;
mod usual;
mod views;
mod wording;

pub use alike::groups;
pub use nearest::NearestRows;
pub use usual::Usual;
pub use views::{
    EffectPoint, Importance, Importances, SignalEffect, accumulated_effect, importance, interaction_strength,
    partial_dependence,
};
pub use wording::Outcome;
pub(crate) use wording::{usual_text, value_text};

use serde::{Deserialize, Serialize};

use crate::frame::Table;
use crate::metric::sigmoid;
use crate::schema::{Dimension, Schema};

/// One signal's part in one account's score, or that of several that say the same; told as association, never as cause.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    /// Position of the signal in the schema; the strongest of its group.
    pub signal: usize,
    /// The signal's name.
    pub name: String,
    /// Its dimension.
    pub dimension: Dimension,
    /// The account's value as shown: "31 %", "unknown".
    pub value: String,
    /// What is usual in the account's segment, as shown: "64 %".
    pub usual: String,
    /// What it, with the signals that say the same, adds to the log-odds of the outcome beyond what is usual in the
    /// segment.
    pub contribution: f64,
    /// The same in points of probability, 0.05 being five of a hundred. Over all signals, told or not, they add up to
    /// the account's probability less the usual one of its segment.
    pub points: f64,
    /// Names of the signals that say the same and push the same way.
    pub also: Vec<String>,
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
    groups: &'a [u32],
    outcome: Outcome,
    most: usize,
}

/// A contribution below this changes a probability by less than a quarter of a point and is not worth a sentence.
const SMALLEST_CONTRIBUTION: f64 = 0.01;
/// Reasons end once they explain this share of all that pushes the score their way.
const EXPLAINED: f64 = 0.75;

/// Signals that say the same, and what they add together.
struct Group {
    /// As [`groups`] names it.
    name: usize,
    contribution: f64,
}

impl<'a> Reasons<'a> {
    /// At most `most` reasons an account. `usual` has what is usual of each of the `d` signals.
    pub fn new(schema: &'a Schema, usual: &'a [Usual], outcome: Outcome, most: usize) -> Self {
        Reasons { schema, usual, groups: &[], outcome, most }
    }

    /// The [`groups`] of signals that say the same, one number a signal. Default: none do.
    pub fn groups(mut self, groups: &'a [u32]) -> Self {
        self.groups = groups;
        self
    }

    /// The reasons of one row from what each of `d` signals adds to the log-odds beyond the `usual` ones.
    ///
    /// Signals that push the score the way it deviates from the usual, strongest first, until they explain three
    /// quarters of all that push that way: an account at risk is told what speaks for leaving.
    pub fn of(&self, table: &Table, row: usize, usual: f64, contributions: &[f64]) -> Vec<Reason> {
        let deviation: f64 = contributions.iter().sum();
        let mut groups = self.pushing(contributions, deviation.is_sign_positive());
        groups.sort_by(|a, b| b.contribution.abs().total_cmp(&a.contribution.abs()));
        let enough = EXPLAINED * groups.iter().map(|group| group.contribution.abs()).sum::<f64>();
        let per_log_odds = mean_slope(usual, usual + deviation);
        let mut explained = 0.0;
        let not_yet = |group: &Group| {
            let needed = explained < enough;
            explained += group.contribution.abs();
            needed
        };
        let told = groups.into_iter().take(self.most).take_while(not_yet);
        told.map(|group| self.reason(table, row, &group, contributions, per_log_odds)).collect()
    }

    /// The groups that push that way and are worth a sentence.
    fn pushing(&self, contributions: &[f64], up: bool) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        let mut place_of = vec![usize::MAX; contributions.len()];
        for (signal, &contribution) in contributions.iter().enumerate() {
            let name = self.group_of(signal);
            match groups.get_mut(place_of[name]) {
                Some(group) => group.contribution += contribution,
                None => {
                    place_of[name] = groups.len();
                    groups.push(Group { name, contribution });
                }
            }
        }
        groups.retain(|group| {
            group.contribution.abs() >= SMALLEST_CONTRIBUTION && group.contribution.is_sign_positive() == up
        });
        groups
    }

    fn group_of(&self, signal: usize) -> usize {
        self.groups.get(signal).map_or(signal, |&group| (group as usize).min(signal))
    }

    fn reason(
        &self,
        table: &Table,
        row: usize,
        group: &Group,
        contributions: &[f64],
        per_log_odds: f64,
    ) -> Reason {
        let way = group.contribution.signum();
        let mut members: Vec<usize> = (0..contributions.len())
            .filter(|&member| self.group_of(member) == group.name && way * contributions[member] > 0.0)
            .collect();
        members.sort_by(|&a, &b| contributions[b].abs().total_cmp(&contributions[a].abs()));
        let (at, mut also) = (members[0], members.split_off(1));
        also.retain(|&other| contributions[other].abs() >= SMALLEST_CONTRIBUTION);
        let signal = &self.schema.signals[at];
        let value = wording::value_text(signal, table, at, row);
        let usual = wording::usual_text(signal, &self.usual[at]);
        let own = wording::sentence(signal, &value, &usual, self.outcome.effect(group.contribution));
        Reason {
            signal: at,
            name: signal.name.clone(),
            dimension: signal.dimension,
            value,
            usual,
            contribution: group.contribution,
            points: group.contribution * per_log_odds,
            also: also.iter().map(|&other| self.schema.signals[other].name.clone()).collect(),
            sentence: wording::with_also(own, also.iter().map(|&other| &self.schema.signals[other])),
        }
    }
}

/// What a log-odd is worth in probability between two log-odds: the slope of the line through both.
pub(crate) fn mean_slope(from: f64, to: f64) -> f64 {
    let distance = to - from;
    if distance.abs() < 1e-6 {
        let p = sigmoid(from);
        return p * (1.0 - p);
    }
    (sigmoid(to) - sigmoid(from)) / distance
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

    fn table() -> Table {
        let column = || Column::Number(vec![3.0]);
        Table::new(1, ["logins", "nps", "exports"].map(|name| (name.to_owned(), column()))).unwrap()
    }

    #[test]
    fn the_fewest_that_explain_most_are_told_and_nothing_against_the_score() {
        let (schema, table, usual) = (schema(), table(), vec![Usual::Number(5.0); 3]);
        let reasons = Reasons::new(&schema, &usual, Outcome::Churn, 2);
        let names = |contributions: &[f64]| -> Vec<String> {
            reasons.of(&table, 0, -2.0, contributions).into_iter().map(|reason| reason.name).collect()
        };
        assert_eq!(names(&[0.3, -0.5, 0.4]), ["exports", "logins"]);
        assert_eq!(names(&[0.3, -0.9, 0.4]), ["nps"]);
        assert_eq!(names(&[0.9, -0.1, 0.2]), ["logins"]);
        assert_eq!(names(&[0.3, 0.001, 0.0]), ["logins"]);
        assert_eq!(names(&[0.0, 0.001, 0.0]), Vec::<String>::new());
        assert_eq!(
            reasons.of(&table, 0, -2.0, &[0.3, 0.0, 0.0])[0].sentence,
            "logins 3, usual 5: raises churn risk"
        );
    }

    #[test]
    fn what_says_the_same_is_told_once() {
        let (schema, table, usual) = (schema(), table(), vec![Usual::Number(5.0); 3]);
        let reasons = Reasons::new(&schema, &usual, Outcome::Churn, 3).groups(&[0, 1, 0]);
        let told = reasons.of(&table, 0, -2.0, &[0.2, 0.35, 0.3]);
        assert_eq!(told.len(), 2);
        assert_eq!((told[0].name.as_str(), told[0].also.as_slice()), ("exports", &["logins".to_owned()][..]));
        assert!((told[0].contribution - 0.5).abs() < 1e-12);
        assert_eq!(told[0].sentence, "exports 3, usual 5: raises churn risk (with logins)");
        let against = &reasons.of(&table, 0, -2.0, &[-0.1, 0.0, 0.3])[0];
        assert!(against.also.is_empty() && (against.contribution - 0.2).abs() < 1e-12);
    }

    #[test]
    fn points_add_up_to_the_difference_in_probability() {
        let (schema, table, usual) = (schema(), table(), vec![Usual::Number(5.0); 3]);
        let parts = [0.6, 0.7, 0.7];
        let told = Reasons::new(&schema, &usual, Outcome::Churn, 3).of(&table, 0, -2.0, &parts);
        let points: f64 = told.iter().map(|reason| reason.points).sum();
        assert!((points - (sigmoid(0.0) - sigmoid(-2.0))).abs() < 1e-12 && told.len() == 3);
        assert!((mean_slope(0.0, 1e-9) - 0.25).abs() < 1e-9);
    }
}
