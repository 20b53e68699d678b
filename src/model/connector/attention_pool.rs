//! Learned queries that look at the patches once (MM1, arXiv 2403.09611, section 3.2).

use super::{
    super::{
        ModelError,
        masks::Mask,
        ops::Ops,
        parameters::Parameters,
        tickets::{LayerNorm, Linear, TensorId},
    },
    Sizes, name,
};
use crate::{
    gpu::Tensor,
    kernels::{Activation, attention::Attention},
};

const EPS: f32 = 1e-5;

pub(super) struct AttentionPool {
    /// `[image tokens, vision hidden]`.
    query: TensorId,
    norm: LayerNorm,
    q_proj: Linear,
    k_proj: Linear,
    v_proj: Linear,
    out_proj: Linear,
    heads: Attention,
}

impl AttentionPool {
    pub(super) fn new(p: &mut Parameters, sizes: &Sizes, tokens: usize, heads: usize) -> Self {
        let width = sizes.input;
        let head_dim = width.0 / heads;
        let mut linear = |part: &str, out| p.linear(&name(part), out, width, (true, ""));
        Self {
            q_proj: linear("q_proj", width),
            k_proj: linear("k_proj", width),
            v_proj: linear("v_proj", width),
            out_proj: linear("out_proj", sizes.out),
            query: p.matrix(&name("query"), &[(tokens, "mm_projector_tokens"), width]),
            norm: p.layer_norm(&name("norm"), width, EPS),
            heads: Attention {
                heads,
                kv_heads: heads,
                head_dim,
                scale: (head_dim as f32).powf(-0.5),
            },
        }
    }

    /// `[image tokens, hidden]` of any number of patches `[patches, vision hidden]`.
    pub(super) fn forward(&self, ops: &mut Ops<'_>, x: &Tensor) -> Result<Tensor, ModelError> {
        let none = Activation::None;
        let normed = ops.layer_norm(x, &self.norm)?;
        let q = ops.linear(ops.values(self.query)?, &self.q_proj, none, None)?;
        let k = ops.linear(&normed, &self.k_proj, none, None)?;
        let v = ops.linear(&normed, &self.v_proj, none, None)?;
        let mask = ops.mask(Mask::Full {
            queries: q.rows(),
            keys: k.rows(),
        })?;
        let seen = ops.attention(&q, &k, &v, &self.heads, &mask)?;
        ops.linear(&seen, &self.out_proj, none, None)
    }
}
