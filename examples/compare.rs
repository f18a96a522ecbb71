//! Which model suits these accounts, and is any better than knowing the rate?
//!
//! `cargo run --release --example compare -- FILE LABEL [--id COLUMN] [--as-of COLUMN] [--drop COLUMN]...
//! [--folds 5] [--repeats 3] [--cut 2026-01-01 [--horizon-days 90]]`
//!
//! Compares keepwell's models, the linfa baselines and the base rate on any CSV file: by folds, or with `--cut` by time,
//! which needs the column of dates. Accounts that stand in several rows stay together.

#[macro_use]
mod say;

use jiff::civil::Date;
use keepwell::Result;
use keepwell::frame::split::TimeSplit;
use keepwell::frame::{Frame, InferOptions, RawTable};
use keepwell::model::{CompareParams, Comparison};
use keepwell::schema::Schema;

const USAGE: &str = "usage: compare FILE LABEL [--id COLUMN] [--as-of COLUMN] [--drop COLUMN]... [--folds 5] \
                     [--repeats 3] [--cut 2026-01-01 [--horizon-days 90]]";

struct Options {
    file: String,
    infer: InferOptions,
    params: CompareParams,
}

fn main() {
    if let Err(problem) = options().and_then(|options| run(&options).map_err(|error| error.to_string())) {
        eprintln!("{problem}");
        std::process::exit(2);
    }
}

fn options() -> std::result::Result<Options, String> {
    let mut args = std::env::args().skip(1);
    let (file, label) = args.next().zip(args.next()).ok_or(USAGE)?;
    let (mut infer, mut params) = (InferOptions::new().churn(&label), Comparison::params());
    let (mut cuts, mut horizon_days) = (Vec::<Date>::new(), 0);
    while let Some(flag) = args.next() {
        let value = args.next().ok_or(USAGE)?;
        let wrong = |expected: &str| format!("{flag} {value}: expected {expected}");
        let number = || value.parse::<u32>().map_err(|_| wrong("a whole number"));
        match flag.as_str() {
            "--id" => infer = infer.id(&value),
            "--as-of" => infer = infer.as_of(&value),
            "--drop" => infer = infer.set_aside(&value, "left out by --drop"),
            "--folds" => params = params.n_folds(number()? as usize),
            "--repeats" => params = params.n_repeats(number()? as usize),
            "--cut" => cuts.push(value.parse().map_err(|_| wrong("a date such as 2026-01-01"))?),
            "--horizon-days" => horizon_days = number()?,
            _ => return Err(format!("{flag} is unknown; {USAGE}")),
        }
    }
    let splits = cuts.into_iter().map(|cut| TimeSplit::new(cut).horizon_days(horizon_days));
    Ok(Options { file, infer, params: params.by_time(splits) })
}

fn run(options: &Options) -> Result<()> {
    let raw = RawTable::read_csv(&options.file)?;
    let past = Frame::from_raw(&raw, &Schema::infer(&raw, &options.infer)?)?;
    say!("{}", options.params.churn(&past)?);
    Ok(())
}
