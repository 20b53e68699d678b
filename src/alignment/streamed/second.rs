//! A second run over the pairs: how the quantities of each layer move with the weight of each pair.

use super::side::{Side, have_room};
use crate::{
    alignment::{
        AlignmentError, Influence,
        by_pair::{Units, both_means},
        frechet::Cloud,
        influence::PairSums,
        rank_check::{Scatter, Without, chosen, rows_of},
        spectrum::Slope,
        transport::{self, Found, applied},
    },
    gpu::{DType, Gpu, GpuError, Readback, Recording, Tensor},
    kernels::{
        center_rows::center_rows, norm_stats::STATS, replace_outliers::replace_outliers,
        token_norms::token_norms,
    },
    platform::Cancel,
    report::Outliers,
};

/// A modality at one layer, of which the distance is known.
pub(super) struct Known {
    /// `F [rank, width]` and what undoes it, `[width, rank]`; none of a point.
    pub(super) factor: Option<(Tensor, Tensor)>,
    /// What replaces outliers.
    pub(super) medians: Option<Vec<f32>>,
    /// What the effective rank moves by, where it is wanted.
    pub(super) slope: Option<Slope>,
}

/// What the second run needs of a modality at one layer.
struct Own {
    map: Tensor,
    /// What the effective rank moves by, `[width, width]`, where it is wanted.
    slope: Option<Tensor>,
    /// What it is of, and what it is without each of some pairs.
    scatter: Option<Scatter>,
    without: Vec<Without>,
    /// Of the own modality and of the other, `[2, width]`.
    means: Tensor,
    /// The own mean and what its rounding leaves over, `[1, width]`.
    center: [Tensor; 2],
    /// What replaces outliers, `[1, width]`.
    medians: Option<Tensor>,
    /// Statistics of all norms, `[1, 8]`.
    stats: Tensor,
    units: Units,
}

/// One layer.
pub(super) struct Layer {
    clouds: [Cloud; 2],
    root: f64,
    sides: [Own; 2],
    /// What the effective ranks move by, on the CPU until the sums of the first run have given back their memory.
    slopes: [Option<Slope>; 2],
    /// Of each pair: vision, text.
    sums: [Vec<PairSums>; 2],
}

impl Layer {
    /// From what is `known` of it and the trace of the square root; none where a cloud is a point.
    pub(super) async fn new(
        gpu: &Gpu,
        clouds: [Cloud; 2],
        known: [Known; 2],
        root: f64,
        cancel: &Cancel,
    ) -> Result<Option<Self>, GpuError> {
        let [vision, text] = known;
        let (Some(of_vision), Some(of_text)) = (vision.factor, text.factor) else {
            return Ok(None);
        };
        let mut recording = Recording::new();
        let [vision_map, text_map] = transport::maps(gpu, &mut recording, &[of_vision, of_text])?;
        gpu.run_with(&recording, cancel, &mut |_, _| {}).await?;
        let own = |side: usize, map: Tensor, medians: Option<Vec<f32>>| {
            let cloud = &clouds[side];
            let width = cloud.mean.len();
            let row = |values: &[f32]| gpu.upload(1, width, values);
            let mean: Vec<f32> = cloud.mean.iter().map(|&x| x as f32).collect();
            let rest = cloud.mean.iter().zip(&mean);
            let rest: Vec<f32> = rest
                .map(|(x, &mean)| (x - f64::from(mean)) as f32)
                .collect();
            Ok::<_, GpuError>(Own {
                map,
                slope: None,
                scatter: None,
                without: Vec::new(),
                means: both_means(gpu, &clouds, side)?,
                center: [row(&mean)?, row(&rest)?],
                medians: medians.map(|medians| row(&medians)).transpose()?,
                stats: gpu.upload(1, STATS, &cloud.norms.row())?,
                units: Units::new(&clouds, side),
            })
        };
        let sides = [
            own(0, vision_map, vision.medians)?,
            own(1, text_map, text.medians)?,
        ];
        Ok(Some(Self {
            clouds,
            root,
            sides,
            slopes: [vision.slope, text.slope],
            sums: [Vec::new(), Vec::new()],
        }))
    }
}

/// Takes every pair once more, in the order of the first run, and gives the derivatives of each layer's quantities. It is
/// used as [`Streamed`](super::Streamed) is.
pub struct Second {
    gpu: Gpu,
    rule: Outliers,
    sides: [Side; 2],
    /// None where a cloud is a point.
    layers: Vec<Option<Layer>>,
    /// Tokens of each pair: vision, text.
    pairs: Vec<[usize; 2]>,
    /// Tokens of the pairs pushed.
    pushed: [usize; 2],
    /// Pairs pushed, and those of them that were at hand before.
    next: usize,
    settled: usize,
}

impl Second {
    pub(super) fn new(
        gpu: &Gpu,
        rule: Outliers,
        sides: [Side; 2],
        mut layers: Vec<Option<Layer>>,
        pairs: Vec<[usize; 2]>,
    ) -> Result<Self, GpuError> {
        for layer in layers.iter_mut().flatten() {
            for (own, slope) in layer.sides.iter_mut().zip(&mut layer.slopes) {
                if let Some(Slope { matrix, scatter }) = slope.take() {
                    let width = own.map.cols();
                    own.slope = Some(gpu.upload(width, width, &matrix)?);
                    own.scatter = Some(scatter);
                }
            }
        }
        Ok(Self {
            gpu: gpu.clone(),
            rule,
            sides,
            layers,
            pairs,
            pushed: [0, 0],
            next: 0,
            settled: 0,
        })
    }

    /// As [`Streamed::has_room`](super::Streamed::has_room).
    pub fn has_room(&self, tokens: [usize; 2]) -> bool {
        have_room(&self.sides, tokens)
    }

    /// Records the copying of the next pair's tokens: the rows `vision` and `text` of `states`, one a layer.
    ///
    /// # Errors
    /// [`AlignmentError::States`] where it is not the pair that came in its place before; what the device refuses.
    pub fn push(
        &mut self,
        recording: &mut Recording,
        states: &[Tensor],
        vision: &[u32],
        text: &[u32],
    ) -> Result<(), AlignmentError> {
        let found = [vision.len(), text.len()];
        let expected = self.pairs.get(self.next).copied().unwrap_or_default();
        if found != expected || states.len() != self.layers.len() || !self.has_room(found) {
            return Err(AlignmentError::States {
                expected: format!("{expected:?} tokens again, at {} layers", self.layers.len()),
                found: format!("{found:?}, at {}", states.len()),
            });
        }
        for (side, positions) in [vision, text].into_iter().enumerate() {
            self.sides[side].take(recording, states, positions, self.pushed[side])?;
            self.pushed[side] += positions.len();
        }
        self.next += 1;
        Ok(())
    }

    /// Takes the pairs at hand into the sums and lets go of them.
    ///
    /// # Errors
    /// What the device reports.
    pub async fn settle(&mut self, cancel: &Cancel) -> Result<(), AlignmentError> {
        let pairs = self.settled..self.next;
        for side in 0..2 {
            let width = self.sides[side].width;
            let out = chosen(self.pairs.len(), width);
            let count: usize = self.pairs[pairs.clone()]
                .iter()
                .map(|pair| pair[side])
                .sum();
            for layer in 0..self.layers.len() {
                let read = self.values(side, layer, count, cancel).await?;
                let Some(own) = &mut self.layers[layer] else {
                    continue;
                };
                let norms = &self.sides[side].norms[layer];
                let stats = &own.clouds[side].norms;
                let mut begin = self.pushed[side] - count;
                let first = begin;
                let mut left = Vec::new();
                for pair in pairs.clone() {
                    let tokens = begin..begin + self.pairs[pair][side];
                    begin = tokens.end;
                    // Those that the rule leaves out are in no cloud.
                    let counts =
                        |token: &usize| self.rule != Outliers::Drop || norms.verdict(stats, *token);
                    let rows = tokens.clone().filter(counts).map(|token| token - first);
                    if out.binary_search(&pair).is_ok() {
                        left.push((pair, rows.clone().map(|row| row as u32).collect()));
                    }
                    let sums = own.sides[side].units.sums(&read, rows, norms.of(tokens));
                    own.sums[side].push(sums);
                }
                let counted = own.clouds[side].counted;
                let own = &mut own.sides[side];
                if let (Some(scatter), Some(rows)) = (&own.scatter, self.sides[side].rows(layer)) {
                    let left = rows_of(&self.gpu, &rows, left, cancel).await?;
                    own.without
                        .extend(scatter.without(left, counted, cancel).await?);
                }
            }
            self.sides[side].let_go();
        }
        self.settled = self.next;
        Ok(())
    }

    /// What the device has of the rows at hand of a modality at a layer, in the order of [`Found::tensors`].
    async fn values(
        &self,
        side: usize,
        layer: usize,
        count: usize,
        cancel: &Cancel,
    ) -> Result<Vec<Readback>, GpuError> {
        let (Some(known), Some(rows)) = (&self.layers[layer], self.sides[side].rows(layer)) else {
            return Ok(Vec::new());
        };
        let (gpu, own) = (&self.gpu, &known.sides[side]);
        let mut recording = Recording::new();
        if let Some(medians) = &own.medians {
            let norms = gpu.tensor(DType::F32, 1, count)?;
            recording.push(token_norms(gpu.kernels(), &rows, &norms, 0)?);
            recording.push(replace_outliers(&rows, &norms, &own.stats, 0, medians)?);
        }
        let [mean, rest] = &own.center;
        recording.push(center_rows(&rows, mean, rest, &own.stats, 0)?);
        let maps = (&own.map, own.slope.as_ref());
        let found: Found = applied(gpu, &mut recording, &rows, &own.means, maps)?;
        gpu.run_and_read(&recording, cancel, &found.tensors()).await
    }

    /// The derivatives of each layer; none where a cloud is a point.
    ///
    /// # Errors
    /// [`AlignmentError::States`] where pairs are missing; what the device reports.
    pub async fn finish(
        mut self,
        cancel: &Cancel,
    ) -> Result<Vec<Option<Influence>>, AlignmentError> {
        self.settle(cancel).await?;
        if self.next != self.pairs.len() {
            return Err(AlignmentError::States {
                expected: format!("{} pairs again", self.pairs.len()),
                found: format!("{}", self.next),
            });
        }
        let influence = |layer: Option<Layer>| {
            let Layer {
                clouds,
                root,
                sums,
                sides,
                ..
            } = layer?;
            let [vision, text] = sums;
            let pairs: Vec<[PairSums; 2]> = vision.into_iter().zip(text).map(Into::into).collect();
            let without = sides.map(|it| it.without);
            Some(Influence::new(&clouds, root, &pairs, without))
        };
        Ok(self.layers.into_iter().map(influence).collect())
    }
}
