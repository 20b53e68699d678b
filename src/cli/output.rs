//! What goes to stdout.

use std::io::{self, IsTerminal, Write};

use clap_complete::Shell;
use serde::Serialize;

use crate::report::{TextStyle, to_json};

use super::{args::ColorChoice, error::CliError};

/// Where results go, and in which style.
#[derive(Debug)]
pub(crate) struct Output {
    style: TextStyle,
}

impl Output {
    /// Stdout, in the style that suits it.
    pub(crate) fn new(color: ColorChoice) -> Self {
        let stdout = io::stdout();
        let width = stdout
            .is_terminal()
            .then(terminal_size::terminal_size)
            .flatten()
            .map(|(width, _)| usize::from(width.0));
        Self {
            style: TextStyle {
                width,
                color: has_color(color, stdout.is_terminal()),
            },
        }
    }

    /// Prints `value` as JSON, or as what `text` makes of it.
    pub(crate) fn result(
        &self,
        value: &impl Serialize,
        json: bool,
        text: impl FnOnce(TextStyle) -> String,
    ) -> Result<(), CliError> {
        if json {
            self.print(&to_json(value)?)
        } else {
            self.print(&text(self.style))
        }
    }

    /// Prints `text`, which ends its own lines; escape codes are taken out where they do not belong.
    pub(crate) fn print(&self, text: &str) -> Result<(), CliError> {
        let plain;
        let text = if self.style.color {
            text
        } else {
            plain = without_escapes(text);
            &plain
        };
        write(text.as_bytes())
    }

    /// Prints the completions of the whole command line for `shell`.
    pub(crate) fn completions(&self, shell: Shell) -> Result<(), CliError> {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut super::command(), "mirscope", &mut script);
        write(&script)
    }
}

fn write(bytes: &[u8]) -> Result<(), CliError> {
    let mut stdout = io::stdout().lock();
    stdout
        .write_all(bytes)
        .and_then(|()| stdout.flush())
        .map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => CliError::ClosedPipe,
            _ => CliError::Print(error),
        })
}

/// Whether stderr gets colors.
pub(crate) fn stderr_has_color(color: ColorChoice) -> bool {
    has_color(color, io::stderr().is_terminal())
}

fn has_color(color: ColorChoice, terminal: bool) -> bool {
    let unless = |name: &str| std::env::var_os(name).unwrap_or_default();
    match color {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => terminal && unless("NO_COLOR").is_empty() && unless("TERM") != "dumb",
    }
}

/// `text` without ANSI color codes.
fn without_escapes(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut parts = text.split("\u{1b}[");
    plain.push_str(parts.next().unwrap_or_default());
    for part in parts {
        plain.push_str(part.split_once('m').map_or(part, |(_, rest)| rest));
    }
    plain
}
