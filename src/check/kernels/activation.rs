//! Cases of `activation`.

use std::f32::consts::FRAC_1_SQRT_2;

use super::Cases;
use crate::{
    gpu::GpuError,
    kernels::{Activation, activation::activation},
    reference,
};

/// Where exponentials overflow and where erf changes its branch.
const SPECIAL: [f32; 7] = [
    0.0,
    -FRAC_1_SQRT_2,
    FRAC_1_SQRT_2,
    30.0,
    -30.0,
    100.0,
    -100.0,
];

pub(super) fn cases(cases: &mut Cases<'_>) -> Result<(), GpuError> {
    for (rows, cols) in [(1, 1), (3, 5), (7, 64), (2, 1001)] {
        let mut x = cases.normals(rows * cols);
        for (value, special) in x.iter_mut().zip(SPECIAL) {
            *value = special;
        }
        let x_t = cases.upload(rows, cols, &x)?;
        for kind in Activation::ALL {
            let out = cases.out(rows, cols)?;
            cases.run([activation(&x_t, kind, &out)?]);
            let expected = reference::activation(&x, kind);
            cases.compare(format!("{kind:?} [{rows}, {cols}]"), &out, expected, 1e-6);
        }
    }
    Ok(())
}
