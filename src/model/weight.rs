//! A weight matrix on the device.

use super::ModelError;
use crate::gpu::{DType, Gpu, GpuError, Tensor};

/// A weight matrix `[rows, cols]`, split by rows where one binding cannot hold it.
pub(super) struct Weight {
    /// First row and piece; pieces start at multiples of four.
    pub(super) shards: Vec<(usize, Tensor)>,
}

impl Weight {
    /// Room for a matrix, which [`Weight::write`] fills.
    pub(super) fn room(
        gpu: &Gpu,
        dtype: DType,
        rows: usize,
        cols: usize,
    ) -> Result<Self, ModelError> {
        let row_on_device = dtype.row_bytes(cols);
        let most = usize::try_from(gpu.max_binding() / row_on_device.max(1)).unwrap_or(usize::MAX);
        // Fewer than four rows in a binding: let the device say so with its numbers.
        let step = if most >= rows {
            rows
        } else {
            (most / 4 * 4).max(4)
        };
        let mut shards = Vec::new();
        for first in (0..rows).step_by(step.max(1)) {
            let count = step.min(rows - first);
            shards.push((first, gpu.room(dtype, count, cols)?));
        }
        Ok(Self { shards })
    }

    /// Writes whole rows, the first of which is `row`, row-major, as they stand in a file.
    pub(super) fn write(&self, gpu: &Gpu, row: usize, bytes: &[u8]) -> Result<(), ModelError> {
        let (mut row, mut rest) = (row, bytes);
        for (first, shard) in &self.shards {
            let behind = first + shard.rows();
            if (*first..behind).contains(&row) {
                let size = shard.dtype().packed_row_bytes(shard.cols());
                let (here, others) = rest.split_at(rest.len().min((behind - row) * size));
                gpu.write_rows(shard, row - first, here)?;
                (row, rest) = (behind, others);
            }
        }
        match rest.is_empty() {
            true => Ok(()),
            false => Err(ModelError::Gpu(GpuError::Shape {
                kernel: "upload",
                message: format!("{} bytes more than the matrix has", rest.len()),
            })),
        }
    }

    /// The tensors it is split over, first rows first.
    #[cfg(test)]
    pub(super) fn pieces(&self) -> Vec<&Tensor> {
        self.shards.iter().map(|(_, shard)| shard).collect()
    }

    /// Uploads a matrix, row-major, in its storage type.
    pub(super) fn upload(
        gpu: &Gpu,
        dtype: DType,
        rows: usize,
        cols: usize,
        bytes: &[u8],
    ) -> Result<Self, ModelError> {
        let weight = Self::room(gpu, dtype, rows, cols)?;
        weight.write(gpu, 0, bytes)?;
        Ok(weight)
    }
}
