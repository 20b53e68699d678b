//! The one way from the device back to the CPU.

use futures_channel::oneshot;

use super::{Gpu, GpuError, Tensor, wait::Signal};

/// A tensor's values on the CPU.
#[derive(Clone, Debug, PartialEq)]
pub struct Readback {
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub cols: usize,
    /// Values, row-major, without padding.
    pub values: Vec<f32>,
}

impl Gpu {
    /// Reads `f32` tensors back, all in one transfer.
    ///
    /// # Errors
    /// What the driver reports; [`GpuError::Shape`] for tensors that do not hold `f32`.
    pub async fn read(&self, tensors: &[&Tensor]) -> Result<Vec<Readback>, GpuError> {
        if let Some(tensor) = tensors
            .iter()
            .find(|tensor| tensor.dtype() != super::DType::F32)
        {
            return Err(GpuError::Shape {
                kernel: "read",
                message: format!("only f32 tensors come back, got {tensor:?}"),
            });
        }
        let total: u64 = tensors.iter().map(|tensor| tensor.byte_len()).sum();
        if total == 0 {
            return Ok(tensors.iter().map(|tensor| unpad(tensor, &[])).collect());
        }
        let staging = self.0.buffer(&wgpu::BufferDescriptor {
            label: Some("readback"),
            size: total,
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let mut encoder = self.device().create_command_encoder(&Default::default());
        let mut offset = 0;
        for tensor in tensors {
            let size = tensor.byte_len();
            if size > 0 {
                let source = &tensor.lease.buffer;
                encoder.copy_buffer_to_buffer(source, 0, &staging, offset, Some(size));
            }
            offset += size;
        }
        let submission = self.hand_over([encoder.finish()]);
        let (sender, receiver) = oneshot::channel();
        staging.map_async(wgpu::MapMode::Read, .., move |result| {
            let _ = sender.send(result);
        });
        let failed = |message: String| {
            let adapter = self.name().into();
            (self.reported().err()).unwrap_or(GpuError::Device { adapter, message })
        };
        Signal::new(receiver, submission)
            .wait(self)
            .await?
            .map_err(|error| failed(error.to_string()))?;
        self.reported()?;
        let view = staging
            .get_mapped_range(..)
            .map_err(|error| failed(error.to_string()))?;
        let values: &[f32] = bytemuck::cast_slice(&view);
        let mut rest = values;
        Ok(tensors
            .iter()
            .map(|tensor| {
                let (own, others) = rest.split_at(tensor.rows() * tensor.stride());
                rest = others;
                unpad(tensor, own)
            })
            .collect())
    }
}

fn unpad(tensor: &Tensor, padded: &[f32]) -> Readback {
    let (rows, cols) = (tensor.rows(), tensor.cols());
    let mut values = Vec::with_capacity(rows * cols);
    // Whole where nothing is to be left out: value by value would take as long as the transfer.
    match tensor.stride() == cols {
        true => values.extend_from_slice(padded),
        false => (padded.chunks_exact(tensor.stride().max(1)))
            .for_each(|row| values.extend_from_slice(&row[..cols])),
    }
    Readback { rows, cols, values }
}
