//! Vision towers: CLIP and SigLIP (arXiv 2103.00020 and 2303.15343; `CLIPVisionModel`,
//! `SiglipVisionModel`) and their relatives, which differ by what the [`TowerSpec`] says.

use super::{
    Capture, CaptureRequest, Hook, ModelError,
    made::{Made, over_frames},
    masks::Mask,
    ops::Ops,
    parameters::{Need, Parameters, Part},
    patch_grid::{PatchGrid, PatchGrids, back_of, rotary_of, windows_of},
    positions::of_picture,
    tickets::{HostId, LayerNorm, TensorId, WeightId},
    tower_block::Block,
};
use crate::{
    families::{PositionTable, TowerSpec},
    gpu::{DType, Gpu, Tensor},
    kernels::{matmul::Matmul, patchify::patchify},
    weights::HostTensor,
};

pub(super) struct VisionTower {
    spec: TowerSpec,
    patch_embedding: WeightId,
    patch_bias: Option<TensorId>,
    positions: Positions,
    /// Class embedding plus its position, `[1, hidden]`.
    class_row: Option<TensorId>,
    /// `[registers, hidden]`.
    registers: Option<TensorId>,
    norm_before: Option<LayerNorm>,
    layers: Vec<Block>,
    /// Behind the last layer; not all models apply it.
    norm_behind: Option<LayerNorm>,
    /// Of the last pictures, where they are of any size.
    grids: PatchGrids,
}

/// Position embeddings.
enum Positions {
    /// Of the class token, where there is one, and of the patches.
    OfPicture(TensorId),
    /// A table of which those of a picture are made when its size is known.
    Table(HostId),
    None,
}

impl VisionTower {
    /// A tower; `normed` says whether its norm behind the last layer is used.
    pub(super) fn new(p: &mut Parameters, spec: &TowerSpec, normed: bool) -> Self {
        p.begin(Part::Tower, "vision_config.");
        let width = (spec.hidden_size, spec.kind.field("hidden_size"));
        let eps = spec.layer_norm_eps;
        let name = |part: &str| format!("vision_tower.embeddings.{part}");
        let class_embedding = spec
            .class_token
            .then(|| p.add(&name("class_embedding"), &[width]));
        let registers = (spec.registers > 0).then(|| {
            let rows = (spec.registers, "num_register_tokens");
            p.matrix(&name("register_tokens"), &[rows, width])
        });
        let patch = (spec.patch_size, "patch_size");
        let channels = (spec.num_channels, "num_channels");
        let kernel = name("patch_embedding.weight");
        let patch_embedding = match spec.frames {
            None => p.weight(&kernel, &[width, channels, patch, patch]),
            Some(frames) => {
                let frames = (frames, "temporal_patch_size");
                let kernel = p.add(&kernel, &[width, channels, frames, patch, patch]);
                p.made_weight(vec![kernel], Box::new(over_frames))
            }
        };
        let patch_bias = spec
            .patch_bias
            .then(|| p.vector(&name("patch_embedding.bias"), width));
        let table = name("position_embedding.weight");
        let (positions, class_row) = match spec.positions {
            PositionTable::None => (Positions::None, None),
            PositionTable::BilinearCorners => {
                let rows = (spec.table_positions(), "num_position_embeddings");
                (Positions::Table(p.host(&table, &[rows, width])), None)
            }
            _ => {
                let fields = "vision_config.image_size and vision_config.patch_size";
                let table = p.add(&table, &[(spec.table_positions(), fields), width]);
                let own = spec.clone();
                let make = move |gpu: &Gpu, of: &[HostTensor]| positions_of(gpu, of, &own);
                let positions = Positions::OfPicture(p.made(vec![table], Box::new(make)));
                let class_row =
                    class_embedding.map(|class| p.made(vec![class, table], Box::new(class_row)));
                (positions, class_row)
            }
        };
        let norm_before = spec
            .norm_before
            .then(|| p.layer_norm("vision_tower.pre_layrnorm", width, eps));
        let layers = spec.num_hidden_layers;
        let blocks = (0..layers).map(|i| Block::new(p, i, spec)).collect();
        let beyond = format!("vision_tower.encoder.layers.{layers}.");
        p.rule_out(beyond, spec.kind.field("num_hidden_layers"), layers);
        // LLaVA takes hidden states from before this norm; some files leave it out.
        let need = if normed { Need::Forward } else { Need::Nothing };
        let norm_behind = spec.norm_behind.then(|| {
            p.needed_for(need, |p| {
                p.layer_norm("vision_tower.post_layernorm", width, eps)
            })
        });
        Self {
            patch_embedding,
            patch_bias,
            positions,
            class_row,
            registers,
            norm_before,
            layers: blocks,
            norm_behind,
            grids: PatchGrids::default(),
            spec: spec.clone(),
        }
    }

    /// Records the tower up to the last state that is needed and returns the states `wanted`, each
    /// `[positions, hidden]`, picture by picture, patches row by row, or block by block where the tower has blocks.
    /// Each of the `images` is `[channels * height, width]`.
    pub(super) fn forward(
        &self,
        ops: &mut Ops<'_>,
        images: &[Tensor],
        wanted: &[usize],
        request: &CaptureRequest,
        capture: &mut Capture,
    ) -> Result<Vec<Tensor>, ModelError> {
        let last = wanted
            .iter()
            .copied()
            .chain(request.last_vision_state())
            .max()
            .unwrap_or(0)
            .min(self.layers.len());
        let mut states = vec![None; wanted.len()];
        let grids = images.iter().map(|image| self.grid(ops, image));
        let grids: Vec<Option<PatchGrid>> = grids.collect::<Result<_, _>>()?;
        let rows: Vec<usize> = grids.iter().map(|grid| self.rows(grid.as_ref())).collect();
        let mut x = self.embed(ops, images, &grids, &rows)?;
        let full = ops.mask(Mask::Each(rows))?;
        let rotary = rotary_of(ops, &grids)?;
        let window = windows_of(ops, &grids)?;
        for i in 0..=last {
            if i > 0 {
                let block = &self.layers[i - 1];
                let seen = window.as_ref().filter(|_| block.windowed).unwrap_or(&full);
                x = block.forward(ops, &x, &self.spec, rotary.as_ref(), seen)?;
            }
            capture.keep(request, Hook::VisionState(i), &x);
            for (state, &index) in states.iter_mut().zip(wanted) {
                if index == i {
                    *state = Some(in_rows(ops, &x, &grids)?);
                }
            }
        }
        Ok(states.into_iter().flatten().collect())
    }

    /// Positions of a picture.
    fn rows(&self, grid: Option<&PatchGrid>) -> usize {
        let patches = grid.map_or(self.spec.num_patches(), |grid| grid.order.cols());
        patches + self.spec.extra_positions()
    }

    /// The grid of a picture, where pictures are of any size.
    fn grid(&self, ops: &Ops<'_>, image: &Tensor) -> Result<Option<PatchGrid>, ModelError> {
        let c = &self.spec;
        if c.blocks.is_none() {
            return Ok(None);
        }
        let height = image.rows() / c.num_channels;
        let size = [height / c.patch_size, image.cols() / c.patch_size];
        let table = match self.positions {
            Positions::Table(table) => Some(ops.host(table)?),
            Positions::OfPicture(_) | Positions::None => None,
        };
        self.grids.get(ops, c, size, table).map(Some)
    }

    /// The norm behind the last layer.
    pub(super) fn norm(&self, ops: &mut Ops<'_>, state: &Tensor) -> Result<Tensor, ModelError> {
        match &self.norm_behind {
            Some(norm) => ops.layer_norm(state, norm),
            None => Ok(state.clone()),
        }
    }

    /// What the first layer is given of all pictures, which have so many `rows`.
    fn embed(
        &self,
        ops: &mut Ops<'_>,
        images: &[Tensor],
        grids: &[Option<PatchGrid>],
        rows: &[usize],
    ) -> Result<Tensor, ModelError> {
        let c = &self.spec;
        let all = rows.iter().sum();
        let x = ops.gpu.tensor(DType::F32, all, c.hidden_size)?;
        let class = usize::from(self.class_row.is_some());
        let mut first = 0;
        for ((image, grid), rows) in images.iter().zip(grids).zip(rows) {
            let patches = self.patches(ops, image, grid.as_ref())?;
            let positions = match self.positions {
                Positions::OfPicture(positions) => Some(ops.values(positions)?),
                Positions::Table(_) => grid.as_ref().and_then(|grid| grid.positions.as_ref()),
                Positions::None => None,
            };
            let with = Matmul {
                bias: self.patch_bias.map(|bias| ops.values(bias)).transpose()?,
                residual: positions,
                residual_row: class,
                out_row: first + c.extra_positions(),
                ..Matmul::default()
            };
            ops.linear_into(&patches, self.patch_embedding, &with, &x)?;
            first += rows;
        }
        first = 0;
        for rows in rows {
            if let Some(class_row) = self.class_row {
                let class_row = ops.values(class_row)?;
                ops.recording.copy_rows(class_row, 0, &x, first, 1)?;
            }
            if let Some(registers) = self.registers {
                let own = ops.values(registers)?;
                ops.recording
                    .copy_rows(own, 0, &x, first + class, c.registers)?;
            }
            first += rows;
        }
        match &self.norm_before {
            Some(norm) => ops.layer_norm(&x, norm),
            None => Ok(x),
        }
    }

    /// The patches of a picture, in the order of its positions.
    fn patches(
        &self,
        ops: &mut Ops<'_>,
        image: &Tensor,
        grid: Option<&PatchGrid>,
    ) -> Result<Tensor, ModelError> {
        let c = &self.spec;
        let row = c.num_channels * c.patch_size * c.patch_size;
        let count = grid.map_or(c.num_patches(), |grid| grid.order.cols());
        let patches = ops.gpu.tensor(DType::F32, count, row)?;
        ops.recording
            .push(patchify(image, c.num_channels, c.patch_size, &patches)?);
        match grid {
            Some(grid) => ops.gathered(&patches, &grid.order),
            None => Ok(patches),
        }
    }
}

/// The positions of a picture's patches from the checkpoint's table, the class token's own first.
fn positions_of(gpu: &Gpu, of: &[HostTensor], spec: &TowerSpec) -> Result<Made, ModelError> {
    let table = of.first().map(HostTensor::to_f32).unwrap_or_default();
    // Before the host has to hold what the device could not.
    let rows = spec.num_patches() + usize::from(spec.class_token);
    let bytes = 4 * rows as u64 * spec.hidden_size as u64;
    gpu.check_size("the positions of a picture", bytes)?;
    let values = of_picture(spec, table);
    Ok(Made::Values(gpu.upload(rows, spec.hidden_size, &values)?))
}

/// The class token's embedding plus its position, the first of the table.
fn class_row(gpu: &Gpu, of: &[HostTensor]) -> Result<Made, ModelError> {
    let mut values = of.iter().map(HostTensor::to_f32);
    let mut row = values.next().unwrap_or_default();
    for (value, position) in row.iter_mut().zip(values.next().unwrap_or_default()) {
        *value += position;
    }
    Ok(Made::Values(gpu.upload(1, row.len(), &row)?))
}

/// A state with the blocks of each picture row by row.
fn in_rows(
    ops: &mut Ops<'_>,
    state: &Tensor,
    grids: &[Option<PatchGrid>],
) -> Result<Tensor, ModelError> {
    match back_of(ops, grids)? {
        Some(back) => ops.gathered(state, &back),
        None => Ok(state.clone()),
    }
}
