//! Qwen2-VL (arXiv 2409.12191), Qwen2.5-VL (2502.13923) and Qwen3-VL (2511.21631), as transformers 4
//! and 5 write them: towers that take pictures of any size, M-RoPE, DeepStack in the third.
//!
//! The first two have flat configurations on the hub, with the decoder's fields beside `vision_config`.

mod images;
mod names;
mod tower;

use serde_json::Map;

use super::{
    Activation, ConnectorFields, ConnectorKind, ConnectorSpec, DecoderKind, DecoderSpec, Family,
    ImagePlan, Layout, ModelSpec, Planned, ProcessorFile, PromptTokens, RopeScaling, RopeSections,
    VisionSpec, spec::Defaults,
};
use crate::weights::{WeightsError, fields::Fields};

/// Qwen2-VL.
pub(crate) const QWEN2_VL: QwenVl = QwenVl(Generation::Two);
/// Qwen2.5-VL.
pub(crate) const QWEN2_5_VL: QwenVl = QwenVl(Generation::TwoAndHalf);
/// Qwen3-VL.
pub(crate) const QWEN3_VL: QwenVl = QwenVl(Generation::Three);

/// A family.
pub(crate) struct QwenVl(Generation);

/// Which one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Generation {
    Two,
    TwoAndHalf,
    Three,
}

impl Family for QwenVl {
    fn name(&self) -> &'static str {
        match self.0 {
            Generation::Two => "qwen2_vl",
            Generation::TwoAndHalf => "qwen2_5_vl",
            Generation::Three => "qwen3_vl",
        }
    }

    fn architectures(&self) -> &'static [&'static str] {
        match self.0 {
            Generation::Two => &["Qwen2VLForConditionalGeneration"],
            Generation::TwoAndHalf => &["Qwen2_5_VLForConditionalGeneration"],
            Generation::Three => &["Qwen3VLForConditionalGeneration"],
        }
    }

    fn model_types(&self) -> &'static [&'static str] {
        match self.0 {
            Generation::Two => &["qwen2_vl"],
            Generation::TwoAndHalf => &["qwen2_5_vl"],
            Generation::Three => &["qwen3_vl"],
        }
    }

    fn spec(&self, root: &Fields<'_>) -> Result<ModelSpec, WeightsError> {
        let text = self.0.decoder(root)?;
        let seen = tower::parse(root, self.0, text.hidden_size)?;
        let image_token_id = root.token("image_token_id")?.unwrap_or(151_655);
        text.known(root, "image_token_id", image_token_id)?;
        let connector = ConnectorSpec {
            kind: ConnectorKind::PatchMerger { side: seen.merge },
            activation: Activation::Gelu,
            bias: true,
            in_features: seen.tower.hidden_size,
            out_features: text.hidden_size,
            fields: ConnectorFields::LLAVA,
        };
        let vision = VisionSpec {
            image_token_id,
            scaffold: &["<|vision_start|>", "<|vision_end|>"],
            deepstack: seen.deepstack,
            ..VisionSpec::new(seen.tower, connector)
        };
        ModelSpec::new(root, Some(vision), text)
    }

    fn canonical(&self, name: &str) -> String {
        names::canonical(name)
    }

    /// Files in GGUF format have queries, keys and values of the tower apart.
    fn settle(&self, spec: &mut ModelSpec, tensors: &[&str]) {
        let apart = |name: &&str| names::is_query(name);
        if let Some(vision) = &mut spec.vision {
            vision.tower.fused_qkv &= !tensors.iter().any(apart);
        }
    }

    fn layout(&self, _spec: &ModelSpec, prompt: &PromptTokens<'_>) -> Layout {
        match prompt.vision {
            [] => Layout::default(),
            _ => Layout {
                positions: Some(positions(prompt)),
                keys: None,
            },
        }
    }

    fn images(&self, spec: &ModelSpec, file: &ProcessorFile) -> Result<Planned, WeightsError> {
        images::planned(file, spec.vision()?)
    }
}

impl Generation {
    /// The decoder, in a section of its own or beside everything else.
    fn decoder(self, root: &Fields<'_>) -> Result<DecoderSpec, WeightsError> {
        let three = self == Self::Three;
        let section = match three || root.has("text_config") {
            true => "text_config.",
            false => "",
        };
        let kind = match three {
            true => DecoderKind::Qwen3,
            false => DecoderKind::Qwen2,
        };
        let defaults = self.defaults(kind);
        let mut text = DecoderSpec::of_kind(root, section, kind, &defaults)?;
        let empty = Map::new();
        let fields = DecoderSpec::section(root, section, &empty)?;
        let wide = text.num_attention_heads * text.head_dim;
        if !three && wide != text.hidden_size {
            let expected = format!("hidden_size = {} over all heads", text.hidden_size);
            return Err(fields.invalid("head_dim", expected, text.head_dim));
        }
        if matches!(text.rope_scaling, RopeScaling::Dynamic { .. }) {
            let supported = "default, linear, llama3, yarn with positions of three components";
            return Err(fields.unsupported("rope_scaling", "dynamic", supported));
        }
        let sections = match three {
            true => [24, 20, 20],
            false => [16, 24, 24],
        };
        let sections = RopeSections::parse(&fields, sections, three, text.head_dim)?;
        text.rope_sections = Some(sections);
        if three {
            // The class knows no windows, and reads the key of the whole alone.
            text.sliding_window = None;
            text.windowed.fill(false);
            text.tie_word_embeddings = root.flag("tie_word_embeddings")?.unwrap_or(false);
        }
        Ok(text)
    }

    /// What the configuration classes take for absent keys.
    fn defaults(self, kind: DecoderKind) -> Defaults {
        match self {
            Self::Two | Self::TwoAndHalf => Defaults {
                hidden_size: 8192,
                intermediate_size: 29568,
                num_hidden_layers: 80,
                num_attention_heads: 64,
                num_key_value_heads: Some(8),
                vocab_size: 152_064,
                rms_norm_eps: 1e-5,
                rope_theta: 1_000_000.0,
                max_window_layers: 80,
                ..kind.defaults()
            },
            Self::Three => Defaults {
                max_position_embeddings: 128_000,
                rope_theta: 500_000.0,
                ..kind.defaults()
            },
        }
    }
}

/// Temporal, height and width component of each token's position (M-RoPE, arXiv 2409.12191, section
/// 2.1): text counts on in all three, an image has one temporal position, and rows and columns of its
/// tokens count from there; what follows begins behind the longest of its sides.
fn positions(prompt: &PromptTokens<'_>) -> Vec<[u32; 3]> {
    let tokens = prompt.input_ids.len();
    let mut positions: Vec<[u32; 3]> = Vec::with_capacity(tokens);
    let mut next = 0;
    let text = |positions: &mut Vec<[u32; 3]>, end: usize, next: &mut u32| {
        while positions.len() < end {
            positions.push([*next; 3]);
            *next += 1;
        }
    };
    let mut vision = prompt.vision.iter();
    for plan in prompt.plans {
        let count = plan.tokens();
        let Some(&first) = vision.next() else {
            break;
        };
        vision.by_ref().take(count.saturating_sub(1)).for_each(drop);
        text(&mut positions, first as usize, &mut next);
        let [rows, columns] = cells(plan);
        let cell = |cell: u32| [next, next + cell / columns, next + cell % columns];
        positions.extend((0..count as u32).map(cell));
        next += rows.max(columns);
    }
    text(&mut positions, tokens, &mut next);
    positions
}

/// Rows and columns of an image's tokens.
fn cells(plan: &ImagePlan) -> [u32; 2] {
    let view = plan.views.first();
    let cells = view.and_then(|view| view.cells).unwrap_or([1, 1]);
    cells.map(|side| (side as u32).max(1))
}

#[cfg(test)]
mod tests {
    use super::{super::plan::View, *};

    #[test]
    fn text_goes_on_behind_the_longest_side() {
        let plan = |rows: usize, columns: usize| ImagePlan {
            views: vec![View {
                pictures: 0..1,
                patches: [2 * rows, 2 * columns],
                cells: Some([rows, columns]),
                tiles: None,
                part: None,
            }],
            ..ImagePlan::of_tokens(rows * columns)
        };
        let plans = [plan(1, 3), plan(2, 1)];
        let found = positions(&PromptTokens {
            input_ids: &[0; 9],
            vision: &[1, 2, 3, 5, 6],
            plans: &[&plans[0], &plans[1]],
            text: 7,
        });
        let expected = [
            [0, 0, 0],
            [1, 1, 1],
            [1, 1, 2],
            [1, 1, 3],
            [4, 4, 4],
            [5, 5, 5],
            [5, 6, 5],
            [7, 7, 7],
            [8, 8, 8],
        ];
        assert_eq!(found, expected);
    }
}
