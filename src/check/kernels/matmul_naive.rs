//! Cases of `matmul_naive`.

use super::Cases;
use crate::{check::F32_SUMS, gpu::GpuError, kernels::matmul_naive::matmul_naive, reference};

pub(super) fn cases(cases: &mut Cases<'_>) -> Result<(), GpuError> {
    for (m, n, k) in [(1, 1, 1), (17, 5, 31), (33, 65, 7)] {
        let (a, b) = (cases.normals(m * k), cases.normals(n * k));
        let (a_t, b_t) = (cases.upload(m, k, &a)?, cases.upload(n, k, &b)?);
        let out = cases.out(m, n)?;
        cases.run([matmul_naive(&a_t, &b_t, &out)?]);
        let expected = reference::matmul_naive(&a, &b, k);
        cases.compare(
            format!("[{m}, {k}] x [{n}, {k}]^T"),
            &out,
            expected,
            F32_SUMS,
        );
    }
    Ok(())
}
