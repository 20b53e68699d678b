//! Cases of `patchify`.

use super::Cases;
use crate::{gpu::GpuError, kernels::patchify::patchify, reference};

pub(super) fn cases(cases: &mut Cases<'_>) -> Result<(), GpuError> {
    // The last two have pixels beyond the last whole patch.
    for (pictures, channels, height, width, size) in [
        (1, 1, 1, 1, 1),
        (1, 3, 28, 28, 14),
        (5, 3, 21, 14, 7),
        (1, 2, 11, 13, 4),
        (2, 3, 30, 17, 14),
    ] {
        let of_one = channels * height * width;
        let image = cases.normals(pictures * of_one);
        let each = image.chunks_exact(of_one);
        let expected: Vec<f32> = each
            .flat_map(|image| reference::patchify(image, channels, height, width, size))
            .collect();
        let image_t = cases.upload(pictures * channels * height, width, &image)?;
        let row = channels * size * size;
        let out = cases.out(expected.len() / row, row)?;
        cases.run([patchify(&image_t, [pictures, channels], size, &out)?]);
        let what = format!("{pictures} of {channels} x {height} x {width} by {size}");
        cases.compare(what, &out, expected, 0.0);
    }
    Ok(())
}
