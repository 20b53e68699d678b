//! When the program's text has colors, and by which codes.

use std::io::{self, IsTerminal};

use clap::ValueEnum;

/// The escape codes that the program and clap's help use; no other reaches a terminal.
pub(crate) const STYLES: [&str; 7] = [
    "\u{1b}[0m",
    "\u{1b}[1m",
    "\u{1b}[2m",
    "\u{1b}[4m",
    "\u{1b}[31m",
    "\u{1b}[32m",
    "\u{1b}[33m",
];

/// When to use colors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    Always,
    Never,
}

/// Whether stderr gets colors.
pub(crate) fn stderr_has_color(color: ColorChoice) -> bool {
    has_color(color, io::stderr().is_terminal())
}

/// Whether a stream gets colors: as asked, else on a terminal that can and whose user does not object.
pub(crate) fn has_color(color: ColorChoice, terminal: bool) -> bool {
    let value = |name: &str| std::env::var_os(name).unwrap_or_default();
    match color {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => terminal && value("NO_COLOR").is_empty() && value("TERM") != "dumb",
    }
}
