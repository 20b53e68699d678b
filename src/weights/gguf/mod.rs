//! GGUF files: llama.cpp's format, in which one file holds weights, configuration and tokenizer.
//!
//! A [`GgufSource`] makes a Hugging Face folder of such a file: `config.json` and the tokenizer's files are
//! written from its metadata, its tensors get the names of Hugging Face's classes, and what the converter did
//! to them is undone where they are read. What follows sees a checkpoint like any other.

mod architecture;
mod decoder;
mod file_name;
mod header;
mod model;
mod names;
mod pieces;
mod projector;
mod reader;
mod rope;
mod source;
mod tokenizer;
mod value;
mod vocabulary;

pub use file_name::{is_gguf, is_projector};
pub use source::GgufSource;

use std::sync::Arc;

use super::{error::WeightsError, source::ByteSource};

/// A source whose folder has no `config.json`, but one model in GGUF format, as that model's folder; any other
/// source as it is.
///
/// # Errors
/// There are several models, or the one cannot be used.
pub fn entered(source: Arc<dyn ByteSource>) -> Result<Arc<dyn ByteSource>, WeightsError> {
    if source.packed().is_some() || source.len("config.json")?.is_some() {
        return Ok(source);
    }
    let mut names = source.list()?;
    names.retain(|name| is_gguf(name) && !name.starts_with('.'));
    let (vision, models): (Vec<String>, Vec<String>) =
        names.into_iter().partition(|name| is_projector(name));
    match (models.as_slice(), vision.as_slice()) {
        ([], []) => Ok(source),
        ([model], _) => Ok(Arc::new(GgufSource::open(source, model)?)),
        ([], [vision, ..]) => Err(WeightsError::Packaging {
            folder: source.name(),
            expected: "a model in GGUF format".into(),
            found: format!("only its vision part, {vision}"),
            advice: "put the model's own file beside it".into(),
        }),
        ([first, ..], _) => Err(WeightsError::Packaging {
            folder: source.name(),
            expected: "one model in GGUF format".into(),
            found: format!("{} of them", models.len()),
            advice: format!("name the file, for example {}/{first}", source.name()),
        }),
    }
}
