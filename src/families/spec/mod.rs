//! A model as plain data: tower, connector, decoder, and how they are joined.

mod activation;
pub(super) mod any_resolution;
pub(super) mod connector;
mod decoder;
mod rope;
mod tower;
mod windows;

use crate::weights::{WeightsError, fields::Fields};

pub use activation::Activation;
pub use any_resolution::AnyResolution;
pub(crate) use connector::reduced;
pub use connector::{ConnectorFields, ConnectorKind, ConnectorSpec};
pub(in crate::families) use decoder::Defaults;
pub use decoder::{DecoderKind, DecoderSpec};
pub use rope::{RopeScaling, RopeSections};
pub(in crate::families) use tower::MOST_PATCHES;
pub use tower::{PositionTable, TowerKind, TowerMlp, TowerSpec};

/// Which of the tower's positions become image features.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeatureSelect {
    /// All but the first, which is the class token of a CLIP tower (`"default"`).
    Default,
    /// All (`"full"`).
    Full,
}

/// What a prompt looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PromptShape {
    /// A conversation: by the chat template, or as vicuna_v1 without one.
    Chat,
    /// The image, the token of the beginning and a newline; behind them the text and the token of the
    /// end, tokenized by themselves.
    Prefix,
    /// A conversation by a template whose messages are plain texts: the user's is the image and nothing
    /// else. One image.
    Turns,
    /// The image, an empty question, the text as its answer and the token of the end. One image.
    Question,
}

/// A model: a decoder, and what makes it see.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelSpec {
    /// Name of the family.
    pub family: &'static str,
    /// `architectures[0]`.
    pub architecture: String,
    /// Tower and connector; none of a decoder alone.
    pub vision: Option<VisionSpec>,
    /// The decoder.
    pub text: DecoderSpec,
    /// End-of-sequence token, the first where there are several.
    pub eos_token_id: Option<u32>,
    /// Beginning-of-sequence token.
    pub bos_token_id: Option<u32>,
    /// Padding token.
    pub pad_token_id: Option<u32>,
}

/// Features of a state within the tower.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeepFeatures {
    /// Index of the tower state, 0 before the first layer.
    pub state: usize,
    /// Number of the connector that makes them, in the checkpoint's own order.
    pub connector: usize,
}

/// What makes a decoder see.
#[derive(Clone, Debug, PartialEq)]
pub struct VisionSpec {
    /// The vision tower.
    pub tower: TowerSpec,
    /// What maps the tower's features to the decoder's width.
    pub connector: ConnectorSpec,
    /// Id of the token whose positions the image features take.
    pub image_token_id: u32,
    /// The same of videos; none where there are no videos.
    pub video_token_id: Option<u32>,
    /// What a prompt looks like.
    pub shape: PromptShape,
    /// What the chat template writes for an image, where it is not the image token itself.
    pub marker: Option<&'static str>,
    /// The chat template, where the configuration itself holds it.
    pub chat_template: Option<String>,
    /// Tokens that the model adds to those of its tokenizer's files, in the order of their ids.
    pub extra_tokens: Vec<String>,
    /// What stands before and behind an image's placeholders.
    pub around: Option<[&'static str; 2]>,
    /// Tokens that a template writes around an image and that belong to it.
    pub scaffold: &'static [&'static str],
    /// Indices into the tower's hidden states (`num_hidden_layers + 1` of them, negative from the
    /// end); several are concatenated on the feature axis, in this order.
    pub feature_layers: Vec<i64>,
    /// Which positions become features.
    pub feature_select: FeatureSelect,
    /// Whether the features go through the tower's norm behind its last layer.
    pub normed_features: bool,
    /// Further features, added to the image tokens behind the first decoder layers, one set per layer
    /// (DeepStack, arXiv 2406.04334).
    pub deepstack: Vec<DeepFeatures>,
    /// Crops along each side of an image, where images are cut (sub-image decomposition of MM1, arXiv
    /// 2403.09611): the whole picture goes through the tower first, then the image processed at so
    /// many times the size, crop by crop, row-major.
    pub sub_images: Option<usize>,
    /// How images are cut, where their proportions say into how many tiles.
    pub any_resolution: Option<AnyResolution>,
    /// Whether images are stretched to the picture's size, bicubically, before the processor sees them.
    pub stretch: bool,
    /// Whether images are padded to a square before they are resized, whatever the processor says.
    pub pad_to_square: bool,
    /// Vectors of the decoder's width that the model has learned, by canonical name: the rows that
    /// follow the features of all pictures.
    pub learned_rows: &'static [&'static str],
}

impl ModelSpec {
    /// A model of these parts; the ids of special tokens from `root` or its decoder's section. The
    /// family's name and the architecture's are filled in by [`super::parse`].
    ///
    /// # Errors
    /// [`WeightsError::Field`] of an id that is none.
    pub(in crate::families) fn new(
        root: &Fields<'_>,
        vision: Option<VisionSpec>,
        text: DecoderSpec,
    ) -> Result<Self, WeightsError> {
        let section = match text.section.strip_suffix('.') {
            Some(key) => root.section(key)?,
            None => None,
        };
        let defaults = match text.kind {
            DecoderKind::Llama | DecoderKind::Mistral => [Some(2), Some(1), None],
            DecoderKind::Qwen2 | DecoderKind::Qwen3 => [None; 3],
            DecoderKind::Gemma | DecoderKind::Gemma3 => [Some(1), Some(2), Some(0)],
        };
        let id = |key: &str, default: Option<u32>| match (root.token(key)?, &section) {
            (Some(id), _) => Ok(Some(id)),
            (None, Some(fields)) if fields.has(key) => fields.token(key),
            // A field that is there but null means that there is no such token.
            (None, Some(fields)) if fields.is_null(key) => Ok(None),
            (None, _) => Ok::<_, WeightsError>(default),
        };
        Ok(Self {
            family: "",
            architecture: String::new(),
            eos_token_id: id("eos_token_id", defaults[0])?,
            bos_token_id: id("bos_token_id", defaults[1])?,
            pad_token_id: id("pad_token_id", defaults[2])?,
            vision,
            text,
        })
    }

    /// Tower and connector.
    ///
    /// # Errors
    /// [`WeightsError::NoVision`] of a decoder alone.
    pub fn vision(&self) -> Result<&VisionSpec, WeightsError> {
        self.vision.as_ref().ok_or_else(|| WeightsError::NoVision {
            architecture: self.architecture.clone(),
        })
    }

    /// The same for pictures of `side` pixels, as the checkpoint's image processor makes them.
    /// Where this is not `vision_config.image_size`, the table of positions is interpolated when
    /// the model is loaded.
    ///
    /// # Errors
    /// [`WeightsError::PictureSize`]: another size than the table's has to be cut into patches
    /// without a rest, and into no more than 1048576.
    pub fn with_picture_size(mut self, side: usize) -> Result<Self, WeightsError> {
        if let Some(vision) = &mut self.vision {
            vision.tower = vision.tower.clone().with_picture_size(side)?;
        }
        Ok(self)
    }
}

impl VisionSpec {
    /// Tower and connector, joined in the plainest way: all positions of the tower's last state, whole
    /// images, a conversation.
    pub(in crate::families) fn new(tower: TowerSpec, connector: ConnectorSpec) -> Self {
        Self {
            tower,
            connector,
            image_token_id: 0,
            video_token_id: None,
            shape: PromptShape::Chat,
            marker: None,
            chat_template: None,
            extra_tokens: Vec::new(),
            around: None,
            scaffold: &[],
            feature_layers: vec![-1],
            feature_select: FeatureSelect::Full,
            normed_features: false,
            learned_rows: &[],
            deepstack: Vec::new(),
            sub_images: None,
            any_resolution: None,
            pad_to_square: false,
            stretch: false,
        }
    }

    /// Positions in the decoder of an image of which every picture gives all its tokens; not of a tower
    /// that takes pictures of any size.
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

    /// The tower's positions after [`VisionSpec::feature_select`]: what the connector is given of
    /// one picture.
    pub fn num_features(&self) -> usize {
        self.tower.num_positions() - self.dropped()
    }

    /// Tower positions and image tokens of a picture of so many pixels; none where the tower takes no
    /// such picture.
    pub fn rows_of(&self, height: usize, width: usize) -> Option<[usize; 2]> {
        let [rows, columns] = self.tower.grid(height, width)?;
        let positions = rows * columns + self.tower.extra_positions();
        let tokens = self.connector.kind.tokens(positions - self.dropped());
        Some([positions, tokens])
    }

    /// Positions that are no features.
    fn dropped(&self) -> usize {
        usize::from(self.feature_select == FeatureSelect::Default)
    }

    /// Image tokens of a picture that stand for no place in it and come before the others: the
    /// tower's class token, where it is kept, and its registers.
    pub fn tokens_before_grid(&self) -> usize {
        self.tower.extra_positions().saturating_sub(self.dropped())
    }

    /// Side of the square grid in which a picture's image tokens stand for its parts, row-major;
    /// none where a token stands for no place, or pictures are of any size.
    pub fn token_grid(&self) -> Option<usize> {
        let patches = self.tower.patches_per_side();
        match self.connector.kind {
            ConnectorKind::Mlp { .. } => Some(patches),
            ConnectorKind::AveragePool { side } | ConnectorKind::CAbstractor { side, .. } => {
                Some(side)
            }
            ConnectorKind::PoolNorm { side, .. } => Some(side),
            // Tokens that stand column by column have no grid of rows.
            ConnectorKind::Downsample { by_columns } => {
                (!by_columns).then_some(patches.div_ceil(2))
            }
            ConnectorKind::PixelShuffle { scale, .. } => Some(patches / scale),
            ConnectorKind::AttentionPool { .. } | ConnectorKind::PatchMerger { .. } => None,
        }
    }

    /// [`VisionSpec::feature_layers`] as indices from the start, `0..=num_hidden_layers`.
    pub fn feature_states(&self) -> Vec<usize> {
        let count = self.tower.num_hidden_layers as i64 + 1;
        let resolve = |&layer: &i64| if layer < 0 { layer + count } else { layer };
        self.feature_layers
            .iter()
            .map(|layer| usize::try_from(resolve(layer)).unwrap_or(0))
            .collect()
    }
}
