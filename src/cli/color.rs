//! When the program's text has colors, and by which codes.

use std::{
    ffi::OsString,
    io::{self, IsTerminal},
};

use clap::ValueEnum;

/// The escape codes of results and of clap's help; no other is let through where these are printed.
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

/// What `--color` asks for among arguments that could not be read otherwise.
pub(crate) fn asked(args: &[OsString]) -> ColorChoice {
    let args = args
        .iter()
        .map_while(|arg| arg.to_str().filter(|arg| *arg != "--"));
    let (mut asked, mut before) = (ColorChoice::Auto, "");
    for arg in args {
        let value = match before {
            "--color" => Some(arg),
            _ => arg.strip_prefix("--color="),
        };
        let known = value.and_then(|value| ColorChoice::from_str(value, false).ok());
        asked = known.unwrap_or(asked);
        before = arg;
    }
    asked
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors_are_as_asked_where_nothing_else_can_be_read() {
        for (args, expected) in [
            (
                &["mirscope", "--color=always", "oops"][..],
                ColorChoice::Always,
            ),
            (
                &["mirscope", "--color", "never", "oops"],
                ColorChoice::Never,
            ),
            (&["mirscope", "--color", "green"], ColorChoice::Auto),
            (&["mirscope", "--", "--color=never"], ColorChoice::Auto),
        ] {
            let args: Vec<OsString> = args.iter().map(Into::into).collect();
            assert_eq!(asked(&args), expected, "{args:?}");
        }
    }
}
