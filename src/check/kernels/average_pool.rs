//! Cases of `average_pool`.

use super::Cases;
use crate::{check::F32_SUMS, gpu::GpuError, kernels::average_pool::average_pool, reference};

pub(super) fn cases(cases: &mut Cases<'_>) -> Result<(), GpuError> {
    // Whole windows, overlapping ones, the mean of everything, the grid itself, and more positions
    // than there were.
    for (side, out_side, channels) in [
        (1, 1, 1),
        (4, 2, 6),
        (5, 3, 5),
        (7, 4, 70),
        (13, 1, 3),
        (3, 3, 9),
        (2, 5, 4),
        (24, 8, 33),
    ] {
        let x = cases.normals(side * side * channels);
        let x_t = cases.upload(side * side, channels, &x)?;
        let out = cases.out(out_side * out_side, channels)?;
        cases.run([average_pool(cases.gpu, &x_t, side, &out, out_side)?]);
        let expected = reference::average_pool(&x, side, out_side);
        let what = format!("{side} to {out_side}, {channels} channels");
        cases.compare(what, &out, expected, F32_SUMS);
    }
    Ok(())
}
