//! Squares of neighboring patches side by side, then a linear layer (as in Idefics3, arXiv
//! 2408.12637).

use super::{
    super::{
        ModelError,
        load::Loader,
        ops::{Linear, Ops},
    },
    name,
};
use crate::{
    gpu::{DType, Tensor},
    kernels::{Activation, space_to_depth::space_to_depth},
    weights::ConnectorConfig,
};

pub(super) struct PixelShuffle {
    scale: usize,
    linear_1: Linear,
}

impl PixelShuffle {
    pub(super) fn load(
        loader: &mut Loader<'_>,
        c: &ConnectorConfig,
        scale: usize,
    ) -> Result<Self, ModelError> {
        let input = c.in_features * scale * scale;
        let linear_1 = loader.linear(&name("linear_1"), c.out_features, input, c.bias)?;
        Ok(Self { scale, linear_1 })
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
