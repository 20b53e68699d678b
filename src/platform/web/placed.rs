//! A page writes no files by their paths.

use std::{convert::Infallible, path::Path};

use crate::platform::FileError;

/// A file that is written part by part, of which a page has none.
#[derive(Debug)]
pub struct PlacedFile(Infallible);

impl PlacedFile {
    /// As natively.
    ///
    /// # Errors
    /// Always.
    pub fn begin(path: &Path) -> Result<Self, FileError> {
        let reason = "cannot write: a web page cannot open paths";
        Err(FileError::new(path.display().to_string(), reason))
    }

    /// As natively.
    ///
    /// # Errors
    /// Always.
    pub fn resume(path: &Path) -> Result<Self, FileError> {
        Self::begin(path)
    }

    /// As natively.
    pub fn keep(&mut self, _: bool) {
        match self.0 {}
    }

    /// As natively.
    pub fn under_way(&self) -> &Path {
        match self.0 {}
    }

    /// As natively.
    ///
    /// # Errors
    /// Never: there is no such file.
    pub fn size(&self) -> Result<u64, FileError> {
        match self.0 {}
    }

    /// As natively.
    ///
    /// # Errors
    /// Never: there is no such file.
    pub fn reset(&mut self, _: u64) -> Result<(), FileError> {
        match self.0 {}
    }

    /// As natively.
    ///
    /// # Errors
    /// Never: there is no such file.
    pub fn read_at(&mut self, _: u64, _: &mut [u8]) -> Result<(), FileError> {
        match self.0 {}
    }

    /// As natively.
    ///
    /// # Errors
    /// Never: there is no such file.
    pub fn write_at(&mut self, _: u64, _: &[u8]) -> Result<(), FileError> {
        match self.0 {}
    }

    /// As natively.
    ///
    /// # Errors
    /// Never: there is no such file.
    pub fn finish(self) -> Result<(), FileError> {
        match self.0 {}
    }
}
