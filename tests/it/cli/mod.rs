//! The program as a user meets it.

mod ask;
mod check;
#[cfg(unix)]
mod cookbook;
#[cfg(target_os = "linux")]
mod full_disk;
mod input;
mod inspect;
mod interrupt;
mod measure;
#[cfg(target_os = "linux")]
mod no_network;
mod passes;
mod pieces;
mod protocols;
mod recipe;
mod recorded;
mod refusals;
mod states;
mod study;
mod targets;
mod terminal;
mod unreadable;
mod usage;

use std::{
    path::Path,
    process::{Command, Output, Stdio},
};

/// The program, set up so that nothing of the caller's terminal shows through.
pub(crate) fn program(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mirscope"));
    command
        .args(args)
        .current_dir(folder)
        .env_remove("NO_COLOR")
        // Where it is not set a driver complains on stderr, unless the program sees to it.
        .env_remove("XDG_RUNTIME_DIR")
        .stdin(Stdio::null());
    command
}

/// Runs the program in `folder` to its end.
pub(crate) fn run(folder: &Path, args: &[&str]) -> Output {
    program(folder, args).output().unwrap()
}

/// Runs the program in an empty folder and returns exit code, stdout and stderr.
pub(crate) fn outcome(args: &[&str]) -> (i32, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), args);
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        0,
        "{args:?} left a file behind"
    );
    text(&output)
}

/// Exit code, stdout and stderr.
pub(crate) fn text(output: &Output) -> (i32, String, String) {
    (
        output.status.code().expect("no signal"),
        String::from_utf8(output.stdout.clone()).unwrap(),
        String::from_utf8(output.stderr.clone()).unwrap(),
    )
}
