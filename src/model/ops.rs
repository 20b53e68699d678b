//! The layers that models are made of, each recording its kernels.
//!
//! All families share these many short functions.

use super::{
    ModelError,
    load::Loaded,
    masks::Masks,
    tickets::{Affine, Gated, HostId, LayerNorm, Linear, Norm, RmsNorm, TensorId, WeightId},
    weight::Weight,
};
use crate::{
    families,
    gpu::{DType, Gpu, GpuError, Recording, Tensor},
    kernels::{
        Activation,
        activation::activation,
        add_rows::add_rows,
        affine_rows::affine_rows,
        gather_rows::gather_rows,
        layer_norm,
        matmul::{Matmul, matmul, matmul_pieces},
        residual_norm::{ResidualNorm, residual_norm},
        rms_norm::rms_norm,
        scatter_rows::scatter_rows,
        swiglu::swiglu,
    },
};

/// Records kernels, allocating their results.
pub(super) struct Ops<'a> {
    pub(super) gpu: &'a Gpu,
    pub(super) recording: &'a mut Recording,
    pub(super) masks: &'a Masks,
    pub(super) loaded: &'a Loaded,
    /// As in [`Matmul`], of all products.
    pub(super) planned_rows: Option<usize>,
}

impl<'a> Ops<'a> {
    /// The tensor of a ticket.
    ///
    /// # Errors
    /// [`ModelError::NoHead`]: the only thing that a checkpoint may lack.
    pub(super) fn values(&self, id: TensorId) -> Result<&'a Tensor, ModelError> {
        self.loaded.values(id).ok_or(ModelError::NoHead)
    }

    /// The tensor of a ticket that stayed on the host.
    ///
    /// # Errors
    /// As [`Ops::values`].
    pub(super) fn host(&self, id: HostId) -> Result<&'a [f32], ModelError> {
        self.loaded.host(id).ok_or(ModelError::NoHead)
    }

    /// The weight matrix of a ticket.
    ///
    /// # Errors
    /// As [`Ops::values`].
    pub(super) fn weight(&self, id: WeightId) -> Result<&'a Weight, ModelError> {
        self.loaded.weight(id).ok_or(ModelError::NoHead)
    }

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
        let out = self.like(x, linear.out)?;
        let with = Matmul {
            bias: linear.bias.map(|bias| self.values(bias)).transpose()?,
            activation,
            residual,
            ..Matmul::default()
        };
        self.linear_into(x, linear.weight, &with, &out)?;
        Ok(out)
    }

    /// `activation(x G^T + g) * (x U^T + u)`, `[tokens, out]`.
    pub(super) fn gated(
        &mut self,
        x: &Tensor,
        gated: &Gated,
        activation: Activation,
    ) -> Result<Tensor, ModelError> {
        let weight = self.weight(gated.weight)?;
        let [both, gate, up] = match gated.bias {
            None => [None; 3],
            Some((both, [gate, up])) => [both, gate, up].map(Some),
        }
        .map(|bias| bias.map(|bias| self.values(bias)).transpose());
        if weight.halves.is_some() {
            let out = self.like(x, gated.out)?;
            let with = Matmul {
                bias: both?,
                activation,
                gated: true,
                ..Matmul::default()
            };
            self.linear_into(x, gated.weight, &with, &out)?;
            return Ok(out);
        }
        // Weights of two types.
        let biases = [gate?, up?];
        let parts = [self.like(x, gated.out)?, self.like(x, gated.out)?];
        for (first, shard) in &weight.shards {
            let is_up = usize::from(*first >= gated.out);
            let with = Matmul {
                bias: biases[is_up],
                out_col: first - is_up * gated.out,
                planned_rows: self.planned_rows,
                ..Matmul::default()
            };
            let calls = matmul(self.gpu, x, shard, &with, &parts[is_up])?;
            self.recording.extend(calls);
        }
        let [gate, up] = parts;
        self.swiglu(&gate, &up, activation)
    }

    /// The first rows of a tensor, in the same memory.
    ///
    /// # Errors
    /// [`GpuError::Shape`] where it has not so many.
    pub(super) fn first_rows(&self, x: &Tensor, rows: usize) -> Result<Tensor, ModelError> {
        let first = x.reshaped(rows, x.cols());
        first.filter(|_| rows <= x.rows()).ok_or_else(|| {
            ModelError::Gpu(GpuError::Shape {
                kernel: "first_rows",
                message: format!("{x:?} has no {rows} rows"),
            })
        })
    }

    /// Rows of so many f32 that a binding holds, and 1 where it holds none.
    pub(super) fn rows_in_a_binding(&self, cols: usize) -> usize {
        let rows = self.gpu.max_binding() / DType::F32.row_bytes(cols).max(1);
        usize::try_from(rows).unwrap_or(usize::MAX).max(1)
    }

    /// So many rows of a tensor from `first` on: itself where these are all.
    pub(super) fn part(
        &mut self,
        x: &Tensor,
        first: usize,
        rows: usize,
    ) -> Result<Tensor, ModelError> {
        if rows == x.rows() {
            return Ok(x.clone());
        }
        let some = self.gpu.tensor(DType::F32, rows, x.cols())?;
        self.recording.copy_rows(x, first, &some, 0, rows)?;
        Ok(some)
    }

    /// Tensors of the same width one below the other.
    pub(super) fn stacked(&mut self, parts: &[Tensor]) -> Result<Tensor, ModelError> {
        if let [only] = parts {
            return Ok(only.clone());
        }
        let rows = parts.iter().map(Tensor::rows).sum();
        let cols = parts.first().map_or(0, Tensor::cols);
        let all = self.gpu.tensor(DType::F32, rows, cols)?;
        let mut first = 0;
        for part in parts {
            self.recording
                .copy_rows(part, 0, &all, first, part.rows())?;
            first += part.rows();
        }
        Ok(all)
    }

    /// As [`Ops::linear`], as `with` says.
    pub(super) fn linear_into(
        &mut self,
        x: &Tensor,
        weight: WeightId,
        with: &Matmul<'_>,
        out: &Tensor,
    ) -> Result<(), ModelError> {
        for (first, shard) in &self.weight(weight)?.shards {
            let with = Matmul {
                out_col: *first,
                planned_rows: self.planned_rows,
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
        table: WeightId,
        width: usize,
    ) -> Result<Tensor, ModelError> {
        let out = self.gpu.tensor(DType::F32, indices.cols(), width)?;
        for (first, shard) in &self.weight(table)?.shards {
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
            weight: self.values(norm.weight)?,
            bias: self.values(norm.bias)?,
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
        self.recording.push(rms_norm(
            self.gpu,
            x,
            self.values(norm.weight)?,
            norm.eps,
            &out,
        )?);
        Ok(out)
    }

    /// A norm of either kind.
    pub(super) fn norm(&mut self, x: &Tensor, norm: &Norm) -> Result<Tensor, ModelError> {
        match norm {
            Norm::Layer(norm) => self.layer_norm(x, norm),
            Norm::Rms(norm) => self.rms_norm(x, norm),
        }
    }

    /// The rows of `x` with these indices, one after another.
    pub(super) fn gathered(&mut self, x: &Tensor, rows: &Tensor) -> Result<Tensor, ModelError> {
        let out = self.gpu.tensor(DType::F32, rows.cols(), x.cols())?;
        self.recording.push(gather_rows(rows, x, 0, &out, 0)?);
        Ok(out)
    }

    /// `x` with `added` on the rows of these indices; `x` itself stays as it is.
    pub(super) fn added_at(
        &mut self,
        x: &Tensor,
        rows: &Tensor,
        added: &Tensor,
    ) -> Result<Tensor, ModelError> {
        let own = self.gathered(x, rows)?;
        let sum = self.like(&own, own.cols())?;
        self.recording.push(add_rows(&own, 0, added, &sum)?);
        let out = self.like(x, x.cols())?;
        self.recording.copy_rows(x, 0, &out, 0, x.rows())?;
        self.recording.push(scatter_rows(rows, &sum, 0, &out)?);
        Ok(out)
    }

    /// `x W^T + b` for a kernel that joins what it reads: in pieces where the inner dimension is cut, and then without
    /// the bias.
    pub(super) fn product(
        &mut self,
        x: &Tensor,
        linear: &Linear,
    ) -> Result<(Tensor, Option<&'a Tensor>), ModelError> {
        if let [(_, whole)] = self.weight(linear.weight)?.shards.as_slice()
            && let Some((calls, sums)) = matmul_pieces(self.gpu, x, whole, self.planned_rows)?
        {
            self.recording.extend(calls);
            let bias = linear.bias.map(|bias| self.values(bias)).transpose()?;
            return Ok((sums, bias));
        }
        let whole = self.linear(x, linear, Activation::None, None)?;
        Ok((whole, None))
    }

    /// `residual + y`, with `y = norm(x W^T + b)` where there is a norm `behind`, else `x W^T + b`. What that is by the
    /// `next` norm goes to its tensor.
    pub(super) fn linear_normed(
        &mut self,
        x: &Tensor,
        linear: &Linear,
        behind: Option<&RmsNorm>,
        residual: &Tensor,
        next: Option<(&RmsNorm, &Tensor)>,
    ) -> Result<Tensor, ModelError> {
        let (sums, bias) = self.product(x, linear)?;
        let out = self.like(residual, linear.out)?;
        let weight = |norm: &RmsNorm| Ok::<_, ModelError>((self.values(norm.weight)?, norm.eps));
        let next = next.map(|(norm, normed)| {
            let (weight, eps) = weight(norm)?;
            Ok::<_, ModelError>((weight, eps, normed))
        });
        let with = ResidualNorm {
            bias,
            behind: behind.map(weight).transpose()?,
            residual,
            next: next.transpose()?,
        };
        let call = residual_norm(self.gpu, &sums, &with, &out)?;
        self.recording.push(call);
        Ok(out)
    }

    /// `x W^T + b`, scaled channel by channel, plus `residual`; without factors, [`Ops::linear`].
    pub(super) fn linear_scaled(
        &mut self,
        x: &Tensor,
        linear: &Linear,
        scale: Option<Affine>,
        residual: &Tensor,
    ) -> Result<Tensor, ModelError> {
        let none = Activation::None;
        let Some(scale) = scale else {
            return self.linear(x, linear, none, Some(residual));
        };
        let y = self.linear(x, linear, none, None)?;
        self.scale(&y, scale)?;
        let out = self.like(&y, y.cols())?;
        self.recording.push(add_rows(residual, 0, &y, &out)?);
        Ok(out)
    }

    /// `x` scaled and shifted channel by channel, in place.
    pub(super) fn scale(&mut self, x: &Tensor, by: Affine) -> Result<(), ModelError> {
        let (factors, shifts) = (self.values(by.factors)?, self.values(by.shifts)?);
        self.recording
            .push(affine_rows(x, factors, shifts, 0, None)?);
        Ok(())
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
pub(super) fn kernel_activation(activation: families::Activation) -> Activation {
    match activation {
        families::Activation::Gelu => Activation::Gelu,
        families::Activation::GeluTanh => Activation::GeluTanh,
        families::Activation::QuickGelu => Activation::QuickGelu,
        families::Activation::Silu => Activation::Silu,
        families::Activation::Relu => Activation::Relu,
        families::Activation::Tanh => Activation::Tanh,
        families::Activation::Sigmoid => Activation::Sigmoid,
        families::Activation::Identity => Activation::None,
    }
}
