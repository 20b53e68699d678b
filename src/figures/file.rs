//! Reports as files, whole or not at all.

use std::path::Path;

use super::{html, svg};
use crate::report::{Report, ReportError, csv, to_json};

/// The form of a report's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The report itself, complete and readable again.
    Json,
    /// The layers, one a line.
    Csv,
    /// A page of its own: chart, table and settings.
    Html,
    /// The chart alone.
    Svg,
}

impl Format {
    /// The form that a file name's ending asks for; JSON without an ending, none for an unknown one.
    pub fn of(path: &Path) -> Option<Self> {
        let Some(extension) = path.extension() else {
            return Some(Self::Json);
        };
        match extension.to_string_lossy().to_ascii_lowercase().as_str() {
            "json" => Some(Self::Json),
            "csv" => Some(Self::Csv),
            "html" | "htm" => Some(Self::Html),
            "svg" => Some(Self::Svg),
            _ => None,
        }
    }
}

/// A report in `format`, as text.
///
/// # Errors
/// [`ReportError::NotFinite`] where a number cannot be written.
pub fn render(report: &Report, format: Format) -> Result<String, ReportError> {
    report.check_finite()?;
    match format {
        Format::Json => to_json(report),
        Format::Csv => Ok(csv(report)),
        Format::Html => html(report),
        Format::Svg => Ok(svg(report)),
    }
}

/// Writes a report in `format`; a reader sees the old file or the whole new one, never a part.
///
/// What is no regular file (`/dev/null`, a pipe) is written to directly; a link's target is replaced,
/// not the link.
///
/// # Errors
/// [`ReportError::NotFinite`] before anything is touched, [`ReportError::File`] with the old file
/// intact and the new one removed.
#[cfg(not(target_arch = "wasm32"))]
pub fn write(report: &Report, format: Format, path: &Path) -> Result<(), ReportError> {
    let text = render(report, format)?;
    crate::platform::native::Target::at(path)?.write(text.as_bytes())?;
    Ok(())
}
