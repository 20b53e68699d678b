//! The machine that something is timed on.

use crate::{platform, report::HostSummary};

/// This machine.
pub(super) fn host() -> HostSummary {
    HostSummary {
        os: std::env::consts::OS.to_owned(),
        arch: std::env::consts::ARCH.to_owned(),
        cpus: std::thread::available_parallelism().map_or(1, |cpus| cpus.get()),
        processor: platform::processor(),
    }
}
