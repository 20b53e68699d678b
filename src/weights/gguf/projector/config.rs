//! What the metadata say of tower and connector, as the whole model's `config.json`.

use serde_json::{Map, Value, json};

use super::{
    super::{
        super::error::{CONVERT_AGAIN, WeightsError},
        architecture::Architecture,
    },
    Kind, Projector, shortest,
};

/// Side of Qwen2.5-VL's windows in pixels; only newer files have a key for it.
const WINDOW: u64 = 112;

impl Projector {
    /// The configuration of the whole model, from that of its decoder alone; `id` gives a token's id.
    ///
    /// # Errors
    /// A key is missing or has a value that cannot be, the decoder is of another family, or a token that
    /// stands for images is not in the vocabulary.
    pub(in super::super) fn config(
        &self,
        architecture: &Architecture,
        decoder: Map<String, Value>,
        id: impl Fn(&str) -> Option<usize>,
    ) -> Result<Map<String, Value>, WeightsError> {
        self.check_decoder(architecture)?;
        let image = self.image_token(id)?;
        let (class, model_type) = match self.kind {
            Kind::Llava => ("LlavaLlamaForCausalLM", "llava_llama"),
            Kind::Gemma3 => ("Gemma3ForConditionalGeneration", "gemma3"),
            Kind::Idefics3 => ("Idefics3ForConditionalGeneration", "idefics3"),
            Kind::InternVl => ("InternVLForConditionalGeneration", "internvl"),
            Kind::Qwen2Vl => ("Qwen2VLForConditionalGeneration", "qwen2_vl"),
            Kind::Qwen25Vl => ("Qwen2_5_VLForConditionalGeneration", "qwen2_5_vl"),
        };
        let width = decoder.get("hidden_size").cloned().unwrap_or_default();
        // These classes have the decoder's fields beside the others; the rest in a section.
        let mut config = match self.kind {
            Kind::Llava | Kind::Qwen2Vl | Kind::Qwen25Vl => decoder,
            Kind::Gemma3 | Kind::Idefics3 | Kind::InternVl => {
                const TIED: &str = "tie_word_embeddings";
                let tied = decoder.get(TIED).cloned().unwrap_or_default();
                Map::from_iter([
                    (TIED.to_owned(), tied),
                    ("text_config".to_owned(), Value::Object(decoder)),
                ])
            }
        };
        config.insert("architectures".into(), json!([class]));
        config.insert("model_type".into(), json!(model_type));
        let (own, tower) = match self.kind {
            Kind::Llava => (self.llava()?, self.tower("clip_vision_model", "gelu")?),
            Kind::Gemma3 => {
                let patches = self.count("image_size")? / self.count("patch_size")?;
                let factor = self.given("projector.scale_factor")?;
                let side = patches / factor.filter(|factor| *factor > 0).unwrap_or(4);
                let own = json!({"image_token_index": image, "mm_tokens_per_image": side * side});
                let mut tower = self.tower("siglip_vision_model", "gelu_pytorch_tanh")?;
                tower["hidden_act"] = json!("gelu_pytorch_tanh");
                (own, tower)
            }
            Kind::Idefics3 => (
                json!({
                    "image_token_id": image,
                    "scale_factor": self.count("projector.scale_factor")?,
                }),
                self.tower("idefics3_vision", "gelu_pytorch_tanh")?,
            ),
            Kind::InternVl => (
                json!({
                    "image_token_id": image, "vision_feature_layer": -1,
                    "downsample_ratio": 1.0 / self.count("projector.scale_factor")? as f64,
                }),
                self.intern_vit()?,
            ),
            Kind::Qwen2Vl => (json!({"image_token_id": image}), self.qwen2(&width)?),
            Kind::Qwen25Vl => (json!({"image_token_id": image}), self.qwen2_5(&width)?),
        };
        if let Value::Object(own) = own {
            config.extend(own);
        }
        config.insert("vision_config".into(), tower);
        Ok(config)
    }

    /// Fails where the decoder is of another family.
    fn check_decoder(&self, architecture: &Architecture) -> Result<(), WeightsError> {
        let known = self.kind.decoders();
        match known.contains(&architecture.name) {
            true => Ok(()),
            false => Err(WeightsError::Unsupported {
                file: self.file.clone(),
                field: "general.architecture of the model beside it".into(),
                found: architecture.name.into(),
                supported: format!("{} with {}", known.join(", "), self.kind.name()),
            }),
        }
    }

    /// The id of the placeholder for images, where there is one.
    fn image_token(
        &self,
        id: impl Fn(&str) -> Option<usize>,
    ) -> Result<Option<usize>, WeightsError> {
        let tokens = self.kind.tokens();
        match tokens.iter().find(|token| id(token).is_none()) {
            None => Ok(tokens.first().and_then(|token| id(token))),
            Some(missing) => Err(WeightsError::Field {
                file: self.model_file.clone(),
                field: "tokenizer.ggml.tokens".into(),
                expected: format!("a vocabulary with {missing}, for {} sees", self.file),
                found: "one without it".into(),
            }),
        }
    }

    /// What the towers of transformers' ViT have in common; `gelu` is what the class means by that.
    fn tower(&self, model_type: &str, gelu: &str) -> Result<Value, WeightsError> {
        let metadata = &self.header.metadata;
        let eps = metadata.float("clip.vision.attention.layer_norm_epsilon")?;
        Ok(json!({
            "model_type": model_type,
            "hidden_size": self.count("embedding_length")?,
            "intermediate_size": self.count("feed_forward_length")?,
            "num_hidden_layers": self.count("block_count")?,
            "num_attention_heads": self.count("attention.head_count")?,
            "image_size": self.count("image_size")?,
            "patch_size": self.count("patch_size")?,
            "layer_norm_eps": shortest(eps.unwrap_or(1e-5)),
            "hidden_act": self.activation(gelu)?,
        }))
    }

    /// The activation of the tower's MLPs.
    fn activation<'a>(&self, gelu: &'a str) -> Result<&'a str, WeightsError> {
        let flag = |key: &str| Ok::<_, WeightsError>(self.header.metadata.flag(key)? == Some(true));
        Ok(match (flag("clip.use_gelu")?, flag("clip.use_silu")?) {
            (true, _) => gelu,
            (false, true) => "silu",
            (false, false) => "quick_gelu",
        })
    }

    /// LLaVA's own fields.
    fn llava(&self) -> Result<Value, WeightsError> {
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
            None => {}
            Some([layer]) if *layer == last => {}
            Some(_) => {
                return Err(metadata.wrong(LAYERS, format!("the last layer alone ({last})")));
            }
        }
        Ok(json!({
            "mm_projector_type": "mlp2x_gelu",
            // The file has the layers as far as the features go, and no class token among them.
            "mm_vision_select_layer": -1,
            "image_aspect_ratio": "pad",
        }))
    }

    /// InternVL's tower. What the file has no key for shows in its tensors.
    fn intern_vit(&self) -> Result<Value, WeightsError> {
        let has = |name: &str| self.header.tensor(name).is_some();
        let mut tower = self.tower("internvl_vision", "gelu")?;
        let rms = has("v.blk.0.ln1.weight") && !has("v.blk.0.ln1.bias");
        tower["norm_type"] = json!(if rms { "rms_norm" } else { "layer_norm" });
        tower["use_qk_norm"] = json!(has("v.blk.0.attn_q_norm.weight"));
        tower["attention_bias"] = json!(has("v.blk.0.attn_q.bias"));
        tower["use_mean_pooling"] = json!(!has("v.post_ln.weight"));
        Ok(tower)
    }

    /// What both of Qwen's towers have; `inner` is the width within their MLPs.
    fn qwen(&self) -> Result<(Value, u64), WeightsError> {
        let metadata = &self.header.metadata;
        // The converters write another width, or 0, where the MLPs' inner width should stand.
        const UP: &str = "v.blk.0.ffn_up.weight";
        let up = self.header.tensor(UP);
        let inner = up.and_then(|up| up.shape.get(usize::from(self.exchanged)));
        let inner = inner.ok_or_else(|| WeightsError::MissingTensor {
            file: metadata.file.clone(),
            tensor: UP.into(),
            expected: "[inner width, width]".into(),
            reason: "every layer has an MLP".into(),
        })?;
        let tower = json!({
            "depth": self.count("block_count")?,
            "num_heads": self.count("attention.head_count")?,
            "patch_size": self.count("patch_size")?,
            "spatial_merge_size": self.merge()?,
            "temporal_patch_size": 2,
            "hidden_act": self.activation("gelu")?,
        });
        Ok((tower, *inner as u64))
    }

    /// Qwen2-VL's tower; `width` is the decoder's.
    fn qwen2(&self, width: &Value) -> Result<Value, WeightsError> {
        let (mut tower, inner) = self.qwen()?;
        let own = self.count("embedding_length")?;
        if !inner.is_multiple_of(own) {
            return Err(WeightsError::HeaderEntry {
                file: self.file.clone(),
                tensor: "v.blk.0.ffn_up.weight".into(),
                expected: format!("a multiple of the tower's width ({own})"),
                found: inner.to_string(),
                advice: CONVERT_AGAIN,
            });
        }
        tower["embed_dim"] = json!(own);
        tower["mlp_ratio"] = json!(inner / own);
        tower["hidden_size"] = width.clone();
        Ok(tower)
    }

    /// Qwen2.5-VL's tower; `width` is the decoder's.
    fn qwen2_5(&self, width: &Value) -> Result<Value, WeightsError> {
        const PATTERN: &str = "clip.vision.n_wa_pattern";
        let (mut tower, inner) = self.qwen()?;
        let metadata = &self.header.metadata;
        let every = metadata.count(PATTERN)?;
        let every = every.ok_or_else(|| metadata.wrong(PATTERN, "a number of layers"))?;
        // Of so many layers the last sees everything; all do where the number is 0.
        let depth = self.count("block_count")?.min(1024);
        let full = (0..depth).filter(|layer| (layer + 1).is_multiple_of(every.max(1)));
        tower["fullatt_block_indexes"] = json!(full.collect::<Vec<u64>>());
        tower["window_size"] = json!(self.given("window_size")?.unwrap_or(WINDOW));
        tower["hidden_size"] = json!(self.count("embedding_length")?);
        tower["intermediate_size"] = json!(inner);
        tower["out_hidden_size"] = width.clone();
        Ok(tower)
    }
}
