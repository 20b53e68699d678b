//! A checkpoint among the files that a person chose or dropped.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use super::{ByteSource, no_such_file, path};
use crate::{
    platform::{self, FilePlace, PickedFile},
    weights::{
        error::{SourceError, WeightsError},
        gguf::is_gguf,
        packaging,
        shards::shards_outside,
    },
};

/// What makes a folder a checkpoint.
const CONFIG: &str = "config.json";

/// The files of one folder among those chosen: the one with `config.json`; and the others, from which
/// its index of shards may take some.
#[derive(Clone, Debug)]
pub struct PickedSource {
    folder: String,
    files: BTreeMap<String, PickedFile>,
}

impl PickedSource {
    /// Takes the checkpoint among `files`: of several folders the one nearest to the top that has a
    /// `config.json`. A folder from which another one takes shards is not the one that is meant.
    ///
    /// # Errors
    /// There is no `config.json` and no GGUF file, or two configurations at the same depth.
    pub fn new(files: Vec<PickedFile>) -> Result<Self, WeightsError> {
        let files = files.into_iter().map(|file| (file.path.clone(), file));
        let mut source = Self {
            folder: String::new(),
            files: files.collect(),
        };
        let mut folders: Vec<String> = (source.files.values())
            .filter(|file| file.name() == CONFIG)
            .map(|file| file.folder().to_owned())
            .collect();
        folders.sort_by_key(|folder| (depth(folder), folder.clone()));
        if folders.len() > 1 {
            let shared = source.shared(&folders);
            folders.retain(|folder| !shared.contains(folder));
        }
        match folders.as_slice() {
            [] => {
                source.folder = path::common_folder(source.files.keys().map(String::as_str));
                if source.list()?.iter().any(|name| is_gguf(name)) {
                    return Ok(source);
                }
                return Err(packaging::without_config(&source));
            }
            [first, second, ..] if depth(first) == depth(second) => {
                return Err(SourceError::new(
                    CONFIG,
                    format!(
                        "expected one checkpoint, found those in `{first}` and `{second}`; choose \
                         one of them, and with it only the folder from which it takes weights"
                    ),
                )
                .into());
            }
            [first, ..] => source.folder.clone_from(first),
        }
        Ok(source)
    }

    /// The checkpoint's folder, by the path that its files were chosen with.
    pub fn folder(&self) -> &str {
        &self.folder
    }

    /// The folders from which others among `folders` take shards.
    fn shared(&self, folders: &[String]) -> BTreeSet<String> {
        let mut shared = BTreeSet::new();
        for folder in folders {
            let seen = Self {
                folder: folder.clone(),
                files: self.files.clone(),
            };
            let shards = shards_outside(&seen);
            let places = shards.iter().map(|shard| path::resolve(folder, shard));
            shared.extend(places.map(|place| path::folder_of(&place).to_owned()));
        }
        shared
    }

    /// The file at a path relative to the folder: among those chosen, or, outside the folder and
    /// where the folder lies on disk, there.
    fn file(&self, file: &str) -> Option<PickedFile> {
        let chosen = self.files.get(&path::resolve(&self.folder, file));
        chosen.cloned().or_else(|| self.on_disk(file))
    }

    fn on_disk(&self, file: &str) -> Option<PickedFile> {
        if !path::is_outside(file) {
            return None;
        }
        let config = self.files.get(&path::resolve(&self.folder, CONFIG))?;
        let FilePlace::Disk(config) = &config.place else {
            return None;
        };
        let place = config.parent()?.join(file);
        let data = std::fs::metadata(&place)
            .ok()
            .filter(|data| data.is_file())?;
        Some(PickedFile {
            path: path::resolve(&self.folder, file),
            size: data.len(),
            place: FilePlace::Disk(place),
        })
    }
}

/// The repository of a snapshot in a hub's cache.
fn repository(folder: &str) -> Option<String> {
    let (front, _) = folder.rsplit_once('/')?;
    let repository = front.strip_suffix("/snapshots")?.rsplit('/').next()?;
    Some(repository.strip_prefix("models--")?.replacen("--", "/", 1))
}

/// How many folders deep a folder lies.
fn depth(folder: &str) -> usize {
    folder.split('/').filter(|part| !part.is_empty()).count()
}

impl ByteSource for PickedSource {
    fn name(&self) -> String {
        if let Some(repository) = repository(&self.folder) {
            return repository;
        }
        match self.folder.rsplit('/').next() {
            Some(name) if !name.is_empty() => name.to_owned(),
            _ => "chosen files".to_owned(),
        }
    }

    fn list(&self) -> Result<Vec<String>, SourceError> {
        let here = self.files.values();
        let here = here.filter(|file| file.folder() == self.folder);
        Ok(here.map(|file| file.name().to_owned()).collect())
    }

    fn folders_with(&self, name: &str) -> Vec<String> {
        path::folders_with(self.files.keys().map(String::as_str), &self.folder, name)
    }

    fn len(&self, file: &str) -> Result<Option<u64>, SourceError> {
        Ok(self.file(file).map(|file| file.size))
    }

    fn advice(&self, file: &str) -> String {
        let folder = path::folder_of(file).rsplit('/').next();
        match folder.filter(|folder| *folder != "..") {
            Some(folder) => format!(
                "choose the folders `{}` and `{folder}` together: drop both at once, or choose a \
                 folder that holds these two alone",
                self.name()
            ),
            None => "choose the folder that holds both".to_owned(),
        }
    }

    fn read_range(&self, file: &str, range: Range<u64>) -> Result<Vec<u8>, SourceError> {
        let picked = self
            .file(file)
            .ok_or_else(|| no_such_file(&self.name(), file))?;
        platform::read_range(&picked, range)
            .map_err(|error| SourceError::new(error.file, error.reason))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::native::files_at;

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
        // Without a file that could be read there is no index that tells them apart.
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

    #[test]
    fn a_variant_is_told_from_the_folder_it_takes_weights_of() {
        let folder = tempfile::tempdir().unwrap();
        let write = |file: &str, content: &str| {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        };
        write("base/config.json", "{}");
        write("base/tower.safetensors", "tower");
        write("warm/config.json", "{}");
        let index = r#"{"weight_map": {"a": "../base/tower.safetensors", "b": "c.safetensors"}}"#;
        write("warm/model.safetensors.index.json", index);
        let both = files_at(&[folder.path().join("warm"), folder.path().join("base")]);
        let source = PickedSource::new(both).unwrap();
        assert_eq!(source.name(), "warm");
        let shard = "../base/tower.safetensors";
        assert_eq!(source.read(shard).unwrap(), b"tower");
        assert_eq!(
            source.list().unwrap(),
            ["config.json", "model.safetensors.index.json"]
        );
        // On disk the folder beside the one chosen is found as well.
        let alone = PickedSource::new(files_at(&[folder.path().join("warm")])).unwrap();
        assert_eq!(alone.len(shard).unwrap(), Some(5));
        // A page sees what was chosen and nothing else.
        let page = PickedSource::new(files(&["warm/config.json"])).unwrap();
        assert_eq!(page.len(shard).unwrap(), None);
        assert!(page.advice(shard).contains("`warm` and `base` together"));
    }
}
