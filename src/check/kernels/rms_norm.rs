//! Cases of `rms_norm`.

use super::{Cases, ROW_SHAPES};
use crate::{check::F32_SUMS, gpu::GpuError, kernels::rms_norm::rms_norm, reference};

pub(super) fn cases(cases: &mut Cases<'_>) -> Result<(), GpuError> {
    let shapes = if cases.quick {
        &ROW_SHAPES[3..4]
    } else {
        &ROW_SHAPES[..]
    };
    for &(rows, cols) in shapes {
        for eps in [1e-6, 0.5] {
            let (x, weight) = (cases.normals(rows * cols), cases.normals(cols));
            let (x_t, w_t) = (
                cases.upload(rows, cols, &x)?,
                cases.upload(1, cols, &weight)?,
            );
            let out = cases.out(rows, cols)?;
            cases.run([rms_norm(cases.gpu, &x_t, &w_t, eps, &out)?]);
            let expected = reference::rms_norm(&x, &weight, eps);
            cases.compare(
                format!("[{rows}, {cols}], eps {eps}"),
                &out,
                expected,
                F32_SUMS,
            );
        }
    }
    Ok(())
}
