//! The form before PyTorch 1.6: five pickles one after another (a magic number, a version, the system,
//! the tensors, the keys of the storages), then each storage behind its number of elements.

use std::{collections::BTreeMap, io::Read};

use safetensors::Dtype;

use super::{Found, MAX_PICKLE, Storages, build, pickle, value::Value};
use crate::weights::source::ByteSource;

/// Bytes read at once.
const BLOCK: u64 = 1 << 16;

/// The beginning of a file, read as far as it is asked for.
struct Reader<'a> {
    source: &'a dyn ByteSource,
    file: &'a str,
    len: u64,
    at: u64,
    block: Vec<u8>,
    used: usize,
}

impl Reader<'_> {
    /// The place of the next byte.
    fn place(&self) -> u64 {
        self.at - (self.block.len() - self.used) as u64
    }
}

impl Read for Reader<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.used == self.block.len() && self.at < self.len {
            let end = self.len.min(self.at + BLOCK);
            let read = self.source.read_range(self.file, self.at..end);
            self.block = read.map_err(std::io::Error::other)?;
            (self.at, self.used) = (end, 0);
        }
        let rest = self.block.get(self.used..).unwrap_or_default();
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        self.used += count;
        Ok(count)
    }
}

/// The tensors of a file of `len` bytes, and where its storages lie.
///
/// # Errors
/// A clause about what was found instead.
pub(super) fn read(source: &dyn ByteSource, file: &str, len: u64) -> Result<Found, String> {
    let mut reader = Reader {
        source,
        file,
        len: len.min(MAX_PICKLE),
        at: 0,
        block: Vec::new(),
        used: 0,
    };
    for _ in ["the magic number", "the version", "the system"] {
        pickle::read(&mut reader)?;
    }
    let (value, heap) = pickle::read(&mut reader)?;
    let tensors = build::tensors(&heap, &value)?;
    let dtypes: BTreeMap<&str, Dtype> = (tensors.iter())
        .map(|(_, tensor)| (&*tensor.storage.key, tensor.storage.dtype))
        .collect();
    let (keys, heap) = pickle::read(&mut reader)?;
    if !matches!(keys, Value::List(_)) {
        return Err("no list of storages".into());
    }
    let mut at = reader.place();
    let mut storages = Storages::new();
    for key in heap.items(&keys) {
        let Value::Text(key) = key else {
            return Err("a storage without a name".into());
        };
        let Some(dtype) = dtypes.get(&**key) else {
            return Err(format!("storage {key}, which no tensor uses"));
        };
        let cut = || "tensors beyond its end".to_owned();
        let start = at + 8;
        if start > len {
            return Err(cut());
        }
        let count = source.read_range(file, at..start).map_err(|_| cut())?;
        let count = <[u8; 8]>::try_from(count).map_err(|_| cut())?;
        let size = dtype.bitsize() as u64 / 8;
        let bytes = u64::from_le_bytes(count)
            .checked_mul(size)
            .ok_or_else(cut)?;
        at = start
            .checked_add(bytes)
            .filter(|end| *end <= len)
            .ok_or_else(cut)?;
        storages.insert(key.to_string(), (start, bytes));
    }
    Ok((tensors, storages))
}
