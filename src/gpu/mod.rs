//! The only code that talks to wgpu: adapters and devices, tensors, recorded dispatches, their
//! execution in well-sized submissions, and the one way back to the CPU.
//!
//! A kernel call elsewhere returns a [`Dispatch`], a plain value. Dispatches are collected in a
//! [`Recording`] and run by [`Gpu::run`]; results come back through [`Gpu::read`].

mod adapter;
mod device;
mod dispatch;
mod error;
mod memory;
mod pipeline;
mod readback;
mod shaders;
mod submit;
mod tensor;
mod wait;

pub use adapter::{AdapterSummary, adapters};
pub use device::{Gpu, GpuOptions, KernelVariant, LimitTier};
pub use dispatch::{Access, Binding, Dispatch, Recording, Step, Work};
pub use error::GpuError;
pub use memory::MemoryUse;
pub use readback::Readback;
pub use shaders::{SHADERS, shader};
pub use submit::RunStats;
pub use tensor::{DType, Tensor};

/// A number of bytes in words.
pub(crate) fn bytes_label(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 {
        format!("{bytes} B")
    } else {
        format!("{value:.1} {}", UNITS[unit])
    }
}
