//! Running recordings: one to its end, or one after another while the next is made.

use std::{collections::VecDeque, ops::Range};

use web_time::Instant;

use super::{Gpu, GpuError, Readback, Recording, Step, Tensor, wait::Signal};
use crate::platform::{self, Cancel};

/// Submissions that may be under way at once.
const MAX_IN_FLIGHT: usize = 3;

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

/// Recordings on their way to the device and through it, in the order in which they were made.
pub struct Runs {
    gpu: Gpu,
    in_flight: VecDeque<InFlight>,
    /// When the oldest submission in flight began to run, or later.
    since: Instant,
    /// Recordings sent.
    sent: usize,
}

struct InFlight {
    done: Signal<()>,
    cost: f64,
    /// Number of its recording.
    run: usize,
    /// Where the work is once it is done: a number, and what is under way then.
    at: (f64, String),
}

impl std::fmt::Debug for Runs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} runs, {} in flight", self.sent, self.in_flight.len())
    }
}

impl Runs {
    /// None yet.
    pub fn new(gpu: &Gpu) -> Self {
        Self {
            gpu: gpu.clone(),
            in_flight: VecDeque::new(),
            since: Instant::now(),
            sent: 0,
        }
    }

    /// Submits a recording, with no more submissions under way than may be; the last ones are left to wait for.
    /// `progress` hears, whenever one is done, how far the work has come, which this recording brings from the start of
    /// `span` to its end, and what is under way (see [`Recording::mark`]).
    ///
    /// # Errors
    /// What the driver reports; [`GpuError::TooManyWorkgroups`]; [`GpuError::Cancelled`] soon after `cancel` was asked.
    pub async fn send(
        &mut self,
        recording: &Recording,
        span: Range<f64>,
        cancel: &Cancel,
        progress: &mut dyn FnMut(f64, &str),
    ) -> Result<RunStats, GpuError> {
        let steps = recording.steps();
        self.gpu.compile(steps, cancel).await?;
        self.sent += 1;
        let mut stats = RunStats {
            dispatches: recording.dispatches(),
            submissions: 0,
        };
        let mut next = 0;
        while next < steps.len() {
            if cancel.is_cancelled() {
                return Err(GpuError::Cancelled);
            }
            let (count, cost) = self.gpu.next_submission(&steps[next..]);
            if self.in_flight.is_empty() {
                self.since = Instant::now();
            }
            let done = self.gpu.submit(&steps[next..next + count])?;
            next += count;
            stats.submissions += 1;
            let share = next as f64 / steps.len() as f64;
            let at = span.start + share * (span.end - span.start);
            self.in_flight.push_back(InFlight {
                done,
                cost,
                run: self.sent,
                at: (at, recording.marked(next).to_owned()),
            });
            while self.in_flight.len() >= MAX_IN_FLIGHT {
                self.settle(progress).await?;
                platform::yield_now().await;
            }
        }
        Ok(stats)
    }

    /// Waits until no more than the last `left` recordings are under way.
    ///
    /// # Errors
    /// What the driver reports.
    pub async fn wait(
        &mut self,
        left: usize,
        progress: &mut dyn FnMut(f64, &str),
    ) -> Result<(), GpuError> {
        let is_due = |oldest: &InFlight| oldest.run + left <= self.sent;
        let mut due = self.in_flight.iter().filter(|it| is_due(it)).count();
        while due > 0 {
            self.settle(progress).await?;
            due -= 1;
        }
        self.gpu.reported()
    }

    /// Waits for the oldest submission in flight.
    async fn settle(&mut self, progress: &mut dyn FnMut(f64, &str)) -> Result<(), GpuError> {
        let Some(oldest) = self.in_flight.pop_front() else {
            return Ok(());
        };
        oldest.done.wait(&self.gpu).await?;
        let now = Instant::now();
        let seconds = now.duration_since(self.since).as_secs_f64();
        self.gpu.pace().observe(oldest.cost, seconds);
        self.since = now;
        let (at, under_way) = oldest.at;
        progress(at, &under_way);
        self.gpu.reported()
    }
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
        let mut runs = Runs::new(self);
        let outcome = runs.send(recording, 0.0..1.0, cancel, progress).await;
        runs.wait(0, progress).await?;
        outcome
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
        let mut runs = Runs::new(self);
        runs.send(recording, 0.0..1.0, cancel, &mut |_, _| {})
            .await?;
        self.read(tensors).await
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
}
