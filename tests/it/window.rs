//! The app's window on a display without a screen: it opens, measures, and closes by itself.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

/// Longer than this the window hangs: the visit takes seconds on a software adapter, more on a busy machine.
const PATIENCE: Duration = Duration::from_secs(900);

/// A display; gone when dropped.
struct Display(Child, String);

impl Display {
    /// None where Xvfb is not installed; `./dev test` installs it where it can.
    fn open() -> Option<Self> {
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", "1280x800x24"])
            .args(["-nolisten", "tcp"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let mut number = String::new();
        BufReader::new(server.stdout.take()?)
            .read_line(&mut number)
            .ok()?;
        Some(Self(server, format!(":{}", number.trim())))
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[test]
fn the_window_opens_measures_and_closes_cleanly() {
    let Some(display) = Display::open() else {
        eprintln!("skipped: Xvfb is not installed, without which no window can be tested");
        return;
    };
    let mut app = Command::new(env!("CARGO_BIN_EXE_mirscope"))
        .args(["app", "--run", "--num-pairs", "4", "--exit"])
        .env("DISPLAY", &display.1)
        .env_remove("WAYLAND_DISPLAY")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let began = Instant::now();
    let status = loop {
        if let Some(status) = app.try_wait().unwrap() {
            break status;
        }
        if began.elapsed() > PATIENCE {
            app.kill().ok();
            panic!("the window is still open after {PATIENCE:?}");
        }
        sleep(Duration::from_millis(100));
    };
    let mut said = String::new();
    std::io::Read::read_to_string(&mut app.stderr.take().unwrap(), &mut said).unwrap();
    assert!(
        status.success(),
        "the app ended with {status} and said: {said}"
    );
}
