//! The device that computed, and what it grants.

use serde::{Deserialize, Serialize};

use super::{
    layout::{TextStyle, labeled},
    number::bytes,
};
use crate::words::NO_ADAPTER;

/// The device of a report.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DeviceSummary {
    /// Adapter name.
    pub adapter: String,
    /// `vulkan`, `metal`, `dx12` or `webgpu`.
    pub backend: String,
    /// `discrete-gpu`, `integrated-gpu`, `virtual-gpu`, `cpu` or `other`.
    pub device_type: String,
    /// Driver name and version, where the backend tells.
    pub driver: String,
    /// Kernel variants in use, for example `tiled` or `direct`.
    pub kernels: String,
}

impl DeviceSummary {
    /// All of it on one line, leaving out what is not known.
    pub fn line(&self) -> String {
        let mut inside: Vec<String> = [&self.backend, &self.device_type, &self.driver]
            .into_iter()
            .filter(|text| !text.is_empty())
            .cloned()
            .collect();
        if !self.kernels.is_empty() {
            inside.push(format!("{} kernels", self.kernels));
        }
        if inside.is_empty() {
            self.adapter.clone()
        } else {
            format!("{} ({})", self.adapter, inside.join(", "))
        }
    }
}

/// What an adapter grants.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DeviceGrant {
    /// The device.
    pub device: DeviceSummary,
    /// Largest buffer, in bytes.
    pub max_buffer_size: u64,
    /// Largest storage binding, in bytes.
    pub max_storage_buffer_binding_size: u64,
    /// Bytes of workgroup memory.
    pub max_compute_workgroup_storage_size: u32,
    /// Invocations in a workgroup.
    pub max_compute_invocations_per_workgroup: u32,
    /// 16-bit floats in shaders.
    pub shader_f16: bool,
    /// Subgroup operations in shaders.
    pub subgroups: bool,
    /// Timestamps at pass boundaries.
    pub timestamps: bool,
}

impl DeviceGrant {
    /// The lines that describe it, without its name.
    pub(crate) fn lines(&self, style: TextStyle) -> Vec<String> {
        let memory = format!(
            "up to {} in one buffer, {} in one binding",
            bytes(self.max_buffer_size),
            bytes(self.max_storage_buffer_binding_size)
        );
        let workgroup = format!(
            "up to {} invocations with {} of shared memory",
            self.max_compute_invocations_per_workgroup,
            bytes(self.max_compute_workgroup_storage_size.into())
        );
        let extras: Vec<&str> = [
            (self.shader_f16, "16-bit floats"),
            (self.subgroups, "subgroups"),
            (self.timestamps, "timestamps"),
        ]
        .into_iter()
        .filter_map(|(granted, name)| granted.then_some(name))
        .collect();
        let extras = if extras.is_empty() {
            "none".to_owned()
        } else {
            extras.join(", ")
        };
        [
            ("memory", memory),
            ("workgroup", workgroup),
            ("extras", extras),
        ]
        .iter()
        .flat_map(|(label, text)| labeled(label, text, style))
        .collect()
    }
}

/// A list of adapters as text, each behind its number; says so where it is empty. Ends with a newline.
pub fn adapters_text(adapters: &[DeviceGrant], style: TextStyle) -> String {
    if adapters.is_empty() {
        return format!("{NO_ADAPTER}\n");
    }
    let blocks: Vec<String> = adapters
        .iter()
        .enumerate()
        .map(|(number, grant)| {
            let mut lines = vec![style.bold(&format!("{number}  {}", grant.device.line()))];
            lines.extend(grant.lines(style));
            lines.join("\n") + "\n"
        })
        .collect();
    blocks.join("\n")
}
