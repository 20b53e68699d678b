//! Where results go: tried before the run, written whole, and never lost.

use std::{fs, path::Path};

use mirscope::{
    figures::{Format, write},
    report::{parse, read},
};

use super::{measure::small, run, text};
use crate::report::report;

fn measure(folder: &Path, more: &[&str]) -> (i32, String, String) {
    let model = small();
    let args = [&["measure", "--model", &model, "--num-pairs", "1"], more].concat();
    text(&run(folder, &args))
}

fn entries(folder: &Path) -> usize {
    fs::read_dir(folder).unwrap().count()
}

#[test]
fn only_the_usual_name_spares_what_is_not_ours() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.json");
    for foreign in ["{\"grades\": [1, 2]}", "", "{\"schema\": 1}"] {
        fs::write(&file, foreign).unwrap();
        let (code, out, err) = measure(folder.path(), &[]);
        assert_eq!((code, out.as_str()), (1, ""), "{err}");
        assert!(
            err.contains("report.json: there is a file of this name that is no report"),
            "{err}"
        );
        assert!(err.contains("--out") && err.contains("--force"), "{err}");
        assert_eq!(fs::read_to_string(&file).unwrap(), foreign);
    }
    // Named, it is replaced; and so is a report of ours, of any version.
    let (code, _, err) = measure(folder.path(), &["--out", "report.json"]);
    assert_eq!((code, err.as_str()), (0, ""));
    let newer = fs::read_to_string(&file)
        .unwrap()
        .replacen("\"schema\": 1", "\"schema\": 2", 1);
    fs::write(&file, newer).unwrap();
    let (code, out, err) = measure(folder.path(), &[]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.ends_with("\nwrote report.json\n"), "{out}");
    fs::write(&file, "mine").unwrap();
    assert_eq!(measure(folder.path(), &["--force"]).0, 0);
    read(&file).unwrap();
    assert_eq!(entries(folder.path()), 1);
}

#[test]
fn targets_are_refused_before_the_run() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    for (out, expected, words) in [
        ("file/r.json", 1, "there is no folder file"),
        ("no/r.json", 1, "there is no folder no: create it first"),
        ("", 2, "a value is required for '--out <FILE>'"),
        ("/proc/r.json", 1, "/proc/r.json: cannot write"),
    ] {
        if cfg!(not(target_os = "linux")) && out.starts_with("/proc") {
            continue;
        }
        // Told before anything is looked for: the model is not there.
        let args = ["measure", "--model", "nowhere", "--out", out];
        let (code, shown, err) = text(&run(folder.path(), &args));
        assert_eq!((code, shown.as_str()), (expected, ""), "{out}: {err}");
        assert!(err.contains(words), "{out}: {err}");
        assert!(!err.contains("nowhere"), "{err}");
    }
    for args in [
        ["check", "--out", "no/c.json"],
        ["bench", "--record", "no/c.json"],
    ] {
        let (code, shown, err) = text(&run(folder.path(), &args));
        assert_eq!((code, shown.as_str()), (1, ""), "{err}");
        assert!(
            err.ends_with("there is no folder no: create it first\n"),
            "{err}"
        );
        assert_eq!(err.lines().count(), 1, "{err}");
    }
    assert_eq!(entries(folder.path()), 1);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_costs_the_file_and_not_the_table() {
    let folder = tempfile::tempdir().unwrap();
    let (code, out, err) = measure(folder.path(), &["--out", "/dev/full"]);
    assert_eq!(code, 1);
    assert!(out.contains("\nMIR ") && !out.contains("wrote"), "{out}");
    assert!(
        err.contains("/dev/full: cannot write: No space left"),
        "{err}"
    );
    assert_eq!(entries(folder.path()), 0);
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_written_to_and_links_stay() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("link.json");
    std::os::unix::fs::symlink("target.json", &link).unwrap();
    let (code, _, err) = measure(folder.path(), &["--out", "link.json"]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    let saved = read(&folder.path().join("target.json")).unwrap();
    for out in ["-", "/dev/stdout"] {
        let (code, shown, err) = measure(folder.path(), &["--out", out]);
        assert_eq!((code, err.as_str()), (0, ""));
        assert_eq!(parse(&shown, out).unwrap().model, saved.model);
    }
    let (code, out, _) = measure(folder.path(), &["--out", "/dev/null"]);
    assert_eq!(code, 0);
    assert!(out.contains("\nMIR "), "{out}");
    assert_eq!(entries(folder.path()), 2);
}

#[test]
fn show_writes_as_measure_does_and_reads_standard_input() {
    let folder = tempfile::tempdir().unwrap();
    let saved = folder.path().join("report.json");
    write(&report(), Format::Json, &saved).unwrap();
    let shown = |args: &[&str]| {
        let mut child = super::program(folder.path(), &[&["show"], args].concat());
        child.stdin(fs::File::open(&saved).unwrap());
        text(&child.output().unwrap())
    };
    let (code, from_file, _) = shown(&["report.json"]);
    assert_eq!(code, 0);
    assert_eq!(shown(&["-"]), (0, from_file, String::new()));
    let (code, csv, _) = shown(&["-", "--out", "-", "--json"]);
    assert_eq!((code, csv.starts_with('{')), (0, true));
    assert_eq!(
        shown(&["-", "--out", "r.csv"]),
        (0, "wrote r.csv\n".to_owned(), String::new())
    );
    let (code, _, err) = text(&run(folder.path(), &["show", "-"]));
    assert_eq!(code, 1);
    assert!(
        err.contains("standard input: expected a report of mirscope"),
        "{err}"
    );
    let (code, out, err) = shown(&["report.json", "--out", "no/r.svg"]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.contains("there is no folder no"), "{err}");
}
