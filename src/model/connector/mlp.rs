//! LLaVA's connector: linear layers on each patch, an activation between them (arXiv 2304.08485 with
//! one layer, 2310.03744 with two; `LlavaMultiModalProjector`).

use super::{
    super::{
        ModelError,
        ops::{Ops, kernel_activation},
        parameters::Parameters,
        tickets::{Linear, TensorId, WeightId},
    },
    Sizes, name,
};
use crate::{
    families::ConnectorSpec,
    gpu::{DType, Tensor},
    kernels::{Activation, matmul::Matmul},
};

pub(super) struct Mlp {
    /// The first layer, one piece `[hidden, vision hidden]` for each selected tower state: the same
    /// as one layer over the concatenated states.
    first: Vec<WeightId>,
    bias: Option<TensorId>,
    activation: Activation,
    /// The layers behind the first.
    rest: Vec<Linear>,
    out_features: usize,
}

impl Mlp {
    pub(super) fn new(
        p: &mut Parameters,
        sizes: &Sizes,
        c: &ConnectorSpec,
        layers: usize,
        states: usize,
    ) -> Self {
        let linear_1 = p.add(&name("linear_1.weight"), &[sizes.out, sizes.input]);
        // The columns of the matrix that belong to a state are a matrix of their own.
        let width = sizes.input.0 / states.max(1);
        let first = (0..states)
            .map(|state| p.columns(linear_1, state * width..(state + 1) * width))
            .collect();
        let bias = p.bias(&name("linear_1"), sizes.out, sizes.bias);
        let rest = (2..=layers)
            .map(|i| {
                p.linear(
                    &name(&format!("linear_{i}")),
                    sizes.out,
                    sizes.out,
                    sizes.bias,
                )
            })
            .collect();
        Self {
            first,
            bias,
            activation: kernel_activation(c.activation),
            rest,
            out_features: c.out_features,
        }
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
        let bias = self.bias.map(|bias| ops.values(bias)).transpose()?;
        for (state, weight) in states.iter().zip(&self.first) {
            let out = ops
                .gpu
                .tensor(DType::F32, state.rows(), self.out_features)?;
            let with = Matmul {
                bias: bias.filter(|_| sum.is_none()),
                activation: if single { after(0) } else { Activation::None },
                residual: sum.as_ref(),
                ..Matmul::default()
            };
            ops.linear_into(state, *weight, &with, &out)?;
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
