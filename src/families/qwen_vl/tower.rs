//! The towers in `vision_config`.

use serde_json::{Map, Value};

use super::{
    super::{
        Activation, DeepFeatures, PositionTable, TowerKind, TowerMlp, TowerSpec, spec::MOST_PATCHES,
    },
    Generation,
};
use crate::weights::{
    WeightsError,
    fields::{Fields, describe},
};

/// A tower and what the configuration says of what follows it.
pub(super) struct Seen {
    pub(super) tower: TowerSpec,
    /// Side of a block of patches that becomes one token.
    pub(super) merge: usize,
    pub(super) deepstack: Vec<DeepFeatures>,
}

/// What differs between the configuration classes.
struct Class {
    kind: TowerKind,
    depth: usize,
    /// Key and default of the width.
    width: (&'static str, usize),
    /// Key of the width behind the merger.
    out: &'static str,
    patch_size: usize,
    activation: Activation,
}

impl Generation {
    fn class(self) -> Class {
        match self {
            Self::Two => Class {
                kind: TowerKind::Qwen2Vl,
                depth: 32,
                width: ("embed_dim", 1280),
                out: "hidden_size",
                patch_size: 14,
                activation: Activation::QuickGelu,
            },
            Self::TwoAndHalf => Class {
                kind: TowerKind::Qwen25Vl,
                depth: 32,
                width: ("hidden_size", 3584),
                out: "out_hidden_size",
                patch_size: 14,
                activation: Activation::Silu,
            },
            Self::Three => Class {
                kind: TowerKind::Qwen3Vl,
                depth: 27,
                width: ("hidden_size", 1152),
                out: "out_hidden_size",
                patch_size: 16,
                activation: Activation::GeluTanh,
            },
        }
    }
}

/// The tower of a generation; `decoder_width` is what its merger has to end in.
///
/// # Errors
/// A field that is unknown or impossible.
pub(super) fn parse(
    root: &Fields<'_>,
    generation: Generation,
    decoder_width: usize,
) -> Result<Seen, WeightsError> {
    let empty = Map::new();
    let f = &root.section_or("vision_config", &empty)?;
    let class = generation.class();
    let hidden_size = f.count(class.width.0, 1..=65536)?.unwrap_or(class.width.1);
    let num_attention_heads = f.count("num_heads", 1..=4096)?.unwrap_or(16);
    // Each head turns quarters of its channels by rows and by columns.
    if !hidden_size.is_multiple_of(4 * num_attention_heads) {
        let expected = format!(
            "a divisor of {} = {hidden_size} into heads of a multiple of 4",
            class.width.0
        );
        return Err(f.invalid("num_heads", expected, num_attention_heads));
    }
    let out = f.count(class.out, 1..=65536)?.unwrap_or(3584);
    if out != decoder_width {
        let expected = format!("the decoder's hidden_size = {decoder_width}");
        return Err(f.invalid(class.out, expected, out));
    }
    let depth = f.count("depth", 1..=1024)?.unwrap_or(class.depth);
    let patch_size = f
        .square("patch_size", 1..=16384)?
        .unwrap_or(class.patch_size);
    let merge = f.count("spatial_merge_size", 1..=64)?.unwrap_or(2);
    let intermediate_size = match generation {
        Generation::Two => hidden_size * f.count("mlp_ratio", 1..=64)?.unwrap_or(4),
        Generation::TwoAndHalf => f.count("intermediate_size", 1..=1 << 20)?.unwrap_or(3420),
        Generation::Three => f.count("intermediate_size", 1..=1 << 20)?.unwrap_or(4304),
    };
    let half = generation == Generation::TwoAndHalf;
    let (window, windowed) = match half {
        true => windows(f, depth, merge * patch_size)?,
        false => (None, vec![false; depth]),
    };
    let three = generation == Generation::Three;
    let (image_size, deepstack) = match three {
        true => (table_side(f)? * patch_size, deepstack(f, depth)?),
        false => (0, Vec::new()),
    };
    let tower = TowerSpec {
        kind: class.kind,
        hidden_size,
        intermediate_size,
        num_hidden_layers: depth,
        num_attention_heads,
        image_size,
        picture_size: image_size,
        blocks: Some(merge),
        patch_size,
        num_channels: f.count("in_channels", 3..=3)?.unwrap_or(3),
        layer_norm_eps: 1e-6,
        activation: Activation::parse(f, "hidden_act", class.activation)?,
        mlp: if half {
            TowerMlp::Gated
        } else {
            TowerMlp::Plain
        },
        class_token: false,
        registers: 0,
        frames: Some(f.count("temporal_patch_size", 1..=64)?.unwrap_or(2)),
        patch_bias: three,
        attention_bias: true,
        fused_qkv: true,
        rope_theta: Some(rope_theta(f)?),
        window,
        windowed,
        rms_norms: half,
        qk_norm: false,
        norm_before: false,
        norm_behind: false,
        layer_scale: false,
        positions: match three {
            true => PositionTable::BilinearCorners,
            false => PositionTable::None,
        },
    };
    Ok(Seen {
        tower,
        merge,
        deepstack,
    })
}

/// Base of the rotary embedding: `rope_parameters` of transformers 5.
fn rope_theta(f: &Fields<'_>) -> Result<f32, WeightsError> {
    const KEY: &str = "rope_type";
    let Some(rope) = f.section("rope_parameters")? else {
        return Ok(10_000.0);
    };
    match rope.string(KEY)? {
        None | Some("axial") => Ok(rope.float("rope_theta", 0.0)?.unwrap_or(10_000.0)),
        Some(other) => Err(rope.unsupported(KEY, other, "axial")),
    }
}

/// Side of the windows in blocks of `block` pixels, and which layers have them.
fn windows(
    f: &Fields<'_>,
    depth: usize,
    block: usize,
) -> Result<(Option<usize>, Vec<bool>), WeightsError> {
    const KEY: &str = "window_size";
    let pixels = f.count(KEY, 1..=1 << 20)?.unwrap_or(112);
    if pixels < block {
        let expected = format!("at least {block}, the side of a block of patches in pixels");
        return Err(f.invalid(KEY, expected, pixels));
    }
    let full = layers(f, "fullatt_block_indexes", &[7, 15, 23, 31])?;
    let windowed = (0..depth).map(|layer| !full.contains(&layer)).collect();
    Ok((Some(pixels / block), windowed))
}

/// Side of the square table of positions, in patches.
fn table_side(f: &Fields<'_>) -> Result<usize, WeightsError> {
    const KEY: &str = "num_position_embeddings";
    let rows = f.count(KEY, 1..=MOST_PATCHES)?.unwrap_or(2304);
    match rows.isqrt() {
        side if side * side == rows => Ok(side),
        _ => Err(f.invalid(KEY, "a square number", rows)),
    }
}

/// The states of which features are made for the decoder's first layers, in the order of the tower's
/// layers, whatever the order of the list; the list's own order numbers the mergers.
fn deepstack(f: &Fields<'_>, depth: usize) -> Result<Vec<DeepFeatures>, WeightsError> {
    const KEY: &str = "deepstack_visual_indexes";
    let list = layers(f, KEY, &[8, 16, 24])?;
    let merger = |layer: usize| list.iter().position(|other| *other == layer);
    let features: Vec<DeepFeatures> = (0..depth)
        .filter_map(|layer| {
            let connector = merger(layer)?;
            Some(DeepFeatures {
                state: layer + 1,
                connector,
            })
        })
        .collect();
    match features.len() == list.len() {
        true => Ok(features),
        false => {
            let expected = format!("different layers below depth = {depth}");
            Err(f.invalid(KEY, expected, format!("{list:?}")))
        }
    }
}

/// A list of layers, counted from 0.
fn layers(f: &Fields<'_>, key: &str, default: &[usize]) -> Result<Vec<usize>, WeightsError> {
    let Some(value) = f.value(key) else {
        return Ok(default.to_vec());
    };
    let list = value.as_array().filter(|list| list.len() <= 1024);
    let layer = |value: &Value| usize::try_from(value.as_u64()?).ok();
    let layers = list.and_then(|list| list.iter().map(layer).collect::<Option<Vec<usize>>>());
    layers.ok_or_else(|| f.invalid(key, "a list of layers, counted from 0", describe(value)))
}
