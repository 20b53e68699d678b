//! Squares of neighboring patches side by side, then a linear layer (as in Idefics3, arXiv 2408.12637),
//! or a norm and an MLP (as in InternVL, arXiv 2404.16821; `InternVLMultiModalProjector`).

use super::{
    super::{
        ModelError,
        ops::{Ops, kernel_activation},
        parameters::Parameters,
        tickets::{LayerNorm, Linear},
    },
    Sizes, name,
};
use crate::{
    families,
    gpu::{DType, Tensor},
    kernels::{Activation, space_to_depth::space_to_depth},
};

/// Epsilon of the norm: PyTorch's own.
const EPS: f32 = 1e-5;

pub(super) struct PixelShuffle {
    scale: usize,
    norm: Option<LayerNorm>,
    /// With the activation between them.
    layers: Vec<Linear>,
    activation: Activation,
}

impl PixelShuffle {
    pub(super) fn new(
        p: &mut Parameters,
        sizes: &Sizes,
        scale: usize,
        (normed, layers): (bool, usize),
        activation: families::Activation,
    ) -> Self {
        let wide = (
            sizes.input.0 * scale * scale,
            "vision_config.hidden_size times the square of the side of a square of patches",
        );
        Self {
            scale,
            norm: normed.then(|| p.layer_norm(&name("layer_norm"), wide, EPS)),
            layers: (1..=layers)
                .map(|layer| {
                    let input = if layer == 1 { wide } else { sizes.out };
                    let name = name(&format!("linear_{layer}"));
                    p.linear(&name, sizes.out, input, sizes.bias)
                })
                .collect(),
            activation: kernel_activation(activation),
        }
    }

    /// `[patches / scale^2, hidden]` of a square grid `[patches, vision hidden]`.
    pub(super) fn forward(&self, ops: &mut Ops<'_>, x: &Tensor) -> Result<Tensor, ModelError> {
        let grid = x.rows().isqrt();
        let area = self.scale * self.scale;
        let mut y = ops
            .gpu
            .tensor(DType::F32, x.rows() / area, x.cols() * area)?;
        ops.recording.push(space_to_depth(x, grid, self.scale, &y)?);
        if let Some(norm) = &self.norm {
            y = ops.layer_norm(&y, norm)?;
        }
        for (index, layer) in self.layers.iter().enumerate() {
            let activation = match index + 1 < self.layers.len() {
                true => self.activation,
                false => Activation::None,
            };
            y = ops.linear(&y, layer, activation, None)?;
        }
        Ok(y)
    }
}
