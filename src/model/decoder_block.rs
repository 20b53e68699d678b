//! A layer of the decoder.

use super::{
    Capture, CaptureRequest, Hook, ModelError,
    kv_cache::Memory,
    language_model::{Place, Sight, heads},
    moca::Moca,
    ops::{Ops, kernel_activation},
    parameters::{Parameters, Size},
    tickets::{Gated, Linear, RmsNorm},
};
use crate::{
    families::DecoderSpec,
    gpu::Tensor,
    kernels::{Activation, attention::Attention, rotate_heads::Product},
};

pub(super) struct Block {
    pub(super) index: usize,
    pub(super) windowed: bool,
    pub(super) input_layernorm: RmsNorm,
    heads: Attention,
    /// `q_proj`, `k_proj` and `v_proj`.
    qkv: Linear,
    /// Of the queries and of the keys of each head.
    head_norms: Option<[RmsNorm; 2]>,
    o_proj: Linear,
    /// Before the MLP.
    mlp_norm: RmsNorm,
    /// `gate_proj` and `up_proj`.
    gated: Gated,
    activation: Activation,
    down_proj: Linear,
    /// Behind attention and behind the MLP.
    norms_behind: Option<[RmsNorm; 2]>,
    pub(super) modality_layernorm: Option<Moca>,
}

impl Block {
    pub(super) fn new(p: &mut Parameters, i: usize, c: &DecoderSpec) -> Self {
        let width = (c.hidden_size, "hidden_size");
        let inner = (c.intermediate_size, "intermediate_size");
        let query: Size = (
            c.num_attention_heads * c.head_dim,
            "num_attention_heads times head_dim",
        );
        let key: Size = (
            c.num_key_value_heads * c.head_dim,
            "num_key_value_heads times head_dim",
        );
        let head = (c.head_dim, "head_dim");
        let name = |part: &str| format!("language_model.layers.{i}.{part}");
        let (attention, output) = (
            (c.attention_bias, "attention_bias"),
            (c.output_bias, "attention_bias"),
        );
        let mlp = (c.mlp_bias, "mlp_bias");
        let norm = |p: &mut Parameters, part: &str, size: Size| {
            p.rms_norm(&name(part), size, c.rms_norm_eps, c.norm_offset)
        };
        // Where there are norms behind, too, the one called so stands behind attention.
        let (mlp_norm, behind) = match c.norms_behind {
            false => ("post_attention_layernorm", None),
            true => (
                "pre_feedforward_layernorm",
                Some(["post_attention_layernorm", "post_feedforward_layernorm"]),
            ),
        };
        let input_layernorm = norm(p, "input_layernorm", width);
        let projections = [
            (name("self_attn.q_proj"), query),
            (name("self_attn.k_proj"), key),
            (name("self_attn.v_proj"), key),
        ];
        let block = Self {
            index: i,
            windowed: c.windowed.get(i).copied().unwrap_or(false),
            input_layernorm,
            heads: heads(c),
            qkv: p.stacked(projections, width, attention),
            head_norms: c
                .qk_norm
                .then(|| ["self_attn.q_norm", "self_attn.k_norm"].map(|part| norm(p, part, head))),
            o_proj: p.linear(&name("self_attn.o_proj"), width, query, output),
            mlp_norm: norm(p, mlp_norm, width),
            gated: p.gated(
                [name("mlp.gate_proj"), name("mlp.up_proj")],
                inner,
                width,
                mlp,
            ),
            activation: kernel_activation(c.activation),
            down_proj: p.linear(&name("mlp.down_proj"), width, inner, mlp),
            norms_behind: behind.map(|parts| parts.map(|part| norm(p, part, width))),
            modality_layernorm: c
                .use_moca
                .then(|| Moca::new(p, &name("modality_layernorm"), width)),
        };
        if !c.use_moca {
            // A key of the whole configuration, not of the decoder's section.
            p.rule_out_by(name("modality_layernorm."), "use_moca".to_owned(), false);
        }
        block
    }

    /// The states behind this layer, of those before it and of their `input_layernorm`, and the `next` norm of them.
    pub(super) fn forward(
        &self,
        ops: &mut Ops<'_>,
        (x, normed): (&Tensor, &Tensor),
        place: (&Place, Option<Memory<'_>>),
        next: Option<&RmsNorm>,
        (request, capture): (&CaptureRequest, &mut Capture),
    ) -> Result<(Tensor, Option<Tensor>), ModelError> {
        let attended = self.attended(ops, normed, place, request, capture)?;
        let [after, behind] = match &self.norms_behind {
            Some([after, behind]) => [Some(after), Some(behind)],
            None => [None, None],
        };
        let normed = ops.like(x, x.cols())?;
        let mlp_norm = Some((&self.mlp_norm, &normed));
        let x = ops.linear_normed(&attended, &self.o_proj, after, x, mlp_norm)?;
        let inner = ops.gated(&normed, &self.gated, self.activation)?;
        let next = match next {
            None => None,
            Some(norm) => Some((norm, ops.like(&x, x.cols())?)),
        };
        let normed = next.as_ref().map(|(norm, normed)| (*norm, normed));
        let x = ops.linear_normed(&inner, &self.down_proj, behind, &x, normed)?;
        Ok((x, next.map(|(_, normed)| normed)))
    }

    /// What attention gives of the normed states, before it is projected.
    fn attended(
        &self,
        ops: &mut Ops<'_>,
        normed: &Tensor,
        (place, memory): (&Place, Option<Memory<'_>>),
        request: &CaptureRequest,
        capture: &mut Capture,
    ) -> Result<Tensor, ModelError> {
        let heads = &self.heads;
        let (queries, keys) = (Hook::Queries(self.index + 1), Hook::Keys(self.index + 1));
        let past = memory.map_or(0, |memory| memory.past);
        let [k, v] = match memory {
            None => self.own_keys(ops, normed)?,
            Some(memory) => memory.cache.layer(self.index)?.clone(),
        };
        let attended = match &place.sight {
            Sight::One(seen) => {
                if request.contains(queries) {
                    let [k, v] = self.own_keys(ops, normed)?;
                    let q = self.queries(ops, normed, place, [&k, &v], 0)?;
                    capture.keep(request, queries, &q);
                }
                let qkv = ops.linear(normed, &self.qkv, Activation::None, None)?;
                let turn = ops.turn(&place.rotary, place.first, self.head_norms.as_ref())?;
                ops.attention_decode(&qkv, [&k, &v], heads, &turn, *seen)?
            }
            Sight::Each(seen) => {
                let q = self.queries(ops, normed, place, [&k, &v], past)?;
                capture.keep(request, queries, &q);
                let counted = |cache: &Tensor| ops.first_rows(cache, past + normed.rows());
                let (k, v) = (counted(&k)?, counted(&v)?);
                ops.attention(&q, &k, &v, heads, seen)?
            }
        };
        capture.keep(request, keys, &k);
        Ok(attended)
    }

    /// Room for the keys and values of these states alone.
    fn own_keys(&self, ops: &Ops<'_>, normed: &Tensor) -> Result<[Tensor; 2], ModelError> {
        let width = self.heads.kv_heads * self.heads.head_dim;
        Ok([ops.like(normed, width)?, ops.like(normed, width)?])
    }

    /// The queries of the normed states; their keys and values go to the rows from `first` on. In parts where a
    /// binding cannot hold all three of all states.
    fn queries(
        &self,
        ops: &mut Ops<'_>,
        normed: &Tensor,
        place: &Place,
        kv: [&Tensor; 2],
        first: usize,
    ) -> Result<Tensor, ModelError> {
        let heads = &self.heads;
        let q = ops.like(normed, heads.heads * heads.head_dim)?;
        let most = ops.rows_in_a_binding(self.qkv.out);
        for begin in (0..normed.rows()).step_by(most) {
            let tokens = most.min(normed.rows() - begin);
            let part = ops.part(normed, begin, tokens)?;
            let (sums, bias) = ops.product(&part, &self.qkv)?;
            let product = Product {
                sums: &sums,
                tokens,
                bias,
            };
            let norms = self.head_norms.as_ref();
            let turn = ops.turn(&place.rotary, place.first + begin, norms)?;
            ops.rotate_heads(product, heads, &turn, &q, kv, [begin, first + begin])?;
        }
        Ok(q)
    }
}
