//! The tensors in the safetensors files of a checkpoint, by canonical name.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use safetensors::Dtype;
use serde_json::Value;

use super::{
    error::WeightsError,
    names,
    safetensors::{Entry, read_header},
    source::{ByteSource, path, read_text},
    tensor::StorageType,
};

pub(super) const WEIGHTS: &str = "model.safetensors";
pub(super) const INDEX: &str = "model.safetensors.index.json";
/// Longest JSON file read here; indices of the largest checkpoints have a few megabytes.
pub(super) const MAX_JSON: u64 = 64 << 20;

/// Where a tensor of a checkpoint lies.
#[derive(Clone)]
pub struct TensorInfo {
    /// Its name in the file.
    pub name: String,
    /// The file.
    pub file: String,
    /// Storage type as the file says.
    pub dtype: Dtype,
    /// Sizes, outer to inner.
    pub shape: Vec<usize>,
    pub(super) begin: u64,
    pub(super) end: u64,
    pub(super) source: Arc<dyn ByteSource>,
}

impl TensorInfo {
    /// Number of elements.
    pub fn elements(&self) -> u64 {
        self.shape.iter().map(|&d| d as u64).product()
    }

    /// Bytes in the file.
    pub fn bytes(&self) -> u64 {
        self.end - self.begin
    }

    /// Storage type, where there are kernels for it.
    pub fn storage(&self) -> Option<StorageType> {
        StorageType::from_dtype(self.dtype)
    }

    pub(super) fn checked_storage(&self) -> Result<StorageType, WeightsError> {
        self.storage().ok_or_else(|| WeightsError::Dtype {
            file: self.file.clone(),
            tensor: self.name.clone(),
            found: format!("{:?}", self.dtype),
        })
    }
}

impl fmt::Debug for TensorInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {:?} {:?} in {}",
            self.name, self.dtype, self.shape, self.file
        )
    }
}

/// The tensors of `model.safetensors`, or of the shards that the index names.
pub(super) fn open(
    source: &Arc<dyn ByteSource>,
) -> Result<BTreeMap<String, TensorInfo>, WeightsError> {
    if source.len(WEIGHTS)?.is_some() {
        open_file(source, WEIGHTS)
    } else {
        open_shards(source)
    }
}

/// The tensors of one safetensors file.
pub(super) fn open_file(
    source: &Arc<dyn ByteSource>,
    file: &str,
) -> Result<BTreeMap<String, TensorInfo>, WeightsError> {
    let mut tensors = BTreeMap::new();
    let entries = read_header(&**source, file)?;
    add_tensors(&mut tensors, source, file, entries)?;
    Ok(tensors)
}

/// Adds the entries of one file under their canonical names.
fn add_tensors(
    tensors: &mut BTreeMap<String, TensorInfo>,
    source: &Arc<dyn ByteSource>,
    file: &str,
    entries: BTreeMap<String, Entry>,
) -> Result<(), WeightsError> {
    for (name, entry) in entries {
        let canonical = names::canonical(&name);
        let info = TensorInfo {
            name,
            file: file.into(),
            dtype: entry.dtype,
            shape: entry.shape,
            begin: entry.begin,
            end: entry.end,
            source: source.clone(),
        };
        if let Some(earlier) = tensors.insert(canonical.clone(), info.clone()) {
            return Err(WeightsError::Ambiguous {
                file: file.into(),
                canonical,
                first: earlier.name,
                second: info.name,
            });
        }
    }
    Ok(())
}

/// The tensors of all shards that the index names.
fn open_shards(source: &Arc<dyn ByteSource>) -> Result<BTreeMap<String, TensorInfo>, WeightsError> {
    let Some(text) = read_text(&**source, INDEX, MAX_JSON)? else {
        let pickled = source
            .list()?
            .into_iter()
            .find(|f| f.ends_with(".bin") || f.ends_with(".pth") || f.ends_with(".gguf"));
        return Err(WeightsError::MissingFile {
            folder: source.name(),
            expected: format!("{WEIGHTS} or {INDEX}"),
            found: match pickled {
                Some(file) => format!("{file}, which has to be converted to safetensors first"),
                None => "neither".into(),
            },
        });
    };
    let index: Value = serde_json::from_str(&text).map_err(|error| WeightsError::Json {
        file: INDEX.into(),
        reason: error.to_string(),
    })?;
    let bad_map = |found: &str| WeightsError::Field {
        file: INDEX.into(),
        field: "weight_map".into(),
        expected: "an object from tensor names to file names".into(),
        found: found.into(),
    };
    let map = index
        .get("weight_map")
        .and_then(Value::as_object)
        .ok_or_else(|| bad_map("none"))?;
    let mut shards: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (tensor, file) in map {
        let file = file.as_str().ok_or_else(|| bad_map("another value"))?;
        shards.entry(file).or_default().insert(tensor);
    }
    let mut tensors = BTreeMap::new();
    for (file, wanted) in shards {
        check_shard(&**source, file)?;
        let mut entries = read_header(&**source, file)?;
        if let Some(tensor) = wanted.iter().find(|name| !entries.contains_key(**name)) {
            return Err(WeightsError::HeaderEntry {
                file: file.into(),
                tensor: (*tensor).into(),
                expected: format!("the tensor here by {INDEX}"),
                found: "none".into(),
            });
        }
        entries.retain(|name, _| wanted.contains(name.as_str()));
        add_tensors(&mut tensors, source, file, entries)?;
    }
    Ok(tensors)
}

/// Whether a shard may lie where the index says, and where it lies outside the folder, whether it is
/// there.
fn check_shard(source: &dyn ByteSource, shard: &str) -> Result<(), WeightsError> {
    let outside = path::is_outside(shard);
    let refused = match path::not_relative(shard) {
        // What is read outside is a file of weights and nothing else.
        None if outside && !path::is_weights(shard) => Some("another kind of file"),
        other => other,
    };
    if let Some(found) = refused {
        return Err(WeightsError::ShardPath {
            file: INDEX.into(),
            shard: shard.chars().take(200).collect(),
            found: found.into(),
        });
    }
    if outside && source.len(shard)?.is_none() {
        return Err(WeightsError::MissingShard {
            folder: source.name(),
            file: INDEX.into(),
            shard: shard.into(),
            advice: source.advice(shard),
        });
    }
    Ok(())
}

/// The shards outside the checkpoint folder that its index names; none where there is no index that
/// can be read.
pub fn shards_outside(source: &dyn ByteSource) -> Vec<String> {
    let index: Option<Value> = match read_text(source, INDEX, MAX_JSON) {
        Ok(Some(text)) => serde_json::from_str(&text).ok(),
        _ => None,
    };
    let map = index
        .as_ref()
        .and_then(|index| index.get("weight_map")?.as_object());
    let shards = map.into_iter().flat_map(|map| map.values());
    let outside = shards
        .filter_map(Value::as_str)
        .filter(|shard| path::is_outside(shard));
    let outside: BTreeSet<&str> = outside.collect();
    outside.into_iter().map(str::to_owned).collect()
}
