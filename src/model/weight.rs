//! A weight matrix on the device.

use super::{ModelError, made::dtype};
use crate::{
    gpu::{DType, Gpu, GpuError, Tensor},
    weights::HostTensor,
};

/// A weight matrix `[rows, cols]`, split by rows where one binding cannot hold it.
pub(super) struct Weight {
    /// First row and piece; pieces start at multiples of four.
    pub(super) shards: Vec<(usize, Tensor)>,
    /// Of the two matrices of a gated product, the rows of each: every piece has the same rows of both, those of
    /// the second below those of the first.
    pub(super) halves: Option<usize>,
}

/// Some rows of a piece.
struct Segment<'a> {
    /// Which of the matrix's rows is the first.
    first: usize,
    rows: usize,
    shard: &'a Tensor,
    /// Its row in the piece.
    at: usize,
}

impl Weight {
    /// Room for a matrix, which [`Weight::write`] fills.
    pub(super) fn room(
        gpu: &Gpu,
        dtype: DType,
        rows: usize,
        cols: usize,
    ) -> Result<Self, ModelError> {
        Self::split(gpu, dtype, [1, rows], cols)
    }

    /// Room for matrices one below the other, each of a type and `[rows, cols]`: in one piece where their types are
    /// the same. Where pieces would begin at no multiple of four, all become f32.
    pub(super) fn stacked(gpu: &Gpu, of: &[(DType, [usize; 2])]) -> Result<Self, ModelError> {
        let mut stacked = Self {
            shards: Vec::new(),
            halves: None,
        };
        let mut first = 0;
        let starts = |run: &[(DType, [usize; 2])]| run.iter().map(|(_, [rows, _])| rows).sum();
        let runs: Vec<_> = of.chunk_by(|a, b| a.0 == b.0).collect();
        let behind = runs.iter().rev().skip(1);
        let fit = behind
            .map(|run| starts(run))
            .all(|rows: usize| rows.is_multiple_of(4));
        let all = [of];
        for run in if fit { &runs[..] } else { &all[..] } {
            let Some((dtype, [_, cols])) = run.first() else {
                continue;
            };
            let (dtype, rows) = (if fit { *dtype } else { DType::F32 }, starts(run));
            let piece = Self::room(gpu, dtype, rows, *cols)?;
            let shards = piece.shards.into_iter();
            stacked
                .shards
                .extend(shards.map(|(at, shard)| (first + at, shard)));
            first += rows;
        }
        Ok(stacked)
    }

    /// Room for the two matrices of a gated product, of the same sizes. Matrices of different types stand one below
    /// the other, as by [`Weight::stacked`].
    pub(super) fn gated(gpu: &Gpu, of: &[(DType, [usize; 2])]) -> Result<Self, ModelError> {
        match of {
            [(gate, [rows, cols]), (up, _)] if gate == up || !rows.is_multiple_of(4) => {
                let dtype = if gate == up { *gate } else { DType::F32 };
                Ok(Self {
                    halves: Some(*rows),
                    ..Self::split(gpu, dtype, [2, *rows], *cols)?
                })
            }
            _ => Self::stacked(gpu, of),
        }
    }

    /// Room for the rows of so many matrices, whose pieces have the same rows of each.
    fn split(
        gpu: &Gpu,
        dtype: DType,
        [matrices, rows]: [usize; 2],
        cols: usize,
    ) -> Result<Self, ModelError> {
        let row_on_device = dtype.row_bytes(cols) * matrices as u64;
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
            shards.push((first, gpu.room(dtype, matrices * count, cols)?));
        }
        Ok(Self {
            shards,
            halves: None,
        })
    }

    /// The rows of all pieces, in the order of the matrix's rows.
    fn segments(&self) -> impl Iterator<Item = Segment<'_>> {
        let half = move |index: usize| {
            let shards = self.shards.iter();
            shards.map(move |(first, shard)| {
                let (rows, skipped) = match self.halves {
                    None => (shard.rows(), 0),
                    Some(rows) => (shard.rows() / 2, rows),
                };
                Segment {
                    first: index * skipped + first,
                    rows,
                    shard,
                    at: index * rows,
                }
            })
        };
        (0..1 + usize::from(self.halves.is_some())).flat_map(half)
    }

    /// Writes whole rows, the first of which is `row`, row-major, as they stand in a file. The second of two halves
    /// follows the first.
    pub(super) fn write(&self, gpu: &Gpu, row: usize, bytes: &[u8]) -> Result<(), ModelError> {
        let (mut row, mut rest) = (row, bytes);
        for segment in self.segments() {
            let behind = segment.first + segment.rows;
            if (segment.first..behind).contains(&row) {
                let shard = segment.shard;
                let size = shard.dtype().packed_row_bytes(shard.cols());
                let (here, others) = rest.split_at(rest.len().min((behind - row) * size));
                gpu.write_rows(shard, segment.at + row - segment.first, here)?;
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

    /// [`Weight::write`] of whole rows in the type that they have here.
    pub(super) fn write_as(
        &self,
        gpu: &Gpu,
        row: usize,
        rows: &HostTensor,
    ) -> Result<(), ModelError> {
        let here = |segment: &Segment<'_>| {
            (segment.first..segment.first + segment.rows).contains(&row)
                && segment.shard.dtype() == dtype(rows.dtype)
        };
        if self.segments().any(|segment| here(&segment)) {
            return self.write(gpu, row, &rows.bytes);
        }
        self.write(gpu, row, bytemuck::cast_slice(&rows.to_f32()))
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
