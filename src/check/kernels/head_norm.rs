//! Cases of `head_norm`.

use super::Cases;
use crate::{check::F32_SUMS, gpu::GpuError, kernels::head_norm::head_norm, reference};

pub(super) fn cases(cases: &mut Cases<'_>) -> Result<(), GpuError> {
    // Tokens, heads, width of a head.
    let shapes = [(5, 3, 10), (33, 4, 64), (7, 2, 130), (1, 1, 2)];
    let shapes = if cases.quick {
        &shapes[..1]
    } else {
        &shapes[..]
    };
    for &(tokens, heads, head_dim) in shapes {
        let (x, weight) = (
            cases.normals(tokens * heads * head_dim),
            cases.normals(head_dim),
        );
        let x_t = cases.upload(tokens, heads * head_dim, &x)?;
        let w_t = cases.upload(1, head_dim, &weight)?;
        let eps = 1e-6;
        cases.run([head_norm(cases.gpu, &x_t, &w_t, eps)?]);
        let expected = reference::head_norm(&x, &weight, eps);
        cases.compare(
            format!("[{tokens}, {heads} x {head_dim}]"),
            &x_t,
            expected,
            F32_SUMS,
        );
    }
    Ok(())
}
