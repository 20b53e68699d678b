//! Tensors in PyTorch's own files (`.bin`, `.pth`, `.pt`), without running anything that they hold.
//!
//! `torch.save` writes a pickle, a program for a small machine, beside the raw bytes of the tensors'
//! storages: in a zip archive since PyTorch 1.6, one after another before. [`pickle`] runs the few
//! instructions that tensors need and knows the few names that build them; anything else is refused by
//! name. What comes out says where each tensor lies in the file, as a safetensors header does.

mod archive;
mod build;
mod legacy;
mod pickle;
mod value;

use std::collections::BTreeMap;

use safetensors::Dtype;

use self::value::TensorRef;
use super::{
    error::{AGAIN, WeightsError},
    source::ByteSource,
    tensor::is_countable,
};

/// Largest pickle that is read: those of the largest models take a few megabytes.
const MAX_PICKLE: u64 = 64 << 20;

/// Where a tensor lies in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TorchTensor {
    pub(super) dtype: Dtype,
    pub(super) shape: Vec<usize>,
    /// Elements from one to the next along each axis.
    pub(super) strides: Vec<usize>,
    /// First byte of the first element.
    pub(super) begin: u64,
    /// Behind the last byte of the last element.
    pub(super) end: u64,
}

/// A storage: its first byte in the file, and its length.
type Storages = BTreeMap<String, (u64, u64)>;

/// How the reason ends where a file is whole, but asks for what is not done.
const CONVERT: &str = "; convert the file to safetensors where it is trusted";

/// What a file holds: tensors by name, and where the storages lie that they are views of.
type Found = (Vec<(String, TensorRef)>, Storages);

/// The tensors of a file, by name.
///
/// # Errors
/// [`WeightsError::Header`]: the file is not one that `torch.save` wrote, is cut short, or holds
/// something else than tensors.
pub(super) fn open(
    source: &dyn ByteSource,
    file: &str,
) -> Result<BTreeMap<String, TorchTensor>, WeightsError> {
    let len = source.len(file)?.unwrap_or(0);
    let head = source.read_range(file, 0..len.min(2))?;
    let fails = |found: String| {
        let other = found.strip_suffix(CONVERT);
        WeightsError::Header {
            file: file.into(),
            expected: "tensors as torch.save writes them".into(),
            advice: other.map_or(AGAIN, |_| CONVERT.trim_start_matches("; ")),
            found: other.unwrap_or(&found).to_owned(),
        }
    };
    let (tensors, storages) = match head.as_slice() {
        b"PK" => archive::read(source, file, len),
        [0x80, 0x02] => legacy::read(source, file, len),
        _ => Err("the beginning of another kind of file".to_owned()),
    }
    .map_err(fails)?;
    let place = |(name, tensor): (String, TensorRef)| {
        let placed = place(&tensor, &storages);
        let placed = placed.map_err(|found| fails(format!("tensor `{name}` with {found}")))?;
        Ok((name, placed))
    };
    tensors.into_iter().map(place).collect()
}

/// Where a tensor lies, given where its storage does.
fn place(tensor: &TensorRef, storages: &Storages) -> Result<TorchTensor, String> {
    let storage = &tensor.storage;
    let (start, length) = storages
        .get(&storage.key)
        .copied()
        .ok_or_else(|| format!("storage {}, which is not in the file", storage.key))?;
    let size = storage.dtype.bitsize() as u64 / 8;
    let too_large = || "a size beyond all bounds".to_owned();
    if !is_countable(&tensor.shape) {
        return Err(too_large());
    }
    // The place behind the last element, in elements.
    let mut last = tensor.offset as u64;
    let mut empty = false;
    for (&size, &stride) in tensor.shape.iter().zip(&tensor.strides) {
        empty |= size == 0;
        let reach = (size.saturating_sub(1) as u64).checked_mul(stride as u64);
        last = reach
            .and_then(|reach| last.checked_add(reach))
            .ok_or_else(too_large)?;
    }
    let behind = if empty {
        tensor.offset as u64
    } else {
        last + 1
    };
    let end = behind.checked_mul(size).ok_or_else(too_large)?;
    if end > length {
        return Err(format!("bytes up to {end} of a storage of {length}"));
    }
    Ok(TorchTensor {
        dtype: storage.dtype,
        shape: tensor.shape.clone(),
        strides: tensor.strides.clone(),
        begin: start + tensor.offset as u64 * size,
        end: start + end,
    })
}

/// Whether elements with these strides stand one after another.
pub(super) fn is_contiguous(shape: &[usize], strides: &[usize]) -> bool {
    let mut expected = 1;
    for (&size, &stride) in shape.iter().zip(strides).rev() {
        if size != 1 && stride != expected {
            return false;
        }
        expected = usize::saturating_mul(expected, size);
    }
    true
}
