//! Learners fitted fold by fold, and what they say of the rows left out.
//!
//! With `e` the chances of the arms and `μ` what outcome models expect that did not see the row, an arm's score
//!
//! > `Γₐ = μₐ + [arm = a] (y − μₐ) / eₐ` (Robins, Rotnitzky & Zhao 1994)
//!
//! has the row's outcome in that arm as its expectation, right if either the chances or the expectations are.

use rayon::prelude::*;

use super::bench::Bench;
use super::data::{Fold, Taken, mean, pick};
use super::learners::{Fitted, rises};
use super::lines::{APART, Left, Lines};
use super::pieces::Pieces;
use crate::error::Result;
use crate::model::{EncodedColumn, sigmoid};

/// Outcomes are never thought to vary by less.
const LEAST_NOISE: f64 = 1e-4;

/// A learner fitted to a fold's training rows, with the mean of its effects on the rows left out, by action.
pub(super) struct Centred {
    pub fitted: Fitted,
    pub means: Vec<f64>,
}

/// What cross-fitting found on rows left out.
pub(super) struct LeftOut {
    /// Doubly robust scores, by arm.
    pub scores: Vec<Vec<f64>>,
    /// How exactly each row's scores tell of each action's effect: mean 1.
    pub precisions: Vec<Vec<f64>>,
    /// Each learner's effects less their mean in the fold, by learner and action.
    pub differences: Vec<Vec<Vec<f64>>>,
    /// The learners of each fold, in the order of `differences`.
    pub models: Vec<Vec<Centred>>,
}

/// A learner's models, one a fold, and what it says of all rows by the model that did not see them.
struct Said {
    models: Vec<Fitted>,
    /// By action.
    effects: Vec<Vec<f64>>,
}

impl LeftOut {
    /// `chances` is `n × n_arms`, none of them 0.
    pub fn new(
        bench: &Bench<'_>,
        folds: &[Fold],
        pieces: &Pieces<'_>,
        chances: &[f64],
        seed: u64,
    ) -> Result<Self> {
        let lines = Lines::new(pieces, &bench.targets).left_out();
        let freest = &lines[APART.len() - 1];
        let (forests, trees) = trees(bench, folds, seed)?;
        let half = |(a, b): (&f64, &f64)| 0.5 * (a + b);
        let both = |(a, b): (&Vec<f64>, &Vec<f64>)| a.iter().zip(b).map(half).collect();
        let expected: Vec<Vec<f64>> = probabilities(&freest.log_odds).iter().zip(&trees).map(both).collect();
        let scores = scores(bench, &expected, chances);
        let precisions = precisions(&expected, chances);
        let mut said: Vec<Said> = lines.iter().map(|left| of_lines(pieces, left)).collect();
        said.push(Said { models: forests, effects: rises(&trees) });
        Ok(LeftOut::centred(said, folds, scores, precisions))
    }

    /// Each learner's effects by how far they are from their mean in the fold.
    fn centred(said: Vec<Said>, folds: &[Fold], scores: Vec<Vec<f64>>, precisions: Vec<Vec<f64>>) -> Self {
        let mut models: Vec<Vec<Centred>> = folds.iter().map(|_| Vec::new()).collect();
        let mut differences = Vec::new();
        for Said { models: fitted, mut effects } in said {
            for ((fitted, (_, valid)), models) in fitted.into_iter().zip(folds).zip(&mut models) {
                let means: Vec<f64> = effects.iter().map(|effects| mean(&pick(effects, valid))).collect();
                for (effects, mean) in effects.iter_mut().zip(&means) {
                    valid.iter().for_each(|&row| effects[row as usize] -= mean);
                }
                models.push(Centred { fitted, means });
            }
            differences.push(effects);
        }
        LeftOut { scores, precisions, differences, models }
    }

    /// Doubly robust scores of an action's effect.
    pub fn effect_scores(&self, action: usize) -> Vec<f64> {
        self.scores[action].iter().zip(&self.scores[0]).map(|(with, rest)| with - rest).collect()
    }
}

fn probabilities(log_odds: &[Vec<f64>]) -> Vec<Vec<f64>> {
    log_odds.iter().map(|of_arm| of_arm.iter().map(|odds| sigmoid(*odds)).collect()).collect()
}

fn of_lines(pieces: &Pieces<'_>, left: &Left) -> Said {
    let scorers = |arms: &Vec<Vec<f64>>| arms.iter().map(|coefs| pieces.scorer(coefs)).collect();
    let models = left.of_folds.iter().map(|arms| Fitted::Lines(scorers(arms))).collect();
    Said { models, effects: rises(&probabilities(&left.log_odds)) }
}

/// One forest a fold; probabilities of rows left out, by arm.
fn trees(bench: &Bench<'_>, folds: &[Fold], seed: u64) -> Result<(Vec<Fitted>, Vec<Vec<f64>>)> {
    let n_arms = bench.data.n_arms;
    let of_fold = |(train, valid): &Fold| -> Result<(Fitted, Vec<Vec<f64>>)> {
        let fitted = Fitted::Trees(Box::new(bench.trees(train, seed)?), n_arms - 1);
        let taken = Taken::rows(&bench.columns, valid);
        let columns: Vec<EncodedColumn<'_>> = taken.iter().map(Taken::column).collect();
        let told = fitted.outcomes(&columns, valid.len());
        Ok((fitted, told))
    };
    let found: Vec<_> = folds.par_iter().map(of_fold).collect::<Result<_>>()?;
    let (models, told): (Vec<Fitted>, Vec<Vec<Vec<f64>>>) = found.into_iter().unzip();
    let of_arm = |arm: usize| gather(bench.data.n_rows(), folds, told.iter().map(|fold| &fold[arm]));
    Ok((models, (0..n_arms).map(of_arm).collect()))
}

fn scores(bench: &Bench<'_>, expected: &[Vec<f64>], chances: &[f64]) -> Vec<Vec<f64>> {
    let data = bench.data;
    let of_arm = |(arm, expected): (usize, &Vec<f64>)| {
        let of_row = |(row, expected): (usize, &f64)| {
            let beyond = (bench.targets[row] - expected) / chances[row * data.n_arms + arm];
            expected + if data.arm[row] == arm { beyond } else { 0.0 }
        };
        expected.iter().enumerate().map(of_row).collect()
    };
    expected.iter().enumerate().map(of_arm).collect()
}

/// One over the variance of each row's score of each action's effect, as expectations and chances have it; mean 1.
/// Rows with rare outcomes tell their effect more exactly than others.
fn precisions(expected: &[Vec<f64>], chances: &[f64]) -> Vec<Vec<f64>> {
    let n_arms = expected.len();
    let noise = |row: usize, arm: usize| {
        let p = expected[arm][row];
        (p * (1.0 - p)).max(LEAST_NOISE) / chances[row * n_arms + arm]
    };
    let of_action = |action: usize| {
        let of_row = |row: usize| (noise(row, 0) + noise(row, action)).recip();
        let precisions: Vec<f64> = (0..expected[0].len()).map(of_row).collect();
        let scale = mean(&precisions).recip();
        precisions.into_iter().map(|precision| scale * precision).collect()
    };
    (1..n_arms).map(of_action).collect()
}

/// Puts what was said of the rows left out in the rows' places.
fn gather<'a>(n_rows: usize, folds: &[Fold], of_folds: impl Iterator<Item = &'a Vec<f64>>) -> Vec<f64> {
    let mut gathered = vec![0.0; n_rows];
    for ((_, valid), values) in folds.iter().zip(of_folds) {
        valid.iter().zip(values).for_each(|(&row, &value)| gathered[row as usize] = value);
    }
    gathered
}

/// The mean of the other folds' values, a row.
pub(super) fn mean_of_other_folds(values: &[f64], folds: &[Fold]) -> Vec<f64> {
    let mut means = vec![0.0; values.len()];
    for (train, valid) in folds {
        let mean = mean(&pick(values, train));
        valid.iter().for_each(|&row| means[row as usize] = mean);
    }
    means
}
