//! Cases of `scatter_rows`.

use super::Cases;
use crate::{gpu::GpuError, kernels::scatter_rows::scatter_rows, reference};

pub(super) fn cases(cases: &mut Cases<'_>) -> Result<(), GpuError> {
    for width in [1, 5, 64, 67] {
        let source = cases.normals(6 * width);
        let source_t = cases.upload(6, width, &source)?;
        let mut expected = cases.normals(9 * width);
        let out = cases.upload(9, width, &expected)?;
        // The last index lies beyond the result.
        let indices = [8, 0, 3, 40];
        let indices_t = cases.gpu.upload_indices(&indices)?;
        cases.run([scatter_rows(&indices_t, &source_t, 2, &out)?]);
        reference::scatter_rows(&indices, &source, 2, width, &mut expected);
        cases.compare(format!("width {width}"), &out, expected, 0.0);
    }
    Ok(())
}
