//! Reports as files, whole or not at all.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use super::{Report, ReportError, csv, html, svg, to_json};

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

/// Writes a report in `format`; a reader sees the old file or the whole new one, never a part.
///
/// The text goes to a new file beside `path`, which then takes its place. What is no regular file
/// (`/dev/null`, a pipe) is written to directly; a link's target is replaced, not the link.
///
/// # Errors
/// [`ReportError::NotFinite`] before anything is touched, [`ReportError::Io`] with the old file
/// intact and the new one removed.
pub fn write(report: &Report, format: Format, path: &Path) -> Result<(), ReportError> {
    report.check_finite()?;
    let text = match format {
        Format::Json => to_json(report)?,
        Format::Csv => csv(report),
        Format::Html => html(report)?,
        Format::Svg => svg(report),
    };
    replace(path, text.as_bytes()).map_err(|source| ReportError::Io {
        file: path.display().to_string(),
        action: "write",
        source,
    })
}

/// Writes a file; a reader sees the old one or the whole new one, never a part. As [`write`] does it.
///
/// # Errors
/// What the system says; the old file is intact then.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let target = match fs::metadata(path) {
        Ok(known) if known.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        Ok(known) if !known.is_file() => {
            return fs::OpenOptions::new()
                .write(true)
                .open(path)?
                .write_all(bytes);
        }
        Ok(_) => fs::canonicalize(path)?,
        Err(_) => path.to_owned(),
    };
    let (file, temporary) = create_beside(&target)?;
    let written = fill(file, bytes).and_then(|()| fs::rename(&temporary, &target));
    if written.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// A new file in the folder of `target`, so that the rename stays on one file system.
fn create_beside(target: &Path) -> io::Result<(fs::File, PathBuf)> {
    let name = target.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    for attempt in 0..100 {
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}-{attempt}.tmp", std::process::id()));
        let temporary = target.with_file_name(hidden);
        match fs::File::create_new(&temporary) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            result => return result.map(|file| (file, temporary)),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

fn fill(mut file: fs::File, bytes: &[u8]) -> io::Result<()> {
    file.write_all(bytes)?;
    file.sync_all()
}
