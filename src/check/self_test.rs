//! A few small kernels against their twins when a device is opened: some drivers compile, run and
//! compute wrongly.

use super::{KERNELS, KernelCheck, cases::Cases, cases::Outcome};
use crate::gpu::{Gpu, GpuError};

/// Largest relative error that is let pass without having been asked: rounding stays below 1e-5, a
/// wrong kernel is off by far more. What must be exact is held to that.
const ALLOWED: f64 = 1e-4;

/// The kernel that does nothing but decode.
const DECODES: &str = "gather_rows";

/// Runs the quick part of the table; one readback. A device that fails in nothing but its own decoding of
/// 16-bit floats gets the kernels that do it with integers, and is tested again.
///
/// # Errors
/// [`GpuError::SelfTest`] names the adapter and the kernel that is wrong; else what the device
/// reports.
pub async fn self_test(gpu: &Gpu) -> Result<(), GpuError> {
    choose_decoding_by(gpu, |_| true).await
}

/// Has the device decode 16-bit floats with integers where it cannot do so itself.
///
/// # Errors
/// As [`self_test`], for the kernel that decodes alone.
pub async fn choose_decoding(gpu: &Gpu) -> Result<(), GpuError> {
    choose_decoding_by(gpu, |check| check.kernel == DECODES).await
}

async fn choose_decoding_by(gpu: &Gpu, chosen: fn(&KernelCheck) -> bool) -> Result<(), GpuError> {
    match quick(gpu, chosen).await {
        Err(GpuError::SelfTest { kernel, .. })
            if kernel == DECODES && !gpu.decodes_by_integers() =>
        {
            gpu.decode_by_integers();
            quick(gpu, chosen).await
        }
        outcome => outcome,
    }
}

async fn quick(gpu: &Gpu, chosen: fn(&KernelCheck) -> bool) -> Result<(), GpuError> {
    let mut cases = Cases::new(gpu, true);
    for check in KERNELS.iter().filter(|check| check.quick && chosen(check)) {
        cases.add(check)?;
    }
    let outcomes = cases.outcomes().await?;
    // What the others are fed with comes first.
    let (decoding, others): (Vec<Outcome>, Vec<Outcome>) = outcomes
        .into_iter()
        .partition(|outcome| outcome.kernel == DECODES);
    decoding
        .iter()
        .chain(&others)
        .try_for_each(|outcome| judge(gpu.name(), outcome))
}

fn judge(adapter: &str, outcome: &Outcome) -> Result<(), GpuError> {
    let allowed = if outcome.bound == 0.0 { 0.0 } else { ALLOWED };
    // NaN is no number below the bound.
    if outcome.error <= allowed {
        return Ok(());
    }
    Err(GpuError::SelfTest {
        adapter: adapter.into(),
        kernel: outcome.kernel.into(),
        error: outcome.error,
        allowed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_and_missing_numbers_are_refused_by_name() {
        let within = |bound: f64, error: f64| {
            let outcome = Outcome {
                kernel: "matmul",
                what: String::new(),
                error,
                bound,
            };
            judge("card", &outcome)
        };
        let of = |error: f64| within(2e-6, error);
        assert_eq!(of(1e-5), Ok(()));
        let error = of(2e-4).unwrap_err();
        assert!(error.to_string().contains("`card`"), "{error}");
        assert!(error.to_string().contains("`matmul`"), "{error}");
        assert!(of(f64::INFINITY).is_err() && of(f64::NAN).is_err());
        assert_eq!(within(0.0, 0.0), Ok(()));
        assert!(within(0.0, 1e-9).is_err());
    }
}
