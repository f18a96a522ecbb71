//! Does a plan by learned effects earn what it could, and is it as sure as it says?
//!
//! `cargo run --release --example plan -- [--seed 1]`
//!
//! A made-up business whose actions' true effects are known ([`EffectWorld`]; every seed draws another). Scores are
//! learned from accounts of the past, effects from an experiment in which actions were given at random, some to few.
//! Then accounts that neither has seen are planned for, with five pools that do not suffice for all, and the plan is held
//! against the truth, which nothing but this page looks at. Printed are, as `name: value`:
//!
//! - `plan_over_best`: what the plan truly earns, over a bound on what any plan could that knows all that the table tells
//!   about true effects and risks; `plan_over_clairvoyant`: over a bound for one that knows each account's hidden states.
//! - `plan_over_riskiest`: over what calling the riskiest earns, until the same hours are used up;
//!   `plan_over_riskiest_with_all`: over what giving the riskiest the action that is best on average earns, with all
//!   pools.
//! - `interval_coverage_90`: how often the interval of a recommendation's money holds the truth;
//!   `option_coverage_90`: that of all options, taken or not.
//! - `learning_month_N`: a year that begins with wrong assumptions; of 10,000 accounts a month two in five explore in its
//!   first half, one in ten in its second. What the plan of that month earns, over the bound; what exploring costs is not
//!   in it.
//! - `told_over_earned`: what the plan says it brings, over what it does; `risk_effect_correlation`: between an account's
//!   risk and the most that any action takes from it.
//! - `bound_gap`: by how much the plan may fall short of the best by what it was told, proven.

mod truth;
mod year;

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

use truth::Truth;

const N_PAST: usize = 6_000;
const N_EXPERIMENT: usize = 160_000;
const N_TODAY: usize = 6_000;
/// Chances in the experiment, in the order of `EffectWorld::actions()`; everybody else gets nothing.
const CHANCES: [f64; 8] = [0.1, 0.1, 0.1, 0.12, 0.03, 0.1, 0.08, 0.06];

/// An action keeps its assumed effect until there are so many outcomes of either kind.
const FEWEST: usize = 15;

fn main() {
    let seed = match seed() {
        Ok(seed) => seed,
        Err(usage) => {
            eprintln!("{usage}");
            std::process::exit(2);
        }
    };
    if let Err(error) = run(seed) {
        eprintln!("{error}");
        std::process::exit(2);
    }
}

fn seed() -> std::result::Result<u64, String> {
    const USAGE: &str = "usage: plan [--seed 1]";
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => Ok(1),
        ["--seed", seed] => seed.parse().map_err(|_| format!("--seed: expected a whole number; {USAGE}")),
        _ => Err(USAGE.into()),
    }
}

fn run(seed: u64) -> Result<()> {
    let world = EffectWorld::new(seed);
    let playbook = Playbook::from_toml_for(include_str!("playbook.toml"), &EffectWorld::schema())?;
    let business = Business::new(&world, playbook, seed)?;
    experiment(&business)?;
    year::live(&business)
}

/// What is there all the time: the world, what can be done, and scores learned from accounts of the past.
struct Business<'a> {
    world: &'a EffectWorld,
    playbook: Playbook,
    model: HealthModel,
    seed: u64,
}

impl<'a> Business<'a> {
    fn new(world: &'a EffectWorld, playbook: Playbook, seed: u64) -> Result<Self> {
        let past = world.accounts(N_PAST, 0)?;
        let outcomes = past.outcomes(&[None; N_PAST], seed);
        let schema = EffectWorld::schema();
        let frame = Frame::from_table(&past.with_outcomes(&outcomes)?, &schema)?;
        let model = HealthModel::params(&schema).random_state(seed).fit(&frame)?;
        Ok(Business { world, playbook, model, seed })
    }

    /// What effects are learned by: the signals, and the churn score.
    fn signals(&self, frame: &Frame) -> Result<Table> {
        let mut table = frame.signals().clone();
        let score = self.model.probabilities(frame, Outcome::Churn)?.unwrap_or_default();
        table.push("churn_score".into(), Column::Number(score))?;
        Ok(table)
    }

    fn frame(&self, accounts: &EffectAccounts<'_>) -> Result<Frame> {
        Frame::from_table(accounts.table(), self.model.schema())
    }

    /// The plan for accounts by learned effects, where there are any.
    fn plan(&self, frame: &Frame, capacity: &Capacity, learned: &Learned) -> Result<(Plan, Scored)> {
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
fn capacity(n: usize) -> Capacity {
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
struct Learned {
    churn: Option<EffectModel>,
    growth: Option<EffectModel>,
}

impl Learned {
    fn effects(&self, table: &Table) -> Result<(Option<LearnedEffects>, Option<LearnedEffects>)> {
        let of = |model: &Option<EffectModel>| model.as_ref().map(|model| model.effects(table)).transpose();
        Ok((of(&self.churn)?, of(&self.growth)?))
    }
}

/// Rows to learn from: what each got (0 is nothing, then the actions), with what chances, and what came of it.
struct Log {
    table: Table,
    arm: Vec<usize>,
    evidence: Evidence,
    outcomes: Vec<TrueOutcome>,
}

impl Log {
    fn learn(&self, seed: u64) -> Result<Learned> {
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

/// Learns from an experiment, plans for others, and holds the plan against the truth.
fn experiment(business: &Business<'_>) -> Result<()> {
    let learned = randomised(business)?.learn(business.seed)?;
    for model in [&learned.churn, &learned.growth].into_iter().flatten() {
        model.reports().iter().for_each(|report| eprintln!("{report}"));
    }
    let today = business.world.accounts(N_TODAY, 2)?;
    let frame = business.frame(&today)?;
    let capacity = capacity(N_TODAY);
    let (plan, scored) = business.plan(&frame, &capacity, &learned)?;
    let truth = Truth::new(&business.playbook, &today, &plan);
    let earned = truth.earned(&plan);
    println!("plan_over_best: {:.4}", earned / truth.bound());
    println!("plan_over_clairvoyant: {:.4}", truth.truly_earned(&plan) / truth.clairvoyant_bound());
    println!("plan_over_riskiest: {:.4}", earned / truth.calling_the_riskiest(&scored));
    println!("plan_over_riskiest_with_all: {:.4}", earned / truth.acting_on_the_riskiest(&scored));
    println!("interval_coverage_90: {:.4}", truth.coverage(&plan));
    println!("option_coverage_90: {:.4}", truth.option_coverage(&plan));
    println!("told_over_earned: {:.4}", plan.total.expected.cents as f64 / 100.0 / earned);
    println!("risk_effect_correlation: {:.4}", truth.risk_effect_correlation());
    println!("bound_gap: {:.6}", plan.gap);
    Ok(())
}

/// Accounts whose actions were drawn with the same chances for all.
fn randomised(business: &Business<'_>) -> Result<Log> {
    let accounts = business.world.accounts(N_EXPERIMENT, 1)?;
    let mut rng = StdRng::seed_from_u64(business.seed);
    let draw = |rng: &mut StdRng| {
        let mut left: f64 = rng.random();
        let drawn = CHANCES.iter().position(|chance| {
            left -= chance;
            left < 0.0
        });
        drawn.map_or(0, |action| action + 1)
    };
    let arm: Vec<usize> = (0..N_EXPERIMENT).map(|_| draw(&mut rng)).collect();
    let actions: Vec<Option<usize>> = arm.iter().map(|arm| arm.checked_sub(1)).collect();
    let outcomes = accounts.outcomes(&actions, business.seed);
    let table = business.signals(&business.frame(&accounts)?)?;
    Ok(Log { table, arm, evidence: Evidence::Randomised, outcomes })
}
