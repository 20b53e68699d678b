//! The machine that something is timed on.

use crate::report::HostSummary;

/// This machine.
pub(super) fn host() -> HostSummary {
    #[cfg(target_arch = "wasm32")]
    let processor = None;
    #[cfg(not(target_arch = "wasm32"))]
    let processor = crate::platform::native::processor();
    HostSummary {
        os: std::env::consts::OS.to_owned(),
        arch: std::env::consts::ARCH.to_owned(),
        cpus: std::thread::available_parallelism().map_or(1, |cpus| cpus.get()),
        processor,
    }
}
