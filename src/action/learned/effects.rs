//! Learned effects of a table's rows, and what to choose by them.

use super::{ArmReport, Basis};

/// The 95th percentile of a standard normal.
const Z_90: f64 = 1.644_853_626_951_472_7;

/// Effects of `n_arms − 1` actions on `n` rows, in points of the outcome's probability, against doing nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct LearnedEffects {
    arms: Vec<String>,
    basis: Basis,
    reports: Vec<ArmReport>,
    n_rows: usize,
    /// Effects and standard errors of each action, `n` long each.
    of_arms: Vec<(Vec<f64>, Vec<f64>)>,
}

impl LearnedEffects {
    pub(super) fn new(
        arms: Vec<String>,
        basis: Basis,
        reports: Vec<ArmReport>,
        n_rows: usize,
        of_arms: Vec<(Vec<f64>, Vec<f64>)>,
    ) -> Self {
        LearnedEffects { arms, basis, reports, n_rows, of_arms }
    }

    /// Number of rows, `n`.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Names of the arms, none first.
    pub fn arms(&self) -> &[String] {
        &self.arms
    }

    /// Whether the effects rest on a draw.
    pub fn basis(&self) -> Basis {
        self.basis
    }

    /// What was found for each action.
    pub fn reports(&self) -> &[ArmReport] {
        &self.reports
    }

    /// The effect of an arm on a row; 0 for none.
    pub fn effect(&self, row: usize, arm: usize) -> f64 {
        if arm == 0 { 0.0 } else { self.of_arms[arm - 1].0[row] }
    }

    /// Low and high end of the effect: its 5th and 95th percentile.
    ///
    /// Over simulated experiments with effects that are the same for all, follow lines, steps or interactions, they hold
    /// the truth of about nine accounts in ten (`examples/effect_intervals.rs`); of fewer where a small experiment
    /// hides strong differences, of more where there are none.
    pub fn interval(&self, row: usize, arm: usize) -> (f64, f64) {
        if arm == 0 {
            return (0.0, 0.0);
        }
        let (effect, reach) = (self.effect(row, arm), Z_90 * self.of_arms[arm - 1].1[row]);
        ((effect - reach).max(-1.0), (effect + reach).min(1.0))
    }

    /// The effects of an arm, `n` long; `None` for none and for arms that there are not.
    pub fn of_arm(&self, arm: usize) -> Option<&[f64]> {
        Some(&self.of_arms.get(arm.checked_sub(1)?)?.0)
    }

    /// The arm of each row that is worth most: `worth` times its effect, less its cost (`n_arms` long, in the unit of
    /// `worth`); none where nothing is worth its cost.
    ///
    /// # Panics
    /// Where there are not as many costs as arms.
    pub fn best(&self, worth: f64, costs: &[f64]) -> Vec<usize> {
        self.best_within(worth, costs, self.n_rows)
    }

    /// As [`best`](Self::best), for the `most` rows at most for which it is worth most; of equals, the first.
    ///
    /// # Panics
    /// As [`best`](Self::best).
    pub fn best_within(&self, worth: f64, costs: &[f64], most: usize) -> Vec<usize> {
        assert_eq!(costs.len(), self.arms.len(), "a cost for each arm, none included");
        let gain = |row: usize, arm: usize| worth * self.effect(row, arm) - costs[arm];
        let best = |row: usize| {
            let better = |best, arm| if gain(row, arm) > gain(row, best) { arm } else { best };
            (1..self.arms.len()).fold(0, better)
        };
        let mut chosen: Vec<usize> = (0..self.n_rows).map(best).collect();
        let mut acted: Vec<usize> = (0..self.n_rows).filter(|&row| chosen[row] > 0).collect();
        let more = |row: usize| gain(row, chosen[row]) - gain(row, 0);
        acted.sort_by(|&a, &b| more(b).total_cmp(&more(a)));
        acted.into_iter().skip(most).for_each(|row| chosen[row] = 0);
        chosen
    }
}
