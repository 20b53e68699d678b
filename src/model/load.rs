//! Tensors from a checkpoint to the device.

use super::{
    Checkpoint, ModelError,
    ops::Weight,
    parameters::{HostId, Need, Parameters, Slot, TensorId, WeightId},
};
use crate::{
    gpu::{DType, Gpu, Tensor},
    platform::{self, Cancel},
    weights::{HostTensor, StorageType},
};

/// Bytes uploaded between two flushes: what the driver keeps in staging memory.
const FLUSH_BYTES: u64 = 64 << 20;
/// Bytes read between two moments in which others may run.
const PAUSE_BYTES: u64 = 4 << 20;

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
        let total = checkpoint.used().map(|(_, info)| info.bytes()).sum();
        let (mut done, mut unflushed, mut unpaused) = (0, 0, u64::MAX);
        let mut read = vec![false; parameters.list.len()];
        let mut all = Vec::with_capacity(parameters.slots.len());
        // Several matrices may be rows of one tensor, which is then read once.
        let mut whole: Option<(usize, HostTensor)> = None;
        for slot in &parameters.slots {
            whole = whole.filter(|(of, _)| matches!(slot, Slot::Weight(index, _) if index == of));
            if unpaused >= PAUSE_BYTES {
                unpaused = 0;
                platform::yield_now().await;
                if cancel.is_cancelled() {
                    return Err(ModelError::Cancelled);
                }
            }
            let mut host = |index: usize| -> Result<Option<HostTensor>, ModelError> {
                let Some(parameter) = parameters.list.get(index) else {
                    return Ok(None);
                };
                let wanted = match parameter.need {
                    Need::Forward => true,
                    Need::Words => checkpoint.has(&parameter.name),
                    Need::Nothing => false,
                };
                if !wanted {
                    return Ok(None);
                }
                let tensor = checkpoint.tensor(&parameter.name, &parameter.shape)?;
                let bytes = tensor.bytes.len() as u64;
                unpaused += bytes;
                unflushed += bytes;
                // A tensor that several tickets share is told once.
                if let Some(read) = read.get_mut(index)
                    && !std::mem::replace(read, true)
                {
                    done += bytes;
                }
                progress(done, total);
                Ok(Some(tensor))
            };
            all.push(match slot {
                Slot::Weight(index, rows) => {
                    if whole.is_none() {
                        whole = host(*index)?.map(|tensor| (*index, tensor));
                    }
                    match &whole {
                        Some((_, tensor)) => Made::Weight(weight(gpu, tensor, rows.clone())?),
                        None => Made::Nothing,
                    }
                }
                Slot::Values(index) => match host(*index)? {
                    Some(tensor) => Made::Values(values(gpu, &tensor)?),
                    None => Made::Nothing,
                },
                Slot::Host(index) => match host(*index)? {
                    Some(tensor) => Made::Host(tensor.to_f32()),
                    None => Made::Nothing,
                },
                Slot::Made(of, make) => {
                    let tensors = of.iter().filter_map(|index| host(*index).transpose());
                    make(gpu, &tensors.collect::<Result<Vec<_>, _>>()?)?
                }
            });
            if unflushed > FLUSH_BYTES {
                gpu.flush();
                unflushed = 0;
            }
        }
        gpu.flush();
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

/// Some rows of a matrix in its storage type.
pub(super) fn weight(
    gpu: &Gpu,
    tensor: &HostTensor,
    rows: std::ops::Range<usize>,
) -> Result<Weight, ModelError> {
    let cols = tensor.shape.iter().skip(1).product::<usize>();
    let row = tensor.dtype.bytes(cols);
    let bytes = tensor.bytes.get(rows.start * row..rows.end * row);
    let bytes = bytes.unwrap_or_default();
    Weight::upload(gpu, dtype(tensor.dtype), rows.len(), cols, bytes)
}

/// A tensor as f32, `[all but the last size, the last]`.
fn values(gpu: &Gpu, tensor: &HostTensor) -> Result<Tensor, ModelError> {
    let cols = tensor.shape.last().copied().unwrap_or(1);
    let values = tensor.to_f32();
    let rows = values.len() / cols.max(1);
    Ok(gpu.upload(rows, cols, &values)?)
}

/// Some elements of a vector.
pub(super) fn elements(
    gpu: &Gpu,
    tensors: &[HostTensor],
    part: std::ops::Range<usize>,
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
