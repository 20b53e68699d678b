//! A checkpoint: what its configuration says, and tensors that agree with it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use super::{
    language_model::{EMBED_TOKENS, LM_HEAD},
    parameters::{Need, Parameter, Parameters},
    parts::Parts,
};
use crate::{
    families::{self, Family, ModelSpec, ProcessorFile},
    weights::{
        ByteSource, HostTensor, TensorInfo, WeightsError, fields::parse_object, gguf, open_file,
        open_tensors, packaging, quantization, read_text, weights_file,
    },
};

const CONFIG: &str = "config.json";
/// Longest `config.json`.
const MAX_JSON: u64 = 16 << 20;

/// A checkpoint whose configuration and tensors agree.
#[derive(Clone)]
pub struct Checkpoint {
    /// What the configuration says; the connector's form is settled from the tensors.
    pub spec: ModelSpec,
    source: Arc<dyn ByteSource>,
    tensors: BTreeMap<String, TensorInfo>,
    parameters: Arc<Parameters>,
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
    /// `model.safetensors.index.json`, or else a file in GGUF format. Reads headers only. Where the image processor's files say
    /// what size of pictures they make, the model is [for that size](ModelSpec::with_picture_size).
    ///
    /// # Errors
    /// A file is missing or damaged, the architecture is not supported, or the tensors do not have
    /// the names, shapes and types that the configuration asks for.
    pub fn open(source: Arc<dyn ByteSource>) -> Result<Self, WeightsError> {
        let source = gguf::entered(source)?;
        let text = read_text(&*source, CONFIG, MAX_JSON)?
            .ok_or_else(|| packaging::without_config(&*source))?;
        packaging::check_adapter(&*source)?;
        let map = parse_object(CONFIG, &text)?;
        quantization::refuse(CONFIG, &map)?;
        if let Some(folders) = families::answering(CONFIG, &map)?.folders() {
            return Self::of_folders(source, map, folders);
        }
        let spec = families::parse(CONFIG, &text)?;
        let family = families::of(&spec);
        let tensors = open_tensors(&source, &|name| family.canonical(name))?;
        Self::of(spec, source, tensors)
    }

    /// A checkpoint of these tensors, by canonical name.
    ///
    /// # Errors
    /// As [`Checkpoint::open`].
    pub(super) fn of(
        mut spec: ModelSpec,
        source: Arc<dyn ByteSource>,
        mut tensors: BTreeMap<String, TensorInfo>,
    ) -> Result<Self, WeightsError> {
        let family = families::of(&spec);
        // Files that say nothing usable are told when the processor itself is opened.
        if let Ok(Some(file)) = ProcessorFile::of(&*source, family)
            && let Ok(planned) = family.images(&spec, &file)
            && let Some((height, width)) = planned.planner.fixed()
            && height == width
        {
            spec = spec.with_picture_size(height)?;
        }
        refuse_quantized(&tensors)?;
        let names: Vec<&str> = tensors.values().map(|info| info.name.as_str()).collect();
        family.settle(&mut spec, &names);
        if spec.text.tie_word_embeddings
            && !tensors.contains_key(EMBED_TOKENS)
            && let Some(head) = tensors.remove(LM_HEAD)
        {
            // One tensor of two names, of which its writer kept the other one.
            tensors.insert(EMBED_TOKENS.to_owned(), head);
        }
        let mut parameters = Parts::parameters(&spec);
        parameters.rename_fields(|path| family.field(path));
        let checkpoint = Self {
            parameters: Arc::new(parameters),
            spec,
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

    /// Its family.
    pub fn family(&self) -> &'static dyn Family {
        families::of(&self.spec)
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

    /// All tensors that the model knows, whether the checkpoint has them or not, in the order of a
    /// forward pass.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters.list
    }

    /// The tensors that the model uses, in the order of a forward pass.
    pub fn used(&self) -> impl Iterator<Item = (&Parameter, &TensorInfo)> {
        (self.parameters.list.iter())
            .filter(|parameter| parameter.need != Need::Nothing)
            .filter_map(|used| self.tensors.get(&used.name).map(|info| (used, info)))
    }

    /// The tensors that the model does not use, by their names in the files.
    pub fn unused(&self) -> impl Iterator<Item = &str> {
        let used: BTreeSet<&str> = self.used().map(|(used, _)| used.name.as_str()).collect();
        let unused = self
            .tensors
            .iter()
            .filter(move |(name, _)| !used.contains(name.as_str()));
        unused.map(|(_, info)| info.name.as_str())
    }

    /// Reads a tensor by canonical name.
    ///
    /// # Errors
    /// There is none, it has another shape than `shape`, its type has no kernel, or the file
    /// cannot be read.
    pub fn tensor(&self, canonical: &str, shape: &[usize]) -> Result<HostTensor, WeightsError> {
        let mut tensor = self.located(canonical, shape)?.read()?;
        tensor.shape = shape.to_vec();
        Ok(tensor)
    }

    /// Where a tensor lies that has this canonical name.
    ///
    /// # Errors
    /// There is none, or it has another shape than `shape`.
    pub(super) fn located(
        &self,
        canonical: &str,
        shape: &[usize],
    ) -> Result<&TensorInfo, WeightsError> {
        let info = self
            .tensors
            .get(canonical)
            .ok_or_else(|| WeightsError::MissingTensor {
                file: weights_file(&*self.source).into(),
                tensor: canonical.into(),
                expected: format!("{shape:?}"),
                reason: "the model uses it".into(),
            })?;
        if !same(&info.shape, shape) {
            return Err(WeightsError::Shape {
                file: info.file.clone(),
                tensor: info.name.clone(),
                expected: format!("{shape:?}"),
                found: format!("{:?}", info.shape),
            });
        }
        Ok(info)
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
        let family = self.family();
        let replacements = open_file(&source, file, &|name| family.canonical(name))?;
        let known = self.parameters.list.iter();
        let known: BTreeSet<&str> = known.map(|parameter| parameter.name.as_str()).collect();
        if let Some(info) = replacements
            .iter()
            .find_map(|(name, info)| (!known.contains(name.as_str())).then_some(info))
        {
            return Err(WeightsError::HeaderEntry {
                file: file.into(),
                tensor: info.name.clone(),
                expected: format!("a tensor that {} uses", self.source.name()),
                found: "one that it does not use".into(),
                advice: "choose a file that was trained with this model",
            });
        }
        self.tensors.extend(replacements);
        self.check()?;
        Ok(self)
    }

    /// Compares the tensors with what the model needs.
    fn check(&self) -> Result<(), WeightsError> {
        if let Some(vision) = &self.spec.vision {
            let patches = vision.tower.patches_per_side();
            vision.connector.check_grid(CONFIG, patches)?;
        }
        for ruled in &self.parameters.ruled_out {
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
        for parameter in &self.parameters.list {
            match self.tensors.get(&parameter.name) {
                Some(info) => check_tensor(parameter, info)?,
                None if parameter.need != Need::Forward => {}
                None => {
                    return Err(WeightsError::MissingTensor {
                        file: weights_file(&*self.source).into(),
                        tensor: parameter.name.clone(),
                        expected: format!("{:?}", parameter.shape),
                        reason: parameter.fields.join(", "),
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
        .find_map(|info| Some((info, quantization::quantized_by(&info.name)?)));
    match found {
        None => Ok(()),
        Some((info, method)) => Err(WeightsError::Quantized {
            file: info.file.clone(),
            field: info.name.clone(),
            method: method.into(),
        }),
    }
}

/// Whether two shapes differ in leading sizes of 1 only, such as a batch axis.
fn same(found: &[usize], wanted: &[usize]) -> bool {
    let inner = |shape: &[usize]| shape.iter().position(|&size| size != 1);
    let inner = |shape| inner(shape).map_or(&[][..], |start| &shape[start..]);
    found == wanted || inner(found) == inner(wanted)
}

fn check_tensor(parameter: &Parameter, info: &TensorInfo) -> Result<(), WeightsError> {
    if same(&info.shape, &parameter.shape) {
        return match parameter.need {
            Need::Nothing => Ok(()),
            Need::Forward | Need::Words => info.checked_storage().map(|_| ()),
        };
    }
    let named: Vec<&str> = parameter.fields.iter().map(String::as_str).collect();
    let differing: Vec<&str> = if info.shape.len() == parameter.shape.len() {
        let pairs = info.shape.iter().zip(&parameter.shape);
        let differs = pairs.map(|(found, wanted)| found != wanted);
        let named = named.iter().zip(differs);
        named.filter(|(_, d)| *d).map(|(f, _)| *f).collect()
    } else {
        named
    };
    Err(WeightsError::Shape {
        file: info.file.clone(),
        tensor: info.name.clone(),
        expected: format!("{:?} by {}", parameter.shape, differing.join(", ")),
        found: format!("{:?}", info.shape),
    })
}
