//! Cases of `transpose`.

use super::Cases;
use crate::{gpu::GpuError, kernels::transpose::transpose, reference};

pub(super) fn cases(cases: &mut Cases<'_>) -> Result<(), GpuError> {
    let shapes = [(1, 1), (2, 3), (4, 4), (5, 9), (33, 31), (64, 100)];
    for &(rows, cols) in if cases.quick {
        &shapes[4..5]
    } else {
        &shapes[..]
    } {
        let x = cases.normals(rows * cols);
        let x_t = cases.upload(rows, cols, &x)?;
        for (begin, count) in [(0, rows), (rows / 3, rows - rows / 3), (rows - 1, 1)] {
            let out = cases.out(cols, count)?;
            cases.run([transpose(&x_t, begin, &out)?]);
            let own = &x[begin * cols..(begin + count) * cols];
            let what = format!("[{rows}, {cols}], {count} rows from {begin}");
            cases.compare(what, &out, reference::transpose(own, cols), 0.0);
        }
    }
    Ok(())
}
