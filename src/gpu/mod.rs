//! The only code that talks to wgpu: adapters and devices, tensors, recorded dispatches, their
//! execution in well-sized submissions, and the one way back to the CPU.
//!
//! A kernel call elsewhere returns a [`Dispatch`], a plain value. Dispatches are collected in a
//! [`Recording`] and run by [`Gpu::run`]; results come back through [`Gpu::read`].

mod adapter;
mod bind_groups;
mod choice;
mod device;
mod dispatch;
mod error;
#[cfg(test)]
pub(crate) mod faults;
mod memory;
mod open;
mod pipeline;
mod readback;
mod runs;
mod shaders;
mod submit;
mod tensor;
mod wait;
#[cfg(all(feature = "app", not(target_arch = "wasm32")))]
mod window;

pub use adapter::adapters;
pub use device::{AdapterClass, Gpu, GpuOptions, KernelVariant, LimitTier};
pub use dispatch::{Access, Binding, Dispatch, Recording, Step, Work};
pub use error::GpuError;
pub use memory::MemoryUse;
pub use pipeline::RUNTIME_CHECKS;
pub use readback::Readback;
pub use runs::{RunStats, Runs};
pub use shaders::{SHADERS, SUBGROUP_SHADERS, shader, subgroup_shader};
pub use submit::Flushed;
pub use tensor::{DType, Tensor};
#[cfg(all(feature = "app", not(target_arch = "wasm32")))]
pub use window::window_adapter;
