//! The families of models: what their files mean, as plain data.
//!
//! A [`Family`] answers to the architecture names of `config.json` and makes a [`ModelSpec`] of it. It
//! knows the names of its tensors, and what becomes of an image: an [`ImagePlan`]. Everything else (the
//! layers, the pixels, the prompt) follows these and knows no family.

mod any_resolution;
mod decoder;
mod fitting;
mod fixed_size;
mod gemma3;
mod idefics3;
mod internvl;
pub(crate) mod llava;
mod llava_next;
mod llava_onevision;
mod llava_original;
mod names;
mod nanovlm;
mod paligemma;
mod pixels;
pub mod plan;
mod processor_file;
mod qwen_vl;
mod resize;
pub mod spec;
mod tiles;
mod vila;

use serde_json::Value;

use crate::weights::{
    WeightsError,
    fields::{Fields, describe},
    quantization,
};

use fixed_size::FixedSize;
pub use names::{is_linear_connector, tower_canonical};
pub use pixels::{Filter, PixelSettings};
pub use plan::{ImagePlan, ImagePlanner, Layout, Planned, PromptTokens, Rows};
pub use processor_file::ProcessorFile;
pub(crate) use processor_file::{PROCESSOR_FILES, setting};
pub use spec::{
    Activation, AnyResolution, ConnectorFields, ConnectorKind, ConnectorSpec, DecoderKind,
    DecoderSpec, DeepFeatures, FeatureSelect, ModelSpec, PositionTable, PromptShape, RopeScaling,
    RopeSections, TowerKind, TowerMlp, TowerSpec, VisionSpec,
};

/// A family of checkpoints.
pub trait Family: Sync {
    /// Its name in tables and folders.
    fn name(&self) -> &'static str;

    /// The names in `architectures` of `config.json` that it answers to.
    fn architectures(&self) -> &'static [&'static str];

    /// The values of `model_type` that it answers to where `architectures` is absent.
    fn model_types(&self) -> &'static [&'static str];

    /// Whether this is one of its configurations, where they name neither architecture nor type.
    fn recognizes(&self, _config: &Fields<'_>) -> bool {
        false
    }

    /// What the configuration says of the model.
    ///
    /// # Errors
    /// [`WeightsError::Field`] or [`WeightsError::Unsupported`].
    fn spec(&self, config: &Fields<'_>) -> Result<ModelSpec, WeightsError>;

    /// The canonical name of a tensor that has this name in a file. Names of no known place stay as
    /// they are.
    fn canonical(&self, name: &str) -> String {
        names::canonical(name)
    }

    /// What its configuration calls the field that others call `path`.
    fn field(&self, path: &str) -> String {
        path.to_owned()
    }

    /// Folders that hold language model, tower and connector, each with a configuration of its own;
    /// none where all lies in one. A tensor's name is then told with its folder before it.
    fn folders(&self) -> Option<[&'static str; 3]> {
        None
    }

    /// Settles from the tensors' names in the files what the configuration leaves open.
    fn settle(&self, _spec: &mut ModelSpec, _names: &[&str]) {}

    /// Where the tokens of a prompt stand and what each sees; without a say, one after another, each
    /// itself and those before it.
    fn layout(&self, _spec: &ModelSpec, _prompt: &PromptTokens<'_>) -> Layout {
        Layout::default()
    }

    /// Whether `config.json` is also what says how images become pictures.
    fn images_in_config(&self) -> bool {
        false
    }

    /// How images become pictures and what stands for them in the prompt, by the settings in the image processor's file.
    ///
    /// # Errors
    /// As [`Family::spec`].
    fn images(&self, spec: &ModelSpec, file: &ProcessorFile) -> Result<Planned, WeightsError>;
}

/// All families.
pub static FAMILIES: &[&dyn Family] = &[
    &llava::Llava,
    &llava_original::LlavaOriginal,
    &llava_next::LlavaNext,
    &llava_onevision::LlavaOnevision,
    &idefics3::Idefics3,
    &internvl::InternVl,
    &paligemma::PaliGemma,
    &gemma3::Gemma3,
    &vila::Vila,
    &nanovlm::NanoVlm,
    &qwen_vl::QWEN2_VL,
    &qwen_vl::QWEN2_5_VL,
    &qwen_vl::QWEN3_VL,
    &decoder::Decoder,
];

/// The family of a model.
pub fn of(spec: &ModelSpec) -> &'static dyn Family {
    let mut families = FAMILIES.iter().copied();
    let found = families.find(|family| family.name() == spec.family);
    found.unwrap_or(&llava::Llava)
}

/// The folders of each family that keeps its parts in some, see [`Family::folders`].
pub fn part_folders() -> impl Iterator<Item = [&'static str; 3]> {
    FAMILIES.iter().filter_map(|family| family.folders())
}

/// The architectures that this program runs.
pub fn supported_architectures() -> String {
    let names = FAMILIES.iter().flat_map(|family| family.architectures());
    names.copied().collect::<Vec<_>>().join(", ")
}

/// The family that answers to the configuration `map` of `file`.
///
/// # Errors
/// [`WeightsError::Unsupported`], [`WeightsError::Field`].
pub(crate) fn answering(
    file: &str,
    map: &serde_json::Map<String, Value>,
) -> Result<&'static dyn Family, WeightsError> {
    find(&Fields::new(file, "", map)).map(|(family, _)| family)
}

/// The model that `config.json` describes; `file` is its name in messages.
///
/// # Errors
/// [`WeightsError::Json`], [`WeightsError::Quantized`], [`WeightsError::Field`] or
/// [`WeightsError::Unsupported`].
pub fn parse(file: &str, text: &str) -> Result<ModelSpec, WeightsError> {
    let map = crate::weights::fields::parse_object(file, text)?;
    quantization::refuse(file, &map)?;
    let root = Fields::new(file, "", &map);
    let (family, architecture) = find(&root)?;
    let mut spec = family.spec(&root)?;
    spec.family = family.name();
    spec.architecture = architecture.to_owned();
    Ok(spec)
}

/// The family of a configuration, and the name of its architecture.
fn find<'a>(root: &Fields<'a>) -> Result<(&'static dyn Family, &'a str), WeightsError> {
    let model_type = root.string("model_type")?;
    let named = match root.value("architectures") {
        None => None,
        Some(Value::Array(list)) => list.first().and_then(Value::as_str),
        Some(other) => {
            return Err(root.invalid("architectures", "a list of names", describe(other)));
        }
    };
    let answers = |name: &str| {
        let mut families = FAMILIES.iter().copied();
        match named {
            Some(_) => families.find(|family| family.architectures().contains(&name)),
            None => families.find(|family| family.model_types().contains(&name)),
        }
    };
    if named.is_none() && model_type.is_none() {
        let own = FAMILIES.iter().find(|family| family.recognizes(root));
        if let Some((family, name)) = own.and_then(|own| Some((own, own.architectures().first()?)))
        {
            return Ok((*family, name));
        }
    }
    let (key, name) = match (named, model_type) {
        (Some(name), _) => ("architectures", name),
        (None, Some(name)) => ("model_type", name),
        (None, None) => ("architectures", "absent"),
    };
    match answers(name) {
        // Without a name of its own, the class that the type stands for.
        Some(family) if named.is_none() => {
            let first = family.architectures().first().copied();
            Ok((family, first.unwrap_or(name)))
        }
        Some(family) => Ok((family, name)),
        None => Err(root.unsupported(key, name, &supported_architectures())),
    }
}
