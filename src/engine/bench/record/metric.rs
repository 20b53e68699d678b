//! The metric, stage by stage, over random states.

use web_time::Instant;

use super::{
    super::{matmul::random, timer::Times},
    recorder::{Recorder, entry},
};
use crate::{
    alignment::{Mir, MirSettings, STAGES},
    engine::EngineError,
    gpu::{Gpu, Recording, Tensor},
    platform::Cancel,
};

const GROUP: &str = "metric";

/// Times the metric over `layers` layers of width `width` with `tokens` tokens of each modality.
pub(super) async fn metric(
    recorder: &mut Recorder<'_, '_>,
    layers: usize,
    width: usize,
    tokens: usize,
) -> Result<(), EngineError> {
    let name = format!("{layers} layers of {width}, {tokens} + {tokens} tokens");
    let (n, d) = (tokens as f64, width as f64);
    // Products of the statistics and of the iteration for the trace; factors on one core of the CPU.
    let flops = layers as f64 * (8.0 * n * d * d + 80.0 * d.powi(3));
    let factors = layers as f64 * d.powi(3) / 1e9;
    let seconds = recorder.estimate(flops) + factors + 1.0;
    // A first run that is not counted, unless it would take long: then compiling hardly counts.
    let runs = if seconds < 5.0 { 2 } else { 1 };
    if !recorder.affords(GROUP, &name, f64::from(runs) * seconds)? {
        return Ok(());
    }
    let cancel = recorder.news.cancel;
    let outcome = stages(recorder.gpu, [layers, width, tokens], runs, cancel).await;
    let Some((stages, peak)) = recorder.unless_failed(GROUP, &name, outcome)? else {
        return Ok(());
    };
    for (stage, times) in stages {
        let mut entry = entry(GROUP, &format!("{name}: {stage}"), &times);
        entry.peak_device_bytes = Some(peak);
        recorder.push(entry);
    }
    Ok(())
}

/// Times of each stage of the last run, and the peak of memory.
async fn stages(
    gpu: &Gpu,
    [layers, width, tokens]: [usize; 3],
    runs: u32,
    cancel: &Cancel,
) -> Result<(Vec<(&'static str, Times)>, u64), EngineError> {
    gpu.reset_peak();
    let values = random(2 * tokens * width + 8 * layers);
    let states: Vec<Tensor> = (0..layers)
        .map(|layer| {
            gpu.upload(
                2 * tokens,
                width,
                &values[8 * layer..][..2 * tokens * width],
            )
        })
        .collect::<Result<_, _>>()?;
    let all: Vec<u32> = (0..2 * tokens as u32).collect();
    let (vision, text) = all.split_at(tokens);
    let mut took = [0.0; 5];
    for _ in 0..runs {
        let settings = MirSettings::default();
        let mut mir = Mir::new(gpu, settings, layers, width, tokens, tokens, None)?;
        let start = Instant::now();
        let mut recording = Recording::new();
        mir.push(&mut recording, &states, vision, text)?;
        gpu.run_with(&recording, cancel, &mut |_, _| {}).await?;
        took[0] = start.elapsed().as_secs_f64();
        let start = Instant::now();
        let mut ends = [0.0; 2];
        mir.finish(cancel, &mut |done, layers| {
            let elapsed = start.elapsed().as_secs_f64();
            for (end, share) in ends.iter_mut().zip(STAGES) {
                // The last news before the share is passed is the end of that stage.
                if done as f64 <= share * layers as f64 + 1e-9 {
                    *end = elapsed;
                }
            }
        })
        .await?;
        let total = start.elapsed().as_secs_f64();
        took[1..].copy_from_slice(&[ends[0], ends[1] - ends[0], total - ends[1], total]);
    }
    let names = [
        "taking the tokens",
        "statistics, on the device",
        "factors, on the CPU",
        "traces",
        "all after the tokens",
    ];
    let stages = names
        .into_iter()
        .zip(took.map(|took| Times::new(vec![took])));
    Ok((stages.collect(), gpu.memory().peak))
}
