//! Times of kernel calls.

use web_time::Instant;

use crate::{
    gpu::{Dispatch, Gpu, GpuError, Recording},
    platform::Cancel,
};

/// Seconds of work before anything is timed: a GPU that had nothing to do runs at a low clock.
pub(super) const WARM_UP: f64 = 0.4;

/// Timed runs, where they are short.
const RUNS: usize = 5;

/// Times of one thing, in seconds.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Times(Vec<f64>);

impl Times {
    /// Of at least one run; sorts them.
    pub(super) fn new(mut times: Vec<f64>) -> Self {
        times.sort_by(f64::total_cmp);
        Self(times)
    }

    pub(super) fn runs(&self) -> usize {
        self.0.len()
    }

    pub(super) fn median(&self) -> f64 {
        self.0.get(self.0.len() / 2).copied().unwrap_or(f64::NAN)
    }

    pub(super) fn fastest(&self) -> f64 {
        self.0.first().copied().unwrap_or(f64::NAN)
    }

    pub(super) fn slowest(&self) -> f64 {
        self.0.last().copied().unwrap_or(f64::NAN)
    }

    /// Slowest less fastest over the median.
    pub(super) fn spread(&self) -> f64 {
        (self.slowest() - self.fastest()) / self.median()
    }
}

/// How many runs of `once` seconds are timed: fewer where they are long.
pub(super) fn runs(once: f64) -> usize {
    ((2.0 / once.max(1e-9)) as usize).clamp(1, RUNS)
}

/// Times calls that belong together; short ones are repeated so that the submission does not count.
pub(super) async fn time(gpu: &Gpu, call: &[Dispatch], cancel: &Cancel) -> Result<Times, GpuError> {
    let run = async |repeats: usize| {
        let mut recording = Recording::new();
        for _ in 0..repeats {
            recording.extend(call.iter().cloned());
        }
        let start = Instant::now();
        gpu.run_with(&recording, cancel, &mut |_, _| {}).await?;
        Ok::<f64, GpuError>(start.elapsed().as_secs_f64() / repeats as f64)
    };
    // Twice: the first run also compiles the pipeline.
    run(1).await?;
    let once = run(1).await?;
    let repeats = ((0.05 / once.max(1e-6)) as usize).clamp(1, 2000);
    let begun = Instant::now();
    while !gpu.is_software() && begun.elapsed().as_secs_f64() < WARM_UP {
        run(repeats).await?;
    }
    let mut times = Vec::with_capacity(RUNS);
    for _ in 0..runs(once) {
        times.push(run(repeats).await?);
    }
    Ok(Times::new(times))
}
