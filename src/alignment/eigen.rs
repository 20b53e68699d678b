//! Eigenvectors of small symmetric matrices on the CPU, in f64.

/// Rounds over all pairs of dimensions; the method converges quadratically, in fewer than ten.
const MOST_SWEEPS: usize = 50;

/// Eigenvalues, largest first, and eigenvectors of a symmetric matrix.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Eigen {
    pub(super) values: Vec<f64>,
    /// One per eigenvalue, orthonormal.
    pub(super) vectors: Vec<Vec<f64>>,
}

/// The eigenvectors of the symmetric `matrix [n, n]`, row-major, by cyclic Jacobi rotations.
pub(super) fn eigen(matrix: &[f64], n: usize) -> Eigen {
    let mut a = matrix.to_vec();
    // Row k becomes eigenvector k.
    let mut vectors: Vec<Vec<f64>> = (0..n)
        .map(|k| (0..n).map(|j| f64::from(u8::from(j == k))).collect())
        .collect();
    for _ in 0..MOST_SWEEPS {
        let mut rotated = false;
        for p in 0..n {
            for q in p + 1..n {
                let (pp, pq, qq) = (a[p * n + p], a[p * n + q], a[q * n + q]);
                if pq.abs() <= f64::EPSILON * 1e-3 * (pp * qq).abs().sqrt() || !pq.is_finite() {
                    continue;
                }
                rotated = true;
                let theta = (qq - pp) / (2.0 * pq);
                let tangent = theta.signum() / (theta.abs() + theta.hypot(1.0));
                let cosine = 1.0 / tangent.hypot(1.0);
                let sine = tangent * cosine;
                for k in 0..n {
                    let (left, right) = (a[k * n + p], a[k * n + q]);
                    a[k * n + p] = cosine * left - sine * right;
                    a[k * n + q] = sine * left + cosine * right;
                }
                for k in 0..n {
                    let (left, right) = (a[p * n + k], a[q * n + k]);
                    a[p * n + k] = cosine * left - sine * right;
                    a[q * n + k] = sine * left + cosine * right;
                    let (left, right) = (vectors[p][k], vectors[q][k]);
                    vectors[p][k] = cosine * left - sine * right;
                    vectors[q][k] = sine * left + cosine * right;
                }
            }
        }
        if !rotated {
            break;
        }
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| a[j * n + j].total_cmp(&a[i * n + i]));
    Eigen {
        values: order.iter().map(|&i| a[i * n + i]).collect(),
        vectors: order.iter().map(|&i| vectors[i].clone()).collect(),
    }
}

/// The coefficients, in the rows of a block, of the vectors that are leading for the pencil of
/// `products [n, n]` (the operator in the block) and `overlaps [n, n]` (the block's inner products):
/// largest first, each of length 1 in the space of the block. The block need not be orthonormal, nor
/// independent: directions that are all but lost are left out.
pub(super) fn ritz(products: &[f64], overlaps: &[f64], n: usize) -> Vec<Vec<f64>> {
    /// Share of the largest below which a direction of the block is rounding only.
    const LOST: f64 = 1e-2;
    let block = eigen(overlaps, n);
    let largest = block.values.first().copied().unwrap_or(0.0);
    // Rows of an orthonormal basis, in coefficients of the block.
    let basis: Vec<Vec<f64>> = (block.values.iter().zip(block.vectors))
        .filter(|&(&value, _)| value > LOST * largest)
        .map(|(value, vector)| vector.iter().map(|x| x / value.sqrt()).collect())
        .collect();
    let rank = basis.len();
    let mut reduced = vec![0.0; rank * rank];
    for (i, left) in basis.iter().enumerate() {
        for (j, right) in basis.iter().enumerate() {
            let mut sum = 0.0;
            for (row, x) in left.iter().enumerate() {
                for (column, y) in right.iter().enumerate() {
                    // Rounding has made it slightly unsymmetric.
                    let (one, other) = (products[row * n + column], products[column * n + row]);
                    sum += x * y * (one + other) / 2.0;
                }
            }
            reduced[i * rank + j] = sum;
        }
    }
    let combine = |vector: &Vec<f64>| {
        (0..n)
            .map(|k| {
                let parts = vector.iter().zip(&basis);
                parts.map(|(weight, row)| weight * row[k]).sum()
            })
            .collect()
    };
    let reduced = eigen(&reduced, rank);
    reduced.vectors.iter().map(combine).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `sum over k of values[k] v_k v_k^T` of the rows `v_k`.
    fn assemble(values: &[f64], vectors: &[Vec<f64>]) -> Vec<f64> {
        let n = vectors[0].len();
        let mut matrix = vec![0.0; n * n];
        for (value, vector) in values.iter().zip(vectors) {
            for i in 0..n {
                for j in 0..n {
                    matrix[i * n + j] += value * vector[i] * vector[j];
                }
            }
        }
        matrix
    }

    #[test]
    fn eigenvectors_rebuild_the_matrix() {
        let n = 8;
        let matrix: Vec<f64> = (0..n * n)
            .map(|index| {
                let (i, j) = (index / n, index % n);
                ((i * j) as f64).sin() + ((i + j) as f64).cos()
            })
            .collect();
        let found = eigen(&matrix, n);
        assert!(found.values.is_sorted_by(|a, b| a >= b));
        let rebuilt = assemble(&found.values, &found.vectors);
        let error = (matrix.iter().zip(&rebuilt))
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f64::max);
        assert!(error < 1e-13, "{error:.1e}");
        let unit = assemble(&[1.0; 8], &found.vectors);
        for (index, value) in unit.iter().enumerate() {
            let expected = f64::from(u8::from(index / n == index % n));
            assert!((value - expected).abs() < 1e-13);
        }
    }

    #[test]
    fn skewed_and_dependent_blocks_give_the_same_directions() {
        // Rows of a block in three dimensions, of which the third repeats the sum of the others.
        let block = [[1.0, 0.2, 0.0], [0.3, 1.0, 0.0], [1.3, 1.2, 0.0]];
        let diagonal = [2.0, 5.0, 9.0];
        let inner = |weights: [f64; 3]| -> Vec<f64> {
            let pairs = block.iter().flat_map(|a| block.iter().map(move |b| (a, b)));
            pairs
                .map(|(a, b)| (0..3).map(|k| weights[k] * a[k] * b[k]).sum())
                .collect()
        };
        let found = ritz(&inner(diagonal), &inner([1.0; 3]), 3);
        assert_eq!(found.len(), 2);
        for (coefficients, axis) in found.iter().zip([1, 0]) {
            let along = |k: usize| -> f64 {
                let rows = coefficients.iter().zip(&block);
                rows.map(|(coefficient, row)| coefficient * row[k]).sum()
            };
            for k in 0..3 {
                let expected = f64::from(u8::from(k == axis));
                assert!((along(k).abs() - expected).abs() < 1e-12, "{found:?}");
            }
        }
    }
}
