//! A few small kernels against their twins when a device is opened: some drivers compile, run and
//! compute wrongly.

use super::{KERNELS, cases::Cases, cases::Outcome};
use crate::gpu::{Gpu, GpuError};

/// Largest relative error that is let pass without having been asked: rounding stays below 1e-5, a
/// wrong kernel is off by far more.
const ALLOWED: f64 = 1e-4;

/// Runs the quick part of the table; one readback.
///
/// # Errors
/// [`GpuError::SelfTest`] names the adapter and the kernel that is wrong; else what the device
/// reports.
pub async fn self_test(gpu: &Gpu) -> Result<(), GpuError> {
    let mut cases = Cases::new(gpu, true);
    for check in KERNELS.iter().filter(|check| check.quick) {
        cases.add(check)?;
    }
    for outcome in cases.outcomes().await? {
        judge(gpu.name(), &outcome)?;
    }
    Ok(())
}

fn judge(adapter: &str, outcome: &Outcome) -> Result<(), GpuError> {
    // NaN is no number below the bound.
    if outcome.error <= ALLOWED {
        return Ok(());
    }
    Err(GpuError::SelfTest {
        adapter: adapter.into(),
        kernel: outcome.kernel.into(),
        error: outcome.error,
        allowed: ALLOWED,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_and_missing_numbers_are_refused_by_name() {
        let of = |error: f64| {
            judge(
                "card",
                &Outcome {
                    kernel: "matmul",
                    what: String::new(),
                    error,
                    bound: 2e-6,
                },
            )
        };
        assert_eq!(of(1e-5), Ok(()));
        let error = of(2e-4).unwrap_err();
        assert!(error.to_string().contains("`card`"), "{error}");
        assert!(error.to_string().contains("`matmul`"), "{error}");
        assert!(of(f64::INFINITY).is_err() && of(f64::NAN).is_err());
    }
}
