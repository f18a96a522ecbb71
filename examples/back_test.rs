//! How well would a model have done at each past date, and how long before they left did it have accounts in its top?
//!
//! `cargo run --release --example back_test -- [--accounts 1500] [--quarters 5] [--dates 4] [--gap 14] [--grace 0]
//! [--effort fast|balanced|best] [--seed 0]`
//!
//! Simulates a subscription business, takes snapshots of its accounts on the first of each month, and walks forward: at
//! each date a model is trained on the rows whose label was known by then and asked about the accounts of that date.

#[macro_use]
mod say;

use std::collections::HashMap;

use jiff::ToSpan;
use jiff::civil::Date;
use keepwell::frame::{Column, Frame, Table};
use keepwell::health::HealthModel;
use keepwell::model::Effort;
use keepwell::schema::Schema;
use keepwell::simulate::Simulation;
use keepwell::timeline::{Labelling, b2b_saas, exits, snapshots};
use keepwell::{ErrorKind, Result};

const USAGE: &str = "usage: back_test [--accounts N] [--quarters N] [--dates N] [--gap DAYS] [--grace DAYS] \
                     [--effort fast|balanced|best] [--seed N]";

fn main() {
    if let Err(error) = options().and_then(|options| run(&options).map_err(|error| error.to_string())) {
        eprintln!("{error}");
        std::process::exit(2);
    }
}

/// The flags with their values.
fn options() -> std::result::Result<HashMap<String, String>, String> {
    const FLAGS: [&str; 7] =
        ["--accounts", "--quarters", "--dates", "--gap", "--grace", "--effort", "--seed"];
    let mut options = HashMap::new();
    let mut args = std::env::args().skip(1);
    while let Some(flag) = args.next() {
        let value = args.next().filter(|_| FLAGS.contains(&flag.as_str())).ok_or(USAGE)?;
        let is_number = flag == "--effort" || value.parse::<u32>().is_ok();
        if !is_number {
            return Err(format!("{flag} {value}: expected a whole number\n{USAGE}"));
        }
        options.insert(flag, value);
    }
    Ok(options)
}

fn run(options: &HashMap<String, String>) -> Result<()> {
    let number =
        |flag: &str, usual: u32| options.get(flag).and_then(|text| text.parse().ok()).unwrap_or(usual);
    let effort = match options.get("--effort").map(String::as_str) {
        None | Some("fast") => Effort::Fast,
        Some("balanced") => Effort::Balanced,
        Some("best") => Effort::Best,
        Some(other) => {
            let (name, value) = ("effort", other.to_owned());
            return Err(ErrorKind::Parameter { name, value, expected: "fast, balanced or best" }.into());
        }
    };
    let seed = u64::from(number("--seed", 0));
    let business = Simulation::params()
        .n_accounts(number("--accounts", 1_500) as usize)
        .n_periods(number("--quarters", 5) as usize)
        .random_state(seed)
        .simulate()?;
    let (gap_days, grace_days) = (number("--gap", 14), number("--grace", 0));
    let labelling = Labelling::default().gap_days(gap_days).horizon_days(90).grace_days(grace_days);
    let first = business.dates()[0];
    let records = business.records();
    let dates = months(first, records.known_until());
    let table = snapshots(records, &b2b_saas(), &labelling, &dates)?;
    let schema = Schema::b2b_saas().as_of("as_of");
    let past = Frame::from_table(&table, &schema)?;
    say!("{} rows of {} dates, {} to {}", table.n_rows(), dates.len(), dates[0], dates[dates.len() - 1]);
    let left = exits(records, &labelling)?;
    let test = HealthModel::params(&schema)
        .horizon_days(90)
        .effort(effort)
        .random_state(seed)
        .back_test()
        .gap_days(gap_days)
        .delay_days(grace_days)
        .n_dates(number("--dates", 4) as usize)
        .left_on(left_on(&left))
        .run(&past)?;
    say!("{}", test.to_string().trim_end());
    Ok(())
}

/// The first of each month from a date on to before another.
fn months(from: Date, to: Date) -> Vec<Date> {
    let next = |day: &Date| day.checked_add(1.month()).ok();
    let first = if from.day() == 1 { Some(from) } else { next(&from.first_of_month()) };
    std::iter::successors(first, next).take_while(|day| *day < to).collect()
}

fn left_on(exits: &Table) -> Vec<(String, Date)> {
    let texts = |name: &str| match exits.column(name) {
        Some(Column::Category(texts)) => {
            (0..exits.n_rows()).filter_map(|row| texts.text(row).map(str::to_owned)).collect()
        }
        _ => Vec::new(),
    };
    let days = texts("left_on").into_iter().filter_map(|text| text.parse().ok());
    texts("account_id").into_iter().zip(days).collect()
}
