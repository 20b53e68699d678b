//! Whole models at their real size with random weights: what they take of the device's memory.

use mirscope::{
    engine::random_checkpoint,
    families::{Layout, plan::Piece},
    gpu::{Gpu, GpuOptions, Recording},
    input::ImageProcessor,
    model::{CaptureRequest, Checkpoint, ForwardInput, Hook, Vlm},
    platform::Cancel,
    weights::{MemorySource, StorageType},
};
use serde_json::json;

use super::images::picture;

/// What a forward pass may take beside the weights, in bytes.
const BESIDE_WEIGHTS: u64 = 400_000_000;

/// Tokens around the image and behind it.
const TEXT: u32 = 100;

/// SmolVLM-256M-Instruct, its weights in bf16.
fn smolvlm_256m() -> Checkpoint {
    let config = json!({
        "architectures": ["Idefics3ForConditionalGeneration"],
        "image_token_id": 49190,
        "model_type": "idefics3",
        "pad_token_id": 128002,
        "scale_factor": 4,
        "tie_word_embeddings": false,
        "text_config": {
            "head_dim": 64,
            "hidden_size": 576,
            "intermediate_size": 1536,
            "max_position_embeddings": 8192,
            "model_type": "llama",
            "num_attention_heads": 9,
            "num_hidden_layers": 30,
            "num_key_value_heads": 3,
            "rms_norm_eps": 1e-5,
            "rope_theta": 100000.0,
            "vocab_size": 49280,
        },
        "vision_config": {
            "hidden_size": 768,
            "image_size": 512,
            "num_attention_heads": 12,
            "patch_size": 16,
        },
    });
    let checkpoint = random_checkpoint(&config.to_string(), StorageType::BF16).unwrap();
    let parameters: u64 = checkpoint.used().map(|(_, info)| info.elements()).sum();
    assert_eq!(parameters, 256_484_928);
    checkpoint
}

/// Runs it over one image that is resized to `longest` pixels, with all states that a measurement
/// keeps, and compares the memory with the bound.
fn fits(longest: usize, pictures: usize) {
    let checkpoint = smolvlm_256m();
    let weights: u64 = checkpoint.used().map(|(_, info)| info.bytes()).sum();
    let settings = json!({
        "image_processor_type": "Idefics3ImageProcessor",
        "max_image_size": {"longest_edge": 512},
        "size": {"longest_edge": longest},
    });
    let source = MemorySource::new("settings")
        .with(
            "preprocessor_config.json",
            settings.to_string().into_bytes(),
        )
        .with(
            "processor_config.json",
            br#"{"image_seq_len": 64}"#.to_vec(),
        );
    let processor = ImageProcessor::open(&source, &checkpoint.spec).unwrap();
    let processed = processor.process("a picture", &picture(300, 300)).unwrap();
    assert_eq!(processed.pixel_values.len(), pictures);
    // A token for each mark, which no tokenizer is needed for.
    let mut input_ids = vec![1];
    for piece in &processed.plan.pieces {
        match piece {
            Piece::Placeholders(count) => input_ids.extend(vec![49190; *count]),
            Piece::Scaffold(_) | Piece::Text(_) => input_ids.push(49189),
        }
    }
    input_ids.extend((0..TEXT).map(|token| 1000 + 37 * token));
    let vision: Vec<u32> = (0..input_ids.len() as u32)
        .filter(|&token| input_ids[token as usize] == 49190)
        .collect();
    assert_eq!(vision.len(), 64 * pictures);
    let input = ForwardInput {
        pixel_values: &processed.pixel_values,
        rows: None,
        input_ids: &input_ids,
        vision: &vision,
        layout: &Layout::default(),
    };
    let layers = checkpoint.spec.text.num_hidden_layers;
    let request = CaptureRequest::new()
        .with(Hook::InputsEmbeds)
        .with_all((1..=layers).map(Hook::Layer))
        .with(Hook::FinalNorm);
    // A device of its own, whose account of memory no other test shares.
    let gpu = pollster::block_on(Gpu::request(&GpuOptions::default())).unwrap();
    let states = pollster::block_on(async {
        let vlm = Vlm::load(&gpu, &checkpoint, &Cancel::default(), &mut |_, _| {})
            .await
            .unwrap();
        let mut recording = Recording::new();
        let capture = vlm.forward(&mut recording, &input, &request).unwrap();
        gpu.run(&recording).await.unwrap();
        let normed = capture.get(Hook::FinalNorm).unwrap();
        gpu.read(&[normed]).await.unwrap().remove(0).values
    });
    assert_eq!(states.len(), 576 * input_ids.len());
    assert!(states.iter().all(|value| value.is_finite()));
    let peak = gpu.memory().peak;
    assert!(
        peak <= weights + BESIDE_WEIGHTS,
        "{pictures} pictures take {peak} bytes, {weights} of them weights"
    );
}

#[test]
fn smolvlm_256m_takes_little_beside_its_weights() {
    fits(1024, 5);
}

#[test]
#[ignore = "17 pictures of 512 x 512 pixels: minutes on a software adapter"]
fn smolvlm_256m_takes_little_beside_its_weights_with_all_tiles() {
    fits(2048, 17);
}
