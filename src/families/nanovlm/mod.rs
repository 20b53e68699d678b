//! nanoVLM (github.com/huggingface/nanoVLM): SigLIP, pixel shuffle, Llama, in flat keys of its own. Three
//! generations of files: pictures before a question and no token for them; placeholders in a conversation;
//! tiles behind the whole picture.

mod images;

use serde_json::Map;

use super::{
    Activation, ConnectorFields, ConnectorKind, ConnectorSpec, DecoderKind, DecoderSpec, Family,
    ModelSpec, Planned, ProcessorFile, PromptShape, TowerKind, TowerSpec, VisionSpec,
    spec::Defaults,
};
use crate::weights::{WeightsError, fields::Fields};

const SHUFFLE: &str = "mp_pixel_shuffle_factor";
const EXTRA: &str = "vlm_extra_tokens";
const IMAGE: &str = "image_token";
const BASE: &str = "lm_base_vocab_size";
const TEMPLATE: &str = "lm_chat_template";
/// Most tokens that a configuration may add to its tokenizer's.
const MOST_EXTRA: usize = 4096;

/// Beginnings of names, and what they become.
type Names = &'static [(&'static str, &'static str)];

/// The family.
pub(crate) struct NanoVlm;

impl Family for NanoVlm {
    fn name(&self) -> &'static str {
        "nanovlm"
    }

    /// The class of its code; the files name none.
    fn architectures(&self) -> &'static [&'static str] {
        &["VisionLanguageModel"]
    }

    fn model_types(&self) -> &'static [&'static str] {
        &[]
    }

    fn recognizes(&self, root: &Fields<'_>) -> bool {
        ["vit_hidden_dim", "lm_hidden_dim", SHUFFLE]
            .iter()
            .all(|key| root.has(key))
    }

    fn spec(&self, root: &Fields<'_>) -> Result<ModelSpec, WeightsError> {
        for (key, only) in [
            ("vit_cls_flag", "the patches' features"),
            ("lm_use_tokens", "them"),
        ] {
            if root.flag(key)?.unwrap_or(false) {
                let expected = format!("false: with true the decoder would not see {only}");
                return Err(root.invalid(key, expected, true));
            }
        }
        const SCALING: &str = "lm_attn_scaling";
        match root.float(SCALING, 0.0)? {
            None | Some(1.0) => {}
            Some(other) => {
                let supported = "1.0: other factors on cosines and sines have no kernel";
                return Err(root.unsupported(SCALING, &other.to_string(), supported));
            }
        }
        let (tower, text) = (tower(root)?, decoder(root)?);
        let connector = ConnectorSpec {
            kind: ConnectorKind::PixelShuffle {
                scale: needed(root, SHUFFLE, 32)?,
                normed: false,
                layers: 1,
            },
            activation: Activation::Identity,
            bias: false,
            in_features: tower.hidden_size,
            out_features: text.hidden_size,
            fields: ConnectorFields {
                scale: SHUFFLE,
                bias: "a bias of MP.proj",
            },
        };
        let eos = root.token("lm_eos_token_id")?;
        let mut vision = VisionSpec {
            // No token of the vocabulary, and no conversation, unless there are tokens of its own.
            image_token_id: text.vocab_size as u32,
            shape: PromptShape::Question,
            normed_features: true,
            ..VisionSpec::new(tower, connector)
        };
        if let Some(extra) = root.section(EXTRA)? {
            vision.extra_tokens = extra_tokens(&extra)?;
            vision.image_token_id = image_token(root, &extra, text.vocab_size)?;
            vision.shape = PromptShape::Turns;
            let template = root.string(TEMPLATE)?;
            let template = template.ok_or_else(|| {
                root.invalid(TEMPLATE, "the template of a conversation", "absent")
            })?;
            vision.chat_template = Some(template.to_owned());
        }
        let mut spec = ModelSpec::new(root, Some(vision), text)?;
        (spec.eos_token_id, spec.bos_token_id) = (eos, None);
        Ok(spec)
    }

    fn canonical(&self, name: &str) -> String {
        const PARTS: [(&str, &str); 8] = [
            (
                "vision_encoder.patch_embedding.conv.",
                "vision_tower.embeddings.patch_embedding.",
            ),
            (
                "vision_encoder.patch_embedding.position_embedding",
                "vision_tower.embeddings.position_embedding.weight",
            ),
            ("vision_encoder.layer_norm.", "vision_tower.post_layernorm."),
            ("MP.proj.", "multi_modal_projector.linear_1."),
            ("decoder.token_embedding.", "language_model.embed_tokens."),
            ("decoder.norm.", "language_model.norm."),
            ("decoder.head.", "lm_head."),
            ("decoder.rotary_embd.", "language_model.rotary_emb."),
        ];
        const LAYERS: [(&str, &str, Names); 2] = [
            (
                "vision_encoder.blocks.",
                "vision_tower.encoder.layers.",
                &[
                    ("ln1.", "layer_norm1."),
                    ("ln2.", "layer_norm2."),
                    ("attn.qkv_proj.", "self_attn.qkv."),
                    ("attn.", "self_attn."),
                ],
            ),
            (
                "decoder.blocks.",
                "language_model.layers.",
                &[
                    ("norm1.", "input_layernorm."),
                    ("norm2.", "post_attention_layernorm."),
                    ("attn.out_proj.", "self_attn.o_proj."),
                    ("attn.", "self_attn."),
                ],
            ),
        ];
        for (own, canonical, parts) in LAYERS {
            if let Some((index, rest)) =
                (name.strip_prefix(own)).and_then(|rest| rest.split_once('.'))
            {
                return format!("{canonical}{index}.{}", renamed(rest, parts));
            }
        }
        renamed(name, &PARTS)
    }

    fn field(&self, path: &str) -> String {
        const FIELDS: [(&str, &str); 10] = [
            ("vision_config.hidden_size", "vit_hidden_dim"),
            ("text_config.hidden_size", "lm_hidden_dim"),
            ("vision_config.intermediate_size", "vit_inter_dim"),
            ("vision_config.num_hidden_layers", "vit_n_blocks"),
            ("vision_config.image_size", "vit_img_size"),
            ("vision_config.patch_size", "vit_patch_size"),
            ("hidden_size", "lm_hidden_dim"),
            ("intermediate_size", "lm_inter_dim"),
            ("num_hidden_layers", "lm_n_blocks"),
            ("vocab_size", "lm_vocab_size"),
        ];
        // A path of one field, or words around one.
        let mut words = path.split(' ').map(|word| {
            let own = FIELDS.iter().find(|(field, _)| *field == word);
            own.map_or(word, |(_, own)| own)
        });
        let first = words.next().unwrap_or_default().to_owned();
        words.fold(first, |line, word| format!("{line} {word}"))
    }

    fn images_in_config(&self) -> bool {
        true
    }

    fn images(&self, spec: &ModelSpec, file: &ProcessorFile) -> Result<Planned, WeightsError> {
        images::planned(spec.vision()?, &file.image())
    }
}

/// `name` with its beginning as the table has it.
fn renamed(name: &str, table: Names) -> String {
    let found = table.iter().find_map(|(own, canonical)| {
        let rest = name.strip_prefix(own)?;
        Some(format!("{canonical}{rest}"))
    });
    found.unwrap_or_else(|| name.to_owned())
}

/// A count that every file has, from 1 on.
fn needed(root: &Fields<'_>, key: &str, most: usize) -> Result<usize, WeightsError> {
    root.count(key, 1..=most)?
        .ok_or_else(|| root.invalid(key, format!("a whole number from 1 to {most}"), "absent"))
}

/// Refuses `count` of the field `key` where it does not divide the field `whole`.
fn divides(
    root: &Fields<'_>,
    key: &str,
    count: usize,
    whole: (&str, usize),
) -> Result<(), WeightsError> {
    match whole.1.is_multiple_of(count) {
        true => Ok(()),
        false => Err(root.invalid(
            key,
            format!("a divisor of {} = {}", whole.0, whole.1),
            count,
        )),
    }
}

fn tower(root: &Fields<'_>) -> Result<TowerSpec, WeightsError> {
    let sizes = [
        needed(root, "vit_hidden_dim", 65536)?,
        needed(root, "vit_inter_dim", 1 << 20)?,
        needed(root, "vit_n_blocks", 1024)?,
        needed(root, "vit_n_heads", 4096)?,
        needed(root, "vit_img_size", 16384)?,
        needed(root, "vit_patch_size", 16384)?,
    ];
    let [width, _, _, heads, image, patch] = sizes;
    divides(root, "vit_n_heads", heads, ("vit_hidden_dim", width))?;
    if patch > image || (image / patch).pow(2) > super::spec::MOST_PATCHES {
        let expected = format!("at most vit_img_size = {image}, and not too small for it");
        return Err(root.invalid("vit_patch_size", expected, patch));
    }
    let empty = Map::new();
    let none = Fields::new("config.json", "", &empty);
    Ok(TowerSpec {
        layer_norm_eps: root.float("vit_ln_eps", 0.0)?.unwrap_or(1e-6),
        fused_qkv: true,
        ..TowerSpec::of_kind(&none, TowerKind::Siglip, sizes)?
    })
}

fn decoder(root: &Fields<'_>) -> Result<DecoderSpec, WeightsError> {
    let hidden_size = needed(root, "lm_hidden_dim", 65536)?;
    let heads = needed(root, "lm_n_heads", 4096)?;
    let kv_heads = needed(root, "lm_n_kv_heads", 4096)?;
    divides(root, "lm_n_heads", heads, ("lm_hidden_dim", hidden_size))?;
    divides(root, "lm_n_kv_heads", kv_heads, ("lm_n_heads", heads))?;
    let kind = DecoderKind::Llama;
    let own = Defaults {
        hidden_size,
        intermediate_size: needed(root, "lm_inter_dim", 1 << 20)?,
        num_hidden_layers: needed(root, "lm_n_blocks", 1024)?,
        num_attention_heads: heads,
        num_key_value_heads: Some(kv_heads),
        vocab_size: needed(root, "lm_vocab_size", 1 << 24)?,
        max_position_embeddings: needed(root, "lm_max_position_embeddings", 1 << 24)?,
        rms_norm_eps: root.float("lm_rms_eps", 0.0)?.unwrap_or(1e-5),
        rope_theta: root.float("lm_re_base", 0.0)?.unwrap_or(100_000.0),
        ..kind.defaults()
    };
    let empty = Map::new();
    let none = Fields::new("config.json", "", &empty);
    Ok(DecoderSpec {
        tie_word_embeddings: root.flag("lm_tie_weights")?.unwrap_or(true),
        ..DecoderSpec::of_kind(&none, "", kind, &own)?
    })
}

/// The tokens that the configuration adds to its tokenizer's, in the order in which they get their ids.
fn extra_tokens(extra: &Fields<'_>) -> Result<Vec<String>, WeightsError> {
    if extra.map().len() > MOST_EXTRA {
        let found = extra.map().len();
        return Err(extra.invalid("*", format!("at most {MOST_EXTRA} tokens"), found));
    }
    let tokens = extra.map().keys().map(|key| match extra.string(key)? {
        Some(token) if (1..=1024).contains(&token.len()) => Ok(token.to_owned()),
        _ => Err(extra.invalid(key, "a token of 1 to 1024 bytes", "another length or none")),
    });
    tokens.collect()
}

/// The id that the placeholder gets behind the tokenizer's own ones.
fn image_token(
    root: &Fields<'_>,
    extra: &Fields<'_>,
    vocab_size: usize,
) -> Result<u32, WeightsError> {
    let place = extra.map().keys().position(|key| key == IMAGE);
    let place =
        place.ok_or_else(|| extra.invalid(IMAGE, "the placeholder of a picture", "absent"))?;
    let base = needed(root, BASE, 1 << 24)?;
    match base + place < vocab_size {
        true => Ok((base + place) as u32),
        false => {
            let expected = format!("at most lm_vocab_size = {vocab_size} less {EXTRA}");
            Err(root.invalid(BASE, expected, base))
        }
    }
}
