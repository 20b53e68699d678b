//! The layers that models are made of, each recording its kernels.

use super::{
    ModelError,
    masks::{Mask, Masks},
};
use crate::{
    gpu::{DType, Gpu, Recording, Tensor},
    kernels::{
        Activation,
        activation::activation,
        attention::{Attention, attention},
        gather_rows::gather_rows,
        layer_norm,
        matmul::{Matmul, matmul},
        rms_norm::rms_norm,
        rotary::rotary,
        swiglu::swiglu,
    },
    weights,
};

/// A weight matrix `[rows, cols]`, split by rows where one binding cannot hold it.
pub(super) struct Weight {
    /// First row and piece; pieces start at multiples of four.
    shards: Vec<(usize, Tensor)>,
    rows: usize,
}

impl Weight {
    /// Uploads a matrix, row-major, in its storage type.
    pub(super) fn upload(
        gpu: &Gpu,
        dtype: DType,
        rows: usize,
        cols: usize,
        bytes: &[u8],
    ) -> Result<Self, ModelError> {
        let row_on_device = dtype.row_bytes(cols);
        let row_in_file = cols * dtype.size();
        let most = usize::try_from(gpu.max_binding() / row_on_device.max(1)).unwrap_or(usize::MAX);
        // Fewer than four rows in a binding: let the upload say so with its numbers.
        let step = if most >= rows {
            rows
        } else {
            (most / 4 * 4).max(4)
        };
        let mut shards = Vec::new();
        for first in (0..rows).step_by(step.max(1)) {
            let count = step.min(rows - first);
            let piece = &bytes[first * row_in_file..(first + count) * row_in_file];
            shards.push((first, gpu.upload_bytes(dtype, count, cols, piece)?));
        }
        Ok(Self { shards, rows })
    }
}

/// `y = x W^T + b`.
pub(super) struct Linear {
    pub(super) weight: Weight,
    pub(super) bias: Option<Tensor>,
}

/// Layer normalisation with its parameters.
pub(super) struct LayerNorm {
    pub(super) weight: Tensor,
    pub(super) bias: Tensor,
    pub(super) eps: f32,
}

/// Root-mean-square normalisation with its parameter.
pub(super) struct RmsNorm {
    pub(super) weight: Tensor,
    pub(super) eps: f32,
}

/// Records kernels, allocating their results.
pub(super) struct Ops<'a> {
    pub(super) gpu: &'a Gpu,
    pub(super) recording: &'a mut Recording,
    pub(super) masks: &'a Masks,
}

impl Ops<'_> {
    pub(super) fn like(&self, x: &Tensor, cols: usize) -> Result<Tensor, ModelError> {
        Ok(self.gpu.tensor(DType::F32, x.rows(), cols)?)
    }

    /// `activation(x W^T + b) + residual`, `[tokens, out]`.
    pub(super) fn linear(
        &mut self,
        x: &Tensor,
        linear: &Linear,
        activation: Activation,
        residual: Option<&Tensor>,
    ) -> Result<Tensor, ModelError> {
        let out = self.like(x, linear.weight.rows)?;
        let with = Matmul {
            bias: linear.bias.as_ref(),
            activation,
            residual,
            ..Matmul::default()
        };
        self.linear_into(x, &linear.weight, &with, &out)?;
        Ok(out)
    }

    /// As [`Ops::linear`], into given rows.
    pub(super) fn linear_into(
        &mut self,
        x: &Tensor,
        weight: &Weight,
        with: &Matmul<'_>,
        out: &Tensor,
    ) -> Result<(), ModelError> {
        for (first, shard) in &weight.shards {
            let with = Matmul {
                out_col: *first,
                ..*with
            };
            self.recording
                .extend(matmul(self.gpu, x, shard, &with, out)?);
        }
        Ok(())
    }

    /// Rows of a table, by index.
    pub(super) fn embedding(
        &mut self,
        indices: &Tensor,
        table: &Weight,
        width: usize,
    ) -> Result<Tensor, ModelError> {
        let out = self.gpu.tensor(DType::F32, indices.cols(), width)?;
        for (first, shard) in &table.shards {
            self.recording
                .push(gather_rows(indices, shard, *first, &out, 0)?);
        }
        Ok(out)
    }

    pub(super) fn layer_norm(
        &mut self,
        x: &Tensor,
        norm: &LayerNorm,
    ) -> Result<Tensor, ModelError> {
        self.layer_norm_then(x, norm, None, Activation::None)
    }

    /// `activation(norm(x) + residual)`.
    pub(super) fn layer_norm_then(
        &mut self,
        x: &Tensor,
        norm: &LayerNorm,
        residual: Option<&Tensor>,
        activation: Activation,
    ) -> Result<Tensor, ModelError> {
        let out = self.like(x, x.cols())?;
        let with = layer_norm::LayerNorm {
            weight: &norm.weight,
            bias: &norm.bias,
            eps: norm.eps,
            residual,
            activation,
        };
        self.recording
            .push(layer_norm::layer_norm(self.gpu, x, &with, &out)?);
        Ok(out)
    }

    pub(super) fn rms_norm(&mut self, x: &Tensor, norm: &RmsNorm) -> Result<Tensor, ModelError> {
        let out = self.like(x, x.cols())?;
        self.recording
            .push(rms_norm(self.gpu, x, &norm.weight, norm.eps, &out)?);
        Ok(out)
    }

    pub(super) fn rotary(
        &mut self,
        x: &Tensor,
        table: &Tensor,
        head_dim: usize,
    ) -> Result<(), ModelError> {
        self.recording.push(rotary(x, table, head_dim)?);
        Ok(())
    }

    pub(super) fn attention(
        &mut self,
        q: &Tensor,
        k: &Tensor,
        v: &Tensor,
        with: &Attention,
        mask: Mask,
    ) -> Result<Tensor, ModelError> {
        let out = self.like(q, q.cols())?;
        let seen = self.masks.get(self.gpu, mask)?;
        self.recording
            .extend(attention(self.gpu, q, k, v, with, &seen, &out)?);
        Ok(out)
    }

    pub(super) fn swiglu(
        &mut self,
        gate: &Tensor,
        up: &Tensor,
        kind: Activation,
    ) -> Result<Tensor, ModelError> {
        let out = self.like(gate, gate.cols())?;
        self.recording.push(swiglu(gate, up, kind, &out)?);
        Ok(out)
    }

    pub(super) fn activation(
        &mut self,
        x: &Tensor,
        kind: Activation,
    ) -> Result<Tensor, ModelError> {
        if kind == Activation::None {
            return Ok(x.clone());
        }
        let out = self.like(x, x.cols())?;
        self.recording.push(activation(x, kind, &out)?);
        Ok(out)
    }
}

/// A configuration's activation as the kernels name it.
pub(super) fn kernel_activation(activation: weights::Activation) -> Activation {
    match activation {
        weights::Activation::Gelu => Activation::Gelu,
        weights::Activation::GeluTanh => Activation::GeluTanh,
        weights::Activation::QuickGelu => Activation::QuickGelu,
        weights::Activation::Silu => Activation::Silu,
        weights::Activation::Relu => Activation::Relu,
        weights::Activation::Tanh => Activation::Tanh,
        weights::Activation::Sigmoid => Activation::Sigmoid,
        weights::Activation::Identity => Activation::None,
    }
}
