//! Cases of `residual_norm`.

use super::{Cases, ROW_SHAPES};
use crate::{
    check::F32_SUMS,
    gpu::GpuError,
    kernels::residual_norm::{ResidualNorm, residual_norm},
    reference,
};

pub(super) fn cases(cases: &mut Cases<'_>) -> Result<(), GpuError> {
    if cases.quick {
        return one(cases, ROW_SHAPES[3], 3, false, false);
    }
    for (index, &shape) in ROW_SHAPES.iter().enumerate() {
        for has_behind in [false, true] {
            // One piece and several, with a bias and without.
            one(cases, shape, 1 + index % 3, has_behind, index % 2 == 0)?;
            one(cases, shape, 1, has_behind, index % 2 == 1)?;
        }
    }
    Ok(())
}

fn one(
    cases: &mut Cases<'_>,
    (rows, cols): (usize, usize),
    count: usize,
    has_behind: bool,
    has_bias: bool,
) -> Result<(), GpuError> {
    let pieces = cases.normals(count * rows * cols);
    let residual = cases.normals(rows * cols);
    let [bias, behind, next] = [(); 3].map(|()| cases.normals(cols));
    let pieces_t = cases.upload(count * rows, cols, &pieces)?;
    let residual_t = cases.upload(rows, cols, &residual)?;
    let upload = |values: &[f32]| cases.upload(1, cols, values);
    let (bias_t, behind_t, next_t) = (upload(&bias)?, upload(&behind)?, upload(&next)?);
    let [eps_behind, eps_next] = [1e-6, 1e-5];
    let [expected, expected_normed] = reference::residual_norm(
        &pieces,
        has_bias.then_some(&bias),
        has_behind.then_some((&behind[..], eps_behind)),
        &residual,
        (&next[..], eps_next),
    );
    let what = format!("{count} pieces [{rows}, {cols}], behind: {has_behind}, bias: {has_bias}");
    let normed = cases.out(rows, cols)?;
    let nexts = [Some((&next_t, eps_next, &normed)), None];
    for &next in if cases.quick { &nexts[..1] } else { &nexts[..] } {
        let with = ResidualNorm {
            bias: has_bias.then_some(&bias_t),
            behind: has_behind.then_some((&behind_t, eps_behind)),
            residual: &residual_t,
            next,
        };
        let out = cases.out(rows, cols)?;
        cases.run([residual_norm(cases.gpu, &pieces_t, &with, &out)?]);
        cases.compare(what.clone(), &out, expected.clone(), F32_SUMS);
    }
    cases.compare(
        format!("{what}, normed"),
        &normed,
        expected_normed,
        F32_SUMS,
    );
    Ok(())
}
