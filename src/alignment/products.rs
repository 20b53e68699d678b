//! Products of f64 matrices on the CPU, as blocked factorizations need them: loops over long rows, which
//! compilers turn into vector instructions.

use std::ops::Range;

/// Columns that are worked on together: so much of a panel's rows stays in the nearest cache.
const STRIP: usize = 128;

/// Rows or reflections that a factorization finds together, before the rest of the matrix takes their products.
pub(super) const PANEL: usize = 32;

/// What comes of 0, 1, 2 and 3.
#[inline(always)]
fn four<T>(of: impl Fn(usize) -> T) -> [T; 4] {
    [of(0), of(1), of(2), of(3)]
}

/// Rows of a matrix, from one column on.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    values: &'a [f64],
    stride: usize,
    col: usize,
}

impl<'a> Rows<'a> {
    /// The rows that begin at every multiple of `stride`, from column `col` on.
    pub(super) fn new(values: &'a [f64], stride: usize, col: usize) -> Self {
        Self {
            values,
            stride,
            col,
        }
    }

    fn row(&self, row: usize, len: usize) -> &'a [f64] {
        &self.values[row * self.stride + self.col..][..len]
    }

    fn four(&self, first: usize, len: usize) -> [&'a [f64]; 4] {
        four(|i| self.row(first + i, len))
    }

    /// `y += sum over these rows of weight(row) * row`, as many values as `y` has.
    pub(super) fn add(&self, y: &mut [f64], rows: Range<usize>, weight: impl Fn(usize) -> f64) {
        let n = y.len();
        let mut next = rows.start;
        // Four at a time: what is read and written anew for each of them is `y`.
        while next + 4 <= rows.end {
            let [a, b, c, d] = self.four(next, n);
            let w = four(|i| weight(next + i));
            for i in 0..n {
                y[i] += (w[0] * a[i] + w[1] * b[i]) + (w[2] * c[i] + w[3] * d[i]);
            }
            next += 4;
        }
        for row in next..rows.end {
            let weight = weight(row);
            let values = self.row(row, n).iter();
            y.iter_mut().zip(values).for_each(|(y, x)| *y += weight * x);
        }
    }

    /// Tells the inner product of each of these rows with `x`.
    pub(super) fn dots(&self, x: &[f64], rows: Range<usize>, mut tell: impl FnMut(usize, f64)) {
        let n = x.len();
        let mut next = rows.start;
        while next + 4 <= rows.end {
            let four = dots(self.four(next, n), x);
            for (i, dot) in four.into_iter().enumerate() {
                tell(next + i, dot);
            }
            next += 4;
        }
        for row in next..rows.end {
            let [dot] = dots([self.row(row, n)], x);
            tell(row, dot);
        }
    }
}

/// Inner products of some rows with `x`, all of one length, each in two sums side by side: more of them would
/// not fit the registers.
fn dots<const N: usize>(rows: [&[f64]; N], x: &[f64]) -> [f64; N] {
    let (pairs, rest) = x.as_chunks::<2>();
    let mut parts: [&[[f64; 2]]; N] = [&[]; N];
    let mut found = [0.0; N];
    for i in 0..N {
        let (own, last) = rows[i][..x.len()].as_chunks::<2>();
        parts[i] = &own[..pairs.len()];
        found[i] = last.iter().zip(rest).map(|(row, x)| row * x).sum();
    }
    let mut sums = [[0.0; 2]; N];
    for (i, x) in pairs.iter().enumerate() {
        for (sums, row) in sums.iter_mut().zip(&parts) {
            sums[0] += row[i][0] * x[0];
            sums[1] += row[i][1] * x[1];
        }
    }
    for (found, sums) in found.iter_mut().zip(sums) {
        *found += sums[0] + sums[1];
    }
    found
}

/// `c -= a^T b` for `a [inner, >= m]` and `b [inner, >= n]`, both from column `begin` on, where `c` has `m` rows
/// of `n` values that begin at multiples of `stride`. With `upper`, what is left of the diagonal is of no
/// interest and may be left as it is.
pub(super) fn subtract(
    c: &mut [f64],
    [m, n, stride]: [usize; 3],
    (a, b): (&[f64], &[f64]),
    (a_stride, b_stride): (usize, usize),
    begin: usize,
    upper: bool,
) {
    let inner = b.len() / b_stride;
    for col in (0..n).step_by(STRIP) {
        let end = (col + STRIP).min(n);
        // Two rows at a time: what is read of `b` serves both.
        for (pair, rows) in c.chunks_mut(2 * stride).take(m.div_ceil(2)).enumerate() {
            let row = 2 * pair;
            if upper && row >= end {
                break;
            }
            let from = if upper { col.max(row) } else { col };
            let (first, second) = rows.split_at_mut(stride.min(rows.len()));
            let first = &mut first[from..end];
            let weight = |t: usize, row: usize| -a[t * a_stride + begin + row];
            let panel = Rows::new(b, b_stride, begin + from);
            if row + 1 == m {
                panel.add(first, 0..inner, |t| weight(t, row));
                continue;
            }
            let second = &mut second[from..end];
            let mut next = 0;
            while next + 4 <= inner {
                let weights = [row, row + 1].map(|row| four(|t| weight(next + t, row)));
                add_to_both(first, second, panel.four(next, end - from), weights);
                next += 4;
            }
            panel.add(first, next..inner, |t| weight(t, row));
            panel.add(second, next..inner, |t| weight(t, row + 1));
        }
    }
}

/// Adds four rows to both of `first` and `second`, with weights for each.
fn add_to_both(
    first: &mut [f64],
    second: &mut [f64],
    [a, b, c, d]: [&[f64]; 4],
    [v, w]: [[f64; 4]; 2],
) {
    let n = first.len();
    let (second, a, b) = (&mut second[..n], &a[..n], &b[..n]);
    let (c, d) = (&c[..n], &d[..n]);
    for i in 0..n {
        first[i] += (v[0] * a[i] + v[1] * b[i]) + (v[2] * c[i] + v[3] * d[i]);
        second[i] += (w[0] * a[i] + w[1] * b[i]) + (w[2] * c[i] + w[3] * d[i]);
    }
}
