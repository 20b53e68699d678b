//! `measure --export-states` and `measure --states`.

use std::{fs, process::Command};

use mirscope::report::{Report, parse};

use super::{outcome, run, text};

fn report(json: &str) -> Report {
    parse(json, "report.json").unwrap()
}

#[test]
fn exported_states_are_measured_without_the_model() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let export = "measure --num-pairs 4 --export-states states.safetensors --out first.json";
    let args: Vec<&str> = export.split(' ').collect();
    let (code, out, err) = text(&run(folder.path(), &args));
    assert_eq!(code, 0, "{err}");
    assert!(
        out.ends_with("wrote states.safetensors\nwrote first.json\n"),
        "{out}"
    );

    let args = [
        "measure",
        "--states",
        "states.safetensors",
        "--out",
        "second.json",
    ];
    let (code, out, err) = text(&run(folder.path(), &args));
    assert_eq!(code, 0, "{err}");
    assert!(
        out.contains("held-out pairs, states in states.safetensors"),
        "{out}"
    );
    let read = |name: &str| report(&fs::read_to_string(at(name)).unwrap());
    let [first, second] = ["first.json", "second.json"].map(read);
    assert_eq!(first.mir, second.mir);
    assert_eq!(
        (&first.layers, &first.metrics),
        (&second.layers, &second.metrics)
    );
    assert_eq!((&first.model, &first.notes), (&second.model, &second.notes));

    // The report is like any other.
    let (code, shown, err) = text(&run(folder.path(), &["show", "second.json"]));
    assert_eq!(code, 0, "{err}");
    assert!(out.starts_with(shown.trim_end()), "{shown}");
    for form in ["both.html", "both.svg", "both.csv"] {
        let args = ["show", "first.json", "second.json", "--out", form];
        let (code, _, err) = text(&run(folder.path(), &args));
        assert_eq!(code, 0, "{err}");
    }

    let args = [
        "measure",
        "--states",
        "states.safetensors",
        "--json",
        "--definition",
        "official-fast",
    ];
    let (code, out, err) = text(&run(folder.path(), &args));
    assert_eq!(code, 0, "{err}");
    let fast = report(&out);
    assert!(
        fast.layers
            .last()
            .unwrap()
            .state
            .ends_with("after the final norm")
    );
}

#[test]
fn what_cannot_be_is_said_before_anything_runs() {
    let cases: [(&[&str], i32, &str); 6] = [
        (
            &["--export-states", "states.json"],
            2,
            "--export-states states.json: expected a name ending in .safetensors",
        ),
        (
            &["--export-states", "no/states.safetensors"],
            1,
            "there is no folder no: create it first",
        ),
        (
            &["--states", "none.safetensors"],
            1,
            "none.safetensors: expected a file of hidden states in safetensors format, found nothing there",
        ),
        (
            &["--states", "a.safetensors", "--model", "m"],
            2,
            "cannot be used with",
        ),
        (
            &["--states", "a.safetensors", "--pairs", "p"],
            2,
            "cannot be used with",
        ),
        (
            &[
                "--states",
                "a.safetensors",
                "--export-states",
                "b.safetensors",
            ],
            2,
            "cannot be used with",
        ),
    ];
    for (args, code, words) in cases {
        let args = [&["measure", "--json"], args].concat();
        let (found, out, err) = outcome(&args);
        assert_eq!((found, out.as_str()), (code, ""), "{args:?}: {err}");
        assert!(err.contains(words), "{err}");
    }
}

/// The second Ctrl-C ends the program wherever it is; not even then is a part of the file left.
#[cfg(unix)]
#[test]
fn two_interrupts_leave_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let args = ["measure", "--json", "--export-states", "states.safetensors"];
    let mut child = super::program(folder.path(), &args)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let files = || fs::read_dir(folder.path()).unwrap().count();
    // Tried at the beginning, then begun when the pairs are prepared.
    let begun = || {
        fs::read_dir(folder.path())
            .unwrap()
            .flatten()
            .any(|entry| entry.metadata().is_ok_and(|metadata| metadata.len() > 0))
    };
    while !begun() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    let pid = child.id().to_string();
    for _ in 0..2 {
        let _ = Command::new("kill").args(["-INT", &pid]).status();
    }
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(files(), 0);
}
