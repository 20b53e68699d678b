//! Cases of `rotary`.

use super::Cases;
use crate::{check::F32_SUMS, gpu::GpuError, kernels::rotary::rotary, reference};

/// Cosines, then sines, for each token.
pub(super) fn table(tokens: usize, head_dim: usize) -> Vec<f32> {
    let half = head_dim / 2;
    let angle = |token: usize, i: usize| token as f64 * 10f64.powf(-(i as f64) / head_dim as f64);
    (0..tokens)
        .flat_map(|token| {
            let cosines = (0..half).map(move |i| angle(token, i).cos() as f32);
            cosines.chain((0..half).map(move |i| angle(token, i).sin() as f32))
        })
        .collect()
}

/// (tokens, heads, head_dim).
const SHAPES: [(usize, usize, usize); 5] =
    [(1, 1, 2), (3, 2, 6), (17, 3, 10), (5, 4, 64), (70, 9, 64)];

pub(super) fn cases(cases: &mut Cases<'_>) -> Result<(), GpuError> {
    let shapes = if cases.quick {
        &SHAPES[2..3]
    } else {
        &SHAPES[..]
    };
    for &(tokens, heads, head_dim) in shapes {
        let width = heads * head_dim;
        let x = cases.normals(tokens * width);
        let (x_t, table) = (cases.upload(tokens, width, &x)?, table(tokens, head_dim));
        let table_t = cases.upload(tokens, head_dim, &table)?;
        cases.run([rotary(&x_t, &table_t, head_dim)?]);
        let expected = reference::rotary(&x, &table, width, head_dim);
        let what = format!("{tokens} tokens, {heads} heads of {head_dim}");
        cases.compare(what, &x_t, expected, F32_SUMS);
    }
    Ok(())
}
