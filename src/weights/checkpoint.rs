//! A checkpoint: configuration and tensors that agree with it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use super::{
    config::{ConnectorKind, VlmConfig, picture},
    error::WeightsError,
    files::{self, INDEX, MAX_JSON, TensorInfo, WEIGHTS},
    layout::{self, Expected, Need},
    names, packaging,
    source::{ByteSource, read_text},
    tensor::HostTensor,
};

const CONFIG: &str = "config.json";

/// A checkpoint whose configuration and tensors agree.
#[derive(Clone)]
pub struct Checkpoint {
    /// The configuration; the connector's form is settled from the tensors.
    pub config: VlmConfig,
    source: Arc<dyn ByteSource>,
    tensors: BTreeMap<String, TensorInfo>,
}

impl fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checkpoint")
            .field("source", &self.source.name())
            .field("tensors", &self.tensors.len())
            .finish_non_exhaustive()
    }
}

impl Checkpoint {
    /// Opens the checkpoint in `source`: `config.json` and `model.safetensors`, or shards with
    /// `model.safetensors.index.json`. Reads headers only. Where the image processor's files say
    /// what size of pictures they make, the configuration is [for that
    /// size](VlmConfig::with_picture_size).
    ///
    /// # Errors
    /// A file is missing or damaged, the architecture is not supported, or the tensors do not have
    /// the names, shapes and types that the configuration asks for.
    pub fn open(source: Arc<dyn ByteSource>) -> Result<Self, WeightsError> {
        let text = read_text(&*source, CONFIG, MAX_JSON)?
            .ok_or_else(|| packaging::without_config(&*source))?;
        packaging::check_adapter(&*source)?;
        let mut config = VlmConfig::parse(CONFIG, &text)?;
        // Files that say nothing usable are told when the processor itself is opened.
        if let Ok(Some(side)) = picture::side(&*source) {
            config = config.with_picture_size(side)?;
        }
        let tensors = files::open(&source)?;
        refuse_quantized(&tensors)?;
        if matches!(config.connector.kind, ConnectorKind::Mlp { .. })
            && tensors
                .values()
                .any(|t| names::is_linear_connector(&t.name))
        {
            config.connector.kind = ConnectorKind::LINEAR;
        }
        let checkpoint = Self {
            config,
            source,
            tensors,
        };
        checkpoint.check()?;
        Ok(checkpoint)
    }

    /// Where the checkpoint comes from; also holds tokenizer and image processor.
    pub fn source(&self) -> &Arc<dyn ByteSource> {
        &self.source
    }

    /// Whether there is a tensor with this canonical name.
    pub fn has(&self, canonical: &str) -> bool {
        self.tensors.contains_key(canonical)
    }

    /// Where the tensor with this canonical name lies.
    pub fn info(&self, canonical: &str) -> Option<&TensorInfo> {
        self.tensors.get(canonical)
    }

    /// All tensors by canonical name, those included that the model does not use.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &TensorInfo)> {
        self.tensors
            .iter()
            .map(|(name, info)| (name.as_str(), info))
    }

    /// The tensors that the model uses, by canonical name, in the order of a forward pass.
    pub fn used(&self) -> impl Iterator<Item = (String, &TensorInfo)> {
        layout::expected(&self.config)
            .into_iter()
            .filter(|expected| expected.need != Need::Nothing)
            .filter_map(|e| self.tensors.get(&e.name).map(|info| (e.name, info)))
    }

    /// Reads a tensor by canonical name.
    ///
    /// # Errors
    /// There is none, it has another shape than `shape`, its type has no kernel, or the file
    /// cannot be read.
    pub fn tensor(&self, canonical: &str, shape: &[usize]) -> Result<HostTensor, WeightsError> {
        let info = self
            .tensors
            .get(canonical)
            .ok_or_else(|| WeightsError::MissingTensor {
                file: self.weights_file(),
                tensor: canonical.into(),
                expected: format!("{shape:?}"),
                reason: "the model uses it".into(),
            })?;
        if info.shape != shape {
            return Err(WeightsError::Shape {
                file: info.file.clone(),
                tensor: info.name.clone(),
                expected: format!("{shape:?}"),
                found: format!("{:?}", info.shape),
            });
        }
        let dtype = info.checked_storage()?;
        let bytes = info.source.read_range(&info.file, info.begin..info.end)?;
        Ok(HostTensor {
            name: info.name.clone(),
            dtype,
            shape: info.shape.clone(),
            bytes,
        })
    }

    /// The checkpoint with some tensors taken from another safetensors file, for example another
    /// connector. The file's tensors must be ones that the model uses, in the same shapes.
    ///
    /// # Errors
    /// The file is missing or damaged, or holds a tensor that the model does not use.
    pub fn with_overrides(
        mut self,
        source: Arc<dyn ByteSource>,
        file: &str,
    ) -> Result<Self, WeightsError> {
        let replacements = files::open_file(&source, file)?;
        let used: BTreeSet<String> = layout::expected(&self.config)
            .into_iter()
            .map(|expected| expected.name)
            .collect();
        if let Some(info) = replacements
            .iter()
            .find_map(|(name, info)| (!used.contains(name)).then_some(info))
        {
            return Err(WeightsError::HeaderEntry {
                file: file.into(),
                tensor: info.name.clone(),
                expected: format!("a tensor that {} uses", self.source.name()),
                found: "one that it does not use".into(),
            });
        }
        self.tensors.extend(replacements);
        self.check()?;
        Ok(self)
    }

    /// What to call the weights in a message about a tensor that is nowhere.
    fn weights_file(&self) -> String {
        match self.source.len(WEIGHTS) {
            Ok(Some(_)) => WEIGHTS.into(),
            _ => INDEX.into(),
        }
    }

    /// Compares the tensors with the configuration.
    fn check(&self) -> Result<(), WeightsError> {
        let patches = self.config.vision.patches_per_side();
        self.config.connector.check_grid(CONFIG, patches)?;
        for ruled in layout::ruled_out(&self.config) {
            let found = if ruled.name.ends_with('.') {
                self.tensors
                    .range(ruled.name.clone()..)
                    .next()
                    .filter(|(name, _)| name.starts_with(&ruled.name))
                    .map(|(_, info)| info)
            } else {
                self.tensors.get(&ruled.name)
            };
            if let Some(info) = found {
                return Err(WeightsError::Contradiction {
                    file: info.file.clone(),
                    tensor: info.name.clone(),
                    setting: format!("`{}` = {}", ruled.field, ruled.value),
                    found: format!("{:?}", info.shape),
                });
            }
        }
        for expected in layout::expected(&self.config) {
            match self.tensors.get(&expected.name) {
                Some(info) => check_tensor(&expected, info)?,
                None if expected.need != Need::Forward => {}
                None => {
                    return Err(WeightsError::MissingTensor {
                        file: self.weights_file(),
                        tensor: expected.name,
                        expected: format!("{:?}", expected.shape),
                        reason: expected.fields.join(", "),
                    });
                }
            }
        }
        Ok(())
    }
}

/// Refuses weights whose tensors' names show that they are quantized, which the configuration may not
/// say.
fn refuse_quantized(tensors: &BTreeMap<String, TensorInfo>) -> Result<(), WeightsError> {
    let found = tensors
        .values()
        .find_map(|info| Some((info, names::quantized_by(&info.name)?)));
    match found {
        None => Ok(()),
        Some((info, method)) => Err(WeightsError::Quantized {
            file: info.file.clone(),
            field: info.name.clone(),
            method: method.into(),
        }),
    }
}

fn check_tensor(expected: &Expected, info: &TensorInfo) -> Result<(), WeightsError> {
    if info.shape == expected.shape {
        return match expected.need {
            Need::Nothing => Ok(()),
            Need::Forward | Need::Words => info.checked_storage().map(|_| ()),
        };
    }
    let differing: Vec<&str> = if info.shape.len() == expected.shape.len() {
        let pairs = info.shape.iter().zip(&expected.shape);
        let differs = pairs.map(|(found, wanted)| found != wanted);
        let named = expected.fields.iter().zip(differs);
        named.filter(|(_, d)| *d).map(|(f, _)| *f).collect()
    } else {
        expected.fields.clone()
    };
    Err(WeightsError::Shape {
        file: info.file.clone(),
        tensor: info.name.clone(),
        expected: format!("{:?} by {}", expected.shape, differing.join(", ")),
        found: format!("{:?}", info.shape),
    })
}
