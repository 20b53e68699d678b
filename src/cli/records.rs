//! `mirscope records`: the page about performance.

use crate::{
    platform::{FileError, native::Target},
    report::{performance_markdown, read_records},
};

use super::{args::Records, error::CliError, output::Output};

/// Writes the page from the stored records.
pub(crate) fn records(task: &Records, output: &Output) -> Result<(), CliError> {
    let page = performance_markdown(&read_records(&task.folder)?);
    let unwritable = |error: FileError| CliError::Input(error.to_string());
    let target = Target::at(&task.out).map_err(unwritable)?;
    target.write(page.as_bytes()).map_err(unwritable)?;
    output.wrote(&task.out)
}
