//! How well are effects of actions learned, on accounts that the learning has not seen?
//!
//! `cargo run --release --example uplift -- FILE OUTCOME TREATMENT NONE [--drop COLUMN]... [--split COLUMN] [--seed 42]`
//!
//! Reads a randomised experiment from a CSV file: OUTCOME is 0 or 1, TREATMENT holds what each account got, NONE is what
//! doing nothing is called there. Effects are learned on four fifths and told for the fifth left out, five times; or,
//! with `--split`, learned where that column says "train" and told for the rest. Prints the Qini coefficient of each
//! action with its 95 % bootstrap interval, and what choosing by the effects is worth at several costs.

#[macro_use]
mod say;

use std::time::Instant;

use keepwell::action::{EffectModel, Evidence};
use keepwell::frame::split::StratifiedFolds;
use keepwell::frame::{Frame, InferOptions, RawTable, Table};
use keepwell::metric::{ChoiceLog, policy_gain_dr, policy_value_dr, qini_interval};
use keepwell::schema::Schema;
use keepwell::{ErrorKind, Result};

struct Options {
    file: String,
    outcome: String,
    treatment: String,
    none: String,
    drop: Vec<String>,
    split: Option<String>,
    seed: u64,
}

struct Experiment {
    table: Table,
    y: Vec<bool>,
    arms: Vec<String>,
    arm: Vec<usize>,
    /// Whether the row is only learned from, where the file says so.
    train: Option<Vec<bool>>,
}

/// What was told of rows left out.
struct Told {
    /// The rows that were told of.
    rows: Vec<usize>,
    /// Effects of each arm, `n × n_arms`.
    effects: Vec<f64>,
    /// Expected outcomes, `n × n_arms`.
    expected: Vec<f64>,
}

fn main() {
    if let Err(error) = options().and_then(|options| run(&options).map_err(|error| error.to_string())) {
        eprintln!("{error}");
        std::process::exit(2);
    }
}

fn options() -> std::result::Result<Options, String> {
    const USAGE: &str =
        "usage: uplift FILE OUTCOME TREATMENT NONE [--drop COLUMN]... [--split COLUMN] [--seed 42]";
    let mut args = std::env::args().skip(1);
    let mut next = || args.next().ok_or(USAGE);
    let (file, outcome, treatment, none) = (next()?, next()?, next()?, next()?);
    let mut options = Options { file, outcome, treatment, none, drop: Vec::new(), split: None, seed: 42 };
    while let Some(flag) = args.next() {
        let value = args.next().ok_or(USAGE)?;
        match flag.as_str() {
            "--drop" => options.drop.push(value),
            "--split" => options.split = Some(value),
            "--seed" => options.seed = value.parse().map_err(|_| "--seed: expected a whole number")?,
            _ => return Err(format!("{flag} is unknown; {USAGE}")),
        }
    }
    Ok(options)
}

fn run(options: &Options) -> Result<()> {
    let experiment = read(options)?;
    let start = Instant::now();
    let told = tell(&experiment, options.seed)?;
    say!("seconds: {:.1}", start.elapsed().as_secs_f64());
    let y = pick(&experiment.y, &told.rows);
    let arm = pick(&experiment.arm, &told.rows);
    for at in 1..experiment.arms.len() {
        contrast(&experiment, &told, &y, &arm, at)?;
    }
    if experiment.arms.len() > 2 {
        choices(&experiment, &told, &y, &arm)?;
    }
    Ok(())
}

fn read(options: &Options) -> Result<Experiment> {
    let raw = RawTable::read_csv(&options.file)?;
    let roles = [Some(&options.treatment), options.split.as_ref()];
    let aside = options.drop.iter().chain(roles.into_iter().flatten());
    let infer = aside.fold(InferOptions::new().churn(&options.outcome), |infer, column| {
        infer.set_aside(column, "named on the command line")
    });
    let frame = Frame::from_raw(&raw, &Schema::infer(&raw, &infer)?)?;
    let y = frame.churn().unwrap_or_default().iter().map(|y| y.unwrap_or(false)).collect();
    let treatments = texts(&raw, &options.treatment)?;
    let mut arms: Vec<String> = treatments.iter().filter(|text| **text != options.none).cloned().collect();
    arms.sort();
    arms.dedup();
    arms.insert(0, options.none.clone());
    let arm = treatments.iter().map(|text| arms.iter().position(|arm| arm == text).unwrap_or(0)).collect();
    let split = options.split.as_ref().map(|column| texts(&raw, column)).transpose()?;
    let train = split.map(|split| split.iter().map(|text| text == "train").collect());
    Ok(Experiment { table: frame.signals().clone(), y, arms, arm, train })
}

fn texts(raw: &RawTable, column: &str) -> Result<Vec<String>> {
    let at = raw.names().iter().position(|name| name == column).ok_or_else(|| ErrorKind::MissingColumn {
        column: column.to_owned(),
        role: "named on the command line".into(),
        found: raw.names().join(", "),
    })?;
    Ok((0..raw.n_rows()).map(|row| raw.text(row, at).unwrap_or_default().to_owned()).collect())
}

fn pick<T: Copy>(values: &[T], rows: &[usize]) -> Vec<T> {
    rows.iter().map(|&row| values[row]).collect()
}

fn tell(experiment: &Experiment, seed: u64) -> Result<Told> {
    let mut told = Told { rows: Vec::new(), effects: Vec::new(), expected: Vec::new() };
    for (train, test) in splits(experiment, seed)? {
        let params = EffectModel::params(&experiment.arms, Evidence::Randomised);
        let (y, arm) = (pick(&experiment.y, &train), pick(&experiment.arm, &train));
        let model = params.fit(&experiment.table.take(&train), &y, &arm)?;
        for report in model.reports() {
            say!("# {report}");
            for candidate in report.candidates.iter().take(5) {
                say!("#   {:.3} {}", candidate.weight, candidate.name);
            }
        }
        let table = experiment.table.take(&test);
        let effects = model.effects(&table)?;
        let of_row = |row| (0..experiment.arms.len()).map(move |arm| (row, arm));
        told.effects.extend((0..test.len()).flat_map(of_row).map(|(row, arm)| effects.effect(row, arm)));
        told.expected.extend(model.expected(&table)?);
        told.rows.extend(test);
    }
    Ok(told)
}

fn splits(experiment: &Experiment, seed: u64) -> Result<Vec<(Vec<usize>, Vec<usize>)>> {
    if let Some(train) = &experiment.train {
        return Ok(vec![(0..train.len()).partition(|&row| train[row])]);
    }
    let mut fold_of_row = vec![0; experiment.y.len()];
    for at in 0..experiment.arms.len() {
        let rows: Vec<usize> = (0..fold_of_row.len()).filter(|&row| experiment.arm[row] == at).collect();
        let folds = StratifiedFolds::new(5, seed).fold_of_rows(&pick(&experiment.y, &rows))?;
        rows.into_iter().zip(folds).for_each(|(row, fold)| fold_of_row[row] = fold);
    }
    let of = |fold| (0..fold_of_row.len()).partition(|&row| fold_of_row[row] != fold);
    Ok((0..5).map(of).collect())
}

/// One action against none: ranking, and what choosing by it brings at half the average effect's cost.
fn contrast(experiment: &Experiment, told: &Told, y: &[bool], arm: &[usize], at: usize) -> Result<()> {
    let n_arms = experiment.arms.len();
    let rows: Vec<usize> = (0..y.len()).filter(|&row| arm[row] == 0 || arm[row] == at).collect();
    let effects: Vec<f64> = rows.iter().map(|&row| told.effects[row * n_arms + at]).collect();
    let treated: Vec<bool> = rows.iter().map(|&row| arm[row] == at).collect();
    let y = pick(y, &rows);
    let qini = qini_interval(&y, &effects, &treated, 0.95, 500, 1)?;
    let name = &experiment.arms[at];
    say!("qini {name}: {:.4} [{:.4}, {:.4}]", qini.value, qini.low, qini.high);

    let share = treated.iter().filter(|t| **t).count() as f64 / rows.len() as f64;
    let action: Vec<usize> = treated.iter().map(|&t| usize::from(t)).collect();
    let propensity: Vec<f64> = treated.iter().map(|&t| if t { share } else { 1.0 - share }).collect();
    let outcome: Vec<f64> = y.iter().map(|&y| f64::from(u8::from(y))).collect();
    let expected: Vec<f64> =
        rows.iter().flat_map(|&row| [0, at].map(|arm| told.expected[row * n_arms + arm])).collect();
    let average = effects.iter().sum::<f64>() / effects.len() as f64;
    for part in [0.25, 0.5, 0.75, 1.0, 1.5] {
        let cost = [0.0, part * average];
        let log = ChoiceLog { action: &action, propensity: &propensity, outcome: &outcome, cost: &cost };
        let chosen: Vec<usize> = effects.iter().map(|effect| usize::from(*effect > cost[1])).collect();
        let gain = |other: usize| policy_gain_dr(&log, &chosen, &vec![other; rows.len()], &expected);
        let what = format!("{name}, cost {part} of the effect");
        match (gain(1), gain(0)) {
            (Ok(all), Ok(none)) => say!(
                "{what}: {:+.5} ± {:.5} over all, {:+.5} ± {:.5} over none",
                all.value,
                all.standard_error,
                none.value,
                none.standard_error
            ),
            (Err(error), _) | (_, Err(error)) => say!("{what}: {error}"),
        }
    }
    Ok(())
}

/// All actions at once, at several costs of each.
fn choices(experiment: &Experiment, told: &Told, y: &[bool], arm: &[usize]) -> Result<()> {
    let n_arms = experiment.arms.len();
    let n = y.len() as f64;
    let share = |at: usize| arm.iter().filter(|&&arm| arm == at).count() as f64 / n;
    let shares: Vec<f64> = (0..n_arms).map(share).collect();
    let propensity: Vec<f64> = arm.iter().map(|&arm| shares[arm]).collect();
    let outcome: Vec<f64> = y.iter().map(|&y| f64::from(u8::from(y))).collect();
    for cost in [0.0, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.1] {
        let costs: Vec<f64> = (0..n_arms).map(|arm| if arm == 0 { 0.0 } else { cost }).collect();
        let log = ChoiceLog { action: arm, propensity: &propensity, outcome: &outcome, cost: &costs };
        let gain = |row: usize, arm: usize| told.effects[row * n_arms + arm] - costs[arm];
        let best =
            |row| (1..n_arms).fold(0, |best, arm| if gain(row, arm) > gain(row, best) { arm } else { best });
        let policy: Vec<usize> = (0..y.len()).map(best).collect();
        let value = match policy_value_dr(&log, &policy, &told.expected) {
            Ok(value) => value,
            Err(error) => {
                say!("cost {cost}: {error}");
                continue;
            }
        };
        let mut line = format!("cost {cost}: value {:.4} ± {:.4}", value.value, value.standard_error);
        for (at, name) in experiment.arms.iter().enumerate() {
            let all = policy_gain_dr(&log, &policy, &vec![at; y.len()], &told.expected)?;
            line += &format!("; {:+.4} ± {:.4} over all {name}", all.value, all.standard_error);
        }
        say!("{line}");
    }
    Ok(())
}
