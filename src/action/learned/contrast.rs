//! One action against none: learners on folds, weighed by doubly robust scores, and put together.
//!
//! With `e` the probability of treatment and `μ₀`, `μ₁` outcome models that did not see the row, the score
//!
//! > `ψ = μ₁ − μ₀ + t (y − μ₁) / e − (1 − t) (y − μ₀) / (1 − e)` (Robins, Rotnitzky & Zhao 1994)
//!
//! has the row's effect as its expectation. A candidate is good if it is near to `ψ` on rows that it did not see.
//! Candidates are "none", "the same for all", and the differences between accounts that each learner sees and that all
//! see on average, full or halved, around the average effect. They are averaged by exponential weights (Leung & Barron 2006; Dalalyan & Tsybakov 2008)
//!
//! > `wⱼ ∝ priorⱼ exp(−Σ (ψ − τⱼ)² / 4 s²)`
//!
//! so that where the scores speak for no differences, there are none, and no single learner is trusted by luck.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::data::{Data, Fold, mean, pick};
use super::learners::{Arms, Fitted, Learner, names_with_action};
use super::propensity::{self, CLIP};
use super::{Average, Candidate, Evidence, Overlap};
use crate::error::Result;
use crate::model::EncodedColumn;

/// What is thought before the data speaks: nothing, the same for all, what all learners say on average; the single
/// learners share the rest.
const PRIOR_NONE: f64 = 0.05;
const PRIOR_SAME: f64 = 0.45;
const PRIOR_ALL: f64 = 0.25;
/// How much of a learner's differences a candidate keeps.
const KEPT: [f64; 2] = [0.5, 1.0];
/// Learners of less weight than this are left out: they would cost time and change nothing.
const SMALLEST_WEIGHT: f64 = 0.005;

/// The fitted effect of one action against none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Contrast {
    /// The average effect, shrunk towards none.
    level: f64,
    /// By fold: what is told is their mean.
    folds: Vec<Vec<Member>>,
    /// Weights of what all learners say on average.
    of_all: Weights,
    /// Covariance of the average and of the slope on the differences: `[v₀₀, v₀₁, v₁₁]`.
    covariance: [f64; 3],
}

/// A learner's part in what a fold says of the differences between accounts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Member {
    weights: Weights,
    /// Its mean over the rows left out.
    mean: f64,
    fitted: Fitted,
}

/// Weights of differences that are kept as far as [`KEPT`] says.
type Weights = [f64; KEPT.len()];

/// What cross-fitting found on rows left out.
struct LeftOut {
    /// Doubly robust scores.
    scores: Vec<f64>,
    /// The average effect on the other folds, a row.
    average: Vec<f64>,
    /// Each learner's differences, mean 0 in each fold.
    differences: Vec<(Learner, Vec<f64>)>,
    /// The learners of each fold, in the order of `differences`, each with its mean over the rows left out.
    models: Vec<Vec<(Fitted, f64)>>,
}

/// What is known of an action's effect, for the report.
pub(super) struct Findings {
    pub average: Average,
    pub candidates: Vec<Candidate>,
    pub overlap: Overlap,
}

pub(super) fn fit(
    data: &Data<'_>,
    evidence: &Evidence,
    known: Option<Vec<f64>>,
    prior: Option<(f64, f64)>,
    n_folds: usize,
    seed: u64,
) -> Result<(Contrast, Findings)> {
    let folds = data.folds(n_folds, seed)?;
    let estimated = match (known, evidence) {
        (Some(known), _) => known,
        (None, Evidence::Observational) => propensity::estimated(data, &folds)?,
        (None, _) => propensity::constant(data),
    };
    let overlap = Overlap::of(&estimated);
    let propensity: Vec<f64> = estimated.iter().map(|e| e.clamp(CLIP, 1.0 - CLIP)).collect();
    let left_out = LeftOut::new(data, &folds, &propensity, seed)?;
    let mut candidates = left_out.candidates();
    weigh(&mut candidates, &left_out.scores);
    let average = average(&left_out.scores, prior);
    let named = report(&candidates, &left_out);
    let contrast = left_out.put_together(&candidates, average);
    Ok((contrast, Findings { average, candidates: named, overlap }))
}

impl LeftOut {
    fn new(data: &Data<'_>, folds: &[Fold], propensity: &[f64], seed: u64) -> Result<Self> {
        let c = strength(data, folds)?;
        let direct: Vec<Direct> =
            folds.par_iter().map(|fold| Direct::new(data, fold, c, seed)).collect::<Result<_>>()?;
        let gather = |of: &dyn Fn(&Direct) -> &[f64]| gather(data.n_rows(), folds, direct.iter().map(of));
        let outcomes = [gather(&|fold| &fold.outcomes[0]), gather(&|fold| &fold.outcomes[1])];
        let scores = doubly_robust(data, propensity, &outcomes);
        let (level, error) = mean_and_error(&scores);
        let spread = 0.5 * level.abs().max(error);
        let by_score: Vec<Vec<Said>> = folds
            .par_iter()
            .map(|fold| by_score(data, fold, &scores, spread, seed))
            .collect::<Result<_>>()?;
        let said: Vec<Vec<Said>> = direct
            .into_iter()
            .zip(by_score)
            .map(|(fold, more)| fold.said.into_iter().chain(more).collect())
            .collect();
        let learners = Learner::DIRECT.into_iter().chain(Learner::BY_SCORE).enumerate();
        let differences = learners.map(|(at, learner)| {
            let of_folds = said.iter().map(|fold| fold[at].differences.as_slice());
            (learner, self::gather(data.n_rows(), folds, of_folds))
        });
        let mut differences: Vec<(Learner, Vec<f64>)> = differences.collect();
        differences.push((Learner::All, mean_of_all(&differences)));
        let model = |said: Said| (said.fitted, said.mean);
        let models = said.into_iter().map(|fold| fold.into_iter().map(model).collect()).collect();
        let average = average_of_other_folds(&scores, folds);
        Ok(LeftOut { scores, average, differences, models })
    }

    fn candidates(&self) -> Vec<Weighed> {
        let n_single = (self.differences.len() - 1) as f64;
        let single = (1.0 - PRIOR_NONE - PRIOR_SAME - PRIOR_ALL) / n_single;
        let prior = |learner| if learner == Learner::All { PRIOR_ALL } else { single };
        let mut candidates = vec![
            Weighed::new(None, 0.0, PRIOR_NONE, vec![0.0; self.scores.len()]),
            Weighed::new(None, 1.0, PRIOR_SAME, self.average.clone()),
        ];
        for (at, (learner, differences)) in self.differences.iter().enumerate() {
            for kept in KEPT {
                let weight = prior(*learner) / KEPT.len() as f64;
                let effects = self.average.iter().zip(differences).map(|(a, d)| a + kept * d).collect();
                candidates.push(Weighed::new(Some(at), kept, weight, effects));
            }
        }
        candidates
    }

    /// The weights of a learner's differences.
    fn weights(at: usize, candidates: &[Weighed]) -> Weights {
        KEPT.map(|kept| {
            let own = |candidate: &&Weighed| candidate.learner == Some(at) && candidate.kept == kept;
            candidates.iter().filter(own).map(|candidate| candidate.weight).sum()
        })
    }

    fn put_together(self, candidates: &[Weighed], average: Average) -> Contrast {
        let covariance = self.covariance(candidates, average);
        let n_learners = self.differences.len() - 1;
        let of_all = Self::weights(n_learners, candidates);
        let needs_all = of_all.iter().sum::<f64>() > SMALLEST_WEIGHT;
        let of_fold = |fold: Vec<(Fitted, f64)>| {
            let member = |(at, (fitted, mean)): (usize, (Fitted, f64))| {
                let weights = Self::weights(at, candidates);
                let used = needs_all || weights.iter().sum::<f64>() > SMALLEST_WEIGHT;
                used.then_some(Member { weights, mean, fitted })
            };
            fold.into_iter().enumerate().filter_map(member).collect()
        };
        Contrast {
            level: average.value * (1.0 - candidates[0].weight),
            folds: self.models.into_iter().map(of_fold).collect(),
            of_all: if needs_all { of_all } else { [0.0; KEPT.len()] },
            covariance,
        }
    }

    /// Of the intercept and slope of the scores on the weighed differences, robust to unequal noise (White 1980).
    fn covariance(&self, candidates: &[Weighed], average: Average) -> [f64; 3] {
        let n_rows = self.scores.len();
        let mut x = vec![0.0; n_rows];
        for (at, (_, differences)) in self.differences.iter().enumerate() {
            let weight = first_moment(&Self::weights(at, candidates));
            x.iter_mut().zip(differences).for_each(|(x, d)| *x += weight * d);
        }
        let squares: f64 = x.iter().map(|x| x * x).sum();
        let v00 = average.standard_error.powi(2);
        if squares <= 1e-18 * n_rows as f64 {
            return [v00, 0.0, 0.0];
        }
        let level = mean(&self.scores);
        let slope = x.iter().zip(&self.scores).map(|(x, s)| x * (s - level)).sum::<f64>() / squares;
        let (mut v01, mut v11) = (0.0, 0.0);
        for (x, score) in x.iter().zip(&self.scores) {
            let noise = (score - level - slope * x).powi(2);
            v01 += noise * x;
            v11 += noise * x * x;
        }
        let narrowed = average.standard_error / mean_and_error(&self.scores).1.max(f64::MIN_POSITIVE);
        // A slope above 1 says that the differences were shrunk too far: by about that much they are wrong.
        let shrunk = (slope - 1.0).max(0.0).powi(2);
        [v00, narrowed * v01 / (n_rows as f64 * squares), v11 / (squares * squares) + shrunk]
    }
}

impl Contrast {
    /// Effects of `n` rows with their standard errors.
    ///
    /// The variance is that of the average; of the slope of the differences; of their shape, as far as the folds
    /// disagree (the jackknife that leaves out a group, Efron & Stein 1981); and that between the candidates, as far as
    /// their weights leave open which is right. They overlap a little: rather too wide than too narrow.
    pub fn effects(&self, columns: &[EncodedColumn<'_>], n_rows: usize) -> (Vec<f64>, Vec<f64>) {
        let by_fold: Vec<Vec<Moments>> =
            self.folds.iter().map(|members| self.moments(members, columns, n_rows)).collect();
        let k = by_fold.len() as f64;
        let [v00, v01, v11] = self.covariance;
        let of_row = |row: usize| {
            let d = by_fold.iter().map(|fold| fold[row].first).sum::<f64>() / k;
            let apart: f64 = by_fold.iter().map(|fold| (fold[row].first - d).powi(2)).sum();
            let of_slope = 2.0 * d * v01 + d * d * v11;
            let between =
                by_fold.iter().map(|fold| fold[row].second - fold[row].first.powi(2)).sum::<f64>() / k;
            let variance = v00 + of_slope + (k - 1.0) / k * apart + between.max(0.0);
            ((self.level + d).clamp(-1.0, 1.0), variance.max(0.0).sqrt())
        };
        (0..n_rows).map(of_row).unzip()
    }

    /// What the members of a fold say of the differences of `n` rows.
    fn moments(&self, members: &[Member], columns: &[EncodedColumn<'_>], n_rows: usize) -> Vec<Moments> {
        let (mut moments, mut all) = (vec![Moments::default(); n_rows], vec![0.0; n_rows]);
        for member in members {
            let effects = member.fitted.effects(columns, n_rows);
            for (row, effect) in effects.into_iter().enumerate() {
                let difference = effect - member.mean;
                moments[row].add(&member.weights, difference);
                all[row] += difference / members.len() as f64;
            }
        }
        moments.iter_mut().zip(all).for_each(|(moments, all)| moments.add(&self.of_all, all));
        moments
    }
}

/// Of the candidates' differences for a row, by their weights.
#[derive(Clone, Copy, Default)]
struct Moments {
    first: f64,
    second: f64,
}

impl Moments {
    fn add(&mut self, weights: &Weights, difference: f64) {
        for (weight, kept) in weights.iter().zip(KEPT) {
            self.first += weight * kept * difference;
            self.second += weight * (kept * difference).powi(2);
        }
    }
}

fn first_moment(weights: &Weights) -> f64 {
    weights.iter().zip(KEPT).map(|(weight, kept)| weight * kept).sum()
}

fn mean_of_all(differences: &[(Learner, Vec<f64>)]) -> Vec<f64> {
    let of_row = |row: usize| differences.iter().map(|(_, d)| d[row]).sum::<f64>() / differences.len() as f64;
    (0..differences.first().map_or(0, |(_, d)| d.len())).map(of_row).collect()
}

/// What a learner of one fold says of the rows left out.
struct Said {
    fitted: Fitted,
    mean: f64,
    /// Its effects less their mean.
    differences: Vec<f64>,
}

impl Said {
    fn new(fitted: Fitted, valid: &Data<'_>) -> Result<Self> {
        let mut differences = fitted.effects(&valid.columns()?, valid.n_rows());
        let mean = mean(&differences);
        differences.iter_mut().for_each(|effect| *effect -= mean);
        Ok(Said { fitted, mean, differences })
    }
}

/// What the outcome models and the learners that learn from outcomes say of the rows left out.
struct Direct {
    outcomes: [Vec<f64>; 2],
    said: Vec<Said>,
}

impl Direct {
    fn new(data: &Data<'_>, (train, valid): &Fold, c: f64, seed: u64) -> Result<Self> {
        let (train, valid) = (data.take(train), data.take(valid));
        let arms = Arms::fit(&train, c, seed)?;
        let say = |learner| Said::new(Fitted::direct(learner, &train, &arms, c, seed)?, &valid);
        let columns = valid.columns()?;
        Ok(Direct {
            outcomes: [0, 1].map(|arm| arms.outcome(arm, &columns, valid.n_rows())),
            said: Learner::DIRECT.into_iter().map(say).collect::<Result<_>>()?,
        })
    }
}

/// As [`Direct`], by learners on the scores. A training row's score may rest on outcome models that saw rows left out
/// here; that touches it in second order only, as the score is orthogonal to those models.
fn by_score(
    data: &Data<'_>,
    (train, valid): &Fold,
    scores: &[f64],
    spread: f64,
    seed: u64,
) -> Result<Vec<Said>> {
    let (scores, train, valid) = (pick(scores, train), data.take(train), data.take(valid));
    let say = |learner| Said::new(Fitted::by_score(learner, &train, &scores, spread, seed)?, &valid);
    Learner::BY_SCORE.into_iter().map(say).collect()
}

/// The C for all logistic regressions, by how well one with the action as a column predicts rows left out.
fn strength(data: &Data<'_>, folds: &[Fold]) -> Result<f64> {
    let action = super::data::numbers(&data.treated);
    let mut columns = data.columns()?;
    columns.push(EncodedColumn::Number(action[..].into()));
    Ok(propensity::out_of_fold(&names_with_action(data.features), &columns, &data.y, folds)?.0)
}

fn doubly_robust(data: &Data<'_>, propensity: &[f64], [rest, treated]: &[Vec<f64>; 2]) -> Vec<f64> {
    let of_row = |row: usize| {
        let y = f64::from(u8::from(data.y[row]));
        let (mu0, mu1, e) = (rest[row], treated[row], propensity[row]);
        mu1 - mu0 + if data.treated[row] { (y - mu1) / e } else { -(y - mu0) / (1.0 - e) }
    };
    (0..data.n_rows()).map(of_row).collect()
}

/// Puts what was said of the rows left out in the rows' places.
fn gather<'a>(n_rows: usize, folds: &[Fold], of_folds: impl Iterator<Item = &'a [f64]>) -> Vec<f64> {
    let mut gathered = vec![0.0; n_rows];
    for ((_, valid), values) in folds.iter().zip(of_folds) {
        valid.iter().zip(values).for_each(|(&row, &value)| gathered[row as usize] = value);
    }
    gathered
}

fn average_of_other_folds(scores: &[f64], folds: &[Fold]) -> Vec<f64> {
    let mut average = vec![0.0; scores.len()];
    for (train, valid) in folds {
        let mean = mean(&pick(scores, train));
        valid.iter().for_each(|&row| average[row as usize] = mean);
    }
    average
}

fn mean_and_error(values: &[f64]) -> (f64, f64) {
    let (mean, n) = (mean(values), values.len() as f64);
    let spread: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, (spread / (n * (n - 1.0).max(1.0))).sqrt())
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

/// A candidate with its effects on rows left out.
struct Weighed {
    /// Position of its learner; `None` for the two that tell no account from another.
    learner: Option<usize>,
    kept: f64,
    weight: f64,
    effects: Vec<f64>,
}

impl Weighed {
    fn new(learner: Option<usize>, kept: f64, weight: f64, effects: Vec<f64>) -> Self {
        Weighed { learner, kept, weight, effects }
    }
}

/// From prior weights to weights that sum to 1.
fn weigh(candidates: &mut [Weighed], scores: &[f64]) {
    let (_, error) = mean_and_error(scores);
    let n = scores.len() as f64;
    let variance = (error * error * n).max(f64::MIN_POSITIVE);
    let log_weight = |candidate: &Weighed| {
        let loss: f64 = candidate.effects.iter().zip(scores).map(|(t, s)| (s - t).powi(2)).sum();
        candidate.weight.ln() - loss / (4.0 * variance)
    };
    let logs: Vec<f64> = candidates.iter().map(log_weight).collect();
    let largest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let total: f64 = logs.iter().map(|log| (log - largest).exp()).sum();
    candidates.iter_mut().zip(logs).for_each(|(c, log)| c.weight = (log - largest).exp() / total);
}

/// The candidates by name, heaviest first.
fn report(candidates: &[Weighed], left_out: &LeftOut) -> Vec<Candidate> {
    let same = &left_out.average;
    let describe = |candidate: &Weighed| {
        let gain = |row: usize| {
            let score = left_out.scores[row];
            (score - same[row]).powi(2) - (score - candidate.effects[row]).powi(2)
        };
        let gains: Vec<f64> = (0..same.len()).map(gain).collect();
        let (gain, standard_error) = mean_and_error(&gains);
        let name = match (candidate.learner, candidate.kept) {
            (None, 0.0) => "none".to_owned(),
            (None, _) => "the same for all".to_owned(),
            (Some(at), 1.0) => left_out.differences[at].0.name().to_owned(),
            (Some(at), _) => format!("{}, halved", left_out.differences[at].0.name()),
        };
        Candidate { name, weight: candidate.weight, gain, standard_error }
    };
    let mut named: Vec<Candidate> = candidates.iter().map(describe).collect();
    named.sort_by(|a, b| b.weight.total_cmp(&a.weight));
    named
}
