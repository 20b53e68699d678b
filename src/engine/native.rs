//! The engine on a thread of its own.

use std::{
    sync::mpsc::{Receiver, channel},
    thread::JoinHandle,
};

use super::{Command, EngineError, Event, run};
use crate::platform::{Cancel, native};

/// A command that is being carried out; iterate over it for its events.
///
/// The iteration ends after the one event for which [`Event::is_last`] holds. An engine that dies
/// on the way ends with [`Event::Failed`].
#[derive(Debug)]
pub struct Running {
    events: Receiver<Event>,
    thread: Option<JoinHandle<()>>,
    finished: bool,
}

/// Starts `command` on a thread of its own; `cancel` stops it between two submissions.
///
/// # Errors
/// [`EngineError::Thread`] where the system refuses a thread.
pub fn spawn(command: Command, cancel: Cancel) -> Result<Running, EngineError> {
    let (sender, events) = channel();
    let thread = native::spawn_thread("engine", move || {
        native::block_on(run(command, &cancel, &mut |event| {
            // Nobody listens any more: stop at the next check.
            if sender.send(event).is_err() {
                cancel.cancel();
            }
        }));
    })
    .map_err(|error| EngineError::Thread {
        reason: format!("could not start its thread: {error}"),
    })?;
    Ok(Running {
        events,
        thread: Some(thread),
        finished: false,
    })
}

impl Iterator for Running {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        if self.finished {
            return None;
        }
        let event = self.events.recv().unwrap_or_else(|_| {
            let reason = match self.thread.take().map(JoinHandle::join) {
                Some(Err(panic)) => panic_message(panic.as_ref()),
                _ => "it ended without a result".to_owned(),
            };
            Event::Failed(
                EngineError::Thread {
                    reason: format!("stopped unexpectedly: {reason}"),
                }
                .to_string(),
            )
        });
        self.finished = event.is_last();
        Some(event)
    }
}

/// What a panic said, on one line.
fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no reason given");
    text.lines().collect::<Vec<_>>().join(" ")
}
