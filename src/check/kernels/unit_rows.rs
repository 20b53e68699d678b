//! Cases of `unit_rows`.

use super::{Cases, ROW_SHAPES};
use crate::{check::F32_SUMS, gpu::GpuError, kernels::unit_rows::unit_rows, reference};

fn compare(cases: &mut Cases<'_>, x: &[f32], width: usize, what: String) -> Result<(), GpuError> {
    let rows = x.len() / width;
    // Backwards, every other row, the first one twice.
    let mut indices: Vec<u32> = (0..rows as u32).rev().step_by(2).collect();
    indices.push(0);
    let x_t = cases.upload(rows, width, x)?;
    let chosen = cases.gpu.upload_indices(&indices)?;
    let out = cases.upload(indices.len(), width, &vec![7.0; indices.len() * width])?;
    cases.run([unit_rows(cases.gpu.kernels(), &chosen, &x_t, &out)?]);
    let expected = reference::unit_rows(&indices, x, width);
    cases.compare(what, &out, expected, F32_SUMS);
    Ok(())
}

pub(super) fn cases(cases: &mut Cases<'_>) -> Result<(), GpuError> {
    for (rows, width) in [(2, 3), (65, 33), (130, 64)].into_iter().chain(ROW_SHAPES) {
        let x = cases.normals(rows * width);
        compare(cases, &x, width, format!("[{rows}, {width}]"))?;
    }
    for scale in [1e-25_f32, 1e-12, 1e12, 1e30] {
        let x: Vec<f32> = cases.normals(5 * 40).iter().map(|x| x * scale).collect();
        compare(cases, &x, 40, format!("scaled by {scale:e}"))?;
    }
    let mut x = cases.normals(5 * 30);
    x[30..90].fill(0.0);
    compare(cases, &x, 30, "rows of zeros".into())?;
    Ok(())
}
