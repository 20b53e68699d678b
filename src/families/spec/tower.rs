//! The vision tower: a transformer encoder over square patches. It is long because each kind of tower has names and
//! defaults of its own.

use serde_json::Map;

use super::{Activation, RopeScaling, rope};
use crate::weights::{WeightsError, fields::Fields};

/// Most patches of a picture.
pub(in crate::families) const MOST_PATCHES: usize = 1 << 20;

/// Kind of vision tower.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TowerKind {
    /// Class token, patch convolution without bias, a norm before the encoder (arXiv 2103.00020).
    Clip,
    /// No class token, patch convolution with bias, no norm before the encoder (arXiv 2303.15343).
    Siglip,
    /// SigLIP's, with positions by the fractional coordinates of patches (arXiv 2307.06304), as
    /// Idefics3 has it.
    Idefics3,
    /// Class token, registers where there are any, layer scale (arXiv 2304.07193, 2309.16588).
    Dinov2,
    /// Pictures of any size, patches in blocks, two-dimensional rotary embedding (arXiv 2409.12191).
    Qwen2Vl,
    /// The same with RMS norms, gated MLPs and windows in most layers (arXiv 2502.13923).
    Qwen25Vl,
    /// Qwen2-VL's, with a table of positions beside the rotary embedding (arXiv 2511.21631).
    Qwen3Vl,
    /// Class token, layer scale, in large ones norms of queries and keys (arXiv 2312.14238).
    InternVit,
}

impl TowerKind {
    /// `model_type` of the kind.
    pub fn model_type(self) -> &'static str {
        match self {
            Self::Clip => "clip_vision_model",
            Self::Siglip => "siglip_vision_model",
            Self::Idefics3 => "idefics3_vision",
            Self::Dinov2 => "dinov2",
            Self::InternVit => "internvl_vision",
            Self::Qwen2Vl => "qwen2_vl_vision",
            Self::Qwen25Vl => "qwen2_5_vl_vision",
            Self::Qwen3Vl => "qwen3_vl_vision",
        }
    }

    /// What its configuration calls the field that others call `field`.
    pub(crate) fn field(self, field: &'static str) -> &'static str {
        let qwen = matches!(self, Self::Qwen2Vl | Self::Qwen25Vl | Self::Qwen3Vl);
        match field {
            "hidden_size" if self == Self::Qwen2Vl => "embed_dim",
            "intermediate_size" if self == Self::Qwen2Vl => "embed_dim times mlp_ratio",
            "num_hidden_layers" if qwen => "depth",
            other => other,
        }
    }

    /// Its name for a reader.
    pub fn name(self) -> &'static str {
        match self {
            Self::Clip => "CLIP",
            Self::Siglip | Self::Idefics3 => "SigLIP",
            Self::Dinov2 => "DINOv2",
            Self::Qwen2Vl => "Qwen2-VL's ViT",
            Self::Qwen25Vl => "Qwen2.5-VL's ViT",
            Self::Qwen3Vl => "Qwen3-VL's ViT",
            Self::InternVit => "InternViT",
        }
    }
}

/// How a table of positions serves pictures of another number of patches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PositionTable {
    /// Bicubic interpolation.
    Bicubic,
    /// Bicubic interpolation that is widened where the table shrinks.
    BicubicAntialias,
    /// The row of the bucket that a patch's fractional coordinates fall into.
    Buckets,
    /// Bilinear interpolation, corners on corners, for each picture by itself.
    BilinearCorners,
    /// There is no table.
    None,
}

/// The MLP of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TowerMlp {
    /// `fc2(act(fc1(x)))`.
    Plain,
    /// `down(act(gate(x)) * up(x))`.
    Gated,
    /// The same, gate and up being halves of one tensor.
    FusedGated,
}

/// A vision tower.
#[derive(Clone, Debug, PartialEq)]
pub struct TowerSpec {
    /// Kind.
    pub kind: TowerKind,
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
    /// [`super::ModelSpec::with_picture_size`] says otherwise. Without meaning where there are `blocks`.
    pub picture_size: usize,
    /// Side of the square blocks of patches that pictures of any size consist of; their patches stand
    /// block by block. None where all pictures have `picture_size` and their patches stand row by row.
    pub blocks: Option<usize>,
    /// Side of a square patch, in pixels.
    pub patch_size: usize,
    /// Color channels, always 3.
    pub num_channels: usize,
    /// Epsilon of the layers' norms.
    pub layer_norm_eps: f32,
    /// Whether queries and keys are normalized, all heads together.
    pub qk_norm: bool,
    /// Activation of the MLPs.
    pub activation: Activation,
    /// Form of the MLPs.
    pub mlp: TowerMlp,
    /// Whether a class token stands before the patches.
    pub class_token: bool,
    /// Learned rows between class token and patches that have no position.
    pub registers: usize,
    /// Frames that the patch convolution takes at once, a picture being all of them; none where it
    /// has no such axis.
    pub frames: Option<usize>,
    /// Whether the patch convolution has a bias.
    pub patch_bias: bool,
    /// Whether q, k and v have biases.
    pub attention_bias: bool,
    /// Whether q, k and v are parts of one tensor.
    pub fused_qkv: bool,
    /// Base of the rotary embedding by a patch's row (first half of the pairs of channels) and column;
    /// none where nothing is rotated.
    pub rope_theta: Option<f32>,
    /// Side of the windows in which patches see each other, in blocks; patches then stand window by
    /// window.
    pub window: Option<usize>,
    /// Which layers have the window.
    pub windowed: Vec<bool>,
    /// Whether the norms of layers are by the root mean square.
    pub rms_norms: bool,
    /// Whether a norm stands before the encoder.
    pub norm_before: bool,
    /// Whether a norm stands behind the encoder, used or not.
    pub norm_behind: bool,
    /// Whether the outputs of attention and MLP are scaled channel by channel.
    pub layer_scale: bool,
    /// What the table of positions does for other pictures.
    pub positions: PositionTable,
}

impl TowerSpec {
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
        self.table_per_side().pow(2) + usize::from(self.class_token)
    }

    /// Patches of a picture.
    pub fn num_patches(&self) -> usize {
        self.patches_per_side().pow(2)
    }

    /// Positions that are no patches: class token and registers, which come first.
    pub fn extra_positions(&self) -> usize {
        usize::from(self.class_token) + self.registers
    }

    /// Positions of the encoder.
    pub fn num_positions(&self) -> usize {
        self.num_patches() + self.extra_positions()
    }

    /// Rows and columns of patches of a picture of so many pixels; none where the tower takes no such
    /// picture.
    pub fn grid(&self, height: usize, width: usize) -> Option<[usize; 2]> {
        let patch = self.patch_size;
        let Some(blocks) = self.blocks else {
            let own = [height, width] == [self.picture_size; 2];
            return own.then(|| [self.patches_per_side(); 2]);
        };
        let fits = |side: usize| side > 0 && side.is_multiple_of(blocks * patch);
        let grid = [height / patch, width / patch];
        let few = grid[0].saturating_mul(grid[1]) <= MOST_PATCHES;
        (fits(height) && fits(width) && few).then_some(grid)
    }

    /// The pictures that the tower takes, in words.
    pub fn sizes(&self) -> String {
        match self.blocks {
            None => format!("{0} x {0}", self.picture_size),
            Some(blocks) => format!(
                "multiples of {} with at most {MOST_PATCHES} patches",
                blocks * self.patch_size
            ),
        }
    }

    /// Frequencies of the rotary embedding in radians per row or column, `head_dim / 4` of them.
    pub fn rope(&self) -> Option<Vec<f32>> {
        let theta = self.rope_theta?;
        let half = self.head_dim() / 2;
        Some(rope::inv_freq(theta, half, &RopeScaling::Default, 0))
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

    /// Sizes of the tower ViT-L/14 at 336 pixels, as [`TowerSpec::parse_or`] takes them.
    pub(in crate::families) const CLIP_LARGE_336: [usize; 6] = [1024, 4096, 24, 16, 336, 14];

    /// The tower in `vision_config`, of the kind that its `model_type` names, or of the kind
    /// `default`; `sizes` are those without such a section: width, inner width, layers, heads, image,
    /// patch.
    ///
    /// # Errors
    /// A field that is unknown or impossible; a kind of tower that is not known.
    pub(in crate::families) fn parse_or(
        root: &Fields<'_>,
        default: TowerKind,
        sizes: [usize; 6],
    ) -> Result<Self, WeightsError> {
        let empty = Map::new();
        let absent = !root.has("vision_config");
        let f = root.section_or("vision_config", &empty)?;
        let kind = match f.string("model_type")? {
            None => default,
            Some("clip_vision_model") => TowerKind::Clip,
            Some("siglip_vision_model") => TowerKind::Siglip,
            Some("dinov2" | "dinov2_with_registers") => TowerKind::Dinov2,
            Some(other) => {
                let supported =
                    "clip_vision_model, siglip_vision_model, dinov2, dinov2_with_registers";
                return Err(f.unsupported("model_type", other, supported));
            }
        };
        // A section that lacks fields takes its own class's defaults, those of the base size.
        let sizes = match absent {
            true => sizes,
            false => kind.sizes(f.string("model_type")? == Some("dinov2_with_registers")),
        };
        Self::of_kind(&f, kind, sizes)
    }

    /// The tower in `f`; `sizes` are those of absent fields: width, inner width, layers, heads,
    /// image, patch.
    ///
    /// # Errors
    /// A field that is unknown or impossible.
    pub(in crate::families) fn of_kind(
        f: &Fields<'_>,
        kind: TowerKind,
        [width, inner, layers, heads, image, patch]: [usize; 6],
    ) -> Result<Self, WeightsError> {
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
        let (eps, act) = match kind {
            TowerKind::Clip => (1e-5, Activation::QuickGelu),
            TowerKind::Siglip | TowerKind::Idefics3 => (1e-6, Activation::GeluTanh),
            _ => (1e-6, Activation::Gelu),
        };
        let activation = Activation::parse(f, "hidden_act", act)?;
        let dino = kind == TowerKind::Dinov2;
        let intern = kind == TowerKind::InternVit;
        let rms_norm = match f.string("norm_type")?.filter(|_| intern) {
            None | Some("layer_norm") => false,
            Some("rms_norm") => true,
            Some(other) => {
                return Err(f.unsupported("norm_type", other, "layer_norm, rms_norm"));
            }
        };
        if intern && !f.flag("use_absolute_position_embeddings")?.unwrap_or(true) {
            return Err(f.unsupported("use_absolute_position_embeddings", "false", "true"));
        }
        let gated = dino && f.flag("use_swiglu_ffn")?.unwrap_or(false);
        let registers = match (dino, f.string("model_type")?) {
            (true, Some("dinov2_with_registers")) => {
                f.count("num_register_tokens", 0..=1024)?.unwrap_or(4)
            }
            _ => 0,
        };
        let intermediate_size = match dino {
            true => {
                let ratio = f.count("mlp_ratio", 1..=64)?.unwrap_or(4);
                let whole = hidden_size * ratio;
                match gated {
                    // Two thirds, up to a multiple of eight.
                    true => (2 * whole / 3).next_multiple_of(8),
                    false => whole,
                }
            }
            false => f.count("intermediate_size", 1..=1 << 20)?.unwrap_or(inner),
        };
        Ok(Self {
            kind,
            hidden_size,
            intermediate_size,
            num_hidden_layers: f.count("num_hidden_layers", 1..=1024)?.unwrap_or(layers),
            num_attention_heads,
            image_size,
            picture_size: image_size,
            blocks: None,
            patch_size,
            num_channels: f.count("num_channels", 3..=3)?.unwrap_or(3),
            layer_norm_eps: f.float("layer_norm_eps", 0.0)?.unwrap_or(eps),
            rms_norms: rms_norm,
            qk_norm: intern && f.flag("use_qk_norm")?.unwrap_or(false),
            activation: if gated { Activation::Silu } else { activation },
            mlp: match gated {
                true => TowerMlp::FusedGated,
                false => TowerMlp::Plain,
            },
            class_token: matches!(kind, TowerKind::Clip | TowerKind::Dinov2) || intern,
            registers,
            frames: None,
            patch_bias: kind != TowerKind::Clip,
            attention_bias: match intern {
                true => f.flag("attention_bias")?.unwrap_or(false),
                false => !dino || f.flag("qkv_bias")?.unwrap_or(true),
            },
            fused_qkv: false,
            rope_theta: None,
            window: None,
            windowed: Vec::new(),
            norm_before: kind == TowerKind::Clip,
            norm_behind: true,
            layer_scale: dino || intern,
            positions: match kind {
                TowerKind::Clip | TowerKind::Siglip | TowerKind::InternVit => {
                    PositionTable::Bicubic
                }
                TowerKind::Idefics3 => PositionTable::Buckets,
                TowerKind::Dinov2 if registers > 0 => PositionTable::BicubicAntialias,
                _ => PositionTable::Bicubic,
            },
        })
    }
}

impl TowerKind {
    /// Sizes of the configuration class's absent fields, as [`TowerSpec::of_kind`] takes them.
    pub(in crate::families) fn sizes(self, registers: bool) -> [usize; 6] {
        match self {
            Self::Clip => [768, 3072, 12, 12, 224, 32],
            Self::Siglip => [768, 3072, 12, 12, 224, 16],
            Self::Idefics3 => [1152, 3072, 12, 16, 224, 32],
            Self::InternVit => [1024, 4096, 24, 16, 448, 14],
            // Qwen's towers are read by their families.
            _ => [768, 3072, 12, 12, 224, if registers { 16 } else { 14 }],
        }
    }
}
