//! The header of a safetensors file, checked before any tensor is read.
//!
//! Format: 8 bytes little-endian length N, N bytes of JSON
//! `{"name": {"dtype", "shape", "data_offsets": [begin, end]}, "__metadata__": {..}}`, then the
//! data. The tensors cover the data without overlap and without holes.

use std::collections::BTreeMap;

use safetensors::Dtype;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{error::WeightsError, source::ByteSource};

/// Longest header accepted, as in the reference implementation.
pub const MAX_HEADER_BYTES: u64 = 100_000_000;

/// Where one tensor lies in its file.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Storage type.
    pub dtype: Dtype,
    /// Sizes, outer to inner.
    pub shape: Vec<usize>,
    /// First byte, from the start of the file.
    pub begin: u64,
    /// One past the last byte.
    pub end: u64,
}

#[derive(Deserialize)]
struct RawEntry {
    dtype: Dtype,
    shape: Vec<u64>,
    data_offsets: (u64, u64),
}

/// Reads and checks the header of `file`.
///
/// # Errors
/// [`WeightsError::Header`] or [`WeightsError::HeaderEntry`] where the file is truncated, the
/// header is oversized or no JSON, or an entry's type, shape and offsets contradict each other, the
/// other entries or the file's length; [`WeightsError::Source`] where it cannot be read.
pub fn read_header(
    source: &dyn ByteSource,
    file: &str,
) -> Result<BTreeMap<String, Entry>, WeightsError> {
    let header = |expected: String, found: String| WeightsError::Header {
        file: file.into(),
        expected,
        found,
    };
    let len = source.len(file)?.ok_or_else(|| WeightsError::MissingFile {
        folder: source.name(),
        expected: file.into(),
        found: "no such file".into(),
    })?;
    if len < 8 {
        return Err(header(
            "a safetensors file of at least 8 bytes".into(),
            format!("{len} bytes"),
        ));
    }
    let prefix = source.read_range(file, 0..8)?;
    let size = prefix
        .first_chunk::<8>()
        .map_or(0, |b| u64::from_le_bytes(*b));
    let limit = MAX_HEADER_BYTES.min(len - 8);
    if size > limit {
        return Err(header(
            format!("a safetensors header of at most {limit} bytes"),
            format!("a header length of {size}"),
        ));
    }
    let text = source.read_range(file, 8..8 + size)?;
    let map: Map<String, Value> = serde_json::from_slice(&text).map_err(|error| {
        header(
            "a safetensors header in JSON".into(),
            format!("an error ({error})"),
        )
    })?;
    let data = 8 + size;
    let mut entries = BTreeMap::new();
    for (name, value) in map {
        if name != "__metadata__" {
            let entry = check_entry(file, &name, value, data, len)?;
            entries.insert(name, entry);
        }
    }
    check_cover(file, &entries, data, len)?;
    Ok(entries)
}

/// One entry against itself and the file's length.
fn check_entry(
    file: &str,
    name: &str,
    value: Value,
    data: u64,
    len: u64,
) -> Result<Entry, WeightsError> {
    let bad = |expected: String, found: String| WeightsError::HeaderEntry {
        file: file.into(),
        tensor: name.into(),
        expected,
        found,
    };
    let raw: RawEntry = serde_json::from_value(value).map_err(|error| {
        bad(
            "an entry with dtype, shape and data_offsets".into(),
            format!("an error ({error})"),
        )
    })?;
    let (begin, end) = raw.data_offsets;
    if begin > end || end > len - data {
        return Err(bad(
            format!("offsets within the file's {} data bytes", len - data),
            format!("{begin}..{end}"),
        ));
    }
    let bits = raw
        .shape
        .iter()
        .try_fold(raw.dtype.bitsize() as u64, |n, &d| n.checked_mul(d));
    let shape: Option<Vec<usize>> = raw.shape.iter().map(|&d| usize::try_from(d).ok()).collect();
    match (bits, shape) {
        (Some(bits), Some(shape)) if bits % 8 == 0 && bits / 8 == end - begin => Ok(Entry {
            dtype: raw.dtype,
            shape,
            begin: data + begin,
            end: data + end,
        }),
        _ => Err(bad(
            format!("the bytes of shape {:?} in {:?}", raw.shape, raw.dtype),
            format!("{} bytes at {begin}..{end}", end - begin),
        )),
    }
}

/// All entries against each other: no overlap, no hole, nothing after the last.
fn check_cover(
    file: &str,
    entries: &BTreeMap<String, Entry>,
    data: u64,
    len: u64,
) -> Result<(), WeightsError> {
    let mut sorted: Vec<_> = entries.iter().collect();
    sorted.sort_by_key(|(_, e)| (e.begin, e.end));
    let mut next = data;
    for (name, entry) in sorted {
        if entry.begin != next {
            let problem = if entry.begin < next {
                "an overlap with another tensor"
            } else {
                "a hole before it"
            };
            return Err(WeightsError::HeaderEntry {
                file: file.into(),
                tensor: name.clone(),
                expected: format!("data from offset {}", next - data),
                found: format!("offset {}, {problem}", entry.begin - data),
            });
        }
        next = entry.end;
    }
    if next != len {
        return Err(WeightsError::Header {
            file: file.into(),
            expected: format!("{} data bytes by its header", next - data),
            found: format!("{}", len - data),
        });
    }
    Ok(())
}
