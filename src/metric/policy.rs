//! What a policy would have brought, from a log of what another did: off-policy value with its standard error.
//!
//! Row `i` got action `aᵢ` with probability `eᵢ` and had outcome `yᵢ`; the policy would have taken `πᵢ`.
//!
//! - direct: mean of `μ(xᵢ, πᵢ) − cost(πᵢ)`, right only if the expectations `μ` are;
//! - inverse propensity: mean of `[aᵢ = πᵢ] yᵢ / eᵢ − cost(πᵢ)` (Horvitz & Thompson 1952);
//! - self-normalised: the same with weights `[aᵢ = πᵢ] / eᵢ` that sum to `n` (Swaminathan & Joachims 2015);
//! - doubly robust: mean of `μ(xᵢ, πᵢ) + [aᵢ = πᵢ] (yᵢ − μ(xᵢ, πᵢ)) / eᵢ − cost(πᵢ)` (Dudík et al. 2011), right if
//!   either the probabilities or the expectations `μ` are.

use super::check;
use super::uplift::Estimate;
use crate::error::{ErrorKind, Result};

/// Fewest rows in which the log did what the policy would do, for each action that it takes.
pub const FEWEST_MATCHES: usize = 30;

/// What was done, how likely that was, and what came of it: `n` rows.
#[derive(Clone, Copy, Debug)]
pub struct ChoiceLog<'a> {
    /// The action done, 0 to `n_actions − 1`.
    pub action: &'a [usize],
    /// Probability with which that action was chosen: above 0, at most 1.
    pub propensity: &'a [f64],
    /// What came of it, finite.
    pub outcome: &'a [f64],
    /// What doing each action costs, in the outcome's unit, finite and 0 or more: `n_actions` long.
    pub cost: &'a [f64],
}

/// Mean outcome after cost that `policy` (`n` actions) would have had as far as a model can tell: `expected` is `μ`,
/// `n × n_actions` row-major. Its interval knows only that other rows could have been drawn, not that `μ` may be wrong:
/// hold it against [`policy_value_dr`].
///
/// # Errors
/// Those of [`policy_value_dr`].
pub fn policy_value_direct(log: &ChoiceLog<'_>, policy: &[usize], expected: &[f64]) -> Result<Estimate> {
    log.check(policy)?;
    log.check_expected(expected)?;
    let of_row = |row: usize| expected[row * log.cost.len() + policy[row]] - log.cost[policy[row]];
    Ok(mean(log.action.len(), of_row))
}

/// Mean outcome after cost that `policy` (`n` actions) would have had, by inverse propensity; 95 % interval.
///
/// # Errors
/// Lengths that differ; an action that is not there; a propensity of 0 or above 1; a cost below 0; [`ErrorKind::TooFew`] where the log
/// did what the policy would do in fewer than [`FEWEST_MATCHES`] rows of an action, or in rows of which a few count as
/// much as all others together (Kish's effective number is below that): then it cannot answer.
pub fn policy_value_ipw(log: &ChoiceLog<'_>, policy: &[usize]) -> Result<Estimate> {
    log.check(policy)?;
    let of_row = |row: usize| log.weight(row, policy[row]) * log.outcome[row] - log.cost[policy[row]];
    Ok(mean(log.action.len(), of_row))
}

/// As [`policy_value_ipw`], self-normalised: less variance, a bias that falls with the rows.
///
/// # Errors
/// Those of [`policy_value_ipw`].
pub fn policy_value_snipw(log: &ChoiceLog<'_>, policy: &[usize]) -> Result<Estimate> {
    log.check(policy)?;
    let n_rows = log.action.len();
    let weight = |row: usize| log.weight(row, policy[row]);
    let total: f64 = (0..n_rows).map(weight).sum();
    let outcome = (0..n_rows).map(|row| weight(row) * log.outcome[row]).sum::<f64>() / total;
    // Linearised: the residual from the ratio stands for each row (delta method).
    let of_row = |row: usize| {
        outcome + weight(row) * (log.outcome[row] - outcome) * n_rows as f64 / total - log.cost[policy[row]]
    };
    Ok(mean(n_rows, of_row))
}

/// As [`policy_value_ipw`], doubly robust: `expected` is `μ`, `n × n_actions` row-major, of models that did not see the
/// row.
///
/// # Errors
/// Those of [`policy_value_ipw`], and expectations that are too few or not finite.
pub fn policy_value_dr(log: &ChoiceLog<'_>, policy: &[usize], expected: &[f64]) -> Result<Estimate> {
    log.check(policy)?;
    log.check_expected(expected)?;
    let of_row = |row: usize| log.doubly_robust(row, policy[row], expected);
    Ok(mean(log.action.len(), of_row))
}

/// By how much `policy` is better than `other`, doubly robust; the interval is that of the difference, which is
/// narrower than either's where they mostly agree.
///
/// # Errors
/// Those of [`policy_value_dr`], for either policy.
pub fn policy_gain_dr(
    log: &ChoiceLog<'_>,
    policy: &[usize],
    other: &[usize],
    expected: &[f64],
) -> Result<Estimate> {
    log.check(policy)?;
    log.check(other)?;
    log.check_expected(expected)?;
    let of = |row: usize, action: usize| log.doubly_robust(row, action, expected);
    Ok(mean(log.action.len(), |row| of(row, policy[row]) - of(row, other[row])))
}

impl ChoiceLog<'_> {
    fn weight(&self, row: usize, action: usize) -> f64 {
        if self.action[row] == action { self.propensity[row].recip() } else { 0.0 }
    }

    /// What the row would have brought by an action, after its cost.
    pub(super) fn doubly_robust(&self, row: usize, action: usize, expected: &[f64]) -> f64 {
        let expected = expected[row * self.cost.len() + action];
        expected + self.weight(row, action) * (self.outcome[row] - expected) - self.cost[action]
    }

    fn check(&self, policy: &[usize]) -> Result<()> {
        let (n_rows, n_actions) = (self.action.len(), self.cost.len());
        self.check_rows()?;
        check::same_length("actions of the policy", policy.len(), n_rows)?;
        check::actions("actions of the policy", policy, n_actions)?;
        (0..n_actions).try_for_each(|action| self.check_matches(action, policy))
    }

    /// The log itself, whatever is asked of it.
    pub(super) fn check_rows(&self) -> Result<()> {
        let (n_rows, n_actions) = (self.action.len(), self.cost.len());
        if n_rows == 0 {
            let what = "the log of choices".into();
            return Err(ErrorKind::NoRows { what, hint: "give what was done and what came of it" }.into());
        }
        check::same_length("propensities", self.propensity.len(), n_rows)?;
        check::same_length("outcomes", self.outcome.len(), n_rows)?;
        let in_range = |e: f64| e > 0.0 && e <= 1.0;
        check::all("propensities", self.propensity, "a probability above 0 and at most 1", in_range)?;
        check::all("outcomes", self.outcome, "a finite number", f64::is_finite)?;
        check::all("costs", self.cost, "a finite number, 0 or more", |cost| cost.is_finite() && cost >= 0.0)?;
        check::actions("actions done", self.action, n_actions)
    }

    /// The log did an action often enough.
    pub(super) fn check_done(&self, action: usize) -> Result<()> {
        let what = || format!("the log cannot answer: rows in which it did action {action}");
        self.enough(what, |row| self.action[row] == action)
    }

    /// Enough rows, and not a few that count as much as all others.
    fn enough(&self, what: impl Fn() -> String, is_in: impl Fn(usize) -> bool) -> Result<()> {
        let weights =
            (0..self.action.len()).filter(|&row| is_in(row)).map(|row| self.propensity[row].recip());
        let add = |(n, sum, squares): (usize, f64, f64), weight: f64| {
            (n + 1, sum + weight, squares + weight * weight)
        };
        let (found, sum, squares) = weights.fold((0, 0.0, 0.0), add);
        let effective = if squares > 0.0 { sum * sum / squares } else { 0.0 };
        if found < FEWEST_MATCHES {
            return Err(ErrorKind::TooFew { what: what(), found, needed: FEWEST_MATCHES }.into());
        }
        if effective < FEWEST_MATCHES as f64 {
            let what = format!("{}, of which a few count as much as all others; in effect", what());
            return Err(ErrorKind::TooFew { what, found: effective as usize, needed: FEWEST_MATCHES }.into());
        }
        Ok(())
    }

    fn check_matches(&self, action: usize, policy: &[usize]) -> Result<()> {
        let wanted = policy.iter().filter(|&&of_row| of_row == action).count();
        if wanted == 0 {
            return Ok(());
        }
        let what = || {
            format!(
                "the log cannot answer: rows in which it did action {action} where the policy would ({wanted} rows)"
            )
        };
        self.enough(what, |row| self.action[row] == action && policy[row] == action)
    }

    pub(super) fn check_expected(&self, expected: &[f64]) -> Result<()> {
        check::same_length("expected outcomes", expected.len(), self.action.len() * self.cost.len())?;
        check::all("expected outcomes", expected, "a finite number", f64::is_finite)
    }
}

/// The mean with its standard error and 95 % interval.
fn mean(n_rows: usize, of_row: impl Fn(usize) -> f64) -> Estimate {
    let n = n_rows as f64;
    let value = (0..n_rows).map(&of_row).sum::<f64>() / n;
    let spread: f64 = (0..n_rows).map(|row| (of_row(row) - value).powi(2)).sum();
    let standard_error = (spread / (n * (n - 1.0).max(1.0))).sqrt();
    let reach = 1.959_963_984_540_054 * standard_error;
    Estimate { value, low: value - reach, high: value + reach, standard_error }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 400 rows: action 1 is chosen three times in four, and helps those whose row is even.
    struct Rows {
        action: Vec<usize>,
        propensity: Vec<f64>,
        outcome: Vec<f64>,
        policy: Vec<usize>,
    }

    impl Rows {
        fn new() -> Self {
            let action: Vec<usize> = (0..400).map(|row| usize::from((row / 2) % 4 < 3)).collect();
            let helps = |row: usize| usize::from(row.is_multiple_of(2));
            Rows {
                propensity: action.iter().map(|&action| if action == 1 { 0.75 } else { 0.25 }).collect(),
                outcome: (0..400).map(|row| if action[row] == helps(row) { 1.0 } else { 0.25 }).collect(),
                policy: (0..400).map(helps).collect(),
                action,
            }
        }

        fn log(&self) -> ChoiceLog<'_> {
            let Rows { action, propensity, outcome, .. } = self;
            ChoiceLog { action, propensity, outcome, cost: &[0.0, 0.1] }
        }
    }

    #[test]
    fn all_three_find_the_value_and_the_doubly_robust_is_surest() {
        let rows = Rows::new();
        let expected: Vec<f64> = (0..800).map(|at| if (at / 2) % 2 != at % 2 { 1.0 } else { 0.25 }).collect();
        let ipw = policy_value_ipw(&rows.log(), &rows.policy).unwrap();
        let snipw = policy_value_snipw(&rows.log(), &rows.policy).unwrap();
        let dr = policy_value_dr(&rows.log(), &rows.policy, &expected).unwrap();
        for found in [ipw, snipw, dr] {
            assert!((found.value - 0.95).abs() < 1e-12, "{found:?}");
        }
        assert!(dr.standard_error < 0.1 * ipw.standard_error && snipw.standard_error < ipw.standard_error);
        let gain = policy_gain_dr(&rows.log(), &rows.policy, &[1; 400], &expected).unwrap();
        assert!((gain.value - (0.95 - 0.525)).abs() < 1e-12);
    }

    #[test]
    fn wrong_expectations_do_not_make_it_wrong() {
        let rows = Rows::new();
        let found = policy_value_dr(&rows.log(), &rows.policy, &[0.4; 800]).unwrap();
        assert!((found.value - 0.95).abs() < 1e-12 && found.low < 0.95 && 0.95 < found.high);
    }

    #[test]
    fn the_direct_value_is_what_the_model_says_and_no_more() {
        let rows = Rows::new();
        let expected: Vec<f64> = (0..800).map(|at| if at % 2 == 1 { 0.9 } else { 0.2 }).collect();
        let found = policy_value_direct(&rows.log(), &rows.policy, &expected).unwrap();
        assert!((found.value - (0.5 * 0.8 + 0.5 * 0.2)).abs() < 1e-12, "{found:?}");
    }

    #[test]
    fn a_few_rows_that_count_as_all_are_refused() {
        let rows = Rows::new();
        let odd = |row: usize| if row == 0 { 1e-5 } else { rows.propensity[row] };
        let propensity: Vec<f64> = (0..400).map(odd).collect();
        let log = ChoiceLog { propensity: &propensity, ..rows.log() };
        let refused = policy_value_ipw(&log, &rows.policy).unwrap_err().to_string();
        assert_eq!(
            refused,
            "the log cannot answer: rows in which it did action 1 where the policy would (200 rows), of which a few \
             count as much as all others; in effect: found 1, expected at least 30"
        );
    }

    #[test]
    fn what_the_log_cannot_answer_is_refused() {
        let rows = Rows::new();
        let text =
            |log: &ChoiceLog<'_>, policy: &[usize]| policy_value_ipw(log, policy).unwrap_err().to_string();
        let mut rare = vec![0; 400];
        rare[..16].fill(1);
        let log = ChoiceLog { action: &rare, ..rows.log() };
        assert_eq!(
            text(&log, &[1; 400]),
            "the log cannot answer: rows in which it did action 1 where the policy would (400 rows): found 16, \
             expected at least 30"
        );
        assert_eq!(
            text(&ChoiceLog { propensity: &[0.0; 400], ..rows.log() }, &rows.policy),
            "propensities, row 1: found 0, expected a probability above 0 and at most 1"
        );
        assert_eq!(
            text(&ChoiceLog { cost: &[0.0, -0.1], ..rows.log() }, &rows.policy),
            "costs, row 2: found -0.1, expected a finite number, 0 or more"
        );
        assert_eq!(
            text(&rows.log(), &[2; 400]),
            "actions of the policy, row 1: found 2, expected an action that has a cost, counted from 0"
        );
    }
}
