//! The tensors in the files of a checkpoint.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    ops::Range,
    sync::Arc,
};

use safetensors::Dtype;

use super::{
    error::WeightsError,
    packaging,
    safetensors::{Entry, read_header},
    shards,
    source::ByteSource,
    tensor::{HostTensor, StorageType},
    torch::{self, TorchTensor},
};

pub(crate) const WEIGHTS: &str = "model.safetensors";
pub(crate) const INDEX: &str = "model.safetensors.index.json";
pub(crate) const TORCH: &str = "pytorch_model.bin";
pub(crate) const TORCH_INDEX: &str = "pytorch_model.bin.index.json";
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
    /// Elements from one to the next along each axis, where they do not stand one after another.
    pub(super) strides: Option<Vec<usize>>,
    pub(super) begin: u64,
    pub(super) end: u64,
    pub(super) source: Arc<dyn ByteSource>,
}

impl TensorInfo {
    /// Number of elements.
    pub fn elements(&self) -> u64 {
        self.shape.iter().map(|&d| d as u64).product()
    }

    /// Bytes of all elements.
    pub fn bytes(&self) -> u64 {
        match self.strides {
            None => self.end - self.begin,
            Some(_) => self.elements() * self.dtype.bitsize() as u64 / 8,
        }
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
        let bytes = match &self.strides {
            None => bytes,
            Some(strides) => gathered(&bytes, &self.shape, strides, dtype.size()),
        };
        Ok(HostTensor {
            name: self.name.clone(),
            dtype,
            shape: self.shape.clone(),
            bytes,
        })
    }
}

impl TensorInfo {
    /// Some rows of a matrix.
    ///
    /// # Errors
    /// As [`TensorInfo::read`]; there are fewer rows.
    pub fn read_rows(&self, rows: Range<usize>) -> Result<HostTensor, WeightsError> {
        let dtype = self.checked_storage()?;
        let row = self.shape.iter().skip(1).product::<usize>() as u64 * dtype.size() as u64;
        let begin = self.begin + rows.start as u64 * row;
        let end = self.end.min(begin + rows.len() as u64 * row);
        let bytes = self.source.read_range(&self.file, begin.min(end)..end)?;
        let mut shape = self.shape.clone();
        if let Some(first) = shape.first_mut() {
            *first = rows.len();
        }
        Ok(HostTensor {
            name: self.name.clone(),
            dtype,
            shape,
            bytes,
        })
    }

    /// All elements of a tensor of whole numbers, of 8 or 64 bits.
    ///
    /// # Errors
    /// It is stored in another type, or cannot be read.
    pub fn numbers(&self) -> Result<Vec<i64>, WeightsError> {
        let bytes = self.source.read_range(&self.file, self.begin..self.end)?;
        match self.dtype {
            Dtype::I64 => {
                let numbers = bytes.as_chunks::<8>().0.iter();
                Ok(numbers.map(|number| i64::from_le_bytes(*number)).collect())
            }
            Dtype::U8 | Dtype::BOOL => Ok(bytes.into_iter().map(i64::from).collect()),
            other => Err(WeightsError::HeaderEntry {
                file: self.file.clone(),
                tensor: self.name.clone(),
                expected: "whole numbers (I64 or U8)".into(),
                found: format!("{other:?}"),
            }),
        }
    }
}

/// The elements of a tensor, row-major, from where its strides say they stand.
fn gathered(bytes: &[u8], shape: &[usize], strides: &[usize], size: usize) -> Vec<u8> {
    let count: usize = shape.iter().product();
    let mut gathered = Vec::with_capacity(count * size);
    for element in 0..count {
        let (mut rest, mut place) = (element, 0);
        for (length, stride) in shape.iter().zip(strides).rev() {
            place += rest % length * stride;
            rest /= length;
        }
        let found = bytes.get(place * size..(place + 1) * size);
        gathered.extend_from_slice(found.unwrap_or_default());
    }
    gathered
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

/// Where a tensor lies in its file.
struct Placed {
    dtype: Dtype,
    shape: Vec<usize>,
    strides: Option<Vec<usize>>,
    begin: u64,
    end: u64,
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
            dtype: tensor.dtype,
            shape: tensor.shape,
            begin: tensor.begin,
            end: tensor.end,
        };
        return Ok(tensors
            .map(|(name, tensor)| (name, placed(tensor)))
            .collect());
    }
    let placed = |entry: Entry| Placed {
        dtype: entry.dtype,
        shape: entry.shape,
        strides: None,
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
    entries: BTreeMap<String, Placed>,
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
    let there = |file: &&str| matches!(source.len(file), Ok(Some(_)));
    let files = [WEIGHTS, INDEX, TORCH, TORCH_INDEX];
    files.into_iter().find(there).unwrap_or(INDEX)
}
