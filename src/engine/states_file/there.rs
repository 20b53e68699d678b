//! What stands already where a file of states is to be.

use std::{io::Read, path::Path};

use serde_json::Value;

use super::{
    piece::{PIECE_KEY, Piece},
    refused,
};
use crate::{engine::EngineError, weights::safetensors::MAX_HEADER_BYTES};

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
    text_in(header, PIECE_KEY)
}

/// A text of a header.
pub(super) fn text_in(header: &[u8], key: &str) -> Option<String> {
    let header: Value = serde_json::from_slice(header.get(8..)?).ok()?;
    Some(header["__metadata__"][key].as_str()?.to_owned())
}

/// That the file at `path` would be lost, which is not the one of `piece`.
pub(super) fn lost(path: &Path, piece: &Piece) -> EngineError {
    let there = header_of(path).as_deref().and_then(piece_in);
    let reason = match there.and_then(|text| piece.other_run(&text).filter(|_| !piece.is_run(&text))) {
        Some([field, own, other]) => format!(
            "another run has written it, whose `{field}` is {other}, not {own}; name another file, or replace it with \
             --force"
        ),
        None => "expected no file there, or the one of this run and its memory budget, found another one; name another file, or replace it \
                 with --force"
            .to_owned(),
    };
    refused(&path.display().to_string(), reason)
}
