//! Logistic regressions in which each action's coefficients depart from those of doing nothing, as far as rows say.
//!
//! > `log-odds = β₀ + Z β + α_a + Z γ_a` with β and each action's γ thought to be normal, of [variances](super::variances)
//!
//! Departures of no variance are an S-learner, the same for all in log-odds; free ones a T-learner (Künzel et al. 2019).
//! Between them lies what an experiment can tell. How likely each variance is, all outcomes together say (the evidence,
//! MacKay 1992): that takes no rows away, and is far surer than what scores of rows left out could tell. One action's
//! effects may differ hardly between accounts and another's much: each has a variance of its own.
//!
//! One solution over all rows serves every fold and all variances: see [`Parabola`].

use ndarray::{Array1, Array2};
use rayon::prelude::*;

use super::data::pick;
use super::parabola::Parabola;
use super::pieces::Pieces;
use super::variances::Variances;

/// The solution is near enough when the last step moved no coefficient by more: the parabola goes the rest.
const NEAR: f64 = 0.02;
/// Steps further than this need a Hessian of where they end.
const FAR: f64 = 0.3;
const MOST_STEPS: usize = 30;
/// Steps with one Hessian, after which it is taken anew.
const STEPS_OF_HESSIAN: usize = 4;

/// Coefficients: those shared, and each action's departures; the intercepts last of each.
#[derive(Clone, Debug)]
pub(super) struct Coefs {
    pub shared: Array1<f64>,
    /// By action, of lines, levels and bends.
    pub own: Vec<Array1<f64>>,
}

impl Coefs {
    /// Those that an arm's log-odds are made of.
    fn of_arm(&self, arm: usize, turn: &Array2<f64>) -> Vec<f64> {
        match arm {
            0 => self.shared.to_vec(),
            _ => (&self.shared + &turn.dot(&self.own[arm - 1])).to_vec(),
        }
    }

    pub fn scaled(&self, by: f64) -> Self {
        Coefs { shared: &self.shared * by, own: self.own.iter().map(|own| own * by).collect() }
    }

    pub fn plus(&self, along: &Coefs, share: f64) -> Self {
        let own = self.own.iter().zip(&along.own).map(|(own, along)| own + &(along * share)).collect();
        Coefs { shared: &self.shared + &(&along.shared * share), own }
    }

    /// The largest, sign aside.
    fn largest(&self) -> f64 {
        let all = self.own.iter().chain([&self.shared]).flatten();
        all.fold(0.0, |largest, value| value.abs().max(largest))
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
        let variances = Variances::likely(around(None).evidence(), coefs.own.len());
        let of_fold = |fold| around(Some(fold)).least(&variances);
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
        let only = |width: usize, value: f64| {
            let mut coefs = Array1::zeros(width);
            coefs[width - 1] = value;
            coefs
        };
        let n_own = self.pieces.departures.kinds.len();
        let own = odds[1..].iter().map(|log_odds| only(n_own, log_odds - odds[0])).collect();
        Coefs { shared: only(width, odds[0]), own }
    }

    /// The solution on all rows for variances in the middle; what pieces say there, and their Hessians of about there.
    fn settled(&self) -> (Coefs, Vec<Look>, Vec<Array2<f64>>) {
        let variances = Variances::middle(self.pieces.n_arms - 1);
        let mut coefs = self.rates();
        let mut looks = self.looks(&coefs, true);
        let mut hessians = Vec::new();
        for at in 1..=MOST_STEPS {
            if looks.iter().all(|look| look.hessian.is_some()) {
                hessians = looks.iter_mut().filter_map(|look| look.hessian.take()).collect();
            }
            let along = Parabola::new(self.pieces, &looks, &hessians, &coefs, None).along(&variances);
            let far = along.largest();
            // Far off, every step has a Hessian of its own; near by, some share one.
            let anew = far > FAR || (far > NEAR && at % STEPS_OF_HESSIAN == 0);
            (coefs, looks) = self.go(coefs, &along, &looks, &variances, anew);
            if far <= NEAR {
                break;
            }
        }
        (coefs, looks, hessians)
    }

    /// Goes along a direction, by half as often as the objective does not fall.
    fn go(
        &self,
        from: Coefs,
        along: &Coefs,
        looks: &[Look],
        variances: &Variances,
        with_hessians: bool,
    ) -> (Coefs, Vec<Look>) {
        let before = self.objective(looks, &from, variances);
        let mut share = 1.0;
        for _ in 0..20 {
            let coefs = from.plus(along, share);
            let looks = self.looks(&coefs, with_hessians);
            if self.objective(&looks, &coefs, variances) <= before + 1e-9 * before {
                return (coefs, looks);
            }
            share *= 0.5;
        }
        let looks = self.looks(&from, with_hessians);
        (from, looks)
    }

    fn objective(&self, looks: &[Look], coefs: &Coefs, variances: &Variances) -> f64 {
        let penalty = |at: usize| Variances::of_shared(at, self.pieces.width);
        let shared = |(at, coef): (usize, &f64)| 0.5 * penalty(at) * coef * coef;
        let own = |(action, coefs): (usize, &Array1<f64>)| -> f64 {
            let kinds = &self.pieces.departures.kinds;
            kinds
                .iter()
                .zip(coefs)
                .map(|(kind, coef)| 0.5 * variances.of_own(action, *kind) * coef * coef)
                .sum()
        };
        looks.iter().map(|look| look.loss).sum::<f64>()
            + coefs.shared.iter().enumerate().map(shared).sum::<f64>()
            + coefs.own.iter().enumerate().map(own).sum::<f64>()
    }

    fn looks(&self, coefs: &Coefs, with_hessians: bool) -> Vec<Look> {
        (0..self.pieces.all.len()).into_par_iter().map(|at| self.look(at, coefs, with_hessians)).collect()
    }

    fn look(&self, at: usize, coefs: &Coefs, with_hessian: bool) -> Look {
        let piece = &self.pieces.all[at];
        let log_odds = piece.times(&coefs.of_arm(piece.arm, &self.pieces.departures.turn));
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
        let turn = &self.pieces.departures.turn;
        let of_arms = |coefs: Coefs| (0..n_arms).map(|arm| coefs.of_arm(arm, turn)).collect();
        let of_folds: Vec<Vec<Vec<f64>>> = of_folds.into_iter().map(of_arms).collect();
        let told = |arm: usize| self.pieces.gathered(|piece| piece.times(&of_folds[piece.fold][arm]));
        let log_odds = (0..n_arms).into_par_iter().map(told).collect();
        Left { of_folds, log_odds }
    }
}

#[cfg(test)]
mod tests {
    use super::super::bench::Bench;
    use super::super::data::Data;
    use super::super::reading::Reading;
    use super::*;
    use crate::frame::{Column, Table};
    use crate::model::sigmoid;

    /// Outcomes by a number whose log-odds are `apart` in arm 1 and 0 in the others, by a fixed pattern of noise.
    fn lines<T>(apart: impl Fn(f64) -> f64, look: impl Fn(&Lines<'_>) -> T) -> T {
        let n = 1_200;
        let x: Vec<f64> = (0..n).map(|row| ((row * 37) % 101) as f64 / 50.0 - 1.0).collect();
        let arm: Vec<usize> = (0..n).map(|row| (row / 3) % 3).collect();
        let chance = |row: usize| sigmoid(-0.5 + if arm[row] == 1 { apart(x[row]) } else { 0.0 });
        let y: Vec<bool> = (0..n).map(|row| ((row * 61) % 97) as f64 / 97.0 < chance(row)).collect();
        let table = Table::new(n, [("x".to_owned(), Column::Number(x))]).unwrap();
        let reading = Reading::of(&table).unwrap();
        let data = Data { reading: &reading, table: &table, y: &y, arm: &arm, n_arms: 3 };
        let bench = Bench::new(&data).unwrap();
        let folds = data.folds(4, 1).unwrap();
        let pieces = Pieces::new(&bench, &folds);
        look(&Lines::new(&pieces, &bench.targets))
    }

    /// The steepest slope of the loss with its penalty by what all share, over all folds but one.
    fn slope_without(lines: &Lines<'_>, coefs: &Coefs, fold: Option<usize>) -> f64 {
        let penalty = |at: usize| Variances::of_shared(at, lines.pieces.width);
        let mut slope: Array1<f64> =
            coefs.shared.iter().enumerate().map(|(at, coef)| penalty(at) * coef).collect();
        for (piece, look) in lines.pieces.all.iter().zip(lines.looks(coefs, false)) {
            slope.scaled_add(f64::from(u8::from(Some(piece.fold) != fold)), &look.gradient);
        }
        slope.iter().fold(0.0, |largest, value| value.abs().max(largest))
    }

    #[test]
    fn what_is_left_out_is_not_seen() {
        lines(
            |x| 2.0 * x,
            |lines| {
                let (coefs, looks, hessians) = lines.settled();
                let whole = slope_without(lines, &coefs, None);
                assert!(whole < 1.0, "{whole}");
                for fold in 0..4 {
                    let around = Parabola::new(lines.pieces, &looks, &hessians, &coefs, Some(fold));
                    let left = around.least(&Variances::middle(2));
                    let slope = |coefs: &Coefs| slope_without(lines, coefs, Some(fold));
                    let (before, after) = (slope(&coefs), slope(&left));
                    assert!(after < 0.2 * before, "{before} {after}");
                }
            },
        );
    }

    #[test]
    fn one_solution_tells_what_any_variances_would_give() {
        lines(
            |x| x,
            |lines| {
                let (coefs, looks, hessians) = lines.settled();
                let around = Parabola::new(lines.pieces, &looks, &hessians, &coefs, None);
                for (bends, own) in [(1.0, [0.001, 0.03]), (0.01, [0.03, 0.001])] {
                    let variances = Variances { bends, own: own.to_vec() };
                    let there = around.least(&variances);
                    let far = |coefs: &Coefs| {
                        let looks = lines.looks(coefs, false);
                        let left = Parabola::new(lines.pieces, &looks, &hessians, coefs, None);
                        left.along(&variances).largest()
                    };
                    let (before, after) = (far(&coefs), far(&there));
                    assert!(after < 0.1 * before, "{own:?}: {before} {after}");
                }
            },
        );
    }

    fn likely(apart: impl Fn(f64) -> f64) -> Variances {
        lines(apart, |lines| {
            let (coefs, looks, hessians) = lines.settled();
            Variances::likely(Parabola::new(lines.pieces, &looks, &hessians, &coefs, None).evidence(), 2)
        })
    }

    #[test]
    fn how_far_each_action_departs_is_read_from_the_outcomes() {
        let (there, not) = (likely(|x| 2.0 * x), likely(|_| 0.0));
        assert!(there.own[0] > 5.0 * not.own[0], "{there:?} {not:?}");
        // The other action does nothing in both.
        assert!(there.own[0] > 5.0 * there.own[1], "{there:?}");
        assert!(there.own[1] < 3.0 * not.own[1], "{there:?} {not:?}");
    }

    #[test]
    fn departures_bend_where_outcomes_say_so() {
        let (straight, bent) = (likely(|x| 2.0 * x), likely(|x| if x.abs() < 0.5 { 1.5 } else { -1.5 }));
        assert!(bent.bends > 3.0 * straight.bends, "{bent:?} {straight:?}");
    }

    #[test]
    fn departures_are_told_where_they_are_and_hardly_where_not() {
        let spread = |slope: f64| {
            lines(
                |x| slope * x,
                |lines| {
                    let left = lines.left_out();
                    let apart = left.log_odds[1].iter().zip(&left.log_odds[0]);
                    let apart: Vec<f64> = apart.map(|(with, rest)| with - rest).collect();
                    super::super::data::variance(&apart).sqrt()
                },
            )
        };
        let (there, not) = (spread(2.0), spread(0.0));
        assert!(there > 0.5 && not < 0.25 * there, "{there} {not}");
    }
}
