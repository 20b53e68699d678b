//! Tensors from a checkpoint to the device.

use std::ops::Range;

use super::{
    Checkpoint, ModelError,
    made::{Made, dtype},
    parameters::{Parameters, Slot},
    stream::Stream,
    tickets::{HostId, TensorId, WeightId},
    weight::Weight,
};
use crate::{
    gpu::{DType, Gpu, Tensor},
    platform::Cancel,
    weights::HostTensor,
};

/// What the tickets of a model stand for.
pub(super) struct Loaded(Vec<Made>);

impl Loaded {
    /// Reads what the parameters are made of and uploads it; `progress` is told the bytes read and the
    /// bytes to read.
    ///
    /// # Errors
    /// What the checkpoint or the device reports; [`ModelError::Cancelled`].
    pub(super) async fn new(
        gpu: &Gpu,
        checkpoint: &Checkpoint,
        parameters: &Parameters,
        cancel: &Cancel,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Self, ModelError> {
        let mut stream = Stream::new(gpu, checkpoint, parameters, cancel, progress)?;
        let mut all = Vec::with_capacity(parameters.slots.len());
        for (index, slot) in parameters.slots.iter().enumerate() {
            let count = stream.count(index);
            let made = match slot {
                Slot::Weight(_, rows) => {
                    streamed(gpu, &mut stream, count, rows.len(), None).await?
                }
                Slot::Stacked(parts, gated) => {
                    let matrices = matrices(checkpoint, parameters, parts)?;
                    let weight = match gated {
                        true => Weight::gated(gpu, &matrices)?,
                        false => Weight::stacked(gpu, &matrices)?,
                    };
                    below_each_other(gpu, &mut stream, count, weight).await?
                }
                Slot::Columns(parameter, cols) => {
                    let whole = parameters.list.get(*parameter);
                    let rows = whole.and_then(|whole| whole.shape.first());
                    let rows = rows.copied().unwrap_or_default();
                    streamed(gpu, &mut stream, count, rows, Some(cols.clone())).await?
                }
                Slot::Values(_) if count > 0 => Made::Values(values(gpu, &stream.next().await?)?),
                Slot::Host(_) if count > 0 => Made::Host(stream.next().await?.to_f32()),
                Slot::Values(_) | Slot::Host(_) => Made::Nothing,
                Slot::Made(_, make) => {
                    let mut tensors = Vec::with_capacity(count);
                    for _ in 0..count {
                        tensors.push(stream.next().await?);
                    }
                    make(gpu, &tensors)?
                }
            };
            all.push(made);
        }
        stream.flush().await?;
        Ok(Self(all))
    }

    /// A weight matrix; none where the checkpoint lacks it.
    pub(super) fn weight(&self, id: WeightId) -> Option<&Weight> {
        match self.0.get(id.0) {
            Some(Made::Weight(weight)) => Some(weight),
            _ => None,
        }
    }

    /// A tensor that stayed on the host; none where the checkpoint lacks it.
    pub(super) fn host(&self, id: HostId) -> Option<&[f32]> {
        match self.0.get(id.0) {
            Some(Made::Host(values)) => Some(values),
            _ => None,
        }
    }

    /// A tensor of f32; none where the checkpoint lacks it.
    pub(super) fn values(&self, id: TensorId) -> Option<&Tensor> {
        match self.0.get(id.0) {
            Some(Made::Values(tensor)) => Some(tensor),
            _ => None,
        }
    }
}

/// A matrix of `rows` rows in its storage type, of which `count` parts come, one below the other; of each
/// row these columns.
async fn streamed(
    gpu: &Gpu,
    stream: &mut Stream<'_>,
    count: usize,
    rows: usize,
    cols: Option<Range<usize>>,
) -> Result<Made, ModelError> {
    let mut weight: Option<Weight> = None;
    let mut first = 0;
    for _ in 0..count {
        let mut part = stream.next().await?;
        if let Some(cols) = &cols {
            part = part.unblocked();
            cut(&mut part, cols);
        }
        let weight = match &mut weight {
            Some(weight) => weight,
            none => {
                let cols = part.shape.iter().skip(1).product();
                none.insert(Weight::room(gpu, dtype(part.dtype), rows, cols)?)
            }
        };
        weight.write(gpu, first, &part.bytes)?;
        first += part.shape.first().copied().unwrap_or_default();
    }
    Ok(weight.map_or(Made::Nothing, Made::Weight))
}

/// Type and sizes of the matrices at these places of the list.
fn matrices(
    checkpoint: &Checkpoint,
    parameters: &Parameters,
    places: &[usize],
) -> Result<Vec<(DType, [usize; 2])>, ModelError> {
    let matrices = places
        .iter()
        .filter_map(|&place| parameters.list.get(place));
    let matrices = matrices.map(|parameter| {
        let info = checkpoint.located(&parameter.name, &parameter.shape)?;
        let rows = parameter.shape.first().copied().unwrap_or(1);
        let cols = parameter.shape.iter().skip(1).product();
        Ok((dtype(info.checked_storage()?), [rows, cols]))
    });
    matrices.collect()
}

/// Fills the room for matrices one below the other, of which `count` parts come.
async fn below_each_other(
    gpu: &Gpu,
    stream: &mut Stream<'_>,
    count: usize,
    weight: Weight,
) -> Result<Made, ModelError> {
    let mut first = 0;
    for _ in 0..count {
        let part = stream.next().await?;
        weight.write_as(gpu, first, &part)?;
        first += part.shape.first().copied().unwrap_or_default();
    }
    Ok(Made::Weight(weight))
}

/// Leaves only these columns of a matrix without blocks.
fn cut(matrix: &mut HostTensor, cols: &Range<usize>) {
    let size = matrix.dtype.bytes(1);
    let all = matrix.shape.iter().skip(1).product::<usize>();
    let lines = matrix.bytes.chunks_exact((all * size).max(1));
    let cut = lines.filter_map(|line| line.get(cols.start * size..cols.end * size));
    matrix.bytes = cut.flatten().copied().collect();
    let rows = matrix.shape.first().copied().unwrap_or_default();
    matrix.shape = vec![rows, cols.len()];
}

/// A tensor as f32, `[all but the last size, the last]`.
fn values(gpu: &Gpu, tensor: &HostTensor) -> Result<Tensor, ModelError> {
    let cols = tensor.shape.last().copied().unwrap_or(1);
    let values = tensor.to_f32();
    let rows = values.len() / cols.max(1);
    Ok(gpu.upload(rows, cols, &values)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::{GpuOptions, LimitTier};

    #[test]
    fn rows_written_in_parts_stand_where_they_would_at_once() {
        let options = GpuOptions {
            // Rows of 5 elements are 32 bytes on the device: 8 in a binding.
            limits: LimitTier::Binding(256),
            ..GpuOptions::default()
        };
        let gpu = pollster::block_on(Gpu::request(&options)).unwrap();
        let values: Vec<f32> = (0..100).map(|number| number as f32).collect();
        let bytes: &[u8] = bytemuck::cast_slice(&values);
        for rows in [1, 3, 8, 9, 20] {
            let weight = Weight::room(&gpu, DType::F32, 20, 5).unwrap();
            for (part, bytes) in bytes.chunks(rows * 20).enumerate() {
                weight.write(&gpu, part * rows, bytes).unwrap();
            }
            let read = pollster::block_on(gpu.read(&weight.pieces())).unwrap();
            assert_eq!(read.len(), 3, "pieces");
            let read: Vec<f32> = read.into_iter().flat_map(|piece| piece.values).collect();
            assert_eq!(read, values, "{rows} rows at once");
        }
        let weight = Weight::room(&gpu, DType::F32, 20, 5).unwrap();
        assert!(weight.write(&gpu, 18, &bytes[..60]).is_err());
    }

    /// The values of each piece.
    fn read(gpu: &Gpu, weight: &Weight) -> Vec<Vec<f32>> {
        let read = pollster::block_on(gpu.read(&weight.pieces())).unwrap();
        read.into_iter().map(|piece| piece.values).collect()
    }

    /// Some rows of five numbers, counted from `first` on.
    fn rows(count: usize, first: usize) -> HostTensor {
        let values: Vec<f32> = (0..count * 5).map(|i| (first + i) as f32).collect();
        HostTensor {
            name: String::new(),
            dtype: crate::weights::StorageType::F32,
            shape: vec![count, 5],
            bytes: bytemuck::cast_slice(&values).to_vec(),
        }
    }

    #[test]
    fn matrices_of_one_type_share_a_piece_and_others_do_not() {
        let gpu = pollster::block_on(Gpu::request(&GpuOptions::default())).unwrap();
        let (f32, f16) = (DType::F32, DType::F16);
        let pieces = |of: &[(DType, usize)]| {
            let of: Vec<_> = of
                .iter()
                .map(|(dtype, rows)| (*dtype, [*rows, 5]))
                .collect();
            let weight = Weight::stacked(&gpu, &of).unwrap();
            let pieces = weight.shards.iter();
            pieces
                .map(|(first, piece)| (*first, piece.dtype(), piece.rows()))
                .collect::<Vec<_>>()
        };
        assert_eq!(pieces(&[(f16, 8), (f16, 3), (f16, 2)]), [(0, f16, 13)]);
        assert_eq!(
            pieces(&[(f16, 8), (f16, 4), (f32, 3)]),
            [(0, f16, 12), (12, f32, 3)]
        );
        // The second would begin at no multiple of four.
        assert_eq!(pieces(&[(f16, 6), (f32, 3)]), [(0, f32, 9)]);
    }

    #[test]
    fn rows_become_f32_where_their_matrix_has_become_that() {
        let gpu = pollster::block_on(Gpu::request(&GpuOptions::default())).unwrap();
        let of = [(DType::F16, [2, 5]), (DType::F32, [3, 5])];
        let weight = Weight::stacked(&gpu, &of).unwrap();
        let halves = [1.5_f32, -2.0, 0.25, 7.0, 9.0].map(half::f16::from_f32);
        let half = HostTensor {
            dtype: crate::weights::StorageType::F16,
            shape: vec![1, 5],
            bytes: bytemuck::cast_slice(&halves.map(half::f16::to_bits)).to_vec(),
            ..rows(0, 0)
        };
        weight.write_as(&gpu, 1, &half).unwrap();
        weight.write_as(&gpu, 2, &rows(3, 100)).unwrap();
        let mut expected = vec![0.0; 5];
        expected.extend([1.5, -2.0, 0.25, 7.0, 9.0]);
        expected.extend((100..115).map(|value| value as f32));
        assert_eq!(read(&gpu, &weight), [expected]);
    }

    #[test]
    fn pieces_of_a_gated_product_have_the_same_rows_of_both_matrices() {
        let options = GpuOptions {
            // Rows of 5 elements are 32 bytes on the device: 4 of each matrix in a binding.
            limits: LimitTier::Binding(256),
            ..GpuOptions::default()
        };
        let gpu = pollster::block_on(Gpu::request(&options)).unwrap();
        for at_once in [1, 3, 6] {
            let weight = Weight::gated(&gpu, &[(DType::F32, [6, 5]); 2]).unwrap();
            assert_eq!(weight.halves, Some(6));
            for first in (0..12).step_by(at_once) {
                let part = rows(at_once, 5 * first);
                weight.write_as(&gpu, first, &part).unwrap();
            }
            let row = |row: usize| (5 * row..5 * row + 5).map(|value| value as f32);
            let piece = |rows: &[usize]| rows.iter().flat_map(|&at| row(at)).collect::<Vec<_>>();
            let expected = [piece(&[0, 1, 2, 3, 6, 7, 8, 9]), piece(&[4, 5, 10, 11])];
            assert_eq!(read(&gpu, &weight), expected, "{at_once} rows at once");
        }
        let of = [(DType::F16, [8, 5]), (DType::F32, [8, 5])];
        let apart = Weight::gated(&gpu, &of).unwrap();
        assert_eq!(apart.halves, None);
        assert_eq!(apart.shards.last().map(|(first, _)| *first), Some(8));
    }
}
