//! Images, texts and pairs as the user names them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::error::CliError;
use crate::{
    engine::{
        FOLDER_LIST, ImageInput, PairInput, PairLine, TEXT_EXTENSIONS, pair_lines, portable_path,
        text_in_file,
    },
    platform::native::read_text,
    report::Skipped,
    words::counted,
};

/// Endings of the images in a folder.
const IMAGE_EXTENSIONS: [&str; 6] = ["png", "jpg", "jpeg", "webp", "gif", "bmp"];

/// Largest text file; far beyond any context, so that a wrong path cannot fill the memory.
const LARGEST_TEXT: u64 = 16 << 20;

/// Largest file of pairs.
const LARGEST_PAIRS: u64 = 1 << 30;

/// What could not be read.
#[derive(Debug, Default)]
pub(crate) struct Skips {
    /// Whether to go on without it.
    allowed: bool,
    /// What was left out.
    pub(crate) skipped: Vec<Skipped>,
}

impl Skips {
    /// None yet; `allowed` if the user asked to go on.
    pub(crate) fn new(allowed: bool) -> Self {
        Self {
            allowed,
            skipped: Vec::new(),
        }
    }

    /// The result called `name`, or nothing where it failed and that is allowed.
    fn take<T>(
        &mut self,
        name: impl Into<String>,
        result: Result<T, CliError>,
    ) -> Result<Option<T>, CliError> {
        match result {
            Ok(found) => Ok(Some(found)),
            Err(error) if self.allowed => {
                self.skipped.push(Skipped::new(name, &error.to_string()));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Fails where nothing is left, with the first reason.
    fn check_left(&self, left: bool, path: &str, what: &str) -> Result<(), CliError> {
        let expected = format!("{path}: expected at least one {what}");
        match self.skipped.first() {
            _ if left => Ok(()),
            None => Err(CliError::Input(format!("{expected}, found none"))),
            Some(first) => Err(CliError::Input(format!(
                "{expected} that can be used, found none and left out {}; the first: {}: {}",
                counted(self.skipped.len(), "other"),
                first.name,
                first.reason
            ))),
        }
    }
}

/// Image files, and those in folders, each folder's sorted by name.
///
/// # Errors
/// [`CliError::Input`] for a path that is not there, and for a folder without an image.
pub(crate) fn images(paths: &[PathBuf], skips: &mut Skips) -> Result<Vec<ImageInput>, CliError> {
    let files = files(paths, &IMAGE_EXTENSIONS, skips)?;
    Ok(files.into_iter().map(ImageInput::Path).collect())
}

/// The texts of files, and of the `.txt` and `.story` files in folders, each with its file's name.
///
/// # Errors
/// [`CliError::Input`] for a path that is not there, a folder without a text, and a text that is
/// empty, too long or not UTF-8.
pub(crate) fn texts(
    paths: &[PathBuf],
    skips: &mut Skips,
) -> Result<Vec<(String, String)>, CliError> {
    let mut texts = Vec::new();
    for path in files(paths, &TEXT_EXTENSIONS, skips)? {
        let name = path.display().to_string();
        if let Some(text) = skips.take(&name, text(&path))? {
            texts.push((name, text));
        }
    }
    skips.check_left(!texts.is_empty(), &named(paths), "text")?;
    Ok(texts)
}

fn text(path: &Path) -> Result<String, CliError> {
    let (name, content) = read(path, LARGEST_TEXT)?;
    text_in_file(&name, &content).map_err(|reason| wrong(path, &reason))
}

/// What a list of paths is called in the report.
pub(crate) fn named(paths: &[PathBuf]) -> String {
    let first = paths.first().map(|path| path.display().to_string());
    match paths.len() {
        0 | 1 => first.unwrap_or_default(),
        more => format!("{} and {} more", first.unwrap_or_default(), more - 1),
    }
}

/// The list that a folder of images has of its own, if there is one.
pub(crate) fn list_in(folder: &Path) -> Option<PathBuf> {
    let list = folder.join(FOLDER_LIST);
    list.is_file().then_some(list)
}

/// The pairs and documents in a file of lines `{"image": path, "text": string}` or
/// `{"images": [...], "texts": [...]}` or `{"video": [...], "text": string}`, or in the list of an image folder; blank lines do not count.
///
/// # Errors
/// [`CliError::Input`] naming the line: not such an object, no such image, an empty text.
pub(crate) fn pairs(file: &Path, skips: &mut Skips) -> Result<Vec<PairInput>, CliError> {
    let file = match file.is_dir() {
        false => file.to_owned(),
        true => list_in(file).ok_or_else(|| {
            let expected = "expected a list of pairs, found a folder without one";
            wrong(file, &format!("{expected} called {FOLDER_LIST}"))
        })?,
    };
    let folder = file.parent().unwrap_or(Path::new(""));
    let (name, content) = read(&file, LARGEST_PAIRS)?;
    let mut pairs = Vec::new();
    for (number, line) in pair_lines(&content) {
        let place = format!("{name}:{number}");
        let pair = line
            .and_then(|line| pair(folder, line))
            .map_err(|reason| CliError::Input(format!("{place}: {reason}")));
        pairs.extend(skips.take(place, pair)?.flatten());
    }
    skips.check_left(!pairs.is_empty(), &name, "pair")?;
    Ok(pairs)
}

fn pair(folder: &Path, line: PairLine) -> Result<Option<PairInput>, String> {
    let mut turns = Vec::with_capacity(line.turns.len());
    let find = |image: &str| {
        let path = folder.join(image);
        let portable = folder.join(&*portable_path(image));
        let mut places = [&path, &portable].into_iter();
        match places.find(|path| path.is_file()) {
            Some(path) => Ok(ImageInput::Path(path.clone())),
            None => Err(format!(
                "expected an image at {}, found no file",
                portable.display()
            )),
        }
    };
    for (shown, text) in line.turns {
        turns.push((shown.found(find)?, text));
    }
    Ok(PairInput::document(turns))
}

/// Files as they are, folders as their files with one of the `extensions`, sorted by name. Hidden
/// ones are left out, such as the `._x.png` that macOS writes beside `x.png`.
fn files(
    paths: &[PathBuf],
    extensions: &[&str],
    skips: &mut Skips,
) -> Result<Vec<PathBuf>, CliError> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            let file = match path.exists() {
                true => Ok(path.clone()),
                false => Err(wrong(path, "expected a file or a folder, found nothing")),
            };
            files.extend(skips.take(path.display().to_string(), file)?);
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

fn read(path: &Path, limit: u64) -> Result<(String, String), CliError> {
    read_text(path, limit).map_err(|error| CliError::Input(error.to_string()))
}

fn wrong(path: &Path, reason: &str) -> CliError {
    CliError::Input(format!("{}: {reason}", path.display()))
}
