//! The log likelihood around a solution as a parabola: what any variances of coefficients would give, without rows.
//!
//! > `loss(c) ≈ loss(ĉ) + g·(c − ĉ) + ½ (c − ĉ)' H (c − ĉ)`
//!
//! With a penalty `½ c'Pc` its least is at `ĉ − (H + P)⁻¹ (g + Pĉ)`, and the evidence for the variances in P is
//! `½ q'(H + P)⁻¹q − ½ ĉ'Pĉ + ½ ln|P| − ½ ln|H + P|` with `q = g + Pĉ`. Gradients and Hessians of pieces add up: a fold
//! is left out by not adding its own.
//!
//! Departures of one action meet those of others only by way of what all share: they are solved for first, action by
//! action, and what all share by what is left of its system (a Schur complement).

use ndarray::{Array1, Array2};

use super::departures::{Departures, Kind};
use super::lines::{Coefs, Look};
use super::pieces::Pieces;
use super::variances::Variances;
use crate::model::logistic::{Cholesky, Symmetric};

pub(super) struct Parabola<'a> {
    at: &'a Coefs,
    kinds: &'a [Kind],
    /// By what all share.
    gradient: Array1<f64>,
    hessian: Array2<f64>,
    actions: Vec<Own>,
}

/// What the loss does by one action's departures.
struct Own {
    gradient: Array1<f64>,
    hessian: Array2<f64>,
    /// By what all share and the departures.
    meets: Array2<f64>,
}

/// An action's departures held to variances: `A` is their Hessian with the penalty.
struct Held {
    /// `A⁻¹ M'` with `M` where departures meet what all share.
    solved: Array2<f64>,
    /// `M A⁻¹ M'`.
    taken: Array2<f64>,
    /// `A⁻¹ q`.
    pulled: Array1<f64>,
    /// The departures' part of the evidence.
    evidence: f64,
}

impl<'a> Parabola<'a> {
    /// From what pieces say at coefficients, those of a fold aside.
    pub fn new(
        pieces: &'a Pieces<'_>,
        looks: &[Look],
        hessians: &[Array2<f64>],
        at: &'a Coefs,
        without: Option<usize>,
    ) -> Self {
        let width = pieces.width;
        let mut of_arms = vec![(Array1::zeros(width), Array2::zeros((width, width))); pieces.n_arms];
        for ((piece, look), hessian) in pieces.all.iter().zip(looks).zip(hessians) {
            if Some(piece.fold) != without {
                let (gradient, sum) = &mut of_arms[piece.arm];
                *gradient += &look.gradient;
                *sum += hessian;
            }
        }
        Parabola::of(&pieces.departures, at, &of_arms)
    }

    /// From each arm's gradient and Hessian.
    fn of(departures: &'a Departures, at: &'a Coefs, of_arms: &[(Array1<f64>, Array2<f64>)]) -> Self {
        let turn = &departures.turn;
        let own = |(gradient, hessian): &(Array1<f64>, Array2<f64>)| {
            let meets = hessian.dot(turn);
            Own { gradient: turn.t().dot(gradient), hessian: turn.t().dot(&meets), meets }
        };
        let actions = of_arms[1..].iter().map(own).collect();
        let (mut gradient, mut hessian) = of_arms[0].clone();
        for (of_gradient, of_hessian) in &of_arms[1..] {
            gradient += of_gradient;
            hessian += of_hessian;
        }
        Parabola { at, kinds: &departures.kinds, gradient, hessian, actions }
    }

    /// From where it was taken to where it is least; nowhere if it has no least.
    pub fn along(&self, variances: &Variances) -> Coefs {
        let held: Option<Vec<Held>> =
            (0..self.actions.len()).map(|action| self.hold(action, variances)).collect();
        let solved = held.and_then(|held| self.solve(&held.iter().collect::<Vec<_>>()));
        solved.map_or_else(|| self.at.scaled(0.0), |(along, _)| along)
    }

    /// Where it is least.
    pub fn least(&self, variances: &Variances) -> Coefs {
        self.at.plus(&self.along(variances), 1.0)
    }

    /// The logarithm of how likely the outcomes are, by variances.
    pub fn evidence(&self) -> impl FnMut(&Variances) -> f64 {
        let mut evidence = Evidence { around: self, held: self.actions.iter().map(|_| None).collect() };
        move |variances| evidence.of(variances)
    }

    /// Of the loss with its penalty, by what all share.
    fn shared_slope(&self) -> Array1<f64> {
        let width = self.gradient.len();
        let of_coef = |at: usize| self.gradient[at] + Variances::of_shared(at, width) * self.at.shared[at];
        Array1::from_shape_fn(width, of_coef)
    }

    fn hold(&self, action: usize, variances: &Variances) -> Option<Held> {
        let (of, own) = (&self.actions[action], &self.at.own[action]);
        let penalties: Array1<f64> = self.kinds.iter().map(|kind| variances.of_own(action, *kind)).collect();
        let factor = held(&of.hessian, |at| penalties[at])?;
        let mut solved = of.meets.t().to_owned();
        solved.columns_mut().into_iter().for_each(|mut column| {
            let values = solution(&factor, &column.to_owned());
            column.assign(&values);
        });
        let slope = &of.gradient + &(&penalties * own);
        let pulled = solution(&factor, &slope);
        let squares = penalties.iter().zip(own).map(|(penalty, coef)| penalty * coef * coef).sum::<f64>();
        let logs: f64 = penalties.iter().filter(|penalty| **penalty > 0.0).map(|penalty| penalty.ln()).sum();
        let evidence = 0.5 * (slope.dot(&pulled) - squares + logs - factor.log_determinant());
        Some(Held { taken: of.meets.dot(&solved), solved, pulled, evidence })
    }

    /// Newton's step, and the logarithm of how likely the outcomes are, less what no variance changes.
    fn solve(&self, of_actions: &[&Held]) -> Option<(Coefs, f64)> {
        let (mut hessian, mut slope) = (self.hessian.clone(), self.shared_slope());
        for (own, held) in self.actions.iter().zip(of_actions) {
            hessian -= &held.taken;
            slope -= &own.meets.dot(&held.pulled);
        }
        let factor = held(&hessian, |at| Variances::of_shared(at, slope.len()))?;
        let shared = -solution(&factor, &slope);
        let own = of_actions.iter().map(|held| -&held.pulled - held.solved.dot(&shared)).collect();
        let of_actions: f64 = of_actions.iter().map(|held| held.evidence).sum();
        let evidence = of_actions - 0.5 * (slope.dot(&shared) + factor.log_determinant());
        Some((Coefs { shared, own }, evidence))
    }
}

/// How likely outcomes are by variances; what was found of an action stays until its variances change.
struct Evidence<'a> {
    around: &'a Parabola<'a>,
    held: Vec<Option<([f64; 2], Held)>>,
}

impl Evidence<'_> {
    /// Its logarithm.
    fn of(&mut self, variances: &Variances) -> f64 {
        for (action, known) in self.held.iter_mut().enumerate() {
            let by = [variances.own[action], variances.bends];
            if known.as_ref().is_none_or(|(of, _)| *of != by) {
                *known = self.around.hold(action, variances).map(|held| (by, held));
            }
        }
        let held: Option<Vec<&Held>> =
            self.held.iter().map(|known| known.as_ref().map(|(_, held)| held)).collect();
        let found = held.and_then(|held| self.around.solve(&held));
        found.map_or(f64::NEG_INFINITY, |(_, evidence)| evidence)
    }
}

/// A matrix with a penalty on its diagonal, factorised.
fn held(matrix: &Array2<f64>, penalty: impl Fn(usize) -> f64) -> Option<Cholesky> {
    let mut system = Symmetric { n: matrix.nrows(), values: matrix.iter().copied().collect() };
    // A trifle keeps the factorisation sound where a column says nothing.
    system.diagonal_mut().enumerate().for_each(|(at, cell)| *cell += penalty(at) + 1e-9 * cell.abs() + 1e-12);
    system.cholesky()
}

fn solution(factor: &Cholesky, of: &Array1<f64>) -> Array1<f64> {
    let mut values = of.to_vec();
    factor.solve(&mut values);
    Array1::from(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A number that bends in two ramps, a level, and the intercept.
    fn departures() -> Departures {
        let kinds = vec![Kind::Straight, Kind::Straight, Kind::Bend, Kind::Bend, Kind::Intercept];
        let mut turn = Array2::zeros((4, 5));
        for (row, column, value) in
            [(0, 0, 0.6), (1, 0, 0.7), (2, 1, 1.0), (0, 2, 1.0), (1, 3, 1.0), (3, 4, 1.0)]
        {
            turn[(row, column)] = value;
        }
        Departures { kinds, turn }
    }

    fn at() -> Coefs {
        let of = |n: usize, from: usize| Array1::from_shape_fn(n, |i| ((i + from) % 3) as f64 * 0.1);
        Coefs { shared: of(4, 1), own: vec![of(5, 2), of(5, 0)] }
    }

    fn of_arms() -> Vec<(Array1<f64>, Array2<f64>)> {
        let of_arm = |arm: usize| {
            let root = Array2::from_shape_fn((6, 4), |(i, j)| ((7 * i + 5 * j + 3 * arm) % 11) as f64 - 4.0);
            (Array1::from_shape_fn(4, |at| ((at + arm) % 4) as f64 - 1.5), root.t().dot(&root))
        };
        (0..3).map(of_arm).collect()
    }

    /// All coefficients' system as a whole: what all share, then each action's.
    struct Whole {
        factor: Cholesky,
        slope: Vec<f64>,
        /// Less than 0 by the penalty of where it was taken, more by the logarithms of penalties.
        held: f64,
    }

    fn whole(variances: &Variances) -> Whole {
        let (departures, at, n) = (departures(), at(), 14);
        let mut system = Symmetric::zeros(n);
        let mut slope = vec![0.0; n];
        for (arm, (gradient, hessian)) in of_arms().iter().enumerate() {
            let mut turn = Array2::zeros((4, n));
            (0..4).for_each(|row| turn[(row, row)] = 1.0);
            if arm > 0 {
                let first = 4 + 5 * (arm - 1);
                departures.turn.indexed_iter().for_each(|((i, j), value)| turn[(i, first + j)] = *value);
            }
            let turned = turn.t().dot(&hessian.dot(&turn));
            system.values.iter_mut().zip(&turned).for_each(|(sum, value)| *sum += value);
            slope.iter_mut().zip(&turn.t().dot(gradient)).for_each(|(sum, value)| *sum += value);
        }
        let shared = (0..4).map(|row| Variances::of_shared(row, 4));
        let own = |action| departures.kinds.iter().map(move |kind| variances.of_own(action, *kind));
        let penalties: Vec<f64> = shared.chain((0..2).flat_map(own)).collect();
        let coefs: Vec<f64> = at.shared.iter().chain(&at.own[0]).chain(&at.own[1]).copied().collect();
        system.diagonal_mut().zip(&penalties).for_each(|(cell, penalty)| *cell += penalty);
        slope.iter_mut().zip(&penalties).zip(&coefs).for_each(|((sum, p), coef)| *sum += p * coef);
        let squares: f64 = penalties.iter().zip(&coefs).map(|(p, coef)| p * coef * coef).sum();
        let logs: f64 = penalties.iter().filter(|p| **p > 0.0).map(|p| p.ln()).sum();
        Whole { factor: system.cholesky().expect("positive definite"), slope, held: logs - squares }
    }

    #[test]
    fn steps_and_evidence_are_those_of_the_whole_system() {
        let (departures, at) = (departures(), at());
        let around = Parabola::of(&departures, &at, &of_arms());
        let mut evidence = around.evidence();
        let mut apart = Vec::new();
        for (bends, own) in [(0.1, [0.02, 0.3]), (0.1, [0.4, 0.3]), (1.0, [0.4, 0.01])] {
            let variances = Variances { bends, own: own.to_vec() };
            let Whole { factor, slope, held } = whole(&variances);
            let mut solved = slope.clone();
            factor.solve(&mut solved);
            let along = around.along(&variances);
            let all = along.shared.iter().chain(&along.own[0]).chain(&along.own[1]);
            for (along, solved) in all.zip(&solved) {
                assert!((along + solved).abs() < 1e-6 * (1.0 + solved.abs()), "{along} {solved}");
            }
            let fall: f64 = slope.iter().zip(&solved).map(|(slope, solved)| slope * solved).sum();
            apart.push(evidence(&variances) - 0.5 * (fall + held - factor.log_determinant()));
        }
        // What no variance changes is left out.
        assert!(apart.iter().all(|apart_too| (apart_too - apart[0]).abs() < 1e-6), "{apart:?}");
    }

    #[test]
    fn what_has_no_least_goes_nowhere() {
        let mut of_arms = of_arms();
        of_arms[1].1.fill(f64::NAN);
        let (departures, at) = (departures(), at());
        let around = Parabola::of(&departures, &at, &of_arms);
        let variances = Variances::middle(2);
        assert!(around.least(&variances).own == at.own);
        assert_eq!(around.evidence()(&variances), f64::NEG_INFINITY);
        assert!(Variances::likely(around.evidence(), 2).own.iter().all(|own| (1e-4..0.1).contains(own)));
    }
}
