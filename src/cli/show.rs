//! `mirscope show`.

use crate::report::{read, table};

use super::{args::Show, error::CliError, out::OutFile, output::Output};

/// Prints a report again, or writes it in another form.
pub(crate) fn show(task: &Show, quiet: bool, output: &Output) -> Result<(), CliError> {
    let target = task.out.as_deref().map(OutFile::named).transpose()?;
    let report = read(&task.report)?;
    let Some(target) = target else {
        return output.result(&report, task.json, |style| table(&report, style));
    };
    target.write(&report, output)?;
    if target.is_stdout() {
        Ok(())
    } else if task.json {
        output.result(&report, true, |_| String::new())
    } else if quiet {
        Ok(())
    } else {
        output.wrote(target.path())
    }
}
