//! Logistic regressions in which each action's coefficients depart from those of doing nothing, as far as rows say.
//!
//! > `log-odds = β₀ + Z β + α_a + Z γ_a` with β thought to be normal of variance [`SHARED`] and γ of one of [`APART`]
//!
//! Departures of no variance are an S-learner, the same for all in log-odds; free ones a T-learner (Künzel et al. 2019).
//! Between them lies what an experiment can tell. How likely each variance is, all outcomes together say (the evidence,
//! MacKay 1992): that takes no rows away, and is far surer than what scores of rows left out could tell.
//!
//! One solution over all rows serves every fold and every variance: see [`Parabola`].

use ndarray::{Array1, Array2};
use rayon::prelude::*;

use super::data::pick;
use super::parabola::Parabola;
use super::pieces::Pieces;

/// Variance that the shared coefficients are thought to have: what they are, rows decide.
pub(super) const SHARED: f64 = 0.03;
/// Variances that departures may have, each thought as likely beforehand.
const APART: [f64; 7] = [1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1];
/// The variance at whose solution the parabola is taken.
const MIDDLE: f64 = 3e-3;
/// The solution is near enough when the last step moved no coefficient by more: the parabola goes the rest.
const NEAR: f64 = 0.02;
/// Steps further than this need a Hessian of where they end.
const FAR: f64 = 0.3;
const MOST_STEPS: usize = 30;
/// Steps with one Hessian, after which it is taken anew.
const STEPS_OF_HESSIAN: usize = 4;

/// Coefficients of all arms, the intercepts last of each: those shared, then each action's departures.
#[derive(Clone, Debug)]
pub(super) struct Coefs {
    pub width: usize,
    pub values: Vec<f64>,
}

impl Coefs {
    fn block(&self, arm: usize) -> &[f64] {
        &self.values[arm * self.width..][..self.width]
    }

    /// Those that an arm's log-odds are made of.
    fn of_arm(&self, arm: usize) -> Vec<f64> {
        let own = (arm > 0).then(|| self.block(arm));
        let departure = |at: usize| own.map_or(0.0, |own| own[at]);
        self.block(0).iter().enumerate().map(|(at, shared)| shared + departure(at)).collect()
    }
}

/// The regressions, fold by fold.
pub(super) struct Left {
    /// Coefficients of each arm, by fold that was left out.
    pub of_folds: Vec<Vec<Vec<f64>>>,
    /// Log-odds of every row in each arm, by coefficients that did not see it; by arm.
    pub log_odds: Vec<Vec<f64>>,
}

/// What a piece says at given coefficients.
pub(super) struct Look {
    loss: f64,
    pub gradient: Array1<f64>,
    hessian: Option<Array2<f64>>,
}

/// The experiment for these regressions.
pub(super) struct Lines<'a> {
    pieces: &'a Pieces<'a>,
    /// Outcomes of each piece's rows.
    outcomes: Vec<Array1<f64>>,
}

impl<'a> Lines<'a> {
    pub fn new(pieces: &'a Pieces<'a>, targets: &[f64]) -> Self {
        let outcomes = pieces.all.iter().map(|piece| Array1::from(pick(targets, &piece.rows))).collect();
        Lines { pieces, outcomes }
    }

    pub fn left_out(&self) -> Left {
        let (coefs, looks, hessians) = self.settled();
        let around = |fold| Parabola::new(self.pieces, &looks, &hessians, &coefs, fold);
        let likely = around(None).likely(&APART);
        let of_fold = |fold| around(Some(fold)).mean(&APART, &likely);
        self.left((0..self.pieces.n_folds).into_par_iter().map(of_fold).collect())
    }

    /// Each arm at its rate.
    fn rates(&self) -> Coefs {
        let (n_arms, width) = (self.pieces.n_arms, self.pieces.width);
        let (mut sums, mut counts) = (vec![0.0; n_arms], vec![0.0; n_arms]);
        for (piece, outcomes) in self.pieces.all.iter().zip(&self.outcomes) {
            sums[piece.arm] += outcomes.sum();
            counts[piece.arm] += outcomes.len() as f64;
        }
        let odds: Vec<f64> = sums.iter().zip(&counts).map(|(sum, n)| (sum / (n - sum)).ln()).collect();
        let mut values = vec![0.0; n_arms * width];
        for (arm, log_odds) in odds.iter().enumerate() {
            values[(arm + 1) * width - 1] = if arm == 0 { *log_odds } else { log_odds - odds[0] };
        }
        Coefs { width, values }
    }

    /// The solution on all rows for [`MIDDLE`]; what pieces say there, and their Hessians of about there.
    fn settled(&self) -> (Coefs, Vec<Look>, Vec<Array2<f64>>) {
        let mut coefs = self.rates();
        let mut looks = self.looks(&coefs, true);
        let mut hessians = Vec::new();
        for at in 1..=MOST_STEPS {
            if looks.iter().all(|look| look.hessian.is_some()) {
                hessians = looks.iter_mut().filter_map(|look| look.hessian.take()).collect();
            }
            let along = Parabola::new(self.pieces, &looks, &hessians, &coefs, None).along(MIDDLE);
            let far = largest(&along);
            // Far off, every step has a Hessian of its own; near by, some share one.
            let anew = far > FAR || (far > NEAR && at % STEPS_OF_HESSIAN == 0);
            looks = self.go(&mut coefs, along, &looks, anew);
            if far <= NEAR {
                break;
            }
        }
        (coefs, looks, hessians)
    }

    /// Goes along a direction, by half as often as the objective does not fall.
    fn go(&self, coefs: &mut Coefs, mut along: Vec<f64>, from: &[Look], with_hessians: bool) -> Vec<Look> {
        let (start, before) = (coefs.values.clone(), objective(from, coefs));
        for _ in 0..20 {
            coefs.values = start.iter().zip(&along).map(|(start, along)| start + along).collect();
            let looks = self.looks(coefs, with_hessians);
            if objective(&looks, coefs) <= before + 1e-9 * before {
                return looks;
            }
            along.iter_mut().for_each(|along| *along *= 0.5);
        }
        coefs.values = start;
        self.looks(coefs, with_hessians)
    }

    fn looks(&self, coefs: &Coefs, with_hessians: bool) -> Vec<Look> {
        (0..self.pieces.all.len()).into_par_iter().map(|at| self.look(at, coefs, with_hessians)).collect()
    }

    fn look(&self, at: usize, coefs: &Coefs, with_hessian: bool) -> Look {
        let piece = &self.pieces.all[at];
        let log_odds = piece.times(&coefs.of_arm(piece.arm));
        let mut loss = 0.0;
        let (mut residuals, mut curvatures) = (log_odds.clone(), log_odds);
        for ((residual, curvature), y) in residuals.iter_mut().zip(&mut curvatures).zip(&self.outcomes[at]) {
            let log_odds: f64 = *residual;
            let exp = (-log_odds.abs()).exp();
            let p = if log_odds >= 0.0 { 1.0 / (1.0 + exp) } else { exp / (1.0 + exp) };
            loss += exp.ln_1p() + log_odds.max(0.0) - y * log_odds;
            *residual = p - y;
            *curvature = p * (1.0 - p);
        }
        let hessian = with_hessian.then(|| piece.gram(&curvatures));
        Look { loss, gradient: piece.products(residuals.view()), hessian }
    }

    fn left(&self, of_folds: Vec<Coefs>) -> Left {
        let n_arms = self.pieces.n_arms;
        let of_arms = |coefs: Coefs| (0..n_arms).map(|arm| coefs.of_arm(arm)).collect();
        let of_folds: Vec<Vec<Vec<f64>>> = of_folds.into_iter().map(of_arms).collect();
        let told = |arm: usize| self.pieces.gathered(|piece| piece.times(&of_folds[piece.fold][arm]));
        let log_odds = (0..n_arms).into_par_iter().map(told).collect();
        Left { of_folds, log_odds }
    }
}

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |largest, value| value.abs().max(largest))
}

fn objective(looks: &[Look], coefs: &Coefs) -> f64 {
    let of_coef = |(at, value): (usize, &f64)| 0.5 * penalty(at, coefs.width, MIDDLE) * value * value;
    looks.iter().map(|look| look.loss).sum::<f64>()
        + coefs.values.iter().enumerate().map(of_coef).sum::<f64>()
}

/// Of the coefficient at a place, departures being thought to have variance `apart`: none of an intercept.
pub(super) fn penalty(at: usize, width: usize, apart: f64) -> f64 {
    match at {
        _ if at % width == width - 1 => 0.0,
        _ if at < width => SHARED.recip(),
        _ => apart.recip(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::bench::Bench;
    use super::super::data::Data;
    use super::*;
    use crate::frame::{Column, Table};
    use crate::model::{Features, sigmoid};

    /// Outcomes by a number whose slope is `slope` in arm 1 and 0 in the others, by a fixed pattern of noise.
    fn lines<T>(slope: f64, look: impl Fn(&Lines<'_>) -> T) -> T {
        let n = 1_200;
        let x: Vec<f64> = (0..n).map(|row| ((row * 37) % 101) as f64 / 50.0 - 1.0).collect();
        let arm: Vec<usize> = (0..n).map(|row| (row / 3) % 3).collect();
        let chance = |row: usize| sigmoid(-0.5 + if arm[row] == 1 { slope * x[row] } else { 0.0 });
        let y: Vec<bool> = (0..n).map(|row| ((row * 61) % 97) as f64 / 97.0 < chance(row)).collect();
        let table = Table::new(n, [("x".to_owned(), Column::Number(x))]).unwrap();
        let features = Features::of(&table);
        let data = Data { features: &features, table: &table, y: &y, arm: &arm, n_arms: 3 };
        let bench = Bench::new(&data).unwrap();
        let folds = data.folds(4, 1).unwrap();
        let pieces = Pieces::new(&bench, &folds);
        look(&Lines::new(&pieces, &bench.targets))
    }

    /// The steepest slope of the loss with its penalty by what all share, over all folds but one.
    fn slope_without(lines: &Lines<'_>, coefs: &Coefs, fold: usize) -> f64 {
        let mut slope: Vec<f64> = coefs
            .block(0)
            .iter()
            .enumerate()
            .map(|(at, coef)| penalty(at, coefs.width, MIDDLE) * coef)
            .collect();
        for (piece, look) in lines.pieces.all.iter().zip(lines.looks(coefs, false)) {
            let counts = f64::from(u8::from(piece.fold != fold));
            slope.iter_mut().zip(&look.gradient).for_each(|(sum, value)| *sum += counts * value);
        }
        largest(&slope)
    }

    #[test]
    fn what_is_left_out_is_not_seen() {
        lines(2.0, |lines| {
            let (coefs, looks, hessians) = lines.settled();
            let whole = Parabola::new(lines.pieces, &looks, &hessians, &coefs, None).slope(MIDDLE);
            assert!(largest(&whole) < 1.0, "{whole:?}");
            for fold in 0..4 {
                let around = Parabola::new(lines.pieces, &looks, &hessians, &coefs, Some(fold));
                let left = around.mean(&[MIDDLE], &[1.0]);
                let (before, after) = (slope_without(lines, &coefs, fold), slope_without(lines, &left, fold));
                assert!(after < 0.2 * before, "{before} {after}");
            }
        });
    }

    #[test]
    fn one_solution_tells_what_any_variance_would_give() {
        lines(1.0, |lines| {
            let (coefs, looks, hessians) = lines.settled();
            let around = Parabola::new(lines.pieces, &looks, &hessians, &coefs, None);
            for apart in [0.001, 0.03] {
                let there = around.mean(&[apart], &[1.0]);
                let slope = |coefs: &Coefs| {
                    let looks = lines.looks(coefs, false);
                    largest(&Parabola::new(lines.pieces, &looks, &hessians, coefs, None).slope(apart))
                };
                let (before, after) = (slope(&coefs), slope(&there));
                assert!(after < 0.1 * before, "{apart}: {before} {after}");
            }
        });
    }

    #[test]
    fn how_far_actions_depart_is_read_from_the_outcomes() {
        let likely = |slope: f64| {
            lines(slope, |lines| {
                let (coefs, looks, hessians) = lines.settled();
                Parabola::new(lines.pieces, &looks, &hessians, &coefs, None).likely(&APART)
            })
        };
        let mean = |likely: Vec<f64>| {
            likely.iter().zip(&APART).map(|(share, apart)| share * apart.ln()).sum::<f64>()
        };
        let (far, not) = (mean(likely(2.0)).exp(), mean(likely(0.0)).exp());
        assert!(far > 5.0 * not, "{far} {not}");
    }

    #[test]
    fn departures_are_told_where_they_are_and_hardly_where_not() {
        let spread = |slope: f64| {
            lines(slope, |lines| {
                let left = lines.left_out();
                let apart: Vec<f64> =
                    left.log_odds[1].iter().zip(&left.log_odds[0]).map(|(with, rest)| with - rest).collect();
                super::super::data::variance(&apart).sqrt()
            })
        };
        let (there, not) = (spread(2.0), spread(0.0));
        assert!(there > 0.5 && not < 0.25 * there, "{there} {not}");
    }
}
