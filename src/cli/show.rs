//! `mirscope show`.

use crate::report::{read, table, write};

use super::{args::Show, error::CliError, measure::check_target, output::Output};

/// Prints a report again, or writes it in another form.
pub(crate) fn show(task: &Show, quiet: bool, output: &Output) -> Result<(), CliError> {
    let target = match &task.out {
        Some(path) => Some((path, check_target(path)?)),
        None => None,
    };
    let report = read(&task.report)?;
    if let Some((path, format)) = target {
        write(&report, format, path)?;
        if !quiet && !task.json {
            return output.print(&format!("wrote {}\n", path.display()));
        }
        if !task.json {
            return Ok(());
        }
    }
    output.result(&report, task.json, |style| table(&report, style))
}
