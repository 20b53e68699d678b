//! Squares of neighboring patches side by side, then a linear layer (as in Idefics3, arXiv
//! 2408.12637).

use super::{
    super::{
        ModelError,
        ops::{Linear, Ops},
        parameters::Parameters,
    },
    Sizes, name,
};
use crate::{
    gpu::{DType, Tensor},
    kernels::{Activation, space_to_depth::space_to_depth},
};

pub(super) struct PixelShuffle {
    scale: usize,
    linear_1: Linear,
}

impl PixelShuffle {
    pub(super) fn new(p: &mut Parameters, sizes: &Sizes, scale: usize) -> Self {
        let input = (
            sizes.input.0 * scale * scale,
            "vision_config.hidden_size times the square of the side of a square of patches",
        );
        let linear_1 = p.linear(&name("linear_1"), sizes.out, input, sizes.bias);
        Self { scale, linear_1 }
    }

    /// `[patches / scale^2, hidden]` of a square grid `[patches, vision hidden]`.
    pub(super) fn forward(&self, ops: &mut Ops<'_>, x: &Tensor) -> Result<Tensor, ModelError> {
        let grid = x.rows().isqrt();
        let area = self.scale * self.scale;
        let out = ops
            .gpu
            .tensor(DType::F32, x.rows() / area, x.cols() * area)?;
        ops.recording
            .push(space_to_depth(x, grid, self.scale, &out)?);
        ops.linear(&out, &self.linear_1, Activation::None, None)
    }
}
