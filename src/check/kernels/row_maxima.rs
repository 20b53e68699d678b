//! Cases of `row_maxima`.

use super::{Cases, ROW_SHAPES};
use crate::{gpu::GpuError, kernels::row_maxima::row_maxima, reference};

pub(super) fn cases(cases: &mut Cases<'_>) -> Result<(), GpuError> {
    let shapes = [(3, 1), (5, 2), (70, 63)].into_iter().chain(ROW_SHAPES);
    for (rows, cols) in shapes {
        // All negative in every third row, so that padding would win.
        let mut x = cases.normals(rows * cols);
        for row in x.chunks_exact_mut(cols).step_by(3) {
            row.iter_mut().for_each(|value| *value = -value.abs() - 0.5);
        }
        let x_t = cases.upload(rows, cols, &x)?;
        let out = cases.upload(rows + 2, 1, &vec![4.0; rows + 2])?;
        cases.run([row_maxima(cases.gpu.kernels(), &x_t, &out, 1)?]);
        // What stands before and after stays.
        let expected = [vec![4.0], reference::row_maxima(&x, cols), vec![4.0]].concat();
        cases.compare(format!("[{rows}, {cols}]"), &out, expected, 0.0);
    }
    Ok(())
}
