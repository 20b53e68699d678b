//! Cases of `center_rows`.

use super::Cases;
use crate::{
    gpu::GpuError,
    kernels::{center_rows::center_rows, norm_stats::STATS},
    reference,
};

/// Rows, columns, mean, bound. Two roundings per value; about a large mean the first difference is exact, and
/// what the rounding of the mean left over must not be lost in it.
const CASES: [(usize, usize, f32, f64); 4] = [
    (1, 1, 50.0, 2e-7),
    (3, 5, 50.0, 2e-7),
    (65, 70, 50.0, 2e-7),
    (33, 10, 1e4, 0.0),
];

pub(super) fn cases(cases: &mut Cases<'_>) -> Result<(), GpuError> {
    let scale = 0.125;
    let cases_of = if cases.quick { &CASES[3..] } else { &CASES[..] };
    for &(rows, width, center, bound) in cases_of {
        let x: Vec<f32> = cases
            .normals(rows * width)
            .iter()
            .map(|x| x + center)
            .collect();
        let mean = vec![center; width];
        let rest: Vec<f32> = cases.normals(width).iter().map(|x| x * 1e-3).collect();
        let mut stats = vec![0.0; 2 * STATS];
        stats[STATS + 5] = scale;
        let x_t = cases.upload(rows, width, &x)?;
        let (means, rests) = (cases.second_row(&mean)?, cases.second_row(&rest)?);
        let stats = cases.upload(2, STATS, &stats)?;
        cases.run([center_rows(&x_t, &means, &rests, &stats, 1)?]);
        let expected = reference::center_rows(&x, &mean, &rest, scale);
        let what = format!("[{rows}, {width}] about {center}");
        cases.compare(what, &x_t, expected, bound);
    }
    Ok(())
}
