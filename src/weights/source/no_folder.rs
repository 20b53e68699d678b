//! Folders where there are none: a web page gets its files in memory.

use std::ops::Range;

use super::ByteSource;
use crate::weights::error::SourceError;

/// A folder on disk; a page has none, so that opening one fails there.
#[derive(Clone, Debug)]
pub struct FolderSource {
    never: std::convert::Infallible,
}

impl FolderSource {
    /// Always an error: a page cannot see folders.
    ///
    /// # Errors
    /// Always.
    pub fn open(path: impl Into<std::path::PathBuf>) -> Result<Self, SourceError> {
        Err(SourceError::new(
            path.into().display().to_string(),
            "a web page cannot open folders; hand over the files instead",
        ))
    }
}

impl ByteSource for FolderSource {
    fn name(&self) -> String {
        match self.never {}
    }

    fn list(&self) -> Result<Vec<String>, SourceError> {
        match self.never {}
    }

    fn len(&self, _: &str) -> Result<Option<u64>, SourceError> {
        match self.never {}
    }

    fn read_range(&self, _: &str, _: Range<u64>) -> Result<Vec<u8>, SourceError> {
        match self.never {}
    }
}
