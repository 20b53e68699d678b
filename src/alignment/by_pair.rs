//! The derivatives of some layers' quantities by the weights of the pairs.

use std::ops::Range;

use super::{
    AlignmentError, Influence, Mir,
    frechet::Cloud,
    influence::PairSums,
    rank_check::{Scatter, Without, chosen, rows_of},
    spectrum::Slope,
    traces::Factors,
    transport::{self, Found, Side},
};
use crate::{
    gpu::{Gpu, GpuError, Readback, Recording, Tensor},
    platform::Cancel,
};

/// What the device has of some layers once their distances are known.
pub(super) struct Kept {
    /// Rows of each layer, centered and scaled: vision, text.
    pub(super) stores: Vec<[Tensor; 2]>,
    /// The tokens that these rows are of, at each layer: vision, text; all where none are named.
    pub(super) stay: [Vec<Option<Vec<u32>>>; 2],
    pub(super) factors: Vec<Factors>,
    /// What undoes them.
    pub(super) inverses: Vec<Factors>,
    /// What the effective ranks move by, where they are wanted.
    pub(super) slopes: Vec<[Option<Slope>; 2]>,
    /// Norms before the handling of outliers, `[layers, n]`: vision, text.
    pub(super) norms: [Tensor; 2],
}

impl Mir {
    /// The derivatives of each layer; none where a cloud is a point. `roots` are the traces of the square roots.
    pub(super) async fn influences(
        &self,
        kept: Kept,
        clouds: &[[Cloud; 2]],
        roots: &[f64],
        cancel: &Cancel,
        progress: &mut dyn FnMut(f64),
    ) -> Result<Vec<Option<Influence>>, AlignmentError> {
        let gpu = &self.gpu;
        let Kept {
            stores,
            stay,
            factors,
            inverses,
            slopes,
            norms: [vision, text],
        } = kept;
        let norms = gpu.read(&[&vision, &text]).await?;
        let layers = stores.len();
        let mut influences = Vec::with_capacity(layers);
        let parts = stores.into_iter().zip(factors).zip(inverses).zip(slopes);
        for (layer, (((rows, factors), inverses), slopes)) in parts.enumerate() {
            let clouds = &clouds[layer];
            let stores = rows.clone();
            let (slopes, scatters) = taken_apart(slopes);
            let sides = sides(gpu, rows, (factors, inverses), slopes, clouds)?;
            let Some(sides) = sides else {
                influences.push(None);
                continue;
            };
            let mut recording = Recording::new();
            let found = transport::record(gpu, &mut recording, &sides)?;
            gpu.run_with(&recording, cancel, &mut |share, _| {
                progress((layer as f64 + share) / layers as f64);
            })
            .await?;
            drop(recording);
            let tensors: Vec<&Tensor> = found.iter().flat_map(Found::tensors).collect();
            let read = gpu.read(&tensors).await?;
            let (of_vision, of_text) = read.split_at(found[0].tensors().len());
            let read = [of_vision, of_text];
            let sums = |side: usize| {
                let norms = &norms[side];
                let norms = &norms.values[layer * norms.cols..][..norms.cols];
                let stay = stay[side][layer].as_deref();
                self.sums(side, clouds, (norms, stay), read[side])
            };
            let pairs: Vec<[PairSums; 2]> = (sums(0).into_iter().zip(sums(1)))
                .map(|(vision, text)| [vision, text])
                .collect();
            drop((sides, found));
            let mut without = [Vec::new(), Vec::new()];
            for (side, scatter) in scatters.iter().enumerate() {
                if let Some(scatter) = scatter {
                    let rows = (&stores[side], stay[side][layer].as_deref());
                    let counted = clouds[side].counted;
                    without[side] = self.without(side, scatter, rows, counted, cancel).await?;
                }
            }
            influences.push(Some(Influence::new(clouds, roots[layer], &pairs, without)));
        }
        Ok(influences)
    }

    /// The sums over the tokens of each pair.
    fn sums(
        &self,
        side: usize,
        clouds: &[Cloud; 2],
        (norms, stay): (&[f32], Option<&[u32]>),
        read: &[Readback],
    ) -> Vec<PairSums> {
        let units = Units::new(clouds, side);
        let pairs = self.places(side, stay);
        let pairs = pairs.map(|(all, rows)| units.sums(read, rows, &norms[all]));
        pairs.collect()
    }

    /// The tokens of each pair among all of a modality, and the rows of those that stay.
    fn places<'a>(
        &'a self,
        side: usize,
        stay: Option<&'a [u32]>,
    ) -> impl Iterator<Item = (Range<usize>, Range<usize>)> + 'a {
        let mut begin = 0;
        self.pairs.iter().map(move |counts| {
            let all = begin..begin + counts[side];
            begin = all.end;
            // The rows of a pair stand together, whichever of its tokens were left out.
            let row = |token: usize| match stay {
                Some(stay) => stay.partition_point(|&own| (own as usize) < token),
                None => token,
            };
            let rows = row(all.start)..row(all.end);
            (all, rows)
        })
    }

    /// The effective rank of a modality without each of some pairs.
    async fn without(
        &self,
        side: usize,
        scatter: &Scatter,
        (rows, stay): (&Tensor, Option<&[u32]>),
        counted: usize,
        cancel: &Cancel,
    ) -> Result<Vec<Without>, GpuError> {
        let places: Vec<Range<usize>> = self.places(side, stay).map(|(_, rows)| rows).collect();
        let of = |pair: usize| (pair, places[pair].clone().map(|row| row as u32).collect());
        let pairs = chosen(places.len(), rows.cols()).into_iter().map(of);
        let pairs = rows_of(&self.gpu, rows, pairs.collect(), cancel).await?;
        scatter.without(pairs, counted, cancel).await
    }
}

/// What ranks move by, and what they are of.
pub(super) fn taken_apart(
    slopes: [Option<Slope>; 2],
) -> ([Option<Vec<f32>>; 2], [Option<Scatter>; 2]) {
    let [vision, text] = slopes.map(|slope| slope.map(|it| (it.matrix, it.scatter)).unzip());
    ([vision.0, text.0], [vision.1, text.1])
}

/// What turns the values that the device has of a modality's rows into the units of the states.
#[derive(Clone, Copy)]
pub(super) struct Units {
    /// Of the rows.
    scale: f64,
    /// Of what the transport map gives of them.
    of_map: f64,
}

impl Units {
    pub(super) fn new(clouds: &[Cloud; 2], side: usize) -> Self {
        let scales = [0, 1].map(|side: usize| f64::from(clouds[side].norms.scale));
        // The factors are those of sums of squares of scaled rows, not of covariances.
        let degrees = [0, 1].map(|side: usize| (clouds[side].counted - 1) as f64);
        Self {
            scale: scales[side],
            of_map: scales[0] * scales[1] * (degrees[1 - side] / degrees[side]).sqrt(),
        }
    }

    /// The sums over a pair: of the rows `rows` of what was read ([`Found::tensors`]), and of the norms of all its
    /// tokens.
    pub(super) fn sums(
        &self,
        read: &[Readback],
        rows: impl Iterator<Item = usize> + Clone,
        norms: &[f32],
    ) -> PairSums {
        let [transport, squares, along, ranks @ ..] = read else {
            return PairSums::default();
        };
        let Self { scale, of_map } = self;
        let sum =
            |of: &dyn Fn(usize) -> f32| rows.clone().map(|row| f64::from(of(row))).sum::<f64>();
        let product = |mean: usize| sum(&|row| along.values[row * along.cols + mean]) / scale;
        PairSums {
            tokens: norms.len() as f64,
            counted: rows.clone().count() as f64,
            norms: norms.iter().map(|&norm| f64::from(norm)).sum(),
            along: [product(0), product(1)],
            squares: sum(&|row| squares.values[row]) / (scale * scale),
            transport: sum(&|row| transport.values[row]) / of_map,
            rank: ranks.first().map(|rank| sum(&|row| rank.values[row])),
        }
    }
}

/// Both modalities of a layer; none where one is a point.
fn sides(
    gpu: &Gpu,
    [rows_v, rows_t]: [Tensor; 2],
    (factors, inverses): (Factors, Factors),
    [slope_v, slope_t]: [Option<Vec<f32>>; 2],
    clouds: &[Cloud; 2],
) -> Result<Option<[Side; 2]>, GpuError> {
    let ([Some(factor_v), Some(factor_t)], [Some(inverse_v), Some(inverse_t)]) =
        (factors, inverses)
    else {
        return Ok(None);
    };
    let side = |own: usize, rows: Tensor, factor, inverse, slope: Option<Vec<f32>>| {
        let width = rows.cols();
        let slope = slope.map(|values| gpu.upload(width, width, &values));
        Ok::<_, GpuError>(Side {
            rows,
            factor,
            inverse,
            means: both_means(gpu, clouds, own)?,
            slope: slope.transpose()?,
        })
    };
    Ok(Some([
        side(0, rows_v, factor_v, inverse_v, slope_v)?,
        side(1, rows_t, factor_t, inverse_t, slope_t)?,
    ]))
}

/// The means of a modality and of the other one, `[2, width]`.
pub(super) fn both_means(gpu: &Gpu, clouds: &[Cloud; 2], own: usize) -> Result<Tensor, GpuError> {
    let means = [own, 1 - own].map(|side| &clouds[side].mean);
    let values: Vec<f32> = means.into_iter().flatten().map(|&x| x as f32).collect();
    gpu.upload(2, clouds[own].mean.len(), &values)
}
