//! The examples, run as a person runs them. `cargo test` has built them beside the tests.

mod common;

use std::collections::HashMap;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

fn portfolio() -> Command {
    example("portfolio")
}

fn example(name: &str) -> Command {
    let tests = std::env::current_exe().unwrap();
    let examples = tests.parent().and_then(|deps| deps.parent()).unwrap().join("examples");
    let program = examples.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(
        program.exists(),
        "{} is not there: `cargo test` builds it, or `cargo build --profile test --example {name}`",
        program.display()
    );
    Command::new(program)
}

/// The shared table as a file of its own.
fn accounts(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("keepwell-{}-{name}.csv", std::process::id()));
    std::fs::write(&path, common::csv(400)).unwrap();
    path
}

fn run(arguments: &[&str], csv: &PathBuf) -> Output {
    portfolio().arg("--csv").arg(csv).args(arguments).output().unwrap()
}

#[test]
fn the_page_of_a_table_has_all_its_parts() {
    let csv = accounts("page");
    let output = run(&["--value", "mrr", "--top", "2"], &csv);
    std::fs::remove_file(csv).unwrap();
    let page = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{page}");
    for part in [
        "400 accounts",
        "every outcome is known, so these are the 100 accounts held out of training",
        "expected to be lost",
        "The 2 accounts that matter most",
        "raises churn risk",
        "The plan",
        "not measured",
        "churn: AUC 0.",
        "expansion: AUC 0.",
    ] {
        assert!(page.contains(part), "`{part}` is not in\n{page}");
    }
}

#[test]
fn amounts_that_make_no_sense_are_refused() {
    let csv = accounts("amounts");
    for (flag, value) in [("--value", "nan"), ("--value", "-5"), ("--budget", "9223372036854775807")] {
        let output = run(&[flag, value], &csv);
        let problem = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2));
        let expected = format!("{flag}: `{value}` is not an amount from 0 to 1000000000000\n");
        assert!(problem.starts_with(&expected), "{problem}");
    }
    std::fs::remove_file(csv).unwrap();
}

#[test]
fn a_reader_may_stop_reading() {
    let csv = accounts("pipe");
    let mut child =
        portfolio().arg("--csv").arg(&csv).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut problem = String::new();
    child.stderr.take().unwrap().read_to_string(&mut problem).unwrap();
    assert_eq!((child.wait().unwrap().code(), problem.as_str()), (Some(0), ""));
    std::fs::remove_file(csv).unwrap();
}

#[test]
fn models_are_compared_on_any_csv() {
    let csv = accounts("compare");
    let run = |arguments: &[&str]| example("compare").arg(&csv).args(arguments).output().unwrap();
    let output =
        run(&["churned", "--id", "account_id", "--drop", "expanded", "--folds", "2", "--repeats", "1"]);
    let page = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{page}{}", String::from_utf8_lossy(&output.stderr));
    for part in ["400 rows", "2 folds", "blend", "linfa tree", "base rate", "(best)", "µs a row"] {
        assert!(page.contains(part), "`{part}` is not in\n{page}");
    }
    let undated = run(&["churned", "--cut", "2026-01-01"]);
    let problem = String::from_utf8(undated.stderr).unwrap();
    assert!(problem.contains("since the rows have no date") && undated.status.code() == Some(2), "{problem}");
    std::fs::remove_file(csv).unwrap();
}

#[test]
fn a_model_is_tested_at_past_dates() {
    let run = |arguments: &[&str]| example("back_test").args(arguments).output().unwrap();
    let output = run(&["--accounts", "150", "--quarters", "4", "--dates", "1"]);
    let page = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{page}{}", String::from_utf8_lossy(&output.stderr));
    for part in ["rows of 11 dates", "lift in the top 10.0 %", "\nmean", " 30 days before they left, "] {
        assert!(page.contains(part), "`{part}` is not in\n{page}");
    }
    let output = run(&["--dates", "many"]);
    let problem = String::from_utf8(output.stderr).unwrap();
    assert!(problem.starts_with("--dates many: expected a whole number"), "{problem}");
}

/// The figures of a page of `name: value` lines.
fn figures<'a>(page: &'a str) -> HashMap<&'a str, f64> {
    let figure = |line: &'a str| {
        let (name, value) = line.split_once(": ")?;
        Some((name, value.parse().ok()?))
    };
    page.lines().filter_map(figure).collect()
}

/// The experiment of the README in small: weaker figures, held loosely, so that it cannot rot.
#[test]
fn a_plan_by_what_was_learned_earns_most_of_what_it_could() {
    let run = |arguments: &[&str]| example("plan").args(arguments).output().unwrap();
    let output = run(&["--seed", "3", "--repeats", "1", "--log-rows", "16000", "--months", "2"]);
    let page = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{page}{}", String::from_utf8_lossy(&output.stderr));
    let figures = figures(&page);
    let within = |name: &str, low: f64, high: f64| {
        let value = figures[name];
        assert!((low..=high).contains(&value), "{name} is {value}, expected {low} to {high}\n{page}");
    };
    within("plan_over_best", 0.75, 1.0);
    within("plan_over_clairvoyant", 0.6, 1.0);
    within("plan_over_riskiest", 1.5, 100.0);
    within("interval_coverage_90", 0.7, 1.0);
    within("told_over_earned", 0.7, 1.4);
    within("bound_gap", 0.0, 0.005);
    within("learning_month_1", 0.0, 0.7);
    within("learning_month_2", figures["learning_month_1"] + 0.1, 1.0);
    for (arguments, problem) in [
        (["--log-rows", "12"], "--log-rows 12: expected a whole number from 5000 to 2000000; usage: plan"),
        (["--effect", "none"], "--effect none: expected a number from 0 to 5; usage: plan"),
        (["--rows", "12"], "--rows is unknown; usage: plan"),
    ] {
        let output = run(&arguments);
        let found = String::from_utf8(output.stderr).unwrap();
        assert!(found.starts_with(problem) && output.status.code() == Some(2), "{found}");
    }
}
