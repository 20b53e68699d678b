//! What clap has to say instead of going on.

use std::io::{self, Write};

use clap::error::{ContextValue, ErrorKind};

use super::{
    color::{ColorChoice, STYLES, stderr_has_color},
    output::Output,
};
use crate::words::{printable, printable_lines};

/// Prints what clap has to say instead of going on: help and version, or what is wrong with the arguments.
/// Returns the program's exit code.
pub(crate) fn print_usage(mut error: clap::Error, color: ColorChoice) -> u8 {
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
            Output::new(color).print(&version)
        }
        _ if error.use_stderr() => {
            let text = match stderr_has_color(color) {
                true => error.render().ansi().to_string(),
                false => error.render().to_string(),
            };
            let _ = io::stderr().write_all(printable_lines(&text, &STYLES).as_bytes());
            Ok(())
        }
        _ => Output::new(color).help(&error.render()),
    };
    match printed {
        Ok(()) => u8::try_from(error.exit_code()).unwrap_or(2),
        Err(error) => {
            error.tell(color);
            error.exit_code()
        }
    }
}
