//! Learners fitted fold by fold, and what they say of the rows left out.
//!
//! With `e` the chances of the arms and `μ` what outcome models expect that did not see the row, an arm's score
//!
//! > `Γₐ = μₐ + [arm = a] (y − μₐ) / eₐ` (Robins, Rotnitzky & Zhao 1994)
//!
//! has the row's outcome in that arm as its expectation, right if either the chances or the expectations are.

use rayon::prelude::*;

use super::bench::Bench;
use super::data::{Fold, Taken, mean, pick, variance};
use super::learners::{Fitted, Learner, rises};
use super::ridge::Ridge;
use crate::error::Result;
use crate::model::EncodedColumn;

/// How far effects are thought to differ between accounts by the linear learners, in deviations of the outcome. Tight:
/// the order of accounts is what they are asked for, how far the effects differ is found when they are weighed.
const SPREAD: f64 = 0.035;

/// A learner fitted to a fold's training rows, with the mean of its effects on the rows left out, by action.
pub(super) struct Centred {
    pub fitted: Fitted,
    pub means: Vec<f64>,
}

/// What cross-fitting found on rows left out.
pub(super) struct LeftOut {
    /// Doubly robust scores, by arm.
    pub scores: Vec<Vec<f64>>,
    /// Each learner's effects less their mean in the fold, by learner and action.
    pub differences: Vec<Vec<Vec<f64>>>,
    /// The learners of each fold, in the order of `differences`.
    pub models: Vec<Vec<Centred>>,
}

/// What a fold's learners say of the rows left out.
struct Said {
    models: Vec<Centred>,
    /// By learner and action.
    differences: Vec<Vec<Vec<f64>>>,
}

impl LeftOut {
    /// `chances` is `n × n_arms`, none of them 0.
    pub fn new(
        bench: &Bench<'_>,
        folds: &[Fold],
        ridge: &Ridge<'_>,
        chances: &[f64],
        seed: u64,
    ) -> Result<Self> {
        let direct = |fold: &Fold| direct(bench, fold, chances, seed);
        let direct: Vec<(Said, Vec<Vec<f64>>)> = folds.par_iter().map(direct).collect::<Result<_>>()?;
        let (mut said, expected): (Vec<Said>, Vec<_>) = direct.into_iter().unzip();
        let n_rows = bench.data.n_rows();
        let of_arm = |arm: usize| gather(n_rows, folds, expected.iter().map(|fold| &fold[arm]));
        let expected: Vec<Vec<f64>> = (0..bench.data.n_arms).map(of_arm).collect();
        let scores = scores(bench, &expected, chances);
        let more: Vec<Said> = by_expectation(bench, folds, ridge, &expected, &scores);
        said.iter_mut().zip(more).for_each(|(said, more)| {
            said.models.extend(more.models);
            said.differences.extend(more.differences);
        });
        let differences = |learner: usize| {
            let of =
                |action: usize| gather(n_rows, folds, said.iter().map(|f| &f.differences[learner][action]));
            (0..bench.data.n_arms - 1).map(of).collect()
        };
        let differences = (0..Learner::all().count()).map(differences).collect();
        Ok(LeftOut { scores, differences, models: said.into_iter().map(|said| said.models).collect() })
    }

    /// Doubly robust scores of an action's effect.
    pub fn effect_scores(&self, action: usize) -> Vec<f64> {
        self.scores[action].iter().zip(&self.scores[0]).map(|(with, rest)| with - rest).collect()
    }
}

impl Said {
    fn nothing() -> Self {
        Said { models: Vec::new(), differences: Vec::new() }
    }

    fn add(&mut self, fitted: Fitted, mut effects: Vec<Vec<f64>>) {
        let means: Vec<f64> = effects.iter().map(|effects| mean(effects)).collect();
        for (effects, mean) in effects.iter_mut().zip(&means) {
            effects.iter_mut().for_each(|effect| *effect -= mean);
        }
        self.models.push(Centred { fitted, means });
        self.differences.push(effects);
    }
}

/// The learners from outcomes, and what is expected of the rows left out in each arm: the mean of a linear model and
/// trees.
fn direct(
    bench: &Bench<'_>,
    (train, valid): &Fold,
    chances: &[f64],
    seed: u64,
) -> Result<(Said, Vec<Vec<f64>>)> {
    let taken = Taken::rows(&bench.columns, valid);
    let columns: Vec<EncodedColumn<'_>> = taken.iter().map(Taken::column).collect();
    let mut said = Said::nothing();
    let mut expected = vec![vec![0.0; valid.len()]; bench.data.n_arms];
    let n_telling = Learner::DIRECT.iter().filter(|learner| learner.tells_outcomes()).count() as f64;
    for learner in Learner::DIRECT {
        let fitted = Fitted::direct(learner, bench, train, chances, seed)?;
        let effects = if learner.tells_outcomes() {
            let outcomes = fitted.outcomes(&columns, valid.len());
            for (expected, outcomes) in expected.iter_mut().zip(&outcomes) {
                expected.iter_mut().zip(outcomes).for_each(|(sum, p)| *sum += p / n_telling);
            }
            rises(&outcomes)
        } else {
            fitted.effects(&columns, valid.len())
        };
        said.add(fitted, effects);
    }
    Ok((said, expected))
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

/// The learners from expectations. A training row's may come from outcome models that saw rows left out here; that
/// touches the doubly robust one in second order only, as its score is orthogonal to those models.
fn by_expectation(
    bench: &Bench<'_>,
    folds: &[Fold],
    ridge: &Ridge<'_>,
    expected: &[Vec<f64>],
    scores: &[Vec<f64>],
) -> Vec<Said> {
    let data = bench.data;
    let spread = SPREAD * variance(&bench.targets).sqrt();
    let shares = data.shares();
    // By action: what a regression is made of, with whom it is made.
    let beyond = |arm: usize, of_others: bool| -> Vec<f64> {
        let of_row = |(y, expected): (&f64, &f64)| if of_others { expected - y } else { y - expected };
        bench.targets.iter().zip(&expected[if of_others { arm } else { 0 }]).map(of_row).collect()
    };
    let noise_in = |targets: &[f64], arm: usize| {
        let of_arm = targets.iter().zip(data.arm).filter(|(_, of_row)| **of_row == arm);
        variance(&of_arm.map(|(target, _)| *target).collect::<Vec<f64>>())
    };
    let of_action = |action: usize| {
        let effect: Vec<f64> = scores[action].iter().zip(&scores[0]).map(|(a, b)| a - b).collect();
        let (own, others) = (beyond(action, false), beyond(action, true));
        // What is taken off was estimated too, from outcomes of as much noise.
        let of_both = noise_in(&own, action) + noise_in(&others, 0);
        let noises = [variance(&effect), of_both, of_both];
        let products = [ridge.products(&effect), ridge.products(&own), ridge.products(&others)];
        let share = shares[action] / (shares[0] + shares[action]);
        (noises, products, share)
    };
    let actions: Vec<_> = (1..data.n_arms).into_par_iter().map(of_action).collect();
    let of_fold = |(left_out, (_, valid)): (usize, &Fold)| {
        let taken = Taken::rows(&bench.columns, valid);
        let columns: Vec<EncodedColumn<'_>> = taken.iter().map(Taken::column).collect();
        let mut lines: [Vec<_>; 2] = Default::default();
        for (action, (noises, products, share)) in (1..).zip(&actions) {
            let fit = |which: usize, of: Option<usize>| {
                let uses = |fold, arm| fold != left_out && of.is_none_or(|of| of == arm);
                ridge.fit(&products[which], noises[which], spread, uses)
            };
            // Künzel et al., eq. 9, with the share of treated rows as weight.
            lines[0].push(ridge.scorer(&fit(2, Some(0)).mixed(*share, &fit(1, Some(action)))));
            lines[1].push(ridge.scorer(&fit(0, None)));
        }
        let mut said = Said::nothing();
        for fitted in lines.map(Fitted::Linear) {
            let effects = fitted.effects(&columns, valid.len());
            said.add(fitted, effects);
        }
        said
    };
    folds.par_iter().enumerate().map(of_fold).collect()
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
