//! What several actions bring for what they cost: the Qini curve of a choice between them under a budget.
//!
//! With a little money, the account and action with the most effect for its cost comes first; with more, others follow,
//! or an account gets a dearer action that does more. An action that costs more than another and does less is never
//! chosen, nor one between two others that does less than their mixture (Sverdrup et al. 2023; the fractional
//! multiple-choice knapsack). What the choice at a spend brings is told by doubly robust scores, whatever the effects
//! say that it was chosen by.

use super::bootstrap::{Resampling, percentiles};
use super::check;
use super::policy::ChoiceLog;
use super::uplift::Estimate;
use crate::error::{ErrorKind, Result};

/// A point of the curve.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CostedPoint {
    /// Spent, an account of all `n`.
    pub spend: f64,
    /// Share of accounts that get an action.
    pub share: f64,
    /// By how much the mean outcome rises against doing nothing, costs not taken off.
    pub gain: f64,
    /// Its standard error.
    pub standard_error: f64,
}

/// The curve of gains by spend, from nothing to all that the effects speak for.
///
/// `effects` is `n × n_actions` row-major, action 0 being to do nothing: its column is not looked at. `expected` is as in
/// [`policy_value_dr`](super::policy_value_dr). Costs are those of the log, action 0's being 0 and no other below it.
/// Actions that cost nothing are on the curve from the start wherever they help.
///
/// # Errors
/// Those of [`policy_value_dr`](super::policy_value_dr); effects that are not finite or too few; a cost below 0;
/// [`ErrorKind::TooFew`] where the log did an action on the curve in too few rows.
///
/// ```
/// use keepwell::metric::{ChoiceLog, costed_qini};
///
/// // A call that keeps every second account, always the even ones, drawn for half of them.
/// let action: Vec<usize> = (0..400).map(|row| (row / 2) % 2).collect();
/// let outcome: Vec<f64> = (0..400).map(|row| f64::from(row % 2 == 0 && action[row] == 1)).collect();
/// let log = ChoiceLog { action: &action, propensity: &[0.5; 400], outcome: &outcome, cost: &[0.0, 2.0] };
/// let effects: Vec<f64> = (0..800).map(|at| if at % 4 == 1 { 1.0 } else { 0.1 }).collect();
///
/// let curve = costed_qini(&log, &effects, &[0.5; 800])?;
/// assert_eq!(curve.len(), 3);
/// assert!((curve[1].spend - 1.0).abs() < 1e-12 && (curve[1].gain - 0.5).abs() < 1e-12);
/// assert!((curve[2].spend - 2.0).abs() < 1e-12 && (curve[2].gain - 0.5).abs() < 1e-12);
/// # Ok::<(), keepwell::Error>(())
/// ```
pub fn costed_qini(log: &ChoiceLog<'_>, effects: &[f64], expected: &[f64]) -> Result<Vec<CostedPoint>> {
    Ok(Path::new(log, effects, expected)?.points(None))
}

/// The area between [`costed_qini`] and the straight line to its end, divided by the spend at its end: by how much more
/// the mean outcome rises than if the same money went to accounts drawn at random, over all budgets. With the interval
/// that holds `confidence` of its values over `n_resamples` bootstrap samples of the rows.
///
/// # Errors
/// Those of [`costed_qini`]; no action that costs anything is worth it; a confidence outside (0, 1), fewer than 2
/// resamples.
pub fn costed_qini_area(
    log: &ChoiceLog<'_>,
    effects: &[f64],
    expected: &[f64],
    confidence: f64,
    n_resamples: usize,
    random_state: u64,
) -> Result<Estimate> {
    check::confidence(confidence, n_resamples)?;
    let path = Path::new(log, effects, expected)?;
    let Some(value) = path.area(None) else {
        let what = "rows for which an action that costs something has an effect above 0".into();
        return Err(ErrorKind::TooFew { what, found: 0, needed: 1 }.into());
    };
    let resampling = Resampling::new(log.action.len(), n_resamples, random_state);
    let values = resampling.map(|counts| path.area(Some(counts)));
    Ok(percentiles(value, values.into_iter().flatten().collect(), confidence))
}

/// An account goes from one action to the next.
struct Step {
    row: usize,
    /// Effect for its cost; infinite where it costs nothing.
    ratio: f64,
    cost: f64,
    /// Doubly robust gain of the account against doing nothing, after the step and before.
    gains: [f64; 2],
    /// Whether the account had no action before.
    is_first: bool,
}

/// All steps, the best for its cost first.
struct Path {
    n_rows: usize,
    steps: Vec<Step>,
}

impl Path {
    fn new(log: &ChoiceLog<'_>, effects: &[f64], expected: &[f64]) -> Result<Self> {
        log.check_rows()?;
        log.check_expected(expected)?;
        let (n_rows, n_actions) = (log.action.len(), log.cost.len());
        check::same_length("effects", effects.len(), n_rows * n_actions)?;
        let chosen_by = |at: usize| !at.is_multiple_of(n_actions.max(1));
        if let Some(at) = (0..effects.len()).find(|&at| chosen_by(at) && !effects[at].is_finite()) {
            let (what, expected) = ("effects".to_owned(), "a finite number");
            return Err(
                ErrorKind::Number { what, row: at / n_actions + 1, value: effects[at], expected }.into()
            );
        }
        if log.cost[0] != 0.0 {
            let (what, expected) = ("costs".to_owned(), "0 for doing nothing");
            return Err(ErrorKind::Number { what, row: 1, value: log.cost[0], expected }.into());
        }
        let mut steps = Vec::new();
        let mut is_used = vec![false; n_actions];
        for row in 0..n_rows {
            let hull = hull(&effects[row * n_actions..][..n_actions], log.cost);
            let gain = |action| log.doubly_robust(row, action, expected) + log.cost[action];
            let mut before = 0;
            for (action, ratio) in hull {
                is_used[action] = true;
                steps.push(Step {
                    row,
                    ratio,
                    cost: log.cost[action] - log.cost[before],
                    gains: [gain(action) - gain(0), gain(before) - gain(0)],
                    is_first: before == 0,
                });
                before = action;
            }
        }
        is_used[0] = true;
        (0..n_actions).filter(|&action| is_used[action]).try_for_each(|action| log.check_done(action))?;
        steps.sort_by(|a, b| b.ratio.total_cmp(&a.ratio));
        Ok(Path { n_rows, steps })
    }

    fn points(&self, counts: Option<&[u32]>) -> Vec<CostedPoint> {
        let n = self.n_rows as f64;
        let (mut spend, mut acted, mut sum, mut squares) = (0.0, 0.0, 0.0, 0.0);
        let mut points = vec![CostedPoint::default()];
        for (at, step) in self.steps.iter().enumerate() {
            let count = counts.map_or(1.0, |counts| f64::from(counts[step.row]));
            let [after, before] = step.gains;
            spend += count * step.cost;
            acted += if step.is_first { count } else { 0.0 };
            sum += count * (after - before);
            squares += count * (after * after - before * before);
            // Steps as good as one another are taken together.
            if self.steps.get(at + 1).is_none_or(|next| next.ratio != step.ratio) {
                let gain = sum / n;
                let variance = (squares / n - gain * gain).max(0.0) / (n - 1.0).max(1.0);
                let point =
                    CostedPoint { spend: spend / n, share: acted / n, gain, standard_error: variance.sqrt() };
                if step.ratio == f64::INFINITY { points[0] = point } else { points.push(point) }
            }
        }
        points
    }

    fn area(&self, counts: Option<&[u32]>) -> Option<f64> {
        let points = self.points(counts);
        let (first, last) = (points.first()?, points.last()?);
        let trapezoid =
            |pair: &[CostedPoint]| (pair[1].spend - pair[0].spend) * (pair[1].gain + pair[0].gain) / 2.0;
        let under: f64 = points.windows(2).map(trapezoid).sum();
        let width = last.spend - first.spend;
        (width > 0.0).then(|| under / width - (first.gain + last.gain) / 2.0)
    }
}

/// The actions worth going to as money allows, with what each step brings for its cost: the upper hull of effects over
/// costs.
fn hull(effects: &[f64], costs: &[f64]) -> Vec<(usize, f64)> {
    let mut actions: Vec<usize> = (1..costs.len()).filter(|&action| effects[action] > 0.0).collect();
    actions.sort_by(|&a, &b| costs[a].total_cmp(&costs[b]).then(effects[b].total_cmp(&effects[a])));
    let mut hull: Vec<(usize, f64)> = Vec::new();
    for action in actions {
        loop {
            let (before, ratio) = hull.last().copied().unwrap_or((0, f64::INFINITY));
            let had = if before == 0 { 0.0 } else { effects[before] };
            if effects[action] <= had {
                break;
            }
            let cost = costs[action] - if before == 0 { 0.0 } else { costs[before] };
            let own = if cost > 0.0 { (effects[action] - had) / cost } else { f64::INFINITY };
            if before != 0 && own > ratio {
                hull.pop();
                continue;
            }
            hull.push((action, own));
            break;
        }
    }
    hull
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_actions_that_are_worth_their_cost_are_gone_to() {
        // Doubles the effect for double the cost and then some; does less for more; harms.
        assert_eq!(hull(&[9.0, 0.1, 0.3, 0.2, -1.0], &[0.0, 1.0, 2.0, 3.0, 0.5]), [(2, 0.15)]);
        let two = hull(&[0.0, 0.2, 0.3], &[0.0, 1.0, 2.0]);
        assert_eq!((two[0], two[1].0), ((1, 0.2), 2));
        assert!((two[1].1 - 0.1).abs() < 1e-12);
        assert_eq!(hull(&[0.0, 0.1, 0.3], &[0.0, 0.0, 1.0])[0], (1, f64::INFINITY));
        assert!(hull(&[0.0, 0.0, -0.1], &[0.0, 1.0, 2.0]).is_empty());
    }

    /// 600 rows, three actions drawn alike; 1 brings .2 of the time what it is thought to, 2 twice that.
    fn log() -> (Vec<usize>, Vec<f64>) {
        let action: Vec<usize> = (0..600).map(|row| row % 3).collect();
        let helps = |row: usize| f64::from(u8::from((row / 3) % 10 < 2 * (row % 3)));
        (action, (0..600).map(helps).collect())
    }

    #[test]
    fn the_curve_by_hand_and_the_area_of_an_order_that_knows_something() {
        let (action, outcome) = log();
        let log = ChoiceLog {
            action: &action,
            propensity: &[1.0 / 3.0; 600],
            outcome: &outcome,
            cost: &[0.0, 1.0, 3.0],
        };
        let flat: Vec<f64> = (0..1800).map(|at| [0.0, 0.2, 0.4][at % 3]).collect();
        let expected = [0.0; 1800];
        let curve = costed_qini(&log, &flat, &expected).unwrap();
        let spends: Vec<f64> = curve.iter().map(|point| point.spend).collect();
        assert_eq!((spends.len(), spends[0]), (3, 0.0));
        assert!((spends[1] - 1.0).abs() < 1e-9 && (spends[2] - 3.0).abs() < 1e-9);
        assert!((curve[1].gain - 0.2).abs() < 1e-9 && (curve[2].gain - 0.4).abs() < 1e-9);
        assert_eq!(curve[2].share, 1.0);
        // Area: (1 · .1 + 2 · .3) / 3 − .2.
        let area = costed_qini_area(&log, &flat, &expected, 0.9, 200, 1).unwrap();
        assert!((area.value - (0.7 / 3.0 - 0.2)).abs() < 1e-9, "{area:?}");
        assert!(area.low <= area.value && area.value <= area.high && area.standard_error > 0.0);
        let knowing: Vec<f64> =
            (0..1800).map(|at| if (at / 9) % 10 < 4 { [0.0, 0.2, 0.8][at % 3] } else { 0.01 }).collect();
        assert!(costed_qini_area(&log, &knowing, &expected, 0.9, 20, 1).unwrap().value > area.value);
    }

    #[test]
    fn with_one_action_its_end_is_the_gain_of_acting_on_all() {
        let (action, outcome) = log();
        let action: Vec<usize> = action.iter().map(|&action| action.min(1)).collect();
        let propensity: Vec<f64> =
            action.iter().map(|&a| if a == 1 { 2.0 / 3.0 } else { 1.0 / 3.0 }).collect();
        let log =
            ChoiceLog { action: &action, propensity: &propensity, outcome: &outcome, cost: &[0.0, 0.5] };
        let effects: Vec<f64> = (0..1200).map(|at| 0.001 * f64::from(at % 97) + 0.001).collect();
        let expected: Vec<f64> = (0..1200).map(|at| 0.1 + 0.2 * f64::from(at % 2)).collect();
        let last = *costed_qini(&log, &effects, &expected).unwrap().last().unwrap();
        let all = super::super::policy_gain_dr(&log, &[1; 600], &[0; 600], &expected).unwrap();
        assert!((last.gain - (all.value + 0.5)).abs() < 1e-9, "{last:?} {all:?}");
        assert!((last.standard_error - all.standard_error).abs() < 1e-9);
    }

    #[test]
    fn bad_input_is_named() {
        let (action, outcome) = log();
        let log = ChoiceLog {
            action: &action,
            propensity: &[1.0 / 3.0; 600],
            outcome: &outcome,
            cost: &[0.0, 1.0, 3.0],
        };
        let text = |log: &ChoiceLog<'_>, effects: &[f64]| {
            costed_qini(log, effects, &[0.0; 1800]).unwrap_err().to_string()
        };
        let mut effects = vec![0.1; 1800];
        assert_eq!(text(&log, &effects[1..]), "number of effects: found 1799, expected 1800");
        assert_eq!(
            text(&ChoiceLog { cost: &[0.0, -1.0, 3.0], ..log }, &effects),
            "costs, row 2: found -1, expected a finite number, 0 or more"
        );
        assert_eq!(
            text(&ChoiceLog { cost: &[1.0, 1.0, 3.0], ..log }, &effects),
            "costs, row 1: found 1, expected 0 for doing nothing"
        );
        effects[4] = f64::NAN;
        assert_eq!(text(&log, &effects), "effects, row 2: found NaN, expected a finite number");
        let none = costed_qini_area(&log, &[0.0; 1800], &[0.0; 1800], 0.9, 9, 1).unwrap_err().to_string();
        assert!(
            none.starts_with("rows for which an action that costs something has an effect above 0"),
            "{none}"
        );
        let rare: Vec<usize> = (0..600).map(|row| usize::from(row % 100 == 0)).collect();
        let refused = text(&ChoiceLog { action: &rare, ..log }, &[0.1; 1800]);
        assert_eq!(
            refused,
            "the log cannot answer: rows in which it did action 1: found 6, expected at least 30"
        );
    }
}
