//! The tensors in the safetensors files of a checkpoint.

use std::{collections::BTreeMap, fmt, sync::Arc};

use safetensors::Dtype;

use super::{
    error::WeightsError,
    packaging,
    safetensors::{Entry, read_header},
    shards,
    source::ByteSource,
    tensor::{HostTensor, StorageType},
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

    /// Storage type.
    ///
    /// # Errors
    /// [`WeightsError::Dtype`] where there is no kernel for it.
    pub fn checked_storage(&self) -> Result<StorageType, WeightsError> {
        self.storage().ok_or_else(|| WeightsError::Dtype {
            file: self.file.clone(),
            tensor: self.name.clone(),
            found: format!("{:?}", self.dtype),
        })
    }
}

impl TensorInfo {
    /// Reads the tensor.
    ///
    /// # Errors
    /// Its type has no kernel, or the file cannot be read.
    pub fn read(&self) -> Result<HostTensor, WeightsError> {
        let dtype = self.checked_storage()?;
        let bytes = self.source.read_range(&self.file, self.begin..self.end)?;
        Ok(HostTensor {
            name: self.name.clone(),
            dtype,
            shape: self.shape.clone(),
            bytes,
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

/// What a tensor is called here that has this name in its file.
type Canonical<'a> = &'a dyn Fn(&str) -> String;

/// The tensors of `model.safetensors`, of the shards that the index names, or of all shards where
/// there is no index, by canonical name.
///
/// # Errors
/// A file is missing or damaged, or two tensors have one canonical name.
pub fn open_tensors(
    source: &Arc<dyn ByteSource>,
    canonical: Canonical<'_>,
) -> Result<BTreeMap<String, TensorInfo>, WeightsError> {
    if source.len(WEIGHTS)?.is_some() {
        return open_file(source, WEIGHTS, canonical);
    }
    let mut tensors = BTreeMap::new();
    if let Some(shards) = shards::indexed(&**source)? {
        for (file, wanted) in shards {
            let mut entries = read_header(&**source, &file)?;
            if let Some(tensor) = wanted.iter().find(|name| !entries.contains_key(*name)) {
                return Err(WeightsError::HeaderEntry {
                    file,
                    tensor: tensor.clone(),
                    expected: format!("the tensor here by {INDEX}"),
                    found: "none".into(),
                });
            }
            entries.retain(|name, _| wanted.contains(name));
            add_tensors(&mut tensors, source, &file, entries, canonical)?;
        }
    } else if let Some(shards) = shards::numbered(&**source)? {
        for file in shards {
            let entries = read_header(&**source, &file)?;
            add_tensors(&mut tensors, source, &file, entries, canonical)?;
        }
    } else {
        return Err(packaging::without_weights(&**source));
    }
    Ok(tensors)
}

/// The tensors of one safetensors file, by canonical name.
///
/// # Errors
/// As [`open_tensors`].
pub fn open_file(
    source: &Arc<dyn ByteSource>,
    file: &str,
    canonical: Canonical<'_>,
) -> Result<BTreeMap<String, TensorInfo>, WeightsError> {
    let mut tensors = BTreeMap::new();
    let entries = read_header(&**source, file)?;
    add_tensors(&mut tensors, source, file, entries, canonical)?;
    Ok(tensors)
}

/// Adds the entries of one file under their canonical names.
fn add_tensors(
    tensors: &mut BTreeMap<String, TensorInfo>,
    source: &Arc<dyn ByteSource>,
    file: &str,
    entries: BTreeMap<String, Entry>,
    canonical: Canonical<'_>,
) -> Result<(), WeightsError> {
    for (name, entry) in entries {
        let canonical = canonical(&name);
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

/// What to call the weights in a message about a tensor that is nowhere.
pub fn weights_file(source: &dyn ByteSource) -> &'static str {
    match source.len(WEIGHTS) {
        Ok(Some(_)) => WEIGHTS,
        _ => INDEX,
    }
}
