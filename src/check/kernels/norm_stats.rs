//! Cases of `norm_stats`.

use super::Cases;
use crate::{
    check::F32_SUMS,
    gpu::GpuError,
    kernels::norm_stats::{STATS, norm_stats},
    reference,
};

fn compare(
    cases: &mut Cases<'_>,
    norms: &[f32],
    cols: usize,
    what: String,
) -> Result<(), GpuError> {
    let rows = norms.len() / cols;
    let norms_t = cases.upload(rows, cols, norms)?;
    let out = cases.out(rows, STATS)?;
    cases.run([norm_stats(cases.gpu, &norms_t, &out)?]);
    let expected: Vec<_> = norms
        .chunks_exact(cols)
        .map(reference::norm_stats)
        .collect();
    // What is selected, counted or a power of two is exact; mean, deviation and limit are sums.
    for (columns, bound) in [
        (2..6, 0.0),
        (0..1, F32_SUMS),
        (1..2, 1e-5),
        (6..7, 1e-5),
        (7..8, 0.0),
    ] {
        let values = expected.iter().flat_map(|row| &row[columns.clone()]);
        let values = values.copied().collect();
        let what = format!("{what}, values {columns:?}");
        cases.compare_part(what, &out, 0..rows, columns, values, bound);
    }
    Ok(())
}

pub(super) fn cases(cases: &mut Cases<'_>) -> Result<(), GpuError> {
    for (rows, cols) in [
        (1, 2),
        (3, 3),
        (3, 4),
        (3, 5),
        (2, 64),
        (70, 65),
        (3, 255),
        (3, 256),
        (3, 257),
        (5, 1001),
        (3, 4096),
        (1, 20_001),
    ] {
        let norms: Vec<f32> = cases
            .normals(rows * cols)
            .iter()
            .map(|x| (3.0 + x).abs())
            .collect();
        compare(cases, &norms, cols, format!("[{rows}, {cols}]"))?;
    }
    let mut long: Vec<f32> = cases.normals(400).iter().map(|x| 10.0 + 0.1 * x).collect();
    (long[7], long[203], long[399]) = (0.5, 40.0, 39.0);
    compare(cases, &long, 400, "outliers on both sides".into())?;
    // Where a compiler that takes sums for those of real numbers would lose the deviation.
    let far: Vec<f32> = cases.normals(1200).iter().map(|x| 1e4 + 0.1 * x).collect();
    compare(cases, &far, 400, "far from zero, close together".into())?;
    let ties = [1.0, 2.0, 2.0, 2.0, 3.0, 3.0];
    compare(cases, &ties, 6, "ties".into())?;
    let even = [4.0, 1.0, 3.0, 2.0, 0.0, 0.0, 8.0, 9.0];
    compare(cases, &even, 4, "even number, median 0".into())?;
    compare(cases, &[0.0; 5], 5, "all zero".into())?;
    Ok(())
}
