//! A decoder of the size of SmolLM2-135M with random weights.

use crate::{
    engine::{EngineError, news::News},
    families::Layout,
    gpu::Gpu,
    model::Vlm,
    platform::Cancel,
    report::{AnswerBench, WorkloadBench},
    weights::StorageType,
};

use super::{answer, matmul::random, random_checkpoint::random_checkpoint, workload};

/// Prompts that are timed.
pub(super) const PROMPTS: usize = 8;
/// Tokens of each modality in a prompt, about: images are square.
pub(super) const TOKENS: usize = 512;

/// `config.json` with SmolLM2-135M's decoder behind a one-layer tower of 23 x 23 patches.
pub(super) const CONFIG: &str = r#"{
  "architectures": ["LlavaForConditionalGeneration"], "model_type": "llava",
  "image_token_index": 1, "vision_feature_layer": -1, "vision_feature_select_strategy": "full",
  "tie_word_embeddings": true,
  "vision_config": {"model_type": "siglip_vision_model", "hidden_size": 64,
    "intermediate_size": 128, "num_hidden_layers": 1, "num_attention_heads": 1,
    "image_size": 92, "patch_size": 4},
  "text_config": {"model_type": "llama", "hidden_size": 576, "intermediate_size": 1536,
    "num_hidden_layers": 30, "num_attention_heads": 9, "num_key_value_heads": 3,
    "vocab_size": 49152, "max_position_embeddings": 8192, "rms_norm_eps": 1e-5,
    "rope_theta": 100000.0, "tie_word_embeddings": true}
}"#;

/// Times the decoder over prompts of 529 image tokens and 495 text tokens, the metric over all of its
/// layers, and an answer.
pub(super) async fn bench(
    gpu: &Gpu,
    news: &mut News<'_>,
) -> Result<(WorkloadBench, AnswerBench), EngineError> {
    let vlm = load(gpu).await?;
    let workload = workload(gpu, &vlm, news).await?;
    let answer = answer::bench(gpu, "SmolLM2-135M-sized, f16", &vlm, news).await?;
    Ok((workload, answer))
}

/// Its weights on the device.
pub(super) async fn load(gpu: &Gpu) -> Result<Vlm, EngineError> {
    let checkpoint = random_checkpoint(CONFIG, StorageType::F16)?;
    Ok(Vlm::load(gpu, &checkpoint, &Cancel::default(), &mut |_, _| {}).await?)
}

/// Times it over the prompts, and the metric over all of its layers.
pub(super) async fn workload(
    gpu: &Gpu,
    vlm: &Vlm,
    news: &mut News<'_>,
) -> Result<WorkloadBench, EngineError> {
    let vision = vlm.spec().vision()?;
    let (vocab, side) = (vlm.spec().text.vocab_size as u32, vision.tower.image_size);
    let image_tokens = vision.num_image_tokens() as u32;
    let total = 2 * TOKENS as u32;
    let pairs: Vec<workload::Pair> = (0..PROMPTS as u32)
        .map(|pair| workload::Pair {
            pixel_values: vec![workload::picture(random(3 * side * side), side)],
            rows: None,
            input_ids: (0..total)
                .map(|i| {
                    if i < image_tokens {
                        1
                    } else {
                        2 + (i * 7919 + pair * 104_729) % (vocab - 2)
                    }
                })
                .collect(),
            vision: (0..image_tokens).collect(),
            layout: Layout::default(),
            text: (image_tokens..total).collect(),
        })
        .collect();
    let name = format!(
        "SmolLM2-135M-sized, {PROMPTS} x ({image_tokens} + {})",
        total - image_tokens
    );
    workload::run(gpu, &name, vlm, &pairs, news).await
}
