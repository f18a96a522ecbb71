//! Effects learned from outcomes: by how much each action changes an outcome, for whom, and how sure that is.
//!
//! ```text
//! who got what, what came of it → logistic regressions, held together as far as outcomes say; trees
//!     → doubly robust scores of rows left out → weights of learners, "the same for all" and "none"
//!     → effects with intervals
//! ```

mod bench;
mod contrast;
mod crossfit;
mod data;
mod departures;
mod doubt;
mod effects;
mod learners;
mod lines;
mod parabola;
mod pieces;
mod propensity;
mod reading;
mod report;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_plan;
mod variances;
mod weigh;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::{ErrorKind, Result};
use crate::frame::Table;
use crate::model::EncodedColumn;
use crate::model::training::check_training;
use crate::model::{Features, ModelFile};
use bench::Bench;
use contrast::Contrast;
use crossfit::LeftOut;
use data::{Data, Fold, variance};
use learners::Member;
use pieces::Pieces;
use propensity::CLIP;
use reading::Reading;

pub use effects::LearnedEffects;
pub use report::{ArmReport, Average, Candidate, Overlap};

/// How it came that some accounts got an action and others did not: what the effects may be read as.
#[derive(Clone, Debug, PartialEq)]
pub enum Evidence {
    /// By a draw that looked at nothing: everybody had the same chances, which are read from the shares.
    Randomised,
    /// By a draw with chances that were logged: `n × n_arms` probabilities, row-major, each row's sum 1.
    Logged(Vec<f64>),
    /// By somebody's judgement. The chances are estimated from the table; what drove the choice and is not in it
    /// is taken for an effect.
    Observational,
}

/// Whether an effect rests on a draw or on judgement. Shown wherever the effect is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// From a randomised experiment.
    Randomised,
    /// From what was done by judgement: right only if the table holds all that drove it.
    Observational,
}

/// Parameters of an [`EffectModel`].
#[derive(Clone, Debug, PartialEq)]
pub struct EffectModelParams {
    arms: Vec<String>,
    evidence: Evidence,
    priors: Vec<Option<(f64, f64)>>,
    n_folds: usize,
    random_state: u64,
}

impl EffectModelParams {
    /// What is thought of an arm's average effect before the data: its mean and standard deviation, in points of
    /// probability. Where data is thin the estimate is drawn there. Default: nothing is thought.
    pub fn prior(mut self, arm: &str, mean: f64, standard_deviation: f64) -> Self {
        let at = self.arms.iter().position(|name| name == arm);
        match at {
            Some(at) => self.priors[at] = Some((mean, standard_deviation)),
            // An unknown name is told of by `check`, as is everything else.
            None => self.priors.push(Some((mean, standard_deviation))),
        }
        self
    }

    /// Folds on which learners are compared. Range: 2 to 20. Default: 5.
    pub fn n_folds(mut self, n_folds: usize) -> Self {
        self.n_folds = n_folds;
        self
    }

    /// Seed of folds and trees. Default: 0.
    pub fn random_state(mut self, random_state: u64) -> Self {
        self.random_state = random_state;
        self
    }

    fn check(&self) -> Result<()> {
        let refuse =
            |name, value: String, expected| Err(ErrorKind::Parameter { name, value, expected }.into());
        let fits = |prior: &(f64, f64)| prior.0.abs() <= 1.0 && prior.1 > 0.0 && prior.1.is_finite();
        match self {
            _ if self.arms.len() < 2 => {
                refuse("arms", self.arms.len().to_string(), "the name of none, then at least one action")
            }
            _ if (1..self.arms.len()).any(|at| self.arms[..at].contains(&self.arms[at])) => {
                refuse("arms", self.arms.join(", "), "a name of its own for each arm")
            }
            _ if self.priors.len() > self.arms.len() => {
                refuse("prior", "of an unknown arm".into(), "the name of one of the arms")
            }
            _ if !(2..=20).contains(&self.n_folds) => refuse("n_folds", self.n_folds.to_string(), "2 to 20"),
            _ => match self.priors.iter().flatten().find(|prior| !fits(prior)) {
                Some(prior) => refuse(
                    "prior",
                    format!("{prior:?}"),
                    "a mean from -1 to 1 and a standard deviation above 0",
                ),
                None => Ok(()),
            },
        }
    }

    /// Fits to a table of `n` rows, the outcome of each and the arm that it got: 0 for none, then the actions in the
    /// order of their names.
    ///
    /// # Errors
    /// A parameter outside its range; no columns; lengths that differ; an arm that has no name; one with too few rows of either
    /// outcome for the folds; a logged probability that is not one, or is 0 for what was done.
    pub fn fit(&self, table: &Table, y: &[bool], arm: &[usize]) -> Result<EffectModel> {
        self.check()?;
        check_training(table, y, None)?;
        if table.names().is_empty() {
            let what = "columns of the training table, to tell accounts from one another by".into();
            return Err(ErrorKind::TooFew { what, found: 0, needed: 1 }.into());
        }
        self.check_arms(y, arm)?;
        self.check_logged(arm)?;
        let reading = Reading::of(table)?;
        let data = Data { reading: &reading, table, y, arm, n_arms: self.arms.len() };
        let bench = Bench::new(&data)?;
        let folds = data.folds(self.n_folds, self.random_state)?;
        let chances = self.chances(&bench, &folds)?;
        let held: Vec<f64> = chances.iter().map(|chance| chance.max(CLIP)).collect();
        let pieces = Pieces::new(&bench, &folds);
        let left_out = LeftOut::new(&bench, &folds, &pieces, &held, self.random_state)?;
        let outcome = variance(&bench.targets).sqrt();
        let contrast =
            |action: usize| Contrast::new(&left_out, &folds, &pieces, action, outcome, self.priors[action]);
        let (contrasts, found): (Vec<_>, Vec<_>) = (1..self.arms.len()).into_par_iter().map(contrast).unzip();
        let report = |(at, found): (usize, contrast::Found)| {
            let n_of = |at: usize| arm.iter().filter(|&&of_row| of_row == at).count();
            let overlap = Overlap::of(&data, &chances, at);
            ArmReport::new(self.arms[at].clone(), [n_of(at), n_of(0)], self.basis(), found, overlap)
        };
        let reports = (1..).zip(found).map(report).collect();
        let members = left_out.members;
        let (arms, basis) = (self.arms.clone(), self.basis());
        drop(bench);
        Ok(EffectModel { arms, basis, reading, members, contrasts, reports })
    }

    /// How likely each row was to get each arm, `n × n_arms`.
    fn chances(&self, bench: &Bench<'_>, folds: &[Fold]) -> Result<Vec<f64>> {
        match &self.evidence {
            Evidence::Randomised => Ok(propensity::constant(bench.data)),
            Evidence::Logged(logged) => Ok(logged.clone()),
            Evidence::Observational => propensity::estimated(bench, folds),
        }
    }

    fn basis(&self) -> Basis {
        match self.evidence {
            Evidence::Observational => Basis::Observational,
            _ => Basis::Randomised,
        }
    }

    fn check_arms(&self, y: &[bool], arm: &[usize]) -> Result<()> {
        if arm.len() != y.len() {
            let what = "number of arms".into();
            return Err(ErrorKind::Shape { what, found: arm.len(), expected: y.len() }.into());
        }
        if let Some(row) = arm.iter().position(|&at| at >= self.arms.len()) {
            let (what, value) = ("arms".to_owned(), arm[row] as f64);
            let expected = "0 for none or the place of an action among the names";
            return Err(ErrorKind::Number { what, row: row + 1, value, expected }.into());
        }
        for (at, name) in self.arms.iter().enumerate() {
            for class in [true, false] {
                let found = y.iter().zip(arm).filter(|&(&y, &arm)| arm == at && y == class).count();
                if found < self.n_folds {
                    let what = format!("rows of arm `{name}` whose outcome is {class}");
                    return Err(ErrorKind::TooFew { what, found, needed: self.n_folds }.into());
                }
            }
        }
        Ok(())
    }

    fn check_logged(&self, arm: &[usize]) -> Result<()> {
        let Evidence::Logged(logged) = &self.evidence else { return Ok(()) };
        let n_arms = self.arms.len();
        if logged.len() != arm.len() * n_arms {
            let (what, expected) = ("number of logged probabilities".into(), arm.len() * n_arms);
            return Err(ErrorKind::Shape { what, found: logged.len(), expected }.into());
        }
        let refuse = |row: usize, value: f64, expected| {
            Err(ErrorKind::Number { what: "logged probabilities".into(), row: row + 1, value, expected }
                .into())
        };
        for (row, of_row) in logged.chunks(n_arms).enumerate() {
            let sum: f64 = of_row.iter().sum();
            if let Some(&wrong) = of_row.iter().find(|p| !(0.0..=1.0).contains(*p)) {
                return refuse(row, wrong, "a probability between 0 and 1");
            }
            if (sum - 1.0).abs() > 1e-6 {
                return refuse(row, sum, "probabilities of all arms that sum to 1");
            }
            if of_row[arm[row]] == 0.0 {
                return refuse(row, 0.0, "above 0 for the arm that the row got");
            }
        }
        Ok(())
    }
}

/// Learned effects of several actions on one outcome, against doing nothing.
///
/// How they differ between accounts is what two simple learners make of it: regressions that are held to be as alike as
/// outcomes allow, and trees beside them. They are weighed by how near they come to the doubly robust scores of accounts
/// that they did not see; "the same for all" and "none" are always among them. A number of three to five values, which may
/// be a code, is read as levels too.
///
/// ```
/// use keepwell::action::{EffectModel, Evidence};
/// use keepwell::frame::{Column, Table};
///
/// // A mail that was sent at random; it helps those with few logins.
/// let n = 4_000;
/// let logins: Vec<f64> = (0..n).map(|row| f64::from(row % 20)).collect();
/// let arm: Vec<usize> = (0..n).map(|row| ((row / 20) % 2) as usize).collect();
/// let stays = |row: usize| if arm[row] == 1 && logins[row] < 10.0 { 8 } else { 5 };
/// let stayed: Vec<bool> = (0..n as usize).map(|row| (row / 40) % 10 < stays(row)).collect();
/// let table = Table::new(n as usize, [("logins".to_string(), Column::Number(logins))])?;
///
/// let params = EffectModel::params(["none", "mail"], Evidence::Randomised);
/// let model = params.fit(&table, &stayed, &arm)?;
/// let effects = model.effects(&table)?;
/// assert!(effects.effect(0, 1) > 0.15 && effects.effect(19, 1) < 0.15);
/// assert!((model.reports()[0].average.value - 0.15).abs() < 0.03);
/// assert!(model.reports()[0].to_string().ends_with("(randomised)"));
/// # Ok::<(), keepwell::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EffectModel {
    arms: Vec<String>,
    basis: Basis,
    reading: Reading,
    /// The members of each learner: what is told is their mean.
    members: [Vec<Member>; 2],
    /// Each action against none.
    contrasts: Vec<Contrast>,
    reports: Vec<ArmReport>,
}

/// The mean of several columns of `n` rows.
fn mean_of(columns: &[Vec<f64>], n_rows: usize) -> Vec<f64> {
    let of_row =
        |row: usize| columns.iter().map(|column| column[row]).sum::<f64>() / columns.len().max(1) as f64;
    (0..n_rows).map(of_row).collect()
}

impl EffectModel {
    /// Parameters: what doing nothing is called, then the actions; and how it came who got which.
    pub fn params(
        arms: impl IntoIterator<Item = impl Into<String>>,
        evidence: Evidence,
    ) -> EffectModelParams {
        let arms: Vec<String> = arms.into_iter().map(Into::into).collect();
        let priors = vec![None; arms.len()];
        EffectModelParams { arms, evidence, priors, n_folds: 5, random_state: 0 }
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

    /// The columns it was fitted on.
    pub fn features(&self) -> &Features {
        self.reading.features()
    }

    /// The effect of each action on each row of a table with the columns that it was fitted on.
    ///
    /// # Errors
    /// A column that is missing or of another type.
    pub fn effects(&self, table: &Table) -> Result<LearnedEffects> {
        let (columns, n_rows) = (self.reading.encode(table)?, table.n_rows());
        let tell = |member: &Member| member.differences(&columns, n_rows);
        let told = self.members.each_ref().map(|of| of.par_iter().map(tell).collect::<Vec<_>>());
        let of = |(action, contrast): (usize, &Contrast)| {
            let of_action = told.each_ref().map(|of| of.iter().map(|member| &member[action][..]).collect());
            contrast.effects(&of_action, &columns, n_rows)
        };
        let of_arms = self.contrasts.iter().enumerate().map(of).collect();
        Ok(LearnedEffects::new(self.arms.clone(), self.basis, self.reports.clone(), n_rows, of_arms))
    }

    /// The expected outcome of each row under each arm, `n × n_arms` row-major, each 0 to 1: what
    /// [`policy_value_dr`](crate::metric::policy_value_dr) needs, for rows that the model was not fitted on.
    ///
    /// # Errors
    /// As [`effects`](Self::effects).
    pub fn expected(&self, table: &Table) -> Result<Vec<f64>> {
        let effects = self.effects(table)?;
        let columns = self.reading.encode(table)?;
        let without = self.without(&columns, table.n_rows());
        let of_row = |(row, without): (usize, f64)| {
            let of_arm = |arm: usize| (without + effects.effect(row, arm)).clamp(0.0, 1.0);
            (0..self.arms.len()).map(of_arm).collect::<Vec<f64>>()
        };
        Ok(without.into_iter().enumerate().flat_map(of_row).collect())
    }

    /// The expected outcome with no action.
    fn without(&self, columns: &[EncodedColumn<'_>], n_rows: usize) -> Vec<f64> {
        let tell = |member: &Member| member.fitted.outcomes(columns, n_rows).swap_remove(0);
        let of_learner = |of: &Vec<Member>| mean_of(&of.par_iter().map(tell).collect::<Vec<_>>(), n_rows);
        mean_of(&self.members.each_ref().map(of_learner), n_rows)
    }
}

impl ModelFile for EffectModel {
    const KIND: &'static str = "effects";
}
