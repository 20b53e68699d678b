//! Images, texts and pairs as the user names them.

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
};

use super::error::CliError;
use crate::engine::{ImageInput, PairInput, pair_lines};

/// Endings of the images in a folder.
const IMAGE_EXTENSIONS: [&str; 6] = ["png", "jpg", "jpeg", "webp", "gif", "bmp"];

/// Largest text file; far beyond any context, so that a wrong path cannot fill the memory.
const LARGEST_TEXT: u64 = 16 << 20;

/// Largest file of pairs.
const LARGEST_PAIRS: u64 = 1 << 30;

/// Image files, and those in folders, each folder's sorted by name.
///
/// # Errors
/// [`CliError::Input`] for a path that is not there, and for a folder without an image.
pub(crate) fn images(paths: &[PathBuf]) -> Result<Vec<ImageInput>, CliError> {
    let files = files(paths, &IMAGE_EXTENSIONS)?;
    Ok(files.into_iter().map(ImageInput::Path).collect())
}

/// The texts of files, and of the `.txt` files in folders, each with its file's name.
///
/// # Errors
/// [`CliError::Input`] for a path that is not there, a folder without a text, and a text that is
/// empty, too long or not UTF-8.
pub(crate) fn texts(paths: &[PathBuf]) -> Result<Vec<(String, String)>, CliError> {
    files(paths, &["txt"])?
        .iter()
        .map(|path| {
            let text = read_text(path, LARGEST_TEXT)?;
            if text.trim().is_empty() {
                return Err(wrong(path, "expected a text, found none"));
            }
            Ok((path.display().to_string(), text.trim().to_owned()))
        })
        .collect()
}

/// The pairs and documents in a file of lines `{"image": path, "text": string}` or
/// `{"images": [...], "texts": [...]}`; blank lines do not count.
///
/// # Errors
/// [`CliError::Input`] naming the line: not such an object, no such image, an empty text.
pub(crate) fn pairs(file: &Path) -> Result<Vec<PairInput>, CliError> {
    let folder = file.parent().unwrap_or(Path::new(""));
    let content = read_text(file, LARGEST_PAIRS)?;
    let mut pairs = Vec::new();
    for (number, line) in pair_lines(&content) {
        let wrong_line =
            |reason: &str| CliError::Input(format!("{}:{number}: {reason}", file.display()));
        let line = line.map_err(|reason| wrong_line(&reason))?;
        let mut turns = Vec::with_capacity(line.turns.len());
        for (image, text) in line.turns {
            let image = folder.join(&image);
            if !image.is_file() {
                return Err(wrong_line(&format!(
                    "expected an image at {}, found no file",
                    image.display()
                )));
            }
            turns.push((ImageInput::Path(image), text));
        }
        pairs.extend(PairInput::document(turns));
    }
    if pairs.is_empty() {
        return Err(wrong(file, "expected at least one pair, found none"));
    }
    Ok(pairs)
}

/// Files as they are, folders as their files with one of the `extensions`, sorted by name. Hidden
/// ones are left out, such as the `._x.png` that macOS writes beside `x.png`.
fn files(paths: &[PathBuf], extensions: &[&str]) -> Result<Vec<PathBuf>, CliError> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            if !path.is_file() {
                return Err(wrong(path, "expected a file or a folder, found nothing"));
            }
            files.push(path.clone());
            continue;
        }
        let unreadable = |error: std::io::Error| wrong(path, &format!("cannot list it: {error}"));
        let mut inside = Vec::new();
        for entry in fs::read_dir(path).map_err(unreadable)? {
            let file = entry.map_err(unreadable)?.path();
            let hidden = file
                .file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with('.'));
            let fits = file.extension().is_some_and(|extension| {
                let extension = extension.to_string_lossy().to_ascii_lowercase();
                extensions.contains(&extension.as_str())
            });
            if fits && !hidden && file.is_file() {
                inside.push(file);
            }
        }
        if inside.is_empty() {
            let kinds = extensions.join(", ");
            let reason = format!("expected files ending in {kinds} in this folder, found none");
            return Err(wrong(path, &reason));
        }
        inside.sort();
        files.append(&mut inside);
    }
    Ok(files)
}

/// A whole UTF-8 file of at most `limit` bytes, without a byte order mark.
fn read_text(path: &Path, limit: u64) -> Result<String, CliError> {
    let unreadable = |error: std::io::Error| wrong(path, &format!("cannot read it: {error}"));
    let mut bytes = Vec::new();
    fs::File::open(path)
        .map_err(unreadable)?
        .take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > limit {
        let reason = format!("expected at most {} MiB of text, found more", limit >> 20);
        return Err(wrong(path, &reason));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        wrong(
            path,
            &format!("expected UTF-8 text, found another byte at offset {at}"),
        )
    })?;
    Ok(match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    })
}

fn wrong(path: &Path, reason: &str) -> CliError {
    CliError::Input(format!("{}: {reason}", path.display()))
}
