//! The example of health, run as a person runs it. `cargo test` has built it beside the tests.

mod common;

use std::process::{Command, Stdio};

fn health() -> Command {
    let tests = std::env::current_exe().unwrap();
    let examples = tests.parent().and_then(|deps| deps.parent()).unwrap().join("examples");
    Command::new(examples.join(format!("health{}", std::env::consts::EXE_SUFFIX)))
}

#[test]
fn a_table_of_one_s_own_is_told_of() {
    let csv = std::env::temp_dir().join(format!("keepwell-{}-health.csv", std::process::id()));
    std::fs::write(&csv, common::csv(400)).unwrap();
    let output = health().arg("--csv").arg(&csv).args(["--label", "churned"]).output().unwrap();
    std::fs::remove_file(csv).unwrap();
    let (told, problem) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{problem}");
    for part in
        ["red_over_amber: ", "coverage: ", "all accounts: ", "% left", "raises churn risk", "accounts like"]
    {
        assert!(told.contains(part), "`{part}` is not in\n{told}");
    }
}

#[test]
fn a_reader_who_has_seen_enough_is_no_problem() {
    let csv = std::env::temp_dir().join(format!("keepwell-{}-pipe.csv", std::process::id()));
    std::fs::write(&csv, common::csv(400)).unwrap();
    let mut command = health();
    let command = command.arg("--csv").arg(&csv).args(["--label", "churned"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    std::fs::remove_file(csv).unwrap();
    assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap().as_str()), (Some(0), ""));
}

#[test]
fn what_it_does_not_know_is_refused() {
    let output = health().args(["--colour", "red"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().starts_with("--colour is unknown; usage: health"));
}
