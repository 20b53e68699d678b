//! Squares of 2 x 2 patches side by side, zeros beside an odd grid, a norm and an MLP: VILA's
//! `mlp_downsample` (arXiv 2312.07533).

use super::{
    super::{ModelError, ops::Ops, parameters::Parameters},
    Sizes,
    pixel_shuffle::PixelShuffle,
};
use crate::{
    families,
    gpu::{DType, Tensor},
    kernels::{gather_rows::gather_rows, scatter_rows::scatter_rows},
};

pub(super) struct Downsample {
    /// Whether the tokens stand column by column.
    by_columns: bool,
    shuffle: PixelShuffle,
}

impl Downsample {
    pub(super) fn new(
        p: &mut Parameters,
        sizes: &Sizes,
        by_columns: bool,
        activation: families::Activation,
    ) -> Self {
        Self {
            by_columns,
            shuffle: PixelShuffle::new(p, sizes, 2, (true, 2), activation),
        }
    }

    /// `[ceil(side / 2)^2, hidden]` of a square grid `[side^2, vision hidden]`.
    pub(super) fn forward(&self, ops: &mut Ops<'_>, x: &Tensor) -> Result<Tensor, ModelError> {
        let side = x.rows().isqrt();
        let even = side.next_multiple_of(2);
        let mut x = x.clone();
        if even > side {
            let zeros = vec![0.0; even * even * x.cols()];
            let padded = ops.gpu.upload(even * even, x.cols(), &zeros)?;
            let places: Vec<u32> = (0..side * side)
                .map(|patch| (patch / side * even + patch % side) as u32)
                .collect();
            let places = ops.gpu.upload_indices(&places)?;
            ops.recording.push(scatter_rows(&places, &x, 0, &padded)?);
            x = padded;
        }
        let tokens = self.shuffle.forward(ops, &x)?;
        if !self.by_columns {
            return Ok(tokens);
        }
        let half = even / 2;
        let rows: Vec<u32> = (0..half * half)
            .map(|token| (token % half * half + token / half) as u32)
            .collect();
        let indices = ops.gpu.upload_indices(&rows)?;
        let turned = ops.gpu.tensor(DType::F32, tokens.rows(), tokens.cols())?;
        ops.recording
            .push(gather_rows(&indices, &tokens, 0, &turned, 0)?);
        Ok(turned)
    }
}
