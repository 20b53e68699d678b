//! Vision towers: CLIP and SigLIP (arXiv 2103.00020 and 2303.15343; `CLIPVisionModel`,
//! `SiglipVisionModel`) and their relatives, which differ by what the [`TowerSpec`] says.
//!
//! Tensors and their use stand together; blocks and positions have files of their own.

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
    kernels::{gather_rows::gather_rows, matmul::Matmul, patchify::patchify},
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
    /// Each of the `images` holds so many pictures of one size, `[pictures * channels * height, width]`.
    pub(super) fn forward(
        &self,
        ops: &mut Ops<'_>,
        images: &[(Tensor, usize)],
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
        let mut grids: Vec<Option<PatchGrid>> = Vec::new();
        for (image, pictures) in images {
            let grid = self.grid(ops, image, *pictures)?;
            grids.extend(std::iter::repeat_n(grid, *pictures));
        }
        let rows: Vec<usize> = grids.iter().map(|grid| self.rows(grid.as_ref())).collect();
        let mut x = self.embed(ops, images, &grids, rows.iter().sum())?;
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
        let patches = grid.map_or(self.spec.num_patches(), |grid| grid.patches());
        patches + self.spec.extra_positions()
    }

    /// The grid of so many pictures of one size, where pictures are of any size.
    fn grid(
        &self,
        ops: &Ops<'_>,
        image: &Tensor,
        pictures: usize,
    ) -> Result<Option<PatchGrid>, ModelError> {
        let c = &self.spec;
        if c.blocks.is_none() {
            return Ok(None);
        }
        let height = image.rows() / (pictures * c.num_channels).max(1);
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

    /// What the first layer is given of all pictures, which have so many positions in all; `grids` are those of each.
    fn embed(
        &self,
        ops: &mut Ops<'_>,
        images: &[(Tensor, usize)],
        grids: &[Option<PatchGrid>],
        all: usize,
    ) -> Result<Tensor, ModelError> {
        let c = &self.spec;
        let x = ops.gpu.tensor(DType::F32, all, c.hidden_size)?;
        let (mut first, mut grids) = (0, grids);
        for (image, pictures) in images {
            let (grid, others) = grids.split_at((*pictures).min(grids.len()));
            let grid = grid.first().and_then(Option::as_ref);
            grids = others;
            let rows = self.rows(grid) - c.extra_positions();
            let patches = self.patches(ops, (image, *pictures), grid, rows)?;
            let class = usize::from(self.class_row.is_some());
            let positions = match self.positions {
                Positions::OfPicture(positions) => Some((ops.values(positions)?.clone(), class)),
                Positions::Table(_) => grid.and_then(|grid| Some((grid.positions.clone()?, 0))),
                Positions::None => None,
            };
            // Those of one picture for each.
            let positions = match positions {
                Some((own, skipped)) if *pictures > 1 => {
                    let each = (skipped..skipped + rows).map(|row| row as u32);
                    let each: Vec<u32> = each.collect::<Vec<_>>().repeat(*pictures);
                    let each = ops.gpu.upload_indices(&each)?;
                    Some((ops.gathered(&own, &each)?, 0))
                }
                positions => positions,
            };
            let extra = c.extra_positions();
            let (out, out_row) = match extra {
                0 => (x.clone(), first),
                _ => (ops.like(&patches, c.hidden_size)?, 0),
            };
            let with = Matmul {
                bias: self.patch_bias.map(|bias| ops.values(bias)).transpose()?,
                residual: positions.as_ref().map(|(positions, _)| positions),
                residual_row: positions.as_ref().map_or(0, |(_, first)| *first),
                out_row,
                ..Matmul::default()
            };
            ops.linear_into(&patches, self.patch_embedding, &with, &out)?;
            if extra > 0 {
                self.behind_extra(ops, &out, *pictures, (&x, first))?;
            }
            first += pictures * (rows + extra);
        }
        match &self.norm_before {
            Some(norm) => ops.layer_norm(&x, norm),
            None => Ok(x),
        }
    }

    /// Puts the embedded patches of so many pictures into the rows of `x` from `first` on, behind each picture's class
    /// token and registers.
    fn behind_extra(
        &self,
        ops: &mut Ops<'_>,
        patches: &Tensor,
        pictures: usize,
        (x, first): (&Tensor, usize),
    ) -> Result<(), ModelError> {
        let (all, own) = (
            patches.rows() as u32,
            (patches.rows() / pictures.max(1)) as u32,
        );
        let extra = self.spec.extra_positions() as u32;
        let of_picture =
            |picture: u32| (all..all + extra).chain(picture * own..(picture + 1) * own);
        let rows: Vec<u32> = (0..pictures as u32).flat_map(of_picture).collect();
        let rows = ops.gpu.upload_indices(&rows)?;
        let extra = [self.class_row, self.registers].into_iter().flatten();
        let extra = extra.map(|id| ops.values(id));
        let tables: Vec<&Tensor> = std::iter::once(Ok(patches))
            .chain(extra)
            .collect::<Result<_, _>>()?;
        let mut begin = 0;
        for table in tables {
            ops.recording
                .push(gather_rows(&rows, table, begin, x, first)?);
            begin += table.rows();
        }
        Ok(())
    }

    /// The patches of so many pictures, `count` each, in the order of their positions.
    fn patches(
        &self,
        ops: &mut Ops<'_>,
        (image, pictures): (&Tensor, usize),
        grid: Option<&PatchGrid>,
        count: usize,
    ) -> Result<Tensor, ModelError> {
        let c = &self.spec;
        let row = c.num_channels * c.patch_size * c.patch_size;
        let patches = ops.gpu.tensor(DType::F32, pictures * count, row)?;
        let planes = [pictures, c.num_channels];
        ops.recording
            .push(patchify(image, planes, c.patch_size, &patches)?);
        match grid {
            Some(grid) => {
                let order = grid.order_of(ops, pictures)?;
                ops.gathered(&patches, &order)
            }
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
