//! `mirscope records`: the page about performance.

use std::path::PathBuf;

use clap::Args;

use crate::{
    platform::{FileError, native::Target},
    report::{performance_markdown, read_records},
};

use super::{error::CliError, output::Output};

/// Arguments of `records`.
#[derive(Debug, Args)]
pub(crate) struct Records {
    /// Where the records are
    #[arg(value_name = "FOLDER", default_value = "assets/records")]
    pub(crate) folder: PathBuf,
    /// Where the page goes
    #[arg(long, value_name = "FILE", default_value = "docs/performance.md")]
    pub(crate) out: PathBuf,
}

/// Writes the page from the stored records.
pub(crate) fn records(task: &Records, output: &Output) -> Result<(), CliError> {
    let page = performance_markdown(&read_records(&task.folder)?);
    let unwritable = |error: FileError| CliError::Input(error.to_string());
    let target = Target::at(&task.out).map_err(unwritable)?;
    target.write(page.as_bytes()).map_err(unwritable)?;
    output.wrote(&task.out)
}
