//! The factorization on the CPU.

use mirscope::{
    alignment::cholesky::{SplitMatrix, factor, noise},
    gpu::GpuError,
    kernels::matmul::Packed,
    platform::Cancel,
};

use crate::support::Random;

/// `x^T x` of `rows` normal rows times `scales`, and rounding of relative size `error` that is not
/// positive semi-definite.
fn matrix(random: &mut Random, rows: usize, scales: &[f32], error: f64) -> Vec<f64> {
    let n = scales.len();
    let x = random.normals(rows * n);
    let at = |row: usize, col: usize| f64::from(x[row * n + col] * scales[col]);
    let mut gram = vec![0.0; n * n];
    for i in 0..n {
        for j in 0..=i {
            let dot: f64 = (0..rows).map(|row| at(row, i) * at(row, j)).sum();
            let size = f64::from(scales[i] * scales[j]) * rows as f64;
            gram[i * n + j] = dot + error * size * random.normal();
            gram[j * n + i] = gram[i * n + j];
        }
    }
    gram
}

/// Half of the matrix as an f32 part and the rest of it.
fn split(matrix: &[f64], n: usize) -> (Vec<f32>, Vec<f32>) {
    let half = Packed { side: n };
    let [mut high, mut rest] = [0, 1].map(|_| vec![0.0; half.rows() * half.cols()]);
    for i in 0..n {
        for j in i..n {
            let (index, value) = (half.index(i, j), matrix[i * n + j]);
            high[index] = value as f32;
            rest[index] = (value - f64::from(high[index])) as f32;
        }
    }
    (high, rest)
}

#[test]
fn factors_multiply_to_the_matrix() {
    let mut random = Random::new(501);
    let scales = [1.0, 1000.0, 1e-3, 1.0, 7.0, 1.0];
    for rows in [40, 6, 3] {
        let gram = matrix(&mut random, rows, &scales, 0.0);
        let (high, rest) = split(&gram, 6);
        let parts = SplitMatrix {
            high: &high,
            rest: &rest,
            updates: &[],
        };
        let found = factor(parts, 6, noise(rows), &Cancel::default()).expect("not cancelled");
        assert_eq!(found.rank, rows.min(6));
        for i in 0..6 {
            for j in 0..6 {
                let product: f64 = (found.values.chunks_exact(6))
                    .map(|row| f64::from(row[i]) * f64::from(row[j]))
                    .sum();
                let size = (gram[i * 6 + i] * gram[j * 6 + j]).sqrt();
                let error = (product - gram[i * 6 + j]).abs() / size;
                assert!(error < 3e-7, "{rows} rows, [{i}, {j}]: {error:.1e}");
            }
        }
    }
}

/// Rank and factor of `matrix [n, n]`, one pivot after another, from the definition. Of equal pivots it takes
/// the last, as the order stands by then.
fn plain(matrix: &[f64], n: usize, noise: f64) -> (usize, Vec<f64>) {
    let scales: Vec<f64> = (0..n).map(|i| matrix[i * n + i].sqrt()).collect();
    let mut rest: Vec<f64> = (0..n * n)
        .map(|at| matrix[at] * (1.0 / scales[at / n]) * (1.0 / scales[at % n]))
        .collect();
    let mut factor = Vec::new();
    let mut order: Vec<usize> = (0..n).collect();
    for k in 0..n {
        let size = |position: usize| rest[order[position] * (n + 1)];
        let largest = (k..n).max_by(|&a, &b| size(a).total_cmp(&size(b)));
        let at = largest.expect("k < n");
        let size = size(at);
        if size <= noise {
            return (k, factor);
        }
        order.swap(k, at);
        let pivot = order[k];
        let mut row = vec![0.0; n];
        for &j in &order[k..] {
            row[j] = rest[pivot * n + j] / size.sqrt();
        }
        for &i in &order[k..] {
            for &j in &order[k..] {
                rest[i * n + j] -= row[i] * row[j];
            }
        }
        factor.extend(row.iter().zip(&scales).map(|(x, scale)| x * scale));
    }
    (n, factor)
}

#[test]
fn panels_give_what_single_pivots_give() {
    let mut random = Random::new(503);
    for (n, rows, error) in [
        (1, 3, 0.0),
        (31, 200, 0.0),
        (32, 200, 0.0),
        (33, 200, 0.0),
        (65, 66, 0.0),
        (100, 101, 0.0),
        (101, 500, 0.0),
        // Of lower rank than they have rows, with rounding in place of the rest.
        (96, 40, 1e-12),
        (97, 64, 1e-12),
        (130, 33, 1e-12),
    ] {
        let scales: Vec<f32> = (0..n).map(|i| 10f32.powi(i as i32 % 7 - 3)).collect();
        let (high, rest) = split(&matrix(&mut random, rows, &scales, error), n);
        let parts = SplitMatrix {
            high: &high,
            rest: &rest,
            updates: &[],
        };
        let whole: Vec<f64> = (0..n * n)
            .map(|at| {
                let index = Packed { side: n }.index(at / n, at % n);
                f64::from(high[index]) + f64::from(rest[index])
            })
            .collect();
        let noise = noise(rows);
        let found = factor(parts, n, noise, &Cancel::default()).expect("not cancelled");
        let (rank, expected) = plain(&whole, n, noise);
        assert_eq!((found.rank, rank), (rank, rows.min(n)), "{n}, {rows} rows");
        for (at, (value, expected)) in found.values.iter().zip(&expected).enumerate() {
            let size = whole[at % n * (n + 1)].sqrt();
            let error = (f64::from(*value) - expected).abs() / size;
            // What a small pivot makes of the order of sums, and the rounding to f32.
            assert!(error < 1e-7, "{n}, {rows} rows, {at}: {error:.1e}");
        }
        let mut worst: f64 = 0.0;
        for i in 0..n {
            for j in 0..n {
                let product: f64 = (found.values.chunks_exact(n))
                    .map(|row| f64::from(row[i]) * f64::from(row[j]))
                    .sum();
                let size = (whole[i * n + i] * whole[j * n + j]).sqrt();
                worst = worst.max((product - whole[i * n + j]).abs() / size);
            }
        }
        assert!(worst < 3e-7, "{n}, {rows} rows: {worst:.1e}");
    }
}

#[test]
fn what_rounding_left_over_is_no_signal() {
    let mut random = Random::new(502);
    let scales = [1.0; 40];
    let tokens = 4096;
    let gram = matrix(&mut random, 15, &scales, 0.1 * noise(tokens));
    let (high, rest) = split(&gram, 40);
    let parts = SplitMatrix {
        high: &high,
        rest: &rest,
        updates: &[],
    };
    let rank = |noise| {
        let found = factor(parts, 40, noise, &Cancel::default());
        found.expect("not cancelled").rank
    };
    assert_eq!(rank(noise(tokens)), 15);
    assert!(rank(0.0) > 15, "the rounding is there");
}

#[test]
fn zero_has_no_factor_and_a_cancelled_run_none_either() {
    let zero = vec![0.0; 16];
    let parts = SplitMatrix {
        high: &zero,
        rest: &zero,
        updates: &[],
    };
    let found = factor(parts, 3, 1e-9, &Cancel::default()).expect("not cancelled");
    assert_eq!((found.rank, found.values.len()), (0, 0));
    let cancel = Cancel::default();
    cancel.cancel();
    assert_eq!(factor(parts, 3, 1e-9, &cancel), Err(GpuError::Cancelled));
}
