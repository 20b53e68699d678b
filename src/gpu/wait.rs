//! Waiting for the device without blocking a browser.

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
        receiver.await.map_err(|_| {
            gpu.take_error().unwrap_or_else(|| GpuError::Lost {
                reason: "it stopped answering".into(),
            })
        })
    }
}

/// Blocks until the submission is done and its callbacks have run.
#[cfg(not(target_arch = "wasm32"))]
fn drive(gpu: &Gpu, submission: wgpu::SubmissionIndex) -> Result<(), GpuError> {
    let poll = wgpu::PollType::Wait {
        submission_index: Some(submission),
        timeout: None,
    };
    gpu.device()
        .poll(poll)
        .map(|_| ())
        .map_err(|error| GpuError::Lost {
            reason: error.to_string(),
        })
}

/// The browser's event loop drives the device.
#[cfg(target_arch = "wasm32")]
fn drive(_gpu: &Gpu, _submission: wgpu::SubmissionIndex) -> Result<(), GpuError> {
    Ok(())
}
