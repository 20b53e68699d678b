//! What a file is, by its name and its neighbors.

use std::collections::BTreeSet;

use super::{Data, Item, ModelChoice, Wake};
use crate::platform::{FileError, PickKind, PickedFile};

/// What makes a folder a checkpoint.
const CONFIG: &str = "config.json";

impl Data {
    /// Takes files of any kind: a checkpoint, images, texts, lists of pairs, reports.
    pub fn add(&mut self, files: Vec<PickedFile>, wake: &Wake) {
        let folders = |wanted: fn(&PickedFile) -> bool| -> BTreeSet<String> {
            let wanted = files.iter().filter(|file| wanted(file));
            wanted.map(|file| file.folder().to_owned()).collect()
        };
        let mut checkpoints = folders(|file| file.name() == CONFIG);
        if checkpoints.is_empty() {
            // The engine says what is wrong with them.
            checkpoints = folders(looks_like_a_model);
        }
        let (checkpoint, others): (Vec<_>, Vec<_>) = files
            .into_iter()
            .partition(|file| is_part(file, &checkpoints));
        if !checkpoint.is_empty() {
            // Of several folders, one may take weights of the others: the engine finds out which.
            let names: Vec<&str> = (checkpoints.iter())
                .map(|folder| folder.rsplit('/').next().unwrap_or_default())
                .map(|name| {
                    if name.is_empty() {
                        "chosen files"
                    } else {
                        name
                    }
                })
                .collect();
            self.choose_model(ModelChoice::Picked {
                name: names.join(" and "),
                files: checkpoint,
            });
        }
        for file in others {
            self.add_one(file, wake);
        }
        self.resolve_list();
    }

    fn add_one(&mut self, file: PickedFile, wake: &Wake) {
        let extension = file.extension();
        let is = |kind: PickKind| kind.extensions().contains(&extension.as_str());
        if is(PickKind::Images) {
            if !self.images.iter().any(|item| item.file.place == file.place) {
                let number = self.next_number();
                self.images.push(Item::new(number, file));
            }
        } else if is(PickKind::Texts) {
            if !self.texts.iter().any(|item| item.file.place == file.place) {
                let number = self.next_number();
                self.texts.push(Item::new(number, file));
            }
        } else if extension == "jsonl" {
            self.read_list(file, wake);
        } else if extension == "json" {
            self.read_report(file, wake);
        } else {
            let reason = "expected an image, a text (.txt or .story), a .jsonl list of pairs, a checkpoint \
                          or a report, found another kind of file";
            self.rejected.push(FileError::new(file.path, reason));
        }
    }
}

/// Whether a file shows that somebody means a model, although there is no `config.json`.
fn looks_like_a_model(file: &PickedFile) -> bool {
    const ENDINGS: [&str; 9] = [
        "safetensors",
        "gguf",
        "bin",
        "pth",
        "pt",
        "ckpt",
        "onnx",
        "h5",
        "msgpack",
    ];
    const NAMES: [&str; 3] = [
        "adapter_config.json",
        "model.safetensors.index.json",
        "tokenizer.json",
    ];
    let in_cache = file
        .path
        .split('/')
        .any(|part| part.starts_with("models--"));
    in_cache || ENDINGS.contains(&file.extension().as_str()) || NAMES.contains(&file.name())
}

/// Whether a file belongs to a checkpoint in one of these folders: weights from anywhere, and all that
/// lies there but images and lists.
fn is_part(file: &PickedFile, checkpoints: &BTreeSet<String>) -> bool {
    let extension = file.extension();
    if !checkpoints.contains(file.folder()) {
        return !checkpoints.is_empty() && extension == "safetensors";
    }
    !PickKind::Images.extensions().contains(&extension.as_str()) && extension != "jsonl"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::FilePlace;
    use std::sync::Arc;

    fn files(paths: &[&str]) -> Vec<PickedFile> {
        let file = |(number, path): (usize, &&str)| PickedFile {
            path: (*path).to_owned(),
            size: 1,
            place: FilePlace::Page(number as u32),
        };
        paths.iter().enumerate().map(file).collect()
    }

    #[test]
    fn a_folder_with_config_json_is_a_checkpoint() {
        let wake: Wake = Arc::new(|| {});
        let mut data = Data::default();
        data.add(
            files(&[
                "tiny/config.json",
                "tiny/merges.txt",
                "tiny/model.safetensors",
                "tiny/cat.png",
                "texts/a.txt",
                "loose.safetensors",
                "movie.mp4",
            ]),
            &wake,
        );
        let ModelChoice::Picked { name, files } = &data.model else {
            panic!("a checkpoint was dropped");
        };
        // Weights beside the folder may be shards of the checkpoint.
        assert_eq!((name.as_str(), files.len()), ("tiny", 4));
        assert_eq!((data.images.len(), data.texts.len()), (1, 1));
        let rejected: Vec<&str> = data
            .rejected
            .iter()
            .map(|error| error.file.as_str())
            .collect();
        assert_eq!(rejected, ["movie.mp4"]);
        assert!(data.next_inspection().is_some());
        assert!(data.next_inspection().is_none(), "one at a time");
    }

    #[test]
    fn what_is_meant_as_a_model_goes_to_the_engine_which_says_what_is_wrong() {
        let wake: Wake = Arc::new(|| {});
        for (paths, count) in [
            (&["loose.safetensors"][..], 1),
            (&["lora/adapter_config.json", "lora/adapter_model.bin"], 2),
            (&["quantized/model.gguf", "quantized/cat.png"], 1),
            (&["models--a--b/refs/main", "models--a--b/blobs/0f"], 2),
        ] {
            let mut data = Data::default();
            data.add(files(paths), &wake);
            let ModelChoice::Picked { files, .. } = &data.model else {
                panic!("{paths:?} are meant as a model");
            };
            assert_eq!(files.len(), count, "{paths:?}");
            assert!(data.rejected.is_empty() && data.next_inspection().is_some());
        }
        let mut data = Data::default();
        data.add(files(&["notes.pdf"]), &wake);
        assert_eq!(data.model, ModelChoice::default());
        assert_eq!(data.rejected.len(), 1);
    }

    #[test]
    fn a_file_counts_once() {
        let wake: Wake = Arc::new(|| {});
        let mut data = Data::default();
        data.add(files(&["a.png"]), &wake);
        data.add(files(&["a.png"]), &wake);
        assert_eq!(data.images.len(), 1);
        let number = data.images[0].number;
        data.remove(number);
        assert!(data.images.is_empty() && !data.has_pairs());
    }
}
