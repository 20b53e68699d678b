//! Ctrl-C.

#![cfg(unix)]

use std::{
    fs,
    process::{Command, Stdio},
    thread::sleep,
    time::Instant,
};

use super::{outcome, program, text};

#[test]
fn a_run_stops_soon_and_leaves_nothing() {
    // What a short run takes on this machine, as busy as it is. The first one may compile kernels.
    let short = || {
        let since = Instant::now();
        let (code, _, err) = outcome(&["measure", "--json", "--num-pairs", "12"]);
        assert_eq!(code, 0, "{err}");
        since.elapsed()
    };
    let short = short().min(short());

    let folder = tempfile::tempdir().unwrap();
    // All pairs of the demo take several times as long, and half of the short run's time is in their midst.
    let child = program(folder.path(), &["measure"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    sleep(short / 2);
    let pid = child.id().to_string();
    let told = Command::new("kill").args(["-INT", &pid]).status().unwrap();
    assert!(told.success());
    let since = Instant::now();
    let (code, out, err) = text(&child.wait_with_output().unwrap());
    let stopping = since.elapsed();
    println!("stopped within {stopping:?}, a short run takes {short:?}");
    assert!(stopping < short, "{stopping:?}, {short:?}");
    assert_eq!((code, out.as_str()), (130, ""), "{err}");
    assert!(err.contains("cancelled, nothing was written"), "{err}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
