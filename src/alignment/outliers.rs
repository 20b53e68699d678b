//! Token norms, and what becomes of tokens whose norm stands out.

use crate::{
    gpu::{DType, Gpu, GpuError, Recording, Tensor},
    kernels::{
        column_medians::column_medians,
        norm_stats::{STATS, norm_stats},
        replace_outliers::replace_outliers,
        token_norms::token_norms,
    },
};

/// The norms of the tokens before anything is replaced.
pub(super) struct Norms {
    /// `[layers, n]`.
    pub(super) norms: Tensor,
    /// Their statistics, `[layers, 8]`.
    pub(super) stats: Tensor,
}

/// Records the norms of the tokens of several layers and their statistics `[layers, 8]`, and, where
/// asked, the replacement of outliers in `stores` (`[n, width]` each).
///
/// A token is an outlier where its norm lies more than three (unbiased) standard deviations from
/// the lower median of the norms; it is replaced by the lower median of each dimension over all
/// tokens, itself included, as in the released script. The rule does not change with a factor, so it
/// may be applied to states that are not scaled yet.
pub(super) fn record(
    gpu: &Gpu,
    recording: &mut Recording,
    stores: &[Tensor],
    replace: bool,
) -> Result<Norms, GpuError> {
    let (rows, width) = stores
        .first()
        .map_or((0, 0), |store| (store.rows(), store.cols()));
    let norms = gpu.tensor(DType::F32, stores.len(), rows)?;
    let stats = gpu.tensor(DType::F32, stores.len(), STATS)?;
    for (layer, store) in stores.iter().enumerate() {
        recording.push(token_norms(gpu.kernels(), store, &norms, layer)?);
    }
    recording.push(norm_stats(gpu, &norms, &stats)?);
    if replace {
        let medians = gpu.tensor(DType::F32, 1, width)?;
        for (layer, store) in stores.iter().enumerate() {
            recording.push(column_medians(gpu, store, &stats, layer, &medians)?);
            recording.push(replace_outliers(store, &norms, &stats, layer, &medians)?);
        }
    }
    Ok(Norms { norms, stats })
}
