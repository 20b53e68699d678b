//! What a ticket comes to stand for once its tensors are read, and how some of it is made of them.

use std::ops::Range;

use super::{ModelError, weight::Weight};
use crate::{
    gpu::{DType, Gpu, Tensor},
    weights::{HostTensor, StorageType},
};

/// Something on the device.
pub(super) enum Made {
    /// A weight matrix.
    Weight(Weight),
    /// A tensor of f32.
    Values(Tensor),
    /// A tensor of f32 that stays on the host.
    Host(Vec<f32>),
    /// Nothing: the checkpoint lacks what can be lacked.
    Nothing,
}

/// Some elements of a vector.
pub(super) fn elements(
    gpu: &Gpu,
    tensors: &[HostTensor],
    part: Range<usize>,
) -> Result<Made, ModelError> {
    let values = tensors.first().map(HostTensor::to_f32).unwrap_or_default();
    let values = values.get(part).unwrap_or_default();
    Ok(Made::Values(gpu.upload(1, values.len(), values)?))
}

/// A convolution over frames that are all the same: `[out, channels, frames, height, width]`, summed over
/// the frames, as `[out, channels * height * width]` of f32.
pub(super) fn over_frames(gpu: &Gpu, tensors: &[HostTensor]) -> Result<Made, ModelError> {
    let Some(tensor) = tensors.first() else {
        return Ok(Made::Nothing);
    };
    let [rows, channels, frames, area] = match *tensor.shape.as_slice() {
        [rows, channels, frames, height, width] => [rows, channels, frames, height * width],
        _ => [0; 4],
    };
    let mut sums = vec![0.0_f32; rows * channels * area];
    let kernels = tensor.to_f32();
    let kernels = kernels.chunks_exact((frames * area).max(1));
    for (sum, kernel) in sums.chunks_exact_mut(area.max(1)).zip(kernels) {
        for frame in kernel.chunks_exact(area.max(1)) {
            sum.iter_mut()
                .zip(frame)
                .for_each(|(sum, value)| *sum += value);
        }
    }
    let bytes = bytemuck::cast_slice(&sums);
    let weight = Weight::upload(gpu, DType::F32, rows, channels * area, bytes)?;
    Ok(Made::Weight(weight))
}

/// Vectors one after another, in so many rows.
pub(super) fn rows_of<const ROWS: usize>(
    gpu: &Gpu,
    tensors: &[HostTensor],
) -> Result<Made, ModelError> {
    let values: Vec<f32> = tensors.iter().flat_map(HostTensor::to_f32).collect();
    Ok(Made::Values(gpu.upload(
        ROWS,
        values.len() / ROWS,
        &values,
    )?))
}

/// A vector plus 1.
pub(super) fn one_more(gpu: &Gpu, tensors: &[HostTensor]) -> Result<Made, ModelError> {
    let values = tensors.first().map(HostTensor::to_f32).unwrap_or_default();
    let values: Vec<f32> = values.into_iter().map(|value| 1.0 + value).collect();
    Ok(Made::Values(gpu.upload(1, values.len(), &values)?))
}

pub(super) fn dtype(storage: StorageType) -> DType {
    match storage {
        StorageType::F32 => DType::F32,
        StorageType::F16 => DType::F16,
        StorageType::BF16 => DType::BF16,
        StorageType::Blocks(block) => DType::Blocks(block),
    }
}
