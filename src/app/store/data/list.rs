//! A list of pairs, with its images found among the files at hand.

use std::collections::HashMap;

use crate::{
    engine::{ImageInput, Listed, PairInput, portable_path},
    platform::{FilePlace, PickedFile},
};

/// A list of pairs that was read.
#[derive(Clone, Debug)]
pub struct PairList {
    /// The list's own file.
    pub file: PickedFile,
    /// Its lines, or the entries of a JSON list.
    pub listed: Listed,
    /// Each line with its number: the pair, or why it cannot be run.
    pub pairs: Vec<(usize, Result<PairInput, String>)>,
}

impl PairList {
    /// The list in `content`, its images not yet found.
    ///
    /// # Errors
    /// There is no pair in it, or it is no list.
    pub(super) fn new(file: PickedFile, content: &str) -> Result<Self, String> {
        let listed = Listed::new(content)?;
        if listed.lines.is_empty() {
            return Err("expected at least one pair, found none".to_owned());
        }
        Ok(Self {
            file,
            listed,
            pairs: Vec::new(),
        })
    }

    /// Number of lines that can be run.
    pub fn usable(&self) -> usize {
        self.pairs.iter().filter(|(_, pair)| pair.is_ok()).count()
    }

    /// The lines that cannot be run, with their numbers and the reasons.
    pub fn wrong(&self) -> impl Iterator<Item = (usize, &str)> {
        self.pairs.iter().filter_map(|(number, pair)| {
            let reason = pair.as_ref().err()?;
            Some((*number, reason.as_str()))
        })
    }

    /// Finds each line's images: a file at the line's path below the list's folder, else the only one of
    /// its name, else, natively, one on disk.
    pub(super) fn resolve(&mut self, files: &[&PickedFile]) {
        let by_path: HashMap<&str, &PickedFile> = files
            .iter()
            .map(|file| (file.path.as_str(), *file))
            .collect();
        let mut by_name: HashMap<&str, Vec<&PickedFile>> = HashMap::new();
        for file in files {
            by_name.entry(file.name()).or_default().push(file);
        }
        let folder = self.file.folder();
        let find = |image: &str| {
            let image = portable_path(image);
            let path = image.trim_start_matches("./");
            let below = if folder.is_empty() {
                path.to_owned()
            } else {
                format!("{folder}/{path}")
            };
            let name = path.rsplit('/').next().unwrap_or(path);
            let alone = by_name.get(name).filter(|same| same.len() == 1);
            by_path
                .get(below.as_str())
                .copied()
                .or_else(|| alone.and_then(|same| same.first().copied()))
                .map(|file| ImageInput::Picked(file.clone()))
                .or_else(|| on_disk(&self.file, path))
                .ok_or_else(|| {
                    format!("expected the image {image}, found no such file: add it, too")
                })
        };
        let folder = |path: &str| {
            let path = portable_path(path);
            let path = path.trim_start_matches("./").trim_end_matches('/');
            let below = match folder.is_empty() {
                true => path.to_owned(),
                false => format!("{folder}/{path}"),
            };
            let mut inside: Vec<&PickedFile> = (files.iter().copied())
                .filter(|file| file.folder() == below)
                .collect();
            inside.sort_by_key(|file| file.name());
            (!inside.is_empty()).then(|| {
                inside
                    .into_iter()
                    .cloned()
                    .map(ImageInput::Picked)
                    .collect()
            })
        };
        self.pairs = (self.listed.lines.iter())
            .map(|(number, line)| {
                let pair = line.clone();
                (
                    *number,
                    pair.and_then(|line| PairInput::listed(line, find, folder)),
                )
            })
            .collect();
    }
}

/// The image beside a list on disk.
#[cfg(not(target_arch = "wasm32"))]
fn on_disk(list: &PickedFile, image: &str) -> Option<ImageInput> {
    let FilePlace::Disk(list) = &list.place else {
        return None;
    };
    let path = list.parent()?.join(image);
    path.is_file().then_some(ImageInput::Path(path))
}

/// A page sees no disk.
#[cfg(target_arch = "wasm32")]
fn on_disk(list: &PickedFile, _image: &str) -> Option<ImageInput> {
    match list.place {
        FilePlace::Disk(_) | FilePlace::Page(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> PickedFile {
        PickedFile {
            path: path.to_owned(),
            size: 1,
            place: FilePlace::Page(0),
        }
    }

    #[test]
    fn images_are_found_by_path_then_by_name() {
        let content = "{\"image\": \"images/a.png\", \"text\": \"A.\"}\n\
                       {\"image\": \"sub\\\\b.png\", \"text\": \"B.\"}\n\
                       {\"image\": \"c.png\", \"text\": \"C.\"}\nnonsense";
        let mut list = PairList::new(file("set/pairs.jsonl"), content).unwrap();
        let (a, other) = (file("set/images/a.png"), file("other/a.png"));
        let (b, c, c2) = (file("b.png"), file("x/c.png"), file("y/c.png"));
        list.resolve(&[&other, &a, &b, &c, &c2]);
        assert_eq!(list.usable(), 2);
        let (_, Ok(first)) = &list.pairs[0] else {
            panic!("the path decides");
        };
        assert_eq!(first.images().next().unwrap().name(), "set/images/a.png");
        let wrong: Vec<_> = list.wrong().collect();
        assert_eq!(wrong[0].0, 3);
        assert!(wrong[0].1.contains("c.png"), "{wrong:?}");
        assert_eq!(wrong[1].0, 4);
        assert!(PairList::new(file("p.jsonl"), "\n \n").is_err());
    }

    #[test]
    fn all_images_of_a_document_are_found_or_named() {
        let line = r#"{"images": ["images/a.png", "b.png"], "texts": ["A.", "B."]}"#;
        let mut list = PairList::new(file("set/pairs.jsonl"), line).unwrap();
        let (a, b) = (file("set/images/a.png"), file("b.png"));
        list.resolve(&[&a]);
        assert!(list.wrong().next().unwrap().1.contains("image b.png"));
        list.resolve(&[&a, &b]);
        let (_, Ok(document)) = &list.pairs[0] else {
            panic!("both images are there");
        };
        let names: Vec<String> = document.images().map(ImageInput::name).collect();
        assert_eq!(names, ["set/images/a.png", "b.png"]);
        assert_eq!(document.texts().collect::<Vec<_>>(), ["A.", "B."]);
    }
}
