//! Cases of `token_norms`.

use super::{Cases, ROW_SHAPES};
use crate::{check::F32_SUMS, gpu::GpuError, kernels::token_norms::token_norms, reference};

fn compare(cases: &mut Cases<'_>, x: &[f32], width: usize, what: String) -> Result<(), GpuError> {
    let rows = x.len() / width;
    let x_t = cases.upload(rows, width, x)?;
    let out = cases.upload(3, rows, &vec![-1.0; 3 * rows])?;
    cases.run([token_norms(cases.gpu.kernels(), &x_t, &out, 1)?]);
    let norms = reference::token_norms(x, width);
    cases.compare_part(what.clone(), &out, 1..2, 0..rows, norms, F32_SUMS);
    // The rows around it stay.
    for row in [0, 2] {
        cases.compare_part(
            what.clone(),
            &out,
            row..row + 1,
            0..rows,
            vec![-1.0; rows],
            0.0,
        );
    }
    Ok(())
}

pub(super) fn cases(cases: &mut Cases<'_>) -> Result<(), GpuError> {
    let tall = [(2, 3), (65, 33), (130, 64)];
    for (rows, width) in tall.into_iter().chain(ROW_SHAPES) {
        let x = cases.normals(rows * width);
        compare(cases, &x, width, format!("[{rows}, {width}]"))?;
    }
    for scale in [1e-25_f32, 1e-12, 1e12, 1e30] {
        let x: Vec<f32> = cases.normals(5 * 40).iter().map(|x| x * scale).collect();
        compare(cases, &x, 40, format!("scaled by {scale:e}"))?;
    }
    compare(cases, &[0.0; 12], 4, "zeros".into())?;
    let width = 70;
    let mut x = cases.normals(6 * width);
    x[width + 69] = f32::NAN;
    x[2 * width] = f32::INFINITY;
    x[4 * width + 5] = f32::NEG_INFINITY;
    x[5 * width + 66] = -f32::NAN;
    compare(cases, &x, width, "rows that are not finite".into())?;
    Ok(())
}
