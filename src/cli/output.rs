//! What goes to stdout.

use std::{
    io::{self, IsTerminal, Write},
    path::Path,
};

use clap::builder::StyledStr;
use clap_complete::Shell;
use serde::Serialize;

use crate::{
    report::{TextStyle, to_json},
    words::{printable, printable_json, printable_lines},
};

use super::{
    color::{ColorChoice, STYLES, has_color},
    error::CliError,
};

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
            self.json(&to_json(value)?)
        } else {
            self.print(&text(self.style))
        }
    }

    /// Prints `text`, which ends its own lines and has put names from elsewhere through
    /// [`crate::words::printable`]; what it forgot is escaped here.
    pub(crate) fn print(&self, text: &str) -> Result<(), CliError> {
        let styles: &[&str] = if self.style.color { &STYLES } else { &[] };
        write(printable_lines(text, styles).as_bytes())
    }

    /// Prints clap's help.
    pub(crate) fn help(&self, help: &StyledStr) -> Result<(), CliError> {
        match self.style.color {
            true => self.print(&help.ansi().to_string()),
            false => self.print(&help.to_string()),
        }
    }

    /// Says which file was written.
    pub(crate) fn wrote(&self, path: &Path) -> Result<(), CliError> {
        let path = path.display().to_string();
        self.print(&format!("wrote {}\n", printable(&path)))
    }

    /// Prints JSON; a terminal shows it as it is.
    pub(crate) fn json(&self, json: &str) -> Result<(), CliError> {
        write(printable_json(json).as_bytes())
    }

    /// Prints the completions of `command` for `shell`.
    pub(crate) fn completions(
        &self,
        shell: Shell,
        mut command: clap::Command,
    ) -> Result<(), CliError> {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut command, "mirscope", &mut script);
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
