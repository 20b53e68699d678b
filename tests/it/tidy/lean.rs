//! The build of `./dev demo` stays lean.

use std::{collections::BTreeSet, process::Command};

use super::{report, source::root};

/// The most crates in it, on Linux. Each costs whoever comes first: more than this needs a reason.
const MOST: usize = 170;

/// What belongs to the app, to tests or to tools, and takes long to build.
const NONE_OF: [&str; 7] = ["eframe", "egui", "winit", "resvg", "rfd", "wesl", "faer"];

#[test]
fn the_demo_is_built_from_few_crates() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--edges", "normal,build"])
        .args(["--no-default-features", "--features", "cli"])
        .args(["--prefix", "none", "--format", "{p}"])
        .current_dir(root())
        .output()
        .unwrap();
    let listed = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    // "name v1.2.3", and what cargo adds: where it lies, that it was listed before.
    let crates: BTreeSet<(&str, &str)> = listed
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ');
            Some((words.next()?, words.next()?))
        })
        .collect();
    assert!(crates.len() > 20, "{listed}");
    let mut findings: Vec<String> = crates
        .iter()
        .filter(|(name, _)| NONE_OF.contains(name))
        .map(|(name, version)| format!("{name} {version} is part of it"))
        .collect();
    if cfg!(target_os = "linux") && crates.len() > MOST {
        findings.push(format!(
            "{} crates, expected {MOST} at most: `cargo tree --edges normal,build \
             --no-default-features --features cli` shows who brings them",
            crates.len()
        ));
    }
    report("the demo is built from few crates", &findings);
}
