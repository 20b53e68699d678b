//! A checkpoint in GGUF format: a decoder's file, and its vision part's where there is one.

use safetensors::Dtype;

use super::{
    super::{
        error::{CONVERT_AGAIN, WeightsError},
        packed::{Packed, Placed},
        source::ByteSource,
        tensor::FileType,
        undo::Undo,
    },
    architecture::Architecture,
    file_name::{is_gguf, is_projector},
    header::{GgufTensor, Header},
    names,
    projector::{Opened, Projector},
};

/// The files of a checkpoint, read as far as their tensors.
pub(super) struct Model {
    /// The file with the language model.
    pub(super) file: String,
    pub(super) header: Header,
    pub(super) architecture: Architecture,
    pub(super) projector: Option<Projector>,
}

impl Model {
    /// The model `file`, with the vision part beside it.
    ///
    /// # Errors
    /// A file is damaged, or of a kind that is not supported.
    pub(super) fn open(source: &dyn ByteSource, file: &str) -> Result<Self, WeightsError> {
        let header = Header::read(source, file)?;
        let architecture = Architecture::of(&header)?;
        Ok(Self {
            projector: projector(source, file, &header, &architecture)?,
            architecture,
            file: file.into(),
            header,
        })
    }

    /// All tensors by their names in Hugging Face's classes, file by file.
    ///
    /// # Errors
    /// Something was done to a tensor that cannot be undone.
    pub(super) fn packed(&self) -> Result<Packed, WeightsError> {
        let own = self.header.tensors.iter().map(|tensor| {
            let (name, undo) = names::of_decoder(&self.architecture, &tensor.name);
            let name = match &self.projector {
                Some(projector) => projector.of_decoder(name),
                None => name,
            };
            Ok((name, self.placed(&self.file, tensor, undo)?))
        });
        let mut files = vec![(self.file.clone(), own.collect::<Result<_, WeightsError>>()?)];
        if let Some(projector) = &self.projector {
            let own = projector.header.tensors.iter().map(|tensor| {
                let (name, undo) = projector.named(&tensor.name);
                Ok((name, self.placed(&projector.file, tensor, undo)?))
            });
            let own = own.collect::<Result<_, WeightsError>>()?;
            files.push((projector.file.clone(), own));
        }
        Ok(Packed {
            model_file: self.file.clone(),
            files,
        })
    }

    /// Where a tensor lies to which `undo` was done.
    fn placed(&self, file: &str, tensor: &GgufTensor, undo: Undo) -> Result<Placed, WeightsError> {
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
                advice: CONVERT_AGAIN,
            });
        }
        let frames = matches!(undo, Undo::Frames { .. });
        if frames && !matches!(tensor.dtype, FileType::Plain(_)) {
            return Err(WeightsError::HeaderEntry {
                file: file.into(),
                tensor: tensor.name.clone(),
                expected: "frames in F32, F16 or BF16".into(),
                found: format!("{:?}", tensor.dtype),
                advice: CONVERT_AGAIN,
            });
        }
        if undo == Undo::Plus1 && tensor.dtype != FileType::Plain(Dtype::F32) {
            return Err(WeightsError::HeaderEntry {
                file: file.into(),
                tensor: tensor.name.clone(),
                expected: "the weight of a norm in F32".into(),
                found: format!("{:?}", tensor.dtype),
                advice: CONVERT_AGAIN,
            });
        }
        Ok(Placed {
            dtype: tensor.dtype,
            shape: tensor.shape.clone(),
            strides: None,
            undo,
            begin: tensor.begin,
            end: tensor.end,
        })
    }
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
