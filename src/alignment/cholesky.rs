//! Factorization of covariance matrices on the CPU, in f64.

use super::products::{PANEL, Rows, subtract};
use crate::{gpu::GpuError, kernels::matmul::Packed, platform::Cancel};

/// A symmetric matrix `[n, n]`: `high + rest + sum of weight * vector vector^T`.
#[derive(Clone, Copy, Debug)]
pub struct SplitMatrix<'a> {
    /// The exact part, as [`Packed`] has it.
    pub high: &'a [f32],
    /// The small part, likewise.
    pub rest: &'a [f32],
    /// Weights and vectors `[n]` of what is added in f64.
    pub updates: &'a [(f64, Vec<f64>)],
}

impl SplitMatrix<'_> {
    /// The value of row `i` and column `j` of `n`.
    pub fn value(&self, n: usize, i: usize, j: usize) -> f64 {
        let index = Packed { side: n }.index(i, j);
        let updates = self.updates.iter();
        let updates = updates.map(|(weight, vector)| weight * vector[i] * vector[j]);
        f64::from(self.high[index]) + f64::from(self.rest[index]) + updates.sum::<f64>()
    }

    /// The matrix in f64, `[n, n]`.
    pub fn dense(&self, n: usize) -> Vec<f64> {
        let all = (0..n).flat_map(|i| (0..n).map(move |j| (i, j)));
        all.map(|(i, j)| self.value(n, i, j)).collect()
    }
}

/// Rounding of a Gram matrix over `tokens` rows that comes in two parts (see
/// [`crate::kernels::split_rows`]), relative to its diagonal: that of f32, less the bits of the exact
/// part, of which `sqrt(tokens)` takes some away.
pub fn noise(tokens: usize) -> f64 {
    let coarseness = (tokens as f64).sqrt() / 2048.0;
    8.0 * 2f64.powi(-24) * coarseness.min(1.0)
}

/// A factor `f [rank, n]` with `f^T f` equal to a symmetric matrix up to its rounding.
#[derive(Clone, Debug, PartialEq)]
pub struct Factor {
    /// Number of rows.
    pub rank: usize,
    /// Values, row-major.
    pub values: Vec<f32>,
    /// The dimension of each row's pivot: with the columns in this order its beginning is upper triangular.
    pub order: Vec<usize>,
}

impl Factor {
    /// `g [n, rank]`, row-major, with `f g = 1`; it is 0 but at the dimensions of the pivots.
    ///
    /// # Errors
    /// [`GpuError::Cancelled`] soon after `cancel` was asked.
    pub fn inverse(&self, cancel: &Cancel) -> Result<Vec<f32>, GpuError> {
        let Self {
            rank,
            values,
            order,
        } = self;
        let rank = *rank;
        let n = values.len() / rank.max(1);
        let at = |row: usize, col: usize| f64::from(values[row * n + order[col]]);
        // From the last row up: each is that of the unit matrix less what the rows below have of it.
        let mut inverse = vec![0.0; rank * rank];
        for row in (0..rank).rev() {
            if row % 32 == 0 && cancel.is_cancelled() {
                return Err(GpuError::Cancelled);
            }
            let (above, below) = inverse.split_at_mut((row + 1) * rank);
            let own = &mut above[row * rank + row..];
            own[0] = 1.0;
            let rows = Rows::new(below, rank, row);
            rows.add(own, 0..rank - row - 1, |t| -at(row, row + 1 + t));
            let pivot = 1.0 / at(row, row);
            own.iter_mut().for_each(|value| *value *= pivot);
        }
        let mut found = vec![0.0; n * rank];
        for (row, &dimension) in order.iter().enumerate() {
            let own = &inverse[row * rank..][..rank];
            let target = &mut found[dimension * rank..][..rank];
            target
                .iter_mut()
                .zip(own)
                .for_each(|(target, &value)| *target = value as f32);
        }
        Ok(found)
    }
}

/// Factors the symmetric positive semi-definite `matrix [n, n]`.
///
/// Cholesky with complete pivoting in f64, of the matrix scaled to a unit diagonal: dimensions of
/// very different size are equally accurate. It stops at pivots that are no more than `noise`, where
/// only rounding is left, so that a matrix that rounding has made singular or slightly indefinite is
/// as good as any.
///
/// # Errors
/// [`GpuError::Cancelled`] soon after `cancel` was asked.
pub fn factor(
    matrix: SplitMatrix<'_>,
    n: usize,
    noise: f64,
    cancel: &Cancel,
) -> Result<Factor, GpuError> {
    let value = |i: usize, j: usize| matrix.value(n, i, j);
    let scales: Vec<f64> = (0..n).map(|i| value(i, i).max(0.0).sqrt()).collect();
    let inverse: Vec<f64> = scales
        .iter()
        .map(|&scale| if scale > 0.0 { 1.0 / scale } else { 0.0 })
        .collect();
    let mut rest = vec![0.0; n * n];
    for (i, row) in rest.chunks_exact_mut(n.max(1)).enumerate() {
        for (j, target) in row.iter_mut().enumerate().skip(i) {
            *target = value(i, j) * inverse[i] * inverse[j];
        }
    }
    let (mut order, rank) = eliminate(&mut rest, n, noise, cancel)?;
    let mut values = vec![0.0; rank * n];
    for (k, row) in values.chunks_exact_mut(n.max(1)).enumerate() {
        for position in k..n {
            let dimension = order[position];
            row[dimension] = (rest[k * n + position] * scales[dimension]) as f32;
        }
    }
    order.truncate(rank);
    Ok(Factor {
        rank,
        values,
        order,
    })
}

/// Turns the upper triangle of `rest [n, n]` into the rows of its factor; gives the dimension that stands at
/// each position, and how many rows there are.
fn eliminate(
    rest: &mut [f64],
    n: usize,
    noise: f64,
    cancel: &Cancel,
) -> Result<(Vec<usize>, usize), GpuError> {
    let mut order: Vec<usize> = (0..n).collect();
    // What is left of the diagonal: the only part that is up to date within a panel.
    let mut left: Vec<f64> = (0..n).map(|i| rest[i * n + i]).collect();
    for first in (0..n).step_by(PANEL) {
        if cancel.is_cancelled() {
            return Err(GpuError::Cancelled);
        }
        let end = (first + PANEL).min(n);
        for k in first..end {
            let pivot = (k..n)
                .max_by(|&a, &b| left[a].total_cmp(&left[b]))
                .unwrap_or(k);
            if left[pivot].is_nan() || left[pivot] <= noise {
                return Ok((order, k));
            }
            swap(rest, n, k, pivot);
            order.swap(k, pivot);
            left.swap(k, pivot);
            let (above, below) = rest.split_at_mut(k * n);
            let row = &mut below[k..n];
            let panel = Rows::new(above, n, k);
            panel.add(row, first..k, |t| -above[t * n + k]);
            let root = 1.0 / left[k].sqrt();
            row[0] = left[k];
            row.iter_mut().for_each(|value| *value *= root);
            for (left, value) in left[k..].iter_mut().zip(row) {
                *left -= *value * *value;
            }
        }
        if end < n {
            let (above, below) = rest.split_at_mut(end * n);
            let panel = &above[first * n..];
            let size = [n - end, n - end, n];
            subtract(&mut below[end..], size, (panel, panel), (n, n), end, true);
        }
    }
    Ok((order, n))
}

/// Exchanges positions `a <= b` of a symmetric matrix stored as its upper triangle, together with
/// the columns of the factor rows above.
fn swap(matrix: &mut [f64], n: usize, a: usize, b: usize) {
    if a == b {
        return;
    }
    for row in 0..a {
        matrix.swap(row * n + a, row * n + b);
    }
    matrix.swap(a * n + a, b * n + b);
    for middle in a + 1..b {
        matrix.swap(a * n + middle, middle * n + b);
    }
    for column in b + 1..n {
        matrix.swap(a * n + column, b * n + column);
    }
}
