//! Which files of a repository a checkpoint needs.

use super::{Refusal, RepoFile, RepoId, gguf::gguf, lent::NO_TOKENIZER};
use crate::{
    families::part_folders,
    weights::{INDEX, TORCH, TORCH_INDEX, WEIGHTS, numbered_name},
};

const CONFIG: &str = "config.json";
const TOKENIZER: &str = "tokenizer.json";

/// What describes a model beside its weights, as far as anything here reads it.
const DESCRIPTIONS: [&str; 10] = [
    CONFIG,
    "generation_config.json",
    "processor_config.json",
    "preprocessor_config.json",
    TOKENIZER,
    "tokenizer_config.json",
    "special_tokens_map.json",
    "chat_template.json",
    "chat_template.jinja",
    // Without weights of a model it says what the repository is.
    "adapter_config.json",
];

/// The files that a checkpoint needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The files.
    pub files: Vec<RepoFile>,
    /// Choices that were made, and what is missing.
    pub notes: Vec<String>,
}

/// The files of a repository that a checkpoint needs: the descriptions that are read, and weights in the
/// order in which [`crate::weights::open_tensors`] looks for them; of families that keep their parts in
/// folders also those; of a repository of GGUF files the one that the id names, or else one of them, with its
/// projector.
///
/// # Errors
/// [`Refusal::NoCheckpoint`] where there is no configuration, or no weights in a form that is read;
/// [`Refusal::NoSuchModel`] where the file is not there that the id names.
pub fn wanted(id: &RepoId, all: &[RepoFile]) -> Result<Wanted, Refusal> {
    let mut wanted = Wanted::default();
    if id.file().is_some() {
        return gguf(id, all)?.ok_or_else(|| no_checkpoint(&Folder { all, path: "" }));
    }
    let root = Folder { all, path: "" };
    let weights = root.weights();
    let parts = part_folders().find(|parts| {
        let configured = |part: &&&str| Folder { all, path: part }.file(CONFIG).is_some();
        weights.is_empty() && parts.iter().filter(configured).count() > 1
    });
    if root.file(CONFIG).is_some() && (!weights.is_empty() || parts.is_some()) {
        wanted.files.extend(root.descriptions());
        wanted.files.extend(weights);
        for path in parts.into_iter().flatten() {
            let part = Folder { all, path };
            wanted.files.extend(part.descriptions());
            wanted.files.extend(part.weights());
        }
        let has_tokenizer = (wanted.files.iter()).any(|file| file.path.ends_with(TOKENIZER));
        if !has_tokenizer {
            wanted.notes.push(NO_TOKENIZER.to_owned());
        }
        return Ok(wanted);
    }
    // A configuration beside a GGUF file is of the model that it was made from.
    gguf(id, all)?.ok_or_else(|| no_checkpoint(&root))
}

/// A folder of a repository.
struct Folder<'a> {
    all: &'a [RepoFile],
    /// Its path, empty for the repository itself.
    path: &'a str,
}

impl<'a> Folder<'a> {
    /// The files in it, with their names in it.
    fn files(&self) -> impl Iterator<Item = (&'a str, &'a RepoFile)> {
        let (all, folder) = (self.all, self.path);
        all.iter().filter_map(move |file| {
            let (found, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
            (found == folder).then_some((name, file))
        })
    }

    fn file(&self, name: &str) -> Option<&'a RepoFile> {
        let mut files = self.files();
        files.find_map(|(found, file)| (found == name).then_some(file))
    }

    fn descriptions(&self) -> Vec<RepoFile> {
        let files = self.files();
        let described = files.filter(|(name, _)| DESCRIPTIONS.contains(name));
        described.map(|(_, file)| file.clone()).collect()
    }

    /// The weights, in safetensors where there are some, else in PyTorch's format, of which shards are read by their
    /// index alone.
    fn weights(&self) -> Vec<RepoFile> {
        let formats = [
            (WEIGHTS, INDEX, "model", ".safetensors", false),
            (TORCH, TORCH_INDEX, "pytorch_model", ".bin", true),
        ];
        for (single, index, stem, ending, by_index) in formats {
            if let Some(file) = self.file(single) {
                return vec![file.clone()];
            }
            let index = self.file(index);
            if by_index && index.is_none() {
                continue;
            }
            let mut shards = self.numbered(stem, ending);
            if shards.is_empty() && index.is_some() {
                // Called otherwise by their index.
                shards = self.of_kind(ending);
            }
            if !shards.is_empty() {
                shards.extend(index.cloned());
                return shards;
            }
        }
        Vec::new()
    }

    /// The shards of a complete set, `STEM-00001-of-00003ENDING`.
    fn numbered(&self, stem: &str, ending: &str) -> Vec<RepoFile> {
        let shard = |name: &str| {
            let (front, number, of) = numbered_name(name.strip_suffix(ending)?)?;
            (front == stem).then_some((number, of.parse::<usize>().ok()?))
        };
        let found = self
            .files()
            .filter_map(|(name, file)| Some((shard(name)?, file)));
        let found: Vec<((usize, usize), &RepoFile)> = found.collect();
        let sets = found.iter().map(|((_, of), _)| *of);
        let complete = sets.filter(|set| {
            let own = found.iter().filter(|((_, of), _)| of == set);
            own.count() == *set
        });
        let Some(set) = complete.min() else {
            return Vec::new();
        };
        let own = found.into_iter().filter(|((_, of), _)| *of == set);
        own.map(|(_, file)| file.clone()).collect()
    }

    fn of_kind(&self, ending: &str) -> Vec<RepoFile> {
        let own = self.files().filter(|(name, _)| {
            name.ends_with(ending)
                && !name.starts_with("adapter_")
                && !name.starts_with("consolidated")
        });
        own.map(|(_, file)| file.clone()).collect()
    }
}

/// What the repository holds instead of a checkpoint.
fn no_checkpoint(root: &Folder<'_>) -> Refusal {
    let names: Vec<&str> = root.files().map(|(name, _)| name).collect();
    let has = |endings: &[&str]| {
        let mut names = names.iter();
        names.any(|name| endings.iter().any(|ending| name.ends_with(ending)))
    };
    let listed = match names.as_slice() {
        [] => "no files".to_owned(),
        names if names.len() <= 5 => names.join(", "),
        names => format!("{} and {} more", names[..5].join(", "), names.len() - 5),
    };
    let (expected, found, advice) = if names.contains(&"model_index.json") {
        (
            "a vision-language model",
            "a pipeline of Diffusers".to_owned(),
            "use the repository of a vision-language model",
        )
    } else if names.contains(&"adapter_config.json") {
        (
            "the weights of a whole model",
            "an adapter (LoRA), which only holds changes to one".to_owned(),
            "merge it into its base model first, and use the folder that this writes",
        )
    } else if root.file(CONFIG).is_none() {
        (
            "config.json, or a GGUF file",
            listed,
            "use the repository of a checkpoint in Hugging Face's layout",
        )
    } else if has(&[".h5", ".msgpack", ".onnx", ".ot", ".tflite", ".npz"]) {
        (
            "weights in safetensors or in PyTorch's format",
            "those of another framework alone".to_owned(),
            "use a repository or a revision that has model.safetensors",
        )
    } else {
        (
            "model.safetensors, its shards, or pytorch_model.bin",
            listed,
            "use a repository or a revision that has them",
        )
    };
    Refusal::NoCheckpoint {
        expected,
        found,
        advice,
    }
}
