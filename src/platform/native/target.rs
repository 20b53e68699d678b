//! Files that are written whole or not at all, and tried before there is anything to write.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use crate::platform::FileError;

/// Most links that are followed from one to the next, as on Linux.
const MOST_LINKS: usize = 40;

/// A place that something is to be written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// As the person named it.
    name: String,
    place: Place,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// A regular file, or one to come: written beside it, then renamed.
    File(PathBuf),
    /// A device, a pipe, a descriptor of this process: written to.
    Stream(PathBuf),
    /// The program's own output.
    Stdout,
}

impl Target {
    /// The place at `path`; `-` is stdout. Links are followed: what they lead to is written, and they
    /// stay.
    ///
    /// # Errors
    /// There is a folder, or the folder that it would be in is not there.
    pub fn at(path: &Path) -> Result<Self, FileError> {
        let name = path.display().to_string();
        match place(path) {
            Ok(place) => Ok(Self { name, place }),
            Err(reason) => Err(FileError::new(name, format!("cannot write: {reason}"))),
        }
    }

    /// Whether it is the program's own output, which nothing else should go to then.
    pub fn is_stdout(&self) -> bool {
        self.place == Place::Stdout
    }

    /// Where the file lies or will lie; none of a stream.
    pub(super) fn file(&self) -> Option<&Path> {
        match &self.place {
            Place::File(path) => Some(path),
            Place::Stream(_) | Place::Stdout => None,
        }
    }

    /// Finds out whether it can be written to, and leaves nothing behind.
    ///
    /// # Errors
    /// What the system says.
    pub fn check(&self) -> Result<(), FileError> {
        let result = match &self.place {
            Place::Stdout => Ok(()),
            // To open a pipe and close it again would tell its reader that all has come.
            Place::Stream(path) if is_pipe(path) => Ok(()),
            Place::Stream(path) => open_stream(path).map(|_| ()),
            Place::File(path) => {
                create_beside(path).and_then(|(_, temporary)| fs::remove_file(temporary))
            }
        };
        result.map_err(|error| self.failed(&error))
    }

    /// Writes it; a reader sees the old file or the whole new one, never a part. What is no regular file
    /// is written to.
    ///
    /// # Errors
    /// What the system says; the old file is intact then.
    pub fn write(&self, bytes: &[u8]) -> Result<(), FileError> {
        let result = match &self.place {
            Place::Stdout => {
                let mut stdout = io::stdout().lock();
                stdout.write_all(bytes).and_then(|()| stdout.flush())
            }
            Place::Stream(path) => open_stream(path).and_then(|mut to| to.write_all(bytes)),
            Place::File(path) => replace(path, bytes),
        };
        result.map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &io::Error) -> FileError {
        FileError::new(&self.name, format!("cannot write: {error}"))
    }
}

fn place(path: &Path) -> Result<Place, String> {
    if path == Path::new("-") {
        return Ok(Place::Stdout);
    }
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        if is_stdout(&path) {
            return Ok(Place::Stdout);
        }
        let known = fs::metadata(&path);
        if known.as_ref().is_ok_and(fs::Metadata::is_dir) {
            return Err("expected a file, found a folder".to_owned());
        }
        if path.file_name().is_none() {
            return Err("expected the name of a file, found none".to_owned());
        }
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
            _ => PathBuf::from("."),
        };
        if !folder.is_dir() {
            let folder = folder.display();
            return Err(format!("there is no folder {folder}: create it first"));
        }
        // A link there may lead to a file that is written to by others as well.
        if holds_devices(&folder) || known.is_ok_and(|known| !known.is_file()) {
            return Ok(Place::Stream(path));
        }
        match fs::read_link(&path) {
            Ok(next) => path = folder.join(next),
            Err(_) => return Ok(Place::File(path)),
        }
    }
    Err("it is a link that leads to itself".to_owned())
}

fn is_stdout(path: &Path) -> bool {
    cfg!(unix)
        && ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"]
            .iter()
            .any(|stdout| path == Path::new(stdout))
}

/// Whether a folder holds devices and descriptors, whatever they lead to.
fn holds_devices(folder: &Path) -> bool {
    cfg!(unix)
        && fs::canonicalize(folder)
            .is_ok_and(|folder| folder == Path::new("/dev") || folder.starts_with("/proc"))
}

#[cfg(unix)]
fn is_pipe(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    fs::metadata(path).is_ok_and(|known| known.file_type().is_fifo())
}

#[cfg(not(unix))]
fn is_pipe(_: &Path) -> bool {
    false
}

/// At its end: a descriptor may lead to a file with something in it.
fn open_stream(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).open(path)
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let (mut file, temporary) = create_beside(path)?;
    let written = (file.write_all(bytes))
        .and_then(|()| keep_permissions(path, &file))
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// Who may read the file that is replaced may read the new one, and nobody else.
#[cfg(unix)]
pub(super) fn keep_permissions(path: &Path, file: &File) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(old) => file.set_permissions(old.permissions()),
        Err(_) => Ok(()),
    }
}

#[cfg(not(unix))]
pub(super) fn keep_permissions(_: &Path, _: &File) -> io::Result<()> {
    Ok(())
}

/// A new file in the folder of `path`, so that the rename stays on one file system.
pub(super) fn create_beside(path: &Path) -> io::Result<(File, PathBuf)> {
    for attempt in 0..100 {
        // Not made of the file's own name, which may be as long as a name can be.
        let name = format!(".mirscope-{}-{attempt}.tmp", std::process::id());
        let temporary = path.with_file_name(name);
        match File::create_new(&temporary) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            result => return result.map(|file| (file, temporary)),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
        let target = Target::at(path).map_err(|error| error.to_string())?;
        target.check().map_err(|error| error.to_string())?;
        target.write(bytes).map_err(|error| error.to_string())
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn files_are_replaced_and_nothing_is_left_beside() {
        let folder = tempfile::tempdir().unwrap();
        // As long as a name may be.
        let path = folder.path().join("n".repeat(255));
        write(&path, b"a long first one").unwrap();
        write(&path, b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(names(folder.path()).len(), 1);
    }

    #[test]
    fn what_cannot_be_written_is_said_before() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::write(root.join("file"), "x").unwrap();
        for (path, reason) in [
            (
                root.to_owned(),
                "cannot write: expected a file, found a folder",
            ),
            (root.join("no/a.json"), "there is no folder"),
            (root.join("file/a.json"), "there is no folder"),
            (PathBuf::new(), "expected the name of a file, found none"),
            (root.join("n".repeat(256)).join("a"), "there is no folder"),
        ] {
            let error = Target::at(&path).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
        assert_eq!(names(root), ["file"]);
    }

    #[cfg(unix)]
    #[test]
    fn links_stay_and_lead_to_what_is_written() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("sub")).unwrap();
        symlink("sub/target", at("one")).unwrap();
        symlink("one", at("two")).unwrap();
        // What it leads to is not there yet.
        write(&at("two"), b"first").unwrap();
        fs::set_permissions(at("sub/target"), fs::Permissions::from_mode(0o600)).unwrap();
        write(&at("two"), b"second").unwrap();
        assert_eq!(fs::read(at("sub/target")).unwrap(), b"second");
        let mode = fs::metadata(at("sub/target")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        for link in ["one", "two"] {
            assert!(fs::symlink_metadata(at(link)).unwrap().is_symlink());
        }
        symlink("b", at("a")).unwrap();
        symlink("a", at("b")).unwrap();
        let error = write(&at("a"), b"").unwrap_err();
        assert!(error.contains("leads to itself"), "{error}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn devices_and_pipes_are_written_to() {
        use std::io::Read;
        write(Path::new("/dev/null"), b"x").unwrap();
        let full = Target::at(Path::new("/dev/full")).unwrap();
        full.check().unwrap();
        let error = full.write(b"x").unwrap_err().to_string();
        assert!(
            error.contains("/dev/full: cannot write: No space"),
            "{error}"
        );
        assert!(Target::at(Path::new("/dev/stdout")).unwrap().is_stdout());
        assert!(write(Path::new("/dev/no-such-device"), b"x").is_err());
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        let reader = {
            let pipe = pipe.clone();
            std::thread::spawn(move || {
                let mut text = String::new();
                File::open(pipe).unwrap().read_to_string(&mut text).unwrap();
                text
            })
        };
        write(&pipe, b"through the pipe").unwrap();
        assert_eq!(reader.join().unwrap(), "through the pipe");
        assert_eq!(names(folder.path()), ["pipe"]);
    }
}
