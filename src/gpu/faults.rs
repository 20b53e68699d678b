//! Faults that a test asks for, at the places where a driver would bring them about: the one switch for all of
//! them. It is its thread's own, so that tests do not disturb each other, and no part of the program.

use std::{backtrace::Backtrace, cell::RefCell, panic::panic_any};

use super::{Gpu, GpuError, device::Inner, open::keep};
use crate::platform::native::block_on;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A buffer is refused for want of memory.
    NoMemory,
    /// The device is lost before commands are submitted.
    LostBetween,
    /// The device is lost while somebody waits for it.
    LostWaiting,
}

#[derive(Default)]
struct Plan {
    /// What goes wrong, and how many times it does not before it does once.
    next: Option<(Fault, usize)>,
    /// How often each could have happened.
    occasions: [usize; 3],
    /// Who asked for the buffers, where that is wanted.
    sites: Option<Vec<String>>,
}

thread_local! {
    static PLAN: RefCell<Plan> = RefCell::default();
}

/// Has `fault` happen on this thread at its occasion number `nth`, counted from 0 and from now on.
pub(crate) fn plan(fault: Fault, nth: usize) {
    PLAN.with_borrow_mut(|plan| {
        *plan = Plan {
            next: Some((fault, nth)),
            ..Plan::default()
        };
    });
}

/// Begins to count: nothing goes wrong, and who asks for buffers is noted.
pub(crate) fn count() {
    PLAN.with_borrow_mut(|plan| {
        *plan = Plan {
            sites: Some(Vec::new()),
            ..Plan::default()
        };
    });
}

/// How often `fault` could have happened since.
pub(crate) fn occasions(fault: Fault) -> usize {
    PLAN.with_borrow(|plan| plan.occasions[fault as usize])
}

/// Whether what was planned is still to come.
pub(crate) fn is_due() -> bool {
    PLAN.with_borrow(|plan| plan.next.is_some())
}

/// Who asked for each buffer since [`count`]: the line outside of this module, innermost first.
pub(crate) fn sites() -> Vec<String> {
    PLAN.with_borrow_mut(|plan| plan.sites.take().unwrap_or_default())
}

/// An occasion for `fault`: whether it happens.
fn happens(fault: Fault) -> bool {
    PLAN.with_borrow_mut(|plan| {
        let number = plan.occasions[fault as usize];
        plan.occasions[fault as usize] += 1;
        if fault == Fault::NoMemory
            && let Some(sites) = &mut plan.sites
        {
            sites.push(site());
        }
        let happens = plan.next == Some((fault, number));
        if happens {
            plan.next = None;
        }
        happens
    })
}

fn site() -> String {
    let trace = Backtrace::force_capture().to_string();
    let lines = trace
        .lines()
        .filter_map(|line| line.trim().strip_prefix("at "));
    let own = lines.filter_map(|line| {
        line.split_once("src/")
            .filter(|(root, _)| matches!(*root, "" | "./"))
    });
    let outside = own
        .map(|(_, place)| place)
        .find(|place| !place.starts_with("gpu/"));
    // Without the column.
    let place = outside.and_then(|place| place.rsplit_once(':'));
    place.map_or_else(String::new, |(place, _)| place.to_owned())
}

/// An occasion to refuse a buffer. As wgpu does it: the buffer is there and is invalid, and whoever listens
/// to the driver's errors hears why.
pub(super) fn at_buffer(
    inner: &Inner,
    wanted: &wgpu::BufferDescriptor<'_>,
) -> Option<wgpu::Buffer> {
    if !happens(Fault::NoMemory) {
        return None;
    }
    let adapter = inner.info.name.clone();
    keep(&inner.error, GpuError::OutOfMemory { adapter });
    let scope = inner.device.push_error_scope(wgpu::ErrorFilter::Validation);
    let buffer = inner.device.create_buffer(&wgpu::BufferDescriptor {
        usage: wgpu::BufferUsages::empty(),
        ..wanted.clone()
    });
    assert!(block_on(scope.pop()).is_some(), "it is valid");
    Some(buffer)
}

/// An occasion to lose the device before a submission.
pub(super) fn at_submission(gpu: &Gpu) {
    if happens(Fault::LostBetween) {
        lose(gpu);
    }
}

/// What wgpu does where the driver says that the device is gone.
fn lose(gpu: &Gpu) {
    let reason = "Parent device is lost".to_owned();
    keep(&gpu.0.error, GpuError::Lost { reason });
    gpu.0.device.destroy();
}

/// An occasion to lose the device during a wait. As wgpu does it: it tells who listens, and panics.
pub(super) fn at_wait(gpu: &Gpu) {
    if happens(Fault::LostWaiting) {
        lose(gpu);
        panic_any("Error in Device::poll: Parent device is lost".to_owned());
    }
}
