//! What can go wrong on the device.

/// An error of the device layer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum GpuError {
    /// No adapter at all.
    #[error("{}", crate::words::NO_ADAPTER)]
    NoAdapter,
    /// No adapter with the requested name or number.
    #[error("no adapter's name contains `{wanted}`{and_number}; available: {available}")]
    NoSuchAdapter {
        /// What was asked for.
        wanted: String,
        /// Where a number was asked for: that no adapter has it.
        and_number: &'static str,
        /// What there is, with numbers.
        available: String,
    },
    /// Several adapters, and each fails.
    #[error("none of the {count} adapters can be used: {reasons}")]
    NoneUsable {
        /// How many there are.
        count: usize,
        /// Why, adapter by adapter.
        reasons: String,
    },
    /// The adapter did not give a device.
    #[error("adapter `{adapter}` gave no device: {reason}")]
    NoDevice {
        /// Adapter name.
        adapter: String,
        /// The driver's reason.
        reason: String,
    },
    /// The adapter computes wrongly.
    #[error(
        "adapter `{adapter}` fails the self-test: kernel `{kernel}` is off by {error:.1e} (allowed {allowed:.1e}); update its driver or choose another adapter"
    )]
    SelfTest {
        /// Adapter name.
        adapter: String,
        /// The kernel that failed.
        kernel: String,
        /// Largest deviation found.
        error: f64,
        /// Largest deviation allowed.
        allowed: f64,
    },
    /// One buffer is larger than the device allows.
    #[error(
        "{what} needs {needed} in one {kind}, adapter `{adapter}` allows {allowed}; use fewer pairs, a smaller model or another adapter"
    )]
    TooLarge {
        /// What was to be stored.
        what: String,
        /// Size asked for.
        needed: String,
        /// `buffer` or `storage binding`.
        kind: &'static str,
        /// Adapter name.
        adapter: String,
        /// Size granted.
        allowed: String,
    },
    /// Too many workgroups for one dispatch.
    #[error(
        "kernel `{kernel}` needs {workgroups:?} workgroups, the device allows {allowed} per dimension"
    )]
    TooManyWorkgroups {
        /// Kernel name.
        kernel: String,
        /// Workgroups asked for.
        workgroups: [u32; 3],
        /// Workgroups granted per dimension.
        allowed: u32,
    },
    /// A software adapter would stop an invocation before its end, without saying so.
    #[error(
        "kernel `{kernel}` needs {turns} loop iterations, adapter `{adapter}` stops after {allowed}; use shorter prompts, fewer pairs or another adapter"
    )]
    TooManyTurns {
        /// Kernel name.
        kernel: &'static str,
        /// Turns needed.
        turns: usize,
        /// Adapter name.
        adapter: String,
        /// Turns granted.
        allowed: usize,
    },
    /// Shapes do not fit each other.
    #[error("kernel `{kernel}`: {message}")]
    Shape {
        /// Kernel name.
        kernel: &'static str,
        /// What was expected and what was found.
        message: String,
    },
    /// The driver refused a shader, a pipeline or a command.
    #[error("adapter `{adapter}` reported: {message}")]
    Device {
        /// Adapter name.
        adapter: String,
        /// The driver's message.
        message: String,
    },
    /// There is no more device memory.
    #[error(
        "adapter `{adapter}` has no memory left; use fewer pairs, a smaller model or another adapter, or close what else uses it"
    )]
    OutOfMemory {
        /// Adapter name.
        adapter: String,
    },
    /// The device was lost.
    #[error("the device was lost ({reason}); run again")]
    Lost {
        /// The driver's reason.
        reason: String,
    },
    /// The run was cancelled.
    #[error("cancelled")]
    Cancelled,
}

impl GpuError {
    /// Whether the device is of no more use: what comes next needs a new one.
    ///
    /// A driver that reports something unforeseen counts: nobody knows what state it left behind.
    pub fn ends_device(&self) -> bool {
        matches!(
            self,
            Self::Lost { .. } | Self::OutOfMemory { .. } | Self::Device { .. }
        )
    }
}
