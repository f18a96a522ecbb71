//! The next best action from an experiment: learn from one half, choose for the other, and say what that is worth.
//!
//! `cargo run --release --example next_best_action -- hillstrom_email.csv.gz [--cost 0.03] [--seed 42]`
//!
//! The file is Hillstrom's e-mail experiment (64,000 customers; one third each got an e-mail about men's clothes, one
//! about women's, or none; the outcome is a visit). Effects are learned from one half. For the other half, which the
//! learning has not seen, each customer gets the e-mail that is worth most to them or none; the value of that choice is
//! told from what really happened there, doubly robust, beside sending to all, to none and to the riskiest. A visit is
//! worth 1, an e-mail costs `--cost` of it.

#[macro_use]
mod say;

use keepwell::action::{EffectModel, Evidence, LearnedEffects};
use keepwell::frame::split::StratifiedFolds;
use keepwell::frame::{Frame, InferOptions, RawTable, Table};
use keepwell::metric::{ChoiceLog, policy_gain_dr, policy_value_dr, qini_interval};
use keepwell::schema::Schema;
use keepwell::{ErrorKind, Result};

const ARMS: [&str; 3] = ["No E-Mail", "Mens E-Mail", "Womens E-Mail"];

struct Options {
    file: String,
    cost: f64,
    seed: u64,
}

/// Customers with what they got and whether they came.
struct Experiment {
    table: Table,
    visited: Vec<bool>,
    arm: Vec<usize>,
}

fn main() {
    if let Err(error) = options().and_then(|options| run(&options).map_err(|error| error.to_string())) {
        eprintln!("{error}");
        std::process::exit(2);
    }
}

fn options() -> std::result::Result<Options, String> {
    const USAGE: &str = "usage: next_best_action FILE [--cost 0.03] [--seed 42]";
    let mut args = std::env::args().skip(1);
    let mut options = Options { file: args.next().ok_or(USAGE)?, cost: 0.03, seed: 42 };
    while let Some(flag) = args.next() {
        let value = args.next().ok_or(USAGE)?;
        match flag.as_str() {
            "--cost" => options.cost = value.parse().map_err(|_| "--cost: expected a number")?,
            "--seed" => options.seed = value.parse().map_err(|_| "--seed: expected a whole number")?,
            _ => return Err(format!("{flag} is unknown; {USAGE}")),
        }
    }
    Ok(options)
}

fn run(options: &Options) -> Result<()> {
    let (past, today) = halves(&read(&options.file)?, options.seed)?;
    let model = EffectModel::params(ARMS, Evidence::Randomised).fit(&past.table, &past.visited, &past.arm)?;
    say!("learned from {} customers:", past.arm.len());
    for report in model.reports() {
        say!("  {report}");
        let says = &report.candidates[0];
        say!("    mostly by \"{}\" ({:.0} % of the estimate)", says.name, 100.0 * says.weight);
    }
    let effects = model.effects(&today.table)?;
    let expected = model.expected(&today.table)?;
    ranking(&today, &effects)?;
    values(&today, &effects, &expected, options.cost)
}

fn read(file: &str) -> Result<Experiment> {
    let raw = RawTable::read_csv(file)?;
    let aside = ["treatment", "post_conversion", "post_spend"];
    let infer = aside.into_iter().fold(InferOptions::new().churn("responded_visit"), |infer, column| {
        infer.set_aside(column, "known only after the e-mail")
    });
    let frame = Frame::from_raw(&raw, &Schema::infer(&raw, &infer)?)?;
    let visited = frame.churn().unwrap_or_default().iter().map(|visit| visit == &Some(true)).collect();
    let column = raw.names().iter().position(|name| name == "treatment").unwrap_or_default();
    let arm = (0..raw.n_rows()).map(|row| arm_of(&raw, row, column)).collect::<Result<_>>()?;
    Ok(Experiment { table: frame.signals().clone(), visited, arm })
}

fn arm_of(raw: &RawTable, row: usize, column: usize) -> Result<usize> {
    let text = raw.text(row, column).unwrap_or_default();
    ARMS.iter().position(|arm| *arm == text).ok_or_else(|| {
        let (column, value) = ("treatment".to_owned(), text.to_owned());
        ErrorKind::Value { column, row: row + 1, value, expected: ARMS.join(", ") }.into()
    })
}

fn halves(all: &Experiment, seed: u64) -> Result<(Experiment, Experiment)> {
    let mut half_of_row = vec![0; all.arm.len()];
    for arm in 0..ARMS.len() {
        let rows: Vec<usize> = (0..half_of_row.len()).filter(|&row| all.arm[row] == arm).collect();
        let visited: Vec<bool> = rows.iter().map(|&row| all.visited[row]).collect();
        let halves = StratifiedFolds::new(2, seed).fold_of_rows(&visited)?;
        rows.into_iter().zip(halves).for_each(|(row, half)| half_of_row[row] = half);
    }
    let half = |half: usize| {
        let rows: Vec<usize> = (0..half_of_row.len()).filter(|&row| half_of_row[row] == half).collect();
        Experiment {
            table: all.table.take(&rows),
            visited: rows.iter().map(|&row| all.visited[row]).collect(),
            arm: rows.iter().map(|&row| all.arm[row]).collect(),
        }
    };
    Ok((half(0), half(1)))
}

/// How well the effects put those first whom an e-mail moves most.
fn ranking(today: &Experiment, effects: &LearnedEffects) -> Result<()> {
    say!("for the {} others, Qini coefficient with its 95 % interval:", today.arm.len());
    for (arm, name) in ARMS.iter().enumerate().skip(1) {
        let rows: Vec<usize> =
            (0..today.arm.len()).filter(|&row| [0, arm].contains(&today.arm[row])).collect();
        let visited: Vec<bool> = rows.iter().map(|&row| today.visited[row]).collect();
        let treated: Vec<bool> = rows.iter().map(|&row| today.arm[row] == arm).collect();
        let of_rows: Vec<f64> = rows.iter().map(|&row| effects.effect(row, arm)).collect();
        let qini = qini_interval(&visited, &of_rows, &treated, 0.95, 500, 1)?;
        say!("  {name}: {:.3} [{:.3}, {:.3}]", qini.value, qini.low, qini.high);
    }
    Ok(())
}

/// What the choice is worth beside simpler ones: with an e-mail for everybody who is worth it, and with e-mails for
/// one in four only.
fn values(today: &Experiment, effects: &LearnedEffects, expected: &[f64], cost: f64) -> Result<()> {
    let n = today.arm.len();
    let costs = [0.0, cost, cost];
    let share = |arm: usize| today.arm.iter().filter(|&&of_row| of_row == arm).count() as f64 / n as f64;
    let shares = [share(0), share(1), share(2)];
    let propensity: Vec<f64> = today.arm.iter().map(|&arm| shares[arm]).collect();
    let outcome: Vec<f64> = today.visited.iter().map(|&visit| f64::from(u8::from(visit))).collect();
    let log = ChoiceLog { action: &today.arm, propensity: &propensity, outcome: &outcome, cost: &costs };

    let few = n / 4;
    let plan = effects.best(1.0, &costs);
    let count = |policy: &[usize], arm: usize| policy.iter().filter(|&&of_row| of_row == arm).count();
    say!("value of a customer (a visit is 1, an e-mail costs {cost}), with its 95 % interval:");
    let title = format!(
        "the plan ({} men's, {} women's, {} none)",
        count(&plan, 1),
        count(&plan, 2),
        count(&plan, 0)
    );
    let policies = [
        (title, plan.clone()),
        ("men's e-mail to all".into(), vec![1; n]),
        ("women's e-mail to all".into(), vec![2; n]),
        ("none".into(), vec![0; n]),
        (format!("the plan with {few} e-mails"), effects.best_within(1.0, &costs, few)),
        (format!("men's e-mail to the {few} riskiest"), riskiest(expected, few)),
    ];
    for (name, policy) in policies {
        let found = policy_value_dr(&log, &policy, expected)
            .and_then(|value| Ok((value, policy_gain_dr(&log, &plan, &policy, expected)?)));
        match found {
            Err(refusal) => say!("  {name}: {refusal}"),
            Ok((value, gain)) => {
                let told = format!("{:.4} [{:.4}, {:.4}]", value.value, value.low, value.high);
                let against = format!("{:+.4} ± {:.4}", gain.value, gain.standard_error);
                say!("  {name}: {told}; the plan is {against} against it");
            }
        }
    }
    Ok(())
}

/// The best e-mail on average to those who are least likely to come without it.
fn riskiest(expected: &[f64], few: usize) -> Vec<usize> {
    let without = |row: &usize| expected[row * ARMS.len()];
    let mut rows: Vec<usize> = (0..expected.len() / ARMS.len()).collect();
    rows.sort_by(|a, b| without(a).total_cmp(&without(b)));
    let mut policy = vec![0; rows.len()];
    rows.into_iter().take(few).for_each(|row| policy[row] = 1);
    policy
}
