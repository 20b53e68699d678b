//! A checkpoint: configuration and tensors that agree with it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use safetensors::Dtype;
use serde_json::Value;

use super::{
    config::{ConnectorKind, VlmConfig},
    error::WeightsError,
    layout::{self, Expected},
    names,
    safetensors::{Entry, read_header},
    source::{ByteSource, read_text},
    tensor::{HostTensor, StorageType},
};

const CONFIG: &str = "config.json";
const WEIGHTS: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";
/// Longest JSON file read here; indices of the largest checkpoints have a few megabytes.
const MAX_JSON: u64 = 64 << 20;

/// Where a tensor of a checkpoint lies.
#[derive(Clone)]
pub struct TensorInfo {
    /// Its name in the file.
    pub name: String,
    /// The file.
    pub file: String,
    /// Storage type as the file says.
    pub dtype: Dtype,
    /// Sizes, outer to inner.
    pub shape: Vec<usize>,
    begin: u64,
    end: u64,
    source: Arc<dyn ByteSource>,
}

impl TensorInfo {
    /// Number of elements.
    pub fn elements(&self) -> u64 {
        self.shape.iter().map(|&d| d as u64).product()
    }

    /// Bytes in the file.
    pub fn bytes(&self) -> u64 {
        self.end - self.begin
    }

    /// Storage type, where there are kernels for it.
    pub fn storage(&self) -> Option<StorageType> {
        StorageType::from_dtype(self.dtype)
    }

    fn checked_storage(&self) -> Result<StorageType, WeightsError> {
        self.storage().ok_or_else(|| WeightsError::Dtype {
            file: self.file.clone(),
            tensor: self.name.clone(),
            found: format!("{:?}", self.dtype),
        })
    }
}

impl fmt::Debug for TensorInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {:?} {:?} in {}",
            self.name, self.dtype, self.shape, self.file
        )
    }
}

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
    /// `model.safetensors.index.json`. Reads headers only.
    ///
    /// # Errors
    /// A file is missing or damaged, the architecture is not supported, or the tensors do not have
    /// the names, shapes and types that the configuration asks for.
    pub fn open(source: Arc<dyn ByteSource>) -> Result<Self, WeightsError> {
        let text =
            read_text(&*source, CONFIG, MAX_JSON)?.ok_or_else(|| WeightsError::MissingFile {
                folder: source.name(),
                expected: format!("a Hugging Face checkpoint with {CONFIG}"),
                found: "no such file".into(),
            })?;
        let mut config = VlmConfig::parse(CONFIG, &text)?;
        let tensors = if source.len(WEIGHTS)?.is_some() {
            let mut tensors = BTreeMap::new();
            let entries = read_header(&*source, WEIGHTS)?;
            add_tensors(&mut tensors, &source, WEIGHTS, entries)?;
            tensors
        } else {
            open_shards(&source)?
        };
        if tensors
            .values()
            .any(|t| names::is_linear_connector(&t.name))
        {
            config.connector.kind = ConnectorKind::Linear;
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
            .filter(|expected| !expected.optional)
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
        let mut replacements = BTreeMap::new();
        let entries = read_header(&*source, file)?;
        add_tensors(&mut replacements, &source, file, entries)?;
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
                None if expected.optional => {}
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

fn check_tensor(expected: &Expected, info: &TensorInfo) -> Result<(), WeightsError> {
    if info.shape == expected.shape {
        return if expected.optional {
            Ok(())
        } else {
            info.checked_storage().map(|_| ())
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

/// Adds the entries of one file under their canonical names.
fn add_tensors(
    tensors: &mut BTreeMap<String, TensorInfo>,
    source: &Arc<dyn ByteSource>,
    file: &str,
    entries: BTreeMap<String, Entry>,
) -> Result<(), WeightsError> {
    for (name, entry) in entries {
        let canonical = names::canonical(&name);
        let info = TensorInfo {
            name,
            file: file.into(),
            dtype: entry.dtype,
            shape: entry.shape,
            begin: entry.begin,
            end: entry.end,
            source: source.clone(),
        };
        if let Some(earlier) = tensors.insert(canonical.clone(), info.clone()) {
            return Err(WeightsError::Ambiguous {
                file: file.into(),
                canonical,
                first: earlier.name,
                second: info.name,
            });
        }
    }
    Ok(())
}

/// The tensors of all shards that the index names.
fn open_shards(source: &Arc<dyn ByteSource>) -> Result<BTreeMap<String, TensorInfo>, WeightsError> {
    let Some(text) = read_text(&**source, INDEX, MAX_JSON)? else {
        let pickled = source
            .list()?
            .into_iter()
            .find(|f| f.ends_with(".bin") || f.ends_with(".pth") || f.ends_with(".gguf"));
        return Err(WeightsError::MissingFile {
            folder: source.name(),
            expected: format!("{WEIGHTS} or {INDEX}"),
            found: match pickled {
                Some(file) => format!("{file}, which has to be converted to safetensors first"),
                None => "neither".into(),
            },
        });
    };
    let index: Value = serde_json::from_str(&text).map_err(|error| WeightsError::Json {
        file: INDEX.into(),
        reason: error.to_string(),
    })?;
    let bad_map = |found: &str| WeightsError::Field {
        file: INDEX.into(),
        field: "weight_map".into(),
        expected: "an object from tensor names to file names".into(),
        found: found.into(),
    };
    let map = index
        .get("weight_map")
        .and_then(Value::as_object)
        .ok_or_else(|| bad_map("none"))?;
    let mut shards: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (tensor, file) in map {
        let file = file.as_str().ok_or_else(|| bad_map("another value"))?;
        shards.entry(file).or_default().insert(tensor);
    }
    let mut tensors = BTreeMap::new();
    for (file, wanted) in shards {
        let mut entries = read_header(&**source, file)?;
        if let Some(tensor) = wanted.iter().find(|name| !entries.contains_key(**name)) {
            return Err(WeightsError::HeaderEntry {
                file: file.into(),
                tensor: (*tensor).into(),
                expected: format!("the tensor here by {INDEX}"),
                found: "none".into(),
            });
        }
        entries.retain(|name, _| wanted.contains(name.as_str()));
        add_tensors(&mut tensors, source, file, entries)?;
    }
    Ok(tensors)
}
