//! What would a customer-success lead want to read on a Monday?
//!
//! `cargo run --release --example portfolio` does the main job on a simulated subscription business;
//! `… -- --csv FILE` does it on any table of accounts. `-- --help` lists the options.

#[macro_use]
#[path = "../say/mod.rs"]
mod say;
mod options;
mod report;

use std::fs;
use std::io::IsTerminal;
use std::ops::ControlFlow;

use indicatif::{ProgressBar, ProgressStyle};
use keepwell::action::Playbook;
use keepwell::frame::split::{GroupedFolds, StratifiedFolds};
use keepwell::frame::{Frame, InferOptions, RawTable};
use keepwell::health::{HealthModel, Quality, Scored};
use keepwell::schema::{Money, Schema, Value};
use keepwell::simulate::Simulation;
use keepwell::{Error, ErrorKind, Result};

use options::{Options, Worth};

/// Accounts held out to see how well the model does: one in four.
const HELD_OUT: usize = 4;

/// The accounts to learn from, and those to report on.
struct Accounts {
    past: Frame,
    /// `None` where every account's outcome is known: then those held out are reported on.
    today: Option<Frame>,
    playbook: Playbook,
}

fn main() {
    let options = Options::from_args();
    if let Err(error) = run(&options) {
        eprintln!("{error}");
        std::process::exit(2);
    }
}

fn run(options: &Options) -> Result<()> {
    let Accounts { past, today, playbook } = accounts(options)?;
    let (learned, held_out) = hold_out(&past, options.seed)?;
    let tested = fit(&learned, options, "training on three accounts in four")?;
    let checked = tested.score(&held_out)?;
    let (model, scored) = match today {
        Some(today) => {
            let model = fit(&past, options, "training on all accounts")?;
            let scored = model.score_with_reasons(&today, 2)?;
            (model, scored)
        }
        None => {
            say!(
                "every outcome is known, so these are the {} accounts held out of training; leave the label empty \
                 where it is not known yet",
                held_out.n_rows()
            );
            (tested.clone(), tested.score_with_reasons(&held_out, 2)?)
        }
    };
    report::book(&scored)?;
    let plan = report::has_value(&scored)
        .then(|| playbook.plan(&scored, &options.capacity(&playbook)))
        .transpose()?;
    report::accounts(&scored, plan.as_ref(), options.top);
    report::plan(plan.as_ref());
    report::quality(&qualities(&checked)?, &model, past.n_rows() - held_out.n_rows());
    Ok(())
}

fn accounts(options: &Options) -> Result<Accounts> {
    match &options.csv {
        None => simulated(options),
        Some(path) => from_csv(path, options),
    }
}

fn simulated(options: &Options) -> Result<Accounts> {
    let business = Simulation::params().n_accounts(4_000).random_state(options.seed).simulate()?;
    say!("A simulated subscription business (give --csv FILE for your own accounts).");
    let schema = Schema::b2b_saas();
    let past = Frame::from_table(&business.past()?, &schema)?;
    let today = Frame::from_table(&business.today()?, &schema)?;
    Ok(Accounts { past, today: Some(today), playbook: playbook(options, Playbook::b2b_saas)? })
}

fn from_csv(path: &str, options: &Options) -> Result<Accounts> {
    let raw = RawTable::read_csv(path)?;
    let schema = match &options.schema {
        Some(schema) => Schema::read(schema)?,
        None => Schema::infer(&raw, &infer_options(options))?,
    };
    report::schema(path, &schema, raw.n_rows());
    let mut frame = Frame::from_raw(&raw, &schema)?;
    if let Some(Worth::Same(units)) = &options.worth {
        let cents = (units * 100.0).round() as i64;
        frame = frame.with_same_value(&Money::new(cents, &options.currency), options.per_year);
    }
    let (known, unknown): (Vec<usize>, Vec<usize>) =
        (0..frame.n_rows()).partition(|&row| is_known(&frame, row));
    let today = (!unknown.is_empty()).then(|| frame.take(&unknown));
    Ok(Accounts { past: frame.take(&known), today, playbook: playbook(options, Playbook::any_business)? })
}

/// Whether any outcome of the account is known; if none is, it is one of today's.
fn is_known(frame: &Frame, row: usize) -> bool {
    let labels = [frame.churn(), frame.expansion()];
    let mut there = labels.into_iter().flatten().peekable();
    there.peek().is_none() || there.any(|label| label[row].is_some())
}

fn infer_options(options: &Options) -> InferOptions {
    let mut infer = InferOptions::new();
    let set =
        |infer: InferOptions, column: &Option<String>, with: fn(InferOptions, String) -> InferOptions| {
            column.clone().map_or(infer.clone(), |column| with(infer, column))
        };
    infer = set(infer, &options.churn, InferOptions::churn);
    infer = set(infer, &options.expansion, InferOptions::expansion);
    infer = set(infer, &options.id, InferOptions::id);
    if let Some(Worth::Column(column)) = &options.worth {
        let (column, currency) = (column.clone(), options.currency.clone());
        infer = infer.value(Value { column, currency, per_year: options.per_year });
    }
    options.drop.iter().fold(infer, |infer, column| infer.set_aside(column, "left out by --drop"))
}

fn playbook(options: &Options, starter: fn() -> Playbook) -> Result<Playbook> {
    let Some(path) = &options.playbook else { return Ok(starter().currency(&options.currency)) };
    let text = fs::read_to_string(path)
        .map_err(|source| Error::from(ErrorKind::Io { path: path.clone(), source }))?;
    Playbook::from_toml(&text)
}

/// Three accounts in four to learn from, and the fourth, with all its rows, to see how well it went.
fn hold_out(past: &Frame, seed: u64) -> Result<(Frame, Frame)> {
    let labels = past.churn().or(past.expansion()).ok_or_else(|| ErrorKind::NoLabel {
        hint: "name the column of the outcome with --churn or --expansion".into(),
    })?;
    let happened: Vec<bool> = labels.iter().map(|label| label.unwrap_or(false)).collect();
    let splits = match past.as_of() {
        Some(_) => GroupedFolds::new(HELD_OUT, seed).split(past.ids(), &happened)?,
        None => StratifiedFolds::new(HELD_OUT, seed).split(&happened)?,
    };
    let (learned, held_out) = &splits[0];
    Ok((past.take(learned), past.take(held_out)))
}

fn fit(past: &Frame, options: &Options, message: &'static str) -> Result<HealthModel> {
    let bar = if std::io::stderr().is_terminal() { ProgressBar::new(1000) } else { ProgressBar::hidden() };
    bar.set_style(
        ProgressStyle::with_template("{msg} {wide_bar} {percent} %").unwrap_or(ProgressStyle::default_bar()),
    );
    bar.set_message(message);
    let model = HealthModel::params(past.schema())
        .horizon_days(options.horizon_days)
        .random_state(options.seed)
        .fit_with_progress(past, &|progress| {
            bar.set_position((progress.done * 1000.0) as u64);
            ControlFlow::Continue(())
        });
    bar.finish_and_clear();
    model
}

/// How well each score foretold what happened to the accounts held out.
fn qualities(checked: &Scored) -> Result<Vec<(&'static str, Quality)>> {
    let outcomes = [
        ("churn", checked.frame.churn(), &checked.churn_probability),
        ("expansion", checked.frame.expansion(), &checked.expansion_probability),
    ];
    let pairs = outcomes.into_iter().filter_map(|(name, label, p)| Some((name, label?, p.as_ref()?)));
    pairs
        .map(|(name, label, probability)| {
            let known = label.iter().zip(probability).filter_map(|(label, p)| Some(((*label)?, *p)));
            let (happened, probability): (Vec<bool>, Vec<f64>) = known.unzip();
            Ok((name, Quality::of(&happened, &probability)?))
        })
        .collect()
}
