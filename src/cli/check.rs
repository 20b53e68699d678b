//! `mirscope check` and `mirscope bench`.

use crate::{
    engine::Event,
    report::{bench_text, check_text, record_text},
};

use super::{
    args::Bench, check_args::Check, drive::drive_with, error::CliError, log, out::JsonFile,
    output::Output,
};

/// Checks the adapter, prints what was found, and fails where something is wrong.
pub(crate) fn check(task: &Check, quiet: bool, output: &Output) -> Result<(), CliError> {
    let out = JsonFile::tried(task.out.as_deref())?;
    match drive_with(task.command()?, quiet, log::lines(quiet))? {
        Event::Check(report) => {
            out.deliver(&*report, task.json, output, |style| {
                check_text(&report, style)
            })?;
            match report.ok {
                true => Ok(()),
                false => Err(CliError::Wrong(report.device.device.adapter.clone())),
            }
        }
        other => Err(CliError::unexpected(&other)),
    }
}

/// Times the adapter, and prints or records its speeds.
pub(crate) fn bench(task: &Bench, quiet: bool, output: &Output) -> Result<(), CliError> {
    let out = JsonFile::tried(task.record.as_deref())?;
    match drive_with(task.command(), quiet, log::lines(quiet))? {
        Event::Record(record) => out.deliver(&*record, task.json, output, |style| {
            record_text(&record, style)
        }),
        Event::Bench(bench) => output.result(&*bench, task.json, |style| bench_text(&bench, style)),
        other => Err(CliError::unexpected(&other)),
    }
}
