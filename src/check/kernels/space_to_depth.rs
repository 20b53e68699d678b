//! Cases of `space_to_depth`.

use super::Cases;
use crate::{gpu::GpuError, kernels::space_to_depth::space_to_depth, reference};

pub(super) fn cases(cases: &mut Cases<'_>) -> Result<(), GpuError> {
    for (side, scale, channels) in [(1, 1, 1), (4, 2, 5), (6, 3, 7), (8, 2, 64), (9, 9, 3)] {
        let x = cases.normals(side * side * channels);
        let x_t = cases.upload(side * side, channels, &x)?;
        let out = cases.out((side / scale).pow(2), scale * scale * channels)?;
        cases.run([space_to_depth(&x_t, side, scale, &out)?]);
        let expected = reference::space_to_depth(&x, side, scale);
        let what = format!("{side} by {scale}, {channels} channels");
        cases.compare(what, &out, expected, 0.0);
    }
    Ok(())
}
