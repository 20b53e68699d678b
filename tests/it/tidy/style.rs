//! Sizes, documentation, and what may not fail.

use super::{
    report,
    source::{Source, files},
};

/// Longest source file, in lines; about 200 is the aim.
const LONGEST: usize = 450;

/// Longest `main.rs`.
const LONGEST_MAIN: usize = 80;

fn all() -> Vec<Source> {
    let mut all = files("src", "rs");
    all.extend(files("tests", "rs"));
    all.extend(files("benches", "rs"));
    all.extend(files("shaders", "wgsl"));
    all
}

#[test]
fn files_stay_small() {
    let mut findings = Vec::new();
    for source in all() {
        let limit = if source.path == "src/main.rs" {
            LONGEST_MAIN
        } else {
            LONGEST
        };
        let lines = source.text.lines().count();
        if lines > limit {
            findings.push(format!("{}: {lines} lines, {limit} at most", source.path));
        }
    }
    report("files stay small", &findings);
}

#[test]
fn every_file_says_what_it_holds() {
    let findings: Vec<String> = files("src", "rs")
        .iter()
        .filter(|source| !source.text.starts_with("//!"))
        .map(|source| format!("{} does not start with `//!`", source.path))
        .collect();
    report("every file says what it holds", &findings);
}

#[test]
fn nothing_panics_on_purpose() {
    const FORBIDDEN: [&str; 6] = [
        ".unwrap()",
        ".expect(",
        "panic!(",
        "todo!(",
        "unimplemented!(",
        "dbg!(",
    ];
    let mut findings = Vec::new();
    for source in files("src", "rs") {
        // A chain broken over lines is one all the same.
        for (index, line) in source.code().lines().enumerate() {
            if FORBIDDEN.iter().any(|call| line.contains(call)) {
                findings.push(format!("{}:{}: {}", source.path, index + 1, line.trim()));
            }
        }
    }
    report("errors are returned, not panicked", &findings);
}

#[test]
fn nothing_is_left_to_do() {
    let mut findings = Vec::new();
    for source in all() {
        for (index, line) in source.text.lines().enumerate() {
            // Put together here, so that this file is not its own finding.
            if [["TO", "DO"], ["FIX", "ME"], ["XX", "X"]]
                .iter()
                .any(|parts| line.contains(&parts.concat()))
            {
                findings.push(format!("{}:{}: {}", source.path, index + 1, line.trim()));
            }
        }
    }
    report("nothing is left to do", &findings);
}
