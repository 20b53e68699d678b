//! Images and texts against what PIL and transformers make of them.

mod bad;
mod decoding;
mod demo;
mod documents;
mod images;
mod prompts;
mod sha256;
