//! `config.json` of `LlavaForConditionalGeneration`, as transformers 4 and 5 write it.
//!
//! Absent and `null` fields take the defaults of the configuration classes of transformers 5; every
//! field is checked against bounds, so that no later size can overflow.

mod activation;
mod connector;
pub(crate) mod fields;
pub(crate) mod picture;
mod quantization;
mod rope;
mod text;
mod vision;

use serde_json::Value;

use super::error::WeightsError;
use connector::Features;
use fields::{Fields, parse_object};

pub use activation::Activation;
pub(crate) use connector::reduced;
pub use connector::{ConnectorConfig, ConnectorKind};
pub use picture::{PictureSize, Resize};
pub use rope::RopeScaling;
pub use text::{TextConfig, TextKind};
pub use vision::{VisionConfig, VisionKind};

/// The architectures that this program runs.
pub const SUPPORTED_ARCHITECTURES: &str =
    "LlavaForConditionalGeneration (a CLIP or SigLIP tower and a Llama decoder), FamilyLlava";

/// Most crops along a side of an image: 64 and the whole are 65 pictures.
const MOST_SUB_IMAGES: usize = 8;

/// Which of the tower's positions become image features.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeatureSelect {
    /// All but the first, which is the class token of a CLIP tower (`"default"`).
    Default,
    /// All (`"full"`).
    Full,
}

/// A vision-language model: tower, connector, decoder, and how they are joined.
#[derive(Clone, Debug, PartialEq)]
pub struct VlmConfig {
    /// `architectures[0]`.
    pub architecture: String,
    /// The vision tower.
    pub vision: VisionConfig,
    /// What maps the tower's features to the decoder's width.
    pub connector: ConnectorConfig,
    /// The decoder.
    pub text: TextConfig,
    /// Id of the token whose positions the image features take.
    pub image_token_id: u32,
    /// Indices into the tower's hidden states (`num_hidden_layers + 1` of them, negative from the
    /// end); several are concatenated on the feature axis, in this order.
    pub vision_feature_layer: Vec<i64>,
    /// Which positions become features.
    pub vision_feature_select: FeatureSelect,
    /// Whether the vision tokens are calibrated at the end of every decoder layer by
    /// `modality_layernorm` (MoCa, arXiv 2410.07167).
    pub use_moca: bool,
    /// `mm_sub_images`: crops along each side of an image, where images are cut (sub-image
    /// decomposition of MM1, arXiv 2403.09611): the whole picture goes through the
    /// tower first, then the image processed at so many times the size, crop by crop, row-major.
    pub sub_images: Option<usize>,
    /// `image_aspect_ratio: "pad"`, as LLaVA's own training writes it: images are padded to a square
    /// before they are resized.
    pub pad_to_square: bool,
    /// End-of-sequence token, the first where there are several.
    pub eos_token_id: Option<u32>,
    /// Beginning-of-sequence token.
    pub bos_token_id: Option<u32>,
    /// Padding token.
    pub pad_token_id: Option<u32>,
}

impl VlmConfig {
    /// Parses `config.json`; `file` is its name in messages.
    ///
    /// # Errors
    /// [`WeightsError::Json`], [`WeightsError::Quantized`], [`WeightsError::Field`] or
    /// [`WeightsError::Unsupported`].
    pub fn parse(file: &str, text: &str) -> Result<Self, WeightsError> {
        let map = parse_object(file, text)?;
        quantization::refuse(file, &map)?;
        let root = Fields::new(file, "", &map);
        let architecture = architecture(&root)?;
        let vision = VisionConfig::parse(&root)?;
        let text = TextConfig::parse(&root)?;
        let vision_feature_layer = feature_layers(&root, vision.num_hidden_layers)?;
        let vision_feature_select = match root
            .string("vision_feature_select_strategy")?
            .unwrap_or("default")
        {
            "default" => FeatureSelect::Default,
            "full" => FeatureSelect::Full,
            other => {
                return Err(root.unsupported(
                    "vision_feature_select_strategy",
                    other,
                    "default, full",
                ));
            }
        };
        let features = Features {
            vision: &vision,
            states: vision_feature_layer.len(),
            select: vision_feature_select,
        };
        let connector = ConnectorConfig::parse(&root, &features, text.hidden_size)?;
        let id = |key: &str| root.token(key);
        let text_fields = root.section("text_config")?;
        let from_text = |key: &str, default: Option<u32>| match &text_fields {
            Some(fields) if fields.has(key) => fields.token(key),
            // The class default; a field that is there but null means that there is no such token.
            Some(fields) if fields.is_null(key) => Ok(None),
            _ => Ok(default),
        };
        let config = Self {
            architecture,
            image_token_id: match id("image_token_index")? {
                Some(id) => id,
                None => id("image_token_id")?.unwrap_or(32000),
            },
            eos_token_id: match id("eos_token_id")? {
                Some(id) => Some(id),
                None => from_text("eos_token_id", Some(2))?,
            },
            bos_token_id: match id("bos_token_id")? {
                Some(id) => Some(id),
                None => from_text("bos_token_id", Some(1))?,
            },
            pad_token_id: match id("pad_token_id")? {
                Some(id) => Some(id),
                None => from_text("pad_token_id", None)?,
            },
            vision,
            connector,
            text,
            vision_feature_layer,
            vision_feature_select,
            use_moca: root.flag("use_moca")?.unwrap_or(false),
            sub_images: root.count("mm_sub_images", 2..=MOST_SUB_IMAGES)?,
            pad_to_square: match root.string("image_aspect_ratio")? {
                Some("pad") => true,
                None | Some("square") => false,
                Some(other) => {
                    return Err(root.unsupported("image_aspect_ratio", other, "pad, square"));
                }
            },
        };
        if config.num_features() == 0 {
            return Err(root.invalid(
                "vision_feature_select_strategy",
                "one that leaves image features",
                format!(
                    "{:?}, which drops the only patch",
                    config.vision_feature_select
                ),
            ));
        }
        if config.image_token_id as usize >= config.text.vocab_size {
            return Err(root.invalid(
                "image_token_index",
                format!("below text_config.vocab_size = {}", config.text.vocab_size),
                config.image_token_id,
            ));
        }
        Ok(config)
    }

    /// Positions of one image in the decoder: those of all its pictures.
    pub fn num_image_tokens(&self) -> usize {
        self.pictures_per_image() * self.tokens_per_picture()
    }

    /// Pictures that go through tower and connector for one image: the whole, and its sub-images.
    pub fn pictures_per_image(&self) -> usize {
        1 + self.sub_images.map_or(0, |side| side * side)
    }

    /// Image tokens of one picture: what the connector makes of its features.
    pub fn tokens_per_picture(&self) -> usize {
        self.connector.kind.tokens(self.num_features())
    }

    /// The tower's positions after [`VlmConfig::vision_feature_select`]: what the connector is given
    /// of one picture.
    pub fn num_features(&self) -> usize {
        match self.vision_feature_select {
            FeatureSelect::Default => self.vision.num_positions() - 1,
            FeatureSelect::Full => self.vision.num_positions(),
        }
    }

    /// Image tokens of a picture that stand for no place in it and come before the others: the
    /// tower's class token, where it is kept.
    pub fn tokens_before_grid(&self) -> usize {
        let kept = self.vision_feature_select == FeatureSelect::Full;
        usize::from(kept && self.vision.has_class_token())
    }

    /// Side of the square grid in which a picture's image tokens stand for its parts, row-major;
    /// none where a token stands for no place.
    pub fn token_grid(&self) -> Option<usize> {
        let patches = self.vision.patches_per_side();
        match self.connector.kind {
            ConnectorKind::Mlp { .. } => Some(patches),
            ConnectorKind::AveragePool { side } | ConnectorKind::CAbstractor { side, .. } => {
                Some(side)
            }
            ConnectorKind::PixelShuffle { scale } => Some(patches / scale),
            ConnectorKind::AttentionPool { .. } => None,
        }
    }

    /// The same for pictures of `side` pixels, as the checkpoint's image processor makes them.
    /// Where this is not `vision_config.image_size`, the table of positions is interpolated when
    /// the model is loaded.
    ///
    /// # Errors
    /// [`WeightsError::PictureSize`]: another size than the table's has to be cut into patches
    /// without a rest, and into no more than 1048576.
    pub fn with_picture_size(mut self, side: usize) -> Result<Self, WeightsError> {
        self.vision = self.vision.with_picture_size(side)?;
        Ok(self)
    }

    /// [`VlmConfig::vision_feature_layer`] as indices from the start, `0..=num_hidden_layers`.
    pub fn vision_feature_states(&self) -> Vec<usize> {
        let count = self.vision.num_hidden_layers as i64 + 1;
        let resolve = |&layer: &i64| if layer < 0 { layer + count } else { layer };
        self.vision_feature_layer
            .iter()
            .map(|layer| usize::try_from(resolve(layer)).unwrap_or(0))
            .collect()
    }
}

/// LLaVA, or the class of this project's own recipe, which knows more connectors: what they are, the
/// other keys say.
fn architecture(root: &Fields<'_>) -> Result<String, WeightsError> {
    const LLAVA: &str = "LlavaForConditionalGeneration";
    const FAMILY: &str = "FamilyLlava";
    let model_type = root.string("model_type")?;
    let named = match root.value("architectures") {
        None => None,
        Some(Value::Array(list)) => list.first().and_then(Value::as_str),
        Some(other) => {
            return Err(root.invalid("architectures", "a list of names", fields::describe(other)));
        }
    };
    match (named, model_type) {
        (Some(LLAVA), _) | (None, Some("llava")) => Ok(LLAVA.into()),
        (Some(FAMILY), _) => Ok(FAMILY.into()),
        (Some(other), _) => Err(root.unsupported("architectures", other, SUPPORTED_ARCHITECTURES)),
        (None, Some(other)) => Err(root.unsupported("model_type", other, SUPPORTED_ARCHITECTURES)),
        (None, None) => Err(root.unsupported("architectures", "absent", SUPPORTED_ARCHITECTURES)),
    }
}

/// `vision_feature_layer`: one index or a list, each within the tower's hidden states.
fn feature_layers(root: &Fields<'_>, layers: usize) -> Result<Vec<i64>, WeightsError> {
    const KEY: &str = "vision_feature_layer";
    let states = layers as i64 + 1;
    let expected = || format!("an index into {states} hidden states, or a list of 1 to 16");
    let list = match root.value(KEY) {
        None => vec![-2],
        Some(Value::Array(list)) if (1..=16).contains(&list.len()) => list
            .iter()
            .map(|v| v.as_i64())
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| root.invalid(KEY, expected(), "something else in the list"))?,
        Some(value) => match value.as_i64() {
            Some(layer) => vec![layer],
            None => return Err(root.invalid(KEY, expected(), fields::describe(value))),
        },
    };
    match list.iter().find(|&&l| l >= states || l < -states) {
        Some(&layer) => Err(root.invalid(KEY, expected(), layer)),
        None => Ok(list),
    }
}
