//! How well does a model predict accounts that it has not seen?
//!
//! `cargo run --release --example evaluate -- FILE LABEL [--drop COLUMN]... [--folds 5] [--repeats 3]`
//!
//! Cross-validates the blend and its kin on any CSV file: stratified folds, repeated with other seeds; prints the mean
//! over folds of AUC, average precision, log loss and lift, the calibration error of all left-out rows of a repeat
//! (ten bins of equal size), and the time one fold takes to train.

#[macro_use]
mod say;

use std::time::Instant;

use keepwell::frame::split::StratifiedFolds;
use keepwell::frame::{Frame, InferOptions, RawTable, Table};
use keepwell::metric;
use keepwell::model::{
    BlendClassifier, Classifier, GradientTreesClassifier, LinfaLogistic, LinfaTree, LogisticClassifier,
};
use keepwell::schema::Schema;
use keepwell::{ErrorKind, Result};

type Fit = fn(&Table, &[bool]) -> Result<Box<dyn Classifier>>;

const MODELS: [(&str, Fit); 5] = [
    ("blend", |table, y| Ok(Box::new(BlendClassifier::params().fit(table, y, None)?))),
    ("logistic", |table, y| Ok(Box::new(LogisticClassifier::params().fit(table, y, None)?))),
    ("gradient trees", |table, y| Ok(Box::new(GradientTreesClassifier::params().fit(table, y, None)?))),
    ("linfa logistic", |table, y| Ok(Box::new(LinfaLogistic::params().fit(table, y, None)?))),
    ("linfa tree", |table, y| Ok(Box::new(LinfaTree::params().fit(table, y, None)?))),
];

struct Options {
    file: String,
    label: String,
    drop: Vec<String>,
    folds: usize,
    repeats: u64,
}

/// Means over all folds and repeats.
#[derive(Default)]
struct Means {
    auc: f64,
    precision: f64,
    log_loss: f64,
    lift: f64,
    calibration_error: f64,
    seconds: f64,
}

fn main() {
    if let Err(error) = options().and_then(|options| run(&options).map_err(|error| error.to_string())) {
        eprintln!("{error}");
        std::process::exit(2);
    }
}

fn options() -> std::result::Result<Options, String> {
    const USAGE: &str = "usage: evaluate FILE LABEL [--drop COLUMN]... [--folds 5] [--repeats 3]";
    let mut args = std::env::args().skip(1);
    let (file, label) = args.next().zip(args.next()).ok_or(USAGE)?;
    let mut options = Options { file, label, drop: Vec::new(), folds: 5, repeats: 3 };
    while let Some(flag) = args.next() {
        let value = args.next().ok_or(USAGE)?;
        let number = || value.parse::<u32>().map_err(|_| format!("{flag} {value}: expected a whole number"));
        match flag.as_str() {
            "--drop" => options.drop.push(value),
            "--folds" => options.folds = number()? as usize,
            "--repeats" => options.repeats = u64::from(number()?),
            _ => return Err(format!("{flag} is unknown; {USAGE}")),
        }
    }
    Ok(options)
}

fn run(options: &Options) -> Result<()> {
    let (table, y) = read(options)?;
    say!(
        "{}: {} rows, {} signals, {} positive",
        options.file,
        y.len(),
        table.names().len(),
        y.iter().filter(|y| **y).count()
    );
    say!(
        "{:<16}{:>8}{:>8}{:>10}{:>8}{:>10}{:>10}",
        "model",
        "AUC",
        "AP",
        "log loss",
        "lift",
        "cal. err",
        "s a fold"
    );
    for (name, fit) in MODELS {
        let m = evaluate(&table, &y, fit, options)?;
        say!(
            "{name:<16}{:>8.4}{:>8.4}{:>10.4}{:>8.2}{:>10.4}{:>10.2}",
            m.auc,
            m.precision,
            m.log_loss,
            m.lift,
            m.calibration_error,
            m.seconds
        );
    }
    Ok(())
}

fn read(options: &Options) -> Result<(Table, Vec<bool>)> {
    let raw = RawTable::read_csv(&options.file)?;
    let infer = options.drop.iter().fold(InferOptions::new().churn(&options.label), |infer, column| {
        infer.set_aside(column, "left out by --drop")
    });
    let frame = Frame::from_raw(&raw, &Schema::infer(&raw, &infer)?)?;
    let labels = frame.churn().unwrap_or_default();
    let known: Vec<usize> = (0..labels.len()).filter(|&row| labels[row].is_some()).collect();
    let y: Vec<bool> = known.iter().filter_map(|&row| labels[row]).collect();
    if y.is_empty() {
        let (what, hint) = (format!("label `{}`", options.label), "give a column with outcomes");
        return Err(ErrorKind::NoRows { what, hint }.into());
    }
    Ok((frame.signals().take(&known), y))
}

fn evaluate(table: &Table, y: &[bool], fit: Fit, options: &Options) -> Result<Means> {
    let mut means = Means::default();
    for repeat in 0..options.repeats {
        let share = 1.0 / (options.repeats as f64 * options.folds as f64);
        let mut left_out = vec![0.0; y.len()];
        for (train, test) in StratifiedFolds::new(options.folds, repeat).split(y)? {
            let of = |rows: &[usize]| rows.iter().map(|&row| y[row]).collect::<Vec<bool>>();
            let start = Instant::now();
            let model = fit(&table.take(&train), &of(&train))?;
            means.seconds += share * start.elapsed().as_secs_f64();
            let p = model.predict_proba(&table.take(&test))?;
            let y = of(&test);
            means.auc += share * metric::roc_auc(&y, &p, None)?;
            means.precision += share * metric::average_precision(&y, &p, None)?;
            means.log_loss += share * metric::log_loss(&y, &p, None)?;
            means.lift += share * metric::lift_at(&y, &p, 0.1, None)?;
            test.iter().zip(p).for_each(|(&row, p)| left_out[row] = p);
        }
        means.calibration_error +=
            metric::calibration_error(y, &left_out, 10, None)? / options.repeats as f64;
    }
    Ok(means)
}
