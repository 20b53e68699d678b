//! Cases of `matmul`. It is long because no kernel has more variants, and each has cases of its own.

use super::Cases;
use crate::{
    blocks::Block,
    check::F32_SUMS,
    gpu::{DType, Dispatch, GpuError, KernelVariant, Tensor},
    kernels::{
        Activation,
        matmul::{Matmul, Packed, Plan, Tile, matmul, matmul_with},
    },
    reference::{self, Epilogue},
};

/// 1, primes, multiples of 4 and of the tiles and their neighbours, and sizes of real layers.
const SHAPES: [(usize, usize, usize); 13] = [
    (1, 1, 1),
    (1, 7, 3),
    (2, 64, 64),
    (5, 3, 13),
    (64, 64, 16),
    (65, 63, 17),
    (67, 129, 31),
    (130, 66, 100),
    (3, 200, 257),
    (128, 128, 128),
    (257, 130, 515),
    (9, 576, 192),
    (130, 576, 1536),
];

/// A product with quantized weights, into the columns from the fourth on.
fn unpacked(cases: &mut Cases<'_>, (m, n): (usize, usize), block: Block) -> Result<(), GpuError> {
    let k = 3 * block.elements();
    let a = cases.normals(m * k);
    let a_t = cases.upload(m, k, &a)?;
    let (b_t, file) = cases.blocks(block, n, k)?;
    let b = reference::unpack_rows(block, &file, k, 0, n);
    let out = cases.out(m, 4 + n)?;
    let with = Matmul {
        out_col: 4,
        ..Matmul::default()
    };
    let calls = matmul(cases.gpu, &a_t, &b_t, &with, &out)?;
    cases.run(calls);
    let expected = reference::matmul(&a, &b, k, &Epilogue::default());
    let what = format!("[{m}, {k}] x {} [{n}, {k}]^T", block.name());
    cases.compare_part(what, &out, 0..m, 4..4 + n, expected, F32_SUMS);
    Ok(())
}

/// `activation(a b^T + bias) + residual`, or the product alone.
fn product(
    cases: &mut Cases<'_>,
    (m, n, k): (usize, usize, usize),
    dtype: DType,
    activation: Option<Activation>,
) -> Result<(), GpuError> {
    let (a, b) = (cases.normals(m * k), cases.normals(n * k));
    let (bias, residual) = (cases.normals(n), cases.normals(m * n));
    let (a_t, (b_t, b)) = (cases.upload(m, k, &a)?, cases.stored(dtype, n, k, &b)?);
    let (bias_t, residual_t) = (cases.upload(1, n, &bias)?, cases.upload(m, n, &residual)?);
    let fused = activation.is_some();
    let activation = activation.unwrap_or_default();
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
    let expected = reference::matmul(&a, &b, k, &epilogue);
    let what = format!("[{m}, {k}] x {dtype:?} [{n}, {k}]^T, fused: {fused} {activation:?}");
    for plan in plans(cases) {
        let out = cases.out(m, n)?;
        cases.run(planned(cases, plan, &a_t, &b_t, &with, &out)?);
        let what = format!("{what}, {plan:?}");
        cases.compare(what, &out, expected.clone(), F32_SUMS);
    }
    Ok(())
}

/// `activation(a gate^T + bias) * (a up^T + bias) + residual`.
fn gated(
    cases: &mut Cases<'_>,
    (m, n, k): (usize, usize, usize),
    dtype: DType,
    activation: Activation,
) -> Result<(), GpuError> {
    let (a, b) = (cases.normals(m * k), cases.normals(2 * n * k));
    let (bias, residual) = (cases.normals(2 * n), cases.normals(m * n));
    let (a_t, (b_t, b)) = (cases.upload(m, k, &a)?, cases.stored(dtype, 2 * n, k, &b)?);
    let (bias_t, residual_t) = (cases.upload(2, n, &bias)?, cases.upload(m, n, &residual)?);
    // When a device is opened, only as a decoder does it.
    let both = [false, true];
    for &fused in if cases.quick { &both[..1] } else { &both[..] } {
        let with = Matmul {
            bias: fused.then_some(&bias_t),
            activation,
            residual: fused.then_some(&residual_t),
            gated: true,
            ..Matmul::default()
        };
        let epilogue = Epilogue {
            bias: fused.then_some(&bias),
            activation,
            residual: fused.then_some(&residual),
            gated: true,
        };
        let expected = reference::matmul(&a, &b, k, &epilogue);
        let what = format!("gated [{m}, {k}] x {dtype:?} [2 x {n}, {k}]^T, fused: {fused}");
        for plan in plans(cases) {
            let out = cases.out(m, n)?;
            cases.run(planned(cases, plan, &a_t, &b_t, &with, &out)?);
            let what = format!("{what} {activation:?}, {plan:?}");
            cases.compare(what, &out, expected.clone(), F32_SUMS);
        }
    }
    Ok(())
}

/// A gated product with quantized weights.
fn gated_unpacked(cases: &mut Cases<'_>, m: usize, n: usize, block: Block) -> Result<(), GpuError> {
    let k = 2 * block.elements();
    let a = cases.normals(m * k);
    let a_t = cases.upload(m, k, &a)?;
    let (b_t, file) = cases.blocks(block, 2 * n, k)?;
    let b = reference::unpack_rows(block, &file, k, 0, 2 * n);
    let out = cases.out(m, n)?;
    let with = Matmul {
        activation: Activation::Silu,
        gated: true,
        ..Matmul::default()
    };
    let epilogue = Epilogue {
        activation: Activation::Silu,
        gated: true,
        ..Epilogue::default()
    };
    let calls = matmul(cases.gpu, &a_t, &b_t, &with, &out)?;
    cases.run(calls);
    let expected = reference::matmul(&a, &b, k, &epilogue);
    let what = format!("gated [{m}, {k}] x {} [2 x {n}, {k}]^T", block.name());
    cases.compare(what, &out, expected, 4.0 * F32_SUMS);
    Ok(())
}

/// The adapter's own plan, then every tile that it could use, with the inner dimension whole and in
/// pieces.
fn plans(cases: &Cases<'_>) -> Vec<Option<Plan>> {
    let mut plans = vec![None];
    if !cases.quick {
        let (own, pieces): (&[Tile], &[usize]) = match cases.gpu.kernels() {
            // Software adapters never cut the inner dimension.
            KernelVariant::Direct => (
                &[
                    Tile::Direct,
                    Tile::Direct128,
                    Tile::DirectRows,
                    Tile::DirectWide,
                ],
                &[1],
            ),
            KernelVariant::Tiled => (&[Tile::Tiled128, Tile::Tiled64, Tile::Tiled32], &[1, 3]),
        };
        for &tile in own.iter().filter(|tile| tile.fits(cases.gpu)) {
            plans.extend(pieces.iter().map(|&pieces| Some(Plan { tile, pieces })));
        }
    }
    plans
}

/// The calls of a product by a plan, or as the adapter does it.
fn planned(
    cases: &Cases<'_>,
    plan: Option<Plan>,
    a: &Tensor,
    b: &Tensor,
    with: &Matmul<'_>,
    out: &Tensor,
) -> Result<Vec<Dispatch>, GpuError> {
    match plan {
        Some(plan) => matmul_with(cases.gpu, plan, a, b, with, out),
        None => matmul(cases.gpu, a, b, with, out),
    }
}

/// Sums of two pieces of the inner dimension, halved, in a place of a larger result.
fn pieces(cases: &mut Cases<'_>, (m, n, k): (usize, usize, usize)) -> Result<(), GpuError> {
    let (a, b) = (cases.normals(m * k), cases.normals(n * k));
    let (a_t, b_t) = (cases.upload(m, k, &a)?, cases.upload(n, k, &b)?);
    let product = reference::matmul(&a, &b, k, &Epilogue::default());
    let halved: Vec<f32> = product.iter().map(|value| 0.5 * value).collect();
    let (rows, cols) = (m + 3, n + 6);
    for plan in plans(cases) {
        let out = cases.upload(rows, cols, &vec![7.0; rows * cols])?;
        for (inner, accumulate) in [((0, 16), false), ((16, k - 16), true)] {
            let with = Matmul {
                out_row: 2,
                out_col: 4,
                inner: Some(inner),
                accumulate,
                scale: 0.5,
                ..Matmul::default()
            };
            cases.run(planned(cases, plan, &a_t, &b_t, &with, &out)?);
        }
        let what = format!("[{m}, {n}, {k}] in pieces, {plan:?}");
        let inside = (2..2 + m, 4..4 + n);
        cases.compare_part(
            what.clone(),
            &out,
            inside.0,
            inside.1,
            halved.clone(),
            F32_SUMS,
        );
        // What stands beside it stays.
        cases.compare_part(what.clone(), &out, 0..2, 0..cols, vec![7.0; 2 * cols], 0.0);
        cases.compare_part(what, &out, 0..rows, 0..4, vec![7.0; rows * 4], 0.0);
    }
    Ok(())
}

/// What the polar iteration multiplies: `residual + a b^T / 3.4445` over the transposed of `a`.
fn polar_step(cases: &mut Cases<'_>, (p, q): (usize, usize)) -> Result<(), GpuError> {
    let (turned, gram) = (cases.normals(q * p), cases.normals(p * p));
    let (turned_t, gram_t) = (cases.upload(q, p, &turned)?, cases.upload(p, p, &gram)?);
    let with = Matmul {
        residual: Some(&turned_t),
        scale: 1.0 / 3.4445,
        ..Matmul::default()
    };
    let product = reference::matmul(&turned, &gram, p, &Epilogue::default());
    let expected = product.iter().zip(&turned);
    let expected = expected.map(|(x, residual)| x * with.scale + residual);
    let expected = expected.collect();
    let out = cases.out(q, p)?;
    cases.run(matmul(cases.gpu, &turned_t, &gram_t, &with, &out)?);
    cases.compare(format!("polar step [{p}, {q}]"), &out, expected, F32_SUMS);
    Ok(())
}

/// Weights below the smallest normal f16.
fn subnormal(cases: &mut Cases<'_>) -> Result<(), GpuError> {
    let (m, n, k) = (9, 13, 37);
    let a = cases.normals(m * k);
    let tiny: Vec<f32> = cases.normals(n * k).iter().map(|x| x * 3e-6).collect();
    let (a_t, (b_t, b)) = (
        cases.upload(m, k, &a)?,
        cases.stored(DType::F16, n, k, &tiny)?,
    );
    let expected = reference::matmul(&a, &b, k, &Epilogue::default());
    for plan in plans(cases) {
        let out = cases.out(m, n)?;
        cases.run(planned(cases, plan, &a_t, &b_t, &Matmul::default(), &out)?);
        let what = format!("subnormal weights, {plan:?}");
        cases.compare(what, &out, expected.clone(), F32_SUMS);
    }
    Ok(())
}

/// Sides and inner dimensions of symmetric products: around the tiles, and a long inner dimension.
const SYMMETRIC: [(usize, usize); 9] = [
    (1, 1),
    (1, 2000),
    (5, 3),
    (63, 33),
    (65, 1),
    (128, 64),
    (130, 100),
    (257, 515),
    (330, 70),
];

/// Columns of a gated product: around the halves of the tiles, and no whole groups of four.
const GATED: [(usize, usize, usize); 8] = [
    (1, 1, 1),
    (9, 5, 16),
    (65, 31, 17),
    (33, 32, 64),
    (67, 63, 100),
    (130, 64, 36),
    (129, 130, 515),
    (17, 192, 256),
];

/// Half of a product of a matrix with itself, mirrored, and added to a symmetric residual.
fn symmetric(cases: &mut Cases<'_>, shape: (usize, usize)) -> Result<(), GpuError> {
    for plan in plans(cases) {
        if plan.is_none_or(|plan| plan.tile.is_square()) {
            symmetric_by(cases, shape, plan)?;
        }
    }
    Ok(())
}

fn symmetric_by(
    cases: &mut Cases<'_>,
    (side, k): (usize, usize),
    plan: Option<Plan>,
) -> Result<(), GpuError> {
    let a = cases.normals(side * k);
    let a_t = cases.upload(side, k, &a)?;
    let bare = reference::matmul(&a, &a, k, &Epilogue::default());
    let bare_t = cases.upload(side, side, &bare)?;
    for residual in [None, Some(&bare_t)] {
        let with = Matmul {
            residual,
            symmetric: true,
            ..Matmul::default()
        };
        let out = cases.out(side, side)?;
        cases.run(planned(cases, plan, &a_t, &a_t, &with, &out)?);
        let times = if residual.is_some() { 2.0 } else { 1.0 };
        let expected = bare.iter().map(|value| times * value).collect();
        let what = format!("symmetric [{side}, {k}], {times} times, {plan:?}");
        cases.compare(what, &out, expected, F32_SUMS);
    }
    Ok(())
}

/// Sides of symmetric products of which half is kept, whole blocks, with even and odd numbers of them.
const PACKED: [(usize, usize); 5] = [(4, 3), (8, 33), (68, 20), (132, 100), (264, 515)];

/// Half of a symmetric product of two matrices: with each other, and the other way round.
fn packed(
    cases: &mut Cases<'_>,
    (side, k): (usize, usize),
    plan: Option<Plan>,
) -> Result<(), GpuError> {
    let (a, b) = (cases.normals(side * k), cases.normals(side * k));
    let (a_t, b_t) = (cases.upload(side, k, &a)?, cases.upload(side, k, &b)?);
    let bare = reference::matmul(&a, &b, k, &Epilogue::default());
    let place = Packed { side };
    let mut expected = vec![0.0; place.rows() * place.cols()];
    for row in 0..side {
        for col in 0..side {
            let block = place.index(row - row % 4, col - col % 4);
            // On the diagonal a block is there whole.
            let own = match row / 4 <= col / 4 {
                true => block + row % 4 * place.cols() + col % 4,
                false => place.index(row, col),
            };
            expected[own] = 0.5 * (bare[row * side + col] + bare[col * side + row]);
        }
    }
    let zeros = vec![0.0; place.rows() * place.cols()];
    let out = cases.upload(place.rows(), place.cols(), &zeros)?;
    for (a, b) in [(&a_t, &b_t), (&b_t, &a_t)] {
        // As covariances are summed up.
        let with = Matmul {
            packed: true,
            scale: 0.5,
            accumulate: true,
            ..Matmul::default()
        };
        cases.run(planned(cases, plan, a, b, &with, &out)?);
    }
    let what = format!("packed [{side}, {k}], {plan:?}");
    cases.compare(what, &out, expected, F32_SUMS);
    Ok(())
}

pub(super) fn cases(cases: &mut Cases<'_>) -> Result<(), GpuError> {
    if cases.quick {
        product(cases, (37, 35, 67), DType::F16, Some(Activation::Gelu))?;
        if cases.gpu.kernels() == KernelVariant::Direct {
            // The shader that most of a model runs in is chosen for sizes that take long to check.
            let tile = match cases.gpu.shares_reads() {
                true => Tile::DirectRows,
                false => Tile::Direct128,
            };
            let plan = Plan { tile, pieces: 1 };
            symmetric_by(cases, (35, 36), Some(plan))?;
            packed(cases, (36, 36), Some(plan))?;
        }
        gated(cases, (37, 19, 36), DType::F16, Activation::Silu)?;
        return polar_step(cases, (21, 33));
    }
    polar_step(cases, (66, 70))?;
    subnormal(cases)?;
    for shape in SHAPES {
        for dtype in [DType::F32, DType::F16, DType::BF16] {
            product(cases, shape, dtype, None)?;
        }
    }
    for shape in [(6, 5, 7), (66, 70, 33)] {
        for activation in Activation::ALL {
            product(cases, shape, DType::F32, Some(activation))?;
        }
    }
    for shape in [(70, 130, 64), (129, 257, 100)] {
        product(cases, shape, DType::F16, Some(Activation::GeluTanh))?;
        product(cases, shape, DType::BF16, Some(Activation::Silu))?;
    }
    for block in Block::ALL {
        unpacked(cases, (33, 70), block)?;
        gated_unpacked(cases, 33, 35, block)?;
    }
    for shape in GATED {
        gated(cases, shape, DType::F32, Activation::Silu)?;
    }
    gated(cases, (67, 65, 100), DType::F16, Activation::Silu)?;
    gated(cases, (34, 33, 72), DType::BF16, Activation::Silu)?;
    gated(cases, (70, 66, 33), DType::F32, Activation::GeluTanh)?;
    for shape in [(9, 10, 30), (70, 66, 150)] {
        pieces(cases, shape)?;
    }
    for shape in SYMMETRIC {
        symmetric(cases, shape)?;
    }
    for plan in plans(cases) {
        for shape in PACKED {
            if plan.is_none_or(|plan| plan.tile.is_square()) {
                packed(cases, shape, plan)?;
            }
        }
    }
    Ok(())
}
