//! Running a recording in submissions of a good size.

use std::{
    collections::VecDeque,
    mem,
    sync::{Arc, PoisonError},
};

use futures_channel::oneshot;
use web_time::Instant;

use super::{
    Dispatch, Gpu, GpuError, Readback, Recording, Step, Tensor, Work, pipeline::Pipeline,
    wait::Signal,
};
use crate::platform::{self, Cancel};

/// Seconds that one submission should take: short enough for progress, cancel and the drivers'
/// watchdogs, long enough that submitting costs nothing.
const TARGET_SECONDS: f64 = 0.05;
/// Submissions that may be under way at once.
const MAX_IN_FLIGHT: usize = 3;
/// Bytes between the parameters of two dispatches: WebGPU's default offset alignment.
const PARAMS_STRIDE: usize = 256;

/// What a run took.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RunStats {
    /// Kernel calls.
    pub dispatches: usize,
    /// Submissions.
    pub submissions: usize,
}

impl std::ops::AddAssign for RunStats {
    fn add_assign(&mut self, other: Self) {
        self.dispatches += other.dispatches;
        self.submissions += other.submissions;
    }
}

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

    fn observe(&mut self, cost: f64, seconds: f64) {
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
        match gpu.take_error() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}

struct InFlight {
    done: Signal<()>,
    cost: f64,
    finished_steps: usize,
}

impl Gpu {
    /// Runs a recording to its end.
    ///
    /// # Errors
    /// What the driver reports; [`GpuError::TooManyWorkgroups`].
    pub async fn run(&self, recording: &Recording) -> Result<RunStats, GpuError> {
        self.run_with(recording, &Cancel::default(), &mut |_, _| {})
            .await
    }

    /// Runs a recording and tells, after each submission, the share that is done (0 to 1) and what
    /// is under way (see [`Recording::mark`]).
    ///
    /// # Errors
    /// As [`Gpu::run`], and [`GpuError::Cancelled`] soon after `cancel` was asked.
    pub async fn run_with(
        &self,
        recording: &Recording,
        cancel: &Cancel,
        progress: &mut dyn FnMut(f64, &str),
    ) -> Result<RunStats, GpuError> {
        let mut in_flight = VecDeque::new();
        let mut since = Instant::now();
        let outcome = self
            .send(recording, cancel, progress, (&mut in_flight, &mut since))
            .await;
        while !in_flight.is_empty() {
            self.settle(&mut in_flight, &mut since, recording, progress)
                .await?;
        }
        let stats = outcome?;
        match self.take_error() {
            Some(error) => Err(error),
            None => Ok(stats),
        }
    }

    /// Runs a recording and reads tensors back, with one wait for both: the step of a loop that goes on with
    /// what it reads.
    ///
    /// # Errors
    /// As [`Gpu::run_with`] and [`Gpu::read`].
    pub async fn run_and_read(
        &self,
        recording: &Recording,
        cancel: &Cancel,
        tensors: &[&Tensor],
    ) -> Result<Vec<Readback>, GpuError> {
        let mut way = (VecDeque::new(), Instant::now());
        let sent = (&mut way.0, &mut way.1);
        self.send(recording, cancel, &mut |_, _| {}, sent).await?;
        self.read(tensors).await
    }

    /// Submits a recording, with no more under way than may be; the last ones are left to wait for.
    async fn send(
        &self,
        recording: &Recording,
        cancel: &Cancel,
        progress: &mut dyn FnMut(f64, &str),
        (in_flight, since): (&mut VecDeque<InFlight>, &mut Instant),
    ) -> Result<RunStats, GpuError> {
        let steps = recording.steps();
        self.compile(steps, cancel).await?;
        let mut stats = RunStats {
            dispatches: recording.dispatches(),
            submissions: 0,
        };
        let mut next = 0;
        while next < steps.len() {
            if cancel.is_cancelled() {
                return Err(GpuError::Cancelled);
            }
            let (count, cost) = self.next_submission(&steps[next..]);
            let done = self.submit(&steps[next..next + count])?;
            next += count;
            stats.submissions += 1;
            in_flight.push_back(InFlight {
                done,
                cost,
                finished_steps: next,
            });
            while in_flight.len() >= MAX_IN_FLIGHT {
                self.settle(in_flight, since, recording, progress).await?;
                platform::yield_now().await;
            }
        }
        Ok(stats)
    }

    /// Has the kernels of `steps` compiled before the first of them is submitted, where that happens
    /// in the background: a browser draws its pages with the process that compiles, and stands still
    /// while it is kept waiting for a kernel.
    async fn compile(&self, steps: &[Step], cancel: &Cancel) -> Result<(), GpuError> {
        if !platform::compiles_in_background() {
            return Ok(());
        }
        for step in steps {
            if let Step::Dispatch(dispatch) = step {
                self.0.pipelines.get(self.device(), dispatch);
            }
        }
        while !platform::compiled().await {
            if cancel.is_cancelled() {
                return Err(GpuError::Cancelled);
            }
        }
        Ok(())
    }

    /// Hands writes that are waiting to the driver; their staging memory is free once it is done.
    pub fn flush(&self) -> Flushed {
        Flushed(self.signalled([]))
    }

    /// Submits `commands` and says when they are done.
    fn signalled(&self, commands: impl IntoIterator<Item = wgpu::CommandBuffer>) -> Signal<()> {
        let submission = self.0.queue.submit(commands);
        let (sender, receiver) = oneshot::channel();
        self.0.queue.on_submitted_work_done(move || {
            let _ = sender.send(());
        });
        Signal::new(receiver, submission)
    }

    /// Waits for the oldest submission in flight.
    async fn settle(
        &self,
        in_flight: &mut VecDeque<InFlight>,
        since: &mut Instant,
        recording: &Recording,
        progress: &mut dyn FnMut(f64, &str),
    ) -> Result<(), GpuError> {
        let Some(oldest) = in_flight.pop_front() else {
            return Ok(());
        };
        oldest.done.wait(self).await?;
        let now = Instant::now();
        self.pace()
            .observe(oldest.cost, now.duration_since(*since).as_secs_f64());
        *since = now;
        let finished = oldest.finished_steps;
        let share = finished as f64 / recording.steps().len() as f64;
        progress(share, recording.marked(finished));
        match self.take_error() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    fn pace(&self) -> std::sync::MutexGuard<'_, Pace> {
        self.0.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many of the steps make one submission, and their cost.
    fn next_submission(&self, steps: &[Step]) -> (usize, f64) {
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
            params.buffer = Some(self.device().create_buffer(&wgpu::BufferDescriptor {
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
