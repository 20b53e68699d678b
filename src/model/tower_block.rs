//! A layer of a vision tower.

use super::{
    ModelError,
    ops::{Ops, kernel_activation},
    parameters::{Parameters, Size},
    tickets::{Affine, Linear, Norm, RmsNorm},
};
use crate::{
    families::{TowerMlp, TowerSpec},
    gpu::Tensor,
    kernels::{
        Activation,
        attention::{Attention, KeyIntervals},
    },
};

/// Epsilon of the norms of queries and keys, which no configuration names.
const QK_EPS: f32 = 1e-6;

pub(super) struct Block {
    pub(super) windowed: bool,
    layer_norm1: Norm,
    q_proj: Linear,
    k_proj: Linear,
    v_proj: Linear,
    /// Of the queries and of the keys.
    qk_norms: Option<[RmsNorm; 2]>,
    out_proj: Linear,
    /// Behind attention and behind the MLP.
    layer_scale: Option<[Affine; 2]>,
    layer_norm2: Norm,
    mlp: Mlp,
}

enum Mlp {
    Plain {
        fc1: Linear,
        fc2: Linear,
    },
    Gated {
        gate: Linear,
        up: Linear,
        down: Linear,
    },
}

impl Block {
    pub(super) fn new(p: &mut Parameters, i: usize, c: &TowerSpec) -> Self {
        let width = (c.hidden_size, c.kind.field("hidden_size"));
        let inner = (c.intermediate_size, c.kind.field("intermediate_size"));
        let name = |part: &str| format!("vision_tower.encoder.layers.{i}.{part}");
        let norm = |p: &mut Parameters, part: &str| {
            p.norm(&name(part), width, c.layer_norm_eps, c.rms_norms)
        };
        let linear = |p: &mut Parameters, part: &str, out: Size, input: Size| {
            p.linear(&name(part), out, input, (true, ""))
        };
        if !c.qk_norm {
            p.rule_out(name("self_attn.q_norm.weight"), "use_qk_norm", false);
        }
        let layer_scale = |p: &mut Parameters, part: &str| Affine {
            factors: p.vector(&name(part), width),
            shifts: p.zeros(width.0),
        };
        let layer_norm1 = norm(p, "layer_norm1");
        let qkv = (c.attention_bias, "qkv_bias");
        let [q_proj, k_proj, v_proj] = match c.fused_qkv {
            true => {
                let rows = (width.0, "3 times the width of the tower");
                p.fused(&name("self_attn.qkv"), rows, width, qkv)
            }
            false => ["q_proj", "k_proj", "v_proj"]
                .map(|part| p.linear(&name(&format!("self_attn.{part}")), width, width, qkv)),
        };
        Self {
            windowed: c.windowed.get(i).copied().unwrap_or(false),
            layer_norm1,
            q_proj,
            k_proj,
            v_proj,
            qk_norms: c.qk_norm.then(|| {
                ["self_attn.q_norm", "self_attn.k_norm"]
                    .map(|part| p.rms_norm(&name(part), width, QK_EPS, false))
            }),
            out_proj: linear(p, "self_attn.out_proj", width, width),
            layer_scale: c
                .layer_scale
                .then(|| ["layer_scale1", "layer_scale2"].map(|part| layer_scale(p, part))),
            layer_norm2: norm(p, "layer_norm2"),
            mlp: match c.mlp {
                TowerMlp::Plain => Mlp::Plain {
                    fc1: linear(p, "mlp.fc1", inner, width),
                    fc2: linear(p, "mlp.fc2", width, inner),
                },
                TowerMlp::FusedGated => {
                    let rows = (inner.0, "2 times its MLPs' inner width");
                    let [gate, up] = p.fused(&name("mlp.weights_in"), rows, width, (true, ""));
                    let down = linear(p, "mlp.weights_out", width, inner);
                    Mlp::Gated { gate, up, down }
                }
                TowerMlp::Gated => Mlp::Gated {
                    gate: linear(p, "mlp.gate_proj", inner, width),
                    up: linear(p, "mlp.up_proj", inner, width),
                    down: linear(p, "mlp.down_proj", width, inner),
                },
            },
        }
    }

    /// One layer; `rotary` holds the angles of queries and keys, `seen` what they see.
    pub(super) fn forward(
        &self,
        ops: &mut Ops<'_>,
        x: &Tensor,
        c: &TowerSpec,
        rotary: Option<&Tensor>,
        seen: &KeyIntervals,
    ) -> Result<Tensor, ModelError> {
        let none = Activation::None;
        let heads = Attention {
            heads: c.num_attention_heads,
            kv_heads: c.num_attention_heads,
            head_dim: c.head_dim(),
            scale: (c.head_dim() as f32).powf(-0.5),
        };
        let normed = ops.norm(x, &self.layer_norm1)?;
        let q = ops.linear(&normed, &self.q_proj, none, None)?;
        let k = ops.linear(&normed, &self.k_proj, none, None)?;
        let v = ops.linear(&normed, &self.v_proj, none, None)?;
        if let Some([of_queries, of_keys]) = &self.qk_norms {
            // One head as wide as all.
            ops.head_norm(&q, of_queries)?;
            ops.head_norm(&k, of_keys)?;
        }
        if let Some(rotary) = rotary {
            ops.rotary(&q, rotary, heads.head_dim)?;
            ops.rotary(&k, rotary, heads.head_dim)?;
        }
        let attended = ops.attention(&q, &k, &v, &heads, seen)?;
        let [scale1, scale2] = match self.layer_scale {
            Some(scales) => scales.map(Some),
            None => [None; 2],
        };
        let x = ops.linear_scaled(&attended, &self.out_proj, scale1, x)?;
        let normed = ops.norm(&x, &self.layer_norm2)?;
        let activation = kernel_activation(c.activation);
        let (inner, last) = match &self.mlp {
            Mlp::Plain { fc1, fc2 } => (ops.linear(&normed, fc1, activation, None)?, fc2),
            Mlp::Gated { gate, up, down } => {
                let gate = ops.linear(&normed, gate, none, None)?;
                let up = ops.linear(&normed, up, none, None)?;
                (ops.swiglu(&gate, &up, activation)?, down)
            }
        };
        ops.linear_scaled(&inner, last, scale2, &x)
    }
}
