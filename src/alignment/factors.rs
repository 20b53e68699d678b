//! Factors of covariances, on all processors.

use super::{
    MirSettings,
    cholesky::{Factor, SplitMatrix, factor},
    spectrum::{EffectiveRank, effective_rank},
    traces::at_once,
};
use crate::{
    gpu::{Gpu, GpuError, Tensor},
    platform::{self, Cancel},
};

/// The covariance of a modality at a layer, as it was read back.
pub(super) struct Task<'a> {
    /// Index of the layer among those at hand, and modality: 0 vision, 1 text.
    pub(super) place: (usize, usize),
    pub(super) matrix: SplitMatrix<'a>,
    /// As [`factor`] takes it.
    pub(super) noise: f64,
}

/// What comes of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Factored {
    /// `F [rank, width]`; none of a point.
    pub(super) factor: Option<Tensor>,
    /// What undoes it, `[width, rank]`, where intervals are wanted.
    pub(super) inverse: Option<Tensor>,
    /// The effective rank, where it is wanted and there is one; what it moves by, where intervals are wanted as well.
    pub(super) rank: Option<EffectiveRank>,
}

/// Factors matrices of width `width` side by side, and brings what comes of them to the device; in the order in which
/// they are ready. `progress` hears the share that is done.
pub(super) async fn factored(
    gpu: &Gpu,
    width: usize,
    settings: MirSettings,
    tasks: Vec<Task<'_>>,
    cancel: &Cancel,
    progress: &mut dyn FnMut(f64),
) -> Result<Vec<((usize, usize), Factored)>, GpuError> {
    type Found = (Factor, Option<Vec<f32>>, Option<EffectiveRank>);
    let work = |task: Task<'_>| {
        let Task {
            place,
            matrix,
            noise,
        } = task;
        let found = factor(matrix, width, noise, cancel).and_then(|factor| {
            let inverse = settings.intervals.then(|| factor.inverse(cancel));
            let slope = settings.intervals;
            let rank = settings
                .ranks
                .then(|| effective_rank(matrix.dense(width), width, slope, cancel));
            Ok((factor, inverse.transpose()?, rank.transpose()?.flatten()))
        });
        (place, found)
    };
    let total = tasks.len();
    let mut all = Vec::with_capacity(total);
    let mut failed = None;
    let upload = |(factor, inverse, effective): Found| {
        let Factor { rank, values, .. } = factor;
        if rank == 0 {
            return Ok(Factored {
                rank: effective,
                ..Factored::default()
            });
        }
        let inverse = inverse.map(|values| gpu.upload(width, rank, &values));
        Ok(Factored {
            factor: Some(gpu.upload(rank, width, &values)?),
            inverse: inverse.transpose()?,
            rank: effective,
        })
    };
    let heard = |(place, found): ((usize, usize), Result<Found, GpuError>)| {
        match found.and_then(upload) {
            Ok(factored) => all.push((place, factored)),
            Err(error) => failed = Some(error),
        }
        progress(all.len() as f64 / total as f64);
    };
    // What the rank moves by takes matrices of its own.
    let rows = if settings.ranks && settings.intervals {
        2 * width
    } else {
        width
    };
    platform::in_parallel(tasks.into_iter(), at_once(rows, width), work, heard).await;
    match failed {
        Some(error) => Err(error),
        None => Ok(all),
    }
}
