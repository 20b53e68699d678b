//! A checkpoint among the files that a person chose or dropped.

use std::{collections::BTreeMap, ops::Range};

use super::{ByteSource, no_such_file};
use crate::{
    platform::{self, PickedFile},
    weights::error::SourceError,
};

/// What makes a folder a checkpoint.
const CONFIG: &str = "config.json";

/// The files of one folder among those chosen: the one with `config.json`.
#[derive(Clone, Debug)]
pub struct PickedSource {
    name: String,
    files: BTreeMap<String, PickedFile>,
}

impl PickedSource {
    /// Takes the checkpoint among `files`: of several folders the one nearest to the top that has a
    /// `config.json`.
    ///
    /// # Errors
    /// There is no `config.json`, or two of them at the same depth.
    pub fn new(files: Vec<PickedFile>) -> Result<Self, SourceError> {
        let mut folders: Vec<&str> = files
            .iter()
            .filter(|file| file.name() == CONFIG)
            .map(PickedFile::folder)
            .collect();
        folders.sort_by_key(|folder| (depth(folder), *folder));
        let folder = match folders.as_slice() {
            [] => {
                return Err(SourceError::new(
                    CONFIG,
                    "expected among the files chosen, found none; choose the whole folder of a \
                     checkpoint",
                ));
            }
            [first, second, ..] if depth(first) == depth(second) => {
                return Err(SourceError::new(
                    CONFIG,
                    format!(
                        "expected one checkpoint, found those in `{first}` and `{second}`; choose \
                         one of them"
                    ),
                ));
            }
            [first, ..] => (*first).to_owned(),
        };
        let name = match folder.rsplit('/').next() {
            Some(name) if !name.is_empty() => name.to_owned(),
            _ => "chosen files".to_owned(),
        };
        let files = files
            .into_iter()
            .filter(|file| file.folder() == folder)
            .map(|file| (file.name().to_owned(), file))
            .collect();
        Ok(Self { name, files })
    }
}

/// How many folders deep a folder lies.
fn depth(folder: &str) -> usize {
    folder.split('/').filter(|part| !part.is_empty()).count()
}

impl ByteSource for PickedSource {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn list(&self) -> Result<Vec<String>, SourceError> {
        Ok(self.files.keys().cloned().collect())
    }

    fn len(&self, file: &str) -> Result<Option<u64>, SourceError> {
        Ok(self.files.get(file).map(|file| file.size))
    }

    fn read_range(&self, file: &str, range: Range<u64>) -> Result<Vec<u8>, SourceError> {
        let picked = self
            .files
            .get(file)
            .ok_or_else(|| no_such_file(&self.name, file))?;
        platform::read_range(picked, range)
            .map_err(|error| SourceError::new(error.file, error.reason))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::{FilePlace, native::files_at};

    fn files(paths: &[&str]) -> Vec<PickedFile> {
        let file = |path: &&str| PickedFile {
            path: (*path).to_owned(),
            size: 1,
            place: FilePlace::Page(0),
        };
        paths.iter().map(file).collect()
    }

    #[test]
    fn the_folder_with_the_configuration_is_taken() {
        let source = PickedSource::new(files(&[
            "model/config.json",
            "model/model.safetensors",
            "model/vision/config.json",
            "notes.txt",
        ]))
        .unwrap();
        assert_eq!(source.name(), "model");
        assert_eq!(source.list().unwrap(), ["config.json", "model.safetensors"]);
        assert_eq!(source.len("model.safetensors").unwrap(), Some(1));
        assert_eq!(source.len("notes.txt").unwrap(), None);
        let bare = PickedSource::new(files(&["config.json"])).unwrap();
        assert_eq!(bare.name(), "chosen files");
    }

    #[test]
    fn no_checkpoint_and_two_of_them_are_refused() {
        let error = PickedSource::new(files(&["a/model.safetensors"])).unwrap_err();
        assert!(error.to_string().contains("config.json"), "{error}");
        let two = files(&["a/config.json", "b/config.json"]);
        let error = PickedSource::new(two).unwrap_err().to_string();
        assert!(error.contains("`a` and `b`"), "{error}");
    }

    #[test]
    fn bytes_come_from_where_the_files_lie() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(CONFIG), "{\"a\":1}").unwrap();
        let source = PickedSource::new(files_at(&[folder.path().to_owned()])).unwrap();
        assert_eq!(source.read_range(CONFIG, 1..4).unwrap(), b"\"a\"");
        let error = source.read_range("model.safetensors", 0..1).unwrap_err();
        assert!(error.to_string().contains("no such file"), "{error}");
    }
}
