//! Opening a device.

use std::sync::{Arc, Mutex, PoisonError};

use super::{
    Gpu, GpuError, GpuOptions, KernelVariant, LimitTier, adapter, choice, device::Inner,
    memory::Pool, pipeline::Pipelines, submit::Pace,
};

impl Gpu {
    /// Requests a device.
    ///
    /// # Errors
    /// As [`Gpu::request_tested`].
    pub async fn request(options: &GpuOptions) -> Result<Self, GpuError> {
        let (gpu, _) = Self::request_tested(options, async |_| Ok(())).await?;
        Ok(gpu)
    }

    /// Requests a device that passes `test`, and gives notes about the choice. Unless an adapter is asked
    /// for, those that give no device or fail are passed over, each with a note.
    ///
    /// # Errors
    /// [`GpuError::NoAdapter`], [`GpuError::NoSuchAdapter`]; why the only adapter to try cannot be used, or
    /// [`GpuError::NoneUsable`] for several.
    pub async fn request_tested(
        options: &GpuOptions,
        test: impl AsyncFn(&Self) -> Result<(), GpuError>,
    ) -> Result<(Self, Vec<String>), GpuError> {
        let instance = adapter::instance();
        let adapters = adapter::enumerate(&instance).await;
        let names: Vec<String> = adapters
            .iter()
            .map(|adapter| {
                // A card may be there once for each way to it.
                let info = adapter.get_info();
                format!("{} ({})", adapter::name(&info), adapter::backend(&info))
            })
            .collect();
        let choice = choice::choose(&names, options.adapter.as_deref())?;
        let open = async |number: usize| {
            let gpu = Self::open(&adapters[number], number, options).await?;
            test(&gpu).await?;
            Ok(gpu)
        };
        let (gpu, passed_over) = choice::first_that_opens(&choice.order, open).await?;
        Ok((gpu, choice.note.into_iter().chain(passed_over).collect()))
    }

    async fn open(
        adapter: &wgpu::Adapter,
        number: usize,
        options: &GpuOptions,
    ) -> Result<Self, GpuError> {
        let mut info = adapter.get_info();
        // A browser may keep it to itself, and every error names it.
        info.name = adapter::name(&info);
        let limits = limits(&options.limits, &adapter.limits());
        let (device, queue) = adapter
            .request_device(&wgpu::DeviceDescriptor {
                label: Some("mirscope"),
                required_features: adapter::features(&info, adapter.features()),
                required_limits: limits.clone(),
                memory_hints: wgpu::MemoryHints::Performance,
                ..Default::default()
            })
            .await
            .map_err(|error| GpuError::NoDevice {
                adapter: info.name.clone(),
                reason: error.to_string(),
            })?;
        let error = Arc::new(Mutex::new(None));
        watch(&device, &info.name, &error);
        let kernels = options.kernels.unwrap_or(match info.device_type {
            wgpu::DeviceType::Cpu => KernelVariant::Direct,
            _ => KernelVariant::Tiled,
        });
        Ok(Self(Arc::new(Inner {
            pace: Mutex::new(Pace::new(info.device_type == wgpu::DeviceType::Cpu)),
            pipelines: Pipelines::default(),
            params: Mutex::default(),
            pool: Pool::default(),
            device,
            queue,
            grant: match options.limits {
                LimitTier::Adapter => adapter::grant(adapter),
                _ => adapter::grant_within(adapter, &limits),
            },
            limits,
            info,
            number,
            kernels,
            longest_dispatch: options.longest_dispatch,
            error,
        })))
    }
}

/// Bytes of workgroup memory that kernels make use of.
const MOST_WORKGROUP_STORAGE: u32 = 32 << 10;

/// Bytes of a binding that kernels count in 32 bits, in whole units of every adapter's alignment: Vulkan and DX12 grant
/// no more anyway, Metal does.
const MOST_BINDING: u64 = i32::MAX as u64 / 256 * 256;

fn limits(tier: &LimitTier, adapter: &wgpu::Limits) -> wgpu::Limits {
    let defaults = wgpu::Limits::default();
    match tier {
        LimitTier::WebGpuDefault => defaults,
        LimitTier::Binding(bytes) => wgpu::Limits {
            max_storage_buffer_binding_size: *bytes,
            ..defaults
        },
        LimitTier::Adapter => wgpu::Limits {
            max_buffer_size: adapter.max_buffer_size,
            max_storage_buffer_binding_size: adapter
                .max_storage_buffer_binding_size
                .min(MOST_BINDING),
            max_compute_workgroup_storage_size: adapter
                .max_compute_workgroup_storage_size
                .min(MOST_WORKGROUP_STORAGE),
            ..defaults
        },
    }
}

/// Keeps the first error and the loss of the device for whoever waits next.
fn watch(device: &wgpu::Device, adapter: &str, slot: &Arc<Mutex<Option<GpuError>>>) {
    let (adapter, errors, losses) = (adapter.to_owned(), slot.clone(), slot.clone());
    device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
        let adapter = adapter.clone();
        let error = match error {
            wgpu::Error::OutOfMemory { .. } => GpuError::OutOfMemory { adapter },
            error => GpuError::Device {
                adapter,
                message: one_line(&error.to_string()),
            },
        };
        keep(&errors, error);
    }));
    device.set_device_lost_callback(move |reason, message| {
        let reason = match (reason, one_line(&message)) {
            (wgpu::DeviceLostReason::Destroyed, _) => "it was destroyed".to_owned(),
            (_, told) if told.is_empty() => "the driver does not say why".to_owned(),
            (_, told) => told,
        };
        keep(&losses, GpuError::Lost { reason });
    });
}

/// Keeps an error unless there is one already, which may be why.
pub(super) fn keep(slot: &Mutex<Option<GpuError>>, error: GpuError) {
    slot.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .get_or_insert(error);
}

/// What a driver says over several lines.
fn one_line(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}
