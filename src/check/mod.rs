//! Whether a device computes rightly: every kernel against its CPU twin, over awkward shapes.
//!
//! One table for all who ask: [`self_test`] runs its quick part when a device is opened, the command
//! `check` and the tests run the whole of it.

mod cases;
mod compare;
mod kernels;
mod self_test;

pub use compare::{F32_SUMS, Random, random_blocks, relative_error, stored};
pub use kernels::{KERNELS, KernelCheck, ROW_SHAPES};
pub use self_test::{choose_decoding, self_test};

use crate::{
    gpu::{Dispatch, Gpu, GpuError},
    report::KernelLine,
};
use cases::Cases;

/// Runs all cases of one kernel, in the variants that `gpu` uses.
///
/// # Errors
/// What the device reports; a wrong result is a line, not an error.
pub async fn check_kernel(gpu: &Gpu, check: &KernelCheck) -> Result<KernelLine, GpuError> {
    let mut cases = Cases::new(gpu, false);
    cases.add(check)?;
    let outcomes = cases.outcomes().await?;
    let worst = outcomes
        .iter()
        .max_by(|a, b| a.severity().total_cmp(&b.severity()));
    Ok(KernelLine {
        kernel: check.kernel.to_owned(),
        variant: gpu.kernels().name().to_owned(),
        cases: outcomes.len(),
        error: worst.map(|worst| worst.error).filter(|e| e.is_finite()),
        bound: worst.map_or(0.0, |worst| worst.bound),
        worst: worst.map_or_else(String::new, |worst| worst.what.clone()),
        failure: None,
        ok: !outcomes.is_empty()
            && outcomes
                .iter()
                .all(|outcome| outcome.error <= outcome.bound),
    })
}

/// The calls that a kernel's cases make.
///
/// # Errors
/// What the device reports.
pub fn dispatches(gpu: &Gpu, check: &KernelCheck) -> Result<Vec<Dispatch>, GpuError> {
    let mut cases = Cases::new(gpu, false);
    cases.add(check)?;
    Ok(cases.dispatches())
}
