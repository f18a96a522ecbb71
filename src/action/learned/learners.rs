//! The learners: from rows with and without an action to by how much it changes the outcome of each.
//!
//! All are kept simple: lines held near to nothing, or shallow trees with large leaves at a low rate. Effects are small
//! beside the outcome's noise, and flexible learners fit the noise.

use serde::{Deserialize, Serialize};

use super::bench::joined;
use crate::model::logistic::Scorer;
use crate::model::{EncodedColumn, sigmoid};
use crate::tree::{ColumnView, Forest};

/// A way to learn how the effect differs between accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Learner {
    /// A logistic regression for each arm, held together as far as rows say.
    Lines,
    /// One forest with the actions as columns.
    Trees,
}

impl Learner {
    /// All of them, in the order in which their effects stand.
    pub const ALL: [Learner; 2] = [Learner::Lines, Learner::Trees];

    pub fn name(self) -> &'static str {
        match self {
            Learner::Lines => "logistic",
            Learner::Trees => "trees",
        }
    }

    /// What the variance of `n` members' tellings makes of that of their mean: each was fitted to all rows but its own (the
    /// jackknife that leaves out a group, Efron & Stein 1981), or to rows of its own.
    pub fn doubt(self, n: usize) -> f64 {
        let others = n.max(2) as f64 - 1.0;
        match self {
            Learner::Lines => others,
            Learner::Trees => others.recip(),
        }
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

/// A learner fitted to some rows, with the mean of its effects on rows left out, by action.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Member {
    pub fitted: Fitted,
    pub means: Vec<f64>,
}

impl Member {
    /// Effects of each action on `n` rows, less their mean.
    pub fn differences(&self, columns: &[EncodedColumn<'_>], n: usize) -> Vec<Vec<f64>> {
        let mut effects = self.fitted.effects(columns, n);
        for (effects, mean) in effects.iter_mut().zip(&self.means) {
            effects.iter_mut().for_each(|effect| *effect -= mean);
        }
        effects
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
