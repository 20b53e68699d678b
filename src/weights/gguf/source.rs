//! A GGUF file seen as a Hugging Face folder.

use std::{
    ops::Range,
    sync::{Arc, OnceLock},
};

use serde_json::Value;

use super::{
    super::{
        error::{SourceError, WeightsError},
        packed::Packed,
        source::{ByteSource, too_short},
    },
    decoder,
    model::Model,
    projector::Projector,
    tokenizer,
};

const CONFIG: &str = "config.json";
const PREPROCESSOR: &str = "preprocessor_config.json";
const PROCESSOR: &str = "processor_config.json";

/// The files that are written from the metadata.
const WRITTEN: [&str; 6] = [
    CONFIG,
    "generation_config.json",
    PREPROCESSOR,
    PROCESSOR,
    "tokenizer.json",
    "tokenizer_config.json",
];

/// A GGUF file in a folder, and what its metadata make the folder hold.
pub struct GgufSource {
    below: Arc<dyn ByteSource>,
    model: Model,
    packed: Packed,
    /// Each of [`WRITTEN`], once it was asked for.
    written: [OnceLock<Result<Vec<u8>, SourceError>>; WRITTEN.len()],
}

impl GgufSource {
    /// The model `file` in the folder `below`.
    ///
    /// # Errors
    /// The file is damaged, or of a kind that is not supported.
    pub fn open(below: Arc<dyn ByteSource>, file: &str) -> Result<Self, WeightsError> {
        let model = Model::open(&*below, file)?;
        let source = Self {
            below,
            packed: model.packed()?,
            model,
            written: Default::default(),
        };
        // What is wrong with the configuration is told at once, and in full.
        let config = source.config()?;
        let config = Ok(config.to_string().into_bytes());
        source.written[0].get_or_init(|| config);
        Ok(source)
    }

    /// Those of [`WRITTEN`] that this checkpoint has: a decoder alone sees no images.
    fn names(&self) -> impl Iterator<Item = &'static str> + use<> {
        let vision = self.model.projector.as_ref();
        let sees = vision.is_some();
        let counts = vision.is_some_and(Projector::counts_tokens);
        let written = WRITTEN.iter().copied();
        written.filter(move |name| match *name {
            PREPROCESSOR => sees,
            PROCESSOR => counts,
            _ => true,
        })
    }

    fn config(&self) -> Result<Value, WeightsError> {
        let Model {
            header,
            architecture,
            projector,
            ..
        } = &self.model;
        let decoder = decoder::config(architecture, header, &*self.below)?;
        let config = match projector {
            None => decoder,
            Some(projector) => projector.config(architecture, decoder, |token| {
                let tokens = header.metadata.texts("tokenizer.ggml.tokens");
                let mut tokens = tokens.ok().flatten()?.iter();
                tokens.position(|known| known == token)
            })?,
        };
        Ok(Value::Object(config))
    }

    /// One of [`WRITTEN`]; none where the file has another name.
    fn written(&self, file: &str) -> Option<Result<&[u8], SourceError>> {
        let name = self.names().find(|name| *name == file)?;
        let index = WRITTEN.iter().position(|other| *other == name)?;
        let metadata = &self.model.header.metadata;
        let made = self.written.get(index)?.get_or_init(|| {
            let of_vision = |make: fn(&Projector) -> Result<Value, WeightsError>| {
                let vision = self.model.projector.as_ref();
                vision.map_or(Ok(Value::Null), make)
            };
            let value = match name {
                CONFIG => self.config(),
                PREPROCESSOR => of_vision(Projector::preprocessor),
                PROCESSOR => of_vision(Projector::processor),
                "generation_config.json" => tokenizer::generation_config(metadata),
                "tokenizer.json" => tokenizer::tokenizer(metadata),
                _ => tokenizer::tokenizer_config(metadata),
            };
            match value {
                Ok(value) => Ok(value.to_string().into_bytes()),
                Err(error) => Err(SourceError::new(file, format!("cannot be made: {error}"))),
            }
        });
        Some(made.as_deref().map_err(Clone::clone))
    }

    /// Whether it is one of the files that the checkpoint is made of.
    fn is_own(&self, file: &str) -> bool {
        let vision = self.model.projector.as_ref();
        file == self.model.file || vision.is_some_and(|vision| vision.file == file)
    }
}

impl ByteSource for GgufSource {
    fn name(&self) -> String {
        format!("{}/{}", self.below.name(), self.model.file)
    }

    fn list(&self) -> Result<Vec<String>, SourceError> {
        let vision = self.model.projector.as_ref();
        let own = [self.model.file.as_str()].into_iter();
        let own = own.chain(vision.map(|vision| vision.file.as_str()));
        let mut names: Vec<String> = self.names().map(str::to_owned).collect();
        names.extend(own.map(str::to_owned));
        names.sort();
        Ok(names)
    }

    fn len(&self, file: &str) -> Result<Option<u64>, SourceError> {
        match self.written(file) {
            Some(written) => Ok(Some(written?.len() as u64)),
            None if self.is_own(file) => self.below.len(file),
            None => Ok(None),
        }
    }

    fn read_range(&self, file: &str, range: Range<u64>) -> Result<Vec<u8>, SourceError> {
        let Some(written) = self.written(file) else {
            return self.below.read_range(file, range);
        };
        let written = written?;
        let part = usize::try_from(range.start)
            .ok()
            .zip(usize::try_from(range.end).ok())
            .and_then(|(start, end)| written.get(start..end));
        part.map(<[u8]>::to_vec)
            .ok_or_else(|| too_short(file, &range, written.len() as u64))
    }

    fn packed(&self) -> Option<&Packed> {
        Some(&self.packed)
    }
}
