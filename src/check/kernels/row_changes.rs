//! Cases of `row_changes`.

use super::{Cases, ROW_SHAPES};
use crate::{check::F32_SUMS, gpu::GpuError, kernels::row_changes::row_changes, reference};

pub(super) fn cases(cases: &mut Cases<'_>) -> Result<(), GpuError> {
    let shapes = [(70, 63)].into_iter().chain(ROW_SHAPES);
    for (rows, cols) in shapes {
        // Small changes and large ones; a row of zeros on either side.
        let mut a = cases.normals(rows * cols);
        let noise = cases.normals(rows * cols);
        let size = |at: usize| [1e-4, 0.3, 3.0][at / cols % 3];
        let mut b: Vec<f32> = (a.iter().zip(noise).enumerate())
            .map(|(at, (a, noise))| a + noise * size(at))
            .collect();
        if rows > 4 {
            a[cols..2 * cols].fill(0.0);
            b[3 * cols..4 * cols].fill(0.0);
        }
        let (a_t, b_t) = (cases.upload(rows, cols, &a)?, cases.upload(rows, cols, &b)?);
        let out = cases.out(rows, 2)?;
        cases.run([row_changes(cases.gpu.kernels(), &a_t, &b_t, &out)?]);
        let expected = reference::row_changes(&a, &b, cols);
        cases.compare(format!("[{rows}, {cols}]"), &out, expected, F32_SUMS);
    }
    Ok(())
}
