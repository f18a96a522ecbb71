//! Assignments by a draw, so that there is something to learn from, with the probability of all that could have been.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rand_distr::StandardNormal;

use super::assign::solve;
use super::assignment::{Assignment, AssignmentLog, draw};
use super::offered::{Bundle, Offered};
use super::plan::Plan;
use crate::error::{ErrorKind, Result};

/// What keeps the draws for one account apart.
const EXPLORES: u64 = 0;
const TURN: u64 = 0x9E37_79B9_7F4A_7C15;
const WHAT: u64 = 0xD134_2543_DE82_EF95;

/// How a plan is explored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Exploration {
    /// A share of the accounts (0 to 1) is drawn: every second gets nothing, since every action is compared with that;
    /// the others evenly one of the actions that they are eligible for and that may bring something. Those who are not
    /// drawn get what is planned. What the drawn ones no longer use of the pools is what they draw
    /// on; an action for which there is not enough left is not among those that an account can draw.
    Epsilon(f64),
    /// Every effect is drawn from what is thought of it, that of an action at the same place of its range for all
    /// accounts (Thompson 1933), and the best plan for that is taken. The probabilities are the shares of so many draws,
    /// of which one is taken at random (2 to 1,000): a draw costs as much as a plan.
    Thompson(usize),
}

impl Plan {
    /// Assigns by a draw. The same for the same `random_state`; take another for each plan.
    ///
    /// Pools and budget are kept to. The probabilities in the log are exact: of an account that explores, given what was
    /// drawn for those before it.
    ///
    /// # Errors
    /// A share that is not from 0 to 1, or a number of draws that is not from 2 to 1,000.
    ///
    /// ```
    /// # use keepwell::prelude::*;
    /// # use keepwell::action::Exploration;
    /// # let schema = Schema::new().id("id").churn("churned").value("mrr")
    /// #     .signal(Signal::new("seats_used", Dimension::Usage, Kind::Share));
    /// # let row = |row: u32| format!("A{row},500,{},{}\n", f64::from(row % 50) / 50.0, u8::from(row % 50 + row % 7 < 15));
    /// # let csv = (0..200).map(row).fold("id,mrr,seats_used,churned\n".to_string(), |csv, row| csv + &row);
    /// # let past = Frame::from_csv_reader(csv.as_bytes(), &schema)?;
    /// # let scored = HealthModel::params(&schema).fit(&past)?.score(&past)?;
    /// let plan = Playbook::any_business().plan(&scored, &Capacity::new().pool("csm_hours", 40.0))?;
    /// let log = plan.explore(Exploration::Epsilon(0.2), 7)?;
    /// assert!(log.assignments().iter().all(|assignment| assignment.probability > 0.0));
    /// # Ok::<(), keepwell::Error>(())
    /// ```
    pub fn explore(&self, how: Exploration, random_state: u64) -> Result<AssignmentLog> {
        let refuse =
            |name, value: String, expected| Err(ErrorKind::Parameter { name, value, expected }.into());
        match how {
            Exploration::Epsilon(share) if !(0.0..=1.0).contains(&share) => {
                refuse("epsilon", share.to_string(), "a share from 0 to 1")
            }
            Exploration::Thompson(draws) if !(2..=1_000).contains(&draws) => {
                refuse("draws", draws.to_string(), "2 to 1000")
            }
            Exploration::Epsilon(share) => Ok(self.epsilon(share, random_state)),
            Exploration::Thompson(draws) => Ok(self.thompson(draws, random_state)),
        }
    }

    /// Account after account in random order: what is planned for those whose turn has not come stays theirs, so that
    /// whether an account explores moves nobody before it.
    fn epsilon(&self, share: f64, random_state: u64) -> AssignmentLog {
        let even_draw =
            |row: usize, of: u64| draw(&self.recommendations[row].id, random_state.wrapping_add(of));
        let n = self.recommendations.len();
        let planned = |row: usize| self.chosen[row].map(|offer| self.offered.bundle(offer));
        let mut left = self.offered.problem.limits.clone();
        (0..n).filter_map(planned).for_each(|bundle| self.terms.take(&bundle, &mut left, 1.0));
        let mut turns: Vec<(f64, usize)> = (0..n).map(|row| (even_draw(row, TURN), row)).collect();
        turns.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let mut assignments: Vec<(usize, Assignment)> = Vec::with_capacity(n);
        for (_, row) in turns {
            let planned = planned(row);
            planned.iter().for_each(|bundle| self.terms.take(bundle, &mut left, -1.0));
            let can = self.can_draw(row, &left);
            let assigned = if even_draw(row, EXPLORES) < share {
                // The upper half is nothing.
                can.get((even_draw(row, WHAT) * 2.0 * can.len() as f64) as usize).copied()
            } else {
                planned
            };
            assigned.iter().for_each(|bundle| self.terms.take(bundle, &mut left, 1.0));
            assignments.push((row, self.assignment(row, planned, assigned, &even(share, planned, &can))));
        }
        assignments.sort_by_key(|(row, _)| *row);
        AssignmentLog { assignments: assignments.into_iter().map(|(_, assignment)| assignment).collect() }
    }

    /// The actions that an account can draw: that may bring something, and of which there is enough left.
    fn can_draw(&self, row: usize, left: &[f64]) -> Vec<Bundle> {
        let may = self.options.of(row).iter().filter(|(_, worth)| worth.gain.high > 0.0);
        may.map(|(action, _)| Bundle::of(*action)).filter(|bundle| self.terms.fits(bundle, left)).collect()
    }

    fn thompson(&self, draws: usize, random_state: u64) -> AssignmentLog {
        let mut rng = StdRng::seed_from_u64(random_state);
        let mut plans: Vec<Vec<Option<Bundle>>> = Vec::new();
        for _ in 0..draws {
            let z: Vec<f64> = self.terms.actions.iter().map(|_| rng.sample(StandardNormal)).collect();
            let offered = Offered::drawn(&self.terms, &self.options, &z);
            let chosen = solve(&offered.problem).chosen;
            plans.push(chosen.into_iter().map(|offer| offer.map(|offer| offered.bundle(offer))).collect());
        }
        let taken = rng.random_range(0..draws);
        let assign = |row: usize| {
            let planned = self.chosen[row].map(|offer| self.offered.bundle(offer));
            let mut chances: Vec<(Option<Bundle>, f64)> = Vec::new();
            for plan in &plans {
                match chances.iter_mut().find(|(what, _)| *what == plan[row]) {
                    Some((_, chance)) => *chance += 1.0 / draws as f64,
                    None => chances.push((plan[row], 1.0 / draws as f64)),
                }
            }
            self.assignment(row, planned, plans[taken][row], &chances)
        };
        AssignmentLog { assignments: (0..self.recommendations.len()).map(assign).collect() }
    }

    fn assignment(
        &self,
        row: usize,
        planned: Option<Bundle>,
        assigned: Option<Bundle>,
        chances: &[(Option<Bundle>, f64)],
    ) -> Assignment {
        let label = |bundle: &Option<Bundle>| bundle.as_ref().map(|bundle| self.terms.label(bundle));
        let chances = chances.iter().map(|(bundle, chance)| (label(bundle), *chance)).collect();
        let id = self.recommendations[row].id.clone();
        Assignment::new(id, self.day, label(&planned), label(&assigned), chances)
    }
}

/// What is planned, but with a share nothing in one half, and evenly what can be drawn in the other.
fn even(share: f64, planned: Option<Bundle>, can: &[Bundle]) -> Vec<(Option<Bundle>, f64)> {
    let nothing = if can.is_empty() { share } else { share / 2.0 };
    let of_each = share / 2.0 / can.len().max(1) as f64;
    let actions = can.iter().map(|bundle| (Some(*bundle), of_each));
    let mut chances: Vec<(Option<Bundle>, f64)> = std::iter::once((None, nothing)).chain(actions).collect();
    match chances.iter_mut().find(|(what, _)| *what == planned) {
        Some((_, chance)) => *chance += 1.0 - share,
        None => chances.push((planned, 1.0 - share)),
    }
    chances.retain(|(_, chance)| *chance > 0.0);
    chances
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::tests::Book;
    use crate::action::{Action, Capacity, Change, Effect, Goal, Playbook};

    fn plan(n: usize, hours: f64) -> Plan {
        let effect = |mean: f64| Effect::assumed_on_churn(Change::relative(mean), "a guess");
        let action = |name: &str, mean: f64| Action::new(name, name, Goal::Retain, effect(mean)).cost(10.0);
        let call = action("call", 0.2).pool("csm_hours", 1.0);
        let visit = action("visit", 0.3).pool("csm_hours", 3.0);
        let playbook = Playbook::new("test", vec![call, visit, action("mail", 0.05)]);
        let playbook = playbook.pool("csm_hours", "success-manager hours");
        let capacity = Capacity::new().pool("csm_hours", hours);
        playbook.plan_accounts(&Book::many(n).accounts(), &capacity).unwrap()
    }

    fn hours(log: &AssignmentLog) -> f64 {
        let units = |name: &str| if name == "visit" { 3.0 } else { f64::from(u8::from(name == "call")) };
        log.assignments().iter().filter_map(|a| a.assigned.as_deref()).map(units).sum()
    }

    #[test]
    fn both_ways_keep_to_the_pools_and_log_probabilities_that_come_true() {
        let plan = plan(80, 25.0);
        for how in [Exploration::Epsilon(0.4), Exploration::Thompson(4)] {
            let (mut expected, mut came, n_runs) = (0.0, 0.0, 100);
            for seed in 0..n_runs {
                let log = plan.explore(how, seed).unwrap();
                assert!(hours(&log) <= 25.0 + 1e-9);
                for assignment in log.assignments() {
                    let sum: f64 = assignment.chances.iter().map(|(_, chance)| chance).sum();
                    assert!((sum - 1.0).abs() < 1e-9 && assignment.probability > 0.0);
                    // One over its probability, summed over what was assigned, comes to the number of choices.
                    expected += assignment.chances.len() as f64;
                    came += 1.0 / assignment.probability;
                }
            }
            assert!((came / expected - 1.0).abs() < 0.05, "{how:?}: {came} of {expected}");
        }
    }

    #[test]
    fn exploring_shows_what_the_plan_would_never_do() {
        let plan = plan(400, 100.0);
        let count = |how, what: &str| {
            let log = plan.explore(how, 3).unwrap();
            log.assignments().iter().filter(|a| a.assigned.as_deref() == Some(what)).count()
        };
        let planned = |what: &str| plan.to_do().filter(|(_, todo)| todo.action.name == what).count();
        assert!(count(Exploration::Epsilon(0.5), "mail") > planned("mail") / 2 + 20);
        assert_eq!(count(Exploration::Epsilon(0.0), "call"), planned("call"));
        let again = [3, 3, 4].map(|seed| plan.explore(Exploration::Thompson(5), seed).unwrap());
        assert!(again[0] == again[1] && again[0] != again[2]);
    }

    #[test]
    fn shares_and_draws_outside_their_range_are_refused() {
        let text = |how| plan(5, 1.0).explore(how, 0).unwrap_err().to_string();
        assert_eq!(text(Exploration::Epsilon(1.5)), "`epsilon` is 1.5, expected a share from 0 to 1");
        assert_eq!(text(Exploration::Thompson(1)), "`draws` is 1, expected 2 to 1000");
    }
}
