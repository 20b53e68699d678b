//! Files that a person hands over: chosen in a dialog, or dropped.
//!
//! A [`PickedFile`] is only a name, a size and a place; bytes are read when somebody needs them, and
//! those of weights by the engine alone, range by range.

use std::{path::PathBuf, task::Poll};

use futures_channel::oneshot;
use serde::{Deserialize, Serialize};

/// Most files that one choice or drop may bring; what comes after is left out.
pub const MAX_FILES: usize = 20_000;

/// A file that a person chose or dropped.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PickedFile {
    /// Name, after the folders it was chosen with: `model/config.json`, or `cat.png`.
    pub path: String,
    /// Size in bytes.
    pub size: u64,
    /// Where the bytes are.
    pub place: FilePlace,
}

impl PickedFile {
    /// The name without folders.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// The folders before the name, without a `/` at the end; empty where there are none.
    pub fn folder(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// What follows the name's last dot, in lower case; empty where there is none.
    pub fn extension(&self) -> String {
        self.name()
            .rsplit_once('.')
            .map_or_else(String::new, |(_, extension)| extension.to_lowercase())
    }
}

/// Where a file's bytes are.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FilePlace {
    /// On disk (native only).
    Disk(PathBuf),
    /// With the page, which knows it by this number (browser only). The page hands the file over to
    /// the engine's Worker with every command that names it.
    Page(u32),
}

/// What a person is asked to choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PickKind {
    /// Images.
    Images,
    /// Texts, one per file or one per line.
    Texts,
    /// A list of pairs (`.jsonl`) together with its images.
    Pairs,
    /// A folder: a checkpoint, or one of images and texts.
    Folder,
    /// The files of a checkpoint.
    Checkpoint,
}

impl PickKind {
    /// The dialog's title.
    pub fn title(self) -> &'static str {
        match self {
            Self::Images => "Choose images",
            Self::Texts => "Choose texts",
            Self::Pairs => "Choose a list of pairs and its images",
            Self::Folder => "Choose a folder",
            Self::Checkpoint => "Choose the files of a checkpoint",
        }
    }

    /// Extensions of the files in question, in lower case; empty for folders.
    pub fn extensions(self) -> &'static [&'static str] {
        match self {
            Self::Images => &["png", "jpg", "jpeg", "webp", "gif", "bmp"],
            Self::Texts => &["txt", "story"],
            Self::Pairs => &["jsonl", "json", "png", "jpg", "jpeg", "webp", "gif", "bmp"],
            Self::Folder => &[],
            Self::Checkpoint => &[
                "json",
                "safetensors",
                "gguf",
                "bin",
                "pt",
                "pth",
                "txt",
                "jinja",
                "model",
            ],
        }
    }
}

/// Why a file could not be read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {reason}")]
pub struct FileError {
    /// The file's path as the person knows it.
    pub file: String,
    /// What was expected, what was found.
    pub reason: String,
}

impl FileError {
    /// An error of the file called `file`.
    pub fn new(file: impl Into<String>, reason: impl ToString) -> Self {
        Self {
            file: file.into(),
            reason: reason.to_string(),
        }
    }

    /// A file that is larger than a reader takes.
    #[cfg(any(feature = "app", target_arch = "wasm32"))]
    pub(super) fn too_large(file: &PickedFile, limit: u64) -> Self {
        Self::new(
            &file.path,
            format!("expected at most {limit} bytes, found {}", file.size),
        )
    }
}

/// Something that comes later: asked for once, looked at in every frame.
#[derive(Debug)]
pub struct Later<T>(oneshot::Receiver<T>);

impl<T> Later<T> {
    /// Something to come, and where it is put.
    pub fn new() -> (oneshot::Sender<T>, Self) {
        let (sender, receiver) = oneshot::channel();
        (sender, Self(receiver))
    }

    /// Something that is there at once.
    pub fn ready(value: T) -> Self {
        let (sender, later) = Self::new();
        // The receiver is alive: it is the value returned.
        sender.send(value).ok();
        later
    }

    /// Whether it is there; never waits. `Ready(None)` where it will not come any more, for example
    /// because it has been taken.
    pub fn poll(&mut self) -> Poll<Option<T>> {
        match self.0.try_recv() {
            Ok(Some(value)) => Poll::Ready(Some(value)),
            Ok(None) => Poll::Pending,
            Err(oneshot::Canceled) => Poll::Ready(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_its_parts() {
        let file = |path: &str| PickedFile {
            path: path.to_owned(),
            size: 0,
            place: FilePlace::Page(0),
        };
        let deep = file("a/b/Cat.PNG");
        assert_eq!(
            (deep.folder(), deep.name(), deep.extension().as_str()),
            ("a/b", "Cat.PNG", "png")
        );
        let bare = file("README");
        assert_eq!(
            (bare.folder(), bare.name(), bare.extension().as_str()),
            ("", "README", "")
        );
    }

    #[test]
    fn what_comes_later_comes_once() {
        let (sender, mut later) = Later::new();
        assert_eq!(later.poll(), Poll::Pending);
        sender.send(3).unwrap();
        assert_eq!(later.poll(), Poll::Ready(Some(3)));
        assert_eq!(later.poll(), Poll::Ready(None));
        assert_eq!(Later::ready('x').poll(), Poll::Ready(Some('x')));
        let (sender, mut later) = Later::<u8>::new();
        drop(sender);
        assert_eq!(later.poll(), Poll::Ready(None));
    }
}
