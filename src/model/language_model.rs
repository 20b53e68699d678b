//! Llama decoder (arXiv 2302.13971 and 2307.09288; `LlamaModel`).

use std::sync::{Mutex, PoisonError};

use super::{
    Capture, CaptureRequest, Hook, ModelError,
    load::Loader,
    masks::Mask,
    moca::Moca,
    ops::{Linear, Ops, RmsNorm, Weight, kernel_activation},
};
use crate::{
    gpu::{DType, Gpu, Tensor},
    kernels::{Activation, attention::Attention, matmul::Matmul},
    weights::{TextConfig, layout::LM_HEAD},
};

pub(super) struct LanguageModel {
    config: TextConfig,
    embed_tokens: Weight,
    layers: Vec<Block>,
    norm: RmsNorm,
    head: Head,
    inv_freq: Vec<f32>,
    /// Cosines and sines for as many positions as have been needed.
    rotary_table: Mutex<Option<Tensor>>,
}

/// What makes logits of states.
enum Head {
    /// The embedding, transposed.
    Embedding,
    /// A matrix of its own.
    Own(Weight),
    /// Nothing: the checkpoint lacks it.
    Missing,
}

struct Block {
    index: usize,
    input_layernorm: RmsNorm,
    q_proj: Linear,
    k_proj: Linear,
    v_proj: Linear,
    o_proj: Linear,
    post_attention_layernorm: RmsNorm,
    gate_proj: Linear,
    up_proj: Linear,
    down_proj: Linear,
    modality_layernorm: Option<Moca>,
}

impl LanguageModel {
    pub(super) async fn load(loader: &mut Loader<'_>) -> Result<Self, ModelError> {
        let whole = &loader.checkpoint.config;
        let (config, use_moca) = (whole.text.clone(), whole.use_moca);
        let (width, eps) = (config.hidden_size, config.rms_norm_eps);
        let table = [config.vocab_size, width];
        let embed_tokens = loader.weight("language_model.embed_tokens.weight", &table)?;
        let mut layers = Vec::new();
        for i in 0..config.num_hidden_layers {
            loader.pause().await?;
            layers.push(Block::load(loader, i, &config, use_moca)?);
        }
        Ok(Self {
            norm: loader.rms_norm("language_model.norm", width, eps)?,
            head: if config.tie_word_embeddings {
                Head::Embedding
            } else if loader.checkpoint.has(LM_HEAD) {
                Head::Own(loader.weight(LM_HEAD, &table)?)
            } else {
                Head::Missing
            },
            inv_freq: config.inv_freq(),
            rotary_table: Mutex::new(None),
            embed_tokens,
            layers,
            config,
        })
    }

    /// Token embeddings `[tokens, hidden]`; `ids` is `[1, tokens]`.
    pub(super) fn embed(&self, ops: &mut Ops<'_>, ids: &Tensor) -> Result<Tensor, ModelError> {
        ops.embedding(ids, &self.embed_tokens, self.config.hidden_size)
    }

    /// Records all blocks over `inputs_embeds` `[tokens, hidden]`, whose vision tokens stand at
    /// `vision` `[1, vision tokens]`; the final norm only where it is asked for.
    pub(super) fn forward(
        &self,
        ops: &mut Ops<'_>,
        inputs_embeds: &Tensor,
        vision: &Tensor,
        request: &CaptureRequest,
        capture: &mut Capture,
    ) -> Result<(), ModelError> {
        let table = self.rotary_table(ops.gpu, inputs_embeds.rows())?;
        let mut x = inputs_embeds.clone();
        let layers = self.layers.len();
        for block in &self.layers {
            let layer = block.index + 1;
            ops.recording.mark(format!("layer {layer} of {layers}"));
            x = block.forward(ops, &x, &table, &self.config, request, capture)?;
            if let Some(moca) = &block.modality_layernorm {
                moca.forward(ops, &x, vision)?;
            }
            capture.keep(request, Hook::Layer(layer), &x);
        }
        if request.contains(Hook::FinalNorm) {
            let normed = self.norm(ops, &x)?;
            capture.keep(request, Hook::FinalNorm, &normed);
        }
        Ok(())
    }

    /// The final norm, row by row.
    pub(super) fn norm(&self, ops: &mut Ops<'_>, states: &Tensor) -> Result<Tensor, ModelError> {
        ops.rms_norm(states, &self.norm)
    }

    /// Logits `[n, vocab]` of states after the final norm, `[n, hidden]`.
    ///
    /// # Errors
    /// [`ModelError::NoHead`], and what the device reports.
    pub(super) fn logits(&self, ops: &mut Ops<'_>, normed: &Tensor) -> Result<Tensor, ModelError> {
        let head = match &self.head {
            Head::Embedding => &self.embed_tokens,
            Head::Own(weight) => weight,
            Head::Missing => return Err(ModelError::NoHead),
        };
        let out = ops
            .gpu
            .tensor(DType::F32, normed.rows(), self.config.vocab_size)?;
        ops.linear_into(normed, head, &Matmul::default(), &out)?;
        Ok(out)
    }

    /// `[>= tokens, head_dim]`: cosines of `position * inv_freq`, then sines. The product is rounded
    /// to f32, as in transformers; the functions are not.
    fn rotary_table(&self, gpu: &Gpu, tokens: usize) -> Result<Tensor, ModelError> {
        let mut cached = self
            .rotary_table
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(table) = cached.as_ref().filter(|table| table.rows() >= tokens) {
            return Ok(table.clone());
        }
        let rows = tokens
            .next_power_of_two()
            .min(self.config.max_position_embeddings.max(tokens));
        let mut values = Vec::with_capacity(rows * self.config.head_dim);
        for position in 0..rows {
            let angles = self
                .inv_freq
                .iter()
                .map(|frequency| f64::from(frequency * position as f32));
            values.extend(angles.clone().map(|angle| angle.cos() as f32));
            values.extend(angles.map(|angle| angle.sin() as f32));
        }
        let table = gpu.upload(rows, self.config.head_dim, &values)?;
        *cached = Some(table.clone());
        Ok(table)
    }
}

/// Heads and scale of every block.
pub(super) fn heads(c: &TextConfig) -> Attention {
    Attention {
        heads: c.num_attention_heads,
        kv_heads: c.num_key_value_heads,
        head_dim: c.head_dim,
        scale: (c.head_dim as f32).powf(-0.5),
    }
}

impl Block {
    fn load(
        loader: &mut Loader<'_>,
        i: usize,
        c: &TextConfig,
        use_moca: bool,
    ) -> Result<Self, ModelError> {
        let (width, inner) = (c.hidden_size, c.intermediate_size);
        let query = c.num_attention_heads * c.head_dim;
        let key = c.num_key_value_heads * c.head_dim;
        let name = |part: &str| format!("language_model.layers.{i}.{part}");
        let (attention, mlp) = (c.attention_bias, c.mlp_bias);
        Ok(Self {
            index: i,
            input_layernorm: loader.rms_norm(&name("input_layernorm"), width, c.rms_norm_eps)?,
            q_proj: loader.linear(&name("self_attn.q_proj"), query, width, attention)?,
            k_proj: loader.linear(&name("self_attn.k_proj"), key, width, attention)?,
            v_proj: loader.linear(&name("self_attn.v_proj"), key, width, attention)?,
            o_proj: loader.linear(&name("self_attn.o_proj"), width, query, attention)?,
            post_attention_layernorm: loader.rms_norm(
                &name("post_attention_layernorm"),
                width,
                c.rms_norm_eps,
            )?,
            gate_proj: loader.linear(&name("mlp.gate_proj"), inner, width, mlp)?,
            up_proj: loader.linear(&name("mlp.up_proj"), inner, width, mlp)?,
            down_proj: loader.linear(&name("mlp.down_proj"), width, inner, mlp)?,
            modality_layernorm: match use_moca {
                true => Some(Moca::load(loader, &name("modality_layernorm"), width)?),
                false => None,
            },
        })
    }

    fn forward(
        &self,
        ops: &mut Ops<'_>,
        x: &Tensor,
        rotary_table: &Tensor,
        c: &TextConfig,
        request: &CaptureRequest,
        capture: &mut Capture,
    ) -> Result<Tensor, ModelError> {
        let none = Activation::None;
        let heads = heads(c);
        let normed = ops.rms_norm(x, &self.input_layernorm)?;
        let q = ops.linear(&normed, &self.q_proj, none, None)?;
        let k = ops.linear(&normed, &self.k_proj, none, None)?;
        let v = ops.linear(&normed, &self.v_proj, none, None)?;
        ops.rotary(&q, rotary_table, c.head_dim)?;
        ops.rotary(&k, rotary_table, c.head_dim)?;
        capture.keep(request, Hook::Queries(self.index + 1), &q);
        capture.keep(request, Hook::Keys(self.index + 1), &k);
        let mask = Mask::Causal { tokens: x.rows() };
        let attended = ops.attention(&q, &k, &v, &heads, mask)?;
        let x = ops.linear(&attended, &self.o_proj, none, Some(x))?;
        let normed = ops.rms_norm(&x, &self.post_attention_layernorm)?;
        let gate = ops.linear(&normed, &self.gate_proj, none, None)?;
        let up = ops.linear(&normed, &self.up_proj, none, None)?;
        let inner = ops.swiglu(&gate, &up, kernel_activation(c.activation))?;
        ops.linear(&inner, &self.down_proj, none, Some(&x))
    }
}
