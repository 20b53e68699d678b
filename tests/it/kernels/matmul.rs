use mirscope::{
    gpu::{DType, Gpu, Tensor},
    kernels::{
        Activation,
        matmul::{Matmul, Packed, Plan, Tile, matmul_with},
    },
    reference::{self, Epilogue},
};

use super::{cutting, roomy, stored};
use crate::support::{F32_SUMS, Random, assert_close, run};

/// Every tile that the adapter at hand takes, with the inner dimension whole and in pieces.
fn plans() -> impl Iterator<Item = Plan> {
    let gpu = roomy();
    Tile::ALL
        .into_iter()
        .filter(move |tile| tile.fits(&gpu))
        .flat_map(|tile| [1, 3].map(|pieces| Plan { tile, pieces }))
}

/// 1, primes, multiples of 4 and of the tile and their neighbours.
const SHAPES: [(usize, usize, usize); 10] = [
    (1, 1, 1),
    (1, 7, 3),
    (2, 64, 64),
    (5, 3, 13),
    (64, 64, 16),
    (65, 63, 17),
    (67, 129, 31),
    (130, 66, 100),
    (3, 200, 257),
    (129, 130, 72),
];

#[test]
fn equals_its_twin_in_every_storage_type() {
    let gpu = roomy();
    let mut random = Random::new(3);
    for (m, n, k) in SHAPES {
        let a = random.normals(m * k);
        let at = gpu.upload(m, k, &a).expect("a");
        for dtype in [DType::F32, DType::F16, DType::BF16] {
            let (bt, b) = stored(&gpu, dtype, n, k, &random.normals(n * k));
            let expected = reference::matmul(&a, &b, k, &Epilogue::default());
            for plan in plans() {
                let out = gpu.tensor(DType::F32, m, n).expect("out");
                let call = matmul_with(&gpu, plan, &at, &bt, &Matmul::default(), &out);
                let found = run(&gpu, call.expect("shapes"), &out);
                assert_close(
                    &found,
                    &expected,
                    F32_SUMS,
                    &format!("{plan:?} {dtype:?} {m} {n} {k}"),
                );
            }
        }
    }
}

#[test]
fn fuses_bias_activation_and_residual() {
    let gpu = roomy();
    let mut random = Random::new(4);
    for (m, n, k) in [(3, 5, 7), (66, 70, 33)] {
        let (a, b) = (random.normals(m * k), random.normals(n * k));
        let (bias, residual) = (random.normals(n), random.normals(m * n));
        let (at, bt) = (
            gpu.upload(m, k, &a).expect("a"),
            gpu.upload(n, k, &b).expect("b"),
        );
        let bias_t = gpu.upload(1, n, &bias).expect("bias");
        let residual_t = gpu.upload(m, n, &residual).expect("residual");
        for activation in Activation::ALL {
            let with = Matmul {
                bias: Some(&bias_t),
                activation,
                residual: Some(&residual_t),
                ..Matmul::default()
            };
            let epilogue = Epilogue {
                bias: Some(&bias),
                activation,
                residual: Some(&residual),
                gated: false,
            };
            let expected = reference::matmul(&a, &b, k, &epilogue);
            for plan in plans() {
                let out = gpu.tensor(DType::F32, m, n).expect("out");
                let found = run(
                    &gpu,
                    matmul_with(&gpu, plan, &at, &bt, &with, &out).expect("shapes"),
                    &out,
                );
                assert_close(
                    &found,
                    &expected,
                    F32_SUMS,
                    &format!("{plan:?} {activation:?} {m} {n} {k}"),
                );
            }
        }
    }
}

#[test]
fn sums_pieces_of_the_inner_dimension_into_a_place_of_a_larger_result() {
    let gpu = roomy();
    let mut random = Random::new(5);
    let (m, n, k) = (9, 10, 30);
    let (a, b) = (random.normals(m * k), random.normals(n * k));
    let (at, bt) = (
        gpu.upload(m, k, &a).expect("a"),
        gpu.upload(n, k, &b).expect("b"),
    );
    let product = reference::matmul(&a, &b, k, &Epilogue::default());
    for plan in plans() {
        let out = gpu
            .upload(m + 3, n + 6, &vec![7.0; (m + 3) * (n + 6)])
            .expect("out");
        let piece = |inner, accumulate| Matmul {
            out_row: 2,
            out_col: 4,
            inner: Some(inner),
            accumulate,
            scale: 0.5,
            ..Matmul::default()
        };
        let calls = [piece((0, 16), false), piece((16, 14), true)]
            .map(|with| matmul_with(&gpu, plan, &at, &bt, &with, &out).expect("shapes"));
        let found = run(&gpu, calls.concat(), &out);
        for row in 0..m + 3 {
            for col in 0..n + 6 {
                let inside = (2..2 + m).contains(&row) && (4..4 + n).contains(&col);
                let expected = if inside {
                    0.5 * product[(row - 2) * n + col - 4]
                } else {
                    7.0
                };
                // Columns that pad the last group of four may be written.
                let padding = (4 + n..(4 + n).next_multiple_of(4)).contains(&col);
                let value = found[row * (n + 6) + col];
                assert!(
                    padding || (value - expected).abs() < 1e-5,
                    "{plan:?} [{row}, {col}] {value} {expected}"
                );
            }
        }
    }
}

#[test]
fn padding_never_reaches_the_result() {
    let gpu = roomy();
    let (m, n, k) = (5, 6, 3);
    for plan in plans() {
        // Three columns of ones; the fourth, NaN, becomes padding.
        let rows: Vec<f32> = (0..m).flat_map(|_| [1.0, 1.0, 1.0, f32::NAN]).collect();
        let a = gpu
            .upload(m, 4, &rows)
            .expect("a")
            .reshaped(m, k)
            .expect("fits");
        let b = gpu.upload(n, k, &vec![2.0; n * k]).expect("b");
        let out = gpu.tensor(DType::F32, m, n).expect("out");
        let call = matmul_with(&gpu, plan, &a, &b, &Matmul::default(), &out).expect("shapes");
        let found = run(&gpu, call, &out);
        assert_close(&found, &vec![6.0; m * n], F32_SUMS, &format!("{plan:?}"));
    }
}

/// A product that takes too long for one dispatch, whole and in parts: by rows, then within them.
#[test]
fn a_long_product_is_cut_into_dispatches_with_the_same_bits() {
    let (m, n, k) = (130, 66, 100);
    let mut random = Random::new(8);
    let (a, b) = (random.normals(m * k), random.normals(n * k));
    let (bias, residual) = (random.normals(n), random.normals(m * n));
    let product = |gpu: &Gpu, plan: Plan| {
        let (at, bt) = (gpu.upload(m, k, &a).unwrap(), gpu.upload(n, k, &b).unwrap());
        let bias = gpu.upload(1, n, &bias).unwrap();
        let residual = gpu.upload(m, n, &residual).unwrap();
        let with = Matmul {
            bias: Some(&bias),
            residual: Some(&residual),
            activation: Activation::Silu,
            ..Matmul::default()
        };
        let out = gpu.tensor(DType::F32, m, n).unwrap();
        let calls = matmul_with(gpu, plan, &at, &bt, &with, &out).unwrap();
        (calls.len(), run(gpu, calls, &out))
    };
    let flops = 2.0 * (m * n * k) as f64;
    for plan in plans() {
        let (calls, whole) = product(&roomy(), plan);
        // Tiles of the result, and the call that joins pieces of the inner dimension.
        let [rows, cols] = plan.tile.size();
        let grid = [m.div_ceil(rows), n.div_ceil(cols)];
        let joins = usize::from(plan.pieces > 1);
        assert_eq!(calls, 1 + joins, "{plan:?}");
        for (parts, expected) in [(1, 1), (grid[0], grid[0]), (100, grid[0] * grid[1])] {
            let (calls, cut) = product(&cutting(flops, parts as f64), plan);
            assert_eq!(calls, expected + joins, "{plan:?} in {parts}");
            assert_eq!(cut, whole, "{plan:?} in {parts}");
        }
    }
}

/// Half of a product in dispatches of its own for each row of tiles, and for each tile.
#[test]
fn a_long_symmetric_product_is_cut_with_the_same_bits() {
    let mut random = Random::new(9);
    // An even and an odd number of tiles.
    for side in [260, 330] {
        let k = 40;
        let a = random.normals(side * k);
        let flops = (side * (side + 1) * k) as f64;
        let product = |gpu: &Gpu, plan: Plan| {
            let at = gpu.upload(side, k, &a).unwrap();
            let with = Matmul {
                symmetric: true,
                ..Matmul::default()
            };
            let out = gpu.tensor(DType::F32, side, side).unwrap();
            let calls = matmul_with(gpu, plan, &at, &at, &with, &out).unwrap();
            (calls.len(), run(gpu, calls, &out))
        };
        for plan in plans().filter(|plan| plan.tile.is_square()) {
            let (calls, whole) = product(&roomy(), plan);
            // The rectangle into which the half is folded, or its blocks one after the other.
            let (down, across) = match plan.tile {
                Tile::Direct128 => (
                    1,
                    (side.div_ceil(16) * (side.div_ceil(16) + 1) / 2).div_ceil(16),
                ),
                tile => {
                    let tiles = side.div_ceil(tile.size()[0]);
                    (tiles.div_ceil(2), tiles | 1)
                }
            };
            for (parts, expected) in [(1, 1), (down, down), (1000, down * across)] {
                let (cut_calls, cut) = product(&cutting(flops, parts as f64), plan);
                assert_eq!(
                    cut_calls - (calls - 1),
                    expected,
                    "{plan:?} {side} in {parts}"
                );
                assert_eq!(cut, whole, "{plan:?} {side} in {parts}");
            }
        }
    }
}

/// Half of a product, mirrored, in a place of a larger matrix, added to what stands there.
#[test]
fn half_of_a_symmetric_product_is_mirrored() {
    let gpu = roomy();
    let mut random = Random::new(6);
    for (side, k) in [(1, 900), (7, 3), (64, 33), (129, 40), (260, 72)] {
        let a = gpu.upload(side, k, &random.normals(side * k)).expect("a");
        for plan in plans().filter(|plan| plan.tile.is_square()) {
            let product = |symmetric, calls: usize| {
                let (rows, cols) = (side + 2, side.next_multiple_of(4) + 4);
                let out = gpu
                    .upload(rows, cols, &vec![7.0; rows * cols])
                    .expect("out");
                let with = |accumulate| Matmul {
                    out_row: 1,
                    out_col: 4,
                    scale: 0.5,
                    accumulate,
                    symmetric,
                    ..Matmul::default()
                };
                let calls = (0..calls).flat_map(|call| {
                    matmul_with(&gpu, plan, &a, &a, &with(call > 0), &out).expect("shapes")
                });
                let found = run(&gpu, calls.collect::<Vec<_>>(), &out);
                let around = [&found[..cols], &found[(side + 1) * cols..]].concat();
                assert!(around.iter().all(|&value| value == 7.0), "{plan:?} {side}");
                let row = |row: usize| found[(row + 1) * cols + 4..][..side].to_vec();
                (0..side).map(row).collect::<Vec<_>>()
            };
            for calls in [1, 2] {
                let (half, whole) = (product(true, calls), product(false, calls));
                let what = format!("{plan:?} {side} {k}, {calls} times");
                for (row, values) in half.iter().enumerate() {
                    for (col, value) in values.iter().enumerate() {
                        assert_eq!(*value, half[col][row], "{what}: [{row}, {col}]");
                    }
                }
                assert_close(&half.concat(), &whole.concat(), 1e-6, &what);
            }
        }
    }
}

/// Half of a symmetric product is kept: of a matrix with itself to the same bits, and of two matrices, the one with
/// the other and the other way round.
#[test]
fn half_of_a_symmetric_product_is_kept() {
    let gpu = roomy();
    let mut random = Random::new(10);
    for (side, k) in [(1, 900), (7, 3), (8, 5), (64, 33), (129, 40), (258, 72)] {
        let (a, b) = (random.normals(side * k), random.normals(side * k));
        let product = reference::matmul(&a, &b, k, &Epilogue::default());
        let (a, b) = (gpu.upload(side, k, &a).unwrap(), gpu.upload(side, k, &b));
        let b = b.unwrap();
        let place = Packed { side };
        for plan in plans().filter(|plan| plan.tile.is_square()) {
            let calls = |with: [bool; 2], a, b, out: &Tensor| {
                let [packed, accumulate] = with;
                let with = Matmul {
                    scale: 0.5,
                    symmetric: !packed,
                    packed,
                    accumulate,
                    ..Matmul::default()
                };
                matmul_with(&gpu, plan, a, b, &with, out).expect("shapes")
            };
            let half = || {
                let (rows, cols) = (place.rows(), place.cols());
                gpu.upload(rows, cols, &vec![7.0; rows * cols]).unwrap()
            };
            let whole = gpu.tensor(DType::F32, side, side).unwrap();
            let whole = run(&gpu, calls([false, false], &a, &a, &whole), &whole);
            let out = half();
            let own = run(&gpu, calls([true, false], &a, &a, &out), &out);
            let out = half();
            let both = [(&a, &b, false), (&b, &a, true)];
            let both = both.map(|(a, b, accumulate)| calls([true, accumulate], a, b, &out));
            let both = run(&gpu, both.concat(), &out);
            let what = format!("{plan:?} {side} {k}");
            for row in 0..side {
                for col in row..side {
                    let index = place.index(row, col);
                    assert_eq!(
                        own[index],
                        whole[row * side + col],
                        "{what}: [{row}, {col}]"
                    );
                    let expected = 0.5 * (product[row * side + col] + product[col * side + row]);
                    assert!(
                        (both[index] - expected).abs() < 1e-5 * (k as f32).sqrt(),
                        "{what}: [{row}, {col}] {} for {expected}",
                        both[index]
                    );
                }
            }
        }
    }
}

#[test]
fn only_a_square_result_in_square_tiles_can_be_symmetric() {
    let gpu = roomy();
    let tensor = |rows, cols| gpu.tensor(DType::F32, rows, cols).expect("a tensor");
    let (a, b, out, bias) = (tensor(6, 5), tensor(8, 5), tensor(8, 12), tensor(1, 8));
    let symmetric = Matmul {
        symmetric: true,
        ..Matmul::default()
    };
    let biased = Matmul {
        bias: Some(&bias),
        ..symmetric
    };
    let refused = |tile, b, with: &Matmul<'_>| {
        let plan = Plan { tile, pieces: 1 };
        matmul_with(&gpu, plan, &a, b, with, &out).is_err()
    };
    assert!(!refused(Tile::Direct, &a, &symmetric));
    assert!(refused(Tile::Direct, &b, &symmetric));
    assert!(refused(Tile::Direct, &a, &biased));
    assert!(refused(Tile::Tiled32, &a, &symmetric));
    let packed = Matmul {
        packed: true,
        ..Matmul::default()
    };
    assert!(!refused(Tile::Direct, &a, &packed));
    assert!(refused(Tile::Direct, &b, &packed));
    assert!(refused(Tile::Tiled32, &a, &packed));
}
