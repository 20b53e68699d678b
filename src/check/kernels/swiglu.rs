//! Cases of `swiglu`.

use super::Cases;
use crate::{
    check::F32_SUMS,
    gpu::GpuError,
    kernels::{Activation, swiglu::swiglu},
    reference,
};

pub(super) fn cases(cases: &mut Cases<'_>) -> Result<(), GpuError> {
    for (rows, cols) in [(1, 1), (3, 5), (7, 66), (33, 129)] {
        let (gate, up) = (cases.normals(rows * cols), cases.normals(rows * cols));
        let (gate_t, up_t) = (
            cases.upload(rows, cols, &gate)?,
            cases.upload(rows, cols, &up)?,
        );
        for activation in Activation::ALL {
            let out = cases.out(rows, cols)?;
            cases.run([swiglu(&gate_t, &up_t, activation, &out)?]);
            let expected = reference::swiglu(&gate, &up, activation);
            cases.compare(
                format!("{activation:?} [{rows}, {cols}]"),
                &out,
                expected,
                F32_SUMS,
            );
        }
    }
    Ok(())
}
