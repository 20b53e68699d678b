//! A folder within a folder.

use std::{ops::Range, sync::Arc};

use super::ByteSource;
use crate::weights::SourceError;

/// The files of a folder below another source's.
pub struct BelowSource {
    whole: Arc<dyn ByteSource>,
    folder: String,
}

impl BelowSource {
    /// The folder `folder` of `whole`, by its path relative to it.
    pub fn new(whole: Arc<dyn ByteSource>, folder: impl Into<String>) -> Self {
        Self {
            whole,
            folder: folder.into(),
        }
    }

    fn path(&self, file: &str) -> String {
        format!("{}/{file}", self.folder)
    }
}

impl ByteSource for BelowSource {
    fn name(&self) -> String {
        format!("{}/{}", self.whole.name(), self.folder)
    }

    /// What lies in the folder is not listed: its files have names that are known.
    fn list(&self) -> Result<Vec<String>, SourceError> {
        Ok(Vec::new())
    }

    fn len(&self, file: &str) -> Result<Option<u64>, SourceError> {
        self.whole.len(&self.path(file))
    }

    fn read_range(&self, file: &str, range: Range<u64>) -> Result<Vec<u8>, SourceError> {
        self.whole.read_range(&self.path(file), range)
    }

    fn advice(&self, file: &str) -> String {
        self.whole.advice(&self.path(file))
    }
}
