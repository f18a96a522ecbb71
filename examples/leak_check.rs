//! Which columns know what they could not have known?
//!
//! `cargo run --release --example leak_check -- FILE LABEL [--set-aside COLUMN]...`
//!
//! Checks any CSV file (gzip or not) before training: one line a finding, with its evidence; nothing on a clean table.

#[macro_use]
mod say;

use keepwell::frame::RawTable;

const USAGE: &str = "usage: leak_check FILE LABEL [--set-aside COLUMN]...";

fn main() {
    if let Err(error) = run(std::env::args().skip(1)) {
        eprintln!("{error}");
        std::process::exit(2);
    }
}

fn run(mut args: impl Iterator<Item = String>) -> Result<(), String> {
    let (file, label) = args.next().zip(args.next()).ok_or(USAGE)?;
    let mut set_aside = Vec::new();
    while let Some(flag) = args.next() {
        match (flag.as_str(), args.next()) {
            ("--set-aside", Some(column)) => set_aside.push(column),
            _ => return Err(USAGE.into()),
        }
    }
    let leaks = RawTable::read_csv(file).and_then(|raw| raw.leaks(&label, &set_aside));
    leaks.map_err(|error| error.to_string())?.iter().for_each(|leak| say!("{leak}"));
    Ok(())
}
