//! Means, traces and Gram matrices of the tokens of one modality.

use super::{
    outliers::Norms,
    plan::{PIECE, cut, pieces_at_once},
};
use crate::{
    gpu::{DType, Gpu, GpuError, Recording, Tensor},
    kernels::{
        center_rows::center_rows,
        column_sums::{ColumnSums, column_totals},
        matmul::{Matmul, Packed, Plan, matmul_with, plan_symmetric},
        split_rows::{Parts, split_rows},
    },
};

/// What the device knows about one modality at several layers, before it comes to the CPU.
pub(super) struct Clouds {
    /// Norms before the handling of outliers, and their statistics.
    pub(super) norms: Norms,
    /// Means and sums of squares.
    moments: Moments,
    /// Gram matrices of the scaled rows of each layer; none where the rows are no more than the
    /// width and serve as the factor themselves.
    pub(super) grams: Vec<Option<Gram>>,
}

/// Means and sums of squares of each dimension at several layers.
pub(super) struct Moments {
    /// Means, `[layers, width]`: rounded, and what the rounding left over.
    pub(super) means: [Tensor; 2],
    /// Sums of squares about the means, `[layers, width]`; of scaled rows where the rows were scaled.
    pub(super) squares: Tensor,
}

impl Moments {
    pub(super) fn new(gpu: &Gpu, layers: usize, width: usize) -> Result<Self, GpuError> {
        let statistic = || gpu.tensor(DType::F32, layers, width);
        Ok(Self {
            means: [statistic()?, statistic()?],
            squares: statistic()?,
        })
    }

    /// Means, what their rounding left over, squares.
    pub(super) fn tensors(&self) -> [&Tensor; 3] {
        let [means, rests] = &self.means;
        [means, rests, &self.squares]
    }

    /// Records the means of the rows of `store`.
    pub(super) fn record_means(
        &self,
        gpu: &Gpu,
        recording: &mut Recording,
        store: &Tensor,
        layer: usize,
    ) -> Result<(), GpuError> {
        let [means, rests] = &self.means;
        let mean = ColumnSums {
            factor: 1.0 / store.rows() as f32,
            ..ColumnSums::default()
        };
        let rest = ColumnSums {
            shift: Some((means, layer)),
            ..mean
        };
        recording.extend(column_totals(gpu, store, &mean, means, layer)?);
        recording.extend(column_totals(gpu, store, &rest, rests, layer)?);
        Ok(())
    }
}

/// A Gram matrix `high + rest` `[width, width]`, which is more accurate than one in f32:
/// `high` is exact and `rest` is small (see [`crate::kernels::split_rows`]). A cloud that fills few
/// of the dimensions depends on it, since its distance has the square root of the rounding in it.
/// Half of each is there, as [`Packed`] has it.
pub(super) struct Gram {
    pub(super) high: Tensor,
    pub(super) rest: Tensor,
}

impl Gram {
    /// The memory for it.
    pub(super) fn room(gpu: &Gpu, width: usize) -> Result<Self, GpuError> {
        let half = Packed { side: width };
        let matrix = || gpu.tensor(DType::F32, half.rows(), half.cols());
        Ok(Self {
            high: matrix()?,
            rest: matrix()?,
        })
    }

    /// Bytes of both parts.
    pub(super) fn bytes(width: usize) -> u64 {
        let half = Packed { side: width };
        2 * 4 * half.rows() as u64 * half.cols() as u64
    }

    /// The zeros that [`clear`](Self::clear) takes.
    pub(super) fn zeros(gpu: &Gpu, width: usize) -> Result<Tensor, GpuError> {
        let half = Packed { side: width };
        let values = vec![0.0; half.rows() * half.cols()];
        gpu.upload(half.rows(), half.cols(), &values)
    }

    /// Records that it becomes 0.
    pub(super) fn clear(&self, recording: &mut Recording, zeros: &Tensor) -> Result<(), GpuError> {
        for part in [&self.high, &self.rest] {
            recording.copy_rows(zeros, 0, part, 0, part.rows())?;
        }
        Ok(())
    }

    /// Records that `scale` times that of some rows is added; every [`PIECE`] of them has sums of its own.
    pub(super) fn add(
        &self,
        gpu: &Gpu,
        recording: &mut Recording,
        Parts { high, mixed, low }: &Parts,
        scale: f32,
    ) -> Result<(), GpuError> {
        let with = Matmul {
            accumulate: true,
            packed: true,
            scale,
            ..Matmul::default()
        };
        let (width, rows) = (high.rows(), high.cols());
        let own = plan_symmetric(gpu, width, rows);
        let plan = match cut(gpu, width, rows) {
            None => own,
            Some(pieces) => Plan { pieces, ..own },
        };
        let mut product = |a: &Tensor, b: &Tensor, out: &Tensor| {
            recording.extend(matmul_with(gpu, plan, a, b, &with, out)?);
            Ok::<(), GpuError>(())
        };
        product(high, high, &self.high)?;
        // What is on one side of the diagonal of this product comes from the other side of it, too.
        product(mixed, low, &self.rest)?;
        product(low, mixed, &self.rest)
    }
}

impl Clouds {
    /// The tensors that come to the CPU, in a fixed order: stats, means, squares, then
    /// both parts of each Gram matrix.
    pub(super) fn tensors(&self) -> Vec<&Tensor> {
        let mut all = vec![&self.norms.stats];
        all.extend(self.moments.tensors());
        all.extend((self.grams.iter().flatten()).flat_map(|gram| [&gram.high, &gram.rest]));
        all
    }
}

/// Records everything up to the Gram matrices. `stores` (`[n, width]`, one per layer), in which outliers are
/// no more, are centered and scaled by a power of two in place.
pub(super) fn record(
    gpu: &Gpu,
    recording: &mut Recording,
    stores: &[Tensor],
    norms: Norms,
) -> Result<Clouds, GpuError> {
    let width = stores.first().map_or(0, Tensor::cols);
    let moments = Moments::new(gpu, stores.len(), width)?;
    let mut grams = Vec::with_capacity(stores.len());
    let zeros = match stores.iter().any(|store| store.rows() > width) {
        true => Some(Gram::zeros(gpu, width)?),
        false => None,
    };
    for (layer, store) in stores.iter().enumerate() {
        center(gpu, recording, store, &norms.stats, &moments, layer)?;
        let zeros = zeros.as_ref().filter(|_| store.rows() > width);
        let gram = zeros.map(|zeros| {
            let squares = (&moments.squares, layer);
            gram(gpu, recording, store, squares, zeros)
        });
        grams.push(gram.transpose()?);
    }
    Ok(Clouds {
        norms,
        moments,
        grams,
    })
}

/// Records the mean of the rows of `store` and the centering and scaling of them in place.
pub(super) fn center(
    gpu: &Gpu,
    recording: &mut Recording,
    store: &Tensor,
    stats: &Tensor,
    moments: &Moments,
    layer: usize,
) -> Result<(), GpuError> {
    moments.record_means(gpu, recording, store, layer)?;
    let [means, rests, squares] = moments.tensors();
    recording.push(center_rows(store, means, rests, stats, layer)?);
    let square = ColumnSums {
        square: true,
        ..ColumnSums::default()
    };
    recording.extend(column_totals(gpu, store, &square, squares, layer)?);
    Ok(())
}

/// Records the Gram matrix of the rows of `x` in pieces of [`PIECE`] rows, as many side by side as serve the adapter.
/// `squares[layer]` are the sums of squares of its columns.
///
/// It begins with `zeros`, so that all pieces are added: a product that replaces would be another to compile, which
/// takes a software adapter longer than the pieces.
fn gram(
    gpu: &Gpu,
    recording: &mut Recording,
    x: &Tensor,
    (squares, layer): (&Tensor, usize),
    zeros: &Tensor,
) -> Result<Gram, GpuError> {
    let width = x.cols();
    let gram = Gram::room(gpu, width)?;
    gram.clear(recording, zeros)?;
    let together = pieces_at_once(gpu, width) * PIECE;
    for begin in (0..x.rows()).step_by(together) {
        let count = together.min(x.rows() - begin);
        let turned = || gpu.tensor(DType::F32, width, count);
        let parts = Parts {
            high: turned()?,
            mixed: turned()?,
            low: turned()?,
        };
        recording.push(split_rows(x, begin, squares, layer, &parts)?);
        gram.add(gpu, recording, &parts, 1.0)?;
    }
    Ok(gram)
}
