//! The tensors in the files of a checkpoint.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    error::{AGAIN, WeightsError},
    file_names::{INDEX, TORCH, TORCH_INDEX, WEIGHTS},
    packaging,
    packed::{Packed, Placed},
    safetensors::{Entry, read_header},
    shards,
    source::ByteSource,
    tensor::FileType,
    tensor_info::TensorInfo,
    torch::{self, TorchTensor},
    undo::Undo,
};

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
    if let Some(packed) = source.packed() {
        return of_packed(source, packed, canonical);
    }
    // What safetensors files hold comes first: it is the same, and the format is simpler.
    if source.len(WEIGHTS)?.is_some() {
        return open_file(source, WEIGHTS, canonical);
    }
    if let Some(shards) = shards::indexed(&**source, INDEX)? {
        return open_shards(source, INDEX, shards, canonical);
    }
    let mut tensors = BTreeMap::new();
    if let Some(shards) = shards::numbered(&**source)? {
        for file in shards {
            let entries = entries(&**source, &file)?;
            add_tensors(&mut tensors, source, &file, entries, canonical)?;
        }
        return Ok(tensors);
    }
    if source.len(TORCH)?.is_some() {
        return open_file(source, TORCH, canonical);
    }
    match shards::indexed(&**source, TORCH_INDEX)? {
        Some(shards) => open_shards(source, TORCH_INDEX, shards, canonical),
        None => Err(packaging::without_weights(&**source)),
    }
}

/// The tensors of the shards that an index names.
fn open_shards(
    source: &Arc<dyn ByteSource>,
    index: &str,
    shards: BTreeMap<String, BTreeSet<String>>,
    canonical: Canonical<'_>,
) -> Result<BTreeMap<String, TensorInfo>, WeightsError> {
    let mut tensors = BTreeMap::new();
    for (file, wanted) in shards {
        let mut entries = entries(&**source, &file)?;
        if let Some(tensor) = wanted.iter().find(|name| !entries.contains_key(*name)) {
            return Err(WeightsError::HeaderEntry {
                file,
                tensor: tensor.clone(),
                expected: format!("the tensor here by {index}"),
                found: "none".into(),
                advice: AGAIN,
            });
        }
        entries.retain(|name, _| wanted.contains(name));
        add_tensors(&mut tensors, source, &file, entries, canonical)?;
    }
    Ok(tensors)
}

/// The tensors of one file, by canonical name: safetensors, or PyTorch's own where the name says so.
///
/// # Errors
/// As [`open_tensors`].
pub fn open_file(
    source: &Arc<dyn ByteSource>,
    file: &str,
    canonical: Canonical<'_>,
) -> Result<BTreeMap<String, TensorInfo>, WeightsError> {
    let mut tensors = BTreeMap::new();
    let entries = entries(&**source, file)?;
    add_tensors(&mut tensors, source, file, entries, canonical)?;
    Ok(tensors)
}

/// The tensors of a source that is packed into one file.
fn of_packed(
    source: &Arc<dyn ByteSource>,
    packed: &Packed,
    canonical: Canonical<'_>,
) -> Result<BTreeMap<String, TensorInfo>, WeightsError> {
    let mut tensors = BTreeMap::new();
    for (file, placed) in &packed.files {
        add_tensors(
            &mut tensors,
            source,
            file,
            placed.iter().cloned(),
            canonical,
        )?;
    }
    Ok(tensors)
}

/// What a file holds, by the tensors' own names.
fn entries(source: &dyn ByteSource, file: &str) -> Result<BTreeMap<String, Placed>, WeightsError> {
    if [".bin", ".pth", ".pt"]
        .iter()
        .any(|ending| file.ends_with(ending))
    {
        let tensors = torch::open(source, file)?.into_iter();
        let placed = |tensor: TorchTensor| Placed {
            strides: (!torch::is_contiguous(&tensor.shape, &tensor.strides))
                .then_some(tensor.strides),
            dtype: FileType::Plain(tensor.dtype),
            undo: Undo::Nothing,
            shape: tensor.shape,
            begin: tensor.begin,
            end: tensor.end,
        };
        return Ok(tensors
            .map(|(name, tensor)| (name, placed(tensor)))
            .collect());
    }
    let placed = |entry: Entry| Placed {
        dtype: FileType::Plain(entry.dtype),
        shape: entry.shape,
        strides: None,
        undo: Undo::Nothing,
        begin: entry.begin,
        end: entry.end,
    };
    let entries = read_header(source, file)?.into_iter();
    Ok(entries.map(|(name, entry)| (name, placed(entry))).collect())
}

/// Adds the entries of one file under their canonical names.
fn add_tensors(
    tensors: &mut BTreeMap<String, TensorInfo>,
    source: &Arc<dyn ByteSource>,
    file: &str,
    entries: impl IntoIterator<Item = (String, Placed)>,
    canonical: Canonical<'_>,
) -> Result<(), WeightsError> {
    for (name, entry) in entries {
        let canonical = canonical(&name);
        let info = TensorInfo {
            name,
            file: file.into(),
            dtype: entry.dtype,
            shape: entry.shape,
            strides: entry.strides,
            undo: entry.undo,
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
pub fn weights_file(source: &dyn ByteSource) -> &str {
    if let Some(packed) = source.packed() {
        return &packed.model_file;
    }
    let there = |file: &&str| matches!(source.len(file), Ok(Some(_)));
    let files = [WEIGHTS, INDEX, TORCH, TORCH_INDEX];
    files.into_iter().find(there).unwrap_or(INDEX)
}
