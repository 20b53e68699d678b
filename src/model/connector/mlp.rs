//! LLaVA's connector: linear layers on each patch, an activation between them (arXiv 2304.08485 with
//! one layer, 2310.03744 with two; `LlavaMultiModalProjector`).

use super::{
    super::{
        ModelError,
        load::{Made, dtype},
        ops::{Linear, Ops, Weight, kernel_activation},
        parameters::{Make, Parameters, TensorId, WeightId},
    },
    Sizes, name,
};
use crate::{
    families::ConnectorSpec,
    gpu::{DType, Tensor},
    kernels::{Activation, matmul::Matmul},
    weights::HostTensor,
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
        let first = (0..states)
            .map(|state| p.made_weight(vec![linear_1], columns(state, states)))
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

/// The columns of a matrix that belong to state `state` of `states`, as a matrix of their own.
fn columns(state: usize, states: usize) -> Make {
    Box::new(move |gpu, tensors| {
        let Some(whole) = tensors.first().map(HostTensor::unblocked) else {
            return Ok(Made::Nothing);
        };
        let (rows, cols) = match *whole.shape.as_slice() {
            [rows, cols] => (rows, cols / states),
            _ => (0, 0),
        };
        let piece = whole.dtype.bytes(cols);
        let lines = whole.bytes.chunks_exact((piece * states).max(1));
        let bytes: Vec<u8> = lines
            .flat_map(|line| &line[state * piece..(state + 1) * piece])
            .copied()
            .collect();
        let weight = Weight::upload(gpu, dtype(whole.dtype), rows, cols, &bytes)?;
        Ok(Made::Weight(weight))
    })
}
