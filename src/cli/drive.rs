//! Drives the engine: progress while it works, Ctrl-C to cancel.

use std::sync::{Mutex, OnceLock, PoisonError};

use crate::{
    engine::{Command, Event, spawn},
    platform::{Cancel, native::remove_unfinished},
};

use super::{error::CliError, progress::Progress, terminal::say};

/// Carries out `command` and returns its last event, which is a result.
///
/// # Errors
/// [`CliError::Failed`] with the engine's sentence, [`CliError::Cancelled`] after Ctrl-C.
pub(crate) fn drive(command: Command, quiet: bool) -> Result<Event, CliError> {
    drive_with(command, quiet, |_| {})
}

/// As [`drive`]; `hear` gets every event.
pub(crate) fn drive_with(
    command: Command,
    quiet: bool,
    mut hear: impl FnMut(&Event),
) -> Result<Event, CliError> {
    let cancel = Cancel::default();
    cancel_on_interrupt(&cancel);
    let mut progress = Progress::new(quiet);
    let mut last = None;
    for event in spawn(command, cancel.clone())? {
        progress.show(&event);
        progress.aside(|| hear(&event));
        last = Some(event);
    }
    progress.clear();
    match last {
        Some(Event::Failed(reason)) => Err(CliError::Failed(reason)),
        Some(Event::Cancelled) => Err(CliError::Cancelled),
        Some(event) => Ok(event),
        None => Err(CliError::Failed("the engine gave no answer".to_owned())),
    }
}

/// The flag of the command under way.
static UNDER_WAY: OnceLock<Mutex<Cancel>> = OnceLock::new();

/// The first Ctrl-C sets `cancel`, the second ends the program at once.
fn cancel_on_interrupt(cancel: &Cancel) {
    if let Some(under_way) = UNDER_WAY.get() {
        *under_way.lock().unwrap_or_else(PoisonError::into_inner) = cancel.clone();
        return;
    }
    let under_way = UNDER_WAY.get_or_init(|| Mutex::new(cancel.clone()));
    // Where the system allows no handler, Ctrl-C still ends the program; reports are written whole
    // or not at all either way.
    let _ = ctrlc::set_handler(|| {
        let cancel = under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if cancel.is_cancelled() {
            remove_unfinished();
            std::process::exit(130);
        }
        cancel.cancel();
        say("\ncancelling; press Ctrl-C again to stop at once");
    });
}
