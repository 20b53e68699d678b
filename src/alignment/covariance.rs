//! Means, traces and Gram matrices of the tokens of one modality.

use super::{outliers, plan::PIECE};
use crate::{
    gpu::{DType, Gpu, GpuError, Recording, Tensor},
    kernels::{
        center_rows::center_rows,
        column_sums::{ColumnSums, column_totals},
        matmul::{Matmul, matmul_with},
        transpose::transpose,
    },
};

/// Pieces of a Gram matrix that are summed before the sum joins the whole.
const PIECES_PER_SUM: usize = 16;

/// What the device knows about one modality at several layers, before it comes to the CPU.
pub(super) struct Clouds {
    /// Statistics of the norms, `[layers, 8]`.
    pub(super) stats: Tensor,
    /// Means, `[layers, width]`: rounded, and what the rounding left over.
    pub(super) means: [Tensor; 2],
    /// Sums of squares of the centered and scaled rows, `[layers, width]`.
    pub(super) squares: Tensor,
    /// Gram matrices of the scaled rows, `[width, width]` per layer; none where the rows are no more
    /// than the width and serve as the factor themselves.
    pub(super) grams: Vec<Tensor>,
}

impl Clouds {
    /// The tensors that come to the CPU, in a fixed order: stats, means, squares, Gram matrices.
    pub(super) fn tensors(&self) -> Vec<&Tensor> {
        let mut all = vec![&self.stats, &self.means[0], &self.means[1], &self.squares];
        all.extend(&self.grams);
        all
    }
}

/// Records everything up to the Gram matrices. `stores` (`[n, width]`, one per layer) are handled for
/// outliers, centered and scaled by a power of two in place.
pub(super) fn record(
    gpu: &Gpu,
    recording: &mut Recording,
    stores: &[Tensor],
    replace_outliers: bool,
) -> Result<Clouds, GpuError> {
    let (rows, width) = stores
        .first()
        .map_or((0, 0), |store| (store.rows(), store.cols()));
    let stats = outliers::record(gpu, recording, stores, replace_outliers)?;
    let statistic = || gpu.tensor(DType::F32, stores.len(), width);
    let (means, rests, squares) = (statistic()?, statistic()?, statistic()?);
    let mut grams = Vec::new();
    for (layer, store) in stores.iter().enumerate() {
        let mean = ColumnSums {
            factor: 1.0 / rows as f32,
            ..ColumnSums::default()
        };
        recording.extend(column_totals(gpu, store, &mean, &means, layer)?);
        let rest = ColumnSums {
            shift: Some((&means, layer)),
            ..mean
        };
        recording.extend(column_totals(gpu, store, &rest, &rests, layer)?);
        recording.push(center_rows(store, &means, &rests, &stats, layer)?);
        let square = ColumnSums {
            square: true,
            ..ColumnSums::default()
        };
        recording.extend(column_totals(gpu, store, &square, &squares, layer)?);
        if rows > width {
            grams.push(gram(gpu, recording, store)?);
        }
    }
    Ok(Clouds {
        stats,
        means: [means, rests],
        squares,
        grams,
    })
}

/// Records `x^T x` in pieces of [`PIECE`] rows; sums of pieces join sums of sums, which
/// keeps the rounding small.
fn gram(gpu: &Gpu, recording: &mut Recording, x: &Tensor) -> Result<Tensor, GpuError> {
    let width = x.cols();
    let total = gpu.tensor(DType::F32, width, width)?;
    let partial = gpu.tensor(DType::F32, width, width)?;
    let whole_piece = gpu.tensor(DType::F32, width, PIECE.min(x.rows()))?;
    let pieces = x.rows().div_ceil(PIECE);
    for piece in 0..pieces {
        let begin = piece * PIECE;
        let count = PIECE.min(x.rows() - begin);
        let turned = match whole_piece.reshaped(width, count) {
            Some(turned) => turned,
            None => gpu.tensor(DType::F32, width, count)?,
        };
        recording.push(transpose(x, begin, &turned)?);
        let is_first = piece % PIECES_PER_SUM == 0;
        let is_last = piece % PIECES_PER_SUM == PIECES_PER_SUM - 1 || piece + 1 == pieces;
        let with = Matmul {
            // The last piece of a sum takes the others along into the whole.
            residual: (is_last && !is_first).then_some(&partial),
            accumulate: if is_last {
                piece >= PIECES_PER_SUM
            } else {
                !is_first
            },
            ..Matmul::default()
        };
        let out = if is_last { &total } else { &partial };
        recording.push(matmul_with(gpu.kernels(), &turned, &turned, &with, out)?);
    }
    Ok(total)
}
