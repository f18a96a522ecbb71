//! One action against none: what was learned on folds, put together.

use serde::{Deserialize, Serialize};

use super::crossfit::{LeftOut, mean_of_other_folds};
use super::data::{Fold, mean, variance};
use super::doubt::Doubt;
use super::learners::Learner;
use super::pieces::Pieces;
use super::weigh::{Weights, weigh};
use super::{Average, Candidate};
use crate::model::EncodedColumn;

/// Chance, beforehand, that an action does nothing.
const NOTHING: f64 = 0.05;
/// How large average effects are if there are any, in deviations of the outcome.
const SIZE: f64 = 0.2;
/// Differences whose mean square is this often the average's are too small for the experiment to show, and may be there.
const TOO_SMALL: f64 = 4.0;

/// The fitted effect of one action against none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Contrast {
    /// The average effect, shrunk towards none.
    level: f64,
    /// Its variance.
    variance: f64,
    /// What each learner's differences count.
    weights: [f64; 2],
    doubt: Doubt,
}

/// What was found, for the report.
pub(super) struct Found {
    pub average: Average,
    pub candidates: Vec<Candidate>,
}

impl Contrast {
    /// Of action `action` (from 1) from what was left out; `outcome` is the outcome's deviation.
    pub fn new(
        left_out: &LeftOut,
        folds: &[Fold],
        pieces: &Pieces<'_>,
        action: usize,
        outcome: f64,
        prior: Option<(f64, f64)>,
    ) -> (Self, Found) {
        let scores = left_out.effect_scores(action);
        let differences = left_out.differences.each_ref().map(|of_actions| &of_actions[action - 1][..]);
        let precisions = &left_out.precisions[action - 1];
        let weights = weigh(differences, &scores, precisions);
        let average = average(&scores, prior);
        let nothing = chance_of_nothing(&scores, outcome, prior);
        let candidates = candidates(&differences, &scores, folds, &weights, nothing);
        let too_small = TOO_SMALL * weights.noise / scores.len() as f64;
        let spread = (weights.mean_square + too_small).sqrt();
        let contrast = Contrast {
            level: average.value * (1.0 - nothing),
            variance: average.standard_error.powi(2) + nothing * (1.0 - nothing) * average.value.powi(2),
            doubt: Doubt::new(pieces, precisions, weights.noise, spread),
            weights: weights.of,
        };
        (contrast, Found { average, candidates })
    }

    /// Effects of `n` rows with their standard errors; `told` holds differences by learner and member.
    ///
    /// The variance is that of the average; of the differences, as far as rows decide them; and of their shape, as far
    /// as members disagree.
    pub fn effects(
        &self,
        told: &[Vec<&[f64]>; 2],
        columns: &[EncodedColumn<'_>],
        n_rows: usize,
    ) -> (Vec<f64>, Vec<f64>) {
        let doubt = self.doubt.variances(columns, n_rows);
        let of_row = |row: usize| {
            let (mut effect, mut variance) = (self.level, self.variance + doubt[row]);
            for ((learner, weight), members) in Learner::ALL.into_iter().zip(self.weights).zip(told) {
                let n = members.len() as f64;
                let mean = members.iter().map(|of| of[row]).sum::<f64>() / n;
                let apart = members.iter().map(|of| (of[row] - mean).powi(2)).sum::<f64>() / n;
                effect += weight * mean;
                variance += weight * weight * learner.doubt(members.len()) * apart;
            }
            (effect.clamp(-1.0, 1.0), variance.sqrt())
        };
        (0..n_rows).map(of_row).unzip()
    }
}

fn mean_and_error(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    (mean(values), (variance(values) / (n - 1.0).max(1.0)).sqrt())
}

/// The mean score with its error, drawn to the prior by their precisions.
fn average(scores: &[f64], prior: Option<(f64, f64)>) -> Average {
    let (value, standard_error) = mean_and_error(scores);
    let Some((mean, deviation)) = prior else { return Average { value, standard_error } };
    let (of_data, of_prior) = (standard_error.powi(-2), deviation.powi(-2));
    if !of_data.is_finite() {
        return Average { value, standard_error };
    }
    let precision = of_data + of_prior;
    let value = (of_data * value + of_prior * mean) / precision;
    Average { value, standard_error: precision.sqrt().recip() }
}

/// How likely it is that the action does nothing, by how far the mean score is from 0.
fn chance_of_nothing(scores: &[f64], outcome: f64, prior: Option<(f64, f64)>) -> f64 {
    let (value, error) = mean_and_error(scores);
    let (centre, size) = prior.unwrap_or((0.0, SIZE * outcome));
    let total = error * error + size * size;
    let log_ratio =
        (error / total.sqrt()).ln() + 0.5 * (value / error).powi(2) - 0.5 * (value - centre).powi(2) / total;
    let chance = 1.0 / (1.0 + (1.0 - NOTHING) / NOTHING * log_ratio.exp());
    if chance.is_finite() { chance } else { 0.0 }
}

/// What the estimate is made of by name, heaviest first.
fn candidates(
    differences: &[&[f64]; 2],
    scores: &[f64],
    folds: &[Fold],
    weights: &Weights,
    nothing: f64,
) -> Vec<Candidate> {
    let same = mean_of_other_folds(scores, folds);
    let describe = |name: &str, weight: f64, told: &dyn Fn(usize) -> f64| {
        let gain = |row: usize| (scores[row] - same[row]).powi(2) - (scores[row] - told(row)).powi(2);
        let gains: Vec<f64> = (0..scores.len()).map(gain).collect();
        let (gain, standard_error) = mean_and_error(&gains);
        Candidate { name: name.to_owned(), weight, gain, standard_error }
    };
    // By how much of the differences that are told each accounts for.
    let parts: Vec<f64> =
        weights.of.iter().zip(differences).map(|(weight, d)| weight * variance(d).sqrt()).collect();
    let total: f64 = parts.iter().sum();
    let differ = if total > 0.0 { weights.differ } else { 0.0 };
    let mut all = vec![
        describe("none", nothing, &|_| 0.0),
        describe("the same for all", (1.0 - nothing) * (1.0 - differ), &|row| same[row]),
    ];
    for ((learner, d), part) in Learner::ALL.into_iter().zip(differences).zip(parts) {
        let share = if total > 0.0 { part / total } else { 0.0 };
        all.push(describe(learner.name(), (1.0 - nothing) * differ * share, &|row| same[row] + d[row]));
    }
    all.sort_by(|a, b| b.weight.total_cmp(&a.weight));
    all
}
