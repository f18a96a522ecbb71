//! Snapshots of a business's records in Parquet: `cargo bench --features parquet --bench timeline -- FOLDER OUT DATE...`
//! reads the tables of FOLDER by its `timeline.toml`, takes the snapshots, says as JSON what that took and writes them to
//! OUT; then a day's events are added, and one account is read alone. `python3 python/benchmarks/timeline` makes the
//! records, runs this beside its peers and compares what comes out.

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use jiff::ToSpan;
use jiff::civil::Date;
use keepwell::timeline::{Event, Records, Signals, Timeline};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let [folder, out, dates @ ..] = args.as_slice() else {
        println!("usage: cargo bench --features parquet --bench timeline -- FOLDER OUT DATE...");
        return;
    };
    let dates: Vec<Date> = dates.iter().map(|date| date.parse().expect("a date as 2026-11-21")).collect();
    let folder = Path::new(folder);
    let began = Instant::now();
    let timeline = Timeline::read(folder.join("timeline.toml")).unwrap();
    let intake = timeline.read_files(folder).unwrap();
    let read = began.elapsed().as_secs_f64();
    let table = timeline.snapshots(&intake.records, &dates).unwrap();
    let whole = began.elapsed().as_secs_f64();
    let (cpu, peak) = (cpu_seconds(), peak_gb());
    let n_rows = table.n_rows();
    table.write_parquet(std::fs::File::create(out).unwrap()).unwrap();
    drop(table);
    let mut records = intake.records;
    let add = add_a_day(&timeline, &mut records);
    let one = one_account(&timeline, &records);
    println!(
        "{{\"seconds\": {whole}, \"read\": {read}, \"cpu\": {cpu}, \"gb\": {peak}, \"rows\": {n_rows}, \"bad\": {}, \
         \"add\": {}, \"newest\": {}, \"one_account_us\": {one}}}",
        intake.bad.len(),
        add[0],
        add[1],
    );
}

/// Seconds for adding a day's events, and for the snapshot after it.
fn add_a_day(timeline: &Timeline, records: &mut Records) -> [f64; 2] {
    let day = records.known_until();
    let last = records.events().iter().map(|event| event.occurred_at).max().unwrap_or(day);
    let again = |event: &Event| Event { occurred_at: day, known_at: day, ..*event };
    let events: Vec<Event> =
        records.events().iter().filter(|event| event.occurred_at == last).map(again).collect();
    let next = day.saturating_add(1.day());
    let began = Instant::now();
    records.add(Vec::new(), Vec::new(), events, next).unwrap();
    let added = began.elapsed().as_secs_f64();
    black_box(timeline.snapshots(records, &[next]).unwrap());
    [added, began.elapsed().as_secs_f64() - added]
}

/// Microseconds for one account's facts put together and its signals read, the median of many.
fn one_account(timeline: &Timeline, records: &Records) -> f64 {
    let as_of = records.known_until();
    let accounts: Vec<usize> = (0..records.accounts().len()).step_by(97).collect();
    let facts: Vec<(Vec<_>, Vec<Event>)> = accounts
        .iter()
        .map(|&account| {
            let own = |event: &Event| Event { account: 0, ..*event };
            let contracts = records.contracts_of(account).iter().cloned().map(|mut contract| {
                contract.account = 0;
                contract
            });
            (contracts.collect(), records.events_of(account).iter().map(own).collect())
        })
        .collect();
    let signals = Signals::new(records.names(), &timeline.measures).unwrap();
    let mut names = Some(records.names().clone());
    let mut took = Vec::new();
    for (&account, (contracts, events)) in accounts.iter().zip(facts) {
        let began = Instant::now();
        let account = records.accounts()[account].clone();
        let own =
            Records::new(vec![account], contracts, names.take().unwrap_or_default(), events, as_of).unwrap();
        black_box(signals.of(&own, 0, as_of));
        took.push(began.elapsed().as_secs_f64() * 1e6);
        names = Some(own.into_names());
    }
    took.sort_by(f64::total_cmp);
    took.get(took.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Processor seconds of this process so far, by Linux; NaN elsewhere.
fn cpu_seconds() -> f64 {
    let ticks = |stat: String| {
        let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
        Some((fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?) / 100.0)
    };
    std::fs::read_to_string("/proc/self/stat").ok().and_then(ticks).unwrap_or(f64::NAN)
}

/// The most memory that this process had, by Linux; NaN elsewhere.
fn peak_gb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kib.map_or(f64::NAN, |kib| kib / 1e6 * 1.024)
}
