//! What goes to stderr, whoever has something to say.

use std::{
    io::{self, IsTerminal, Write},
    panic::{self, PanicHookInfo},
};

use clap::error::{ContextValue, ErrorKind};

use super::{args::ColorChoice, error::CliError, output::Output};
use crate::words::{printable, printable_lines};

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

/// Says something on stderr; where nobody listens any more, nobody misses it.
pub(crate) fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Prints what clap has to say instead of going on: help and version, or what is wrong with the arguments.
/// Returns the program's exit code.
pub(crate) fn print_usage(mut error: clap::Error) -> u8 {
    // An argument may be a file's name that a shell put in.
    let context: Vec<_> = (error.context())
        .filter_map(|(kind, value)| {
            let shown = match value {
                ContextValue::String(text) => ContextValue::String(printable(text).into()),
                ContextValue::Strings(texts) => {
                    let texts = texts.iter().map(|text| printable(text).into());
                    ContextValue::Strings(texts.collect())
                }
                _ => return None,
            };
            Some((kind, shown))
        })
        .collect();
    for (kind, value) in context {
        error.insert(kind, value);
    }
    let printed = match error.kind() {
        // Of every command: the version is the program's.
        ErrorKind::DisplayVersion => {
            let version = format!("mirscope {}\n", env!("CARGO_PKG_VERSION"));
            Output::new(ColorChoice::Auto).print(&version)
        }
        _ if error.use_stderr() => {
            let text = match stderr_has_color(ColorChoice::Auto) {
                true => error.render().ansi().to_string(),
                false => error.render().to_string(),
            };
            let _ = io::stderr().write_all(printable_lines(&text, &STYLES).as_bytes());
            Ok(())
        }
        _ => Output::new(ColorChoice::Auto).help(&error.render()),
    };
    match printed {
        Ok(()) => u8::try_from(error.exit_code()).unwrap_or(2),
        Err(error) => {
            error.tell(ColorChoice::Auto);
            error.exit_code()
        }
    }
}

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

/// One sentence for a fault of ours, without a library's source paths. The engine's thread says nothing:
/// what it panicked with is told as the reason why the command failed.
pub(crate) fn tell_panics() {
    panic::set_hook(Box::new(|info| {
        if std::thread::current().name() != Some("engine") {
            say(&told(info));
        }
    }));
}

fn told(info: &PanicHookInfo<'_>) -> String {
    let reason = info.payload_as_str().unwrap_or("no reason given");
    let place = match info.location() {
        Some(place) if place.file().starts_with("src/") => {
            format!(" ({}:{})", place.file(), place.line())
        }
        _ => String::new(),
    };
    let error = CliError::Failed(format!("mirscope stopped unexpectedly: {reason}{place}"));
    format!("error: {}", printable(&error.to_string()))
}
