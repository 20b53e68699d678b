//! The C-Abstractor (Honeybee, arXiv 2312.06742, section 3.3): convolutions that keep neighboring
//! patches together, pooling to as many tokens as wanted, convolutions, and an MLP.
//!
//! The blocks are RegNet's bottlenecks with squeeze-excitation (arXiv 2003.13678 and 1709.01507), with
//! a layer norm over the channels; 1 x 1 convolutions are matrix products over the positions.

use super::{
    super::{
        ModelError,
        load::Loader,
        ops::{LayerNorm, Linear, Ops},
    },
    average_pool::pool,
    name,
};
use crate::{
    gpu::{DType, Tensor},
    kernels::{
        Activation,
        add_rows::add_rows,
        affine_rows::affine_rows,
        column_sums::{ColumnSums, column_totals},
        depthwise_conv::depthwise_conv,
    },
    weights::{ConnectorConfig, reduced},
};

const EPS: f32 = 1e-5;
/// Side of the depthwise kernels.
const KERNEL: usize = 3;

pub(super) struct CAbstractor {
    /// `[patches, vision hidden]`.
    pos_emb: Tensor,
    /// Before and after the pooling.
    stages: [Vec<Block>; 2],
    side: usize,
    readout: [Linear; 2],
}

struct Block {
    conv1: Pointwise,
    /// `[9, channels]`.
    conv2: Tensor,
    norm2: LayerNorm,
    fc1: Linear,
    fc2: Linear,
    conv3: Pointwise,
    downsample: Option<Pointwise>,
    /// `[1, channels]`: what the gate adds.
    zeros: Tensor,
}

/// A 1 x 1 convolution without bias and its norm.
struct Pointwise {
    conv: Linear,
    norm: LayerNorm,
}

impl CAbstractor {
    pub(super) fn load(
        loader: &mut Loader<'_>,
        c: &ConnectorConfig,
        side: usize,
        hidden: usize,
        depth: usize,
    ) -> Result<Self, ModelError> {
        let patches = loader.checkpoint.config.vision.num_patches();
        let pos_emb = loader.matrix(&name("pos_emb"), &[1, patches, c.in_features])?;
        let mut stage = |stage: usize, first: usize| {
            (1..=depth)
                .map(|i| {
                    let input = if i == 1 { first } else { hidden };
                    Block::load(loader, &name(&format!("net.{stage}.b{i}")), input, hidden)
                })
                .collect::<Result<Vec<_>, _>>()
        };
        let stages = [stage(0, c.in_features)?, stage(2, hidden)?];
        let out = c.out_features;
        Ok(Self {
            pos_emb,
            stages,
            side,
            readout: [
                loader.linear(&name("readout.0"), out, hidden, true)?,
                loader.linear(&name("readout.2"), out, out, true)?,
            ],
        })
    }

    /// `[side^2, hidden]` of the square grid `[patches, vision hidden]` that it was made for, which
    /// begins at row `first` of `x`.
    pub(super) fn forward(
        &self,
        ops: &mut Ops<'_>,
        x: &Tensor,
        first: usize,
    ) -> Result<Tensor, ModelError> {
        let mut y = ops.like(&self.pos_emb, x.cols())?;
        ops.recording.push(add_rows(x, first, &self.pos_emb, &y)?);
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
    fn load(
        loader: &mut Loader<'_>,
        name: &str,
        input: usize,
        hidden: usize,
    ) -> Result<Self, ModelError> {
        let part = |part: &str| format!("{name}.{part}");
        let taps = KERNEL * KERNEL;
        let kernels = loader
            .host(&part("conv2.conv.weight"), &[hidden, 1, KERNEL, KERNEL])?
            .to_f32();
        let by_tap: Vec<f32> = (0..taps)
            .flat_map(|tap| kernels.iter().skip(tap).step_by(taps))
            .copied()
            .collect();
        let quarter = reduced(input);
        Ok(Self {
            conv1: Pointwise::load(loader, &part("conv1"), input, hidden)?,
            conv2: loader.gpu.upload(taps, hidden, &by_tap)?,
            norm2: loader.layer_norm(&part("conv2.bn"), hidden, EPS)?,
            fc1: loader.pointwise(&part("se.fc1"), quarter, hidden, true)?,
            fc2: loader.pointwise(&part("se.fc2"), hidden, quarter, true)?,
            conv3: Pointwise::load(loader, &part("conv3"), hidden, hidden)?,
            downsample: match input == hidden {
                true => None,
                false => Some(Pointwise::load(loader, &part("downsample"), input, hidden)?),
            },
            zeros: loader.gpu.upload(1, hidden, &vec![0.0; hidden])?,
        })
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
        ops.recording
            .push(depthwise_conv(&y, side, &self.conv2, KERNEL, &mixed)?);
        let y = ops.layer_norm_then(&mixed, &self.norm2, None, silu)?;
        let gate = self.gate(ops, &y)?;
        ops.recording
            .push(affine_rows(&y, &gate, &self.zeros, 0, None)?);
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

impl Pointwise {
    fn load(
        loader: &mut Loader<'_>,
        name: &str,
        input: usize,
        out: usize,
    ) -> Result<Self, ModelError> {
        Ok(Self {
            conv: loader.pointwise(&format!("{name}.conv"), out, input, false)?,
            norm: loader.layer_norm(&format!("{name}.bn"), out, EPS)?,
        })
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
