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
    gguf::{Packed, Undo},
    packaging,
    safetensors::{Entry, read_header},
    shards,
    source::ByteSource,
    tensor::{FileType, HostTensor, StorageType},
    torch::{self, TorchTensor},
};

pub(crate) const WEIGHTS: &str = "model.safetensors";
pub(crate) const INDEX: &str = "model.safetensors.index.json";
pub(crate) const TORCH: &str = "pytorch_model.bin";
pub(crate) const TORCH_INDEX: &str = "pytorch_model.bin.index.json";
/// Bytes that are read at once of a tensor whose elements stand apart.
const GATHERED_BYTES: usize = 4 << 20;
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
    pub dtype: FileType,
    /// Sizes, outer to inner.
    pub shape: Vec<usize>,
    /// Elements from one to the next along each axis, where they do not stand one after another.
    pub(super) strides: Option<Vec<usize>>,
    /// What the writer of the file did to the tensor.
    pub(super) undo: Undo,
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
        match (&self.strides, self.dtype.unit()) {
            (Some(_), Some((1, bytes))) => self.elements() * bytes as u64,
            _ => self.end - self.begin,
        }
    }

    /// Storage type, where there are kernels for it.
    pub fn storage(&self) -> Option<StorageType> {
        StorageType::from_file(self.dtype)
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
        Ok(HostTensor {
            name: self.name.clone(),
            dtype: self.checked_storage()?,
            shape: self.shape.clone(),
            bytes: self.read_elements(0..self.shape.iter().product())?,
        })
    }

    /// Some rows of a matrix.
    ///
    /// # Errors
    /// As [`TensorInfo::read`]; there are fewer rows.
    pub fn read_rows(&self, rows: Range<usize>) -> Result<HostTensor, WeightsError> {
        let row = self.row();
        let mut shape = self.shape.clone();
        if let Some(first) = shape.first_mut() {
            *first = rows.len();
        }
        Ok(HostTensor {
            name: self.name.clone(),
            dtype: self.checked_storage()?,
            shape,
            bytes: self.read_elements(rows.start * row..rows.end * row)?,
        })
    }

    /// Elements of a row.
    fn row(&self) -> usize {
        self.shape.iter().skip(1).product()
    }

    /// Some elements, row-major, little-endian; whole blocks where there are some.
    ///
    /// # Errors
    /// As [`TensorInfo::read`]; there are fewer elements.
    pub fn read_elements(&self, elements: Range<usize>) -> Result<Vec<u8>, WeightsError> {
        let storage = self.checked_storage()?;
        if self.undo == Undo::Nothing {
            return self.read_stored(elements);
        }
        let row = self.row().max(1);
        let rows = elements.start / row..elements.end.div_ceil(row);
        let whole = self.undo.covering(&rows);
        let bytes = self.read_stored(whole.start * row..whole.end * row)?;
        let bytes = self.undo.undone(bytes, storage.bytes(row));
        let place = |element: usize| storage.bytes(element - whole.start * row);
        let wanted = bytes.get(place(elements.start)..place(elements.end));
        Ok(wanted.unwrap_or_default().to_vec())
    }

    /// The same as they stand in the file.
    fn read_stored(&self, elements: Range<usize>) -> Result<Vec<u8>, WeightsError> {
        let storage = self.checked_storage()?;
        if let Some(strides) = &self.strides {
            return self.gathered(strides, elements, storage.bytes(1));
        }
        let place = |element: usize| self.begin + storage.bytes(element) as u64;
        let range = place(elements.start)..place(elements.end);
        if range.end > self.end {
            return Err(WeightsError::HeaderEntry {
                file: self.file.clone(),
                tensor: self.name.clone(),
                expected: format!("at least {} elements", elements.end),
                found: self.elements().to_string(),
            });
        }
        Ok(self.source.read_range(&self.file, range)?)
    }

    /// Some elements that stand apart. What lies around them is read as well, a few megabytes at a time.
    fn gathered(
        &self,
        strides: &[usize],
        elements: Range<usize>,
        size: usize,
    ) -> Result<Vec<u8>, WeightsError> {
        let places = || places(&self.shape, strides, elements.clone());
        let mut bytes = vec![0; elements.len() * size];
        let mut begin = places().min().unwrap_or(0);
        let behind = places().max().map_or(0, |last| last + 1);
        while begin < behind {
            let end = behind.min(begin + GATHERED_BYTES / size);
            let place = |element: usize| self.begin + element as u64 * size as u64;
            let range = place(begin)..place(end);
            let found = self.source.read_range(&self.file, range)?;
            for (target, place) in bytes.chunks_exact_mut(size).zip(places()) {
                if (begin..end).contains(&place) {
                    let at = (place - begin) * size;
                    target.copy_from_slice(&found[at..at + size]);
                }
            }
            begin = end;
        }
        Ok(bytes)
    }

    /// All elements of a tensor of whole numbers, of 8 or 64 bits.
    ///
    /// # Errors
    /// It is stored in another type, or cannot be read.
    pub fn numbers(&self) -> Result<Vec<i64>, WeightsError> {
        let bytes = self.source.read_range(&self.file, self.begin..self.end)?;
        match self.dtype {
            FileType::Plain(Dtype::I64) => {
                let numbers = bytes.as_chunks::<8>().0.iter();
                Ok(numbers.map(|number| i64::from_le_bytes(*number)).collect())
            }
            FileType::Plain(Dtype::U8 | Dtype::BOOL) => {
                Ok(bytes.into_iter().map(i64::from).collect())
            }
            other => Err(WeightsError::HeaderEntry {
                file: self.file.clone(),
                tensor: self.name.clone(),
                expected: "whole numbers (I64 or U8)".into(),
                found: format!("{other:?}"),
            }),
        }
    }
}

/// Where some elements of a tensor stand, in row-major order, counted from the first one.
fn places<'a>(
    shape: &'a [usize],
    strides: &'a [usize],
    elements: Range<usize>,
) -> impl Iterator<Item = usize> + 'a {
    // The position along each axis, innermost first, and the place it makes.
    let mut position = Vec::with_capacity(shape.len());
    let mut rest = elements.start;
    for &length in shape.iter().rev() {
        position.push(rest % length.max(1));
        rest /= length.max(1);
    }
    let steps = strides.iter().rev();
    let mut place: usize = position.iter().zip(steps).map(|(at, step)| at * step).sum();
    elements.map(move |_| {
        let here = place;
        let axes = shape.iter().zip(strides).rev();
        for (at, (&length, &stride)) in position.iter_mut().zip(axes) {
            *at += 1;
            place += stride;
            if *at < length {
                break;
            }
            place -= length * stride;
            *at = 0;
        }
        here
    })
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
    for (file, found) in packed.tensors() {
        let placed = found.into_iter().map(|(name, tensor, undo)| {
            let placed = Placed {
                dtype: tensor.dtype,
                shape: tensor.shape.clone(),
                strides: None,
                undo,
                begin: tensor.begin,
                end: tensor.end,
            };
            (name, placed)
        });
        add_tensors(&mut tensors, source, file, placed, canonical)?;
    }
    Ok(tensors)
}

/// Where a tensor lies in its file.
struct Placed {
    dtype: FileType,
    shape: Vec<usize>,
    strides: Option<Vec<usize>>,
    undo: Undo,
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
        return packed.model_file();
    }
    let there = |file: &&str| matches!(source.len(file), Ok(Some(_)));
    let files = [WEIGHTS, INDEX, TORCH, TORCH_INDEX];
    files.into_iter().find(there).unwrap_or(INDEX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::MemorySource;

    #[test]
    fn elements_that_stand_apart_are_found_part_by_part() {
        // A matrix [3, 4] of which every other element counts, turned.
        let stored: Vec<u8> = (0..24_u16).flat_map(u16::to_le_bytes).collect();
        let turned = TensorInfo {
            name: "a".into(),
            file: "a.bin".into(),
            dtype: Dtype::BF16,
            shape: vec![4, 3],
            strides: Some(vec![2, 8]),
            begin: 0,
            end: 46,
            source: Arc::new(MemorySource::new("memory").with("a.bin", stored)),
        };
        let numbers = |bytes: &[u8]| -> Vec<u16> {
            let pairs = bytes.as_chunks::<2>().0.iter();
            pairs.map(|pair| u16::from_le_bytes(*pair)).collect()
        };
        let all = [0, 8, 16, 2, 10, 18, 4, 12, 20, 6, 14, 22];
        assert_eq!(numbers(&turned.read().unwrap().bytes), all);
        assert_eq!(numbers(&turned.read_rows(1..3).unwrap().bytes), all[3..9]);
        for begin in 0..=12 {
            for end in begin..=12 {
                let part = turned.read_elements(begin..end).unwrap();
                assert_eq!(numbers(&part), all[begin..end], "{begin}..{end}");
            }
        }
        let straight = TensorInfo {
            shape: vec![5, 2],
            strides: None,
            begin: 4,
            end: 24,
            ..turned
        };
        assert_eq!(
            numbers(&straight.read_rows(1..3).unwrap().bytes),
            [4, 5, 6, 7]
        );
        let error = straight.read_rows(4..6).unwrap_err().to_string();
        assert!(error.contains("at least 12 elements"), "{error}");
    }
}
