//! GGUF files: llama.cpp's format, in which one file holds weights, configuration and tokenizer.
//!
//! A [`GgufSource`] makes a Hugging Face folder of such a file: `config.json` and the tokenizer's files are
//! written from its metadata, its tensors get the names of Hugging Face's classes, and what the converter did
//! to them is undone where they are read. What follows sees a checkpoint like any other.

mod decoder;
mod header;
mod names;
mod pieces;
mod projector;
mod reader;
mod rope;
mod source;
mod tokenizer;
mod undo;
mod value;

pub use source::GgufSource;
pub(crate) use undo::{Undo, woven};

use std::sync::Arc;

use safetensors::Dtype;

use super::{error::WeightsError, source::ByteSource, tensor::FileType};
use decoder::Architecture;
use header::{GgufTensor, Header};
use projector::{Opened, Projector};

/// Whether a file is called as GGUF files are.
pub fn is_gguf(file: &str) -> bool {
    file.to_lowercase().ends_with(".gguf")
}

/// Whether a file is called as those with the vision part are.
fn is_projector(file: &str) -> bool {
    file.to_lowercase().contains("mmproj")
}

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

/// A checkpoint in GGUF format.
pub struct Packed {
    file: String,
    header: Header,
    architecture: Architecture,
    projector: Option<Projector>,
}

/// The vision part beside the decoder in `file`. One that was made for a decoder of another width belongs to
/// another model of the folder; where there is no other, it is refused.
fn projector(
    source: &dyn ByteSource,
    file: &str,
    header: &Header,
    architecture: &Architecture,
) -> Result<Option<Projector>, WeightsError> {
    let key = architecture.key("embedding_length");
    let width = header.metadata.count(&key)?;
    let mut found = Vec::new();
    let mut misfit = None;
    let mut others = false;
    for name in source.list()? {
        if !is_gguf(&name) || name.starts_with('.') {
            continue;
        }
        if !is_projector(&name) {
            others |= name != file;
            continue;
        }
        match Projector::open(source, &name, (file, width))? {
            Opened::Fits(projector) => found.push(*projector),
            Opened::Misfit { file, what, width } => misfit = Some((file, what, width)),
        }
    }
    match (found.as_slice(), misfit) {
        ([], Some((vision, what, made_for))) if !others => Err(WeightsError::Packaging {
            folder: source.name(),
            expected: format!(
                "a vision part for the width of {file} ({key} = {})",
                width.unwrap_or(0)
            ),
            found: format!("{vision} for {made_for} ({what})"),
            advice: "put the vision part of the same model beside it".into(),
        }),
        ([] | [_], _) => Ok(found.pop()),
        ([first, second, ..], _) => Err(WeightsError::Packaging {
            folder: source.name(),
            expected: "one vision part for the model".into(),
            found: format!("{} and {}", first.file, second.file),
            advice: "put the other one into another folder".into(),
        }),
    }
}

/// A tensor's name in Hugging Face's class, where it lies, and what was done to it.
type Named<'a> = (String, &'a GgufTensor, Undo);

impl Packed {
    fn open(source: &dyn ByteSource, file: &str) -> Result<Self, WeightsError> {
        let header = Header::read(source, file)?;
        let architecture = Architecture::of(&header)?;
        let packed = Self {
            projector: projector(source, file, &header, &architecture)?,
            architecture,
            file: file.into(),
            header,
        };
        packed.check()?;
        Ok(packed)
    }

    /// Fails where something was done to a tensor that cannot be undone.
    fn check(&self) -> Result<(), WeightsError> {
        for (file, tensors) in self.tensors() {
            for (_, tensor, undo) in tensors {
                let heads = match undo {
                    Undo::Pairs { head } => tensor.shape[0].is_multiple_of(head),
                    Undo::Nothing | Undo::Plus1 | Undo::Frames { .. } => true,
                };
                if !heads {
                    return Err(WeightsError::HeaderEntry {
                        file: file.into(),
                        tensor: tensor.name.clone(),
                        expected: format!("heads of {} rows", self.architecture.head_dim),
                        found: format!("{} rows", tensor.shape[0]),
                    });
                }
                let frames = matches!(undo, Undo::Frames { .. });
                if frames && !matches!(tensor.dtype, FileType::Plain(_)) {
                    return Err(WeightsError::HeaderEntry {
                        file: file.into(),
                        tensor: tensor.name.clone(),
                        expected: "frames in F32, F16 or BF16".into(),
                        found: format!("{:?}", tensor.dtype),
                    });
                }
                if undo == Undo::Plus1 && tensor.dtype != FileType::Plain(Dtype::F32) {
                    return Err(WeightsError::HeaderEntry {
                        file: file.into(),
                        tensor: tensor.name.clone(),
                        expected: "the weight of a norm in F32".into(),
                        found: format!("{:?}", tensor.dtype),
                    });
                }
            }
        }
        Ok(())
    }

    /// The file with the language model.
    pub(super) fn model_file(&self) -> &str {
        &self.file
    }

    /// All tensors, file by file.
    pub(super) fn tensors(&self) -> Vec<(&str, Vec<Named<'_>>)> {
        let named = self.header.tensors.iter().map(|tensor| {
            let (name, undo) = names::of_decoder(&self.architecture, &tensor.name);
            let name = match &self.projector {
                Some(projector) => projector.of_decoder(name),
                None => name,
            };
            (name, tensor, undo)
        });
        let mut files = vec![(self.file.as_str(), named.collect())];
        if let Some(projector) = &self.projector {
            let named = projector.header.tensors.iter().map(|tensor| {
                let (name, undo) = projector.named(&tensor.name);
                (name, tensor, undo)
            });
            files.push((projector.file.as_str(), named.collect()));
        }
        files
    }
}
