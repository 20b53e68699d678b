//! Average pooling of the grid, then a linear layer (MM1, arXiv 2403.09611, section 3.2).

use super::{
    super::{ModelError, ops::Ops, parameters::Parameters, tickets::Linear},
    Sizes, name,
};
use crate::{
    gpu::{DType, Tensor},
    kernels::{Activation, average_pool::average_pool},
};

pub(super) struct AveragePool {
    side: usize,
    linear_1: Linear,
}

impl AveragePool {
    pub(super) fn new(p: &mut Parameters, sizes: &Sizes, side: usize) -> Self {
        let linear_1 = p.linear(&name("linear_1"), sizes.out, sizes.input, sizes.bias);
        Self { side, linear_1 }
    }

    /// `[side^2, hidden]` of a square grid `[patches, vision hidden]`.
    pub(super) fn forward(&self, ops: &mut Ops<'_>, x: &Tensor) -> Result<Tensor, ModelError> {
        let pooled = pool(ops, x, self.side)?;
        ops.linear(&pooled, &self.linear_1, Activation::None, None)
    }
}

/// A square grid `[positions, channels]` pooled to `[side^2, channels]`.
pub(super) fn pool(ops: &mut Ops<'_>, x: &Tensor, side: usize) -> Result<Tensor, ModelError> {
    let out = ops.gpu.tensor(DType::F32, side * side, x.cols())?;
    let grid = x.rows().isqrt();
    ops.recording
        .push(average_pool(ops.gpu, x, grid, &out, side)?);
    Ok(out)
}
