//! Where the bytes of a checkpoint come from.

use std::{borrow::Cow, collections::BTreeMap, ops::Range, sync::Arc};

use super::{error::SourceError, packed::Packed};

mod below;
#[cfg(not(target_arch = "wasm32"))]
mod folder;
#[cfg(target_arch = "wasm32")]
#[path = "no_folder.rs"]
mod folder;
mod layered;
pub(crate) mod path;
mod picked;
pub(crate) mod stand_in;

pub use below::BelowSource;
pub use folder::FolderSource;
pub use layered::LayeredSource;
pub use picked::PickedSource;

/// The files of a checkpoint folder, by their paths relative to it. Weights are read by range, never
/// as a whole. A path may lead out of the folder where an index of shards says so.
pub trait ByteSource: Send + Sync {
    /// Name of the source for messages, for example the folder's path.
    fn name(&self) -> String;

    /// Names of the files in the folder itself, sorted.
    ///
    /// # Errors
    /// The folder cannot be listed.
    fn list(&self) -> Result<Vec<String>, SourceError>;

    /// The folders below this one, by their paths relative to it, that hold a file of this name; as
    /// far as they can be found without a long search.
    fn folders_with(&self, _name: &str) -> Vec<String> {
        Vec::new()
    }

    /// Length of a file in bytes, `None` where there is no such file.
    ///
    /// # Errors
    /// The file is there but cannot be looked at.
    fn len(&self, file: &str) -> Result<Option<u64>, SourceError>;

    /// The bytes `range` of a file.
    ///
    /// # Errors
    /// There is no such file, it is shorter than the range's end, or it cannot be read.
    fn read_range(&self, file: &str, range: Range<u64>) -> Result<Vec<u8>, SourceError>;

    /// What the source is made of where one file holds a whole checkpoint; none where it is a folder.
    fn packed(&self) -> Option<&Packed> {
        None
    }

    /// What to do where `file`, which lies outside the folder, is not there; a clause.
    fn advice(&self, file: &str) -> String {
        format!("put it at {file} as seen from the checkpoint folder")
    }

    /// A whole file; for small ones.
    ///
    /// # Errors
    /// As [`ByteSource::read_range`].
    fn read(&self, file: &str) -> Result<Vec<u8>, SourceError> {
        match self.len(file)? {
            Some(len) => self.read_range(file, 0..len),
            None => Err(no_such_file(&self.name(), file)),
        }
    }
}

fn no_such_file(source: &str, file: &str) -> SourceError {
    SourceError::new(file, format!("expected in {source}, found no such file"))
}

/// Reads a whole file of at most `limit` bytes, without the byte order mark it may have; `None` where
/// there is no such file.
///
/// # Errors
/// The file is longer than `limit` or cannot be read, or something else lies in its place: a Git LFS
/// pointer, a web page, nothing at all.
pub fn read_bytes(
    source: &dyn ByteSource,
    file: &str,
    limit: u64,
) -> Result<Option<Vec<u8>>, SourceError> {
    let Some(len) = source.len(file)? else {
        return Ok(None);
    };
    if len > limit {
        return Err(SourceError::new(
            file,
            format!("expected at most {limit} bytes, found {len}"),
        ));
    }
    let mut bytes = source.read_range(file, 0..len)?;
    let beginning = bytes.len().min(stand_in::BEGINNING as usize);
    if let Some(found) = stand_in::stand_in(len, &bytes[..beginning]) {
        return Err(SourceError::new(
            file,
            format!("expected the file itself, found {found}"),
        ));
    }
    if bytes.starts_with(stand_in::BOM) {
        bytes.drain(..stand_in::BOM.len());
    }
    Ok(Some(bytes))
}

/// Reads a UTF-8 file of at most `limit` bytes; `None` where there is no such file.
///
/// # Errors
/// As [`read_bytes`], and the file is not UTF-8.
pub fn read_text(
    source: &dyn ByteSource,
    file: &str,
    limit: u64,
) -> Result<Option<String>, SourceError> {
    let Some(bytes) = read_bytes(source, file, limit)? else {
        return Ok(None);
    };
    String::from_utf8(bytes).map(Some).map_err(|error| {
        SourceError::new(
            file,
            format!(
                "expected UTF-8 text, found byte {} that is none",
                error.utf8_error().valid_up_to()
            ),
        )
    })
}

/// Bytes in memory that cost nothing to share: those of the program itself, or counted ones.
#[derive(Clone, Debug)]
pub struct Bytes(Arc<Cow<'static, [u8]>>);

impl Bytes {
    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Cow::Owned(bytes)))
    }
}

impl From<&'static [u8]> for Bytes {
    fn from(bytes: &'static [u8]) -> Self {
        Self(Arc::new(Cow::Borrowed(bytes)))
    }
}

/// Files in memory: dropped on a page, fetched, or compiled into the program.
#[derive(Clone, Debug, Default)]
pub struct MemorySource {
    name: String,
    /// The checkpoint folder among the files; empty where they lie in it themselves.
    folder: String,
    files: BTreeMap<String, Bytes>,
}

impl MemorySource {
    /// An empty source called `name` in messages.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            folder: String::new(),
            files: BTreeMap::new(),
        }
    }

    /// The same files seen from `folder`: with files called `base/tower.safetensors` and
    /// `variant/config.json`, the folder `variant` is a checkpoint that may take shards from
    /// `../base/tower.safetensors`.
    #[must_use]
    pub fn in_folder(mut self, folder: impl Into<String>) -> Self {
        self.folder = folder.into();
        self
    }

    fn file(&self, file: &str) -> Option<&Bytes> {
        self.files.get(&path::resolve(&self.folder, file))
    }

    /// Adds a file; a later one replaces an earlier one of the same name.
    pub fn insert(&mut self, file: impl Into<String>, bytes: impl Into<Bytes>) {
        self.files.insert(file.into(), bytes.into());
    }

    /// [`MemorySource::insert`] in a chain.
    #[must_use]
    pub fn with(mut self, file: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        self.insert(file, bytes);
        self
    }
}

impl ByteSource for MemorySource {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn list(&self) -> Result<Vec<String>, SourceError> {
        let here = self.files.keys();
        let here = here.filter(|path| path::folder_of(path) == self.folder);
        let name = |path: &String| path.rsplit('/').next().unwrap_or_default().to_owned();
        Ok(here.map(name).collect())
    }

    fn folders_with(&self, name: &str) -> Vec<String> {
        path::folders_with(self.files.keys().map(String::as_str), &self.folder, name)
    }

    fn len(&self, file: &str) -> Result<Option<u64>, SourceError> {
        Ok(self.file(file).map(|b| b.as_slice().len() as u64))
    }

    fn read_range(&self, file: &str, range: Range<u64>) -> Result<Vec<u8>, SourceError> {
        let bytes = self
            .file(file)
            .ok_or_else(|| no_such_file(&self.name, file))?
            .as_slice();
        let part = usize::try_from(range.start)
            .ok()
            .zip(usize::try_from(range.end).ok())
            .and_then(|(start, end)| bytes.get(start..end));
        part.map(<[u8]>::to_vec)
            .ok_or_else(|| too_short(file, &range, bytes.len() as u64))
    }
}

pub(super) fn too_short(file: &str, range: &Range<u64>, len: u64) -> SourceError {
    SourceError::new(
        file,
        format!(
            "expected bytes {}..{}, found only {len}",
            range.start, range.end
        ),
    )
}
