//! Averages of squares of patches, a norm, a matrix: Gemma 3's (arXiv 2503.19786;
//! `Gemma3MultiModalProjector`).

use super::{
    super::{
        ModelError,
        made::{Made, dtype},
        ops::Ops,
        parameters::Parameters,
        tickets::{Linear, RmsNorm},
        weight::Weight,
    },
    Sizes,
    average_pool::pool,
    name,
};
use crate::{
    gpu::{DType, Gpu, Tensor},
    kernels::{Activation, gather_rows::gather_rows},
    weights::HostTensor,
};

pub(super) struct PoolNorm {
    /// Side of a square of patches.
    kernel: usize,
    /// Squares along a side of the picture.
    side: usize,
    norm: RmsNorm,
    projection: Linear,
}

impl PoolNorm {
    pub(super) fn new(
        p: &mut Parameters,
        sizes: &Sizes,
        kernel: usize,
        side: usize,
        eps: f32,
    ) -> Self {
        // The file has it the other way round: features times matrix.
        let weight = p.add(
            &name("mm_input_projection_weight"),
            &[sizes.input, sizes.out],
        );
        Self {
            kernel,
            side,
            norm: p.rms_norm(&name("mm_soft_emb_norm"), sizes.input, eps, true),
            projection: Linear {
                out: sizes.out.0,
                weight: p.made_weight(vec![weight], Box::new(turned)),
                bias: None,
            },
        }
    }

    /// `[side^2, hidden]` of a square grid `[patches, vision hidden]`.
    pub(super) fn forward(&self, ops: &mut Ops<'_>, x: &Tensor) -> Result<Tensor, ModelError> {
        let (patches, used) = (x.rows().isqrt(), self.kernel * self.side);
        let mut x = x.clone();
        if used < patches {
            // What no whole square has room for is left out.
            let rows: Vec<u32> = (0..used * used)
                .map(|cell| (cell / used * patches + cell % used) as u32)
                .collect();
            let indices = ops.gpu.upload_indices(&rows)?;
            let part = ops.gpu.tensor(DType::F32, rows.len(), x.cols())?;
            ops.recording.push(gather_rows(&indices, &x, 0, &part, 0)?);
            x = part;
        }
        let pooled = pool(ops, &x, self.side)?;
        let normed = ops.rms_norm(&pooled, &self.norm)?;
        ops.linear(&normed, &self.projection, Activation::None, None)
    }
}

/// A matrix turned, in its storage type.
fn turned(gpu: &Gpu, tensors: &[HostTensor]) -> Result<Made, ModelError> {
    let Some(matrix) = tensors.first().map(HostTensor::unblocked) else {
        return Ok(Made::Nothing);
    };
    let &[rows, cols] = matrix.shape.as_slice() else {
        return Ok(Made::Nothing);
    };
    let size = matrix.dtype.bytes(1);
    let mut bytes = Vec::with_capacity(matrix.bytes.len());
    for col in 0..cols {
        for row in 0..rows {
            let at = (row * cols + col) * size;
            bytes.extend_from_slice(matrix.bytes.get(at..at + size).unwrap_or_default());
        }
    }
    let weight = Weight::upload(gpu, dtype(matrix.dtype), cols, rows, &bytes)?;
    Ok(Made::Weight(weight))
}
