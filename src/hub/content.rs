//! Whether what came is a file at all.

use super::Refusal;
use crate::weights::{PLACEHOLDER_BEGINNING, placeholder};

/// How many bytes of a file's beginning tell what it is.
pub const BEGINNING: usize = PLACEHOLDER_BEGINNING as usize;

/// Fails where a file of `len` bytes with this `beginning` (all of it, or at least [`BEGINNING`] bytes)
/// is a Git LFS pointer, a web page, or nothing, as proxies and unfinished uploads leave them.
///
/// # Errors
/// [`Refusal::StandIn`] with what it is.
pub fn check_content(len: u64, beginning: &[u8]) -> Result<(), Refusal> {
    let beginning = &beginning[..beginning.len().min(BEGINNING)];
    match placeholder(len, beginning) {
        Some(found) => Err(Refusal::StandIn {
            found: found.to_string(),
        }),
        None => Ok(()),
    }
}
