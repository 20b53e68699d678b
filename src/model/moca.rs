//! Modality calibration, MoCa (arXiv 2410.07167, section 4): vision tokens scaled and shifted at the
//! end of a decoder layer.

use super::{ModelError, load::Loader, ops::Ops};
use crate::{gpu::Tensor, kernels::affine_rows::affine_rows};

pub(super) struct Moca {
    scale: Tensor,
    shift: Tensor,
}

impl Moca {
    pub(super) fn load(
        loader: &mut Loader<'_>,
        name: &str,
        width: usize,
    ) -> Result<Self, ModelError> {
        Ok(Self {
            scale: loader.vector(&format!("{name}.scale"), width)?,
            shift: loader.vector(&format!("{name}.shift"), width)?,
        })
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
            &self.scale,
            &self.shift,
            0,
            Some(vision),
        )?);
        Ok(())
    }
}
