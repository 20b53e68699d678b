//! The arguments of every command that computes.

use clap::{Args as ClapArgs, builder::TypedValueParser};

use crate::engine::{DeviceSettings, KernelChoice};

use super::choice::named;

/// Which device computes.
#[derive(Debug, ClapArgs)]
pub(crate) struct Device {
    /// The adapter's number, or part of its name, see `mirscope adapters` [default: the fastest that
    /// passes a self-test]
    #[arg(long, value_name = "NUMBER|NAME")]
    adapter: Option<String>,
    /// Kernel variants: tiled for GPUs, direct for software adapters
    #[arg(long, value_name = "VARIANT", default_value = "auto", value_parser = kernel_parser())]
    kernel: KernelChoice,
    /// Run within WebGPU's default limits, which every browser grants, instead of the adapter's
    #[arg(long)]
    webgpu_limits: bool,
}

impl Device {
    /// The engine's settings.
    pub(crate) fn settings(&self) -> DeviceSettings {
        DeviceSettings {
            adapter: self.adapter.clone(),
            kernel: self.kernel,
            webgpu_limits: self.webgpu_limits,
        }
    }
}

fn kernel_parser() -> impl TypedValueParser<Value = KernelChoice> {
    named(&KernelChoice::ALL, KernelChoice::name)
}
