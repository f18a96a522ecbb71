//! Whether time grows with the rows and no faster: fits to 10k, 100k, 1M and 5M rows × 30 columns on two threads, with
//! the memory they take beyond the table (from Linux's own count).
//!
//! `cargo bench --bench tree_growth` or, for other sizes, `cargo bench --bench tree_growth -- 10000 100000`

mod tree_data;

use std::time::Instant;

use keepwell::frame::{Column, Table};
use keepwell::model::GradientTreesClassifier;
use tree_data::Data;

const N_COLUMNS: usize = 30;

fn main() -> Result<(), keepwell::Error> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if !args.iter().any(|arg| arg == "--bench") {
        return Ok(());
    }
    let mut sizes: Vec<usize> = args.iter().filter_map(|arg| arg.parse().ok()).collect();
    if sizes.is_empty() {
        sizes = vec![10_000, 100_000, 1_000_000, 5_000_000];
    }
    println!("{:>9} {:>10} {:>12} {:>8} {:>12}", "rows", "seconds", "us a row", "step", "bytes a cell");
    let mut before: Option<(usize, f64)> = None;
    for n in sizes {
        let (seconds, bytes) = fit(n)?;
        let a_row = seconds / n as f64;
        let step = before.map_or(String::new(), |(n_before, a_row_before)| {
            let tenfold = 10.0 * a_row / a_row_before;
            format!("{tenfold:.1}{}", if n / n_before == 10 { "" } else { " per 10" })
        });
        let a_cell = bytes / (n * N_COLUMNS) as f64;
        println!("{n:>9} {seconds:>10.3} {:>12.2} {step:>8} {a_cell:>12.2}", a_row * 1e6);
        before = Some((n, a_row));
    }
    Ok(())
}

/// Seconds, the least of some tries, and bytes beyond the table.
fn fit(n: usize) -> Result<(f64, f64), keepwell::Error> {
    let (table, y) = table(n)?;
    let params = GradientTreesClassifier::params().n_jobs(2);
    let before = memory("VmRSS:");
    let mut seconds = f64::INFINITY;
    for _ in 0..(200_000 / n).clamp(1, 9) {
        let start = Instant::now();
        params.fit(&table, &y, None)?;
        seconds = seconds.min(start.elapsed().as_secs_f64());
    }
    Ok((seconds, memory("VmHWM:") - before))
}

fn table(n: usize) -> Result<(Table, Vec<bool>), keepwell::Error> {
    let Data { mut numbers, categories, y } = Data::new(n, N_COLUMNS);
    numbers.extend(categories.iter().map(|(codes, _)| codes.iter().map(|&code| f64::from(code)).collect()));
    let columns =
        numbers.into_iter().enumerate().map(|(c, values)| (format!("x{c}"), Column::Number(values)));
    Ok((Table::new(n, columns)?, y))
}

/// Bytes, or not a number where the system does not tell.
fn memory(key: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok())
        .map_or(f64::NAN, |kb| kb * 1024.0)
}
