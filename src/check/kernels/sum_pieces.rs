//! Cases of `sum_pieces`.

use super::Cases;
use crate::{
    check::F32_SUMS,
    gpu::GpuError,
    kernels::{Activation, matmul::Matmul, sum_pieces::sum_pieces},
    reference::{self, Epilogue},
};

pub(super) fn cases(cases: &mut Cases<'_>) -> Result<(), GpuError> {
    for (count, m, n) in [(1, 1, 1), (2, 3, 5), (3, 7, 64), (8, 13, 131)] {
        let values = cases.normals(count * m * n);
        let (bias, residual) = (cases.normals(n), cases.normals(m * n));
        let pieces = cases.upload(count * m, n, &values)?;
        let (bias_t, residual_t) = (cases.upload(1, n, &bias)?, cases.upload(m, n, &residual)?);
        for activation in [Activation::None, Activation::Gelu] {
            let with = Matmul {
                bias: Some(&bias_t),
                activation,
                residual: Some(&residual_t),
                scale: 0.5,
                ..Matmul::default()
            };
            let epilogue = Epilogue {
                bias: Some(&bias),
                activation,
                residual: Some(&residual),
                gated: false,
            };
            let out = cases.out(m, n)?;
            cases.run([sum_pieces(&pieces, m, &with, &out)?]);
            let expected = reference::sum_pieces(&values, m, n, 0.5, &epilogue);
            let what = format!("{count} pieces of [{m}, {n}], {activation:?}");
            cases.compare(what, &out, expected, F32_SUMS);
        }
    }
    for (count, m, n) in [(1, 1, 4), (2, 5, 12), (3, 9, 68)] {
        let values = cases.normals(count * m * 2 * n);
        let bias = cases.normals(2 * n);
        let pieces = cases.upload(count * m, 2 * n, &values)?;
        let bias_t = cases.upload(2, n, &bias)?;
        let with = Matmul {
            bias: Some(&bias_t),
            activation: Activation::Silu,
            gated: true,
            ..Matmul::default()
        };
        let epilogue = Epilogue {
            bias: Some(&bias),
            activation: Activation::Silu,
            gated: true,
            residual: None,
        };
        let out = cases.out(m, n)?;
        cases.run([sum_pieces(&pieces, m, &with, &out)?]);
        let expected = reference::sum_pieces(&values, m, 2 * n, 1.0, &epilogue);
        let what = format!("{count} gated pieces of [{m}, {n}]");
        cases.compare(what, &out, expected, F32_SUMS);
    }
    Ok(())
}
