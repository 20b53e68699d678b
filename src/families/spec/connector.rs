//! The connector between tower and decoder.

use std::{fmt::Display, ops::RangeInclusive};

use super::{Activation, FeatureSelect, TowerSpec};
use crate::weights::{WeightsError, fields::Fields};

const TYPE: &str = "mm_projector_type";
const TOKENS: &str = "mm_projector_tokens";
const SCALE: &str = "mm_projector_scale";
const BIAS: &str = "multimodal_projector_bias";
const SUPPORTED: &str = "linear, mlp, mlp2x_gelu to mlp8x_gelu, average_pool, attention_pool, \
     c_abstractor, pixel_shuffle";

/// Form of the connector: `mm_projector_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConnectorKind {
    /// `linear`, `mlp2x_gelu`, `mlp3x_gelu`, ...: linear layers `linear_1` to `linear_N` with the
    /// activation between them, on each patch by itself; behind the first, the decoder's width
    /// (LLaVA, arXiv 2310.03744).
    Mlp {
        /// N, 1 to 8.
        layers: usize,
    },
    /// `average_pool`: adaptive average pooling of the grid, then `linear_1` (MM1, arXiv 2403.09611).
    AveragePool {
        /// Side of the pooled grid; `mm_projector_tokens` is its square.
        side: usize,
    },
    /// `attention_pool`: learned queries that look at the patches once (MM1, arXiv 2403.09611).
    AttentionPool {
        /// Queries: `mm_projector_tokens`.
        tokens: usize,
        /// `mm_projector_heads`; they divide the width of the features.
        heads: usize,
    },
    /// `c_abstractor`: convolutions, adaptive average pooling, convolutions, an MLP (Honeybee, arXiv
    /// 2312.06742).
    CAbstractor {
        /// Side of the pooled grid; `mm_projector_tokens` is its square.
        side: usize,
        /// Channels of the convolutions: `mm_projector_hidden_size`.
        hidden_size: usize,
        /// Blocks before the pooling, and again after it: `mm_projector_depth`.
        depth: usize,
    },
    /// `pixel_shuffle`: squares of neighboring patches side by side, then `linear_1` (as in Idefics3,
    /// arXiv 2408.12637), or a norm and an MLP (as in InternVL, arXiv 2404.16821).
    PixelShuffle {
        /// Side of a square: `mm_projector_scale`.
        scale: usize,
        /// Whether a layer norm stands before the first layer.
        normed: bool,
        /// Layers `linear_1`, `linear_2`, ... with the activation between them.
        layers: usize,
    },
}

impl ConnectorKind {
    /// One linear layer.
    pub const LINEAR: Self = Self::Mlp { layers: 1 };
    /// LLaVA's own, which transformers knows.
    pub const LLAVA: Self = Self::Mlp { layers: 2 };

    /// Layers called `linear_1`, `linear_2`, ...
    pub fn linear_layers(self) -> usize {
        match self {
            Self::Mlp { layers } | Self::PixelShuffle { layers, .. } => layers,
            Self::AveragePool { .. } => 1,
            Self::AttentionPool { .. } | Self::CAbstractor { .. } => 0,
        }
    }

    /// Image tokens made of `features` positions.
    pub fn tokens(self, features: usize) -> usize {
        match self {
            Self::Mlp { .. } => features,
            Self::AveragePool { side } | Self::CAbstractor { side, .. } => side * side,
            Self::AttentionPool { tokens, .. } => tokens,
            Self::PixelShuffle { scale, .. } => features / (scale * scale),
        }
    }

    /// The value of `mm_projector_type`.
    pub fn name(self) -> String {
        match self {
            Self::LINEAR => "linear".into(),
            Self::Mlp { layers } => format!("mlp{layers}x_gelu"),
            Self::AveragePool { .. } => "average_pool".into(),
            Self::AttentionPool { .. } => "attention_pool".into(),
            Self::CAbstractor { .. } => "c_abstractor".into(),
            Self::PixelShuffle { .. } => "pixel_shuffle".into(),
        }
    }
}

/// What maps image features to the decoder's width.
///
/// The configuration class of transformers knows the MLP of two layers only. Others are named by
/// `mm_projector_type` in `config.json`; a connector is linear, too, where the checkpoint names its
/// tensors as one layer (see [`crate::families::is_linear_connector`]).
#[derive(Clone, Debug, PartialEq)]
pub struct ConnectorSpec {
    /// Form.
    pub kind: ConnectorKind,
    /// Activation between the layers `linear_1`, `linear_2`, ...; without effect where there is one at
    /// most.
    pub activation: Activation,
    /// Whether the layers `linear_1`, `linear_2`, ... have biases.
    pub bias: bool,
    /// Width of the features: the tower's width times the number of feature layers.
    pub in_features: usize,
    /// The decoder's width.
    pub out_features: usize,
    /// Where its form stands in the configuration.
    pub fields: ConnectorFields,
}

/// What messages call the fields of the configuration that give a connector's form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectorFields {
    /// The side of a square of patches.
    pub scale: &'static str,
    /// Whether there are biases.
    pub bias: &'static str,
}

/// What a connector is given, for its checks.
pub(in crate::families) struct Features<'a> {
    pub(in crate::families) tower: &'a TowerSpec,
    /// Number of tower states side by side.
    pub(in crate::families) states: usize,
    pub(in crate::families) select: FeatureSelect,
}

impl ConnectorSpec {
    /// LLaVA's keys, and those of this project's own recipe.
    ///
    /// # Errors
    /// A field that is unknown, missing or impossible.
    pub(in crate::families) fn parse(
        root: &Fields<'_>,
        features: &Features<'_>,
        out_features: usize,
    ) -> Result<Self, WeightsError> {
        let in_features = features.tower.hidden_size * features.states;
        let kind = match root.string(TYPE)?.unwrap_or("mlp2x_gelu") {
            "linear" => ConnectorKind::LINEAR,
            "mlp" => ConnectorKind::LLAVA,
            "average_pool" => ConnectorKind::AveragePool { side: side(root)? },
            "attention_pool" => attention_pool(root, in_features)?,
            "c_abstractor" => c_abstractor(root, features)?,
            "pixel_shuffle" => pixel_shuffle(root)?,
            other => ConnectorKind::Mlp {
                layers: mlp_layers(other)
                    .ok_or_else(|| root.unsupported(TYPE, other, SUPPORTED))?,
            },
        };
        features.check(root, kind)?;
        Ok(Self {
            kind,
            activation: Activation::parse(root, "projector_hidden_act", Activation::Gelu)?,
            bias: root.flag(BIAS)?.unwrap_or(true),
            in_features,
            out_features,
            fields: ConnectorFields {
                scale: SCALE,
                bias: BIAS,
            },
        })
    }

    /// Whether the connector can work with pictures of `patches` x `patches`; `file` is the
    /// configuration's name in messages.
    pub(crate) fn check_grid(&self, file: &str, patches: usize) -> Result<(), WeightsError> {
        match self.kind {
            ConnectorKind::PixelShuffle { scale, .. } if !patches.is_multiple_of(scale) => {
                Err(WeightsError::Field {
                    file: file.into(),
                    field: self.fields.scale.into(),
                    expected: format!("a divisor of {patches}, the patches along one side"),
                    found: scale.to_string(),
                })
            }
            _ => Ok(()),
        }
    }
}

/// N of `mlpNx_gelu`.
fn mlp_layers(name: &str) -> Option<usize> {
    let digits = name.strip_prefix("mlp")?.strip_suffix("x_gelu")?;
    (2..=8).find(|layers: &usize| layers.to_string() == digits)
}

/// A count that the connector cannot do without.
fn needed(
    root: &Fields<'_>,
    key: &str,
    range: RangeInclusive<usize>,
    what: &str,
) -> Result<usize, WeightsError> {
    root.count(key, range)?
        .ok_or_else(|| root.invalid(key, what, "nothing"))
}

/// The side of a grid of `mm_projector_tokens`.
fn side(root: &Fields<'_>) -> Result<usize, WeightsError> {
    const SQUARE: &str = "a square number of image tokens";
    let tokens = needed(root, TOKENS, 1..=1 << 20, SQUARE)?;
    match tokens.isqrt() {
        side if side * side == tokens => Ok(side),
        _ => Err(root.invalid(TOKENS, SQUARE, tokens)),
    }
}

fn attention_pool(root: &Fields<'_>, width: usize) -> Result<ConnectorKind, WeightsError> {
    const KEY: &str = "mm_projector_heads";
    let heads = needed(root, KEY, 1..=4096, "the number of attention heads")?;
    if !width.is_multiple_of(heads) {
        let expected = format!("a divisor of {width}, the width of the features");
        return Err(root.invalid(KEY, expected, heads));
    }
    Ok(ConnectorKind::AttentionPool {
        tokens: needed(root, TOKENS, 1..=1 << 20, "the number of image tokens")?,
        heads,
    })
}

fn c_abstractor(root: &Fields<'_>, features: &Features<'_>) -> Result<ConnectorKind, WeightsError> {
    const KEY: &str = "mm_projector_hidden_size";
    let width = features.tower.hidden_size;
    let hidden_size = root.count(KEY, 1..=65536)?.unwrap_or(width);
    if reduced(hidden_size.min(width)) == 0 {
        let expected = "at least 3, as vision_config.hidden_size";
        return Err(root.invalid(KEY, expected, hidden_size.min(width)));
    }
    Ok(ConnectorKind::CAbstractor {
        side: side(root)?,
        hidden_size,
        depth: root.count("mm_projector_depth", 1..=64)?.unwrap_or(3),
    })
}

fn pixel_shuffle(root: &Fields<'_>) -> Result<ConnectorKind, WeightsError> {
    let scale = needed(root, SCALE, 1..=32, "the side of a square of patches")?;
    Ok(ConnectorKind::PixelShuffle {
        scale,
        normed: false,
        layers: 1,
    })
}

/// Channels between the layers of a squeeze-excitation in a block that takes `channels`: a quarter,
/// halves to the even number (as Python rounds).
pub(crate) fn reduced(channels: usize) -> usize {
    let quarter = channels / 4;
    match channels % 4 {
        3 => quarter + 1,
        2 => quarter.next_multiple_of(2),
        _ => quarter,
    }
}

impl Features<'_> {
    /// Whether the connector can work with these features.
    fn check(&self, root: &Fields<'_>, kind: ConnectorKind) -> Result<(), WeightsError> {
        let refuse = |key: &str, expected: &dyn Display, found: &dyn Display| {
            let expected = format!("{expected} for {TYPE} = {}", kind.name());
            Err(root.invalid(key, expected, found))
        };
        if matches!(kind, ConnectorKind::Mlp { .. }) {
            return Ok(());
        }
        if self.states != 1 {
            let found = format!("{} layers", self.states);
            return refuse("vision_feature_layer", &"one layer", &found);
        }
        let (class_token, dropped) = (
            self.tower.class_token,
            self.select == FeatureSelect::Default,
        );
        if class_token != dropped && !matches!(kind, ConnectorKind::AttentionPool { .. }) {
            let expected = match class_token {
                true => "`default`, which leaves the patches alone,",
                false => "`full`, which takes all patches,",
            };
            let found = format!("{:?}", self.select).to_lowercase();
            return refuse("vision_feature_select_strategy", &expected, &found);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_is_rounded_as_python_does() {
        // [round(c / 4) for c in range(1, 15)]
        let found: Vec<usize> = (1..15).map(reduced).collect();
        assert_eq!(found, [0, 0, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 3, 4]);
    }

    #[test]
    fn layers_are_read_from_the_name() {
        assert_eq!(mlp_layers("mlp4x_gelu"), Some(4));
        for wrong in [
            "mlp1x_gelu",
            "mlp9x_gelu",
            "mlp02x_gelu",
            "mlpx_gelu",
            "mlp2x_relu",
        ] {
            assert_eq!(mlp_layers(wrong), None, "{wrong}");
        }
    }
}
