//! The vision part of a model in GGUF format: a file with tower and connector (`mmproj`) beside the decoder's.

use serde_json::{Map, Value, json};

use super::{
    super::{error::WeightsError, source::ByteSource, undo::Undo},
    header::Header,
    value::{Metadata, shortest},
};

/// What of the tower comes before and behind its layers.
const AROUND: [(&str, &str); 5] = [
    ("v.patch_embd.", "embeddings.patch_embedding."),
    ("v.position_embd.", "embeddings.position_embedding."),
    ("v.class_embd", "embeddings.class_embedding"),
    // The spelling is that of the class.
    ("v.pre_ln.", "pre_layrnorm."),
    ("v.post_ln.", "post_layernorm."),
];

/// The parts of a layer.
const PARTS: [(&str, &str); 6] = [
    ("ln1", "layer_norm1"),
    ("ln2", "layer_norm2"),
    ("attn_q", "self_attn.q_proj"),
    ("attn_k", "self_attn.k_proj"),
    ("attn_v", "self_attn.v_proj"),
    ("attn_out", "self_attn.out_proj"),
];

/// The kinds that have a family here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// LLaVA: CLIP and two linear layers.
    Llava,
    /// Gemma 3: SigLIP, averaged, and one linear layer.
    Gemma3,
}

/// A vision part.
pub(super) struct Projector {
    pub(super) file: String,
    pub(super) header: Header,
    kind: Kind,
    /// Whether the names of an MLP's layers are exchanged, as in files of LLaVA's own converter.
    exchanged: bool,
}

impl Projector {
    /// The vision part in `file`; none where it was made for a decoder of another width than `width`.
    ///
    /// # Errors
    /// The file is damaged, or of a kind that is not supported.
    pub(super) fn open(
        source: &dyn ByteSource,
        file: &str,
        width: Option<u64>,
    ) -> Result<Option<Self>, WeightsError> {
        let header = Header::read(source, file)?;
        let metadata = &header.metadata;
        let made_for = metadata.count("clip.vision.projection_dim")?;
        let connector = ["mm.2.weight", "mm.input_projection.weight"];
        let outputs = connector.iter().find_map(|name| {
            let shape = &header.tensor(name)?.shape;
            // The second of them is stored the other way round.
            let axis = usize::from(*name != "mm.2.weight");
            shape.get(axis).map(|size| *size as u64)
        });
        if outputs
            .or(made_for)
            .is_some_and(|made_for| Some(made_for) != width)
        {
            return Ok(None);
        }
        let kind = kind(metadata)?;
        let hidden = metadata.count("clip.vision.embedding_length")?;
        let down = header.tensor("v.blk.0.ffn_down.weight");
        let exchanged = down.is_some_and(|down| {
            let inputs = down.shape.last().map(|size| *size as u64);
            let square = down.shape.first() == down.shape.last();
            inputs == hidden && (!square || kind == Kind::Llava)
        });
        Ok(Some(Self {
            file: file.into(),
            header,
            kind,
            exchanged,
        }))
    }

    fn count(&self, key: &str) -> Result<u64, WeightsError> {
        let (metadata, key) = (&self.header.metadata, format!("clip.vision.{key}"));
        let count = metadata.count(&key)?.filter(|count| *count > 0);
        count.ok_or_else(|| metadata.wrong(&key, "a size from 1 on"))
    }

    /// The configuration of the whole model, from that of its decoder alone; `id` gives a token's id.
    ///
    /// # Errors
    /// A key is missing or has a value that cannot be.
    pub(super) fn config(
        &self,
        decoder: Map<String, Value>,
        id: impl Fn(&str) -> Option<usize>,
    ) -> Result<Map<String, Value>, WeightsError> {
        let metadata = &self.header.metadata;
        let gelu = metadata.flag("clip.use_gelu")?.unwrap_or(false);
        let eps = metadata.float("clip.vision.attention.layer_norm_epsilon")?;
        let mut tower = json!({
            "hidden_size": self.count("embedding_length")?,
            "intermediate_size": self.count("feed_forward_length")?,
            "num_hidden_layers": self.count("block_count")?,
            "num_attention_heads": self.count("attention.head_count")?,
            "image_size": self.count("image_size")?,
            "patch_size": self.count("patch_size")?,
            "layer_norm_eps": shortest(eps.unwrap_or(1e-5)),
            "model_type": "clip_vision_model",
            "hidden_act": if gelu { "gelu" } else { "quick_gelu" },
        });
        let mut config = decoder;
        match self.kind {
            Kind::Llava => {
                self.check_llava()?;
                config.insert("architectures".into(), json!(["LlavaLlamaForCausalLM"]));
                config.insert("model_type".into(), json!("llava_llama"));
                config.insert("mm_projector_type".into(), json!("mlp2x_gelu"));
                // The file has the layers as far as the features go, and no class token among them.
                config.insert("mm_vision_select_layer".into(), json!(-1));
                config.insert("image_aspect_ratio".into(), json!("pad"));
            }
            Kind::Gemma3 => {
                tower["model_type"] = json!("siglip_vision_model");
                tower["hidden_act"] = json!("gelu_pytorch_tanh");
                let patches = self.count("image_size")? / self.count("patch_size")?;
                let factor = metadata.count("clip.vision.projector.scale_factor")?;
                let side = patches / factor.filter(|factor| *factor > 0).unwrap_or(4);
                const IMAGE: &str = "<image_soft_token>";
                let image = id(IMAGE).ok_or_else(|| WeightsError::Field {
                    file: metadata.file.clone(),
                    field: "tokenizer.ggml.tokens".into(),
                    expected: format!("a vocabulary with {IMAGE}, for a model that sees"),
                    found: "one without it".into(),
                })?;
                config = Map::from_iter([
                    (
                        "architectures".to_owned(),
                        json!(["Gemma3ForConditionalGeneration"]),
                    ),
                    ("model_type".to_owned(), json!("gemma3")),
                    ("image_token_index".to_owned(), json!(image)),
                    ("mm_tokens_per_image".to_owned(), json!(side * side)),
                    (
                        "tie_word_embeddings".to_owned(),
                        config["tie_word_embeddings"].clone(),
                    ),
                    ("text_config".to_owned(), Value::Object(config)),
                ]);
            }
        }
        config.insert("vision_config".into(), tower);
        Ok(config)
    }

    /// Fails where LLaVA's connector or its pictures are of another kind than those of version 1.5.
    fn check_llava(&self) -> Result<(), WeightsError> {
        let metadata = &self.header.metadata;
        const MERGE: &str = "clip.vision.mm_patch_merge_type";
        if let Some(merge) = metadata.text(MERGE)?.filter(|merge| *merge != "flat") {
            return Err(WeightsError::Unsupported {
                file: metadata.file.clone(),
                field: MERGE.into(),
                found: merge.chars().take(40).collect(),
                supported: "flat (LLaVA 1.5)".into(),
            });
        }
        const LAYERS: &str = "clip.vision.feature_layer";
        let last = self.count("block_count")? as i64;
        match metadata.integers(LAYERS)? {
            None => Ok(()),
            Some([layer]) if *layer == last => Ok(()),
            Some(_) => Err(metadata.wrong(LAYERS, format!("the last layer alone ({last})"))),
        }
    }

    /// `preprocessor_config.json`.
    ///
    /// # Errors
    /// As [`Projector::config`].
    pub(super) fn preprocessor(&self) -> Result<Value, WeightsError> {
        let metadata = &self.header.metadata;
        let three = |key: &str| -> Result<Vec<Value>, WeightsError> {
            let list = metadata.floats(key)?.filter(|list| list.len() == 3);
            let list = list.ok_or_else(|| metadata.wrong(key, "three numbers"))?;
            Ok(list
                .iter()
                .map(|number| shortest(f64::from(*number)))
                .collect())
        };
        let side = self.count("image_size")?;
        let mut settings = json!({
            "do_convert_rgb": true, "do_resize": true, "do_rescale": true, "do_normalize": true,
            "rescale_factor": 1.0 / 255.0,
            "image_mean": three("clip.vision.image_mean")?,
            "image_std": three("clip.vision.image_std")?,
        });
        let more = match self.kind {
            Kind::Llava => json!({
                "image_processor_type": "CLIPImageProcessor", "do_center_crop": true,
                "crop_size": {"height": side, "width": side},
                "size": {"shortest_edge": side}, "resample": 3,
            }),
            Kind::Gemma3 => json!({
                "image_processor_type": "Gemma3ImageProcessor",
                "size": {"height": side, "width": side}, "resample": 2,
            }),
        };
        if let (Some(settings), Value::Object(more)) = (settings.as_object_mut(), more) {
            settings.extend(more);
        }
        Ok(settings)
    }

    /// The name of a decoder's tensor in the whole model.
    pub(super) fn of_decoder(&self, name: String) -> String {
        match self.kind {
            Kind::Llava => name,
            Kind::Gemma3 => format!("language_model.{name}"),
        }
    }

    /// The name of one of the part's own tensors in the whole model, and what was done to it.
    pub(super) fn named(&self, name: &str) -> (String, Undo) {
        let (tower, connector) = match self.kind {
            Kind::Llava => ("model.vision_tower.vision_tower", "model.mm_projector"),
            Kind::Gemma3 => ("vision_tower", "multi_modal_projector"),
        };
        let own = match (self.kind, name) {
            (Kind::Gemma3, "mm.input_projection.weight") => {
                Some(format!("{connector}.mm_input_projection_weight"))
            }
            (Kind::Gemma3, "mm.soft_emb_norm.weight") => {
                return (format!("{connector}.mm_soft_emb_norm.weight"), Undo::Plus1);
            }
            (Kind::Llava, name) if name.starts_with("mm.") => name
                .strip_prefix("mm.")
                .map(|rest| format!("{connector}.{rest}")),
            (_, name) => self
                .of_tower(name)
                .map(|rest| format!("{tower}.vision_model.{rest}")),
        };
        (own.unwrap_or_else(|| name.to_owned()), Undo::Nothing)
    }

    fn of_tower(&self, name: &str) -> Option<String> {
        for (theirs, own) in AROUND {
            if let Some(rest) = name.strip_prefix(theirs) {
                return Some(format!("{own}{rest}"));
            }
        }
        let (layer, rest) = name.strip_prefix("v.blk.")?.split_once('.')?;
        let (part, kind) = rest.rsplit_once('.')?;
        let own = match (part, self.exchanged) {
            ("ffn_up", false) | ("ffn_down", true) => "mlp.fc1",
            ("ffn_down", false) | ("ffn_up", true) => "mlp.fc2",
            _ => PARTS.iter().find(|(theirs, _)| *theirs == part)?.1,
        };
        Some(format!("encoder.layers.{layer}.{own}.{kind}"))
    }
}

/// The kind of a vision part.
fn kind(metadata: &Metadata) -> Result<Kind, WeightsError> {
    const KEY: &str = "clip.projector_type";
    const NEWER: &str = "clip.vision.projector_type";
    let unsupported = |found: &str| WeightsError::Unsupported {
        file: metadata.file.clone(),
        field: KEY.into(),
        found: found.chars().take(40).collect(),
        supported: "mlp (LLaVA 1.5), gemma3".into(),
    };
    let named = match metadata.text(KEY)? {
        Some(named) => Some(named),
        None => metadata.text(NEWER)?,
    };
    match named {
        Some("gemma3") => Ok(Kind::Gemma3),
        Some("mlp") => Ok(Kind::Llava),
        Some(other) => Err(unsupported(other)),
        None if metadata.flag("clip.has_llava_projector")? == Some(true) => Ok(Kind::Llava),
        None => Err(unsupported("absent")),
    }
}
