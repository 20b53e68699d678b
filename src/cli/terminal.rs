//! What goes to stderr, whoever has something to say.

use std::{
    io::{self, Write},
    panic::{self, PanicHookInfo},
};

use crate::words::printable;

/// Says something on stderr; where nobody listens any more, nobody misses it.
pub(crate) fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

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
    let told = format!("mirscope stopped unexpectedly: {reason}{place}");
    format!("error: {}", printable(&told))
}
