//! Help, usage errors, exit codes, pipes.

use std::{io::Read, process::Stdio};

use mirscope::figures::{Format, write};

use super::{outcome, program, run, text};
use crate::report::report;

#[test]
fn no_arguments_print_help() {
    let (code, out, err) = outcome(&[]);
    assert_eq!((code, err.as_str()), (0, ""));
    for task in ["measure", "inspect", "adapters", "bench", "completions"] {
        assert!(out.contains(task), "{out}");
    }
    assert!(!out.contains('\u{1b}'), "{out}");
}

#[test]
fn help_and_version_go_to_stdout() {
    for args in [
        &["--help"][..],
        &["measure", "--help"],
        &["inspect", "-h"],
        &["--version"],
        &["bench", "--version"],
    ] {
        let (code, out, err) = outcome(args);
        assert_eq!((code, err.as_str()), (0, ""), "{args:?}");
        assert!(!out.is_empty());
    }
    for args in [
        &["--version"][..],
        &["-V"],
        &["measure", "--version"],
        &["show", "-V"],
    ] {
        let version = format!("mirscope {}\n", env!("CARGO_PKG_VERSION"));
        assert_eq!(outcome(args), (0, version, String::new()), "{args:?}");
    }
    let (_, out, _) = outcome(&["measure", "--help"]);
    assert!(
        out.contains("Examples:") && out.contains("Exit codes:"),
        "{out}"
    );
}

#[test]
fn wrong_usage_exits_with_2_and_says_why() {
    for (args, reason) in [
        (&["frobnicate"][..], "frobnicate"),
        (&["measure", "--images", "a.png"], "--texts"),
        (&["measure", "--texts", "a.txt"], "--images"),
        (
            &["measure", "--pairs", "p", "--images", "a", "--texts", "b"],
            "cannot be used with",
        ),
        (
            &["measure", "--model", "m", "--connector", "untrained"],
            "cannot be used with",
        ),
        (&["measure", "--num-pairs", "0"], "--num-pairs"),
        (
            &["measure", "--num-pairs", "0"],
            "a whole number of pairs, 1 or more",
        ),
        (&["study", ".", "--num-pairs", "-1"], "1 or more"),
        (&["measure", "--seed", "x"], "--seed"),
        (&["measure", "--seed", "x"], "a whole number from 0 to"),
        (&["measure", "--definition", "fast"], "official-fast"),
        (&["measure", "--kernel", "cuda"], "tiled"),
        (&["measure", "--memory-budget", "lots"], "512MiB"),
        (&["measure", "--out", "report.xlsx"], ".csv"),
        (&["measure", "--out", "."], "found a folder"),
        (
            &[
                "measure",
                "--definition",
                "official-fast",
                "--text-mask",
                "content",
            ],
            "reproduces the released script",
        ),
        (
            &[
                "measure",
                "--definition",
                "official-accurate",
                "--text-mask",
                "content",
            ],
            "reproduces the released script",
        ),
    ] {
        let (code, out, err) = outcome(args);
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}: {err}");
        assert!(err.contains(reason), "{args:?}: {err}");
        assert!(err.contains("--help"), "{args:?}: {err}");
    }
}

#[test]
fn colors_only_where_asked_for() {
    let colored = |args: &[&str]| {
        let (_, out, err) = outcome(args);
        (out + &err).contains('\u{1b}')
    };
    assert!(!colored(&["show", "none.json"]));
    assert!(colored(&["show", "none.json", "--color", "always"]));
    assert!(!colored(&["show", "none.json", "--color", "never"]));
    assert!(colored(&["--color", "always"]));
}

#[test]
fn completions_are_scripts() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let (code, out, _) = outcome(&["completions", shell]);
        assert_eq!(code, 0);
        assert!(out.contains("memory-budget"), "{shell}");
    }
}

#[test]
fn show_prints_and_converts() {
    let folder = tempfile::tempdir().unwrap();
    let saved = folder.path().join("report.json");
    write(&report(), Format::Json, &saved).unwrap();
    let (code, out, err) = text(&run(folder.path(), &["show", "report.json"]));
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.contains("MIR           3.004"), "{out}");
    let (code, out, _) = text(&run(folder.path(), &["show", "report.json", "--json"]));
    assert_eq!(code, 0);
    assert_eq!(out, std::fs::read_to_string(&saved).unwrap());
    let (code, out, _) = text(&run(
        folder.path(),
        &["show", "report.json", "--out", "r.svg"],
    ));
    assert_eq!((code, out.as_str()), (0, "wrote r.svg\n"));
    assert!(folder.path().join("r.svg").is_file());
    let (code, out, err) = text(&run(folder.path(), &["show", "r.svg"]));
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(
        err.contains("r.svg: expected a report of mirscope"),
        "{err}"
    );
}

#[test]
fn show_puts_several_beside_each_other() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.json", "b.json", "deeper/a.json"] {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        write(&report(), Format::Json, &path).unwrap();
    }
    let show = |args: &[&str]| text(&run(folder.path(), &[&["show"], args].concat()));
    let (code, out, err) = show(&["a.json", "b.json"]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(
        out.contains("less the first") && out.contains("+0.0000"),
        "{out}"
    );
    let (_, out, _) = show(&["a.json", "deeper/a.json"]);
    assert!(out.contains("deeper/a.json"), "one name, two files: {out}");
    let (code, out, _) = show(&["a.json", "b.json", "--json"]);
    assert_eq!(code, 0);
    let parsed: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(parsed[1]["difference"]["value"], 0.0);
    for ending in ["md", "tex", "csv", "svg", "html", "json"] {
        let name = format!("t.{ending}");
        let (code, out, _) = show(&["a.json", "b.json", "--out", &name]);
        assert_eq!((code, out), (0, format!("wrote {name}\n")));
        let written = std::fs::read_to_string(folder.path().join(&name)).unwrap();
        assert!(
            written.contains("norm-matched") || ending == "svg",
            "{name}: {written}"
        );
    }
    let (code, _, err) = show(&["a.json", "b.json", "--out", "t.pdf"]);
    assert!(code == 2 && err.contains(".tex"), "{code}: {err}");
    let (code, out, err) = show(&["a.json", "none.json"]);
    assert!(
        code == 1 && out.is_empty() && err.contains("none.json"),
        "{code}: {err}"
    );
}

#[test]
fn a_closed_pipe_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let mut long = report();
    // More than a pipe holds.
    long.notes = vec!["a long note ".repeat(100); 1000];
    write(&long, Format::Json, &folder.path().join("report.json")).unwrap();
    let mut child = program(folder.path(), &["show", "report.json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 16];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let (code, _, err) = text(&child.wait_with_output().unwrap());
    assert_eq!((code, err.as_str()), (0, ""));
}
