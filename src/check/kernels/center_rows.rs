//! Cases of `center_rows`.

use super::Cases;
use crate::{
    gpu::GpuError,
    kernels::{center_rows::center_rows, norm_stats::STATS},
    reference,
};

pub(super) fn cases(cases: &mut Cases<'_>) -> Result<(), GpuError> {
    let scale = 0.125;
    for (rows, width) in [(1, 1), (3, 5), (65, 70)] {
        let x: Vec<f32> = cases
            .normals(rows * width)
            .iter()
            .map(|x| x + 50.0)
            .collect();
        let mean = vec![50.0; width];
        let rest: Vec<f32> = cases.normals(width).iter().map(|x| x * 1e-3).collect();
        let mut stats = vec![0.0; 2 * STATS];
        stats[STATS + 5] = scale;
        let x_t = cases.upload(rows, width, &x)?;
        let (means, rests) = (cases.second_row(&mean)?, cases.second_row(&rest)?);
        let stats = cases.upload(2, STATS, &stats)?;
        cases.run([center_rows(&x_t, &means, &rests, &stats, 1)?]);
        let expected = reference::center_rows(&x, &mean, &rest, scale);
        // Two roundings per value.
        cases.compare(format!("[{rows}, {width}]"), &x_t, expected, 2e-7);
    }
    Ok(())
}
