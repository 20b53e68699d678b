//! The sum of the singular values of a matrix on the CPU, in f64.
//!
//! Reflections from both sides make the matrix bidiagonal (Golub and Kahan), in panels: half of the work is in
//! blocked products. Rotations then make the bidiagonal matrix diagonal (`rotations`). Both are backward
//! stable: what is wrong with a singular value is a few roundings of the largest one, which no road through
//! `K^T K` achieves.

use super::{
    products::{PANEL, Rows, subtract},
    rotations::sum_of_values,
};
use crate::{gpu::GpuError, platform::Cancel};

/// What is known of a matrix by its singular values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Norms {
    /// The sum of the singular values.
    pub nuclear: f64,
    /// The sum of their squares.
    pub squares: f64,
}

/// The norms of `k [rows, cols]`, row-major.
///
/// A matrix with values that are not finite has none: its norms are NaN.
///
/// # Errors
/// [`GpuError::Cancelled`] soon after `cancel` was asked.
pub fn norms(k: &[f32], rows: usize, cols: usize, cancel: &Cancel) -> Result<Norms, GpuError> {
    let squares = k.iter().map(|&x| f64::from(x).powi(2)).sum();
    let mut largest = 0.0_f64;
    for &x in k {
        if !x.is_finite() {
            largest = f64::NAN;
            break;
        }
        largest = largest.max(f64::from(x.abs()));
    }
    if largest.is_nan() || largest == 0.0 {
        let nuclear = largest;
        return Ok(Norms { nuclear, squares });
    }
    // Tall, with the largest value 1.
    let (m, n) = (rows.max(cols), rows.min(cols));
    let value = |row: usize, col: usize| match rows >= cols {
        true => f64::from(k[row * cols + col]) / largest,
        false => f64::from(k[col * cols + row]) / largest,
    };
    let mut a = Vec::with_capacity(m * n);
    for row in 0..m {
        a.extend((0..n).map(|col| value(row, col)));
    }
    let (diagonal, above) = bidiagonal(a, m, n, cancel)?;
    Ok(Norms {
        nuclear: largest * sum_of_values(diagonal, above),
        squares,
    })
}

/// The diagonal `[n]` and what is above it `[n - 1]` of a bidiagonal matrix with the singular values of
/// `a [m, n]`, `m >= n`.
///
/// A panel leaves what it has not come to yet as it was, and collects what is to be taken from it as
/// `V Y^T + X U^T`: of the matrix `a`, reflections `v` from the left and `u` from the right make
/// `a - v y^T - x u^T`, with `y` and `x` products of `a` as far as it would have come.
fn bidiagonal(
    mut a: Vec<f64>,
    m: usize,
    n: usize,
    cancel: &Cancel,
) -> Result<(Vec<f64>, Vec<f64>), GpuError> {
    let (mut diagonal, mut above) = (Vec::with_capacity(n), Vec::with_capacity(n));
    // Row t: reflection t of the panel.
    let [mut v, mut x] = [vec![0.0; PANEL * m], vec![0.0; PANEL * m]];
    let [mut u, mut y] = [vec![0.0; PANEL * n], vec![0.0; PANEL * n]];
    for first in (0..n).step_by(PANEL) {
        let end = (first + PANEL).min(n);
        for i in first..end {
            if cancel.is_cancelled() {
                return Err(GpuError::Cancelled);
            }
            let t = i - first;
            // Column i as it is by now, and the reflection that leaves one value of it.
            let mut left: Vec<f64> = (i..m).map(|row| a[row * n + i]).collect();
            Rows::new(&v, m, i).add(&mut left, 0..t, |s| -y[s * n + i]);
            Rows::new(&x, m, i).add(&mut left, 0..t, |s| -u[s * n + i]);
            let (value, tau) = reflection(&mut left);
            diagonal.push(value);
            v[t * m..(t + 1) * m].fill(0.0);
            v[t * m + i..(t + 1) * m].copy_from_slice(&left);
            if i + 1 == n {
                break;
            }
            let mut sums = vec![0.0; n - i - 1];
            Rows::new(&a, n, i + 1).add(&mut sums, i..m, |row| left[row - i]);
            take(
                &mut sums,
                [(&v, &y), (&x, &u)],
                [t, t],
                [m, n],
                [i, i + 1],
                &left,
            );
            sums.iter_mut().for_each(|sum| *sum *= tau);
            y[t * n..(t + 1) * n].fill(0.0);
            y[t * n + i + 1..(t + 1) * n].copy_from_slice(&sums);
            // Row i, in the same way.
            let mut right = a[i * n + i + 1..(i + 1) * n].to_vec();
            Rows::new(&y, n, i + 1).add(&mut right, 0..t + 1, |s| -v[s * m + i]);
            Rows::new(&u, n, i + 1).add(&mut right, 0..t, |s| -x[s * m + i]);
            let (value, tau) = reflection(&mut right);
            above.push(value);
            u[t * n..(t + 1) * n].fill(0.0);
            u[t * n + i + 1..(t + 1) * n].copy_from_slice(&right);
            let mut sums = vec![0.0; m - i - 1];
            let rows = Rows::new(&a, n, i + 1);
            rows.dots(&right, i + 1..m, |row, dot| sums[row - i - 1] = dot);
            take(
                &mut sums,
                [(&y, &v), (&u, &x)],
                [t + 1, t],
                [n, m],
                [i + 1, i + 1],
                &right,
            );
            sums.iter_mut().for_each(|sum| *sum *= tau);
            x[t * m..(t + 1) * m].fill(0.0);
            x[t * m + i + 1..(t + 1) * m].copy_from_slice(&sums);
        }
        if end < n {
            let (size, strides) = ([m - end, n - end, n], (m, n));
            let rest = &mut a[end * n + end..];
            subtract(rest, size, (&v, &y), strides, end, false);
            subtract(rest, size, (&x, &u), strides, end, false);
        }
    }
    Ok((diagonal, above))
}

/// `sums -= sum over s of out_s (in_s . vector)` over the first `counts` rows of the two pairs `(in, out)`; these
/// rows have `lengths` values, of which those from `begins` on count.
pub(super) fn take(
    sums: &mut [f64],
    pairs: [(&[f64], &[f64]); 2],
    counts: [usize; 2],
    lengths: [usize; 2],
    begins: [usize; 2],
    vector: &[f64],
) {
    for ((inside, outside), count) in pairs.into_iter().zip(counts) {
        let mut weights = [0.0; PANEL];
        let rows = Rows::new(inside, lengths[0], begins[0]);
        rows.dots(vector, 0..count, |s, dot| weights[s] = -dot);
        Rows::new(outside, lengths[1], begins[1]).add(sums, 0..count, |s| weights[s]);
    }
}

/// Turns a vector into that of the reflection `1 - tau w w^T` which leaves of it only a first value, with
/// `w[0] = 1`; gives that value and `tau`.
pub(super) fn reflection(vector: &mut [f64]) -> (f64, f64) {
    let Some((head, tail)) = vector.split_first_mut() else {
        return (0.0, 0.0);
    };
    let squares: f64 = tail.iter().map(|x| x * x).sum();
    let first = std::mem::replace(head, 1.0);
    if squares == 0.0 {
        return (first, 0.0);
    }
    let value = -first.signum() * (first * first + squares).sqrt();
    let inverse = 1.0 / (first - value);
    tail.iter_mut().for_each(|x| *x *= inverse);
    (value, (value - first) / value)
}
