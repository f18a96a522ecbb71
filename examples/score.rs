//! How does a service score accounts with a model that was saved, in Rust or in Python?
//!
//! `cargo run --release --example score -- model.keepwell accounts.csv` writes a CSV to standard output.

#[macro_use]
mod say;

use std::env;
use std::process::ExitCode;

use keepwell::prelude::*;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [model, accounts] = arguments.as_slice() else {
        eprintln!("usage: score MODEL ACCOUNTS.csv");
        return ExitCode::from(2);
    };
    match score(model, accounts) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn score(model: &str, accounts: &str) -> Result<()> {
    let model = HealthModel::load(model)?;
    let scored = model.score(&Frame::read_csv(accounts, model.schema())?)?;
    say!("account_id,churn_probability,expansion_probability,health,band,first_reason");
    for (row, id) in scored.frame.ids().iter().enumerate() {
        let probability =
            |of: &Option<Vec<f64>>| of.as_ref().map_or_else(String::new, |of| of[row].to_string());
        let (churn, expansion) =
            (probability(&scored.churn_probability), probability(&scored.expansion_probability));
        let reason = scored.reasons[row].first().map_or("", |reason| &reason.sentence);
        say!("{id},{churn},{expansion},{},{},\"{reason}\"", scored.health[row], scored.band[row]);
    }
    Ok(())
}
