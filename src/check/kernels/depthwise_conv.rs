//! Cases of `depthwise_conv`.

use super::Cases;
use crate::{check::F32_SUMS, gpu::GpuError, kernels::depthwise_conv::depthwise_conv, reference};

pub(super) fn cases(cases: &mut Cases<'_>) -> Result<(), GpuError> {
    for (side, channels, size) in [
        (1, 1, 3),
        (2, 5, 3),
        (3, 7, 1),
        (4, 64, 3),
        (9, 70, 3),
        (5, 6, 5),
        (2, 3, 7),
    ] {
        let x = cases.normals(side * side * channels);
        let weight = cases.normals(size * size * channels);
        let x_t = cases.upload(side * side, channels, &x)?;
        let weight_t = cases.upload(size * size, channels, &weight)?;
        let out = cases.out(side * side, channels)?;
        cases.run([depthwise_conv(&x_t, side, &weight_t, size, &out)?]);
        let expected = reference::depthwise_conv(&x, side, &weight, size);
        let what = format!("{side} x {side}, {channels} channels, {size} x {size}");
        cases.compare(what, &out, expected, F32_SUMS);
    }
    Ok(())
}
