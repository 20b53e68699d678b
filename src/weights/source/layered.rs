//! A folder some of whose files come from elsewhere.

use std::{ops::Range, sync::Arc};

use super::ByteSource;
use crate::weights::{SourceError, packed::Packed};

/// Files of one source, some of which another one has in their place.
pub struct LayeredSource {
    below: Arc<dyn ByteSource>,
    above: Arc<dyn ByteSource>,
    /// The files that only count above.
    names: Vec<String>,
}

impl LayeredSource {
    /// The files of `below`; those called so in `names` are taken from `above`, whether they are there
    /// or not.
    pub fn new(
        below: Arc<dyn ByteSource>,
        above: Arc<dyn ByteSource>,
        names: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        Self {
            below,
            above,
            names: names.into_iter().map(Into::into).collect(),
        }
    }

    fn of(&self, file: &str) -> &dyn ByteSource {
        match self.names.iter().any(|name| name == file) {
            true => &*self.above,
            false => &*self.below,
        }
    }
}

impl ByteSource for LayeredSource {
    fn name(&self) -> String {
        self.below.name()
    }

    fn list(&self) -> Result<Vec<String>, SourceError> {
        let mut names = self.below.list()?;
        names.retain(|name| !self.names.contains(name));
        let above = self.above.list()?.into_iter();
        names.extend(above.filter(|name| self.names.contains(name)));
        names.sort();
        Ok(names)
    }

    fn len(&self, file: &str) -> Result<Option<u64>, SourceError> {
        self.of(file).len(file)
    }

    fn read_range(&self, file: &str, range: Range<u64>) -> Result<Vec<u8>, SourceError> {
        self.of(file).read_range(file, range)
    }

    fn packed(&self) -> Option<&Packed> {
        self.below.packed()
    }

    fn advice(&self, file: &str) -> String {
        self.of(file).advice(file)
    }
}
