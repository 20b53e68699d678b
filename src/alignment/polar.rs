//! Polar factors with matrix products alone: the sum of the singular values of a matrix, and
//! orthonormal rows.
//!
//! `K = U S V^T` has the polar factor `X = U V^T`, and `<X, K>` is the sum of the singular values. An
//! odd polynomial of X acts on the singular values alone; a row of polynomials that drives every
//! value to 1 turns `K / ||K||_F` into X. The error of `<X, K>` is of second order in the error of
//! the factor's directions, which is why f32 suffices.

use crate::{
    gpu::{DType, Dispatch, Gpu, GpuError, Tensor},
    kernels::{
        column_sums::{ColumnSums, column_totals},
        matmul::{Matmul, matmul},
        normalize::normalize,
        row_dots::row_dots,
        transpose::transpose,
    },
};

/// `x <- a x + b x^3 + c x^5` on each singular value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Polynomial {
    /// Coefficient of x.
    pub a: f64,
    /// Coefficient of x^3.
    pub b: f64,
    /// Coefficient of x^5; 0 saves a matrix product.
    pub c: f64,
}

/// Raises small singular values fast, leaving all between 0.7 and 1.2 in the end.
const RAISE: Polynomial = Polynomial {
    a: 3.4445,
    b: -4.7750,
    c: 2.0315,
};

/// Newton-Schulz: converges quadratically from there to 1.
const POLISH: Polynomial = Polynomial {
    a: 1.5,
    b: -0.5,
    c: 0.0,
};

/// The polynomials in the order of application.
pub fn schedule() -> impl Iterator<Item = Polynomial> {
    coarse_schedule().chain(std::iter::repeat_n(POLISH, 6))
}

/// The first of them, for rows that only have to stay independent: singular values above 1e-6 of the
/// norm end between 0.7 and 1.2.
pub fn coarse_schedule() -> impl Iterator<Item = Polynomial> {
    std::iter::repeat_n(RAISE, 12)
}

/// The calls that compute a polar factor.
pub(super) struct PolarFactor {
    /// In the order of execution.
    pub(super) calls: Vec<Dispatch>,
    /// The polar factor over `factor`, `[p, q]`.
    pub(super) x: Tensor,
    /// What `x` is to be multiplied with.
    pub(super) factor: f64,
}

/// Drives the singular values of `k` to 1 with the polynomials; the sum of squares of `k` is left in
/// row `square_row` of `squares`.
///
/// # Shapes
/// `k [p, q]` with p <= q, `squares [> square_row, 1]`, both f32.
pub(super) fn polar_factor(
    gpu: &Gpu,
    k: &Tensor,
    polynomials: impl Iterator<Item = Polynomial>,
    (squares, square_row): (&Tensor, usize),
) -> Result<PolarFactor, GpuError> {
    let (p, q) = (k.rows(), k.cols());
    let matrix = |rows, cols| gpu.tensor(DType::F32, rows, cols);
    let (gram, polynomial) = (matrix(p, p)?, matrix(p, p)?);
    let (mut turned, mut next) = (matrix(q, p)?, matrix(q, p)?);
    let x = matrix(p, q)?;
    let row_squares = matrix(p, 1)?;

    let mut calls = vec![row_dots(gpu.kernels(), k, k, &row_squares, 0)?];
    calls.extend(column_totals(
        gpu,
        &row_squares,
        &ColumnSums::default(),
        squares,
        square_row,
    )?);
    calls.push(normalize(k, squares, square_row, &x)?);
    calls.push(transpose(&x, 0, &turned)?);
    // The tensors hold X divided by `factor`: the leading coefficients are left out of the products.
    let mut factor = 1.0;
    for Polynomial { a, b, c } in polynomials {
        let scaled = |scale: f64| Matmul {
            scale: scale as f32,
            ..Matmul::default()
        };
        // b XX^T, then b XX^T + c (XX^T)^2, both symmetric.
        let with = Matmul {
            symmetric: true,
            ..scaled(b * factor * factor)
        };
        calls.extend(matmul(gpu, &x, &x, &with, &gram)?);
        let mut increment = &gram;
        if c != 0.0 {
            let with = Matmul {
                residual: Some(&gram),
                symmetric: true,
                ..scaled(c / (b * b))
            };
            calls.extend(matmul(gpu, &gram, &gram, &with, &polynomial)?);
            increment = &polynomial;
        }
        let with = Matmul {
            residual: Some(&turned),
            ..scaled(1.0 / a)
        };
        calls.extend(matmul(gpu, &turned, increment, &with, &next)?);
        std::mem::swap(&mut turned, &mut next);
        calls.push(transpose(&turned, 0, &x)?);
        factor *= a;
    }
    Ok(PolarFactor { calls, x, factor })
}

/// Adds the sum of squares of `k` to row `square_row` of `squares`, and to `dots`, from `dots_row` on,
/// one value per row of `k`; `||K||_* =` the returned factor times their sum.
///
/// # Shapes
/// `k [p, q]` with p <= q, `squares [> square_row, 1]`, `dots [>= dots_row + p, 1]`, all f32.
///
/// # Errors
/// [`GpuError::Shape`]; [`GpuError::TooLarge`] where the working memory does not fit.
pub fn nuclear_norm(
    gpu: &Gpu,
    k: &Tensor,
    (squares, square_row): (&Tensor, usize),
    (dots, dots_row): (&Tensor, usize),
) -> Result<(Vec<Dispatch>, f64), GpuError> {
    let PolarFactor {
        mut calls,
        x,
        factor,
    } = polar_factor(gpu, k, schedule(), (squares, square_row))?;
    calls.push(row_dots(gpu.kernels(), &x, k, dots, dots_row)?);
    Ok((calls, factor))
}
