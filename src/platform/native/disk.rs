//! Files and folders on disk that a person handed over.

use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    ops::Range,
    path::{Path, PathBuf},
};

use crate::platform::{FileError, FilePlace, PickedFile, picked::MAX_FILES};

/// Deepest folder that is looked into, counted from the one handed over.
const MAX_DEPTH: usize = 4;

/// The files at `paths`, and those in the folders among them, sorted by path.
///
/// Hidden files are left out, and what cannot be looked at; nothing of it could be read either.
pub fn files_at(paths: &[PathBuf]) -> Vec<PickedFile> {
    let mut files = Vec::new();
    for path in paths {
        let name = path.file_name().map(|name| name.to_string_lossy());
        add(&mut files, path, &name.unwrap_or_default(), 0);
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

fn add(files: &mut Vec<PickedFile>, path: &Path, name: &str, depth: usize) {
    if files.len() >= MAX_FILES {
        return;
    }
    let Ok(data) = fs::metadata(path) else {
        return;
    };
    if data.is_file() {
        files.push(PickedFile {
            path: name.to_owned(),
            size: data.len(),
            place: FilePlace::Disk(path.to_owned()),
        });
    } else if data.is_dir() && depth <= MAX_DEPTH {
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            let inner = entry.file_name();
            let inner = inner.to_string_lossy();
            if !inner.starts_with('.') {
                add(files, &entry.path(), &format!("{name}/{inner}"), depth + 1);
            }
        }
    }
}

/// Writes a new file called `name`, or `name (2)` and so on where there is one, into the current
/// folder; returns its path.
///
/// # Errors
/// What the system says; nothing is overwritten.
#[cfg(feature = "app")]
pub fn write_new(name: &str, bytes: &[u8]) -> Result<String, FileError> {
    let folder = std::env::current_dir().unwrap_or_default();
    write_new_in(&folder, name, bytes)
}

#[cfg(feature = "app")]
fn write_new_in(folder: &Path, name: &str, bytes: &[u8]) -> Result<String, FileError> {
    use io::Write;
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
    let mut path = folder.join(name);
    for number in 2..1000 {
        match File::create_new(&path) {
            Ok(mut file) => {
                return match file.write_all(bytes) {
                    Ok(()) => Ok(path.display().to_string()),
                    Err(error) => {
                        // A part of a file is worse than none; the first error is the one to report.
                        fs::remove_file(&path).ok();
                        Err(FileError::new(path.display().to_string(), error))
                    }
                };
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                path = folder.join(format!("{stem} ({number}).{ending}"));
            }
            Err(error) => return Err(FileError::new(path.display().to_string(), error)),
        }
    }
    Err(FileError::new(
        name,
        "a thousand files of this name are there",
    ))
}

/// The text of at most `limit` bytes in a file, or from stdin where it is called `-`, with the name for
/// messages; without a byte order mark, which also says that it is UTF-16, as PowerShell writes it.
///
/// # Errors
/// It cannot be read, is too large, or is no text.
pub fn read_text(path: &Path, limit: u64) -> Result<(String, String), FileError> {
    let from_stdin = path == Path::new("-");
    let name = match from_stdin {
        true => "standard input".to_owned(),
        false => path.display().to_string(),
    };
    let failed = |reason: String| FileError::new(&name, reason);
    let mut bytes = Vec::new();
    let read = match from_stdin {
        true => io::stdin().lock().take(limit + 1).read_to_end(&mut bytes),
        false => File::open(path).and_then(|file| file.take(limit + 1).read_to_end(&mut bytes)),
    };
    read.map_err(|error| failed(format!("cannot read it: {error}")))?;
    if bytes.len() as u64 > limit {
        let limit = limit >> 20;
        return Err(failed(format!(
            "expected at most {limit} MiB of text, found more"
        )));
    }
    match text_of(bytes) {
        Ok(text) => Ok((name, text)),
        Err(at) => Err(failed(format!(
            "expected UTF-8 text, found another byte at offset {at}"
        ))),
    }
}

/// The text in `bytes`, or where they are none.
fn text_of(bytes: Vec<u8>) -> Result<String, usize> {
    if let Some(units) = bytes.strip_prefix(&[0xff, 0xfe])
        && units.len().is_multiple_of(2)
    {
        let units = units.chunks_exact(2);
        let units: Vec<u16> = units
            .map(|two| u16::from_le_bytes([two[0], two[1]]))
            .collect();
        return String::from_utf16(&units).map_err(|_| 0);
    }
    let text = String::from_utf8(bytes).map_err(|error| error.utf8_error().valid_up_to())?;
    Ok(match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    })
}

/// The bytes `range` of a file. Called by the engine, which may wait.
///
/// # Errors
/// The file ends before the range does, cannot be read, or is not on this machine's disk.
pub fn read_range(file: &PickedFile, range: Range<u64>) -> Result<Vec<u8>, FileError> {
    let failed = |error: io::Error| {
        FileError::new(
            &file.path,
            format!("expected a readable file, found: {error}"),
        )
    };
    let FilePlace::Disk(path) = &file.place else {
        return Err(FileError::new(
            &file.path,
            "expected a file on disk, found one of a page",
        ));
    };
    let mut handle = File::open(path).map_err(failed)?;
    // Checked before anything is allocated: the file may have changed since it was chosen.
    let len = handle.metadata().map_err(failed)?.len();
    let count = range
        .end
        .checked_sub(range.start)
        .filter(|_| range.end <= len)
        .and_then(|count| usize::try_from(count).ok())
        .ok_or_else(|| {
            FileError::new(
                &file.path,
                format!(
                    "expected bytes {}..{}, found only {len}",
                    range.start, range.end
                ),
            )
        })?;
    handle.seek(SeekFrom::Start(range.start)).map_err(failed)?;
    let mut bytes = vec![0; count];
    handle.read_exact(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_walked_and_files_read_by_range() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("model");
        fs::create_dir_all(root.join("sub")).unwrap();
        fs::write(root.join("b.txt"), "0123456789").unwrap();
        fs::write(root.join("sub/a.txt"), "x").unwrap();
        fs::write(root.join(".hidden"), "y").unwrap();
        let files = files_at(&[root.clone(), root.join("missing")]);
        let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["model/b.txt", "model/sub/a.txt"]);
        assert_eq!(files[0].size, 10);
        assert_eq!(read_range(&files[0], 2..5).unwrap(), b"234");
        for range in [5..11, Range { start: 7, end: 3 }] {
            let error = read_range(&files[0], range).unwrap_err().to_string();
            assert!(error.starts_with("model/b.txt: expected bytes"), "{error}");
        }
    }

    #[cfg(feature = "app")]
    #[test]
    fn texts_are_read_whatever_their_mark() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        let read = |bytes: &[u8], limit| {
            fs::write(&path, bytes).unwrap();
            let text = read_text(&path, limit).map(|(_, text)| text);
            text.map_err(|error| error.reason)
        };
        assert_eq!(read(b"plain", 5).unwrap(), "plain");
        assert_eq!(read(b"\xef\xbb\xbfmarked", 99).unwrap(), "marked");
        assert_eq!(read(b"\xff\xfew\0i\0d\0e\0", 99).unwrap(), "wide");
        assert!(read(b"longer", 5).unwrap_err().contains("found more"));
        assert!(read(b"ab\xff", 99).unwrap_err().contains("offset 2"));
    }

    #[cfg(feature = "app")]
    #[test]
    #[cfg(feature = "app")]
    fn a_new_file_takes_no_others_place() {
        let folder = tempfile::tempdir().unwrap();
        let write = |bytes: &[u8]| write_new_in(folder.path(), "report.csv", bytes).unwrap();
        let paths = [write(b"one"), write(b"two"), write(b"three")];
        let names = paths
            .each_ref()
            .map(|path| path.rsplit(['/', '\\']).next().unwrap());
        assert_eq!(names, ["report.csv", "report (2).csv", "report (3).csv"]);
        assert_eq!(fs::read(&paths[0]).unwrap(), b"one");
        let missing = folder.path().join("missing");
        assert!(write_new_in(&missing, "a.csv", b"").is_err());
    }
}
