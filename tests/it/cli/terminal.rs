//! What reaches a terminal: no control character from outside, and nothing of a driver or a library.

use mirscope::figures::{Format, write};

use super::{outcome, run, text};
use crate::report::report;

const EVIL: &str = "a\u{1b}]0;x\u{7}\u{9b}2J\u{202e}b\nerror: c";

fn is_hidden(letter: char) -> bool {
    letter.is_control() && letter != '\n' || letter == '\u{202e}'
}

#[cfg(unix)]
#[test]
fn names_of_files_are_shown_and_not_obeyed() {
    for args in [
        &["show", EVIL][..],
        &["show", EVIL, "a"],
        &["measure", "--model", EVIL],
        &["measure", "--pairs", EVIL],
        &["measure", "--out", &format!("{EVIL}/r.json")],
        &["inspect", EVIL],
        &["study", EVIL],
        &["measure", "--connector", EVIL],
    ] {
        let (code, out, err) = outcome(args);
        assert_eq!((code, out.as_str()), (1, ""), "{err}");
        assert!(!err.contains(is_hidden), "{err:?}");
        assert_eq!(err.lines().count(), 1, "{err}");
        assert!(
            err.contains("a\\u{1b}]0;x\\u{7}\\u{9b}2J\\u{202e}b\\nerror: c"),
            "{err}"
        );
    }
    for args in [
        &[EVIL][..],
        &["completions", EVIL],
        &["measure", "--seed", EVIL],
    ] {
        let (code, out, err) = outcome(args);
        assert_eq!((code, out.as_str()), (2, ""), "{err}");
        assert!(!err.contains(is_hidden), "{err:?}");
        assert!(!err.contains("\nerror: c"), "{err}");
    }
}

#[test]
fn a_report_is_shown_and_not_obeyed() {
    let folder = tempfile::tempdir().unwrap();
    let mut spoiled = report();
    spoiled.model.name = EVIL.to_owned();
    spoiled.notes = vec![EVIL.to_owned()];
    write(&spoiled, Format::Json, &folder.path().join("r.json")).unwrap();
    for args in [&["show", "r.json"][..], &["show", "r.json", "--json"]] {
        let (code, out, err) = text(&run(folder.path(), args));
        assert_eq!((code, err.as_str()), (0, ""));
        assert!(!out.contains(is_hidden), "{out:?}");
    }
    let (_, json, _) = text(&run(folder.path(), &["show", "r.json", "--json"]));
    assert_eq!(mirscope::report::parse(&json, "stdout").unwrap(), spoiled);
}

/// The program's environment has no XDG_RUNTIME_DIR, at which Mesa's drivers complain.
#[test]
fn drivers_are_quiet() {
    let folder = tempfile::tempdir().unwrap();
    for value in [None, Some(""), Some("relative")] {
        let mut command = super::program(folder.path(), &["adapters"]);
        if let Some(value) = value {
            command.env("XDG_RUNTIME_DIR", value);
        }
        let (code, _, err) = text(&command.output().unwrap());
        assert_eq!((code, err.as_str()), (0, ""));
    }
}

#[cfg(all(feature = "app", target_os = "linux"))]
#[test]
fn a_missing_display_is_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    for display in [None, Some(":7654")] {
        let mut command = super::program(folder.path(), &["app"]);
        for name in ["DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET"] {
            command.env_remove(name);
        }
        command.envs(display.map(|display| ("DISPLAY", display)));
        let (code, out, err) = text(&command.output().unwrap());
        assert_eq!((code, out.as_str()), (1, ""), "{err}");
        assert!(
            err.starts_with("error: the window could not be opened: "),
            "{err}"
        );
        assert!(!err.contains(".rs") && err.lines().count() == 1, "{err}");
    }
}
