//! Which of a repository's GGUF files are meant.

use super::{Refusal, RepoFile, RepoId, Wanted, error::mebibytes, plan::name_in_folder};
use crate::{
    weights::{
        gguf::{is_gguf, is_projector},
        numbered_name,
    },
    words::counted,
};

/// Quantizations of GGUF files, the one that is taken first.
const QUANTIZATIONS: [&str; 6] = ["q4_k_m", "q8_0", "q4_0", "f16", "bf16", "f32"];
/// The same for the projector of a vision tower, which is small and wants to be exact.
const OF_PROJECTOR: [&str; 4] = ["f16", "bf16", "q8_0", "f32"];

/// Most files that a message names.
const MOST_NAMED: usize = 40;

/// The model that the id names, or else the one that most readers would take, with its vision part; none where there
/// is none.
///
/// # Errors
/// [`Refusal::NoSuchModel`] where the file is not there that the id names, and [`Refusal::NoCheckpoint`] where
/// models are there in parts only.
pub(super) fn gguf(id: &RepoId, all: &[RepoFile]) -> Result<Option<Wanted>, Refusal> {
    let files = all.iter().filter(|file| is_gguf(&file.path));
    let (projectors, models): (Vec<_>, Vec<_>) = files.partition(|file| is_projector(&file.path));
    let (parts, models): (Vec<_>, Vec<_>) =
        models.into_iter().partition(|file| is_part(&file.path));
    let model = match id.file() {
        Some(wanted) => {
            let found = models.iter().find(|file| file.path == wanted);
            *found.ok_or_else(|| match parts.iter().any(|part| part.path == wanted) {
                true => in_parts(wanted),
                false => no_such_model(wanted, &models),
            })?
        }
        None => {
            // One in a folder of its own has to be named.
            let top: Vec<&RepoFile> = models.iter().filter(|file| is_top(file)).copied().collect();
            let candidates = if top.is_empty() { &models } else { &top };
            match (preferred(candidates, &QUANTIZATIONS), parts.first()) {
                (Some(model), _) => model,
                (None, Some(part)) => return Err(in_parts(&part.path)),
                (None, None) => return Ok(None),
            }
        }
    };
    let mut wanted = Wanted::default();
    wanted.files.push(model.clone());
    if id.file().is_none() && models.len() > 1 {
        let others: Vec<&RepoFile> = models
            .iter()
            .filter(|file| **file != model)
            .copied()
            .collect();
        wanted.notes.push(format!(
            "of {}, {} ({}) is taken; the others are {}; to take another one, name it as {}",
            counted(models.len(), "GGUF file"),
            model.path,
            mebibytes(model.size),
            listed(&others),
            id.with_file(others.first().map_or("FILE.gguf", |file| &file.path)),
        ));
    }
    let folder = |file: &RepoFile| {
        file.path
            .rsplit_once('/')
            .map(|(folder, _)| folder.to_owned())
    };
    let beside: Vec<&RepoFile> = (projectors.iter().copied())
        .filter(|projector| folder(projector) == folder(model))
        .collect();
    let top: Vec<&RepoFile> = projectors.into_iter().filter(|file| is_top(file)).collect();
    let projectors = if beside.is_empty() { top } else { beside };
    match preferred(&projectors, &OF_PROJECTOR) {
        Some(projector) => {
            wanted.files.push(projector.clone());
            if projectors.len() > 1 {
                wanted.notes.push(format!(
                    "of {}, {} is taken",
                    counted(projectors.len(), "mmproj file"),
                    projector.path
                ));
            }
        }
        None => wanted.notes.push(
            "the repository has no mmproj file, without which the model sees no images".to_owned(),
        ),
    }
    Ok(Some(wanted))
}

/// Whether a file lies in no folder.
fn is_top(file: &RepoFile) -> bool {
    !file.path.contains('/')
}

/// Whether a file is one of several that hold a model together, `NAME-00001-of-00002.gguf`.
fn is_part(path: &str) -> bool {
    let name = name_in_folder(path).to_lowercase();
    let numbered = name.strip_suffix(".gguf").and_then(numbered_name);
    numbered.is_some_and(|(_, _, of)| of.len() == 5 && of != "00001")
}

/// The first of the kinds that is there; the smallest file where none is.
fn preferred<'a>(files: &[&'a RepoFile], kinds: &[&str]) -> Option<&'a RepoFile> {
    let of_kind = |kind: &&str| {
        let mut files = files.iter();
        files.find(|file| {
            let name = name_in_folder(&file.path).to_lowercase();
            let mut words = name.split(['-', '.']);
            words.any(|word| word == *kind)
        })
    };
    let smallest = || files.iter().min_by_key(|file| file.size);
    kinds.iter().find_map(of_kind).or_else(smallest).copied()
}

/// Files with their sizes.
fn listed(files: &[&RepoFile]) -> String {
    let named = files.iter().take(MOST_NAMED);
    let named = named.map(|file| format!("{} ({})", file.path, mebibytes(file.size)));
    let mut named: Vec<String> = named.collect();
    if files.len() > MOST_NAMED {
        named.push(format!("{} more", files.len() - MOST_NAMED));
    }
    named.join(", ")
}

fn no_such_model(wanted: &str, models: &[&RepoFile]) -> Refusal {
    Refusal::NoSuchModel {
        file: wanted.to_owned(),
        found: match models {
            [] => "no GGUF file of a model".to_owned(),
            models => listed(models),
        },
    }
}

fn in_parts(path: &str) -> Refusal {
    Refusal::NoCheckpoint {
        expected: "a GGUF file that is whole",
        found: format!("one in parts ({path})"),
        advice: "download the parts, join them (llama-gguf-split --merge), and use the file that this writes",
    }
}
