//! Logistic regressions in which each action's coefficients depart from those of doing nothing, held together.
//!
//! > `log-odds = β₀ + Z β + α_a + Z γ_a` with β thought to be normal of variance [`SHARED`] and γ of one of [`APART`]
//!
//! Departures of no variance are an S-learner, the same for all in log-odds; free ones a T-learner (Künzel et al. 2019).
//! Between them lies what an experiment can tell: how far accounts differ in log-odds.
//!
//! One Newton solution over all rows serves every fold: a fold is left out by taking its part of the gradient and the
//! Hessian off, and going the step from there.

use ndarray::{Array1, Array2};
use rayon::prelude::*;

use super::data::pick;
use super::pieces::Pieces;
use crate::model::logistic::{Cholesky, Symmetric};

/// Variance that the shared coefficients are thought to have: what they are, rows decide.
const SHARED: f64 = 0.03;
/// Variances that departures are thought to have. By simulated worlds and the training parts of two public experiments.
pub(super) const APART: [f64; 3] = [0.0001, 0.001, 0.01];
/// The solution is near enough when the last step moved no coefficient by more.
const NEAR: f64 = 5e-3;
/// The same for a fold left out: the step itself is from next to it.
const NEAR_OF_FOLD: f64 = 0.05;
/// Steps further than this need a Hessian of where they end.
const FAR: f64 = 0.3;
const MOST_STEPS: usize = 30;
/// Steps with one Hessian, after which it is taken anew.
const STEPS_OF_HESSIAN: usize = 4;

/// Coefficients of all arms, the intercepts last of each: those shared, then each action's departures.
#[derive(Clone, Debug)]
struct Coefs {
    width: usize,
    values: Vec<f64>,
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

/// A family of regressions of one strength, fold by fold.
pub(super) struct Left {
    /// Coefficients of each arm, by fold that was left out.
    pub of_folds: Vec<Vec<Vec<f64>>>,
    /// Log-odds of every row in each arm, by coefficients that did not see it; by arm.
    pub log_odds: Vec<Vec<f64>>,
}

/// What a piece says at given coefficients.
struct Look {
    arm: usize,
    loss: f64,
    gradient: Array1<f64>,
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

    /// A family for each of [`APART`], in that order.
    pub fn left_out(&self) -> Vec<Left> {
        let mut coefs = self.rates();
        let mut hessians = Vec::new();
        let of_strength = |&apart: &f64| {
            let looks = self.settle(&mut coefs, apart, &mut hessians);
            let of_fold = |fold| self.without(fold, &coefs, apart, &hessians, &looks);
            let of_folds: Vec<Coefs> = (0..self.pieces.n_folds).into_par_iter().map(of_fold).collect();
            self.left(of_folds)
        };
        APART.iter().map(of_strength).collect()
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

    /// Goes to the solution on all rows; what pieces say there, and `hessians` of about there.
    fn settle(&self, coefs: &mut Coefs, apart: f64, hessians: &mut Vec<Array2<f64>>) -> Vec<Look> {
        let mut looks = self.looks(coefs, hessians.is_empty());
        let mut step = None;
        for at in 1..=MOST_STEPS {
            if looks.iter().all(|look| look.hessian.is_some()) {
                *hessians = looks.iter_mut().filter_map(|look| look.hessian.take()).collect();
                step = None;
            }
            let step = step.get_or_insert_with(|| Step::new(self.pieces, hessians, apart, None));
            let along = step.along(&self.gradient(looks.iter().collect(), coefs, apart));
            let far = largest(&along);
            // Far off, every step has a Hessian of its own; near by, some share one.
            let anew = far > FAR || (far > NEAR && at % STEPS_OF_HESSIAN == 0);
            looks = self.go(coefs, along, apart, &looks, anew);
            if far <= NEAR {
                break;
            }
        }
        looks
    }

    /// Goes along a direction, by half as often as the objective does not fall.
    fn go(
        &self,
        coefs: &mut Coefs,
        mut along: Vec<f64>,
        apart: f64,
        from: &[Look],
        with_hessians: bool,
    ) -> Vec<Look> {
        let (start, before) = (coefs.values.clone(), self.objective(from, coefs, apart));
        for _ in 0..20 {
            coefs.values = start.iter().zip(&along).map(|(start, along)| start - along).collect();
            let looks = self.looks(coefs, with_hessians);
            if self.objective(&looks, coefs, apart) <= before + 1e-9 * before {
                return looks;
            }
            along.iter_mut().for_each(|along| *along *= 0.5);
        }
        coefs.values = start;
        self.looks(coefs, with_hessians)
    }

    /// The solution without a fold, from that on all rows.
    fn without(
        &self,
        fold: usize,
        whole: &Coefs,
        apart: f64,
        hessians: &[Array2<f64>],
        looks: &[Look],
    ) -> Coefs {
        let step = Step::new(self.pieces, hessians, apart, Some(fold));
        let others = |at: &usize| self.pieces.all[*at].fold != fold;
        let places: Vec<usize> = (0..self.pieces.all.len()).filter(others).collect();
        let mut coefs = whole.clone();
        let mut gradient = self.gradient(places.iter().map(|&at| &looks[at]).collect(), &coefs, apart);
        for _ in 0..MOST_STEPS {
            let mut along = step.along(&gradient);
            let far = largest(&along);
            along.iter_mut().for_each(|along| *along /= far.max(1.0));
            coefs.values.iter_mut().zip(&along).for_each(|(coef, along)| *coef -= along);
            if far <= NEAR_OF_FOLD {
                break;
            }
            let looks: Vec<Look> = places.iter().map(|&at| self.look(at, &coefs, false)).collect();
            gradient = self.gradient(looks.iter().collect(), &coefs, apart);
        }
        coefs
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
        let hessian = with_hessian.then(|| piece.gram(Some(&curvatures)));
        Look { arm: piece.arm, loss, gradient: piece.products(residuals.view()), hessian }
    }

    fn objective(&self, looks: &[Look], coefs: &Coefs, apart: f64) -> f64 {
        let of_coef = |(at, value): (usize, &f64)| 0.5 * penalty(at, coefs.width, apart) * value * value;
        looks.iter().map(|look| look.loss).sum::<f64>()
            + coefs.values.iter().enumerate().map(of_coef).sum::<f64>()
    }

    /// Of the objective over the pieces looked at; by arm, as the coefficients.
    fn gradient(&self, looks: Vec<&Look>, coefs: &Coefs, apart: f64) -> Vec<f64> {
        let width = coefs.width;
        let of_coef = |(at, value): (usize, &f64)| penalty(at, width, apart) * value;
        let mut gradient: Vec<f64> = coefs.values.iter().enumerate().map(of_coef).collect();
        for look in looks {
            for block in if look.arm == 0 { vec![0] } else { vec![0, look.arm] } {
                let own = gradient[block * width..][..width].iter_mut();
                own.zip(&look.gradient).for_each(|(sum, value)| *sum += value);
            }
        }
        gradient
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

/// Of the coefficient at a place: none of an intercept.
fn penalty(at: usize, width: usize, apart: f64) -> f64 {
    match at {
        _ if at % width == width - 1 => 0.0,
        _ if at < width => SHARED.recip(),
        _ => apart.recip(),
    }
}

/// Newton's step. Departures of one action meet those of others only by way of what all share, which is solved for
/// first (a Schur complement).
struct Step {
    /// Of each action: its Hessian with the penalty, and what that makes of its Hessian without.
    actions: Vec<Option<(Cholesky, Array2<f64>)>>,
    shared: Option<Cholesky>,
    width: usize,
}

impl Step {
    /// From the pieces' Hessians, those of a fold left out aside.
    fn new(pieces: &Pieces<'_>, hessians: &[Array2<f64>], apart: f64, without: Option<usize>) -> Self {
        let width = pieces.width;
        let mut of_arms = vec![Array2::<f64>::zeros((width, width)); pieces.n_arms];
        for (piece, hessian) in pieces.all.iter().zip(hessians) {
            if Some(piece.fold) != without {
                of_arms[piece.arm] += hessian;
            }
        }
        let mut shared = of_arms.iter().fold(Array2::zeros((width, width)), |sum, of_arm| sum + of_arm);
        let action = |(at, hessian): (usize, &Array2<f64>)| {
            let factor = held(hessian, |coef| penalty((at + 1) * width + coef, width, apart))?;
            let mut solved = Array2::zeros((width, width));
            for (mut column, of_hessian) in solved.columns_mut().into_iter().zip(hessian.columns()) {
                let mut values = of_hessian.to_vec();
                factor.solve(&mut values);
                column.assign(&Array1::from(values));
            }
            Some((factor, solved))
        };
        let actions: Vec<_> = of_arms[1..].iter().enumerate().map(action).collect();
        for (action, hessian) in actions.iter().zip(&of_arms[1..]) {
            if let Some((_, solved)) = action {
                shared = shared - hessian.dot(solved);
            }
        }
        Step { shared: held(&shared, |coef| penalty(coef, width, apart)), actions, width }
    }

    fn along(&self, gradient: &[f64]) -> Vec<f64> {
        let (width, mut along) = (self.width, vec![0.0; gradient.len()]);
        let Some(factor) = &self.shared else { return along };
        let mut shared = gradient[..width].to_vec();
        for (action, own) in self.actions.iter().zip(gradient[width..].chunks(width)) {
            if let Some((_, solved)) = action {
                // H K⁻¹ g, both symmetric.
                let seen = solved.t().dot(&Array1::from(own.to_vec()));
                shared.iter_mut().zip(&seen).for_each(|(shared, seen)| *shared -= seen);
            }
        }
        factor.solve(&mut shared);
        let of_actions = along[width..].chunks_mut(width).zip(gradient[width..].chunks(width));
        for (action, (along, own)) in self.actions.iter().zip(of_actions) {
            if let Some((factor, solved)) = action {
                along.copy_from_slice(own);
                factor.solve(along);
                let seen = solved.dot(&Array1::from(shared.clone()));
                along.iter_mut().zip(&seen).for_each(|(along, seen)| *along -= seen);
            }
        }
        along[..width].copy_from_slice(&shared);
        along
    }
}

/// A matrix with a penalty on its diagonal, factorised.
fn held(matrix: &Array2<f64>, penalty: impl Fn(usize) -> f64) -> Option<Cholesky> {
    let mut system = Symmetric { n: matrix.nrows(), values: matrix.iter().copied().collect() };
    // A trifle keeps the factorisation sound where a column says nothing.
    system.diagonal_mut().enumerate().for_each(|(at, cell)| *cell += penalty(at) + 1e-9 * cell.abs() + 1e-12);
    system.cholesky()
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

    #[test]
    fn what_is_left_out_is_not_seen() {
        lines(2.0, |lines| {
            let (mut coefs, mut hessians) = (lines.rates(), Vec::new());
            let looks = lines.settle(&mut coefs, 0.01, &mut hessians);
            let slope = |coefs: &Coefs, fold: Option<usize>| {
                let at = |at: &usize| fold != Some(lines.pieces.all[*at].fold);
                let looks: Vec<Look> =
                    (0..lines.pieces.all.len()).filter(at).map(|at| lines.look(at, coefs, false)).collect();
                largest(&lines.gradient(looks.iter().collect(), coefs, 0.01))
            };
            assert!(slope(&coefs, None) < 0.5, "{}", slope(&coefs, None));
            for fold in 0..4 {
                let left = lines.without(fold, &coefs, 0.01, &hessians, &looks);
                let (before, after) = (slope(&coefs, Some(fold)), slope(&left, Some(fold)));
                assert!(after < 0.3 * before, "{before} {after}");
            }
        });
    }

    #[test]
    fn the_stronger_actions_are_held_the_less_they_depart() {
        let spread = |slope: f64| -> Vec<f64> {
            let of = |left: &Left| {
                let apart = left.log_odds[1].iter().zip(&left.log_odds[0]).map(|(with, rest)| with - rest);
                let apart: Vec<f64> = apart.collect();
                super::super::data::variance(&apart).sqrt()
            };
            lines(slope, |lines| lines.left_out().iter().map(of).collect())
        };
        let (there, not) = (spread(2.0), spread(0.0));
        assert!(there[0] < 0.5 * there[1] && there[1] < there[2], "{there:?}");
        assert!(there[2] > 0.3 && not[2] < 0.3 * there[2], "{there:?} {not:?}");
    }
}
