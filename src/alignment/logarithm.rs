//! The logarithm of a covariance on the CPU, in f64: what its entropy moves by.
//!
//! ```text
//! ln x = integral over t of e^t / (1 + e^t) - e^t / (x + e^t)
//! ```
//!
//! over all real t, of which the trapezoidal rule with steps of 1 has nine digits. With a tridiagonal matrix in the
//! place of x each term is the inverse of a tridiagonal matrix, whose values follow from one another; so no
//! eigenvectors are needed. What makes the matrix tridiagonal is then undone, in blocked products.

use super::{
    products::{PANEL, subtract},
    spectrum::Tridiagonal,
};
use crate::{gpu::GpuError, platform::Cancel};

/// Beyond the logarithms of all eigenvalues by so much the integrand is e to the minus this.
const REACH: f64 = 18.0;

/// Shares of a row's largest value below which the rest of a row is nothing.
const NOTHING: f64 = 1e-30;

/// `ln (A / scale + floor)` `[n, n]` of the matrix A that `of` was made of; no eigenvalue of `A / scale` may be above 1 or
/// below half of `-floor`.
///
/// # Errors
/// [`GpuError::Cancelled`] soon after `cancel` was asked.
pub(super) fn logarithm(
    of: &Tridiagonal,
    scale: f64,
    floor: f64,
    cancel: &Cancel,
) -> Result<Vec<f64>, GpuError> {
    let diagonal: Vec<f64> = of.diagonal.iter().map(|x| x / scale + floor).collect();
    let beside: Vec<f64> = of.beside.iter().map(|x| x / scale).collect();
    let mut matrix = of_tridiagonal(&diagonal, &beside, floor / 2.0, cancel)?;
    turn_back(&mut matrix, of, cancel)?;
    Ok(matrix)
}

/// The logarithm of a tridiagonal matrix whose eigenvalues lie between `least` and about 1.
fn of_tridiagonal(
    diagonal: &[f64],
    beside: &[f64],
    least: f64,
    cancel: &Cancel,
) -> Result<Vec<f64>, GpuError> {
    let n = diagonal.len();
    let low = least.ln() - REACH;
    let count = (REACH - low).ceil() as usize;
    let shifts: Vec<f64> = (0..count).map(|k| (low + k as f64).exp()).collect();
    let of_one: f64 = shifts.iter().map(|shift| shift / (1.0 + shift)).sum();
    // Of each row and shift: what the inverse has on the diagonal, times the shift, and what a value is times the one
    // before it in a row.
    let (mut firsts, mut ratios) = (vec![0.0; n * count], vec![0.0; n * count]);
    for (k, &shift) in shifts.iter().enumerate() {
        let value = |i: usize| diagonal[i] + shift;
        // Pivots from the last row up, then from the first one down.
        let mut below = vec![0.0; n];
        for i in (0..n).rev() {
            let rest = match below.get(i + 1) {
                Some(below) => beside[i] * beside[i] / below,
                None => 0.0,
            };
            below[i] = value(i) - rest;
        }
        let mut above = 0.0;
        for i in 0..n {
            let rest = match i {
                0 => 0.0,
                _ => beside[i - 1] * beside[i - 1] / above,
            };
            above = value(i) - rest;
            firsts[i * count + k] = shift / (below[i] - rest);
            if i > 0 {
                ratios[i * count + k] = -beside[i - 1] / below[i];
            }
        }
    }
    let mut found = vec![0.0; n * n];
    for i in 0..n {
        if cancel.is_cancelled() {
            return Err(GpuError::Cancelled);
        }
        let row = &mut firsts[i * count..][..count];
        found[i * n + i] = of_one - row.iter().sum::<f64>();
        for j in i + 1..n {
            let (mut sum, mut largest) = (0.0, 0.0_f64);
            for (value, ratio) in row.iter_mut().zip(&ratios[j * count..][..count]) {
                *value *= ratio;
                sum += *value;
                largest = largest.max(value.abs());
            }
            if largest < NOTHING {
                break;
            }
            found[i * n + j] = -sum;
            found[j * n + i] = -sum;
        }
    }
    Ok(found)
}

/// Brings the symmetric `matrix [n, n]` from the axes in which A is tridiagonal to those of A. A panel of reflections is
/// `1 - V^T S V` with its vectors in the rows of V, and from both sides makes `M - V^T Z - Z^T V` of M with
///
/// ```text
/// Z = S Y - (1/2) S (Y V^T) S^T V,   Y = V M
/// ```
fn turn_back(matrix: &mut [f64], of: &Tridiagonal, cancel: &Cancel) -> Result<(), GpuError> {
    let n = of.diagonal.len();
    for first in (0..of.factors.len()).step_by(PANEL).rev() {
        if cancel.is_cancelled() {
            return Err(GpuError::Cancelled);
        }
        let count = PANEL.min(of.factors.len() - first);
        // Before this column all of the panel's vectors are 0.
        let begin = first + 1;
        let len = n - begin;
        let vector = |t: usize| &of.reflections[(first + t) * n + begin..][..len];
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        // S, upper triangular, column by column.
        let mut s = vec![0.0; count * count];
        for t in 0..count {
            let factor = of.factors[first + t];
            let along: Vec<f64> = (0..t).map(|u| dot(vector(u), vector(t))).collect();
            for u in 0..t {
                let own = (u..t).map(|w| s[u * count + w] * along[w]).sum::<f64>();
                s[u * count + t] = -factor * own;
            }
            s[t * count + t] = factor;
        }
        // V and its transpose without the columns that are 0, and -Y.
        let rows: Vec<f64> = (0..count).flat_map(|t| vector(t).iter().copied()).collect();
        let mut turned = vec![0.0; len * count];
        for (at, value) in turned.iter_mut().enumerate() {
            *value = rows[(at % count) * len + at / count];
        }
        let mut y = vec![0.0; count * n];
        let size = [count, n, n];
        let below = &matrix[begin * n..];
        subtract(&mut y, size, (&turned, below), (count, n), 0, false);
        // With -Y in its place everything about Z changes its sign.
        let mut products = vec![0.0; count * count];
        for t in 0..count {
            for u in 0..count {
                products[t * count + u] = dot(&y[t * n + begin..][..len], vector(u));
            }
        }
        let at = |m: &[f64], t: usize, u: usize| m[t * count + u];
        let times = |a: &[f64], b: &dyn Fn(usize, usize) -> f64| -> Vec<f64> {
            let all = (0..count).flat_map(|t| (0..count).map(move |u| (t, u)));
            all.map(|(t, u)| (0..count).map(|w| at(a, t, w) * b(w, u)).sum())
                .collect()
        };
        let half = times(&s, &|w, u| at(&products, w, u));
        let half = times(&half, &|w, u| at(&s, u, w));
        let mut z = vec![0.0; count * n];
        for (t, z) in z.chunks_exact_mut(n).enumerate() {
            for u in 0..count {
                let (weight, own) = (at(&s, t, u), &y[u * n..][..n]);
                z.iter_mut().zip(own).for_each(|(z, y)| *z += weight * y);
                let weight = -0.5 * at(&half, t, u);
                let own = z[begin..].iter_mut().zip(vector(u));
                own.for_each(|(z, v)| *z += weight * v);
            }
        }
        // V^T Z, as it is without the sign.
        let mut change = vec![0.0; len * n];
        let size = [len, n, n];
        subtract(&mut change, size, (&rows, &z), (len, n), 0, false);
        for (row, change) in change.chunks_exact(n).enumerate() {
            let row = row + begin;
            let own = matrix[row * n..][..n].iter_mut();
            own.zip(change).for_each(|(own, change)| *own -= change);
            for (col, change) in change.iter().enumerate() {
                matrix[col * n + row] -= change;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alignment::{eigen::eigen, spectrum::tridiagonal};

    #[test]
    fn it_is_that_of_the_eigenvalues() {
        for n in [1, 2, 3, 33, 70] {
            // Rows of sizes that fall by five orders of magnitude.
            let rows: Vec<f64> = (0..2 * n * n)
                .map(|at| {
                    let (row, col) = (at / n, at % n);
                    let size = 10_f64.powf(-2.5 * row as f64 / (2 * n) as f64);
                    size * ((row * 37 + col * 11 + 7 * row * col + 1) as f64 * 12.9898).sin()
                })
                .collect();
            let mut a = vec![0.0; n * n];
            for row in rows.chunks_exact(n) {
                for i in 0..n {
                    for j in 0..n {
                        a[i * n + j] += row[i] * row[j];
                    }
                }
            }
            let trace: f64 = (0..n).map(|i| a[i * n + i]).sum();
            let floor = 1e-12;
            let right = eigen(&a, n);
            let cancel = Cancel::default();
            let found = tridiagonal(a, n, &cancel).unwrap();
            let found = logarithm(&found, trace, floor, &cancel).unwrap();
            for i in 0..n {
                for j in 0..n {
                    let of = |(value, vector): (&f64, &Vec<f64>)| {
                        (value / trace + floor).ln() * vector[i] * vector[j]
                    };
                    let right: f64 = right.values.iter().zip(&right.vectors).map(of).sum();
                    let error = (found[i * n + j] - right).abs();
                    assert!(error < 1e-6, "{n}: {i}, {j}: {error:.1e} of {right}");
                }
            }
        }
    }
}
