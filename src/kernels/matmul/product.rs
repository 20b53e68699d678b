//! What a product is of, and whether that fits.

use crate::{
    gpu::{DType, GpuError, Tensor},
    kernels::{Activation, expect},
};

use super::Packed;

/// What surrounds the product.
#[derive(Clone, Copy, Debug)]
pub struct Matmul<'a> {
    /// Added to each row: `[1, n]`; of a gated product `[2, n]`.
    pub bias: Option<&'a Tensor>,
    /// Applied after the bias.
    pub activation: Activation,
    /// Added last: `[.., n]`, from `residual_row` on.
    pub residual: Option<&'a Tensor>,
    /// First row of `residual`.
    pub residual_row: usize,
    /// First row of `out`.
    pub out_row: usize,
    /// First column of `out`, `bias` and `residual`, a multiple of 4.
    pub out_col: usize,
    /// Columns of `a` and `b` that are summed over, all if absent; starts at a multiple of 8.
    pub inner: Option<(usize, usize)>,
    /// Adds to what stands in `out`.
    pub accumulate: bool,
    /// Factor of the product.
    pub scale: f32,
    /// For a product of a matrix with itself: half of it is computed and mirrored, so that it is symmetric
    /// to the bit. What it is added to must be symmetric as well.
    pub symmetric: bool,
    /// For a product that is symmetric, or one of several whose sum is: what lies on and above the diagonal is
    /// computed, and added or written to its place in a matrix of half the size, see [`Packed`]. `residual` has
    /// that form, too.
    pub packed: bool,
    /// The rows of `b` are those of two matrices of `n` rows, one below the other: `out = activation(scale a
    /// gate^T + bias) * (scale a up^T + bias) + residual` (arXiv 2002.05202).
    pub gated: bool,
    /// Rows that the product is planned for, those of `a` if absent: of products planned for the same number, the bits
    /// of a row do not depend on how many stand beside it.
    pub planned_rows: Option<usize>,
}

impl Default for Matmul<'_> {
    fn default() -> Self {
        Self {
            bias: None,
            activation: Activation::None,
            residual: None,
            residual_row: 0,
            out_row: 0,
            out_col: 0,
            inner: None,
            accumulate: false,
            scale: 1.0,
            symmetric: false,
            packed: false,
            gated: false,
            planned_rows: None,
        }
    }
}

impl Matmul<'_> {
    /// Whether the whole product replaces what stands in `out`.
    pub(in crate::kernels) fn is_plain(&self) -> bool {
        self.inner.is_none() && !self.accumulate && self.scale == 1.0 && !self.is_half()
    }

    /// Whether half of the product is computed.
    pub(super) fn is_half(&self) -> bool {
        self.symmetric || self.packed
    }

    /// Rows and columns that a product of `m` rows and `n` columns takes.
    pub(super) fn shape(&self, m: usize, n: usize) -> [usize; 2] {
        let packed = Packed { side: m };
        match self.packed {
            true => [packed.rows(), packed.cols()],
            false => [m, n],
        }
    }

    /// Columns of the product with `b`.
    pub(in crate::kernels) fn columns(&self, b: &Tensor) -> usize {
        b.rows() / if self.gated { 2 } else { 1 }
    }

    /// Elements from one row of the bias to the next.
    pub(in crate::kernels) fn up_bias(&self) -> usize {
        self.bias.map_or(0, Tensor::stride)
    }

    /// The epilogue's constants.
    pub(in crate::kernels) fn constants(&self) -> [(&'static str, f64); 4] {
        let flag = |flag: bool| f64::from(u8::from(flag));
        [
            ("ACTIVATION", self.activation.code()),
            ("HAS_BIAS", flag(self.bias.is_some())),
            ("HAS_RESIDUAL", flag(self.residual.is_some())),
            ("GATED", flag(self.gated)),
        ]
    }
}

/// Whether the shapes of a product fit each other, `k` columns from `begin` on.
pub(in crate::kernels) fn check(
    name: &'static str,
    a: &Tensor,
    b: &Tensor,
    with: &Matmul<'_>,
    out: &Tensor,
    begin: usize,
    k: usize,
) -> Result<(), GpuError> {
    let [m, n] = with.shape(a.rows(), with.columns(b));
    expect(
        name,
        !with.gated || b.rows().is_multiple_of(2) && !with.is_half(),
        || format!("b {b:?} of a gated product must have two rows for each column"),
    )?;
    expect(name, a.cols() == b.cols(), || {
        format!("a {a:?} and b {b:?} must have the same number of columns")
    })?;
    expect(
        name,
        begin.is_multiple_of(8) && begin + k <= a.cols(),
        || format!("columns {begin}..{} are not within a {a:?}", begin + k),
    )?;
    let fits = |tensor: &Tensor, row: usize| {
        tensor.dtype() == DType::F32
            && row + m <= tensor.rows()
            && with.out_col.is_multiple_of(4)
            && with.out_col + n <= tensor.cols()
    };
    expect(
        name,
        a.dtype() == DType::F32 && fits(out, with.out_row),
        || {
            format!(
                "[{m}, {n}] at row {} does not fit out {out:?}",
                with.out_row
            )
        },
    )?;
    if let Some(residual) = with.residual {
        expect(name, fits(residual, with.residual_row), || {
            format!("residual {residual:?} must cover [{m}, {n}]")
        })?;
    }
    if let Some(bias) = with.bias {
        expect(
            name,
            bias.dtype() == DType::F32
                && bias.cols() >= with.out_col + n
                && bias.rows() > usize::from(with.gated),
            || {
                let rows = 1 + usize::from(with.gated);
                format!("bias {bias:?} must cover [{rows}, {n}]")
            },
        )?;
    }
    Ok(())
}
