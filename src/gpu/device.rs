//! A device: where tensors live and dispatches run. It is long because all layers ask it for limits, memory and
//! kernels; what takes more than a few lines is in the files beside.

use std::sync::{Arc, Mutex, PoisonError};

use super::{
    DType, GpuError, MemoryUse, Tensor, adapter,
    memory::Pool,
    pipeline::Pipelines,
    submit::{Pace, Params},
    tensor,
};
use crate::{
    platform,
    report::{DeviceGrant, DeviceSummary},
};

/// Which of a kernel's variants run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KernelVariant {
    /// Workgroup memory and barriers: for GPUs.
    Tiled,
    /// Registers only, no barriers: for software adapters, where a barrier is dear.
    Direct,
}

impl KernelVariant {
    /// `tiled` or `direct`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tiled => "tiled",
            Self::Direct => "direct",
        }
    }
}

/// What the choice of kernels depends on, on llvmpipe beside whether the processor has AVX-512: the same for the same
/// machine, so that equal machines give equal bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AdapterClass {
    /// Runs [`KernelVariant::Direct`]: a program on the CPU, unless its other variant was asked for.
    Software,
    /// A GPU that shares the CPU's memory, or one of which no more is known.
    Integrated,
    /// A GPU with memory of its own.
    Discrete,
}

/// Limits to request from the adapter.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum LimitTier {
    /// WebGPU's default limits, with buffers, bindings and workgroup memory as large as the adapter
    /// grants.
    #[default]
    Adapter,
    /// Exactly WebGPU's default limits.
    WebGpuDefault,
    /// WebGPU's default limits with this many bytes per storage binding: for tests of splitting.
    Binding(u64),
}

/// What kind of device is wanted.
#[derive(Clone, Debug, Default)]
pub struct GpuOptions {
    /// The adapter's number in [`super::adapters`], or part of its name; the best one that works if absent.
    pub adapter: Option<String>,
    /// Kernel variant; chosen by the adapter's type if absent.
    pub kernels: Option<KernelVariant>,
    /// Limits.
    pub limits: LimitTier,
    /// Seconds that a dispatch may take, by the speed of the slowest adapters of its class; 0.3 if absent.
    pub longest_dispatch: Option<f64>,
}

/// Bytes that a metric may take where the system does not tell how much memory there is.
const UNTOLD_BUDGET: u64 = 4 << 30;

pub(super) struct Inner {
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    pub(super) pipelines: Pipelines,
    pub(super) pace: Mutex<Pace>,
    pub(super) params: Mutex<Params>,
    pub(super) pool: Pool,
    pub(super) limits: wgpu::Limits,
    pub(super) info: wgpu::AdapterInfo,
    pub(super) number: usize,
    pub(super) grant: DeviceGrant,
    pub(super) kernels: KernelVariant,
    pub(super) longest_dispatch: Option<f64>,
    pub(super) error: Arc<Mutex<Option<GpuError>>>,
}

/// A device with its queue, pipelines and memory. Cloning shares it.
#[derive(Clone)]
pub struct Gpu(pub(super) Arc<Inner>);

impl std::fmt::Debug for Gpu {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Gpu").field(&self.0.info.name).finish()
    }
}

impl Gpu {
    /// The kernel variant in use.
    pub fn kernels(&self) -> KernelVariant {
        self.0.kernels
    }

    /// The class of adapter that kernels are chosen by.
    pub fn class(&self) -> AdapterClass {
        match (self.0.kernels, self.0.info.device_type) {
            (KernelVariant::Direct, _) => AdapterClass::Software,
            (_, wgpu::DeviceType::DiscreteGpu) => AdapterClass::Discrete,
            _ => AdapterClass::Integrated,
        }
    }

    /// Operations that one dispatch may have, so that it ends long before a driver's watchdog bites: Windows
    /// resets a device after two seconds. By the speed of the slowest adapters of the class that are still in
    /// use; faster ones lose some microseconds to more dispatches.
    pub fn most_flops(&self) -> f64 {
        const LONGEST: f64 = 0.3;
        let slowest = match self.class() {
            AdapterClass::Software => 5e9,
            AdapterClass::Integrated => 1e11,
            AdapterClass::Discrete => 1e12,
        };
        self.0.longest_dispatch.unwrap_or(LONGEST) * slowest
    }

    /// Whether the adapter is a program on the CPU.
    pub fn is_software(&self) -> bool {
        self.0.info.device_type == wgpu::DeviceType::Cpu
    }

    /// Name of the adapter.
    pub fn name(&self) -> &str {
        &self.0.info.name
    }

    /// The adapter's number in [`super::adapters`], which tells it from another of the same name.
    pub fn number(&self) -> usize {
        self.0.number
    }

    /// The device in words: all that equal bits depend on.
    pub fn summary(&self) -> DeviceSummary {
        let mut summary = adapter::summary(&self.0.info, self.0.kernels.name());
        if self.shares_reads() {
            summary.driver += ", without AVX-512";
        }
        summary
    }

    /// The device in words, and what its adapter grants.
    pub fn grant(&self) -> DeviceGrant {
        DeviceGrant {
            device: self.summary(),
            ..self.0.grant.clone()
        }
    }

    /// Bytes that a metric may take where nobody says how many. An adapter without memory of its own gets
    /// half of what the system can give without swapping, or 4 GiB where it does not say, once it has given
    /// back what is free for reuse ([`Gpu::trim`]); none on a card with memory of its own, whose size wgpu
    /// does not tell: its driver refuses what does not fit.
    pub fn trimmed_budget(&self) -> Option<u64> {
        match self.0.info.device_type {
            wgpu::DeviceType::DiscreteGpu => None,
            _ => {
                // What an earlier run gave back is there to be used again.
                self.trim();
                Some(platform::available_memory().map_or(UNTOLD_BUDGET, |bytes| bytes / 2))
            }
        }
    }

    /// Bytes that one storage binding may have.
    pub fn max_binding(&self) -> u64 {
        self.0
            .limits
            .max_storage_buffer_binding_size
            .min(self.0.limits.max_buffer_size)
    }

    /// Bytes that one buffer may have, for example the one that a readback goes through.
    pub fn max_buffer(&self) -> u64 {
        self.0.limits.max_buffer_size
    }

    /// Bytes of workgroup memory that a kernel may have.
    pub fn workgroup_storage(&self) -> u32 {
        self.0.limits.max_compute_workgroup_storage_size
    }

    /// Workgroups that one dispatch may have per dimension.
    pub fn max_workgroups(&self) -> u32 {
        self.0.limits.max_compute_workgroups_per_dimension
    }

    /// Whether kernels decode 16-bit floats with integer operations.
    pub fn decodes_by_integers(&self) -> bool {
        self.0.pipelines.decodes_by_integers()
    }

    /// Has kernels decode 16-bit floats with integer operations from now on: for drivers whose own
    /// decoding takes subnormal numbers for 0.
    pub fn decode_by_integers(&self) {
        self.0.pipelines.decode_by_integers();
    }

    /// Device memory in use.
    pub fn memory(&self) -> MemoryUse {
        self.0.pool.usage()
    }

    /// Begins a new account of the peak.
    pub fn reset_peak(&self) {
        self.0.pool.reset_peak();
    }

    /// Gives memory that is free for reuse back to the driver.
    pub fn trim(&self) {
        self.0.pool.trim();
    }

    /// A tensor `[rows, cols]` of unspecified contents, for kernels to write.
    ///
    /// # Errors
    /// [`GpuError::TooLarge`] where it exceeds a buffer or a binding.
    pub fn tensor(&self, dtype: DType, rows: usize, cols: usize) -> Result<Tensor, GpuError> {
        let size = tensor::byte_len(dtype, rows, cols);
        self.check_size(&format!("a {dtype:?} tensor [{rows}, {cols}]"), size)?;
        let lease = self.0.pool.take(&self.0, size);
        Ok(Tensor::new(lease, dtype, rows, cols))
    }

    /// Uploads `[rows, cols]` values, row-major and unpadded.
    ///
    /// # Errors
    /// [`GpuError::TooLarge`], or [`GpuError::Shape`] where `values` has another length.
    pub fn upload(&self, rows: usize, cols: usize, values: &[f32]) -> Result<Tensor, GpuError> {
        self.upload_bytes(DType::F32, rows, cols, bytemuck::cast_slice(values))
    }

    /// Uploads indices as `[1, n]`.
    ///
    /// # Errors
    /// [`GpuError::TooLarge`].
    pub fn upload_indices(&self, values: &[u32]) -> Result<Tensor, GpuError> {
        self.upload_bytes(DType::U32, 1, values.len(), bytemuck::cast_slice(values))
    }

    /// Uploads `[rows, cols]` elements in their storage type, little-endian, row-major, unpadded; blocks as
    /// a file has them.
    ///
    /// # Errors
    /// [`GpuError::TooLarge`], or [`GpuError::Shape`] where `bytes` has another length.
    pub fn upload_bytes(
        &self,
        dtype: DType,
        rows: usize,
        cols: usize,
        bytes: &[u8],
    ) -> Result<Tensor, GpuError> {
        let row = dtype.packed_row_bytes(cols);
        if bytes.len() != rows * row {
            return Err(GpuError::Shape {
                kernel: "upload",
                message: format!(
                    "{dtype:?} [{rows}, {cols}] has {} bytes, got {}",
                    rows * row,
                    bytes.len()
                ),
            });
        }
        let tensor = self.room(dtype, rows, cols)?;
        self.write_rows(&tensor, 0, bytes)?;
        Ok(tensor)
    }

    /// A tensor `[rows, cols]` of zeros, for [`Gpu::write_rows`] to fill.
    ///
    /// # Errors
    /// [`GpuError::TooLarge`] where it exceeds a buffer or a binding, [`GpuError::Shape`] where rows are no
    /// whole blocks; what the driver reports where it says at once that it has no memory.
    pub fn room(&self, dtype: DType, rows: usize, cols: usize) -> Result<Tensor, GpuError> {
        let (elements, _) = dtype.unit();
        if !cols.is_multiple_of(elements) {
            return Err(GpuError::Shape {
                kernel: "upload",
                message: format!(
                    "{dtype:?} [{rows}, {cols}] should have rows of whole blocks of {elements}"
                ),
            });
        }
        let size = tensor::byte_len(dtype, rows, cols);
        self.check_size(&format!("a {dtype:?} tensor [{rows}, {cols}]"), size)?;
        let lease = self.0.pool.fresh(&self.0, size);
        // Before anything is read that has no place to go to.
        self.reported()?;
        Ok(Tensor::new(lease, dtype, rows, cols))
    }

    /// Writes whole rows of a tensor made by [`Gpu::room`], from `first` on: elements in their storage type,
    /// little-endian, row-major, unpadded; blocks as a file has them.
    ///
    /// # Errors
    /// [`GpuError::Shape`] where `bytes` are no whole rows, or more than there are.
    pub fn write_rows(&self, tensor: &Tensor, first: usize, bytes: &[u8]) -> Result<(), GpuError> {
        let (dtype, cols) = (tensor.dtype(), tensor.cols());
        let row = dtype.packed_row_bytes(cols);
        let rows = bytes.len() / row.max(1);
        if rows * row != bytes.len() || first + rows > tensor.rows() {
            return Err(GpuError::Shape {
                kernel: "upload",
                message: format!(
                    "{tensor:?} has rows of {row} bytes, got {} bytes for rows from {first} on",
                    bytes.len()
                ),
            });
        }
        if bytes.is_empty() {
            return Ok(());
        }
        let padded = tensor.row_bytes();
        let (buffer, offset) = (&tensor.lease.buffer, first as u64 * padded);
        if let DType::Blocks(block) = dtype {
            let packed = block.repack(cols, bytes);
            self.0.queue.write_buffer(buffer, offset, &packed);
            return Ok(());
        }
        if row as u64 == padded {
            self.0.queue.write_buffer(buffer, offset, bytes);
            return Ok(());
        }
        let padded = padded as usize;
        let mut data = vec![0; rows * padded];
        for (target, source) in data.chunks_exact_mut(padded).zip(bytes.chunks_exact(row)) {
            target[..row].copy_from_slice(source);
        }
        self.0.queue.write_buffer(buffer, offset, &data);
        Ok(())
    }

    /// Fails where a tensor of so many bytes would not fit a buffer or a binding.
    ///
    /// # Errors
    /// [`GpuError::TooLarge`] with the numbers.
    pub fn check_size(&self, what: &str, bytes: u64) -> Result<(), GpuError> {
        adapter::check_size(what, bytes, &self.0.limits, &self.0.info.name)
    }

    /// Loop iterations that an invocation may take, those of inner loops included, where the adapter
    /// ends them.
    ///
    /// Mesa's llvmpipe ends an invocation's loops after about 65,535 iterations, silently; what exactly
    /// counts as one is not documented, hence the distance.
    pub fn most_turns(&self) -> Option<usize> {
        const LLVMPIPE: usize = 60_000;
        let limited = self.0.info.name.to_lowercase().contains("llvmpipe");
        limited.then_some(LLVMPIPE)
    }

    /// Whether what an invocation reads costs it as much as dozens of multiplications: SwiftShader takes one value at a
    /// time, each behind a branch.
    pub fn reads_are_dear(&self) -> bool {
        self.is_software() && self.name().to_lowercase().contains("swiftshader")
    }

    /// Whether invocations can hand each other what they read, in subgroups of eight: asked of llvmpipe alone, whose
    /// vectors of 256 bits they are.
    pub fn has_subgroups_of_eight(&self) -> bool {
        self.0.device.features().contains(wgpu::Features::SUBGROUP)
    }

    /// Whether they had better do so: without AVX-512 what llvmpipe reads goes through the stack, lane by lane, some 85
    /// cycles for four numbers, since it is put into vectors at places known only at run time.
    pub fn shares_reads(&self) -> bool {
        self.has_subgroups_of_eight() && !platform::has_avx512()
    }

    /// Whether an invocation may take so many iterations of its loops, see [`Gpu::most_turns`].
    ///
    /// # Errors
    /// [`GpuError::TooManyTurns`].
    pub fn check_turns(&self, kernel: &'static str, turns: usize) -> Result<(), GpuError> {
        match self.most_turns() {
            Some(allowed) if turns > allowed => Err(GpuError::TooManyTurns {
                kernel,
                turns,
                adapter: self.0.info.name.clone(),
                allowed,
            }),
            _ => Ok(()),
        }
    }

    /// The variant for a kernel whose invocations take so many turns of their loops in each: the one in
    /// use, and `tiled` where the adapter would stop the other before its end.
    ///
    /// # Errors
    /// [`GpuError::TooManyTurns`] where it would stop both.
    pub fn kernels_within(
        &self,
        kernel: &'static str,
        direct: usize,
        tiled: usize,
    ) -> Result<KernelVariant, GpuError> {
        if self.kernels() == KernelVariant::Direct && self.check_turns(kernel, direct).is_ok() {
            return Ok(KernelVariant::Direct);
        }
        self.check_turns(kernel, tiled)?;
        Ok(KernelVariant::Tiled)
    }

    pub(super) fn device(&self) -> &wgpu::Device {
        &self.0.device
    }

    /// Whether the device can be used again: fails with what happened to it.
    ///
    /// # Errors
    /// What the driver reported, [`GpuError::Lost`] for one.
    pub fn check_health(&self) -> Result<(), GpuError> {
        // Natively the driver is heard only when it is asked; in a browser the event loop asks.
        self.poll(wgpu::PollType::Poll)?;
        self.reported()
    }

    /// Destroys the device, as a driver that resets it would.
    #[cfg(test)]
    pub(crate) fn destroy(&self) {
        self.0.device.destroy();
    }

    /// Fails with the first error that the driver reported, which ends the device: all that follow may be for
    /// no other reason.
    ///
    /// # Errors
    /// That error.
    pub(super) fn reported(&self) -> Result<(), GpuError> {
        let error = self.0.error.lock().unwrap_or_else(PoisonError::into_inner);
        error.clone().map_or(Ok(()), Err)
    }
}
