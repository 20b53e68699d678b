//! Whole models: tower, and prefill by the length of the prompt.

use web_time::Instant;

use super::{
    super::{
        matmul::random,
        random_checkpoint::random_checkpoint,
        timer::{Times, WARM_UP, runs},
        workload::picture,
    },
    recorder::{Recorder, entry},
};
use crate::{
    engine::{EngineError, ModelSource, checkpoint},
    families::Layout,
    gpu::{Gpu, Recording, RunStats, Work},
    model::{CaptureRequest, Checkpoint, ForwardInput, Vlm},
    platform::Cancel,
    weights::StorageType,
};

/// Prompts, in tokens.
const LENGTHS: [usize; 3] = [64, 256, 1024];

/// Tokens that the demo's context holds.
const DEMO_CONTEXT: usize = 512;

/// A decoder with random weights behind a tower of one small layer and 16 patches.
pub(super) struct Decoder {
    name: &'static str,
    /// Weights of its matrices, without the embeddings.
    weights: f64,
    /// Its `text_config`.
    config: &'static str,
}

/// The size of SmolLM2-135M.
pub(super) const SMOLLM2_135M: Decoder = Decoder {
    name: "SmolLM2-135M-sized decoder",
    weights: 106e6,
    config: r#"{"model_type": "llama", "hidden_size": 576, "intermediate_size": 1536,
      "num_hidden_layers": 30, "num_attention_heads": 9, "num_key_value_heads": 3,
      "vocab_size": 49152, "max_position_embeddings": 8192, "rms_norm_eps": 1e-5,
      "rope_theta": 100000.0, "tie_word_embeddings": true}"#,
};

/// The size of TinyLlama-1.1B.
pub(super) const ONE_BILLION: Decoder = Decoder {
    name: "1.1B-sized decoder",
    weights: 969e6,
    config: r#"{"model_type": "llama", "hidden_size": 2048, "intermediate_size": 5632,
      "num_hidden_layers": 22, "num_attention_heads": 32, "num_key_value_heads": 4,
      "vocab_size": 32000, "max_position_embeddings": 2048, "rms_norm_eps": 1e-5,
      "rope_theta": 10000.0, "tie_word_embeddings": true}"#,
};

const SMALL_TOWER: &str = r#"{"model_type": "siglip_vision_model", "hidden_size": 64,
  "intermediate_size": 128, "num_hidden_layers": 1, "num_attention_heads": 1, "image_size": 16,
  "patch_size": 4}"#;

/// The tower of LLaVA-1.5: CLIP ViT-L/14 at 336 pixels.
const LARGE_TOWER: &str = r#"{"model_type": "clip_vision_model", "hidden_size": 1024,
  "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16,
  "image_size": 336, "patch_size": 14, "hidden_act": "quick_gelu"}"#;

const SMALL_DECODER: &str = r#"{"model_type": "llama", "hidden_size": 64,
  "intermediate_size": 128, "num_hidden_layers": 1, "num_attention_heads": 1,
  "num_key_value_heads": 1, "vocab_size": 64, "max_position_embeddings": 2048,
  "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "tie_word_embeddings": true}"#;

fn vlm_config(vision: &str, text: &str) -> String {
    format!(
        r#"{{"architectures": ["LlavaForConditionalGeneration"], "model_type": "llava",
        "image_token_index": 1, "vision_feature_layer": -1,
        "vision_feature_select_strategy": "full", "tie_word_embeddings": true,
        "vision_config": {vision}, "text_config": {text}}}"#
    )
}

/// A model on the device, and how long that took.
async fn load(
    gpu: &Gpu,
    checkpoint: &Checkpoint,
    cancel: &Cancel,
) -> Result<(Vlm, Times), EngineError> {
    gpu.reset_peak();
    let start = Instant::now();
    let vlm = Vlm::load(gpu, checkpoint, cancel, &mut |_, _| {}).await?;
    // Arrived once something else came back.
    gpu.read(&[&gpu.upload(1, 4, &[0.0; 4])?]).await?;
    Ok((vlm, Times::new(vec![start.elapsed().as_secs_f64()])))
}

/// The demo's tower and decoder, as far as its context goes.
pub(super) async fn demo(recorder: &mut Recorder<'_, '_>) -> Result<(), EngineError> {
    if !recorder.affords("load", "demo", 1.0)? {
        return Ok(());
    }
    let outcome = async {
        let opened = checkpoint::open(ModelSource::Demo { connector: None }, recorder.news).await?;
        load(recorder.gpu, &opened.checkpoint, recorder.news.cancel).await
    }
    .await;
    let Some((vlm, times)) = recorder.unless_failed("load", "demo", outcome)? else {
        return Ok(());
    };
    recorder.push(entry("load", "demo", &times));
    let weights = 1.5e6;
    pass(recorder, "tower", "demo", &vlm, None, 2.0 * weights * 64.0).await?;
    prefill(recorder, "demo", &vlm, weights, DEMO_CONTEXT).await
}

/// A decoder with random weights.
pub(super) async fn decoder(
    recorder: &mut Recorder<'_, '_>,
    decoder: &Decoder,
) -> Result<(), EngineError> {
    // Made, copied and uploaded: 16-bit weights at a careful speed.
    let seconds = 2.0 * decoder.weights / 4e8;
    if !recorder.affords("load", decoder.name, seconds)? {
        for tokens in LENGTHS {
            let name = format!("{}, {tokens} tokens", decoder.name);
            recorder.leave_out("prefill", &name, "its decoder was not loaded".to_owned());
        }
        return Ok(());
    }
    let outcome = async {
        let checkpoint =
            random_checkpoint(&vlm_config(SMALL_TOWER, decoder.config), StorageType::F16)?;
        load(recorder.gpu, &checkpoint, recorder.news.cancel).await
    }
    .await;
    let Some((vlm, times)) = recorder.unless_failed("load", decoder.name, outcome)? else {
        return Ok(());
    };
    let mut loaded = entry("load", decoder.name, &times);
    loaded.bytes = Some(recorder.gpu.memory().allocated as f64);
    recorder.push(loaded);
    prefill(recorder, decoder.name, &vlm, decoder.weights, usize::MAX).await?;
    drop(vlm);
    recorder.gpu.trim();
    Ok(())
}

/// A large tower with random weights.
pub(super) async fn tower(recorder: &mut Recorder<'_, '_>) -> Result<(), EngineError> {
    let name = "CLIP ViT-L/14-336-sized";
    let weights = 303e6;
    if !recorder.affords("tower", name, 2.0 * weights / 4e8)? {
        return Ok(());
    }
    let outcome = async {
        let checkpoint =
            random_checkpoint(&vlm_config(LARGE_TOWER, SMALL_DECODER), StorageType::F16)?;
        load(recorder.gpu, &checkpoint, recorder.news.cancel).await
    }
    .await;
    if let Some((vlm, _)) = recorder.unless_failed("tower", name, outcome)? {
        pass(recorder, "tower", name, &vlm, None, 2.0 * weights * 577.0).await?;
    }
    recorder.gpu.trim();
    Ok(())
}

async fn prefill(
    recorder: &mut Recorder<'_, '_>,
    model: &str,
    vlm: &Vlm,
    weights: f64,
    longest: usize,
) -> Result<(), EngineError> {
    for tokens in LENGTHS {
        let name = format!("{model}, {tokens} tokens");
        if tokens > longest {
            let reason = format!("the model's context holds {longest} tokens");
            recorder.leave_out("prefill", &name, reason);
            continue;
        }
        let flops = 2.0 * weights * tokens as f64;
        pass(recorder, "prefill", &name, vlm, Some(tokens), flops).await?;
    }
    Ok(())
}

/// One timed run.
struct Run {
    seconds: f64,
    recording: f64,
    work: Work,
    stats: RunStats,
}

/// Times the forward pass of a prompt of `tokens` tokens with one image, or tower and connector alone.
async fn pass(
    recorder: &mut Recorder<'_, '_>,
    group: &str,
    name: &str,
    vlm: &Vlm,
    tokens: Option<usize>,
    flops: f64,
) -> Result<(), EngineError> {
    // Models reach a part of what single products do.
    let once = 2.0 * recorder.estimate(flops) + 0.01;
    if !recorder.affords(group, name, 2.0 * once + (5.0 * once).min(2.0 + once))? {
        return Ok(());
    }
    recorder.gpu.reset_peak();
    let outcome = passes(recorder.gpu, vlm, tokens, recorder.news.cancel).await;
    let Some(all) = recorder.unless_failed(group, name, outcome)? else {
        return Ok(());
    };
    let median = |of: fn(&Run) -> f64| Times::new(all.iter().map(of).collect());
    let mut entry = entry(group, name, &median(|run| run.seconds));
    entry.recording_seconds = Some(median(|run| run.recording).median());
    if let Some(run) = all.last() {
        entry.flops = Some(run.work.flops);
        entry.dispatches = Some(run.stats.dispatches);
        entry.submissions = Some(run.stats.submissions);
    }
    entry.tokens = tokens;
    entry.peak_device_bytes = Some(recorder.gpu.memory().peak);
    recorder.push(entry);
    Ok(())
}

async fn passes(
    gpu: &Gpu,
    vlm: &Vlm,
    tokens: Option<usize>,
    cancel: &Cancel,
) -> Result<Vec<Run>, EngineError> {
    let vision = vlm.spec().vision()?;
    let side = vision.tower.picture_size;
    let (images, vocab) = (
        vision.num_image_tokens() as u32,
        vlm.spec().text.vocab_size as u32,
    );
    let pixel_values = [picture(random(3 * side * side), side)];
    let vision: Vec<u32> = (0..images).collect();
    let input_ids: Vec<u32> = (0..tokens.unwrap_or(0) as u32)
        .map(|i| 2 + i.wrapping_mul(7919) % (vocab - 2))
        .collect();
    let layout = Layout::default();
    let input = ForwardInput {
        pixel_values: &pixel_values,
        rows: None,
        input_ids: &input_ids,
        vision: &vision,
        layout: &layout,
    };
    let run = async || {
        let start = Instant::now();
        let mut recording = Recording::new();
        match tokens {
            Some(_) => drop(vlm.forward(&mut recording, &input, &CaptureRequest::new())?),
            None => drop(vlm.encode_images(&mut recording, &[input])?),
        }
        let made = start.elapsed().as_secs_f64();
        let stats = gpu.run_with(&recording, cancel, &mut |_, _| {}).await?;
        Ok::<Run, EngineError>(Run {
            seconds: start.elapsed().as_secs_f64(),
            recording: made,
            work: recording.work(),
            stats,
        })
    };
    // Twice: the first run also compiles the pipelines.
    run().await?;
    let mut once = run().await?;
    let begun = Instant::now();
    while !gpu.is_software() && begun.elapsed().as_secs_f64() < WARM_UP {
        once = run().await?;
    }
    let mut all = Vec::new();
    for _ in 0..runs(once.seconds) {
        all.push(run().await?);
    }
    Ok(all)
}
