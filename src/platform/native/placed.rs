//! A large file that is written part by part and appears as a whole.

use std::{
    fs::{self, File},
    io::{self, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use super::target::{Target, create_beside, keep_permissions};
use crate::platform::FileError;

/// What would be left behind if the program ended now.
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Removes what is not finished; for the moment before the program ends at once.
pub fn remove_unfinished() {
    for path in UNFINISHED
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .drain(..)
    {
        // There is nobody left to tell.
        let _ = fs::remove_file(path);
    }
}

/// A file under way: written beside its place, and moved there by [`PlacedFile::finish`]. Dropped before, it leaves
/// nothing.
#[derive(Debug)]
pub struct PlacedFile {
    name: String,
    path: PathBuf,
    temporary: PathBuf,
    file: File,
}

impl PlacedFile {
    /// Begins the file that is to be at `path`; links are followed as by [`Target`].
    ///
    /// # Errors
    /// What the system says; or that it is no regular file, which cannot be written part by part.
    pub fn begin(path: &Path) -> Result<Self, FileError> {
        let name = path.display().to_string();
        let target = Target::at(path)?;
        let Some(path) = target.file().map(Path::to_owned) else {
            let reason = "cannot write: expected a regular file, as its parts are written in any \
                          order, found a stream or a device";
            return Err(FileError::new(name, reason));
        };
        let (file, temporary) = create_beside(&path)
            .map_err(|error| FileError::new(&name, format!("cannot write: {error}")))?;
        unfinished(|all| all.push(temporary.clone()));
        Ok(Self {
            name,
            path,
            temporary,
            file,
        })
    }

    /// Writes `bytes` from `offset` on.
    ///
    /// # Errors
    /// What the system says.
    pub fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), FileError> {
        (self.file.seek(SeekFrom::Start(offset)))
            .and_then(|_| self.file.write_all(bytes))
            .map_err(|error| self.failed(&error))
    }

    /// Puts the file in its place, whole.
    ///
    /// # Errors
    /// What the system says; a file that was there before is intact then.
    pub fn finish(self) -> Result<(), FileError> {
        keep_permissions(&self.path, &self.file)
            .and_then(|()| self.file.sync_all())
            .and_then(|()| fs::rename(&self.temporary, &self.path))
            .map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &io::Error) -> FileError {
        FileError::new(&self.name, format!("cannot write: {error}"))
    }
}

impl Drop for PlacedFile {
    fn drop(&mut self) {
        // After a rename it is not there any more.
        let _ = fs::remove_file(&self.temporary);
        unfinished(|all| all.retain(|path| *path != self.temporary));
    }
}

fn unfinished(change: impl FnOnce(&mut Vec<PathBuf>)) {
    change(&mut UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    #[test]
    fn parts_in_any_order_make_a_file_that_appears_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.bin");
        fs::write(&path, "before").unwrap();
        let mut file = PlacedFile::begin(&path).unwrap();
        file.write_at(3, b"def").unwrap();
        file.write_at(0, b"abc").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"before");
        file.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"abcdef");
        assert_eq!(names(folder.path()), ["a.bin"]);
    }

    #[test]
    fn what_is_given_up_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.bin");
        let mut file = PlacedFile::begin(&path).unwrap();
        file.write_at(0, b"abc").unwrap();
        assert_eq!(names(folder.path()).len(), 1);
        drop(file);
        assert!(names(folder.path()).is_empty());
        let error = PlacedFile::begin(Path::new("-")).unwrap_err().to_string();
        assert!(error.contains("expected a regular file"), "{error}");
    }
}
