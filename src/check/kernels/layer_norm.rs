//! Cases of `layer_norm`.

use super::{Cases, ROW_SHAPES};
use crate::{
    check::F32_SUMS,
    gpu::GpuError,
    kernels::{
        Activation,
        layer_norm::{LayerNorm, layer_norm},
    },
    reference,
};

/// Whether there is a residual, and the activation.
const ENDS: [(bool, Activation); 3] = [
    (false, Activation::None),
    (false, Activation::Silu),
    (true, Activation::Gelu),
];

pub(super) fn cases(cases: &mut Cases<'_>) -> Result<(), GpuError> {
    let shapes = if cases.quick {
        &ROW_SHAPES[3..4]
    } else {
        &ROW_SHAPES[..]
    };
    let ends = if cases.quick { &ENDS[..1] } else { &ENDS[..] };
    let eps = 1e-5;
    for &(rows, cols) in shapes {
        // A mean far from 0 shows a variance that cancels.
        let x: Vec<f32> = cases
            .normals(rows * cols)
            .iter()
            .map(|v| v * 2.0 + 30.0)
            .collect();
        let (weight, bias) = (cases.normals(cols), cases.normals(cols));
        let more = cases.normals(rows * cols);
        let x_t = cases.upload(rows, cols, &x)?;
        let (w_t, b_t) = (
            cases.upload(1, cols, &weight)?,
            cases.upload(1, cols, &bias)?,
        );
        let more_t = cases.upload(rows, cols, &more)?;
        for &(residual, activation) in ends {
            let with = LayerNorm {
                weight: &w_t,
                bias: &b_t,
                eps,
                residual: residual.then_some(&more_t),
                activation,
            };
            let out = cases.out(rows, cols)?;
            cases.run([layer_norm(cases.gpu, &x_t, &with, &out)?]);
            let added = residual.then_some(more.as_slice());
            let expected = reference::layer_norm(&x, &weight, &bias, eps, added, activation);
            let what = format!("[{rows}, {cols}], residual: {residual}, {activation:?}");
            // The mean's rounding, 30 ulp of 1, remains in the centred values.
            cases.compare(what, &out, expected, 10.0 * F32_SUMS);
        }
    }
    Ok(())
}
