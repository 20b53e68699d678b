//! What a call, a submission and a transfer cost by themselves.

use web_time::Instant;

use super::{
    super::timer::Times,
    recorder::{Recorder, entry},
};
use crate::{
    engine::EngineError,
    gpu::{DType, Gpu, Recording},
    kernels::{Activation, activation::activation},
    platform::Cancel,
};

const GROUP: &str = "overhead";
/// Tiny calls in one recording.
const CALLS: usize = 1000;
/// Bytes of a transfer.
const BYTES: usize = 64 << 20;
const RUNS: usize = 5;

/// Tiny calls together, one alone with its wait, and transfers.
pub(super) async fn overhead(recorder: &mut Recorder<'_, '_>) -> Result<(), EngineError> {
    for (name, calls) in [("1000 tiny calls", CALLS), ("one tiny call, waited for", 1)] {
        if !recorder.affords(GROUP, name, 0.5)? {
            continue;
        }
        let outcome = tiny(recorder.gpu, calls, recorder.news.cancel).await;
        if let Some((times, submissions)) = recorder.unless_failed(GROUP, name, outcome)? {
            let mut entry = entry(GROUP, name, &times);
            entry.dispatches = Some(calls);
            entry.submissions = Some(submissions);
            recorder.push(entry);
        }
    }
    for (name, up) in [
        ("64 MiB to the device", true),
        ("64 MiB from the device", false),
    ] {
        if !recorder.affords("transfer", name, 1.0)? {
            continue;
        }
        let outcome = transfer(recorder.gpu, up).await;
        if let Some(times) = recorder.unless_failed("transfer", name, outcome)? {
            let mut entry = entry("transfer", name, &times);
            entry.bytes = Some(BYTES as f64);
            recorder.push(entry);
        }
    }
    Ok(())
}

async fn tiny(gpu: &Gpu, calls: usize, cancel: &Cancel) -> Result<(Times, usize), EngineError> {
    let x = gpu.upload(1, 4, &[1.0; 4])?;
    let out = gpu.tensor(DType::F32, 1, 4)?;
    let call = activation(&x, Activation::Relu, &out)?;
    let (mut times, mut submissions) = (Vec::new(), 0);
    // The first run is not counted.
    for run in 0..=RUNS {
        let mut recording = Recording::new();
        recording.extend(std::iter::repeat_n(call.clone(), calls));
        let start = Instant::now();
        submissions = gpu
            .run_with(&recording, cancel, &mut |_, _| {})
            .await?
            .submissions;
        if run > 0 {
            times.push(start.elapsed().as_secs_f64());
        }
    }
    Ok((Times::new(times), submissions))
}

async fn transfer(gpu: &Gpu, up: bool) -> Result<Times, EngineError> {
    let (rows, cols) = (BYTES / 4096, 1024);
    let values = vec![1.0f32; rows * cols];
    let mut times = Vec::new();
    for run in 0..=RUNS {
        let start = Instant::now();
        let tensor = gpu.upload(rows, cols, &values)?;
        // A write arrives with what is submitted after it, and a readback waits for that.
        if up {
            let small = gpu.upload(1, 4, &[0.0; 4])?;
            gpu.read(&[&small]).await?;
        }
        let start = match up {
            true => start,
            false => {
                gpu.read(&[&gpu.upload(1, 4, &[0.0; 4])?]).await?;
                let start = Instant::now();
                gpu.read(&[&tensor]).await?;
                start
            }
        };
        if run > 0 {
            times.push(start.elapsed().as_secs_f64());
        }
    }
    Ok(Times::new(times))
}
