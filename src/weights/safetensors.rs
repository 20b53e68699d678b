//! The header of a safetensors file, checked before any tensor is read.
//!
//! Format: 8 bytes little-endian length N, N bytes of JSON
//! `{"name": {"dtype", "shape", "data_offsets": [begin, end]}, "__metadata__": {..}}`, then the
//! data. The crate `safetensors` reads and validates it: types, shapes against bytes, tensors that
//! cover the data without overlap and without holes. What it cannot know from the header alone is
//! here: the file's length, and, as its errors name no tensor, which one is at fault.

use std::collections::BTreeMap;

use safetensors::{
    Dtype,
    tensor::{Metadata, TensorInfo},
};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    error::{AGAIN, SourceError, WeightsError},
    source::{
        ByteSource,
        stand_in::{BEGINNING, stand_in, text_instead},
    },
    tensor::is_countable,
};

/// Longest header accepted, as in the crate.
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

/// Reads and checks the header of `file`.
///
/// # Errors
/// [`WeightsError::Header`] or [`WeightsError::HeaderEntry`] where the file is truncated, the
/// header is oversized or no JSON, or an entry's type, shape and offsets contradict each other, the
/// other entries or the file's length; [`WeightsError::Source`] where it cannot be read, or another
/// file lies in its place.
pub fn read_header(
    source: &dyn ByteSource,
    file: &str,
) -> Result<BTreeMap<String, Entry>, WeightsError> {
    let len = source.len(file)?.ok_or_else(|| WeightsError::MissingFile {
        folder: source.name(),
        expected: file.into(),
        found: "no such file".into(),
    })?;
    let beginning = source.read_range(file, 0..len.min(BEGINNING))?;
    let header = Header { file, len };
    let size = header.size(&beginning)?;
    let text = source.read_range(file, 8..8 + size)?;
    let data = 8 + size;
    match serde_json::from_slice::<Metadata>(&text) {
        Ok(metadata) => header.entries(&metadata, data),
        Err(error) => {
            let entries = header.one_by_one(&text, data)?;
            // Where addresses have 32 bits, offsets beyond 4 GiB are no fault of the file.
            match usize::try_from(len) {
                Err(_) => Ok(entries),
                Ok(_) => {
                    Err(header.bad("a safetensors header".into(), format!("an error ({error})")))
                }
            }
        }
    }
}

/// The texts that a safetensors file carries beside its tensors, by name.
///
/// # Errors
/// As [`read_header`].
pub fn read_metadata(
    source: &dyn ByteSource,
    file: &str,
) -> Result<BTreeMap<String, String>, WeightsError> {
    read_header(source, file)?;
    let beginning = source.read_range(file, 0..8)?;
    let size = beginning
        .as_array::<8>()
        .map_or(0, |size| u64::from_le_bytes(*size));
    let text = source.read_range(file, 8..8 + size)?;
    let header: Map<String, Value> = serde_json::from_slice(&text).unwrap_or_default();
    let texts = header.get("__metadata__").and_then(Value::as_object);
    let texts = texts.into_iter().flatten();
    Ok(texts
        .filter_map(|(name, text)| Some((name.clone(), text.as_str()?.to_owned())))
        .collect())
}

/// A file whose header is read.
struct Header<'a> {
    file: &'a str,
    len: u64,
}

/// An entry whose offsets also hold on a 32-bit page, where weights have more than 4 GiB.
#[derive(Deserialize)]
struct Written {
    dtype: Dtype,
    shape: Vec<usize>,
    data_offsets: (u64, u64),
}

impl Header<'_> {
    fn bad(&self, expected: String, found: String) -> WeightsError {
        WeightsError::Header {
            file: self.file.into(),
            expected,
            found,
            advice: AGAIN,
        }
    }

    fn bad_entry(&self, name: &str, expected: String, found: String) -> WeightsError {
        WeightsError::HeaderEntry {
            file: self.file.into(),
            tensor: name.into(),
            expected,
            found,
            advice: AGAIN,
        }
    }

    /// Length of the header, from the file's first bytes.
    fn size(&self, beginning: &[u8]) -> Result<u64, WeightsError> {
        let size = beginning.first_chunk::<8>().map(|b| u64::from_le_bytes(*b));
        let limit = MAX_HEADER_BYTES.min(self.len.saturating_sub(8));
        if let Some(size) = size
            && size <= limit
            && beginning.get(8) == Some(&b'{')
        {
            return Ok(size);
        }
        // Not a header: the wrong file may say what it is.
        let other = stand_in(self.len, beginning).or_else(|| {
            let text = text_instead(beginning)?;
            Some(format!("{text}; download the file again"))
        });
        if let Some(found) = other {
            let reason = format!("expected weights in safetensors format, found {found}");
            return Err(SourceError::new(self.file, reason).into());
        }
        match size {
            None => Err(self.bad(
                "a safetensors file of at least 8 bytes".into(),
                format!("{} bytes", self.len),
            )),
            Some(size) if size > limit => Err(self.bad(
                format!("a safetensors header of at most {limit} bytes"),
                format!("a header length of {size}"),
            )),
            Some(_) => Err(self.bad(
                "a safetensors header in JSON".into(),
                "one that does not begin with `{`".into(),
            )),
        }
    }

    /// The entries of a header that is valid in itself, against the file's length.
    fn entries(
        &self,
        metadata: &Metadata,
        data: u64,
    ) -> Result<BTreeMap<String, Entry>, WeightsError> {
        let mut entries = BTreeMap::new();
        for (name, info) in metadata.tensors() {
            let (begin, end) = info.data_offsets;
            let entry = Entry {
                dtype: info.dtype,
                shape: info.shape.clone(),
                begin: data + begin as u64,
                end: data + end as u64,
            };
            self.check_sizes(&name, &entry.shape)?;
            entries.insert(name, entry);
        }
        self.check_length(&entries, data)?;
        Ok(entries)
    }

    /// Sizes that count nothing, as one of them is 0, may still be beyond all bounds.
    fn check_sizes(&self, name: &str, shape: &[usize]) -> Result<(), WeightsError> {
        match is_countable(shape) {
            true => Ok(()),
            false => Err(self.bad_entry(
                name,
                "at most 2^48 elements, axes of 0 left out".into(),
                format!("shape {shape:?}"),
            )),
        }
    }

    /// Nothing after the last tensor, and none beyond the file's end.
    fn check_length(
        &self,
        entries: &BTreeMap<String, Entry>,
        data: u64,
    ) -> Result<(), WeightsError> {
        let beyond = entries.iter().filter(|(_, entry)| entry.end > self.len);
        if let Some((name, entry)) = beyond.min_by_key(|(_, entry)| entry.begin) {
            return Err(self.bad_entry(
                name,
                format!("offsets within the file's {} data bytes", self.len - data),
                format!("{}..{}", entry.begin - data, entry.end - data),
            ));
        }
        let end = entries.values().map(|entry| entry.end).max();
        let end = end.unwrap_or(data);
        if end != self.len {
            return Err(self.bad(
                format!("{} data bytes by its header", end - data),
                (self.len - data).to_string(),
            ));
        }
        Ok(())
    }

    /// The entries of a header that the crate refuses, each by itself: finds the tensor at fault.
    fn one_by_one(&self, text: &[u8], data: u64) -> Result<BTreeMap<String, Entry>, WeightsError> {
        let map: Map<String, Value> = serde_json::from_slice(text).map_err(|error| {
            self.bad(
                "a safetensors header in JSON".into(),
                format!("an error ({error})"),
            )
        })?;
        let mut entries = BTreeMap::new();
        for (name, value) in map {
            if name != "__metadata__" {
                let entry = self.entry(&name, value, data)?;
                entries.insert(name, entry);
            }
        }
        self.check_order(&entries, data)?;
        self.check_length(&entries, data)?;
        Ok(entries)
    }

    fn entry(&self, name: &str, value: Value, data: u64) -> Result<Entry, WeightsError> {
        let written: Written = serde_json::from_value(value).map_err(|error| {
            self.bad_entry(
                name,
                "an entry with dtype, shape and data_offsets".into(),
                format!("an error ({error})"),
            )
        })?;
        let Written { dtype, shape, .. } = written;
        let (begin, end) = written.data_offsets;
        let available = self.len - data;
        if begin > end || end > available {
            return Err(self.bad_entry(
                name,
                format!("offsets within the file's {available} data bytes"),
                format!("{begin}..{end}"),
            ));
        }
        let alone = usize::try_from(end - begin).is_ok_and(|bytes| {
            let info = TensorInfo {
                dtype,
                shape: shape.clone(),
                data_offsets: (0, bytes),
            };
            Metadata::new(None, vec![(name.to_owned(), info)]).is_ok()
        });
        if alone {
            self.check_sizes(name, &shape)?;
        }
        match alone {
            true => Ok(Entry {
                dtype,
                shape,
                begin: data + begin,
                end: data + end,
            }),
            false => Err(self.bad_entry(
                name,
                format!("the bytes of shape {shape:?} in {dtype:?}"),
                format!("{} bytes at {begin}..{end}", end - begin),
            )),
        }
    }

    /// No overlap and no hole.
    fn check_order(
        &self,
        entries: &BTreeMap<String, Entry>,
        data: u64,
    ) -> Result<(), WeightsError> {
        let mut sorted: Vec<_> = entries.iter().collect();
        sorted.sort_by_key(|(_, entry)| (entry.begin, entry.end));
        let mut next = data;
        for (name, entry) in sorted {
            if entry.begin != next {
                let problem = match entry.begin < next {
                    true => "an overlap with another tensor",
                    false => "a hole before it",
                };
                return Err(self.bad_entry(
                    name,
                    format!("data from offset {}", next - data),
                    format!("offset {}, {problem}", entry.begin - data),
                ));
            }
            next = entry.end;
        }
        Ok(())
    }
}
