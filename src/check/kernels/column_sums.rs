//! Cases of `column_sums`.

use super::Cases;
use crate::{
    check::F32_SUMS,
    gpu::GpuError,
    kernels::column_sums::{BLOCK, ColumnSums, column_sums, column_totals},
    reference,
};

/// What is left over of a mean near 10,000, from values whose differences to it add up exactly: f32 has steps
/// of 1/1024 there. Sums that are not of the differences are off by far more.
fn rest_of_a_large_mean(cases: &mut Cases<'_>) -> Result<(), GpuError> {
    let (rows, width) = (1025, 3);
    let step = |steps: u64| 1e4 + (steps as f32 - 512.0) / 1024.0;
    let x: Vec<f32> = (0..rows * width)
        .map(|_| step(cases.random.next_u64() % 1024))
        .collect();
    let shift = vec![step(515); width];
    let (x_t, shifts) = (
        cases.upload(rows, width, &x)?,
        cases.upload(1, width, &shift)?,
    );
    let what = ColumnSums {
        shift: Some((&shifts, 0)),
        square: false,
        factor: 1.0 / 1024.0,
    };
    let expected = reference::column_sums(&x, &shift, false, rows, what.factor);
    let out = cases.out(1, width)?;
    cases.run(column_totals(cases.gpu, &x_t, &what, &out, 0)?);
    cases.compare("rest of a mean near 1e4".into(), &out, expected, 0.0);
    Ok(())
}

pub(super) fn cases(cases: &mut Cases<'_>) -> Result<(), GpuError> {
    rest_of_a_large_mean(cases)?;
    if cases.quick {
        return Ok(());
    }
    for (rows, width) in [(1, 1), (31, 5), (32, 4), (33, 64), (200, 67)] {
        let x: Vec<f32> = cases
            .normals(rows * width)
            .iter()
            .map(|x| x + 3.0)
            .collect();
        let shift = cases.normals(width);
        let (x_t, shifts) = (cases.upload(rows, width, &x)?, cases.second_row(&shift)?);
        for (shifted, square) in [(false, false), (false, true), (true, false), (true, true)] {
            let what = ColumnSums {
                shift: shifted.then_some((&shifts, 1)),
                square,
                factor: 0.3,
            };
            let own = if shifted {
                shift.clone()
            } else {
                vec![0.0; width]
            };
            let expected = reference::column_sums(&x, &own, square, BLOCK, what.factor);
            let out = cases.out(rows.div_ceil(BLOCK), width)?;
            cases.run([column_sums(&x_t, &what, &out, 0)?]);
            let what = format!("[{rows}, {width}], shifted: {shifted}, squared: {square}");
            cases.compare(what, &out, expected, F32_SUMS);
        }
    }
    for (rows, width) in [(1, 3), (32, 3), (1025, 5), (40_000, 2)] {
        let x: Vec<f32> = cases
            .normals(rows * width)
            .iter()
            .map(|x| x + 100.0)
            .collect();
        let shift = vec![99.0; width];
        let (x_t, shifts) = (
            cases.upload(rows, width, &x)?,
            cases.upload(1, width, &shift)?,
        );
        for square in [false, true] {
            let what = ColumnSums {
                shift: Some((&shifts, 0)),
                square,
                factor: 1.0 / rows as f32,
            };
            let expected = reference::column_sums(&x, &shift, square, rows, what.factor);
            let out = cases.out(2, width)?;
            cases.run(column_totals(cases.gpu, &x_t, &what, &out, 1)?);
            let what = format!("totals of [{rows}, {width}], squared: {square}");
            cases.compare_part(what, &out, 1..2, 0..width, expected, 1e-6);
        }
    }
    Ok(())
}
