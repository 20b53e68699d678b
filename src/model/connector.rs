//! LLaVA's connector: one or two linear layers (arXiv 2310.03744, `LlavaMultiModalProjector`).

use super::{
    ModelError,
    load::{Loader, dtype},
    ops::{Linear, Ops, Weight, kernel_activation},
};
use crate::{
    gpu::{DType, Tensor},
    kernels::{Activation, matmul::Matmul},
    weights::{ConnectorKind, FeatureSelect},
};

pub(super) struct Connector {
    /// The first layer, one piece `[hidden, vision hidden]` for each selected tower state: the same
    /// as one layer over the concatenated states.
    linear_1: Vec<Weight>,
    bias_1: Option<Tensor>,
    activation: Activation,
    linear_2: Option<Linear>,
    /// Tower positions that are left out at the beginning.
    skip: usize,
    out_features: usize,
}

impl Connector {
    pub(super) fn load(loader: &mut Loader<'_>) -> Result<Self, ModelError> {
        let config = loader.checkpoint.config.clone();
        let c = &config.connector;
        let states = config.vision_feature_layer.len();
        let name = |part: &str| format!("multi_modal_projector.{part}");
        let whole = loader.host(&name("linear_1.weight"), &[c.out_features, c.in_features])?;
        let row = c.in_features * whole.dtype.size();
        let piece = row / states;
        let linear_1 = (0..states)
            .map(|state| {
                let bytes: Vec<u8> = whole
                    .bytes
                    .chunks_exact(row)
                    .flat_map(|line| &line[state * piece..(state + 1) * piece])
                    .copied()
                    .collect();
                let width = c.in_features / states;
                Weight::upload(
                    loader.gpu,
                    dtype(whole.dtype),
                    c.out_features,
                    width,
                    &bytes,
                )
            })
            .collect::<Result<_, _>>()?;
        let bias_1 = match c.bias {
            true => Some(loader.vector(&name("linear_1.bias"), c.out_features)?),
            false => None,
        };
        let linear_2 = match c.kind {
            ConnectorKind::Mlp => {
                Some(loader.linear(&name("linear_2"), c.out_features, c.out_features, c.bias)?)
            }
            ConnectorKind::Linear => None,
        };
        Ok(Self {
            linear_1,
            bias_1,
            activation: match c.kind {
                ConnectorKind::Mlp => kernel_activation(c.activation),
                ConnectorKind::Linear => Activation::None,
            },
            linear_2,
            skip: match config.vision_feature_select {
                FeatureSelect::Default => 1,
                FeatureSelect::Full => 0,
            },
            out_features: c.out_features,
        })
    }

    /// Image features `[image tokens, hidden]` from tower states `[positions, vision hidden]`.
    pub(super) fn forward(
        &self,
        ops: &mut Ops<'_>,
        states: &[Tensor],
    ) -> Result<Tensor, ModelError> {
        let mut sum: Option<Tensor> = None;
        let single = states.len() == 1;
        for (state, weight) in states.iter().zip(&self.linear_1) {
            let selected = self.select(ops, state)?;
            let out = ops
                .gpu
                .tensor(DType::F32, selected.rows(), self.out_features)?;
            let with = Matmul {
                bias: self.bias_1.as_ref().filter(|_| sum.is_none()),
                activation: if single {
                    self.activation
                } else {
                    Activation::None
                },
                residual: sum.as_ref(),
                ..Matmul::default()
            };
            ops.linear_into(&selected, weight, &with, &out)?;
            sum = Some(out);
        }
        // The configuration has at least one state.
        let Some(mut x) = sum else {
            return Err(ModelError::ImageTokens {
                expected: 0,
                found: 0,
            });
        };
        if !single {
            x = ops.activation(&x, self.activation)?;
        }
        match &self.linear_2 {
            Some(linear) => ops.linear(&x, linear, Activation::None, None),
            None => Ok(x),
        }
    }

    fn select(&self, ops: &mut Ops<'_>, state: &Tensor) -> Result<Tensor, ModelError> {
        if self.skip == 0 {
            return Ok(state.clone());
        }
        let rows = state.rows() - self.skip;
        let selected = ops.gpu.tensor(DType::F32, rows, state.cols())?;
        ops.recording
            .copy_rows(state, self.skip, &selected, 0, rows)?;
        Ok(selected)
    }
}
