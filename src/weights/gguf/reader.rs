//! Reads a GGUF file from its beginning, as far as its description goes.

use super::super::{
    error::{AGAIN, SourceError, WeightsError},
    source::ByteSource,
};

/// Bytes read at once.
const PART: u64 = 1 << 20;
/// Longest description: those of the largest vocabularies have some 20 MiB.
const MOST: u64 = 128 << 20;
/// Longest text: a chat template, or a tokenizer of another library.
const MOST_TEXT: u64 = 32 << 20;

/// A place in a file.
pub(super) struct Reader<'a> {
    source: &'a dyn ByteSource,
    file: &'a str,
    /// Length of the file.
    pub(super) len: u64,
    at: u64,
    part: Vec<u8>,
    part_at: u64,
}

impl<'a> Reader<'a> {
    pub(super) fn new(source: &'a dyn ByteSource, file: &'a str) -> Result<Self, WeightsError> {
        let missing = || SourceError::new(file, "expected a GGUF file, found no such file");
        Ok(Self {
            source,
            file,
            len: source.len(file)?.ok_or_else(missing)?,
            at: 0,
            part: Vec::new(),
            part_at: 0,
        })
    }

    /// The next byte's place.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// Bytes to the end of the file.
    pub(super) fn left(&self) -> u64 {
        self.len - self.at
    }

    /// What is wrong here.
    pub(super) fn wrong(
        &self,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> WeightsError {
        WeightsError::Header {
            file: self.file.into(),
            expected: expected.into(),
            found: found.into(),
            advice: AGAIN,
        }
    }

    /// Fails where fewer than `count` things of `size` bytes each can follow.
    pub(super) fn room_for(&self, what: &str, count: u64, size: u64) -> Result<(), WeightsError> {
        match count.checked_mul(size) {
            Some(bytes) if bytes <= self.left() => Ok(()),
            _ => Err(self.wrong(
                format!("{count} {what} from byte {} on", self.at),
                format!("{} bytes to the end of the file", self.left()),
            )),
        }
    }

    /// The next bytes.
    pub(super) fn bytes(&mut self, count: u64) -> Result<&[u8], WeightsError> {
        self.room_for("bytes", count, 1)?;
        if self.at + count > MOST {
            let expected = format!("a description of at most {MOST} bytes");
            return Err(self.wrong(expected, "a longer one"));
        }
        let inside =
            self.at >= self.part_at && self.at + count <= self.part_at + self.part.len() as u64;
        if !inside {
            let end = (self.at + count.max(PART)).min(self.len);
            self.part = self.source.read_range(self.file, self.at..end)?;
            self.part_at = self.at;
        }
        let start = (self.at - self.part_at) as usize;
        self.at += count;
        Ok(self
            .part
            .get(start..start + count as usize)
            .unwrap_or_default())
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], WeightsError> {
        let mut array = [0; N];
        array.copy_from_slice(self.bytes(N as u64)?);
        Ok(array)
    }

    pub(super) fn u8(&mut self) -> Result<u8, WeightsError> {
        Ok(self.array::<1>()?[0])
    }

    pub(super) fn u16(&mut self) -> Result<u16, WeightsError> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    pub(super) fn u32(&mut self) -> Result<u32, WeightsError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub(super) fn u64(&mut self) -> Result<u64, WeightsError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// A text with its length before it.
    pub(super) fn text(&mut self) -> Result<String, WeightsError> {
        let place = self.at;
        let length = self.u64()?;
        self.room_for("bytes of a text", length, 1)?;
        if length > MOST_TEXT {
            let expected = format!("a text of at most {MOST_TEXT} bytes at byte {place}");
            return Err(self.wrong(expected, format!("one of {length}")));
        }
        match std::str::from_utf8(self.bytes(length)?) {
            Ok(text) => Ok(text.to_owned()),
            Err(_) => Err(self.wrong(format!("UTF-8 text at byte {place}"), "other bytes")),
        }
    }
}
