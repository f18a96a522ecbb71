//! The learners: from rows with and without an action to by how much it changes the outcome of each.
//!
//! S, T and X learners are those of Künzel et al. (2019), the class transformation that of Jaskowski & Jaroszewicz
//! (2012), the doubly robust one of Kennedy (2023). All are kept simple: lines held near to nothing, or shallow trees
//! with large leaves at a low rate. Effects are small beside the outcome's noise, and flexible learners fit the noise.

use serde::{Deserialize, Serialize};

use super::bench::{Bench, joined};
use crate::error::Result;
use crate::model::logistic::Scorer;
use crate::model::{EncodedColumn, sigmoid};
use crate::tree::{ColumnView, Forest};

/// Variances that coefficients in log-odds are thought to have, by learner. Held tightly: what is wanted is how arms
/// differ, and what both are drawn to is the same. By thirty-odd simulated worlds and two public experiments.
const C_OF_S: f64 = 0.01;
const C_OF_T: f64 = 0.003;
const C_OF_CLASS: f64 = 0.001;

/// A way to learn how the effect differs between accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Learner {
    /// One logistic regression with the actions as columns: the same for all in log-odds, so by risk in points.
    SLogistic,
    /// A logistic regression for each arm.
    TLogistic,
    /// A logistic regression of having the outcome with the action or not having it without.
    ClassTransformation,
    /// One forest with the actions as columns.
    STrees,
    /// Ridge regressions on what each arm's outcomes are beyond those expected in the other.
    XLinear,
    /// Ridge regression on doubly robust scores.
    DrLinear,
}

impl Learner {
    /// Those that learn from outcomes.
    pub const DIRECT: [Learner; 4] =
        [Learner::SLogistic, Learner::TLogistic, Learner::ClassTransformation, Learner::STrees];
    /// Those that learn from what was expected of rows left out.
    pub const BY_EXPECTATION: [Learner; 2] = [Learner::XLinear, Learner::DrLinear];

    /// All of them, in the order in which their effects stand.
    pub fn all() -> impl Iterator<Item = Learner> {
        Learner::DIRECT.into_iter().chain(Learner::BY_EXPECTATION)
    }

    pub fn name(self) -> &'static str {
        match self {
            Learner::SLogistic => "S-learner, logistic",
            Learner::TLogistic => "T-learner, logistic",
            Learner::ClassTransformation => "class transformation, logistic",
            Learner::STrees => "S-learner, trees",
            Learner::XLinear => "X-learner, linear",
            Learner::DrLinear => "doubly robust, linear",
        }
    }

    /// Whether it tells the outcome in each arm.
    pub fn tells_outcomes(self) -> bool {
        matches!(self, Learner::TLogistic | Learner::STrees)
    }
}

/// A learner that was fitted to all arms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Fitted {
    /// Log-odds with the actions' columns last; their number.
    SLinear(Scorer, usize),
    /// Log-odds in each arm.
    TLinear(Vec<Scorer>),
    /// Log-odds of the transformed class, one an action.
    Class(Vec<Scorer>),
    /// Log-odds with the actions' columns last; their number.
    STrees(Box<Forest>, usize),
    /// Effects, one an action.
    Linear(Vec<Scorer>),
}

impl Fitted {
    /// Fits a learner of [`Learner::DIRECT`] to the rows `train`; `chances` is how likely each row was to get each arm.
    pub fn direct(
        learner: Learner,
        bench: &Bench<'_>,
        train: &[u32],
        chances: &[f64],
        seed: u64,
    ) -> Result<Self> {
        let (data, n_actions) = (bench.data, bench.data.n_arms - 1);
        match learner {
            Learner::STrees => Ok(Fitted::STrees(Box::new(bench.trees(train, seed)?), n_actions)),
            Learner::SLogistic => {
                Ok(Fitted::SLinear(bench.with_actions.logistic(data.y, None, train, C_OF_S)?, n_actions))
            }
            Learner::ClassTransformation => {
                let fit = |action| transformed(bench, train, chances, action);
                Ok(Fitted::Class((1..=n_actions).map(fit).collect::<Result<_>>()?))
            }
            _ => {
                let fit = |arm| bench.bent.logistic(data.y, None, &data.of_arm(train, arm), C_OF_T);
                Ok(Fitted::TLinear((0..=n_actions).map(fit).collect::<Result<_>>()?))
            }
        }
    }

    /// Probabilities of the outcome of `n` rows in each arm; none for learners that tell effects only.
    pub fn outcomes(&self, columns: &[EncodedColumn<'_>], n: usize) -> Vec<Vec<f64>> {
        let odds: Vec<Vec<f64>> = match self {
            Fitted::SLinear(scorer, actions) => {
                in_arms(columns, n, *actions, |columns| scorer.log_odds(columns, n))
            }
            Fitted::STrees(trees, actions) => in_arms(columns, n, *actions, |columns| raw(trees, columns)),
            Fitted::TLinear(arms) => arms.iter().map(|scorer| scorer.log_odds(columns, n)).collect(),
            Fitted::Class(_) | Fitted::Linear(_) => Vec::new(),
        };
        odds.into_iter().map(|odds| odds.into_iter().map(sigmoid).collect()).collect()
    }

    /// The effect of each action on the outcome's probability of `n` rows.
    pub fn effects(&self, columns: &[EncodedColumn<'_>], n: usize) -> Vec<Vec<f64>> {
        match self {
            Fitted::Linear(actions) => actions.iter().map(|scorer| scorer.log_odds(columns, n)).collect(),
            Fitted::Class(actions) => {
                let rise = |odds: f64| 2.0 * sigmoid(odds) - 1.0;
                let of = |scorer: &Scorer| scorer.log_odds(columns, n).into_iter().map(rise).collect();
                actions.iter().map(of).collect()
            }
            _ => rises(&self.outcomes(columns, n)),
        }
    }
}

/// By how much probabilities rise from arm 0 to each other.
pub(super) fn rises(of_arms: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let rise = |arm: &Vec<f64>| arm.iter().zip(&of_arms[0]).map(|(with, rest)| with - rest).collect();
    of_arms[1..].iter().map(rise).collect()
}

/// The transformed class is the outcome with the action, its opposite without; weighed by how rare an arm was for the
/// row, its probability is `(1 + τ) / 2`.
fn transformed(bench: &Bench<'_>, train: &[u32], chances: &[f64], action: usize) -> Result<Scorer> {
    let data = bench.data;
    let is_in = |row: &u32| [0, action].contains(&data.arm[*row as usize]);
    let rows: Vec<u32> = train.iter().copied().filter(is_in).collect();
    let class: Vec<bool> = data.y.iter().zip(data.arm).map(|(&y, &arm)| y == (arm == action)).collect();
    let weight = |(row, &arm): (usize, &usize)| {
        let of_row = &chances[row * data.n_arms..][..data.n_arms];
        0.5 * (of_row[0] + of_row[action]) / of_row[arm]
    };
    let weights: Vec<f64> = data.arm.iter().enumerate().map(weight).collect();
    bench.straight.logistic(&class, Some(&weights), &rows, C_OF_CLASS)
}

fn raw(trees: &Forest, columns: &[EncodedColumn<'_>]) -> Vec<f64> {
    let views: Vec<ColumnView<'_>> = columns.iter().map(EncodedColumn::view).collect();
    trees.predict(&views)
}

/// `log_odds` as if all rows were in arm 0, then in each other.
fn in_arms(
    columns: &[EncodedColumn<'_>],
    n_rows: usize,
    n_actions: usize,
    log_odds: impl Fn(&[EncodedColumn<'_>]) -> Vec<f64>,
) -> Vec<Vec<f64>> {
    let at = |arm: usize| {
        let given = |action: usize| vec![f64::from(u8::from(action == arm)); n_rows];
        let actions: Vec<Vec<f64>> = (1..=n_actions).map(given).collect();
        log_odds(&joined(columns, &actions))
    };
    (0..=n_actions).map(at).collect()
}
