//! Ctrl-C.

#![cfg(unix)]

use std::{
    fs,
    process::{Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use super::{program, text};

/// It takes well under a second; the rest is for machines that do something else meanwhile.
const SOON: Duration = Duration::from_secs(10);

#[test]
fn a_run_stops_soon_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    // All pairs of the demo: far more than the time waited here.
    let child = program(folder.path(), &["measure"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    sleep(Duration::from_millis(1500));
    let pid = child.id().to_string();
    let told = Command::new("kill").args(["-INT", &pid]).status().unwrap();
    assert!(told.success());
    let since = Instant::now();
    let (code, out, err) = text(&child.wait_with_output().unwrap());
    assert!(since.elapsed() < SOON, "{:?}", since.elapsed());
    assert_eq!((code, out.as_str()), (130, ""), "{err}");
    assert!(err.contains("cancelled, nothing was written"), "{err}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
