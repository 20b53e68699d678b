//! Cases of `split_rows`.

use super::Cases;
use crate::{
    gpu::GpuError,
    kernels::split_rows::{Parts, split_rows},
    reference,
};

pub(super) fn cases(cases: &mut Cases<'_>) -> Result<(), GpuError> {
    for (rows, cols) in [(1, 1), (2, 3), (5, 9), (33, 31), (300, 6)] {
        let mut x = cases.normals(rows * cols);
        for (i, value) in x.iter_mut().enumerate() {
            *value *= match i % cols {
                // A dimension that is always zero.
                4 => 0.0,
                col => 10_f32.powi(col as i32 % 7 - 3),
            };
        }
        let sums = reference::column_sums(&x, &vec![0.0; cols], true, rows, 1.0);
        let (x_t, squares) = (cases.upload(rows, cols, &x)?, cases.second_row(&sums)?);
        for (begin, count) in [(0, rows), (rows / 3, rows - rows / 3)] {
            let parts = Parts {
                high: cases.out(cols, count)?,
                mixed: cases.out(cols, count)?,
                low: cases.out(cols, count)?,
            };
            cases.run([split_rows(&x_t, begin, &squares, 1, &parts)?]);
            let own = &x[begin * cols..(begin + count) * cols];
            let what = format!("[{rows}, {cols}], {count} rows from {begin}");
            let tensors = [&parts.high, &parts.mixed, &parts.low];
            for (part, expected) in tensors.into_iter().zip(reference::split_rows(own, &sums)) {
                cases.compare(what.clone(), part, expected, 0.0);
            }
        }
    }
    Ok(())
}
