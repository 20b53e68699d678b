//! A checkpoint folder on disk (native only).

use std::ops::Range;

use super::{ByteSource, no_such_file, path, too_short};
use crate::weights::error::SourceError;

/// A folder on disk.
#[derive(Clone, Debug)]
pub struct FolderSource {
    folder: std::path::PathBuf,
}

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
            "a file; use the folder that holds it, with all other files of the checkpoint"
        } else if is_repository(&folder) {
            "nothing there; a repository of a hub has to be fetched first"
        } else {
            "nothing there"
        };
        Err(SourceError::new(
            folder.display().to_string(),
            format!("expected a checkpoint folder, found {found}"),
        ))
    }

    /// Path of `file`; only relative ones are let through, and out of the folder only those of
    /// weights, which an index of shards may name.
    fn path(&self, file: &str) -> Result<std::path::PathBuf, SourceError> {
        let refused = match path::not_relative(file) {
            // Outside the folder there are shards and nothing else.
            None if path::is_outside(file) && !path::is_weights(file) => Some("one that leaves it"),
            other => other,
        };
        match refused {
            None => Ok(self.folder.join(file)),
            Some(found) => Err(SourceError::new(
                file,
                format!("expected a path relative to the checkpoint folder, found {found}"),
            )),
        }
    }
}

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
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                match std::fs::read_link(&path) {
                    Ok(target) => Err(dangling(file, &target)),
                    Err(_) => Ok(None),
                }
            }
            Err(error) => Err(SourceError::new(
                path.display().to_string(),
                unreadable(&error),
            )),
        }
    }

    fn folders_with(&self, name: &str) -> Vec<String> {
        let mut found = Vec::new();
        let mut left = MOST_ENTRIES;
        walk(&self.folder, "", name, DEEPEST, &mut left, &mut found);
        found.sort();
        found
    }

    fn advice(&self, file: &str) -> String {
        let place = self.folder.join(file);
        format!(
            "put the file there ({}): the folders of a study have to stay beside each other",
            place.display()
        )
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

/// Folders deep and entries that are looked at for checkpoints elsewhere.
const DEEPEST: usize = 3;
const MOST_ENTRIES: usize = 10_000;

/// Collects the folders below `folder` that hold a file called `name`; `below` is the path from the
/// top.
fn walk(
    folder: &std::path::Path,
    below: &str,
    name: &str,
    deep: usize,
    left: &mut usize,
    found: &mut Vec<String>,
) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if *left == 0 {
            return;
        }
        *left -= 1;
        let (path, entry) = (entry.path(), entry.file_name());
        let entry = entry.to_string_lossy();
        if !path.is_dir() || entry.starts_with('.') {
            continue;
        }
        let below = match below {
            "" => entry.into_owned(),
            below => format!("{below}/{entry}"),
        };
        if path.join(name).is_file() {
            found.push(below.clone());
        }
        if deep > 1 {
            walk(&path, &below, name, deep - 1, left, found);
        }
    }
}

/// Whether a path looks like the name of a model on a hub: `owner/name`.
fn is_repository(path: &std::path::Path) -> bool {
    let mut parts = path.components();
    let normal = |part| matches!(part, Some(std::path::Component::Normal(_)));
    normal(parts.next()) && normal(parts.next()) && parts.next().is_none()
}

/// A link to a file that is not there, as where a hub's cache was copied without its blobs.
fn dangling(file: &str, target: &std::path::Path) -> SourceError {
    SourceError::new(
        file,
        format!(
            "expected the file itself, found a link to {}, which is not there; download the \
             checkpoint again, or copy it with the files that its links lead to",
            target.display()
        ),
    )
}

fn unreadable(error: &std::io::Error) -> String {
    format!("expected a readable file, found: {error}")
}
