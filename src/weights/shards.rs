//! Which files the weights of a checkpoint are spread over.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{
    error::WeightsError,
    fields::parse_object,
    file_names::{INDEX, MAX_JSON},
    source::{ByteSource, path, read_text},
};

/// Most missing shards that a message names.
const MOST_NAMED: usize = 5;

/// The shards that the index names, each with its tensors; none where there is no index.
///
/// # Errors
/// The index cannot be read or is not valid, names a file where none may lie, or one that is not
/// there.
pub(super) fn indexed(
    source: &dyn ByteSource,
    index: &str,
) -> Result<Option<BTreeMap<String, BTreeSet<String>>>, WeightsError> {
    let Some(text) = read_text(source, index, MAX_JSON)? else {
        return Ok(None);
    };
    let parsed = parse_object(index, &text)?;
    let bad_map = |found: &str| WeightsError::Field {
        file: index.into(),
        field: "weight_map".into(),
        expected: "an object from tensor names to file names".into(),
        found: found.into(),
    };
    let map = weight_map(&parsed).ok_or_else(|| bad_map("none"))?;
    let mut shards: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (tensor, file) in map {
        let file = file.as_str().ok_or_else(|| bad_map("another value"))?;
        let tensors = shards.entry(file.to_owned()).or_default();
        tensors.insert(tensor.clone());
    }
    let mut missing = Vec::new();
    for shard in shards.keys() {
        check_path(source, index, shard)?;
        if source.len(shard)?.is_none() {
            missing.push(shard.clone());
        }
    }
    match missing.is_empty() {
        true => Ok(Some(shards)),
        false => Err(incomplete(source, index, shards.len(), &missing)),
    }
}

/// All shards of a checkpoint that has no index, by the numbers in their names
/// (`model-00001-of-00003.safetensors`); none where no file is called so.
///
/// # Errors
/// Some are missing, or there are two sets.
pub(super) fn numbered(source: &dyn ByteSource) -> Result<Option<Vec<String>>, WeightsError> {
    // By what follows `-of-`, so that sets of different lengths are told apart.
    let mut sets: BTreeMap<String, Set> = BTreeMap::new();
    for name in source.list()? {
        if let Some((number, of)) = numbers(&name)
            && let Ok(total) = of.parse()
        {
            let set = sets.entry(of.to_owned()).or_insert_with(|| Set {
                of: of.to_owned(),
                total,
                files: BTreeMap::new(),
            });
            set.files.insert(number, name);
        }
    }
    let mut complete: Vec<&Set> = sets.values().filter(|set| set.is_complete()).collect();
    match (complete.pop(), complete.pop()) {
        (Some(set), None) => Ok(Some(set.files.values().cloned().collect())),
        (Some(first), Some(second)) => Err(WeightsError::Packaging {
            folder: source.name(),
            expected: "the shards of one checkpoint".into(),
            found: format!("a set of {} and a set of {}", second.total, first.total),
            advice: "remove those that do not belong to it".into(),
        }),
        (None, _) => match sets.values().max_by_key(|set| set.files.len()) {
            Some(set) => Err(incomplete(
                source,
                "the name of each shard",
                set.total,
                &set.missing(),
            )),
            None => Ok(None),
        },
    }
}

/// Shards that claim to be so many in all.
struct Set {
    /// The total as it is written.
    of: String,
    total: usize,
    files: BTreeMap<usize, String>,
}

impl Set {
    fn is_complete(&self) -> bool {
        self.files.len() == self.total
    }

    /// The first missing ones.
    fn missing(&self) -> Vec<String> {
        let width = self.of.len();
        let numbers = (1..=self.total).filter(|number| !self.files.contains_key(number));
        let name = |number| format!("model-{number:0width$}-of-{}.safetensors", self.of);
        numbers.map(name).collect()
    }
}

/// The number of a shard of safetensors, 1 to the total, and the total as it is written.
fn numbers(name: &str) -> Option<(usize, &str)> {
    let (stem, number, of) = numbered_name(name.strip_suffix(".safetensors")?)?;
    (stem == "model").then_some((number, of))
}

/// What stands before the numbers of one of several files, `NAME-00001-of-00003` without its ending; its number, 1 to
/// the total; and the total as it is written.
pub(crate) fn numbered_name(name: &str) -> Option<(&str, usize, &str)> {
    let (front, of) = name.rsplit_once("-of-")?;
    let (stem, number) = front.rsplit_once('-')?;
    let digits = |text: &str| {
        let all = text.bytes().all(|byte| byte.is_ascii_digit());
        (all && (1..=6).contains(&text.len())).then(|| text.parse::<usize>().ok())?
    };
    let (number, total) = (digits(number)?, digits(of)?);
    (1..=total).contains(&number).then_some((stem, number, of))
}

/// Some of `total` shards, which `by` names, are not there.
fn incomplete(source: &dyn ByteSource, by: &str, total: usize, missing: &[String]) -> WeightsError {
    let named: Vec<&str> = missing
        .iter()
        .take(MOST_NAMED)
        .map(String::as_str)
        .collect();
    let more = match missing.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    WeightsError::Packaging {
        folder: source.name(),
        expected: format!("{total} files of weights by {by}"),
        found: format!("{} of them", total - missing.len()),
        advice: format!("download what is missing: {}{more}", named.join(", ")),
    }
}

fn weight_map(index: &Map<String, Value>) -> Option<&Map<String, Value>> {
    index.get("weight_map")?.as_object()
}

/// Whether a shard may lie where the index says, and where it lies outside the folder, whether it is
/// there.
fn check_path(source: &dyn ByteSource, index: &str, shard: &str) -> Result<(), WeightsError> {
    let outside = path::is_outside(shard);
    let refused = match path::not_relative(shard) {
        // What is read outside is a file of weights and nothing else.
        None if outside && !path::is_weights(shard) => Some("another kind of file"),
        other => other,
    };
    if let Some(found) = refused {
        return Err(WeightsError::ShardPath {
            file: index.into(),
            shard: shard.chars().take(200).collect(),
            found: found.into(),
        });
    }
    if outside && source.len(shard)?.is_none() {
        return Err(WeightsError::MissingShard {
            folder: source.name(),
            file: index.into(),
            shard: shard.into(),
            advice: source.advice(shard),
        });
    }
    Ok(())
}

/// The shards outside the checkpoint folder that its index names; none where there is no index that
/// can be read.
pub fn shards_outside(source: &dyn ByteSource) -> Vec<String> {
    let index = match read_text(source, INDEX, MAX_JSON) {
        Ok(Some(text)) => parse_object(INDEX, &text).ok(),
        _ => None,
    };
    let map = index.as_ref().and_then(weight_map);
    let shards = map.into_iter().flat_map(|map| map.values());
    let outside = shards
        .filter_map(Value::as_str)
        .filter(|shard| path::is_outside(shard));
    let outside: BTreeSet<&str> = outside.collect();
    outside.into_iter().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbered_shards_are_taken_for_shards() {
        let good = "model-00002-of-00003.safetensors";
        assert_eq!(numbers(good), Some((2, "00003")));
        for other in [
            "model.safetensors",
            "model-00000-of-00003.safetensors",
            "model-00004-of-00003.safetensors",
            "model-00001-of-00002.fp16.safetensors",
            "model-+1-of-2.safetensors",
            "model--of-.safetensors",
            "model-1-of-99999999.safetensors",
            "._model-00001-of-00003.safetensors",
            "pytorch_model-00001-of-00003.bin",
        ] {
            assert_eq!(numbers(other), None, "{other}");
        }
    }
}
