//! The device, opened once for as long as the same one is asked for.

use crate::{
    check::{choose_decoding, self_test},
    engine::{DeviceSettings, EngineError, KernelChoice, Stage, news::News},
    gpu::{Gpu, GpuError, GpuOptions, KernelVariant, LimitTier},
    report::DeviceGrant,
};

pub(super) const UNIT: &str = "device";

/// A device and what was asked for when it was opened.
pub(in crate::engine) struct Device {
    pub(super) settings: DeviceSettings,
    /// The device.
    pub(in crate::engine) gpu: Gpu,
    /// What is to be said of its choice, in each report.
    pub(super) notes: Vec<String>,
}

fn options(settings: &DeviceSettings) -> GpuOptions {
    GpuOptions {
        adapter: settings.adapter.clone(),
        kernels: match settings.kernel {
            KernelChoice::Auto => None,
            KernelChoice::Tiled => Some(KernelVariant::Tiled),
            KernelChoice::Direct => Some(KernelVariant::Direct),
        },
        limits: match settings.webgpu_limits {
            true => LimitTier::WebGpuDefault,
            false => LimitTier::Adapter,
        },
        ..GpuOptions::default()
    }
}

/// Requests the device, which may still compute wrongly, with notes about the choice.
pub(in crate::engine) async fn request(
    settings: &DeviceSettings,
) -> Result<(Gpu, Vec<String>), GpuError> {
    // Whether it decodes rightly in the end is for whoever asks to find out.
    Gpu::request_tested(&options(settings), async |gpu| {
        match choose_decoding(gpu).await {
            Err(GpuError::SelfTest { .. }) => Ok(()),
            outcome => outcome,
        }
    })
    .await
}

/// What the adapter grants that is tried first and opens, with notes about the choice.
pub(in crate::engine) async fn grant(
    settings: &DeviceSettings,
) -> Result<(DeviceGrant, Vec<String>), GpuError> {
    let (gpu, notes) = Gpu::request_tested(&options(settings), async |_| Ok(())).await?;
    Ok((gpu.grant(), notes))
}

/// Requests the device and lets it prove that it computes correctly. Adapters that nobody asked for and
/// that fail are passed over, which the notes say.
pub(in crate::engine) async fn open_device(
    settings: &DeviceSettings,
    news: &mut News<'_>,
) -> Result<(Gpu, Vec<String>), EngineError> {
    news.begin(Stage::Device, 1, UNIT)?;
    let (gpu, notes) = Gpu::request_tested(&options(settings), self_test).await?;
    news.note_all(notes.iter().cloned());
    news.progress(Stage::Device, 1, 1, UNIT);
    Ok((gpu, notes))
}
