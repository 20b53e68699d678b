//! Modality calibration, MoCa (arXiv 2410.07167, section 4): vision tokens scaled and shifted at the
//! end of a decoder layer.

use super::{
    ModelError,
    ops::Ops,
    parameters::{Parameters, Size},
    tickets::TensorId,
};
use crate::{gpu::Tensor, kernels::affine_rows::affine_rows};

pub(super) struct Moca {
    scale: TensorId,
    shift: TensorId,
}

impl Moca {
    pub(super) fn new(p: &mut Parameters, name: &str, width: Size) -> Self {
        Self {
            scale: p.vector(&format!("{name}.scale"), width),
            shift: p.vector(&format!("{name}.shift"), width),
        }
    }

    /// `h <- scale * h + shift` in place, for the rows of `states [tokens, hidden]` at `vision`
    /// `[1, vision tokens]`; each position stands there once.
    pub(super) fn forward(
        &self,
        ops: &mut Ops<'_>,
        states: &Tensor,
        vision: &Tensor,
    ) -> Result<(), ModelError> {
        ops.recording.push(affine_rows(
            states,
            ops.values(self.scale)?,
            ops.values(self.shift)?,
            0,
            Some(vision),
        )?);
        Ok(())
    }
}
