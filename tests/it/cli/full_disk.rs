//! A disk that fills while results are written: one sentence, nothing by half, and the next run is right.

use std::{fs, process::Output};

use mirscope::report::{Report, read};

use super::{measure::small, program, run, text};
use crate::disk::SmallDisk;

/// Runs `measure` of the small model on the disk.
fn measure(disk: &SmallDisk, line: &str) -> (i32, String, String) {
    let model = small();
    let mut args = vec!["measure", "--model", &model];
    args.extend(line.split(' '));
    text(&run(disk.path(), &args))
}

/// Fails unless a run ended with one sentence about this file.
#[track_caller]
fn refused((code, _, err): &(i32, String, String), name: &str) {
    let sentence = format!("error: {name}: cannot write: No space left on device");
    assert_eq!(*code, 1, "{err}");
    assert!(
        err.starts_with(&sentence) && err.lines().count() == 1,
        "{err}"
    );
}

/// All that a measurement found.
fn numbers(report: &Report) -> (Option<u64>, String) {
    let found = serde_json::to_string(&(&report.layers, &report.metrics)).unwrap();
    (report.mir.map(f64::to_bits), found)
}

#[test]
fn an_old_report_stays_where_a_new_one_finds_no_room() {
    let Some(disk) = SmallDisk::new(256 << 10) else {
        return;
    };
    assert_eq!(measure(&disk, "--num-pairs 2").0, 0);
    let old = fs::read(disk.at("report.json")).unwrap();
    for free in [0, 4096] {
        disk.fill(free);
        let outcome = measure(&disk, "--num-pairs 3");
        refused(&outcome, "report.json");
        // What was found is not lost.
        assert!(
            outcome.1.contains("\nMIR ") && !outcome.1.contains("wrote"),
            "{}",
            outcome.1
        );
        assert!(fs::read(disk.at("report.json")).unwrap() == old);
        assert_eq!(disk.names(), ["report.json"]);
        disk.clear();
    }
    let first = read(&disk.at("report.json")).unwrap();
    assert_eq!(measure(&disk, "--num-pairs 2").0, 0);
    assert_eq!(
        numbers(&read(&disk.at("report.json")).unwrap()),
        numbers(&first)
    );
}

#[test]
fn exported_states_are_there_whole_or_not_at_all() {
    let Some(disk) = SmallDisk::new(512 << 10) else {
        return;
    };
    let line = "--num-pairs 3 --export-states a.safetensors";
    // Not even the header; the header; some of the states.
    for free in [0, 8 << 10, 100 << 10] {
        disk.fill(free);
        let outcome = measure(&disk, &format!("{line} --json"));
        refused(&outcome, "a.safetensors");
        assert_eq!(
            (outcome.1.as_str(), disk.names()),
            ("", Vec::new()),
            "{free}"
        );
        disk.clear();
    }
    let (code, _, err) = measure(&disk, &format!("{line} --out one.json"));
    assert_eq!((code, err.as_str()), (0, ""));
    let args = ["measure", "--states", "a.safetensors", "--out", "two.json"];
    assert_eq!(text(&run(disk.path(), &args)).0, 0);
    let [one, two] = ["one.json", "two.json"].map(|name| numbers(&read(&disk.at(name)).unwrap()));
    assert_eq!(one, two);
}

#[test]
fn statistics_go_on_behind_the_last_whole_pair_once_there_is_room() {
    let Some(disk) = SmallDisk::new(1 << 20) else {
        return;
    };
    let line = "--num-pairs 6 --shard 1/1 --stats a.safetensors";
    for free in [0, 8 << 10] {
        disk.fill(free);
        refused(&measure(&disk, line), "a.safetensors");
        assert!(disk.names().is_empty(), "{free}: {:?}", disk.names());
        disk.clear();
    }
    disk.fill(250 << 10);
    refused(&measure(&disk, line), "a.safetensors");
    // Whole pairs are kept, under a name that says that they are not all.
    assert_eq!(disk.names(), ["a.safetensors.partial"]);
    disk.clear();
    let (code, out, err) = measure(&disk, line);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.contains(" of them from an earlier run"), "{out}");
    assert_eq!(disk.names(), ["a.safetensors"]);
    let undisturbed = tempfile::tempdir().unwrap();
    let model = small();
    let mut args = vec!["measure", "--model", &model];
    args.extend(line.split(' '));
    let output: Output = program(undisturbed.path(), &args).output().unwrap();
    assert!(output.status.success());
    let expected = fs::read(undisturbed.path().join("a.safetensors")).unwrap();
    assert!(fs::read(disk.at("a.safetensors")).unwrap() == expected);
}
