//! Finding an adapter.

use super::{GpuError, SUBGROUP_SHADERS};
use crate::{
    platform,
    report::{DeviceGrant, DeviceSummary, format_bytes},
};

/// All adapters of this machine, or the browser's one, best first: an adapter's number is its place.
pub async fn adapters() -> Vec<DeviceGrant> {
    enumerate(&instance()).await.iter().map(grant).collect()
}

pub(super) fn instance() -> wgpu::Instance {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.backends = wgpu::Backends::PRIMARY;
    wgpu::Instance::new(descriptor)
}

pub(super) async fn enumerate(instance: &wgpu::Instance) -> Vec<wgpu::Adapter> {
    #[cfg(target_arch = "wasm32")]
    let mut all: Vec<wgpu::Adapter> = instance
        .request_adapter(&wgpu::RequestAdapterOptions {
            power_preference: wgpu::PowerPreference::HighPerformance,
            ..Default::default()
        })
        .await
        .into_iter()
        .collect();
    #[cfg(not(target_arch = "wasm32"))]
    let mut all = instance.enumerate_adapters(wgpu::Backends::PRIMARY).await;
    all.sort_by_key(|adapter| rank(adapter.get_info().device_type));
    all
}

/// Where an adapter of this type stands in the order of choice.
pub(super) fn rank(device_type: wgpu::DeviceType) -> u8 {
    match device_type {
        wgpu::DeviceType::DiscreteGpu => 0,
        wgpu::DeviceType::IntegratedGpu => 1,
        wgpu::DeviceType::VirtualGpu => 2,
        wgpu::DeviceType::Other => 3,
        wgpu::DeviceType::Cpu => 4,
    }
}

/// The adapter's name; browsers may keep it to themselves.
pub(super) fn name(info: &wgpu::AdapterInfo) -> String {
    if info.name.is_empty() {
        platform::adapter_name().unwrap_or_else(|| "unnamed adapter".into())
    } else {
        info.name.clone()
    }
}

/// The interface by which an adapter is reached.
pub(super) fn backend(info: &wgpu::AdapterInfo) -> String {
    match info.backend {
        wgpu::Backend::BrowserWebGpu => "webgpu".into(),
        backend => backend.to_str().to_lowercase(),
    }
}

/// An adapter in words.
pub(super) fn summary(info: &wgpu::AdapterInfo, kernels: &str) -> DeviceSummary {
    DeviceSummary {
        adapter: name(info),
        backend: backend(info),
        device_type: match info.device_type {
            wgpu::DeviceType::DiscreteGpu => "discrete-gpu",
            wgpu::DeviceType::IntegratedGpu => "integrated-gpu",
            wgpu::DeviceType::VirtualGpu => "virtual-gpu",
            wgpu::DeviceType::Cpu => "cpu",
            wgpu::DeviceType::Other => "other",
        }
        .into(),
        driver: format!("{} {}", info.driver, info.driver_info)
            .trim()
            .into(),
        kernels: kernels.into(),
    }
}

/// What is asked of an adapter beyond WebGPU's core, see [`super::Gpu::has_subgroups_of_eight`].
pub(super) fn features(info: &wgpu::AdapterInfo, granted: wgpu::Features) -> wgpu::Features {
    let is_llvmpipe = info.name.to_lowercase().contains("llvmpipe");
    let of_eight = [info.subgroup_min_size, info.subgroup_max_size] == [8, 8];
    // The page has no kernels for it.
    match is_llvmpipe && of_eight && !SUBGROUP_SHADERS.is_empty() {
        true => granted & wgpu::Features::SUBGROUP,
        false => wgpu::Features::empty(),
    }
}

pub(super) fn grant(adapter: &wgpu::Adapter) -> DeviceGrant {
    grant_within(adapter, &adapter.limits())
}

/// The same with these limits instead of the adapter's.
pub(super) fn grant_within(adapter: &wgpu::Adapter, limits: &wgpu::Limits) -> DeviceGrant {
    let features = adapter.features();
    DeviceGrant {
        device: summary(&adapter.get_info(), ""),
        max_buffer_size: limits.max_buffer_size,
        max_storage_buffer_binding_size: limits.max_storage_buffer_binding_size,
        max_compute_workgroup_storage_size: limits.max_compute_workgroup_storage_size,
        max_compute_invocations_per_workgroup: limits.max_compute_invocations_per_workgroup,
        shader_f16: features.contains(wgpu::Features::SHADER_F16),
        subgroups: features.contains(wgpu::Features::SUBGROUP),
        timestamps: features.contains(wgpu::Features::TIMESTAMP_QUERY),
    }
}

/// Fails where `needed` bytes exceed what the device allows in one buffer or binding.
pub(super) fn check_size(
    what: &str,
    needed: u64,
    limits: &wgpu::Limits,
    adapter: &str,
) -> Result<(), GpuError> {
    let (kind, allowed) = if needed > limits.max_buffer_size {
        ("buffer", limits.max_buffer_size)
    } else if needed > limits.max_storage_buffer_binding_size {
        ("storage binding", limits.max_storage_buffer_binding_size)
    } else {
        return Ok(());
    };
    Err(GpuError::TooLarge {
        what: what.into(),
        needed: format_bytes(needed),
        kind,
        adapter: adapter.into(),
        allowed: format_bytes(allowed),
    })
}
