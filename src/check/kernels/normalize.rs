//! Cases of `normalize`.

use super::Cases;
use crate::{gpu::GpuError, kernels::normalize::normalize, reference};

pub(super) fn cases(cases: &mut Cases<'_>) -> Result<(), GpuError> {
    let shapes = [(1, 1), (3, 5), (33, 70)];
    for &(rows, cols) in if cases.quick {
        &shapes[1..2]
    } else {
        &shapes[..]
    } {
        let x = cases.normals(rows * cols);
        let x_t = cases.upload(rows, cols, &x)?;
        for squares in [0.0, 4e-6, 1.0, 3.7e5] {
            let column = cases.upload(2, 1, &[f32::NAN, squares])?;
            let out = cases.out(rows, cols)?;
            cases.run([normalize(&x_t, &column, 1, &out)?]);
            let expected = reference::normalize(&x, squares);
            let what = format!("[{rows}, {cols}] by the root of {squares}");
            cases.compare(what, &out, expected, 1e-6);
        }
    }
    Ok(())
}
