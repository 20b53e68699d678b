//! Progress as lines, where no bar can be drawn: for logs.

use std::{io::IsTerminal, time::Instant};

use crate::{
    engine::{Event, Stage},
    words::printable,
};

use super::terminal::say;

/// Listens to a command and tells its notes on stderr; nothing if `quiet`.
pub(crate) fn notes(quiet: bool) -> impl FnMut(&Event) {
    move |event| {
        if let Event::Note(note) = event
            && !quiet
        {
            say(&format!("note: {}", printable(note)));
        }
    }
}

/// Listens to a command and tells on stderr its notes and what is begun, with the seconds so far; nothing
/// if `quiet`, and no more than the notes on a terminal, which has a bar.
pub(crate) fn lines(quiet: bool) -> impl FnMut(&Event) {
    let shown = !quiet && !std::io::stderr().is_terminal();
    let start = Instant::now();
    let mut last = String::new();
    let mut note = notes(quiet);
    move |event| {
        note(event);
        if let Event::Progress {
            stage,
            detail,
            unit,
            ..
        } = event
            && shown
        {
            // Layers and pairs go by too fast for lines.
            let what = match (unit.as_str(), detail.as_str()) {
                // Files of a hub.
                (_, detail) if *stage == Stage::Fetch && !detail.is_empty() => detail,
                ("checks" | "seconds", detail) if !detail.is_empty() => detail,
                _ => stage.words(),
            };
            if what != last {
                let seconds = start.elapsed().as_secs_f64();
                say(&format!("{seconds:7.1} s  {}", printable(what)));
                what.clone_into(&mut last);
            }
        }
    }
}
