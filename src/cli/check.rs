//! `mirscope check`.

use std::path::Path;

use serde::Serialize;

use crate::{
    engine::Event,
    report::{check_text, replace_file, to_json},
};

use super::{args::Check, drive::drive_with, error::CliError, log, output::Output};

/// Checks the adapter, prints what was found, and fails where something is wrong.
pub(crate) fn check(task: &Check, quiet: bool, output: &Output) -> Result<(), CliError> {
    match drive_with(task.command(), quiet, log::lines(quiet))? {
        Event::Check(report) => {
            if let Some(path) = &task.out {
                write_json(path, &*report)?;
            }
            output.result(&*report, task.json, |style| check_text(&report, style))?;
            match report.ok {
                true => Ok(()),
                false => Err(CliError::Wrong(report.device.device.adapter.clone())),
            }
        }
        other => Err(CliError::unexpected(&other)),
    }
}

/// Writes `value` as JSON, whole or not at all.
pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), CliError> {
    write(path, to_json(value)?.as_bytes())
}

/// Writes a file, whole or not at all.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    let unwritable = |error| CliError::Input(format!("{}: {error}", path.display()));
    replace_file(path, bytes).map_err(unwritable)
}
