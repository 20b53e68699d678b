//! Learned queries that look at the patches once (MM1, arXiv 2403.09611, section 3.2).

use super::{
    super::{
        ModelError,
        load::Loader,
        masks::Mask,
        ops::{LayerNorm, Linear, Ops},
    },
    name,
};
use crate::{
    gpu::Tensor,
    kernels::{Activation, attention::Attention},
    weights::ConnectorConfig,
};

const EPS: f32 = 1e-5;

pub(super) struct AttentionPool {
    /// `[image tokens, vision hidden]`.
    query: Tensor,
    norm: LayerNorm,
    q_proj: Linear,
    k_proj: Linear,
    v_proj: Linear,
    out_proj: Linear,
    heads: Attention,
}

impl AttentionPool {
    pub(super) fn load(
        loader: &mut Loader<'_>,
        c: &ConnectorConfig,
        tokens: usize,
        heads: usize,
    ) -> Result<Self, ModelError> {
        let width = c.in_features;
        let head_dim = width / heads;
        Ok(Self {
            query: loader.matrix(&name("query"), &[tokens, width])?,
            norm: loader.layer_norm(&name("norm"), width, EPS)?,
            q_proj: loader.linear(&name("q_proj"), width, width, true)?,
            k_proj: loader.linear(&name("k_proj"), width, width, true)?,
            v_proj: loader.linear(&name("v_proj"), width, width, true)?,
            out_proj: loader.linear(&name("out_proj"), c.out_features, width, true)?,
            heads: Attention {
                heads,
                kv_heads: heads,
                head_dim,
                scale: (head_dim as f32).powf(-0.5),
            },
        })
    }

    /// `[image tokens, hidden]` of any number of patches `[patches, vision hidden]`.
    pub(super) fn forward(&self, ops: &mut Ops<'_>, x: &Tensor) -> Result<Tensor, ModelError> {
        let none = Activation::None;
        let normed = ops.layer_norm(x, &self.norm)?;
        let q = ops.linear(&self.query, &self.q_proj, none, None)?;
        let k = ops.linear(&normed, &self.k_proj, none, None)?;
        let v = ops.linear(&normed, &self.v_proj, none, None)?;
        let mask = Mask::Full {
            queries: q.rows(),
            keys: k.rows(),
        };
        let seen = ops.attention(&q, &k, &v, &self.heads, mask)?;
        ops.linear(&seen, &self.out_proj, none, None)
    }
}
