//! Why a study or its results cannot be used.

use super::STUDY_SCHEMA;
use crate::platform::FileError;

/// Why a study or its results cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StudyError {
    /// A file that cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// Not JSON, or something else than a study.
    #[error("{file}: expected {expected}, found something else{place}: {source}")]
    Parse {
        /// The file.
        file: String,
        /// `a study of checkpoints` or `results of a study`.
        expected: &'static str,
        /// ` in ` and the field's path; empty where it is none.
        place: String,
        /// Where and what.
        source: serde_json::Error,
    },
    /// Of another layout.
    #[error(
        "{file}: expected {expected} with `schema` {STUDY_SCHEMA}, found {found}: use the version \
         of mirscope that goes with it"
    )]
    Schema {
        /// The file.
        file: String,
        /// As in [`StudyError::Parse`].
        expected: &'static str,
        /// Its `schema`.
        found: u64,
    },
    /// A field that says something impossible.
    #[error("{file}: {field}: {reason}")]
    Field {
        /// The file.
        file: String,
        /// Path of the field, for example `claims[3].variants`.
        field: String,
        /// Expected and found.
        reason: String,
    },
    /// JSON has no NaN and no infinity.
    #[error("the results' `{field}` is {value}, which JSON cannot hold: nothing was written")]
    NotFinite {
        /// Path of the field.
        field: String,
        /// NaN, inf or -inf.
        value: f64,
    },
}
