//! Submissions of a good size.

use std::{
    mem,
    sync::{Arc, PoisonError},
};

use futures_channel::oneshot;

use super::{Dispatch, Gpu, GpuError, Step, Work, pipeline::Pipeline, wait::Signal};

/// Seconds that one submission should take: short enough for progress, cancel and the drivers'
/// watchdogs, long enough that submitting costs nothing.
const TARGET_SECONDS: f64 = 0.05;
/// Bytes between the parameters of two dispatches: WebGPU's default offset alignment.
const PARAMS_STRIDE: usize = 256;

/// How fast the device has been so far.
pub(super) struct Pace {
    /// Units of [`cost`] per second.
    rate: f64,
}

impl Pace {
    /// A cautious start; the first submissions correct it.
    pub(super) fn new(software: bool) -> Self {
        Self {
            rate: if software { 2e9 } else { 1e11 },
        }
    }

    /// Learns from a submission of so much work that took so long.
    pub(super) fn observe(&mut self, cost: f64, seconds: f64) {
        // Very short spans measure the overhead, not the device.
        if seconds > 1e-3 && cost > 0.0 {
            self.rate = 0.5 * self.rate + 0.5 * (cost / seconds).clamp(1e7, 1e16);
        } else if cost > TARGET_SECONDS * self.rate * 0.25 {
            self.rate *= 2.0;
        }
    }
}

/// One number for work of different kinds: a byte moved costs about as much as eight operations,
/// a call about as much as a few thousand.
fn cost(work: Work) -> f64 {
    work.flops + 8.0 * work.bytes + 2e4
}

/// Bytes of the buffer for parameters: those of 512 calls.
const LEAST_PARAMS: u64 = 512 * PARAMS_STRIDE as u64;

/// The device's buffer for the parameters of all calls of a submission.
#[derive(Default)]
pub(super) struct Params {
    buffer: Option<wgpu::Buffer>,
    /// Tells bind groups of a buffer that has become too small from those of its successor.
    generation: u64,
    /// What is written, kept for its memory.
    data: Vec<u8>,
}

/// Writes on their way to the device.
pub struct Flushed(Signal<()>);

impl std::fmt::Debug for Flushed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Flushed")
    }
}

impl Flushed {
    /// Waits until they are done.
    ///
    /// # Errors
    /// What the driver reports.
    pub async fn wait(self, gpu: &Gpu) -> Result<(), GpuError> {
        self.0.wait(gpu).await?;
        gpu.reported()
    }
}

impl Gpu {
    /// Hands writes that are waiting to the driver; their staging memory is free once it is done.
    pub fn flush(&self) -> Flushed {
        Flushed(self.signalled([]))
    }

    /// Submits `commands` and says when they are done.
    fn signalled(&self, commands: impl IntoIterator<Item = wgpu::CommandBuffer>) -> Signal<()> {
        let submission = self.hand_over(commands);
        let (sender, receiver) = oneshot::channel();
        self.0.queue.on_submitted_work_done(move || {
            let _ = sender.send(());
        });
        Signal::new(receiver, submission)
    }

    /// Hands commands to the driver. Where the device is lost, who waits for them hears of it.
    pub(super) fn hand_over(
        &self,
        commands: impl IntoIterator<Item = wgpu::CommandBuffer>,
    ) -> wgpu::SubmissionIndex {
        #[cfg(test)]
        super::faults::at_submission(self);
        self.0.queue.submit(commands)
    }

    pub(super) fn pace(&self) -> std::sync::MutexGuard<'_, Pace> {
        self.0.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many of the steps make one submission, and their cost.
    pub(super) fn next_submission(&self, steps: &[Step]) -> (usize, f64) {
        let budget = TARGET_SECONDS * self.pace().rate;
        let mut total = 0.0;
        for (index, step) in steps.iter().enumerate() {
            let cost = cost(step.work());
            if index > 0 && total + cost > budget {
                return (index, total);
            }
            total += cost;
        }
        (steps.len(), total)
    }

    /// Encodes and submits steps as one command buffer, with one compute pass for each unbroken
    /// row of dispatches.
    pub(super) fn submit(&self, steps: &[Step]) -> Result<Signal<()>, GpuError> {
        let params = &*self.params(steps);
        let mut encoder = self.device().create_command_encoder(&Default::default());
        let mut index = 0;
        let mut dispatched = 0;
        while index < steps.len() {
            if let Step::Copy { from, to, size } = &steps[index] {
                encoder.copy_buffer_to_buffer(
                    &from.0.buffer,
                    from.1,
                    &to.0.buffer,
                    to.1,
                    Some(*size),
                );
                index += 1;
                continue;
            }
            let mut pass = encoder.begin_compute_pass(&Default::default());
            while let Some(Step::Dispatch(dispatch)) = steps.get(index) {
                self.encode(&mut pass, dispatch, params, dispatched)?;
                dispatched += 1;
                index += 1;
            }
        }
        Ok(self.signalled([encoder.finish()]))
    }

    /// Writes the parameters of all dispatches into the device's buffer for them, which nobody else may
    /// write before they are submitted. What was submitted before still sees what it was given: writes
    /// are queued as well.
    fn params(&self, steps: &[Step]) -> std::sync::MutexGuard<'_, Params> {
        let mut params = self.0.params.lock().unwrap_or_else(PoisonError::into_inner);
        let mut data = mem::take(&mut params.data);
        data.clear();
        for step in steps {
            if let Step::Dispatch(dispatch) = step {
                data.extend_from_slice(&dispatch.params);
                data.resize(data.len().next_multiple_of(PARAMS_STRIDE), 0);
            }
        }
        let needed = data.len() as u64 + PARAMS_STRIDE as u64;
        if params
            .buffer
            .as_ref()
            .is_none_or(|buffer| buffer.size() < needed)
        {
            params.buffer = Some(self.0.buffer(&wgpu::BufferDescriptor {
                label: Some("params"),
                size: needed.next_power_of_two().max(LEAST_PARAMS),
                usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            }));
            params.generation += 1;
            // They hold on to the buffer that was too small.
            self.0.pool.groups().clear();
        }
        if let Some(buffer) = &params.buffer {
            self.0.queue.write_buffer(buffer, 0, &data);
        }
        params.data = data;
        params
    }

    fn encode(
        &self,
        pass: &mut wgpu::ComputePass<'_>,
        dispatch: &Dispatch,
        params: &Params,
        index: usize,
    ) -> Result<(), GpuError> {
        let allowed = self.max_workgroups();
        if dispatch.workgroups.iter().any(|&count| count > allowed) {
            return Err(GpuError::TooManyWorkgroups {
                kernel: dispatch.kernel.into(),
                workgroups: dispatch.workgroups,
                allowed,
            });
        }
        if dispatch.workgroups.contains(&0) {
            return Ok(());
        }
        let pipeline: Arc<Pipeline> = self.0.pipelines.get(self.device(), dispatch);
        let groups = self.0.pool.groups();
        let bindings = dispatch.bindings.iter();
        let buffers = bindings.map(|binding| [binding.buffer.id, binding.size]);
        let group = groups.get(pipeline.id, params.generation, buffers, || {
            self.bind_group(&pipeline, dispatch, params)
        });
        pass.set_pipeline(&pipeline.pipeline);
        pass.set_bind_group(0, &group, &[(index * PARAMS_STRIDE) as u32]);
        let [x, y, z] = dispatch.workgroups;
        pass.dispatch_workgroups(x, y, z);
        Ok(())
    }

    fn bind_group(
        &self,
        pipeline: &Pipeline,
        dispatch: &Dispatch,
        params: &Params,
    ) -> wgpu::BindGroup {
        let buffer = |binding: u32, buffer, size: u64| wgpu::BindGroupEntry {
            binding,
            resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                buffer,
                offset: 0,
                size: wgpu::BufferSize::new(size.max(16)),
            }),
        };
        let uniform = params.buffer.iter().map(|params| {
            // Sized by its kernel, as the shader's uniform is.
            buffer(0, params, dispatch.params.len() as u64)
        });
        let tensors = (1..).zip(&dispatch.bindings);
        let entries: Vec<_> = uniform
            .chain(tensors.map(|(index, tensor)| buffer(index, &tensor.buffer, tensor.size)))
            .collect();
        self.device().create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(dispatch.kernel),
            layout: &pipeline.layout,
            entries: &entries,
        })
    }
}
