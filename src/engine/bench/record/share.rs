//! The metric beside the forward passes whose states it compares.

use super::{
    super::{decoder, timer::Times, workload},
    recorder::{Recorder, entry},
};
use crate::{engine::EngineError, report::WorkloadBench};

const GROUP: &str = "share";

/// The demo over all of its pairs.
pub(super) async fn demo(recorder: &mut Recorder<'_, '_>) -> Result<(), EngineError> {
    const NAME: &str = "demo";
    // 13,000 tokens through 1.2 million weights, in calls so small that they count more.
    if !recorder.affords(GROUP, NAME, 10.0 * recorder.estimate(3e10))? {
        return Ok(());
    }
    let outcome = workload::demo(recorder.gpu, None, recorder.news).await;
    if let Some(workload) = recorder.unless_failed(GROUP, NAME, outcome)? {
        push(recorder, &workload);
    }
    Ok(())
}

/// The decoder of the size of SmolLM2-135M.
pub(super) async fn decoder(recorder: &mut Recorder<'_, '_>) -> Result<(), EngineError> {
    const NAME: &str = "SmolLM2-135M-sized";
    let tokens = (decoder::PROMPTS * 2 * decoder::TOKENS) as f64;
    // Models reach a part of what single products do, and long prompts less of it.
    if !recorder.affords(GROUP, NAME, 4.0 * recorder.estimate(2.0 * 106e6 * tokens))? {
        return Ok(());
    }
    let outcome = async {
        let vlm = decoder::load(recorder.gpu).await?;
        decoder::workload(recorder.gpu, &vlm, recorder.news).await
    }
    .await;
    if let Some(workload) = recorder.unless_failed(GROUP, NAME, outcome)? {
        push(recorder, &workload);
    }
    recorder.gpu.trim();
    Ok(())
}

fn push(recorder: &mut Recorder<'_, '_>, workload: &WorkloadBench) {
    let once = |seconds: f64| Times::new(vec![seconds]);
    let name = &workload.name;
    let forwards = workload.tower_seconds.unwrap_or(0.0) + workload.prefill_seconds;
    let mut passes = entry(GROUP, &format!("{name}: forward passes"), &once(forwards));
    passes.tokens = Some(workload.tokens);
    recorder.push(passes);
    if let Some(seconds) = workload.metric_seconds {
        let mut metric = entry(GROUP, &format!("{name}: metric"), &once(seconds));
        metric.share_of_forwards = workload.metric_share;
        metric.peak_device_bytes = Some(workload.peak_device_bytes);
        recorder.push(metric);
    }
}
