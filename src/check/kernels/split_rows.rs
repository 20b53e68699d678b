//! Cases of `split_rows`.

use super::Cases;
use crate::{
    check::F32_SUMS,
    gpu::GpuError,
    kernels::{
        matmul::{Matmul, matmul},
        split_rows::{Parts, split_rows},
    },
    reference::{self, Epilogue},
};

const SHAPES: [(usize, usize); 5] = [(1, 1), (2, 3), (5, 9), (33, 31), (300, 6)];

/// The Gram matrix in two parts that the metric makes of these: that of the high part is exact.
fn gram(
    cases: &mut Cases<'_>,
    what: &str,
    parts: &Parts,
    [high, mixed, low]: &[Vec<f32>; 3],
) -> Result<(), GpuError> {
    let (width, count) = (parts.high.rows(), parts.high.cols());
    for (a, b, (a_t, b_t), symmetric, bound) in [
        (high, high, (&parts.high, &parts.high), true, 0.0),
        (mixed, low, (&parts.mixed, &parts.low), false, F32_SUMS),
    ] {
        let out = cases.out(width, width)?;
        let with = Matmul {
            symmetric,
            ..Matmul::default()
        };
        cases.run(matmul(cases.gpu, a_t, b_t, &with, &out)?);
        let expected = reference::matmul(a, b, count, &Epilogue::default());
        cases.compare(format!("{what}, Gram matrix"), &out, expected, bound);
    }
    Ok(())
}

pub(super) fn cases(cases: &mut Cases<'_>) -> Result<(), GpuError> {
    let shapes = if cases.quick {
        &SHAPES[3..4]
    } else {
        &SHAPES[..]
    };
    for &(rows, cols) in shapes {
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
        let all = [(0, rows), (rows / 3, rows - rows / 3)];
        for &(begin, count) in if cases.quick { &all[..1] } else { &all[..] } {
            let parts = Parts {
                high: cases.out(cols, count)?,
                mixed: cases.out(cols, count)?,
                low: cases.out(cols, count)?,
            };
            cases.run([split_rows(&x_t, begin, &squares, 1, &parts)?]);
            let own = &x[begin * cols..(begin + count) * cols];
            let what = format!("[{rows}, {cols}], {count} rows from {begin}");
            let tensors = [&parts.high, &parts.mixed, &parts.low];
            let expected = reference::split_rows(own, &sums);
            for (part, expected) in tensors.into_iter().zip(&expected) {
                cases.compare(what.clone(), part, expected.clone(), 0.0);
            }
            gram(cases, &what, &parts, &expected)?;
        }
    }
    Ok(())
}
