//! A business whose actions are learned from an experiment and planned by what was learned.

use keepwell::Result;
use keepwell::action::{
    Capacity, EffectModel, EffectModelParams, Evidence, LearnedEffects, LearnedOn, Plan, Planning, Playbook,
};
use keepwell::explain::Outcome;
use keepwell::frame::{Column, Frame, Table};
use keepwell::health::{HealthModel, Scored};
use keepwell::simulate::{EffectAccounts, EffectWorld, TrueOutcome};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const N_PAST: usize = 6_000;
/// An action keeps its assumed effect until there are so many outcomes of either kind.
const FEWEST: usize = 15;
/// Amounts that span orders of magnitude: effects are learned by their logarithms.
const AMOUNTS: [&str; 4] = ["meeting_hours", "ticket_hours", "days_past_due", "seats"];

/// What is there all the time: the world, what can be done, and scores learned from accounts of the past.
pub struct Business<'a> {
    world: &'a EffectWorld,
    pub playbook: &'a Playbook,
    model: HealthModel,
    pub seed: u64,
    repeat: usize,
}

impl<'a> Business<'a> {
    /// Another `repeat` has other accounts.
    pub fn new(world: &'a EffectWorld, playbook: &'a Playbook, seed: u64, repeat: usize) -> Result<Self> {
        let seed = seed.wrapping_add(repeat as u64 * 1_009);
        let past = world.accounts(N_PAST, cohort(repeat, 0))?;
        let outcomes = past.outcomes(&[None; N_PAST], seed);
        let schema = EffectWorld::schema();
        let frame = Frame::from_table(&past.with_outcomes(&outcomes)?, &schema)?;
        let model = HealthModel::params(&schema).random_state(seed).fit(&frame)?;
        Ok(Business { world, playbook, model, seed, repeat })
    }

    /// Accounts that are no others'.
    pub fn accounts(&self, n: usize, number: u64) -> Result<EffectAccounts<'a>> {
        self.world.accounts(n, cohort(self.repeat, number))
    }

    /// What effects are learned by: the signals, and the churn score.
    pub fn signals(&self, frame: &Frame) -> Result<Table> {
        let signals = frame.signals();
        let column = |(name, column): (&String, &Column)| match column {
            Column::Number(values) if AMOUNTS.contains(&name.as_str()) => {
                (name.clone(), Column::Number(values.iter().map(|value| value.ln()).collect()))
            }
            other => (name.clone(), other.clone()),
        };
        let mut table =
            Table::new(frame.n_rows(), signals.names().iter().zip(signals.columns()).map(column))?;
        let score = self.model.probabilities(frame, Outcome::Churn)?.unwrap_or_default();
        table.push("churn_score".into(), Column::Number(score))?;
        Ok(table)
    }

    pub fn frame(&self, accounts: &EffectAccounts<'_>) -> Result<Frame> {
        Frame::from_table(accounts.table(), self.model.schema())
    }

    /// An experiment: everybody has the same chance of each action, and of none the square root of their number times
    /// that, since all are compared with those who got none (Dunnett 1955).
    pub fn experiment(&self, n: usize) -> Result<Log> {
        let n_actions = EffectWorld::actions().len() as f64;
        let chance = 1.0 / (n_actions + n_actions.sqrt());
        let accounts = self.accounts(n, 1)?;
        let mut rng = StdRng::seed_from_u64(self.seed);
        let drawn = |rng: &mut StdRng| (rng.random::<f64>() / chance) as usize;
        let actions: Vec<Option<usize>> = (0..n)
            .map(|_| Some(drawn(&mut rng)).filter(|action| *action < EffectWorld::actions().len()))
            .collect();
        let arm = actions.iter().map(|action| action.map_or(0, |action| action + 1)).collect();
        let outcomes = accounts.outcomes(&actions, self.seed);
        let table = self.signals(&self.frame(&accounts)?)?;
        Ok(Log { table, arm, evidence: Evidence::Randomised, outcomes })
    }

    /// The plan for accounts by learned effects, where there are any.
    pub fn plan(&self, frame: &Frame, capacity: &Capacity, learned: &Learned) -> Result<(Plan, Scored)> {
        let scored = self.model.score_with_reasons(frame, 0)?;
        let interval = |outcome| self.model.probability_intervals(frame, outcome, 0.9);
        let (churn, expansion) = (interval(Outcome::Churn)?, interval(Outcome::Expansion)?);
        let (of_churn, of_growth) = learned.effects(&self.signals(frame)?)?;
        let mut planning = Planning::new();
        for (on, effects) in [(LearnedOn::Churn, &of_churn), (LearnedOn::Expansion, &of_growth)] {
            planning = effects.iter().fold(planning, |planning, effects| planning.learned(on, effects));
        }
        planning = churn.iter().fold(planning, |planning, intervals| planning.churn_intervals(intervals));
        planning =
            expansion.iter().fold(planning, |planning, intervals| planning.expansion_intervals(intervals));
        Ok((self.playbook.plan_with(&scored, capacity, &planning)?, scored))
    }
}

/// Enough for some of `n` accounts.
pub fn capacity(n: usize) -> Capacity {
    let of = |share: f64| (share * n as f64).round();
    [
        ("csm_hours", of(0.3)),
        ("trainer_hours", of(0.45)),
        ("support_hours", of(0.3)),
        ("executive_hours", of(0.12)),
        ("email_sends", of(0.4)),
    ]
    .into_iter()
    .fold(Capacity::new(), |capacity, (pool, units)| capacity.pool(pool, units))
}

/// What was learned so far.
#[derive(Default)]
pub struct Learned {
    pub churn: Option<EffectModel>,
    pub growth: Option<EffectModel>,
}

impl Learned {
    pub fn effects(&self, table: &Table) -> Result<(Option<LearnedEffects>, Option<LearnedEffects>)> {
        let of = |model: &Option<EffectModel>| model.as_ref().map(|model| model.effects(table)).transpose();
        Ok((of(&self.churn)?, of(&self.growth)?))
    }
}

/// Rows to learn from: what each got (0 is nothing, then the actions), with what chances, and what came of it.
pub struct Log {
    pub table: Table,
    pub arm: Vec<usize>,
    pub evidence: Evidence,
    pub outcomes: Vec<TrueOutcome>,
}

impl Log {
    /// The effects on churn and on growth.
    pub fn learn(&self, seed: u64) -> Result<Learned> {
        let growth = EffectWorld::on_expansion();
        let (names, n_arms) = (EffectWorld::actions(), EffectWorld::actions().len() + 1);
        let fit = |actions: Vec<usize>, of: fn(&TrueOutcome) -> bool| {
            let came = |arm: usize, outcome: bool| {
                self.arm.iter().zip(&self.outcomes).filter(|(a, y)| **a == arm && of(y) == outcome).count()
            };
            let enough = |action: &usize| came(action + 1, true).min(came(action + 1, false)) >= FEWEST;
            let actions: Vec<usize> = actions.into_iter().filter(enough).collect();
            if actions.is_empty() {
                return Ok(None);
            }
            let arms: Vec<usize> = std::iter::once(0).chain(actions.iter().map(|at| at + 1)).collect();
            let rows: Vec<usize> = (0..self.arm.len()).filter(|row| arms.contains(&self.arm[*row])).collect();
            let place = |row: &usize| arms.iter().position(|arm| *arm == self.arm[*row]).unwrap_or(0);
            let arm: Vec<usize> = rows.iter().map(place).collect();
            let outcomes: Vec<bool> = rows.iter().map(|row| of(&self.outcomes[*row])).collect();
            let evidence = match &self.evidence {
                Evidence::Logged(logged) => Evidence::Logged(among(&arms, &rows, logged, n_arms)),
                other => other.clone(),
            };
            let named = std::iter::once("none").chain(actions.iter().map(|at| names[*at]));
            let params: EffectModelParams = EffectModel::params(named, evidence).random_state(seed);
            params.fit(&self.table.take(&rows), &outcomes, &arm).map(Some)
        };
        let keep = (0..names.len()).filter(|at| !growth.contains(at)).collect();
        let churn = fit(keep, |outcome| outcome.churned)?;
        Ok(Learned { churn, growth: fit(growth, |outcome| outcome.expanded)? })
    }
}

/// The logged probabilities of some arms, in the rows named, so that they sum to 1.
fn among(arms: &[usize], rows: &[usize], logged: &[f64], n_arms: usize) -> Vec<f64> {
    let of_row = |row: &usize| {
        let own: Vec<f64> = arms.iter().map(|arm| logged[row * n_arms + arm]).collect();
        let sum: f64 = own.iter().sum();
        own.into_iter().map(move |chance| chance / sum)
    };
    rows.iter().flat_map(of_row).collect()
}

/// Accounts of a repeat.
fn cohort(repeat: usize, number: u64) -> u64 {
    repeat as u64 * 10_000 + number
}
