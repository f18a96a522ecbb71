//! What was known of each customer at a date, and what came of them?
//!
//! `cargo run --release --example snapshots -- --events FILE --out OUT.csv [--as-of DATE]... [--check-leaks]
//! [--schema FILE] [--bad-rows FILE]`
//!
//! Reads an export of events (CSV, gzip or not) and writes one row a customer (and date, where there are several)
//! with signals and label; without a date, at the first of each month. `--check-leaks` perturbs everything at or after
//! each date and demands the same signals. The schema below, for a shop's orders, serves unless another is named; with
//! one that has several tables with a `file` each, `--tables FOLDER` in place of `--events` reads them all.

#[macro_use]
mod say;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use jiff::civil::Date;
use keepwell::frame::Table;
use keepwell::timeline::{BadRow, Intake, TableIntake, Timeline};

/// A shop without contracts: who has not bought for half a year has lapsed. Its log stands in the order in which things
/// were bought, so that what is added up in that order agrees to the last bit with other tools.
const SHOP: &str = r#"
account = "customer_id"
occurred_at = "date"
same_day = "as_read"

[[event]]
name = "order"
value = "amount"

[[event]]
name = "items"
value = "quantity"

[[measure]]
signal = "orders"
how = "count"
events = ["order"]

[[measure]]
signal = "items"
how = "sum"
events = ["items"]

[[measure]]
signal = "spend"
how = "sum"
events = ["order"]

[[measure]]
signal = "first_day"
how = "days_to_first"
events = ["order"]
since = "1997-01-01"

[[measure]]
signal = "recency_days"
how = "days_since_last"
events = ["order"]

[[measure]]
signal = "tenure_days"
how = "days_since_first"
events = ["order"]

[[measure]]
signal = "orders_184d"
how = "count"
events = ["order"]
window_days = 184

[[measure]]
signal = "spend_184d"
how = "sum"
events = ["order"]
window_days = 184

[label]
churn = "lapsed"
silence = ["order"]
horizon_days = 181
"#;

const USAGE: &str = "usage: snapshots --events FILE|--tables FOLDER --out OUT.csv [--as-of DATE]... [--check-leaks] \
                     [--schema FILE] [--bad-rows FILE]";

#[derive(Default)]
struct Options {
    events: String,
    tables: String,
    out: String,
    dates: Vec<Date>,
    check_leaks: bool,
    schema: Option<String>,
    bad_rows: Option<String>,
}

fn main() {
    if let Err(error) = options().and_then(|options| run(&options)) {
        eprintln!("{error}");
        std::process::exit(2);
    }
}

fn options() -> Result<Options, String> {
    let mut options = Options::default();
    let mut args = std::env::args().skip(1);
    while let Some(flag) = args.next() {
        if flag == "--check-leaks" {
            options.check_leaks = true;
            continue;
        }
        let value = args.next().ok_or(USAGE)?;
        match flag.as_str() {
            "--events" => options.events = value,
            "--tables" => options.tables = value,
            "--out" => options.out = value,
            "--schema" => options.schema = Some(value),
            "--bad-rows" => options.bad_rows = Some(value),
            "--as-of" => options
                .dates
                .push(value.parse().map_err(|_| format!("--as-of {value}: expected a date as 1998-01-01"))?),
            _ => return Err(USAGE.into()),
        }
    }
    let is_whole = options.events.is_empty() != options.tables.is_empty() && !options.out.is_empty();
    is_whole.then_some(options).ok_or_else(|| USAGE.into())
}

fn run(options: &Options) -> Result<(), String> {
    let text = |error: keepwell::Error| error.to_string();
    let timeline = match &options.schema {
        Some(path) => Timeline::read(path).map_err(text)?,
        None => Timeline::from_toml(SHOP).map_err(text)?,
    };
    let intake = match options.tables.is_empty() {
        true => timeline.read_events_csv(&options.events).map_err(text)?,
        false => timeline.read_files(&options.tables).map_err(text)?,
    };
    report(&intake);
    if let Some(path) = &options.bad_rows {
        write_bad_rows(Path::new(path), &[&intake.bad[..], &intake.doubtful].concat())
            .map_err(|error| format!("{path}: {error}"))?;
    }
    let dates = if options.dates.is_empty() { intake.records.months() } else { options.dates.clone() };
    let table = timeline.snapshots(&intake.records, &dates).map_err(text)?;
    let table = if dates.len() == 1 { without_date(&table).map_err(text)? } else { table };
    let file = File::create(&options.out).map_err(|error| format!("{}: {error}", options.out))?;
    table.write_csv(BufWriter::new(file)).map_err(text)?;
    say!("{} rows in {}", table.n_rows(), options.out);
    if options.check_leaks {
        for date in &dates {
            timeline.prove(&intake.records, *date).map_err(text)?;
            say!("proved: nothing that came at or after {date} moves a signal of its snapshot");
        }
    }
    Ok(())
}

fn report(intake: &Intake) {
    let Intake { records, n_rows, bad, n_duplicates, n_late, doubtful, tables, notes } = intake;
    let n_accounts = records.accounts().len();
    let (n_bad, n_doubtful) = (bad.len(), doubtful.len());
    say!("{n_rows} rows of {n_accounts} customers: {n_bad} bad, {n_duplicates} duplicates, {n_late} late");
    if tables.len() > 1 {
        for table in tables {
            let TableIntake { name, n_rows, n_bad, n_doubtful, n_duplicates, n_late } = table;
            say!(
                "  {name}: {n_rows} rows, {n_bad} bad, {n_doubtful} doubtful, {n_duplicates} duplicates, {n_late} late"
            );
        }
    }
    for (kind, rows, n) in [("bad", bad, n_bad), ("doubtful", doubtful, n_doubtful)] {
        for BadRow { table, line, cause, .. } in rows.iter().take(5) {
            say!("  {table}, line {line}: {cause}");
        }
        if n > 5 {
            say!("  and {} more that are {kind}", n - 5);
        }
    }
    notes.iter().for_each(|note| say!("  {note}"));
}

fn write_bad_rows(path: &Path, bad: &[BadRow]) -> std::io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    bad.iter().try_for_each(|row| {
        writeln!(file, "{}, line {}: {} | {}", row.table, row.line, row.cause, row.text)
    })?;
    file.flush()
}

/// One date need not be said in every row.
fn without_date(table: &Table) -> keepwell::Result<Table> {
    let columns = table.names().iter().cloned().zip(table.columns().iter().cloned());
    Table::new(table.n_rows(), columns.filter(|(name, _)| name != "as_of"))
}
