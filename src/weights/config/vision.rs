//! The vision tower's section of `config.json`.

use serde_json::Map;

use super::{activation::Activation, fields::Fields};
use crate::weights::error::WeightsError;

/// Most patches of a picture.
const MOST_PATCHES: usize = 1 << 20;

/// Family of vision towers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VisionKind {
    /// Class token, patch convolution without bias, a norm before the encoder.
    Clip,
    /// No class token, patch convolution with bias, no norm before the encoder.
    Siglip,
}

impl VisionKind {
    /// `model_type` of the family.
    pub fn model_type(self) -> &'static str {
        match self {
            Self::Clip => "clip_vision_model",
            Self::Siglip => "siglip_vision_model",
        }
    }
}

/// A vision tower: a transformer encoder over square patches.
#[derive(Clone, Debug, PartialEq)]
pub struct VisionConfig {
    /// Family.
    pub kind: VisionKind,
    /// Width.
    pub hidden_size: usize,
    /// Width of the hidden layer of each MLP.
    pub intermediate_size: usize,
    /// Number of encoder layers.
    pub num_hidden_layers: usize,
    /// Attention heads; they divide `hidden_size`.
    pub num_attention_heads: usize,
    /// Side of the square image that the table of positions was made for, in pixels.
    pub image_size: usize,
    /// Side of the square pictures that the tower gets, in pixels: `image_size`, unless
    /// [`super::VlmConfig::with_picture_size`] says otherwise.
    pub picture_size: usize,
    /// Side of a square patch, in pixels.
    pub patch_size: usize,
    /// Color channels, always 3.
    pub num_channels: usize,
    /// Epsilon of the layer norms.
    pub layer_norm_eps: f32,
    /// Activation of the MLPs.
    pub activation: Activation,
}

impl VisionConfig {
    /// Patches along one side of a picture; pixels beyond the last full patch are ignored.
    pub fn patches_per_side(&self) -> usize {
        self.picture_size / self.patch_size
    }

    /// Patches along one side by the checkpoint's table of positions.
    pub fn table_per_side(&self) -> usize {
        self.image_size / self.patch_size
    }

    /// Rows of the checkpoint's table of positions: its patches and the class token.
    pub fn table_positions(&self) -> usize {
        self.table_per_side().pow(2) + usize::from(self.has_class_token())
    }

    /// Patches of a picture.
    pub fn num_patches(&self) -> usize {
        self.patches_per_side().pow(2)
    }

    /// Whether a class token stands before the patches.
    pub fn has_class_token(&self) -> bool {
        self.kind == VisionKind::Clip
    }

    /// Positions of the encoder: patches and class token.
    pub fn num_positions(&self) -> usize {
        self.num_patches() + usize::from(self.has_class_token())
    }

    /// Width of one attention head.
    pub fn head_dim(&self) -> usize {
        self.hidden_size / self.num_attention_heads
    }

    pub(super) fn with_picture_size(mut self, side: usize) -> Result<Self, WeightsError> {
        let patch = self.patch_size;
        let same = side == self.image_size;
        let fits =
            side >= patch && side.is_multiple_of(patch) && (side / patch).pow(2) <= MOST_PATCHES;
        if !same && !fits {
            return Err(WeightsError::PictureSize {
                side,
                image_size: self.image_size,
                patch_size: patch,
            });
        }
        self.picture_size = side;
        Ok(self)
    }

    pub(super) fn parse(root: &Fields<'_>) -> Result<Self, WeightsError> {
        let empty = Map::new();
        let absent = !root.has("vision_config");
        let f = root.section_or("vision_config", &empty)?;
        let kind = match f.string("model_type")?.unwrap_or("clip_vision_model") {
            "clip_vision_model" => VisionKind::Clip,
            "siglip_vision_model" => VisionKind::Siglip,
            other => {
                let supported = "clip_vision_model, siglip_vision_model";
                return Err(f.unsupported("model_type", other, supported));
            }
        };
        let clip = kind == VisionKind::Clip;
        // LLaVA without a vision section means the ViT-L/14 tower at 336 pixels; a section that
        // lacks fields takes its own class's defaults, those of the base size.
        let (width, inner, layers, heads, image, patch) = match (absent, clip) {
            (true, _) => (1024, 4096, 24, 16, 336, 14),
            (false, true) => (768, 3072, 12, 12, 224, 32),
            (false, false) => (768, 3072, 12, 12, 224, 16),
        };
        let hidden_size = f.count("hidden_size", 1..=65536)?.unwrap_or(width);
        let num_attention_heads = f.count("num_attention_heads", 1..=4096)?.unwrap_or(heads);
        if hidden_size % num_attention_heads != 0 {
            return Err(f.invalid(
                "num_attention_heads",
                format!("a divisor of hidden_size = {hidden_size}"),
                num_attention_heads,
            ));
        }
        let image_size = f.square("image_size", 1..=16384)?.unwrap_or(image);
        let patch_size = f.square("patch_size", 1..=16384)?.unwrap_or(patch);
        if patch_size > image_size {
            return Err(f.invalid(
                "patch_size",
                format!("at most image_size = {image_size}"),
                patch_size,
            ));
        }
        if (image_size / patch_size).pow(2) > MOST_PATCHES {
            return Err(f.invalid(
                "patch_size",
                "large enough for at most 1048576 patches",
                format!("{patch_size} for an image of {image_size}"),
            ));
        }
        let eps = if clip { 1e-5 } else { 1e-6 };
        let act = if clip {
            Activation::QuickGelu
        } else {
            Activation::GeluTanh
        };
        Ok(Self {
            kind,
            hidden_size,
            intermediate_size: f.count("intermediate_size", 1..=1 << 20)?.unwrap_or(inner),
            num_hidden_layers: f.count("num_hidden_layers", 1..=1024)?.unwrap_or(layers),
            num_attention_heads,
            image_size,
            picture_size: image_size,
            patch_size,
            num_channels: f.count("num_channels", 3..=3)?.unwrap_or(3),
            layer_norm_eps: f.float("layer_norm_eps", 0.0)?.unwrap_or(eps),
            activation: Activation::parse(&f, "hidden_act", act)?,
        })
    }
}
