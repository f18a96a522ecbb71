//! The house keeps its floors: a room imports rooms below it only, and the front door holds no logic.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The rooms from the top of the house to its foundation.
const ROOMS: [&str; 14] = [
    "action", "revenue", "monitor", "health", "explain", "model", "tree", "simulate", "timeline", "frame",
    "schema", "metric", "random", "error",
];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
    files
}

/// The part of a file that ships: tests may look anywhere.
fn shipped(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    text.split("#[cfg(test)]").next().unwrap_or_default().to_owned()
}

/// The rooms that a text names behind `crate::`, comments aside.
fn imports(text: &str) -> Vec<String> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let after = |line: &str| line.split("crate::").skip(1).map(str::to_owned).collect::<Vec<_>>();
    code.flat_map(after)
        .map(|rest| rest.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect())
        .collect()
}

#[test]
fn a_room_imports_rooms_below_it_only() {
    let floor: BTreeMap<&str, usize> = ROOMS.into_iter().zip(0..).collect();
    let mut wrong = Vec::new();
    for room in ROOMS.iter().filter(|room| source().join(room).is_dir()) {
        for file in rust_files(&source().join(room)) {
            for import in imports(&shipped(&file)) {
                if floor.get(import.as_str()).is_some_and(|below| below < &floor[room]) {
                    wrong.push(format!("{} imports {import}", file.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_room_of_the_source_is_on_a_floor() {
    for entry in fs::read_dir(source()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        assert!(name == "lib" || ROOMS.contains(&name.as_str()), "{name} has no floor");
    }
}

#[test]
fn trees_know_slices_only() {
    for file in rust_files(&source().join("tree")) {
        for import in imports(&shipped(&file)) {
            assert!(
                ["tree", "error", "Result", "Error", "ErrorKind"].contains(&import.as_str()),
                "{} imports {import}",
                file.display()
            );
        }
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    for file in rust_files(&source()) {
        assert!(
            fs::read_to_string(&file).unwrap().starts_with("//!"),
            "{} opens with no //!",
            file.display()
        );
    }
}
