//! Vision towers: CLIP and SigLIP (arXiv 2103.00020 and 2303.15343; `CLIPVisionModel`,
//! `SiglipVisionModel`) and their relatives, which differ by what the [`TowerSpec`] says.

use super::{
    Capture, CaptureRequest, Hook, ModelError,
    made::{Made, over_frames},
    masks::Mask,
    ops::{Ops, kernel_activation},
    parameters::{Need, Parameters, Part, Size},
    patch_grid::{PatchGrid, PatchGrids},
    positions::of_picture,
    tickets::{Affine, HostId, LayerNorm, Linear, Norm, RmsNorm, TensorId, WeightId},
};
use crate::{
    families::{PositionTable, TowerMlp, TowerSpec},
    gpu::{DType, Gpu, Tensor},
    kernels::{
        Activation,
        attention::{Attention, KeyIntervals},
        matmul::Matmul,
        patchify::patchify,
    },
    weights::HostTensor,
};

/// Epsilon of the norms of queries and keys, which no configuration names.
const QK_EPS: f32 = 1e-6;

pub(super) struct VisionTower {
    spec: TowerSpec,
    patch_embedding: WeightId,
    patch_bias: Option<TensorId>,
    positions: Positions,
    /// Class embedding plus its position, `[1, hidden]`.
    class_row: Option<TensorId>,
    /// `[registers, hidden]`.
    registers: Option<TensorId>,
    norm_before: Option<LayerNorm>,
    layers: Vec<Block>,
    /// Behind the last layer; not all models apply it.
    norm_behind: Option<LayerNorm>,
    /// Of the last pictures, where they are of any size.
    grids: PatchGrids,
}

/// Position embeddings.
enum Positions {
    /// Of the class token, where there is one, and of the patches.
    OfPicture(TensorId),
    /// A table of which those of a picture are made when its size is known.
    Table(HostId),
    None,
}

struct Block {
    windowed: bool,
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

impl VisionTower {
    /// A tower; `normed` says whether its norm behind the last layer is used.
    pub(super) fn new(p: &mut Parameters, spec: &TowerSpec, normed: bool) -> Self {
        p.begin(Part::Tower, "vision_config.");
        let width = (spec.hidden_size, spec.kind.field("hidden_size"));
        let eps = spec.layer_norm_eps;
        let name = |part: &str| format!("vision_tower.embeddings.{part}");
        let class_embedding = spec
            .class_token
            .then(|| p.add(&name("class_embedding"), &[width]));
        let registers = (spec.registers > 0).then(|| {
            let rows = (spec.registers, "num_register_tokens");
            p.matrix(&name("register_tokens"), &[rows, width])
        });
        let patch = (spec.patch_size, "patch_size");
        let channels = (spec.num_channels, "num_channels");
        let kernel = name("patch_embedding.weight");
        let patch_embedding = match spec.frames {
            None => p.weight(&kernel, &[width, channels, patch, patch]),
            Some(frames) => {
                let frames = (frames, "temporal_patch_size");
                let kernel = p.add(&kernel, &[width, channels, frames, patch, patch]);
                p.made_weight(vec![kernel], Box::new(over_frames))
            }
        };
        let patch_bias = spec
            .patch_bias
            .then(|| p.vector(&name("patch_embedding.bias"), width));
        let table = name("position_embedding.weight");
        let (positions, class_row) = match spec.positions {
            PositionTable::None => (Positions::None, None),
            PositionTable::BilinearCorners => {
                let rows = (spec.table_positions(), "num_position_embeddings");
                (Positions::Table(p.host(&table, &[rows, width])), None)
            }
            _ => {
                let fields = "vision_config.image_size and vision_config.patch_size";
                let table = p.add(&table, &[(spec.table_positions(), fields), width]);
                let own = spec.clone();
                let make = move |gpu: &Gpu, of: &[HostTensor]| positions_of(gpu, of, &own);
                let positions = Positions::OfPicture(p.made(vec![table], Box::new(make)));
                let class_row =
                    class_embedding.map(|class| p.made(vec![class, table], Box::new(class_row)));
                (positions, class_row)
            }
        };
        let norm_before = spec
            .norm_before
            .then(|| p.layer_norm("vision_tower.pre_layrnorm", width, eps));
        let layers = spec.num_hidden_layers;
        let blocks = (0..layers).map(|i| Block::new(p, i, spec)).collect();
        let beyond = format!("vision_tower.encoder.layers.{layers}.");
        p.rule_out(beyond, spec.kind.field("num_hidden_layers"), layers);
        // LLaVA takes hidden states from before this norm; some files leave it out.
        let need = if normed { Need::Forward } else { Need::Nothing };
        let norm_behind = spec.norm_behind.then(|| {
            p.needed_for(need, |p| {
                p.layer_norm("vision_tower.post_layernorm", width, eps)
            })
        });
        Self {
            patch_embedding,
            patch_bias,
            positions,
            class_row,
            registers,
            norm_before,
            layers: blocks,
            norm_behind,
            grids: PatchGrids::default(),
            spec: spec.clone(),
        }
    }

    /// Records the tower up to the last state that is needed and returns the states `wanted`, each
    /// `[positions, hidden]`, patches row by row, or block by block where the tower has blocks.
    /// `image` is `[channels * height, width]`.
    pub(super) fn forward(
        &self,
        ops: &mut Ops<'_>,
        image: &Tensor,
        wanted: &[usize],
        request: &CaptureRequest,
        capture: &mut Capture,
    ) -> Result<Vec<Tensor>, ModelError> {
        let last = wanted
            .iter()
            .copied()
            .chain(request.last_vision_state())
            .max()
            .unwrap_or(0)
            .min(self.layers.len());
        let mut states = vec![None; wanted.len()];
        let grid = self.grid(ops, image)?;
        let mut x = self.embed(ops, image, grid.as_ref())?;
        let full = ops.mask(Mask::Full {
            queries: x.rows(),
            keys: x.rows(),
        })?;
        let rotary = grid.as_ref().and_then(|grid| grid.rotary.as_ref());
        let window = grid.as_ref().and_then(|grid| grid.window.as_ref());
        let back = grid.as_ref().and_then(|grid| grid.back.as_ref());
        for i in 0..=last {
            if i > 0 {
                let block = &self.layers[i - 1];
                let seen = window.filter(|_| block.windowed).unwrap_or(&full);
                x = block.forward(ops, &x, &self.spec, rotary, seen)?;
            }
            capture.keep(request, Hook::VisionState(i), &x);
            for (state, &index) in states.iter_mut().zip(wanted) {
                if index == i {
                    *state = Some(match back {
                        Some(back) => ops.gathered(&x, back)?,
                        None => x.clone(),
                    });
                }
            }
        }
        Ok(states.into_iter().flatten().collect())
    }

    /// The grid of a picture, where pictures are of any size.
    fn grid(&self, ops: &Ops<'_>, image: &Tensor) -> Result<Option<PatchGrid>, ModelError> {
        let c = &self.spec;
        if c.blocks.is_none() {
            return Ok(None);
        }
        let height = image.rows() / c.num_channels;
        let size = [height / c.patch_size, image.cols() / c.patch_size];
        let table = match self.positions {
            Positions::Table(table) => Some(ops.host(table)?),
            Positions::OfPicture(_) | Positions::None => None,
        };
        self.grids.get(ops, c, size, table).map(Some)
    }

    /// The norm behind the last layer.
    pub(super) fn norm(&self, ops: &mut Ops<'_>, state: &Tensor) -> Result<Tensor, ModelError> {
        match &self.norm_behind {
            Some(norm) => ops.layer_norm(state, norm),
            None => Ok(state.clone()),
        }
    }

    fn embed(
        &self,
        ops: &mut Ops<'_>,
        image: &Tensor,
        grid: Option<&PatchGrid>,
    ) -> Result<Tensor, ModelError> {
        let c = &self.spec;
        let row = c.num_channels * c.patch_size * c.patch_size;
        let count = grid.map_or(c.num_patches(), |grid| grid.order.cols());
        let mut patches = ops.gpu.tensor(DType::F32, count, row)?;
        ops.recording
            .push(patchify(image, c.num_channels, c.patch_size, &patches)?);
        if let Some(grid) = grid {
            patches = ops.gathered(&patches, &grid.order)?;
        }
        let rows = count + c.extra_positions();
        let x = ops.gpu.tensor(DType::F32, rows, c.hidden_size)?;
        let positions = match self.positions {
            Positions::OfPicture(positions) => Some(ops.values(positions)?),
            Positions::Table(_) => grid.and_then(|grid| grid.positions.as_ref()),
            Positions::None => None,
        };
        let class = usize::from(self.class_row.is_some());
        let with = Matmul {
            bias: self.patch_bias.map(|bias| ops.values(bias)).transpose()?,
            residual: positions,
            residual_row: class,
            out_row: c.extra_positions(),
            ..Matmul::default()
        };
        ops.linear_into(&patches, self.patch_embedding, &with, &x)?;
        if let Some(class_row) = self.class_row {
            let class_row = ops.values(class_row)?;
            ops.recording.copy_rows(class_row, 0, &x, 0, 1)?;
        }
        if let Some(registers) = self.registers {
            let rows = ops.values(registers)?;
            ops.recording.copy_rows(rows, 0, &x, class, c.registers)?;
        }
        match &self.norm_before {
            Some(norm) => ops.layer_norm(&x, norm),
            None => Ok(x),
        }
    }
}

/// The positions of a picture's patches from the checkpoint's table, the class token's own first.
fn positions_of(gpu: &Gpu, of: &[HostTensor], spec: &TowerSpec) -> Result<Made, ModelError> {
    let table = of.first().map(HostTensor::to_f32).unwrap_or_default();
    // Before the host has to hold what the device could not.
    let rows = spec.num_patches() + usize::from(spec.class_token);
    let bytes = 4 * rows as u64 * spec.hidden_size as u64;
    gpu.check_size("the positions of a picture", bytes)?;
    let values = of_picture(spec, table);
    Ok(Made::Values(gpu.upload(rows, spec.hidden_size, &values)?))
}

/// The class token's embedding plus its position, the first of the table.
fn class_row(gpu: &Gpu, of: &[HostTensor]) -> Result<Made, ModelError> {
    let mut values = of.iter().map(HostTensor::to_f32);
    let mut row = values.next().unwrap_or_default();
    for (value, position) in row.iter_mut().zip(values.next().unwrap_or_default()) {
        *value += position;
    }
    Ok(Made::Values(gpu.upload(1, row.len(), &row)?))
}

impl Block {
    fn new(p: &mut Parameters, i: usize, c: &TowerSpec) -> Self {
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
    fn forward(
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
