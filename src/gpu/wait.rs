//! Waiting for the device without blocking a browser.

use std::panic::{AssertUnwindSafe, catch_unwind};

use futures_channel::oneshot;

use super::{Gpu, GpuError};

/// A signal that comes when the device has finished a submission.
pub(super) struct Signal<T> {
    receiver: oneshot::Receiver<T>,
    submission: wgpu::SubmissionIndex,
}

impl<T> Signal<T> {
    /// The receiving end for a callback of `submission`.
    pub(super) fn new(receiver: oneshot::Receiver<T>, submission: wgpu::SubmissionIndex) -> Self {
        Self {
            receiver,
            submission,
        }
    }

    /// Waits for the signal. Natively the waiting thread drives the device; in a browser the event
    /// loop does.
    pub(super) async fn wait(self, gpu: &Gpu) -> Result<T, GpuError> {
        let Self {
            receiver,
            submission,
        } = self;
        drive(gpu, submission)?;
        receiver.await.map_err(|_| gpu.lost("it stopped answering"))
    }
}

impl Gpu {
    /// Has the driver look at what is done, and its callbacks run.
    ///
    /// # Errors
    /// What the driver reported before where it has lost the device or refused what is waited for.
    pub(super) fn poll(&self, how: wgpu::PollType) -> Result<(), GpuError> {
        // wgpu panics where the device is lost meanwhile, after it has told why.
        let polled = catch_unwind(AssertUnwindSafe(|| {
            #[cfg(test)]
            super::faults::at_wait(self);
            self.device().poll(how)
        }));
        match polled {
            Ok(Ok(_)) => Ok(()),
            // It waits for no commands but those that were refused, and for as long as they take.
            Ok(Err(_)) | Err(_) => Err(self.lost("it takes no more work")),
        }
    }

    /// Why it cannot go on: what the driver reported, else that it was lost.
    fn lost(&self, reason: &str) -> GpuError {
        let reason = reason.to_owned();
        (self.reported().err()).unwrap_or(GpuError::Lost { reason })
    }
}

/// Blocks until the submission is done and its callbacks have run.
#[cfg(not(target_arch = "wasm32"))]
fn drive(gpu: &Gpu, submission: wgpu::SubmissionIndex) -> Result<(), GpuError> {
    gpu.poll(wgpu::PollType::Wait {
        submission_index: Some(submission),
        timeout: None,
    })
}

/// The browser's event loop drives the device.
#[cfg(target_arch = "wasm32")]
fn drive(_gpu: &Gpu, _submission: wgpu::SubmissionIndex) -> Result<(), GpuError> {
    Ok(())
}
