//! Connectors, from tower states to image tokens, one file per type.
//!
//! All take the selected states of the tower and give `[image tokens, hidden]`. Where the patches form
//! a grid, row `r * side + c` is the patch in row `r` and column `c`.

mod attention_pool;
mod average_pool;
mod c_abstractor;
mod downsample;
mod mlp;
mod patch_merger;
mod pixel_shuffle;
mod pool_norm;

use self::{
    attention_pool::AttentionPool, average_pool::AveragePool, c_abstractor::CAbstractor,
    downsample::Downsample, mlp::Mlp, patch_merger::PatchMerger, pixel_shuffle::PixelShuffle,
    pool_norm::PoolNorm,
};
use super::{
    ModelError,
    capture::Share,
    ops::Ops,
    parameters::{Parameters, Part, Size},
    tickets::TensorId,
};
use crate::{
    families::{ConnectorKind, FeatureSelect, VisionSpec},
    gpu::Tensor,
};

pub(super) struct Connector {
    form: Form,
    /// Tower positions that are left out at the beginning.
    skip: usize,
    /// The rows behind the features of all pictures, each `[1, hidden]`.
    learned: Vec<TensorId>,
    /// What makes the features that are added behind decoder layers.
    deep: Vec<PatchMerger>,
}

enum Form {
    Mlp(Mlp),
    AveragePool(AveragePool),
    AttentionPool(AttentionPool),
    CAbstractor(CAbstractor),
    PixelShuffle(PixelShuffle),
    PoolNorm(PoolNorm),
    Downsample(Downsample),
    PatchMerger(PatchMerger),
}

/// The sizes of a connector.
struct Sizes {
    /// The decoder's width.
    out: Size,
    /// Width of the features.
    input: Size,
    /// Patches of a picture.
    patches: Size,
    /// Whether the layers `linear_1`, `linear_2`, ... have biases.
    bias: (bool, &'static str),
}

impl Connector {
    pub(super) fn new(p: &mut Parameters, vision: &VisionSpec) -> Self {
        let c = &vision.connector;
        p.begin(Part::Connector, "");
        let sizes = &Sizes {
            out: (c.out_features, "text_config.hidden_size"),
            input: (
                c.in_features,
                "vision_config.hidden_size times the number of vision_feature_layer",
            ),
            patches: (
                vision.tower.num_patches(),
                "the size of pictures and vision_config.patch_size",
            ),
            bias: (c.bias, c.fields.bias),
        };
        let form = match c.kind {
            ConnectorKind::Mlp { layers } => {
                Form::Mlp(Mlp::new(p, sizes, c, layers, vision.feature_layers.len()))
            }
            ConnectorKind::AveragePool { side } => {
                Form::AveragePool(AveragePool::new(p, sizes, side))
            }
            ConnectorKind::AttentionPool { tokens, heads } => {
                Form::AttentionPool(AttentionPool::new(p, sizes, tokens, heads))
            }
            ConnectorKind::CAbstractor {
                side,
                hidden_size,
                depth,
            } => Form::CAbstractor(CAbstractor::new(p, sizes, side, hidden_size, depth)),
            ConnectorKind::PixelShuffle {
                scale,
                normed,
                layers,
            } => Form::PixelShuffle(PixelShuffle::new(
                p,
                sizes,
                scale,
                (normed, layers),
                c.activation,
            )),
            ConnectorKind::Downsample { by_columns } => {
                Form::Downsample(Downsample::new(p, sizes, by_columns, c.activation))
            }
            ConnectorKind::PoolNorm { kernel, side } => {
                let eps = vision.tower.layer_norm_eps;
                Form::PoolNorm(PoolNorm::new(p, sizes, kernel, side, eps))
            }
            ConnectorKind::PatchMerger { side } => {
                let own = name("");
                Form::PatchMerger(PatchMerger::new(p, sizes, vision, &own, side, false))
            }
        };
        let deep = match c.kind {
            ConnectorKind::PatchMerger { side } => (vision.deepstack.iter())
                .map(|deep| {
                    let own = name(&format!("deepstack.{}.", deep.connector));
                    PatchMerger::new(p, sizes, vision, &own, side, true)
                })
                .collect(),
            _ => Vec::new(),
        };
        let beyond = name(&format!("linear_{}.", c.kind.linear_layers() + 1));
        p.rule_out(beyond, "mm_projector_type", c.kind.name());
        let learned = vision.learned_rows.iter();
        Self {
            learned: learned.map(|name| p.vector(name, sizes.out)).collect(),
            form,
            deep,
            skip: match vision.feature_select {
                FeatureSelect::Default => 1,
                FeatureSelect::Full => 0,
            },
        }
    }

    /// The rows behind the features of all pictures.
    pub(super) fn learned(&self) -> &[TensorId] {
        &self.learned
    }

    /// Image features `[image tokens, hidden]` from tower states `[positions, vision hidden]` of pictures that have so
    /// many positions and image tokens each, one picture's rows below another's.
    pub(super) fn forward(
        &self,
        ops: &mut Ops<'_>,
        states: &[Tensor],
        pictures: &[[usize; 2]],
    ) -> Result<Tensor, ModelError> {
        match &self.form {
            // Row by row, whatever pictures the rows are of.
            Form::Mlp(mlp) => {
                let positions: Vec<usize> = pictures.iter().map(|[rows, _]| *rows).collect();
                let selected = states
                    .iter()
                    .map(|state| self.select(ops, state, &positions))
                    .collect::<Result<Vec<_>, _>>()?;
                return mlp.forward(ops, &selected);
            }
            Form::PatchMerger(merger) => return merger.forward(ops, one(states)?),
            _ => {}
        }
        let all = pictures.iter().map(|[_, tokens]| tokens).sum();
        let (mut first, mut features) = ([0; 2], None);
        for [positions, tokens] in pictures {
            let state = ops.part(one(states)?, first[0], *positions)?;
            let own = self.of_picture(ops, &state)?;
            let share = Share {
                first: first[1],
                all,
            };
            match &features {
                None => features = Some(share.begun(ops, own)?),
                Some(features) => share.copy(ops, &own, features)?,
            }
            first = [first[0] + positions, first[1] + tokens];
        }
        features.ok_or(NOTHING)
    }

    /// The features of one picture.
    fn of_picture(&self, ops: &mut Ops<'_>, state: &Tensor) -> Result<Tensor, ModelError> {
        if let Form::CAbstractor(abstractor) = &self.form {
            return abstractor.forward(ops, state, self.skip);
        }
        let x = self.select(ops, state, &[state.rows()])?;
        match &self.form {
            Form::AveragePool(pool) => pool.forward(ops, &x),
            Form::AttentionPool(pool) => pool.forward(ops, &x),
            Form::PixelShuffle(shuffle) => shuffle.forward(ops, &x),
            Form::Downsample(downsample) => downsample.forward(ops, &x),
            Form::PoolNorm(pool) => pool.forward(ops, &x),
            Form::Mlp(_) | Form::PatchMerger(_) | Form::CAbstractor(_) => Err(NOTHING),
        }
    }

    /// The features that are added behind decoder layers, each `[image tokens, hidden]`, of the states
    /// within the tower of which they are made.
    pub(super) fn deep(
        &self,
        ops: &mut Ops<'_>,
        states: &[Tensor],
    ) -> Result<Vec<Tensor>, ModelError> {
        let pairs = self.deep.iter().zip(states);
        pairs
            .map(|(merger, state)| merger.forward(ops, state))
            .collect()
    }

    /// The positions of pictures with so many rows each that are features.
    fn select(
        &self,
        ops: &mut Ops<'_>,
        state: &Tensor,
        pictures: &[usize],
    ) -> Result<Tensor, ModelError> {
        if self.skip == 0 {
            return Ok(state.clone());
        }
        if let [rows] = pictures {
            return ops.part(state, self.skip, rows.saturating_sub(self.skip));
        }
        let (mut first, mut kept) = (0, Vec::with_capacity(state.rows()));
        for rows in pictures {
            let end = first + rows;
            kept.extend((first + self.skip..end).map(|row| row as u32));
            first = end;
        }
        let kept = ops.gpu.upload_indices(&kept)?;
        ops.gathered(state, &kept)
    }
}

/// A picture without states: the configuration has at least one, and exactly one for all forms but the MLP.
const NOTHING: ModelError = ModelError::ImageTokens {
    expected: 0,
    found: 0,
};

fn one(states: &[Tensor]) -> Result<&Tensor, ModelError> {
    states.first().ok_or(NOTHING)
}

/// Canonical name of a tensor of the connector.
fn name(part: &str) -> String {
    format!("multi_modal_projector.{part}")
}
