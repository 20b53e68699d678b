//! Blocks of neighboring patches side by side, then an MLP (Qwen2-VL, arXiv 2409.12191;
//! `PatchMerger`, `Qwen3VLVisionPatchMerger`).

use super::{
    super::{
        ModelError,
        ops::{Ops, kernel_activation},
        parameters::{Parameters, Size},
        tickets::{Linear, Norm},
    },
    Sizes,
};
use crate::{families::VisionSpec, gpu::Tensor, kernels::Activation};

pub(super) struct PatchMerger {
    norm: Norm,
    /// Whether the norm is over whole blocks, not over patches.
    whole: bool,
    linear_1: Linear,
    activation: Activation,
    linear_2: Linear,
}

impl PatchMerger {
    /// The merger with this beginning of its tensors' names.
    pub(super) fn new(
        p: &mut Parameters,
        sizes: &Sizes,
        vision: &VisionSpec,
        name: &str,
        side: usize,
        whole: bool,
    ) -> Self {
        let tower = &vision.tower;
        let block: Size = (
            sizes.input.0 * side * side,
            "the tower's width times the square of vision_config.spatial_merge_size",
        );
        let out: Size = (sizes.out.0, "the decoder's width");
        let normed = match whole {
            true => block,
            false => (sizes.input.0, "the tower's width"),
        };
        let name = |part: &str| format!("{name}{part}");
        Self {
            norm: p.norm(&name("norm"), normed, tower.layer_norm_eps, tower.rms_norms),
            whole,
            linear_1: p.linear(&name("linear_1"), block, block, sizes.bias),
            activation: kernel_activation(vision.connector.activation),
            linear_2: p.linear(&name("linear_2"), out, block, sizes.bias),
        }
    }

    /// `[blocks, hidden]` of a state `[patches, vision hidden]` whose patches stand block by block.
    pub(super) fn forward(&self, ops: &mut Ops<'_>, state: &Tensor) -> Result<Tensor, ModelError> {
        // One after another in memory, for the tower's width is a multiple of four.
        let blocks = |x: Tensor| {
            let width = self.linear_1.out;
            x.reshaped(x.rows() * x.cols() / width.max(1), width)
                .unwrap_or(x)
        };
        let x = match self.whole {
            true => ops.norm(&blocks(state.clone()), &self.norm)?,
            false => blocks(ops.norm(state, &self.norm)?),
        };
        let x = ops.linear(&x, &self.linear_1, self.activation, None)?;
        ops.linear(&x, &self.linear_2, Activation::None, None)
    }
}
