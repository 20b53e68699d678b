//! The derivatives of some layers' quantities by the weights of the pairs.

use super::{
    AlignmentError, Influence, Mir,
    frechet::Cloud,
    influence::PairSums,
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
            norms: [vision, text],
        } = kept;
        let norms = gpu.read(&[&vision, &text]).await?;
        let layers = stores.len();
        let mut influences = Vec::with_capacity(layers);
        let parts = stores.into_iter().zip(factors).zip(inverses).enumerate();
        for (layer, ((rows, factors), inverses)) in parts {
            let clouds = &clouds[layer];
            let sides = sides(gpu, rows, factors, inverses, clouds)?;
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
            let sums = |side: usize| {
                let norms = &norms[side];
                let norms = &norms.values[layer * norms.cols..][..norms.cols];
                let stay = stay[side][layer].as_deref();
                self.sums(side, clouds, (norms, stay), &read[3 * side..][..3])
            };
            let pairs: Vec<[PairSums; 2]> = (sums(0).into_iter().zip(sums(1)))
                .map(|(vision, text)| [vision, text])
                .collect();
            influences.push(Some(Influence::new(clouds, roots[layer], &pairs)));
        }
        Ok(influences)
    }

    /// The sums over the tokens of each pair, in the units of the states.
    fn sums(
        &self,
        side: usize,
        clouds: &[Cloud; 2],
        (norms, stay): (&[f32], Option<&[u32]>),
        read: &[Readback],
    ) -> Vec<PairSums> {
        let [transport, squares, along] = read else {
            return Vec::new();
        };
        let scales = [0, 1].map(|side: usize| f64::from(clouds[side].norms.scale));
        let scale = scales[side];
        // The factors are those of sums of squares of scaled rows, not of covariances.
        let degrees = [0, 1].map(|side: usize| (clouds[side].counted - 1) as f64);
        let of_map = scales[0] * scales[1] * (degrees[1 - side] / degrees[side]).sqrt();
        let mut begin = 0;
        let pairs = self.pairs.iter().map(|counts| {
            let all = begin..begin + counts[side];
            begin = all.end;
            // The rows of a pair stand together, whichever of its tokens were left out.
            let row = |token: usize| match stay {
                Some(stay) => stay.partition_point(|&own| (own as usize) < token),
                None => token,
            };
            let range = row(all.start)..row(all.end);
            let sum = |values: &[f32]| values.iter().map(|&x| f64::from(x)).sum::<f64>();
            let product = |mean: usize| {
                let rows = range
                    .clone()
                    .map(|row| along.values[row * along.cols + mean]);
                rows.map(f64::from).sum::<f64>() / scale
            };
            PairSums {
                tokens: all.len() as f64,
                counted: range.len() as f64,
                norms: sum(&norms[all]),
                along: [product(0), product(1)],
                squares: sum(&squares.values[range.clone()]) / (scale * scale),
                transport: sum(&transport.values[range.clone()]) / of_map,
            }
        });
        pairs.collect()
    }
}

/// Both modalities of a layer; none where one is a point.
fn sides(
    gpu: &Gpu,
    rows: [Tensor; 2],
    factors: Factors,
    inverses: Factors,
    clouds: &[Cloud; 2],
) -> Result<Option<[Side; 2]>, GpuError> {
    let ([Some(factor_v), Some(factor_t)], [Some(inverse_v), Some(inverse_t)]) =
        (factors, inverses)
    else {
        return Ok(None);
    };
    let means = |own: usize| {
        let means = [own, 1 - own].map(|side| &clouds[side].mean);
        let values: Vec<f32> = means.into_iter().flatten().map(|&x| x as f32).collect();
        gpu.upload(2, clouds[own].mean.len(), &values)
    };
    let [rows_v, rows_t] = rows;
    Ok(Some([
        Side {
            rows: rows_v,
            factor: factor_v,
            inverse: inverse_v,
            means: means(0)?,
        },
        Side {
            rows: rows_t,
            factor: factor_t,
            inverse: inverse_t,
            means: means(1)?,
        },
    ]))
}
