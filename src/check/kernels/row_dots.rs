//! Cases of `row_dots`.

use super::{Cases, ROW_SHAPES};
use crate::{check::F32_SUMS, gpu::GpuError, kernels::row_dots::row_dots, reference};

pub(super) fn cases(cases: &mut Cases<'_>) -> Result<(), GpuError> {
    let shapes = [(70, 63)].into_iter().chain(ROW_SHAPES);
    for (rows, cols) in shapes.take(if cases.quick { 1 } else { usize::MAX }) {
        let a = cases.normals(rows * cols);
        let noise = cases.normals(rows * cols);
        let b: Vec<f32> = a.iter().zip(noise).map(|(a, noise)| a + noise).collect();
        let (a_t, b_t) = (cases.upload(rows, cols, &a)?, cases.upload(rows, cols, &b)?);
        let out = cases.upload(rows + 2, 1, &vec![4.0; rows + 2])?;
        cases.run([row_dots(cases.gpu.kernels(), &a_t, &b_t, &out, 1)?]);
        let dots = reference::row_dots(&a, &b, cols);
        // What stands before and after stays.
        let expected = [vec![4.0], dots, vec![4.0]].concat();
        cases.compare(format!("[{rows}, {cols}]"), &out, expected, F32_SUMS);
    }
    Ok(())
}
