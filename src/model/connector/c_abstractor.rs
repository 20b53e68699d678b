//! The C-Abstractor (Honeybee, arXiv 2312.06742, section 3.3): convolutions that keep neighboring
//! patches together, pooling to as many tokens as wanted, convolutions, and an MLP.
//!
//! The blocks are RegNet's bottlenecks with squeeze-excitation (arXiv 2003.13678 and 1709.01507), with
//! a layer norm over the channels; 1 x 1 convolutions are matrix products over the positions.

use super::{
    super::{
        ModelError,
        made::Made,
        ops::Ops,
        parameters::{ONE, Parameters, Size},
        tickets::{LayerNorm, Linear, TensorId},
    },
    Sizes,
    average_pool::pool,
    name,
};
use crate::{
    families::spec::reduced,
    gpu::{DType, Gpu, Tensor},
    kernels::{
        Activation,
        add_rows::add_rows,
        affine_rows::affine_rows,
        column_sums::{ColumnSums, column_totals},
        depthwise_conv::depthwise_conv,
    },
    weights::HostTensor,
};

const EPS: f32 = 1e-5;
/// Side of the depthwise kernels.
const KERNEL: usize = 3;

pub(super) struct CAbstractor {
    /// `[patches, vision hidden]`.
    pos_emb: TensorId,
    /// Before and after the pooling.
    stages: [Vec<Block>; 2],
    side: usize,
    readout: [Linear; 2],
}

struct Block {
    conv1: Pointwise,
    /// `[9, channels]`.
    conv2: TensorId,
    norm2: LayerNorm,
    fc1: Linear,
    fc2: Linear,
    conv3: Pointwise,
    downsample: Option<Pointwise>,
    /// `[1, channels]`: what the gate adds.
    zeros: TensorId,
}

/// A 1 x 1 convolution without bias and its norm.
struct Pointwise {
    conv: Linear,
    norm: LayerNorm,
}

impl CAbstractor {
    pub(super) fn new(
        p: &mut Parameters,
        sizes: &Sizes,
        side: usize,
        hidden: usize,
        depth: usize,
    ) -> Self {
        let hidden = (hidden, "mm_projector_hidden_size");
        let pos_emb = p.matrix(&name("pos_emb"), &[ONE, sizes.patches, sizes.input]);
        let mut stage = |stage: usize, first: Size| {
            let blocks = (1..=depth).map(|i| {
                let input = if i == 1 { first } else { hidden };
                Block::new(p, &name(&format!("net.{stage}.b{i}")), input, hidden)
            });
            blocks.collect()
        };
        let stages = [stage(0, sizes.input), stage(2, hidden)];
        Self {
            pos_emb,
            stages,
            side,
            readout: [
                p.linear(&name("readout.0"), sizes.out, hidden, (true, "")),
                p.linear(&name("readout.2"), sizes.out, sizes.out, (true, "")),
            ],
        }
    }

    /// `[side^2, hidden]` of the square grid `[patches, vision hidden]` that it was made for, which
    /// begins at row `first` of `x`.
    pub(super) fn forward(
        &self,
        ops: &mut Ops<'_>,
        x: &Tensor,
        first: usize,
    ) -> Result<Tensor, ModelError> {
        let pos_emb = ops.values(self.pos_emb)?;
        let mut y = ops.like(pos_emb, x.cols())?;
        ops.recording.push(add_rows(x, first, pos_emb, &y)?);
        let [before, after] = &self.stages;
        for block in before {
            y = block.forward(ops, &y)?;
        }
        y = pool(ops, &y, self.side)?;
        for block in after {
            y = block.forward(ops, &y)?;
        }
        let [inner, outer] = &self.readout;
        let inner = ops.linear(&y, inner, Activation::Silu, None)?;
        ops.linear(&inner, outer, Activation::None, None)
    }
}

impl Block {
    /// A block as timm's RegStage names it.
    fn new(p: &mut Parameters, name: &str, input: Size, hidden: Size) -> Self {
        let part = |part: &str| format!("{name}.{part}");
        let kernel = (KERNEL, "the layout");
        let quarter = (reduced(input.0), input.1);
        Self {
            conv1: Pointwise::new(p, &part("conv1"), input, hidden),
            conv2: {
                let sizes = [hidden, ONE, kernel, kernel];
                let kernels = p.add(&part("conv2.conv.weight"), &sizes);
                p.made(vec![kernels], Box::new(by_tap))
            },
            norm2: p.layer_norm(&part("conv2.bn"), hidden, EPS),
            fc1: p.pointwise(&part("se.fc1"), quarter, hidden, true),
            fc2: p.pointwise(&part("se.fc2"), hidden, quarter, true),
            conv3: Pointwise::new(p, &part("conv3"), hidden, hidden),
            downsample: (input.0 != hidden.0)
                .then(|| Pointwise::new(p, &part("downsample"), input, hidden)),
            zeros: p.zeros(hidden.0),
        }
    }

    /// `[positions, channels]` of a square grid `[positions, input]`.
    fn forward(&self, ops: &mut Ops<'_>, x: &Tensor) -> Result<Tensor, ModelError> {
        let (none, silu) = (Activation::None, Activation::Silu);
        let shortcut = match &self.downsample {
            Some(downsample) => downsample.forward(ops, x, None, none)?,
            None => x.clone(),
        };
        let y = self.conv1.forward(ops, x, None, silu)?;
        let mixed = ops.like(&y, y.cols())?;
        let side = y.rows().isqrt();
        ops.recording.push(depthwise_conv(
            &y,
            side,
            ops.values(self.conv2)?,
            KERNEL,
            &mixed,
        )?);
        let y = ops.layer_norm_then(&mixed, &self.norm2, None, silu)?;
        let gate = self.gate(ops, &y)?;
        ops.recording
            .push(affine_rows(&y, &gate, ops.values(self.zeros)?, 0, None)?);
        self.conv3.forward(ops, &y, Some(&shortcut), silu)
    }

    /// Squeeze-excitation: a factor for each channel, made from the means of all, `[1, channels]`.
    fn gate(&self, ops: &mut Ops<'_>, x: &Tensor) -> Result<Tensor, ModelError> {
        let means = ops.gpu.tensor(DType::F32, 1, x.cols())?;
        let mean = ColumnSums {
            factor: 1.0 / x.rows() as f32,
            ..ColumnSums::default()
        };
        ops.recording
            .extend(column_totals(ops.gpu, x, &mean, &means, 0)?);
        let inner = ops.linear(&means, &self.fc1, Activation::Silu, None)?;
        ops.linear(&inner, &self.fc2, Activation::Sigmoid, None)
    }
}

/// Depthwise kernels `[channels, 1, 3, 3]` as `[9, channels]`.
fn by_tap(gpu: &Gpu, tensors: &[HostTensor]) -> Result<Made, ModelError> {
    let kernels = tensors.first().map(HostTensor::to_f32).unwrap_or_default();
    let taps = KERNEL * KERNEL;
    let by_tap: Vec<f32> = (0..taps)
        .flat_map(|tap| kernels.iter().skip(tap).step_by(taps))
        .copied()
        .collect();
    Ok(Made::Values(gpu.upload(
        taps,
        kernels.len() / taps,
        &by_tap,
    )?))
}

impl Pointwise {
    fn new(p: &mut Parameters, name: &str, input: Size, out: Size) -> Self {
        Self {
            conv: p.pointwise(&format!("{name}.conv"), out, input, false),
            norm: p.layer_norm(&format!("{name}.bn"), out, EPS),
        }
    }

    /// `activation(norm(conv(x)) + residual)`.
    fn forward(
        &self,
        ops: &mut Ops<'_>,
        x: &Tensor,
        residual: Option<&Tensor>,
        activation: Activation,
    ) -> Result<Tensor, ModelError> {
        let y = ops.linear(x, &self.conv, Activation::None, None)?;
        ops.layer_norm_then(&y, &self.norm, residual, activation)
    }
}
