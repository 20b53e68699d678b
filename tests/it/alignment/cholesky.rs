//! The factorization on the CPU.

use mirscope::{
    alignment::cholesky::{SplitMatrix, factor, noise},
    gpu::GpuError,
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

/// The matrix as an f32 part and the rest of it, halved because it is added twice.
fn split(matrix: &[f64]) -> (Vec<f32>, Vec<f32>) {
    let high: Vec<f32> = matrix.iter().map(|&x| x as f32).collect();
    let rest = (matrix.iter().zip(&high))
        .map(|(&x, &high)| (0.5 * (x - f64::from(high))) as f32)
        .collect();
    (high, rest)
}

#[test]
fn factors_multiply_to_the_matrix() {
    let mut random = Random::new(501);
    let scales = [1.0, 1000.0, 1e-3, 1.0, 7.0, 1.0];
    for rows in [40, 6, 3] {
        let gram = matrix(&mut random, rows, &scales, 0.0);
        let (high, rest) = split(&gram);
        let parts = SplitMatrix {
            high: &high,
            rest: &rest,
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

#[test]
fn what_rounding_left_over_is_no_signal() {
    let mut random = Random::new(502);
    let scales = [1.0; 40];
    let tokens = 4096;
    let gram = matrix(&mut random, 15, &scales, 0.1 * noise(tokens));
    let (high, rest) = split(&gram);
    let parts = SplitMatrix {
        high: &high,
        rest: &rest,
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
    let zero = vec![0.0; 9];
    let parts = SplitMatrix {
        high: &zero,
        rest: &zero,
    };
    let found = factor(parts, 3, 1e-9, &Cancel::default()).expect("not cancelled");
    assert_eq!((found.rank, found.values.len()), (0, 0));
    let cancel = Cancel::default();
    cancel.cancel();
    assert_eq!(factor(parts, 3, 1e-9, &cancel), Err(GpuError::Cancelled));
}
