//! What a newcomer downloads and builds stays lean.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::{
    report,
    source::{root, walk},
};

/// The most bytes that all files of the repository may take, history aside.
const MOST_BYTES: u64 = 44 << 20;

/// The most crates in it, on Linux. Each costs whoever comes first: more than this needs a reason.
const MOST: usize = 171;

/// What belongs to the app, to tests or to tools, and takes long to build.
const NONE_OF: [&str; 10] = [
    "eframe", "egui", "winit", "resvg", "rfd", "wesl", "faer", "hf-hub", "ureq", "ring",
];

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

#[test]
fn the_repository_stays_small() {
    let files = tracked();
    assert!(files.len() > 500, "{} files found", files.len());
    let mut sizes: Vec<(u64, &String)> = files
        .iter()
        .map(|file| (size(&root().join(file)), file))
        .collect();
    sizes.sort_by(|a, b| b.cmp(a));
    let all: u64 = sizes.iter().map(|(bytes, _)| bytes).sum();
    let largest = sizes.iter().take(20).map(|(bytes, file)| {
        format!("{file}: {bytes} bytes, of {all} where {MOST_BYTES} are allowed")
    });
    let findings: Vec<String> = largest.filter(|_| all > MOST_BYTES).collect();
    report("the repository stays small", &findings);
}

/// The files that git keeps; in a copy without git, all but what building leaves.
fn tracked() -> Vec<String> {
    let listed = Command::new("git")
        .args(["ls-files", "-z"])
        .current_dir(root())
        .output();
    if let Ok(output) = listed
        && output.status.success()
    {
        let names = String::from_utf8(output.stdout).unwrap();
        return names.split_terminator('\0').map(str::to_owned).collect();
    }
    let mut paths = Vec::new();
    for entry in fs::read_dir(root()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        match path.is_dir() {
            true if name.starts_with('.') || ["target", "dist"].contains(&name.as_str()) => {}
            true => walk(&path, &mut paths),
            false => paths.push(path),
        }
    }
    let below = |path: &PathBuf| path.strip_prefix(root()).unwrap().display().to_string();
    paths.iter().map(below).collect()
}

/// A file's size; none where it is gone but not yet from git's list.
fn size(file: &Path) -> u64 {
    fs::metadata(file).map_or(0, |known| known.len())
}
