//! Answering: how long a prompt takes, and each token behind it.

use web_time::Instant;

use super::timer::Times;
use crate::{
    engine::{EngineError, news::News},
    families::Layout,
    gpu::{DType, Gpu, Recording},
    kernels::sample_token::{Sampling, sample_token},
    model::{Capture, CaptureRequest, ForwardInput, Vlm},
    report::AnswerBench,
};

/// Tokens of the prompt.
const PROMPT: usize = 256;
/// Steps that are timed, behind the first ones, which compile what is new in them.
const STEPS: usize = 24;
const WARM_UP: usize = 2;
/// Times that the prompt is read.
const READS: usize = 3;

/// Times greedy answers of `vlm` to a prompt of text.
pub(super) async fn bench(
    gpu: &Gpu,
    name: &str,
    vlm: &Vlm,
    news: &mut News<'_>,
) -> Result<AnswerBench, EngineError> {
    let vocab = vlm.spec().text.vocab_size as u32;
    let ids: Vec<u32> = (0..PROMPT as u32)
        .map(|i| 2 + i * 7919 % (vocab - 2))
        .collect();
    let layout = Layout::default();
    let input = ForwardInput::of_text(&ids, &layout);
    let cache = vlm.kv_cache(PROMPT + WARM_UP + STEPS)?;
    let id = gpu.tensor(DType::U32, 1, 1)?;
    let out = gpu.tensor(DType::F32, 1, 2)?;
    let mut reads = Vec::new();
    // The first one compiles.
    for _ in 0..=READS {
        let start = Instant::now();
        let mut recording = Recording::new();
        let logits = vlm.read(&mut recording, &input, &cache, 0)?;
        recording.push(sample_token(&logits, &Sampling::GREEDY, &id, &out)?);
        gpu.run_with(&recording, news.cancel, &mut |_, _| {})
            .await?;
        gpu.read(&[&out]).await?;
        reads.push(start.elapsed().as_secs_f64());
    }
    let mut steps = Vec::new();
    let mut dispatches = 0;
    for step in 0..WARM_UP + STEPS {
        let start = Instant::now();
        let mut recording = Recording::new();
        let logits = vlm.step(
            &mut recording,
            &id,
            (&cache, PROMPT + step),
            &layout,
            &CaptureRequest::new(),
            &mut Capture::default(),
        )?;
        recording.push(sample_token(&logits, &Sampling::GREEDY, &id, &out)?);
        gpu.run_and_read(&recording, news.cancel, &[&out]).await?;
        dispatches = recording.dispatches();
        steps.push(start.elapsed().as_secs_f64());
    }
    let (reads, steps) = (
        Times::new(reads.split_off(1)),
        Times::new(steps.split_off(WARM_UP)),
    );
    Ok(AnswerBench {
        name: name.into(),
        prompt_tokens: PROMPT,
        seconds_to_first_token: reads.median(),
        tokens_per_second: 1.0 / steps.median(),
        spread: steps.spread(),
        times_reread: reads.median() / steps.median(),
        cache_bytes: cache.bytes(),
        dispatches_per_token: dispatches,
    })
}
