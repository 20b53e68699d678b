//! Where the bytes of a checkpoint come from.

use std::{borrow::Cow, collections::BTreeMap, ops::Range, sync::Arc};

use super::error::SourceError;

/// A flat set of named files. Weights are read by range, never as a whole.
pub trait ByteSource: Send + Sync {
    /// Name of the source for messages, for example the folder's path.
    fn name(&self) -> String;

    /// Names of the files, sorted.
    ///
    /// # Errors
    /// The folder cannot be listed.
    fn list(&self) -> Result<Vec<String>, SourceError>;

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

/// Reads a UTF-8 file of at most `limit` bytes; `None` where there is no such file.
///
/// # Errors
/// The file is longer than `limit`, is not UTF-8, or cannot be read.
pub fn read_text(
    source: &dyn ByteSource,
    file: &str,
    limit: u64,
) -> Result<Option<String>, SourceError> {
    let Some(len) = source.len(file)? else {
        return Ok(None);
    };
    if len > limit {
        return Err(SourceError::new(
            file,
            format!("expected at most {limit} bytes, found {len}"),
        ));
    }
    let bytes = source.read_range(file, 0..len)?;
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
    files: BTreeMap<String, Bytes>,
}

impl MemorySource {
    /// An empty source called `name` in messages.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            files: BTreeMap::new(),
        }
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
        Ok(self.files.keys().cloned().collect())
    }

    fn len(&self, file: &str) -> Result<Option<u64>, SourceError> {
        Ok(self.files.get(file).map(|b| b.as_slice().len() as u64))
    }

    fn read_range(&self, file: &str, range: Range<u64>) -> Result<Vec<u8>, SourceError> {
        let bytes = self
            .files
            .get(file)
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

fn too_short(file: &str, range: &Range<u64>, len: u64) -> SourceError {
    SourceError::new(
        file,
        format!(
            "expected bytes {}..{}, found only {len}",
            range.start, range.end
        ),
    )
}

/// A folder on disk.
#[cfg(not(target_arch = "wasm32"))]
#[derive(Clone, Debug)]
pub struct FolderSource {
    folder: std::path::PathBuf,
}

/// A folder on disk; a page has none, so that opening one fails there.
#[cfg(target_arch = "wasm32")]
#[derive(Clone, Debug)]
pub struct FolderSource {
    never: std::convert::Infallible,
}

#[cfg(not(target_arch = "wasm32"))]
impl FolderSource {
    /// The folder at `path`.
    ///
    /// # Errors
    /// There is no folder at `path`.
    pub fn open(path: impl Into<std::path::PathBuf>) -> Result<Self, SourceError> {
        let folder = path.into();
        if folder.is_dir() {
            return Ok(Self { folder });
        }
        let found = if folder.exists() {
            "a file"
        } else {
            "nothing there"
        };
        Err(SourceError::new(
            folder.display().to_string(),
            format!("expected a checkpoint folder, found {found}"),
        ))
    }

    /// Path of `file`; only plain relative names are let through, so that an index of shards
    /// cannot point outside the folder.
    fn path(&self, file: &str) -> Result<std::path::PathBuf, SourceError> {
        use std::path::{Component, Path};
        let plain = !file.is_empty()
            && !file.contains('\\')
            && Path::new(file)
                .components()
                .all(|c| matches!(c, Component::Normal(_)));
        if plain {
            Ok(self.folder.join(file))
        } else {
            Err(SourceError::new(
                file,
                "expected a file name inside the checkpoint folder, found a path that leaves it",
            ))
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl ByteSource for FolderSource {
    fn name(&self) -> String {
        self.folder.display().to_string()
    }

    fn list(&self) -> Result<Vec<String>, SourceError> {
        let failed = |error: std::io::Error| SourceError::new(self.name(), unreadable(&error));
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if entry.path().is_file() {
                names.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    fn len(&self, file: &str) -> Result<Option<u64>, SourceError> {
        let path = self.path(file)?;
        match std::fs::metadata(&path) {
            Ok(data) if data.is_file() => Ok(Some(data.len())),
            Ok(_) => Ok(None),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(SourceError::new(
                path.display().to_string(),
                unreadable(&error),
            )),
        }
    }

    fn read_range(&self, file: &str, range: Range<u64>) -> Result<Vec<u8>, SourceError> {
        use std::io::{Read, Seek, SeekFrom};
        // Checked before anything is allocated: a damaged header may ask for any range.
        let len = self
            .len(file)?
            .ok_or_else(|| no_such_file(&self.name(), file))?;
        if range.end > len || range.start > range.end {
            return Err(too_short(file, &range, len));
        }
        let count = usize::try_from(range.end - range.start)
            .map_err(|_| too_short(file, &range, usize::MAX as u64))?;
        let path = self.path(file)?;
        let failed = |error: std::io::Error| {
            SourceError::new(path.display().to_string(), unreadable(&error))
        };
        let mut handle = std::fs::File::open(&path).map_err(failed)?;
        handle.seek(SeekFrom::Start(range.start)).map_err(failed)?;
        let mut bytes = vec![0; count];
        handle.read_exact(&mut bytes).map_err(failed)?;
        Ok(bytes)
    }
}

#[cfg(not(target_arch = "wasm32"))]
fn unreadable(error: &std::io::Error) -> String {
    format!("expected a readable file, found: {error}")
}

#[cfg(target_arch = "wasm32")]
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

#[cfg(target_arch = "wasm32")]
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
