//! Cases of `patchify`.

use super::Cases;
use crate::{gpu::GpuError, kernels::patchify::patchify, reference};

pub(super) fn cases(cases: &mut Cases<'_>) -> Result<(), GpuError> {
    // The last two have pixels beyond the last whole patch.
    for (channels, height, width, size) in [
        (1, 1, 1, 1),
        (3, 28, 28, 14),
        (3, 21, 14, 7),
        (2, 11, 13, 4),
        (3, 30, 17, 14),
    ] {
        let image = cases.normals(channels * height * width);
        let expected = reference::patchify(&image, channels, height, width, size);
        let image_t = cases.upload(channels * height, width, &image)?;
        let row = channels * size * size;
        let out = cases.out(expected.len() / row, row)?;
        cases.run([patchify(&image_t, channels, size, &out)?]);
        let what = format!("{channels} x {height} x {width} by {size}");
        cases.compare(what, &out, expected, 0.0);
    }
    Ok(())
}
