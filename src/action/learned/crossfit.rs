//! Learners fitted fold by fold, and what they say of the rows left out.
//!
//! With `e` the chances of the arms and `μ` what outcome models expect that did not see the row, an arm's score
//!
//! > `Γₐ = μₐ + [arm = a] (y − μₐ) / eₐ` (Robins, Rotnitzky & Zhao 1994)
//!
//! has the row's outcome in that arm as its expectation, right if either the chances or the expectations are.

use rayon::prelude::*;

use super::bench::Bench;
use super::data::{Fold, Taken, halves, mean, pick};
use super::learners::{Fitted, Member, rises};
use super::lines::Lines;
use super::pieces::Pieces;
use crate::error::Result;
use crate::model::{EncodedColumn, sigmoid};

/// Outcomes are never thought to vary by less.
const LEAST_NOISE: f64 = 1e-4;

/// What cross-fitting found on rows left out.
pub(super) struct LeftOut {
    /// Doubly robust scores, by arm.
    pub scores: Vec<Vec<f64>>,
    /// How exactly each row's scores tell of each action's effect: mean 1.
    pub precisions: Vec<Vec<f64>>,
    /// Each learner's effects less their mean where it was left out, by learner and action.
    pub differences: [Vec<Vec<f64>>; 2],
    /// The models of each learner.
    pub members: [Vec<Member>; 2],
}

/// A learner's models, and what it says of all rows by the model that did not see them.
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
        let halves = halves(folds);
        let (lines, trees) =
            rayon::join(|| Lines::new(pieces, &bench.targets).left_out(), || trees(bench, &halves, seed));
        let (forests, trees) = trees?;
        let half = |(a, b): (&f64, &f64)| 0.5 * (a + b);
        let both = |(a, b): (&Vec<f64>, &Vec<f64>)| a.iter().zip(b).map(half).collect();
        let by_lines = probabilities(&lines.log_odds);
        let expected: Vec<Vec<f64>> = by_lines.iter().zip(&trees).map(both).collect();
        let scores = scores(bench, &expected, chances);
        let precisions = precisions(&expected, chances);
        let of_coefs =
            |arms: &Vec<Vec<f64>>| Fitted::Lines(arms.iter().map(|coefs| pieces.scorer(coefs)).collect());
        let lines = Said { models: lines.of_folds.iter().map(of_coefs).collect(), effects: rises(&by_lines) };
        let (lines, of_lines) = lines.centred(folds);
        let (trees, of_trees) = Said { models: forests, effects: rises(&trees) }.centred(&halves);
        Ok(LeftOut { scores, precisions, differences: [of_lines, of_trees], members: [lines, trees] })
    }

    /// Doubly robust scores of an action's effect.
    pub fn effect_scores(&self, action: usize) -> Vec<f64> {
        self.scores[action].iter().zip(&self.scores[0]).map(|(with, rest)| with - rest).collect()
    }
}

fn probabilities(log_odds: &[Vec<f64>]) -> Vec<Vec<f64>> {
    log_odds.iter().map(|of_arm| of_arm.iter().map(|odds| sigmoid(*odds)).collect()).collect()
}

impl Said {
    /// Effects by how far they are from their mean over the rows that a model did not see.
    fn centred(mut self, folds: &[Fold]) -> (Vec<Member>, Vec<Vec<f64>>) {
        let mut members = Vec::with_capacity(folds.len());
        for (fitted, (_, left_out)) in self.models.into_iter().zip(folds) {
            let means: Vec<f64> = self.effects.iter().map(|effects| mean(&pick(effects, left_out))).collect();
            for (effects, mean) in self.effects.iter_mut().zip(&means) {
                left_out.iter().for_each(|&row| effects[row as usize] -= mean);
            }
            members.push(Member { fitted, means });
        }
        (members, self.effects)
    }
}

/// One forest a half; probabilities of rows left out, by arm.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_outcomes_and_even_chances_tell_most_exactly() {
        let (rare, even) = (vec![0.1, 0.5, 0.5], vec![0.1, 0.5, 0.5]);
        let chances = [0.5, 0.5, 0.5, 0.5, 0.9, 0.1];
        let [found] = &precisions(&[rare, even], &chances)[..] else { panic!("one action") };
        assert!((mean(found) - 1.0).abs() < 1e-12);
        // Variances of the scores: .09 / .5 twice, .25 / .5 twice, .25 / .9 + .25 / .1.
        assert!((found[0] / found[1] - 0.25 / 0.09).abs() < 1e-9, "{found:?}");
        assert!((found[1] / found[2] - (0.25 / 0.9 + 2.5)).abs() < 1e-9, "{found:?}");
    }
}
