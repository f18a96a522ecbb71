//! The learners: from rows with and without an action to by how much it changes the outcome of each.
//!
//! All are kept simple: lines held near to nothing, or shallow trees with large leaves at a low rate. Effects are small
//! beside the outcome's noise, and flexible learners fit the noise.

use serde::{Deserialize, Serialize};

use super::bench::joined;
use super::lines::APART;
use crate::model::logistic::Scorer;
use crate::model::{EncodedColumn, sigmoid};
use crate::tree::{ColumnView, Forest};

/// A way to learn how the effect differs between accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Learner {
    /// A logistic regression for each arm, held together by the strength at this place.
    Lines(usize),
    /// One forest with the actions as columns.
    Trees,
}

impl Learner {
    /// All of them, in the order in which their effects stand.
    pub fn all() -> impl Iterator<Item = Learner> {
        (0..APART.len()).map(Learner::Lines).chain([Learner::Trees])
    }

    pub fn name(self) -> &'static str {
        match self {
            Learner::Lines(0) => "logistic, actions nearly alike for all",
            Learner::Lines(1) => "logistic, actions held together",
            Learner::Lines(_) => "logistic, actions apart",
            Learner::Trees => "trees",
        }
    }

    /// Whether expected outcomes are read from it.
    pub fn tells_outcomes(self) -> bool {
        self == Learner::Lines(APART.len() - 1) || self == Learner::Trees
    }
}

/// A learner that was fitted to all arms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Fitted {
    /// Log-odds in each arm.
    Lines(Vec<Scorer>),
    /// Log-odds with the actions' columns last; their number.
    Trees(Box<Forest>, usize),
}

impl Fitted {
    /// Probabilities of the outcome of `n` rows in each arm.
    pub fn outcomes(&self, columns: &[EncodedColumn<'_>], n: usize) -> Vec<Vec<f64>> {
        let odds: Vec<Vec<f64>> = match self {
            Fitted::Lines(arms) => arms.iter().map(|scorer| scorer.log_odds(columns, n)).collect(),
            Fitted::Trees(trees, n_actions) => in_arms(trees, columns, n, *n_actions),
        };
        odds.into_iter().map(|odds| odds.into_iter().map(sigmoid).collect()).collect()
    }

    /// The effect of each action on the outcome's probability of `n` rows.
    pub fn effects(&self, columns: &[EncodedColumn<'_>], n: usize) -> Vec<Vec<f64>> {
        rises(&self.outcomes(columns, n))
    }
}

/// By how much probabilities rise from arm 0 to each other.
pub(super) fn rises(of_arms: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let rise = |arm: &Vec<f64>| arm.iter().zip(&of_arms[0]).map(|(with, rest)| with - rest).collect();
    of_arms[1..].iter().map(rise).collect()
}

/// What trees say of `n` rows as if all were in arm 0, then in each other.
fn in_arms(trees: &Forest, columns: &[EncodedColumn<'_>], n_rows: usize, n_actions: usize) -> Vec<Vec<f64>> {
    let at = |arm: usize| {
        let given = |action: usize| vec![f64::from(u8::from(action == arm)); n_rows];
        let actions: Vec<Vec<f64>> = (1..=n_actions).map(given).collect();
        let columns = joined(columns, &actions);
        let views: Vec<ColumnView<'_>> = columns.iter().map(EncodedColumn::view).collect();
        trees.predict(&views)
    };
    (0..=n_actions).map(at).collect()
}
