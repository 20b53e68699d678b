//! The file that a result goes to: known to be good before the work begins.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::{
    figures::{Format, render},
    platform::native::{Target, read_text},
    report::{Report, TextStyle, is_report, to_json},
};

use super::{error::CliError, output::Output};

/// Where the report goes unless the user says otherwise.
const DEFAULT: &str = "report.json";

/// Largest file that is looked into before it is replaced.
const LARGEST: u64 = 64 << 20;

/// A report's file to be.
#[derive(Debug)]
pub(crate) struct OutFile {
    path: PathBuf,
    format: Format,
    target: Target,
    /// Whether what is there and no report of ours stays.
    spares: bool,
}

impl OutFile {
    /// The file that the user named: whatever it holds is replaced.
    ///
    /// # Errors
    /// [`CliError::Usage`] where its name says no form or is a folder's, [`CliError::Input`] where it
    /// cannot be written.
    pub(crate) fn named(path: &Path) -> Result<Self, CliError> {
        let format = Format::of(path).ok_or_else(|| {
            CliError::Usage(format!(
                "--out {}: expected a name ending in .json, .csv, .html or .svg",
                path.display()
            ))
        })?;
        if path.is_dir() {
            return Err(CliError::Usage(format!(
                "--out {}: expected a file, found a folder",
                path.display()
            )));
        }
        Self::tried(path, format, false)
    }

    /// `report.json` in the current folder. A file that mirscope did not write stays, unless `force`.
    ///
    /// # Errors
    /// [`CliError::Input`].
    pub(crate) fn usual(force: bool) -> Result<Self, CliError> {
        let tried = Self::tried(Path::new(DEFAULT), Format::Json, !force);
        tried.map_err(|error| {
            CliError::Input(format!(
                "{error}; name another file with --out, or have the report printed with --json"
            ))
        })
    }

    fn tried(path: &Path, format: Format, spares: bool) -> Result<Self, CliError> {
        let target = Target::at(path).map_err(|error| CliError::Input(error.to_string()))?;
        let file = Self {
            path: path.to_owned(),
            format,
            target,
            spares,
        };
        file.spare()?;
        file.target
            .check()
            .map_err(|error| CliError::Input(error.to_string()))?;
        Ok(file)
    }

    /// Fails where something else would be lost.
    fn spare(&self) -> Result<(), CliError> {
        if !self.spares || !self.path.is_file() {
            return Ok(());
        }
        match read_text(&self.path, LARGEST) {
            Ok((_, text)) if is_report(&text) => Ok(()),
            _ => Err(CliError::Input(format!(
                "{}: there is a file of this name that is no report of mirscope and stays as it is; \
                 replace it with --force",
                self.path.display()
            ))),
        }
    }

    /// Whether it is stdout, where nothing else belongs then.
    pub(crate) fn is_stdout(&self) -> bool {
        self.target.is_stdout()
    }

    /// What it is called.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the report.
    ///
    /// # Errors
    /// A number that no file can hold, or what the system says.
    pub(crate) fn write(&self, report: &Report, output: &Output) -> Result<(), CliError> {
        self.spare()?;
        let text = render(report, self.format)?;
        if self.is_stdout() {
            // Its name has no ending that asks for another form.
            return output.json(&text);
        }
        self.target
            .write(text.as_bytes())
            .map_err(|error| CliError::Input(error.to_string()))
    }
}

/// A file of JSON beside what is printed, or none.
#[derive(Debug)]
pub(crate) struct JsonFile(Option<Target>);

impl JsonFile {
    /// The file at `path`, if one is named.
    ///
    /// # Errors
    /// [`CliError::Input`] where it cannot be written.
    pub(crate) fn tried(path: Option<&Path>) -> Result<Self, CliError> {
        let target = path.map(|path| {
            let target = Target::at(path)?;
            target.check().map(|()| target)
        });
        let target = target.transpose();
        Ok(Self(
            target.map_err(|error| CliError::Input(error.to_string()))?,
        ))
    }

    /// Writes `value`, and prints it all the same where that fails.
    ///
    /// # Errors
    /// What the system says about the file, or else about stdout.
    pub(crate) fn deliver(
        &self,
        value: &impl Serialize,
        json: bool,
        output: &Output,
        text: impl FnOnce(TextStyle) -> String,
    ) -> Result<(), CliError> {
        let Some(target) = &self.0 else {
            return output.result(value, json, text);
        };
        let content = to_json(value)?;
        if target.is_stdout() {
            return output.json(&content);
        }
        let written = target.write(content.as_bytes());
        let shown = output.result(value, json, text);
        written.map_err(|error| CliError::Input(error.to_string()))?;
        shown
    }
}
