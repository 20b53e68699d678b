//! A checkpoint of the shipped study, and the pairs it is measured on, wherever their files are.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{EngineError, ImageInput, NamedBytes, PairInput, PairLine, Shown, pair_lines, select};
use crate::{
    platform::{DemoFile, asset_files},
    weights::{Bytes, INDEX, MemorySource},
};

/// The files of the checkpoint in `assets/study/{folder}`, with the shards elsewhere in `assets` that
/// its index names, under the names that the index has for them.
///
/// # Errors
/// [`EngineError::NoStudy`] where the folder is not at hand, and files that cannot be had.
pub(super) async fn checkpoint(
    folder: &str,
    progress: impl FnMut(u64, u64),
) -> Result<MemorySource, EngineError> {
    let inside = format!("study/{folder}/");
    let index = inside.clone() + INDEX;
    let index = asset_files(|path| path == index, |_, _| {}).await?;
    let outside = index
        .first()
        .map_or_else(BTreeMap::new, |file| shards(&inside, &file.bytes));
    let wanted = |path: &str| path.starts_with(&inside) || outside.contains_key(path);
    let mut source = MemorySource::new(format!("assets/study/{folder}"));
    let mut found = false;
    for DemoFile { path, bytes } in asset_files(wanted, progress).await? {
        let bytes: Bytes = match bytes {
            std::borrow::Cow::Borrowed(bytes) => bytes.into(),
            std::borrow::Cow::Owned(bytes) => bytes.into(),
        };
        if let Some(name) = outside.get(&path) {
            source.insert(name.clone(), bytes);
        } else if let Some(name) = path.strip_prefix(&inside) {
            source.insert(name, bytes);
            found = true;
        }
    }
    match found {
        true => Ok(source),
        false => Err(no_study(folder)),
    }
}

fn no_study(what: &str) -> EngineError {
    EngineError::NoStudy {
        what: what.to_owned(),
    }
}

/// The shards that lie outside of a checkpoint's folder: their path below `assets`, and the name that
/// the index has for them. A damaged index has none, and is told where the checkpoint is opened.
fn shards(inside: &str, index: &[u8]) -> BTreeMap<String, String> {
    let index: Value = serde_json::from_slice(index).unwrap_or_default();
    let map = index["weight_map"].as_object();
    let names = map.into_iter().flat_map(|map| map.values());
    names
        .filter_map(Value::as_str)
        .filter(|name| name.contains("../"))
        .map(|name| (resolved(inside, name), name.to_owned()))
        .collect()
}

/// A path as seen from a folder, without `..`.
fn resolved(folder: &str, name: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(name.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The pairs of the list `assets/study/{list}` that the seed selects, and how many there are.
///
/// # Errors
/// [`EngineError::NoStudy`] where the list is not at hand, [`EngineError::Unreadable`] for a line that
/// is no pair or an image that is not there.
pub(super) async fn pairs(
    list: &str,
    num: Option<usize>,
    seed: u64,
) -> Result<(Vec<PairInput>, usize), EngineError> {
    let path = resolved("study", list);
    let wrong = |reason: String| EngineError::Unreadable {
        path: format!("assets/{path}"),
        reason,
    };
    let file = asset_files(|found| found == path, |_, _| {}).await?;
    let file = file.into_iter().next().ok_or_else(|| no_study(list))?;
    let text =
        String::from_utf8(file.bytes.into_owned()).map_err(|error| wrong(error.to_string()))?;
    let lines = pair_lines(&text)
        .map(|(number, line)| line.map_err(|reason| wrong(format!("line {number}: {reason}"))))
        .collect::<Result<Vec<_>, _>>()?;
    let available = lines.len();
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let chosen: Vec<&PairLine> = (select(available, num, seed).into_iter())
        .filter_map(|index| lines.get(index))
        .collect();
    let turns = chosen.iter().flat_map(|line| &line.turns);
    let all = turns.flat_map(|turn| turn.shown.iter().flat_map(Shown::paths));
    let all: BTreeSet<String> = all.map(|path| resolved(folder, path)).collect();
    let named = |path: &str| all.contains(path);
    let images: BTreeMap<String, Vec<u8>> = (asset_files(named, |_, _| {}).await?.into_iter())
        .map(|file| (file.path, file.bytes.into_owned()))
        .collect();
    let mut pairs = Vec::with_capacity(chosen.len());
    let find = |path: &str| {
        let name = resolved(folder, path);
        // A document may show an image twice.
        let bytes = images
            .get(&name)
            .cloned()
            .ok_or_else(|| wrong(format!("expected an image at assets/{name}, found none")))?;
        Ok::<_, EngineError>(ImageInput::Bytes(NamedBytes { name, bytes }))
    };
    for line in &chosen {
        pairs.push(PairInput::listed((*line).clone(), find, |_| None)?);
    }
    Ok((pairs, available))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{model::Checkpoint, platform::native::block_on};

    #[test]
    fn shards_elsewhere_are_found_by_their_place() {
        let index = br#"{"weight_map": {"a": "own.safetensors",
            "b": "../../demo/model/model.safetensors", "c": "../base/tower.safetensors"}}"#;
        let found = shards("study/lr/", index);
        let expected = [
            (
                "demo/model/model.safetensors",
                "../../demo/model/model.safetensors",
            ),
            ("study/base/tower.safetensors", "../base/tower.safetensors"),
        ];
        let expected = expected.map(|(path, name)| (path.to_owned(), name.to_owned()));
        assert_eq!(found.into_iter().collect::<Vec<_>>(), expected);
        assert!(shards("study/lr/", b"{").is_empty());
        assert_eq!(resolved("study", "../../../etc/passwd"), "etc/passwd");
    }

    /// As the recipe writes it: everything but the connector lies in the demo's file.
    #[test]
    fn a_checkpoint_takes_shards_from_beside_the_study() {
        let wanted = |path: &str| path.starts_with("demo/");
        let files = block_on(asset_files(wanted, |_, _| {})).unwrap();
        let (mut source, mut map) = (MemorySource::new("made up"), serde_json::Map::new());
        let mut add = |name: &str, bytes: &[u8]| source.insert(name, Bytes::from(bytes.to_vec()));
        let mut index = |bytes: &[u8], name: &str, connector: bool| {
            let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
            let header: Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
            for tensor in header.as_object().unwrap().keys() {
                if tensor.starts_with("multi_modal_projector.") == connector
                    && tensor != "__metadata__"
                {
                    map.insert(tensor.clone(), name.into());
                }
            }
        };
        let shared = "../../demo/model/model.safetensors";
        for file in &files {
            let path = file.path.strip_prefix("demo/").unwrap();
            match path.strip_prefix("model/") {
                Some("model.safetensors") => {
                    index(&file.bytes, shared, false);
                    add(shared, &file.bytes);
                }
                Some(name) => add(name, &file.bytes),
                None if path == "connectors/untrained.safetensors" => {
                    index(&file.bytes, "learned.safetensors", true);
                    add("learned.safetensors", &file.bytes);
                }
                None => {}
            }
        }
        let json = serde_json::json!({"weight_map": map}).to_string();
        source.insert(INDEX, Bytes::from(json.into_bytes()));
        let checkpoint = Checkpoint::open(Arc::new(source)).unwrap();
        let info = checkpoint
            .info("multi_modal_projector.linear_1.weight")
            .unwrap();
        assert_eq!(info.file, "learned.safetensors");
    }

    #[test]
    fn what_is_not_at_hand_is_said() {
        let error = block_on(checkpoint("nobody", |_, _| {}));
        let error = error.err().unwrap().to_string();
        assert!(error.contains("assets/study/nobody"), "{error}");
    }
}
