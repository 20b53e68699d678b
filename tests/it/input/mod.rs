//! Images and texts against what PIL and transformers make of them.

mod animations;
mod bad;
mod decoding;
mod demo;
mod documents;
mod hostile;
mod hostile_tokenizers;
mod images;
mod passages;
mod prompts;
pub mod sha256;
mod templates;
