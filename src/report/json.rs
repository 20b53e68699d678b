//! Reports as JSON, and back.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Report, SCHEMA};

/// Why a report could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The file system refused.
    #[error("{file}: cannot {action}: {source}")]
    Io {
        /// The file.
        file: String,
        /// `read`, `write`, ...
        action: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// Not JSON, or not a report.
    #[error("{file}: expected a report of mirscope, found something else: {source}")]
    Parse {
        /// The file.
        file: String,
        /// Where and what.
        source: serde_json::Error,
    },
    /// A report of another layout.
    #[error(
        "{file}: expected a report with `schema` {SCHEMA}, found {found}: use the version of \
         mirscope that wrote it"
    )]
    Schema {
        /// The file.
        file: String,
        /// Its `schema`.
        found: u64,
    },
    /// JSON has no NaN and no infinity.
    #[error("the report's `{field}` is {value}, which JSON cannot hold: nothing was written")]
    NotFinite {
        /// Path of the field.
        field: String,
        /// NaN, inf or -inf.
        value: f64,
    },
}

/// Anything of this module's as indented JSON, with a newline at the end.
///
/// # Errors
/// [`ReportError::Parse`] where serde refuses, which plain data never causes.
pub fn to_json(value: &impl Serialize) -> Result<String, ReportError> {
    serde_json::to_string_pretty(value)
        .map(|json| json + "\n")
        .map_err(|source| ReportError::Parse {
            file: "report".to_owned(),
            source,
        })
}

impl Report {
    /// Refuses NaN and infinity, which JSON would silently turn into `null`.
    ///
    /// # Errors
    /// [`ReportError::NotFinite`] naming the first such field.
    pub fn check_finite(&self) -> Result<(), ReportError> {
        let overall = [
            ("mir", self.mir.unwrap_or(0.0)),
            ("norm_matched_mir", self.norm_matched_mir.unwrap_or(0.0)),
        ];
        let overall = overall.map(|(name, value)| (name.to_owned(), value));
        let layers = self.layers.iter().enumerate().flat_map(|(index, layer)| {
            [
                ("frechet", layer.frechet),
                ("location", layer.location),
                ("spread", layer.spread),
                ("shape", layer.shape),
                ("frechet_upper", layer.frechet_upper.unwrap_or(0.0)),
                ("frechet_norm_matched", layer.frechet_norm_matched),
                ("mean_norm_vision", layer.mean_norm_vision),
                ("mean_norm_text", layer.mean_norm_text),
            ]
            .map(|(name, value)| (format!("layers[{index}].{name}"), value))
        });
        let timings = self
            .timings
            .iter()
            .enumerate()
            .map(|(index, timing)| (format!("timings[{index}].seconds"), timing.seconds));
        match overall
            .into_iter()
            .chain(layers)
            .chain(timings)
            .find(|(_, value)| !value.is_finite())
        {
            Some((field, value)) => Err(ReportError::NotFinite { field, value }),
            None => Ok(()),
        }
    }
}

/// Reads a report from JSON text; `file` is its name in messages.
///
/// # Errors
/// [`ReportError::Schema`] for a report of another layout, told before anything else, and
/// [`ReportError::Parse`] for text that is no report.
pub fn parse(json: &str, file: &str) -> Result<Report, ReportError> {
    #[derive(Deserialize)]
    struct Head {
        schema: u64,
    }
    let parse_error = |source| ReportError::Parse {
        file: file.to_owned(),
        source,
    };
    let head: Head = serde_json::from_str(json).map_err(parse_error)?;
    if head.schema != u64::from(SCHEMA) {
        return Err(ReportError::Schema {
            file: file.to_owned(),
            found: head.schema,
        });
    }
    serde_json::from_str(json).map_err(parse_error)
}

/// Reads a report from a file.
///
/// # Errors
/// Those of [`parse`], and [`ReportError::Io`].
pub fn read(path: &Path) -> Result<Report, ReportError> {
    let file = path.display().to_string();
    let json = std::fs::read_to_string(path).map_err(|source| ReportError::Io {
        file: file.clone(),
        action: "read",
        source,
    })?;
    parse(&json, &file)
}
