//! Tensors from a checkpoint to the device.

use super::{
    ModelError,
    ops::{LayerNorm, Linear, RmsNorm, Weight},
};
use crate::{
    gpu::{DType, Gpu, Tensor},
    platform::{self, Cancel},
    weights::{Checkpoint, HostTensor, StorageType},
};

/// Bytes uploaded between two flushes: what the driver keeps in staging memory.
const FLUSH_BYTES: u64 = 64 << 20;

/// Reads tensors by canonical name and uploads them.
pub(super) struct Loader<'a> {
    pub(super) gpu: &'a Gpu,
    pub(super) checkpoint: &'a Checkpoint,
    cancel: &'a Cancel,
    progress: &'a mut dyn FnMut(u64, u64),
    done: u64,
    total: u64,
    unflushed: u64,
}

impl<'a> Loader<'a> {
    /// `progress` is told the bytes read and the bytes to read.
    pub(super) fn new(
        gpu: &'a Gpu,
        checkpoint: &'a Checkpoint,
        cancel: &'a Cancel,
        progress: &'a mut dyn FnMut(u64, u64),
    ) -> Self {
        let total = checkpoint.used().map(|(_, info)| info.bytes()).sum();
        Self {
            gpu,
            checkpoint,
            cancel,
            progress,
            done: 0,
            total,
            unflushed: 0,
        }
    }

    /// Lets others run; to be called now and then.
    pub(super) async fn pause(&mut self) -> Result<(), ModelError> {
        platform::yield_now().await;
        if self.cancel.is_cancelled() {
            return Err(ModelError::Cancelled);
        }
        Ok(())
    }

    pub(super) fn host(&mut self, name: &str, shape: &[usize]) -> Result<HostTensor, ModelError> {
        let tensor = self.checkpoint.tensor(name, shape)?;
        let bytes = tensor.bytes.len() as u64;
        self.done += bytes;
        self.unflushed += bytes;
        if self.unflushed > FLUSH_BYTES {
            self.gpu.flush();
            self.unflushed = 0;
        }
        (self.progress)(self.done, self.total);
        Ok(tensor)
    }

    /// A vector, as f32 `[1, n]`.
    pub(super) fn vector(&mut self, name: &str, n: usize) -> Result<Tensor, ModelError> {
        let values = self.host(name, &[n])?.to_f32();
        Ok(self.gpu.upload(1, n, &values)?)
    }

    /// A weight matrix in its storage type. `shape` is the file's, its first size are the rows.
    pub(super) fn weight(&mut self, name: &str, shape: &[usize]) -> Result<Weight, ModelError> {
        let tensor = self.host(name, shape)?;
        let rows = shape.first().copied().unwrap_or(1);
        let cols = shape.iter().skip(1).product();
        Weight::upload(self.gpu, dtype(tensor.dtype), rows, cols, &tensor.bytes)
    }

    /// A tensor as f32, `[all but the last size, the last]`.
    pub(super) fn matrix(&mut self, name: &str, shape: &[usize]) -> Result<Tensor, ModelError> {
        let values = self.host(name, shape)?.to_f32();
        let cols = shape.last().copied().unwrap_or(1);
        let rows = values.len() / cols.max(1);
        Ok(self.gpu.upload(rows, cols, &values)?)
    }

    pub(super) fn linear(
        &mut self,
        name: &str,
        out: usize,
        input: usize,
        bias: bool,
    ) -> Result<Linear, ModelError> {
        self.linear_of(name, &[out, input], bias)
    }

    /// A 1 x 1 convolution, which is a linear layer on each position.
    pub(super) fn pointwise(
        &mut self,
        name: &str,
        out: usize,
        input: usize,
        bias: bool,
    ) -> Result<Linear, ModelError> {
        self.linear_of(name, &[out, input, 1, 1], bias)
    }

    fn linear_of(&mut self, name: &str, shape: &[usize], bias: bool) -> Result<Linear, ModelError> {
        let out = shape.first().copied().unwrap_or(1);
        Ok(Linear {
            weight: self.weight(&format!("{name}.weight"), shape)?,
            bias: match bias {
                true => Some(self.vector(&format!("{name}.bias"), out)?),
                false => None,
            },
        })
    }

    pub(super) fn layer_norm(
        &mut self,
        name: &str,
        width: usize,
        eps: f32,
    ) -> Result<LayerNorm, ModelError> {
        Ok(LayerNorm {
            weight: self.vector(&format!("{name}.weight"), width)?,
            bias: self.vector(&format!("{name}.bias"), width)?,
            eps,
        })
    }

    pub(super) fn rms_norm(
        &mut self,
        name: &str,
        width: usize,
        eps: f32,
    ) -> Result<RmsNorm, ModelError> {
        Ok(RmsNorm {
            weight: self.vector(&format!("{name}.weight"), width)?,
            eps,
        })
    }
}

pub(super) fn dtype(storage: StorageType) -> DType {
    match storage {
        StorageType::F32 => DType::F32,
        StorageType::F16 => DType::F16,
        StorageType::BF16 => DType::BF16,
    }
}
