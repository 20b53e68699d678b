//! A large file that is written part by part and appears as a whole.

use std::{
    ffi::OsString,
    fs::{self, File, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use super::target::{Target, create_beside, keep_permissions};
use crate::platform::FileError;

const NOT_REGULAR: &str = "cannot write: expected a regular file, as its parts are written in any order, found a \
                           stream or a device";

/// What the name of a file ends in that an interrupted run has kept.
const PARTIAL: &str = ".partial";

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
/// nothing, unless [`PlacedFile::keep`] was called.
#[derive(Debug)]
pub struct PlacedFile {
    name: String,
    path: PathBuf,
    temporary: PathBuf,
    file: File,
    kept: bool,
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
            return Err(FileError::new(name, NOT_REGULAR));
        };
        let (file, temporary) = create_beside(&path)
            .map_err(|error| FileError::new(&name, format!("cannot write: {error}")))?;
        unfinished(|all| all.push(temporary.clone()));
        Ok(Self {
            name,
            path,
            temporary,
            file,
            kept: false,
        })
    }

    /// As [`PlacedFile::begin`]; but the file under way is called as the file to be with `.partial` behind it, is
    /// locked, and goes on with what an interrupted run has kept there.
    ///
    /// # Errors
    /// As [`PlacedFile::begin`]; or that another process writes it.
    pub fn resume(path: &Path) -> Result<Self, FileError> {
        let name = path.display().to_string();
        let target = Target::at(path)?;
        let Some(path) = target.file().map(Path::to_owned) else {
            return Err(FileError::new(name, NOT_REGULAR));
        };
        let mut partial = OsString::from(path.file_name().unwrap_or_default());
        partial.push(PARTIAL);
        let temporary = path.with_file_name(partial);
        let failed = |error: io::Error| {
            FileError::new(
                temporary.display().to_string(),
                format!("cannot write: {error}"),
            )
        };
        let mut options = File::options();
        options.create(true).truncate(false).read(true).write(true);
        let file = options.open(&temporary).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let reason = "another process is writing it: wait for it, or name another file";
                return Err(FileError::new(temporary.display().to_string(), reason));
            }
            // File systems without locks are used by one program at a time.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        // Until it is known to hold something that another run can go on with, it is not ours to remove.
        Ok(Self {
            name,
            path,
            temporary,
            file,
            kept: true,
        })
    }

    /// From now on the file under way stays where it is when it is dropped; or does not.
    pub fn keep(&mut self, kept: bool) {
        self.kept = kept;
    }

    /// Where the file under way lies.
    pub fn under_way(&self) -> &Path {
        &self.temporary
    }

    /// Bytes of the file under way.
    ///
    /// # Errors
    /// What the system says.
    pub fn size(&self) -> Result<u64, FileError> {
        let data = self.file.metadata();
        let data = data.map_err(|error| self.failed("read", &error))?;
        Ok(data.len())
    }

    /// Empties the file under way, and makes it `len` bytes long.
    ///
    /// # Errors
    /// What the system says.
    pub fn reset(&mut self, len: u64) -> Result<(), FileError> {
        (self.file.set_len(0))
            .and_then(|()| self.file.set_len(len))
            .map_err(|error| self.failed("write", &error))
    }

    /// Reads `bytes` from `offset` on.
    ///
    /// # Errors
    /// The file is shorter, or what the system says.
    pub fn read_at(&mut self, offset: u64, bytes: &mut [u8]) -> Result<(), FileError> {
        (self.file.seek(SeekFrom::Start(offset)))
            .and_then(|_| self.file.read_exact(bytes))
            .map_err(|error| self.failed("read", &error))
    }

    /// Writes `bytes` from `offset` on.
    ///
    /// # Errors
    /// What the system says.
    pub fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), FileError> {
        (self.file.seek(SeekFrom::Start(offset)))
            .and_then(|_| self.file.write_all(bytes))
            .map_err(|error| self.failed("write", &error))
    }

    /// Puts the file in its place, whole.
    ///
    /// # Errors
    /// What the system says; a file that was there before is intact then.
    pub fn finish(self) -> Result<(), FileError> {
        keep_permissions(&self.path, &self.file)
            .and_then(|()| self.file.sync_all())
            .and_then(|()| fs::rename(&self.temporary, &self.path))
            .map_err(|error| self.failed("write", &error))
    }

    fn failed(&self, what: &str, error: &io::Error) -> FileError {
        FileError::new(&self.name, format!("cannot {what}: {error}"))
    }
}

impl Drop for PlacedFile {
    fn drop(&mut self) {
        if !self.kept {
            // After a rename it is not there any more.
            let _ = fs::remove_file(&self.temporary);
        }
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
    fn a_kept_part_is_gone_on_with_by_one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.bin");
        let mut file = PlacedFile::resume(&path).unwrap();
        file.reset(6).unwrap();
        file.write_at(0, b"abc").unwrap();
        let busy = PlacedFile::resume(&path).unwrap_err().to_string();
        assert!(busy.contains("a.bin.partial: another process"), "{busy}");
        drop(file);
        assert_eq!(names(folder.path()), ["a.bin.partial"]);
        let mut file = PlacedFile::resume(&path).unwrap();
        assert_eq!(file.size().unwrap(), 6);
        let mut found = [0; 3];
        file.read_at(0, &mut found).unwrap();
        assert_eq!(&found, b"abc");
        let error = file.read_at(4, &mut found).unwrap_err().to_string();
        assert!(error.contains("cannot read"), "{error}");
        file.write_at(3, b"def").unwrap();
        file.finish().unwrap();
        assert_eq!(names(folder.path()), ["a.bin"]);
        assert_eq!(fs::read(&path).unwrap(), b"abcdef");
        let mut file = PlacedFile::resume(&path).unwrap();
        file.keep(false);
        drop(file);
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
