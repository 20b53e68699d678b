//! What stands already where a file of states is to be.

use std::{io::Read, path::Path};

use serde_json::Value;

use super::piece::PIECE_KEY;
use crate::weights::safetensors::MAX_HEADER_BYTES;

/// Whether the file at `path` is whole and begins with `header`: whole ones only are ever there.
pub(super) fn is_whole(path: &Path, header: &[u8], len: u64) -> bool {
    let read = || -> std::io::Result<bool> {
        let file = std::fs::File::open(path)?;
        if file.metadata()?.len() != len {
            return Ok(false);
        }
        let mut found = Vec::with_capacity(header.len());
        file.take(header.len() as u64).read_to_end(&mut found)?;
        Ok(found == header)
    };
    read().unwrap_or(false)
}

/// The header of the file at `path`, with its length; none where that is no such file.
pub(super) fn header_of(path: &Path) -> Option<Vec<u8>> {
    let mut file = std::fs::File::open(path).ok()?;
    let mut found = vec![0; 8];
    file.read_exact(&mut found).ok()?;
    let len = u64::from_le_bytes(found.as_slice().try_into().ok()?);
    let rest = file.take(len.min(MAX_HEADER_BYTES));
    let read = { rest }.read_to_end(&mut found).ok()?;
    (read as u64 == len).then_some(found)
}

/// What a header says of the piece.
pub(super) fn piece_in(header: &[u8]) -> Option<String> {
    let header: Value = serde_json::from_slice(header.get(8..)?).ok()?;
    Some(header["__metadata__"][PIECE_KEY].as_str()?.to_owned())
}
