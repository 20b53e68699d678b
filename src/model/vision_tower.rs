//! CLIP and SigLIP vision towers (arXiv 2103.00020 and 2303.15343; `CLIPVisionModel`,
//! `SiglipVisionModel`).

use super::{
    Capture, CaptureRequest, Hook, ModelError,
    load::Loader,
    masks::Mask,
    ops::{LayerNorm, Linear, Ops, Weight, kernel_activation},
    positions::interpolate,
};
use crate::{
    gpu::{DType, Tensor},
    kernels::{Activation, attention::Attention, matmul::Matmul, patchify::patchify},
    weights::{VisionConfig, VisionKind},
};

pub(super) struct VisionTower {
    config: VisionConfig,
    patch_embedding: Weight,
    patch_bias: Option<Tensor>,
    position_embedding: Tensor,
    /// Class embedding plus its position, `[1, hidden]`; CLIP only.
    class_row: Option<Tensor>,
    pre_norm: Option<LayerNorm>,
    layers: Vec<Block>,
}

struct Block {
    layer_norm1: LayerNorm,
    q_proj: Linear,
    k_proj: Linear,
    v_proj: Linear,
    out_proj: Linear,
    layer_norm2: LayerNorm,
    fc1: Linear,
    fc2: Linear,
}

impl VisionTower {
    pub(super) async fn load(loader: &mut Loader<'_>) -> Result<Self, ModelError> {
        let config = loader.checkpoint.config.vision.clone();
        let (width, eps) = (config.hidden_size, config.layer_norm_eps);
        let clip = config.kind == VisionKind::Clip;
        let name = |part: &str| format!("vision_tower.embeddings.{part}");
        let patch = config.patch_size;
        let patch_embedding = loader.weight(
            &name("patch_embedding.weight"),
            &[width, config.num_channels, patch, patch],
        )?;
        let patch_bias = match clip {
            true => None,
            false => Some(loader.vector(&name("patch_embedding.bias"), width)?),
        };
        let table = [config.table_positions(), width];
        let table = loader
            .host(&name("position_embedding.weight"), &table)?
            .to_f32();
        // Before the host has to hold what the device could not.
        let bytes = 4 * config.num_positions() as u64 * width as u64;
        loader.gpu.check_size("the positions of a picture", bytes)?;
        let position_values = positions(&config, table);
        let class_row = match clip {
            true => {
                let mut row = loader.host(&name("class_embedding"), &[width])?.to_f32();
                for (value, position) in row.iter_mut().zip(&position_values) {
                    *value += position;
                }
                Some(loader.gpu.upload(1, width, &row)?)
            }
            false => None,
        };
        let pre_norm = match clip {
            true => Some(loader.layer_norm("vision_tower.pre_layrnorm", width, eps)?),
            false => None,
        };
        let mut layers = Vec::new();
        for i in 0..config.num_hidden_layers {
            loader.pause().await?;
            layers.push(Block::load(loader, i, &config)?);
        }
        Ok(Self {
            position_embedding: (loader.gpu).upload(
                config.num_positions(),
                width,
                &position_values,
            )?,
            patch_embedding,
            patch_bias,
            class_row,
            pre_norm,
            layers,
            config,
        })
    }

    /// Records the tower up to the last state that is needed and returns the states `wanted`, each
    /// `[positions, hidden]`. `image` is `[channels * height, width]`.
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
        let mut x = self.embed(ops, image)?;
        for i in 0..=last {
            if i > 0 {
                x = self.layers[i - 1].forward(ops, &x, &self.config)?;
            }
            capture.keep(request, Hook::VisionState(i), &x);
            for (state, &index) in states.iter_mut().zip(wanted) {
                if index == i {
                    *state = Some(x.clone());
                }
            }
        }
        Ok(states.into_iter().flatten().collect())
    }

    fn embed(&self, ops: &mut Ops<'_>, image: &Tensor) -> Result<Tensor, ModelError> {
        let c = &self.config;
        let row = c.num_channels * c.patch_size * c.patch_size;
        let patches = ops.gpu.tensor(DType::F32, c.num_patches(), row)?;
        ops.recording
            .push(patchify(image, c.num_channels, c.patch_size, &patches)?);
        let x = ops
            .gpu
            .tensor(DType::F32, c.num_positions(), c.hidden_size)?;
        let first = usize::from(self.class_row.is_some());
        let with = Matmul {
            bias: self.patch_bias.as_ref(),
            residual: Some(&self.position_embedding),
            residual_row: first,
            out_row: first,
            ..Matmul::default()
        };
        ops.linear_into(&patches, &self.patch_embedding, &with, &x)?;
        if let Some(class_row) = &self.class_row {
            ops.recording.copy_rows(class_row, 0, &x, 0, 1)?;
        }
        match &self.pre_norm {
            Some(norm) => ops.layer_norm(&x, norm),
            None => Ok(x),
        }
    }
}

/// The positions of a picture's patches from the checkpoint's table, the class token's own first.
fn positions(config: &VisionConfig, mut table: Vec<f32>) -> Vec<f32> {
    let (from, to) = (config.table_per_side(), config.patches_per_side());
    let class = usize::from(config.has_class_token()) * config.hidden_size;
    let patches = table.split_off(class.min(table.len()));
    table.extend(interpolate(&patches, from, to, config.hidden_size));
    table
}

impl Block {
    fn load(loader: &mut Loader<'_>, i: usize, c: &VisionConfig) -> Result<Self, ModelError> {
        let (width, inner, eps) = (c.hidden_size, c.intermediate_size, c.layer_norm_eps);
        let name = |part: &str| format!("vision_tower.encoder.layers.{i}.{part}");
        Ok(Self {
            layer_norm1: loader.layer_norm(&name("layer_norm1"), width, eps)?,
            q_proj: loader.linear(&name("self_attn.q_proj"), width, width, true)?,
            k_proj: loader.linear(&name("self_attn.k_proj"), width, width, true)?,
            v_proj: loader.linear(&name("self_attn.v_proj"), width, width, true)?,
            out_proj: loader.linear(&name("self_attn.out_proj"), width, width, true)?,
            layer_norm2: loader.layer_norm(&name("layer_norm2"), width, eps)?,
            fc1: loader.linear(&name("mlp.fc1"), inner, width, true)?,
            fc2: loader.linear(&name("mlp.fc2"), width, inner, true)?,
        })
    }

    fn forward(
        &self,
        ops: &mut Ops<'_>,
        x: &Tensor,
        c: &VisionConfig,
    ) -> Result<Tensor, ModelError> {
        let none = Activation::None;
        let heads = Attention {
            heads: c.num_attention_heads,
            kv_heads: c.num_attention_heads,
            head_dim: c.head_dim(),
            scale: (c.head_dim() as f32).powf(-0.5),
        };
        let normed = ops.layer_norm(x, &self.layer_norm1)?;
        let q = ops.linear(&normed, &self.q_proj, none, None)?;
        let k = ops.linear(&normed, &self.k_proj, none, None)?;
        let v = ops.linear(&normed, &self.v_proj, none, None)?;
        let mask = Mask::Full {
            queries: x.rows(),
            keys: x.rows(),
        };
        let attended = ops.attention(&q, &k, &v, &heads, mask)?;
        let x = ops.linear(&attended, &self.out_proj, none, Some(x))?;
        let normed = ops.layer_norm(&x, &self.layer_norm2)?;
        let inner = ops.linear(&normed, &self.fc1, kernel_activation(c.activation), None)?;
        ops.linear(&inner, &self.fc2, none, Some(&x))
    }
}
