//! Images, texts and pairs as the user names them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::error::CliError;
use crate::{
    engine::{
        FOLDER_LIST, ImageInput, Listed, PairInput, PairLine, TEXT_EXTENSIONS, portable_path,
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
    /// What a reader of the report should know of the lists.
    pub(crate) notes: Vec<String>,
}

impl Skips {
    /// None yet; `allowed` if the user asked to go on.
    pub(crate) fn new(allowed: bool) -> Self {
        Self {
            allowed,
            skipped: Vec::new(),
            notes: Vec::new(),
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

/// The pairs, documents and conversations in a list (see [`Listed`]), or in the list of an image folder; blank lines do not
/// count. Image paths are looked up below `root`, where there is one, then beside the list.
///
/// # Errors
/// [`CliError::Input`] naming the line or entry: not such an object, no such image, an empty text.
pub(crate) fn pairs(
    file: &Path,
    root: Option<&Path>,
    skips: &mut Skips,
) -> Result<Vec<PairInput>, CliError> {
    let file = match file.is_dir() {
        false => file.to_owned(),
        true => list_in(file).ok_or_else(|| {
            let expected = "expected a list of pairs, found a folder without one";
            wrong(file, &format!("{expected} called {FOLDER_LIST}"))
        })?,
    };
    let beside = file.parent().unwrap_or(Path::new(""));
    let folders: Vec<&Path> = root.into_iter().chain([beside]).collect();
    let (name, content) = read(&file, LARGEST_PAIRS)?;
    let mut listed =
        Listed::new(&content).map_err(|reason| CliError::Input(format!("{name}: {reason}")))?;
    let mut pairs = Vec::new();
    for (number, line) in std::mem::take(&mut listed.lines) {
        let place = listed.place(&name, number);
        let pair = line
            .and_then(|line| pair(&folders, line))
            .map_err(|reason| CliError::Input(format!("{place}: {reason}")));
        pairs.extend(skips.take(place, pair)?);
    }
    skips.check_left(!pairs.is_empty(), &name, "pair")?;
    skips.notes.extend(listed.note(&name));
    Ok(pairs)
}

/// A line with its images in one of the `folders`.
fn pair(folders: &[&Path], line: PairLine) -> Result<PairInput, String> {
    let places = |image: &str| -> Vec<PathBuf> {
        let portable = portable_path(image).into_owned();
        let both = folders.iter();
        both.flat_map(|folder| [folder.join(image), folder.join(&portable)])
            .collect()
    };
    let find = |image: &str| {
        let places = places(image);
        if let Some(path) = places.iter().find(|path| path.is_file()) {
            return Ok(ImageInput::Path(path.clone()));
        }
        let last = places.last().map(|path| path.display().to_string());
        let found = match places.iter().any(|path| path.is_dir()) {
            true => "a folder; `frames` says how many of its images are taken",
            false => "no file",
        };
        Err(format!(
            "expected an image at {}, found {found}",
            last.unwrap_or_default()
        ))
    };
    let folder = |path: &str| {
        let folder = places(path).into_iter().find(|path| path.is_dir())?;
        let images = inside(&folder, &IMAGE_EXTENSIONS).ok()?;
        (!images.is_empty()).then(|| images.into_iter().map(ImageInput::Path).collect())
    };
    PairInput::listed(line, find, folder)
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
        let mut inside = inside(path, extensions)?;
        if inside.is_empty() {
            let kinds = extensions.join(", ");
            let reason = format!("expected files ending in {kinds} in this folder, found none");
            return Err(wrong(path, &reason));
        }
        files.append(&mut inside);
    }
    Ok(files)
}

/// The files in a folder with one of the `extensions`, sorted by name, without hidden ones.
fn inside(folder: &Path, extensions: &[&str]) -> Result<Vec<PathBuf>, CliError> {
    let unreadable = |error: std::io::Error| wrong(folder, &format!("cannot list it: {error}"));
    let mut inside = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
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
    inside.sort();
    Ok(inside)
}

fn read(path: &Path, limit: u64) -> Result<(String, String), CliError> {
    read_text(path, limit).map_err(|error| CliError::Input(error.to_string()))
}

fn wrong(path: &Path, reason: &str) -> CliError {
    CliError::Input(format!("{}: {reason}", path.display()))
}
