//! How far coefficients are thought to be from 0, and what of that is likely.

use super::departures::Kind;

/// Variance that the shared coefficients are thought to have: what they are, rows decide.
const SHARED: f64 = 0.03;
/// Variances that an action's departures may have: of numbers of deviation 1, and of levels.
const APART: [f64; 7] = [1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1];
/// How much of that the ramps of a number that bends may have, beside its straight line, in all actions alike.
const BENDS: [f64; 6] = [3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0];
/// Times that each variance is looked for while the others stay.
const ROUNDS: usize = 2;

/// What coefficients are thought to be: normal around 0, with these variances.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Variances {
    /// Of bends, as a share of those of lines.
    pub bends: f64,
    /// Of departures, by action.
    pub own: Vec<f64>,
}

impl Variances {
    /// In the middle of what is possible.
    pub fn middle(n_actions: usize) -> Self {
        Variances { bends: 0.1, own: vec![3e-3; n_actions] }
    }

    /// One over the variance of a shared coefficient; 0 of the intercept, which is the last of `width`.
    pub fn of_shared(at: usize, width: usize) -> f64 {
        if at + 1 == width { 0.0 } else { SHARED.recip() }
    }

    /// One over the variance of a coefficient of an action's departures; 0 of the intercept.
    pub fn of_own(&self, action: usize, kind: Kind) -> f64 {
        match kind {
            Kind::Straight => self.own[action].recip(),
            Kind::Bend => (self.own[action] * self.bends).recip(),
            Kind::Intercept => 0.0,
        }
    }

    /// What outcomes say of them, one after the other while the rest stay: the geometric mean of its values by how likely
    /// each is (the evidence, MacKay 1992, of which `evidence` is the logarithm), if all were as likely beforehand.
    pub fn likely(mut evidence: impl FnMut(&Self) -> f64, n_actions: usize) -> Self {
        let mut found = Variances::middle(n_actions);
        for _ in 0..ROUNDS {
            for action in 0..n_actions {
                found.own[action] = found.mean(&APART, &mut evidence, |of, value| of.own[action] = value);
            }
            found.bends = found.mean(&BENDS, &mut evidence, |of, value| of.bends = value);
        }
        found
    }

    /// Of one variance, which `set` sets.
    fn mean(
        &self,
        values: &[f64],
        evidence: &mut impl FnMut(&Self) -> f64,
        set: impl Fn(&mut Self, f64),
    ) -> f64 {
        let of_value = |value: &f64| {
            let mut with = self.clone();
            set(&mut with, *value);
            evidence(&with)
        };
        let log_likely: Vec<f64> = values.iter().map(of_value).collect();
        let most = log_likely.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let share = |log_likely: &f64| if most.is_finite() { (log_likely - most).exp() } else { 1.0 };
        let shares: Vec<f64> = log_likely.iter().map(share).collect();
        let logs: f64 = shares.iter().zip(values).map(|(share, value)| share * value.ln()).sum();
        (logs / shares.iter().sum::<f64>()).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, right: f64) -> bool {
        (found / right - 1.0).abs() < 1e-6
    }

    #[test]
    fn each_variance_is_the_one_that_outcomes_point_to() {
        let points_to = |value: f64, right: f64| -1e3 * (value / right).ln().powi(2);
        let evidence = |of: &Variances| {
            points_to(of.own[0], 3e-4) + points_to(of.own[1], 0.1) + points_to(of.bends, 0.03)
        };
        let found = Variances::likely(evidence, 2);
        assert!(near(found.own[0], 3e-4) && near(found.own[1], 0.1) && near(found.bends, 0.03), "{found:?}");
        assert!(
            near(found.of_own(1, Kind::Straight), 10.0) && near(found.of_own(1, Kind::Bend), 10.0 / 0.03)
        );
        assert_eq!(found.of_own(0, Kind::Intercept), 0.0);
    }

    #[test]
    fn outcomes_that_say_nothing_leave_the_middle_of_what_is_possible() {
        for nothing in [0.0, f64::NEG_INFINITY] {
            let found = Variances::likely(|_| nothing, 1);
            assert!((found.own[0] / APART[APART.len() / 2] - 1.0).abs() < 0.05, "{found:?}");
        }
    }
}
