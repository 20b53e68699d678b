//! Cases of `matvec`.

use super::Cases;
use crate::{
    blocks::Block,
    check::F32_SUMS,
    gpu::{DType, GpuError, Tensor},
    kernels::{Activation, matmul::Matmul, matvec::matvec_with},
    reference::{self, Epilogue},
};

const SHAPES: [(usize, usize, usize); 16] = [
    (1, 1, 1),
    (1, 3, 5),
    (1, 65, 64),
    (2, 130, 127),
    (4, 7, 1000),
    (1, 576, 1536),
    (3, 9, 20),
    (5, 17, 9),
    (6, 8, 8),
    (7, 33, 31),
    (8, 64, 576),
    (9, 12, 100),
    (16, 5, 13),
    (31, 10, 72),
    (32, 65, 7),
    (33, 4, 516),
];

/// Rows, and blocks in each.
const BLOCKS: [(usize, usize, usize); 12] = [
    (1, 5, 1),
    (3, 66, 3),
    (2, 7, 18),
    (4, 9, 2),
    (5, 8, 5),
    (7, 17, 1),
    (8, 65, 4),
    (9, 3, 7),
    (16, 12, 2),
    (31, 1, 3),
    (32, 10, 6),
    (33, 2, 9),
];

/// `activation(a gate^T + bias) * (a up^T + bias)`.
fn gated(
    cases: &mut Cases<'_>,
    (m, n, k): (usize, usize, usize),
    b_t: &Tensor,
    b: &[f32],
) -> Result<(), GpuError> {
    let (a, bias) = (cases.normals(m * k), cases.normals(2 * n));
    let (a_t, bias_t) = (cases.upload(m, k, &a)?, cases.upload(2, n, &bias)?);
    for (bias_t, bias) in [(None, None), (Some(&bias_t), Some(&bias[..]))] {
        let activation = Activation::Silu;
        let with = Matmul {
            bias: bias_t,
            activation,
            gated: true,
            ..Matmul::default()
        };
        let epilogue = Epilogue {
            bias,
            activation,
            gated: true,
            residual: None,
        };
        let out = cases.out(m, n)?;
        cases.run([matvec_with(cases.gpu.kernels(), &a_t, b_t, &with, &out)?]);
        let expected = reference::matvec(a.as_slice(), b, k, &epilogue);
        let (dtype, fused) = (b_t.dtype(), bias.is_some());
        let what = format!("gated [{m}, {k}] x {dtype:?} [2 x {n}, {k}]^T, fused: {fused}");
        cases.compare(what, &out, expected, 4.0 * F32_SUMS);
    }
    Ok(())
}

pub(super) fn cases(cases: &mut Cases<'_>) -> Result<(), GpuError> {
    for (m, n, k) in SHAPES {
        let a = cases.normals(m * k);
        let (bias, residual) = (cases.normals(n), cases.normals(m * n));
        let a_t = cases.upload(m, k, &a)?;
        let (bias_t, residual_t) = (cases.upload(1, n, &bias)?, cases.upload(m, n, &residual)?);
        for dtype in [DType::F32, DType::F16, DType::BF16] {
            let b = cases.normals(n * k);
            let (b_t, b) = cases.stored(dtype, n, k, &b)?;
            for fused in [false, true] {
                let activation = if fused {
                    Activation::Gelu
                } else {
                    Activation::None
                };
                let with = Matmul {
                    bias: fused.then_some(&bias_t),
                    activation,
                    residual: fused.then_some(&residual_t),
                    ..Matmul::default()
                };
                let epilogue = Epilogue {
                    bias: fused.then_some(&bias),
                    activation,
                    residual: fused.then_some(&residual),
                    gated: false,
                };
                let out = cases.out(m, n)?;
                cases.run([matvec_with(cases.gpu.kernels(), &a_t, &b_t, &with, &out)?]);
                let expected = reference::matvec(&a, &b, k, &epilogue);
                let what = format!("[{m}, {k}] x {dtype:?} [{n}, {k}]^T, fused: {fused}");
                cases.compare(what, &out, expected, F32_SUMS);
            }
        }
    }
    for (m, n, k) in SHAPES {
        for dtype in [DType::F32, DType::F16] {
            let (b_t, b) = {
                let b = cases.normals(2 * n * k);
                cases.stored(dtype, 2 * n, k, &b)?
            };
            gated(cases, (m, n, k), &b_t, &b)?;
        }
    }
    for block in [Block::Q8_0, Block::Q4K, Block::Q6K] {
        for (m, n, blocks) in BLOCKS {
            let k = blocks * block.elements();
            let (b_t, file) = cases.blocks(block, 2 * n, k)?;
            let b = reference::unpack_rows(block, &file, k, 0, 2 * n);
            gated(cases, (m, n, k), &b_t, &b)?;
        }
    }
    for block in Block::ALL {
        for (m, n, blocks) in BLOCKS {
            let k = blocks * block.elements();
            let a = cases.normals(m * k);
            let a_t = cases.upload(m, k, &a)?;
            let (b_t, file) = cases.blocks(block, n, k)?;
            let b = reference::unpack_rows(block, &file, k, 0, n);
            let out = cases.out(m, n)?;
            let with = Matmul::default();
            cases.run([matvec_with(cases.gpu.kernels(), &a_t, &b_t, &with, &out)?]);
            let expected = reference::matvec(&a, &b, k, &Epilogue::default());
            let what = format!("[{m}, {k}] x {} [{n}, {k}]^T", block.name());
            cases.compare(what, &out, expected, F32_SUMS);
        }
    }
    Ok(())
}
