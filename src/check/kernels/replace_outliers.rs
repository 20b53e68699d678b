//! Cases of `replace_outliers`.

use super::Cases;
use crate::{
    gpu::GpuError,
    kernels::{norm_stats::STATS, replace_outliers::replace_outliers},
    reference,
};

pub(super) fn cases(cases: &mut Cases<'_>) -> Result<(), GpuError> {
    let (median, limit) = (0.7, 0.5);
    for (rows, width) in [(2, 1), (5, 7), (90, 33)] {
        let x = cases.normals(rows * width);
        let medians = cases.normals(width);
        let own: Vec<f32> = cases.normals(rows).iter().map(|x| x.abs()).collect();
        // Statistics and norms of the first layer would replace nothing.
        let norms = [vec![median; rows], own.clone()].concat();
        let mut stats = vec![0.0; 2 * STATS];
        stats[STATS + 2] = median;
        stats[STATS + 6] = limit;
        let replaced = reference::replace_outliers(&x, &own, median, limit, &medians);
        for outliers in [0.0, 1.0] {
            stats[STATS + 3] = outliers;
            let x_t = cases.upload(rows, width, &x)?;
            let (norms, stats) = (
                cases.upload(2, rows, &norms)?,
                cases.upload(2, STATS, &stats)?,
            );
            let medians = cases.upload(1, width, &medians)?;
            cases.run([replace_outliers(&x_t, &norms, &stats, 1, &medians)?]);
            let expected = if outliers > 0.0 { &replaced } else { &x };
            let what = format!("[{rows}, {width}], outliers: {outliers}");
            cases.compare(what, &x_t, expected.clone(), 0.0);
        }
    }
    Ok(())
}
