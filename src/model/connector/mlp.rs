//! LLaVA's connector: linear layers on each patch, an activation between them (arXiv 2304.08485 with
//! one layer, 2310.03744 with two; `LlavaMultiModalProjector`).

use super::{
    super::{
        ModelError,
        load::{Loader, dtype},
        ops::{Linear, Ops, Weight, kernel_activation},
    },
    name,
};
use crate::{
    gpu::{DType, Tensor},
    kernels::{Activation, matmul::Matmul},
    weights::ConnectorConfig,
};

pub(super) struct Mlp {
    /// The first layer, one piece `[hidden, vision hidden]` for each selected tower state: the same
    /// as one layer over the concatenated states.
    first: Vec<Weight>,
    bias: Option<Tensor>,
    activation: Activation,
    /// The layers behind the first.
    rest: Vec<Linear>,
    out_features: usize,
}

impl Mlp {
    pub(super) fn load(
        loader: &mut Loader<'_>,
        c: &ConnectorConfig,
        layers: usize,
        states: usize,
    ) -> Result<Self, ModelError> {
        let width = c.out_features;
        let whole = loader.host(&name("linear_1.weight"), &[width, c.in_features])?;
        let row = c.in_features * whole.dtype.size();
        let piece = row / states;
        let first = (0..states)
            .map(|state| {
                let bytes: Vec<u8> = whole
                    .bytes
                    .chunks_exact(row)
                    .flat_map(|line| &line[state * piece..(state + 1) * piece])
                    .copied()
                    .collect();
                let input = c.in_features / states;
                Weight::upload(loader.gpu, dtype(whole.dtype), width, input, &bytes)
            })
            .collect::<Result<_, _>>()?;
        let bias = match c.bias {
            true => Some(loader.vector(&name("linear_1.bias"), width)?),
            false => None,
        };
        let rest = (2..=layers)
            .map(|i| loader.linear(&name(&format!("linear_{i}")), width, width, c.bias))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            first,
            bias,
            activation: kernel_activation(c.activation),
            rest,
            out_features: width,
        })
    }

    /// `[patches, hidden]` of the tower's states, each `[patches, vision hidden]`.
    pub(super) fn forward(
        &self,
        ops: &mut Ops<'_>,
        states: &[Tensor],
    ) -> Result<Tensor, ModelError> {
        let mut sum: Option<Tensor> = None;
        let single = states.len() == 1;
        let after = |layer: usize| match layer < self.rest.len() {
            true => self.activation,
            false => Activation::None,
        };
        for (state, weight) in states.iter().zip(&self.first) {
            let out = ops
                .gpu
                .tensor(DType::F32, state.rows(), self.out_features)?;
            let with = Matmul {
                bias: self.bias.as_ref().filter(|_| sum.is_none()),
                activation: if single { after(0) } else { Activation::None },
                residual: sum.as_ref(),
                ..Matmul::default()
            };
            ops.linear_into(state, weight, &with, &out)?;
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
            x = ops.activation(&x, after(0))?;
        }
        for (i, linear) in self.rest.iter().enumerate() {
            x = ops.linear(&x, linear, after(i + 1), None)?;
        }
        Ok(x)
    }
}
