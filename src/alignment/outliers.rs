//! Token norms, and what becomes of tokens whose norm stands out.

use super::{AlignmentError, Modality, plan::PIECE};
use crate::{
    gpu::{DType, Gpu, GpuError, Recording, Tensor},
    kernels::{
        column_medians::column_medians,
        gather_rows::gather_rows,
        norm_stats::{NormStats, STATS, norm_stats},
        replace_outliers::replace_outliers,
        token_norms::token_norms,
    },
    platform::Cancel,
};

/// The norms of the tokens before anything is replaced.
pub(super) struct Norms {
    /// `[layers, n]`.
    pub(super) norms: Tensor,
    /// Their statistics, `[layers, 8]`.
    pub(super) stats: Tensor,
}

/// Records the norms of the tokens of several layers and their statistics `[layers, 8]`.
///
/// A token is an outlier where its norm lies more than three (unbiased) standard deviations from
/// the lower median of the norms. The rule does not change with a factor, so it may be applied to states that are
/// not scaled yet.
pub(super) fn record(
    gpu: &Gpu,
    recording: &mut Recording,
    stores: &[Tensor],
) -> Result<Norms, GpuError> {
    let rows = stores.first().map_or(0, Tensor::rows);
    let norms = gpu.tensor(DType::F32, stores.len(), rows)?;
    let stats = gpu.tensor(DType::F32, stores.len(), STATS)?;
    for (layer, store) in stores.iter().enumerate() {
        recording.push(token_norms(gpu.kernels(), store, &norms, layer)?);
    }
    recording.push(norm_stats(gpu, &norms, &stats)?);
    Ok(Norms { norms, stats })
}

/// Records the replacement of outliers in `stores` (`[n, width]` each) by the lower median of each dimension over all
/// tokens, themselves included, as in the released script.
pub(super) fn replace(
    gpu: &Gpu,
    recording: &mut Recording,
    stores: &[Tensor],
    Norms { norms, stats }: &Norms,
) -> Result<(), GpuError> {
    let width = stores.first().map_or(0, Tensor::cols);
    let medians = gpu.tensor(DType::F32, 1, width)?;
    for (layer, store) in stores.iter().enumerate() {
        recording.push(column_medians(gpu, store, stats, layer, &medians)?);
        recording.push(replace_outliers(store, norms, stats, layer, &medians)?);
    }
    Ok(())
}

/// Leaves outliers out of `stores` (`[n, width]` each), whose first rows the others become. Gives the rows that
/// stay, of each layer; none where all of them do, or where a norm is not finite.
pub(super) async fn leave_out(
    gpu: &Gpu,
    stores: &mut [Tensor],
    Norms { norms, stats }: &Norms,
    modality: Modality,
    cancel: &Cancel,
) -> Result<Vec<Option<Vec<u32>>>, AlignmentError> {
    let read = gpu.read(&[norms, stats]).await?;
    let [norms, stats] = read.as_slice() else {
        return Ok(vec![None; stores.len()]);
    };
    let mut stay = Vec::with_capacity(stores.len());
    let rows = norms.values.chunks_exact(norms.cols.max(1));
    let rows = rows.zip(stats.values.chunks_exact(STATS));
    for (store, (norms, stats)) in stores.iter_mut().zip(rows) {
        let stats = NormStats::parse(stats).filter(|stats| stats.broken == 0 && stats.outliers > 0);
        let Some(NormStats { median, limit, .. }) = stats else {
            stay.push(None);
            continue;
        };
        let inside = (0..)
            .zip(norms)
            .filter(|&(_, norm)| (norm - median).abs() <= limit);
        let rows: Vec<u32> = inside.map(|(row, _)| row).collect();
        let count = rows.len();
        if count < 2 {
            return Err(AlignmentError::TooFewTokens { modality, count });
        }
        let mut recording = Recording::new();
        // What is written lies before what is still to be read.
        for (begin, rows) in (0..).step_by(PIECE).zip(rows.chunks(PIECE)) {
            let moved = gpu.tensor(DType::F32, rows.len(), store.cols())?;
            recording.push(gather_rows(
                &gpu.upload_indices(rows)?,
                store,
                0,
                &moved,
                0,
            )?);
            recording.copy_rows(&moved, 0, store, begin, rows.len())?;
        }
        gpu.run_with(&recording, cancel, &mut |_, _| {}).await?;
        // Fewer rows always fit the memory.
        if let Some(fewer) = store.reshaped(count, store.cols()) {
            *store = fewer;
        }
        stay.push(Some(rows));
    }
    Ok(stay)
}
