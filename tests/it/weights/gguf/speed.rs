//! Memory and speed of quantized weights: `cargo test --test it -- --ignored --nocapture gguf`.

use std::{sync::Arc, time::Instant};

use mirscope::{
    families::Layout,
    gpu::{Gpu, Recording},
    model::{CaptureRequest, Checkpoint, ForwardInput, Hook, Vlm},
    platform::Cancel,
    weights::MemorySource,
};

use super::write::{File, Tensor, Value};
use crate::support::{Random, gpu};

const WIDTH: usize = 576;
const LAYERS: u32 = 30;
const VOCABULARY: usize = 49152;

/// A decoder of the size of SmolLM2-135M with random weights, its matrices in Q4_1 and its embeddings in Q8_0,
/// or all of them in F16.
fn file(quantized: bool) -> File {
    let mut file = File {
        version: 3,
        metadata: Vec::new(),
        tensors: Vec::new(),
    };
    file.set("general.architecture", Value::text("llama"));
    for (key, size) in [
        ("context_length", 8192),
        ("embedding_length", WIDTH as u32),
        ("block_count", LAYERS),
        ("feed_forward_length", 1536),
        ("attention.head_count", 9),
        ("attention.head_count_kv", 3),
    ] {
        file.set(&format!("llama.{key}"), Value::u32(size));
    }
    file.set("llama.attention.layer_norm_rms_epsilon", Value::f32(1e-5));
    let mut random = Random::new(3);
    let mut add = |name: String, cols: usize, rows: usize, code: u32| {
        // Elements and bytes of a block, and its scales.
        let (elements, bytes, scales): (usize, usize, &[f32]) = match code {
            0 => (1, 4, &[]),
            1 => (1, 2, &[]),
            3 => (32, 20, &[0.003, -0.02]),
            _ => (32, 34, &[0.0003]),
        };
        let mut data = Vec::with_capacity(rows * cols / elements * bytes);
        for _ in 0..rows * cols / elements {
            let unit = random.uniform() as f32 - 0.5;
            match code {
                0 => data.extend(1.0_f32.to_le_bytes()),
                1 => data.extend(half::f16::from_f32(0.08 * unit).to_le_bytes()),
                _ => {
                    data.extend(
                        scales
                            .iter()
                            .flat_map(|s| half::f16::from_f32(*s).to_le_bytes()),
                    );
                    let left = bytes - 2 * scales.len();
                    data.extend((0..left).map(|_| (random.next_u64() >> 40) as u8));
                }
            }
        }
        let sizes = if rows == 1 {
            vec![cols as u64]
        } else {
            vec![cols as u64, rows as u64]
        };
        file.tensors.push(Tensor {
            name,
            sizes,
            code,
            data,
            offset: None,
        });
    };
    let (matrix, table) = if quantized { (3, 8) } else { (1, 1) };
    add("token_embd.weight".into(), WIDTH, VOCABULARY, table);
    add("output_norm.weight".into(), WIDTH, 1, 0);
    for layer in 0..LAYERS {
        for part in ["attn_norm", "ffn_norm"] {
            add(format!("blk.{layer}.{part}.weight"), WIDTH, 1, 0);
        }
        for (part, cols, rows) in [
            ("attn_q", WIDTH, WIDTH),
            ("attn_k", WIDTH, 192),
            ("attn_v", WIDTH, 192),
            ("attn_output", WIDTH, WIDTH),
            ("ffn_gate", WIDTH, 1536),
            ("ffn_up", WIDTH, 1536),
            ("ffn_down", 1536, WIDTH),
        ] {
            add(format!("blk.{layer}.{part}.weight"), cols, rows, matrix);
        }
    }
    file
}

/// The model, the bytes of its file, and those of its weights on the device.
fn loaded(gpu: &Gpu, quantized: bool) -> (Vlm, usize, u64) {
    let bytes = file(quantized).bytes();
    let size = bytes.len();
    let source = MemorySource::new("m").with("a.gguf", bytes);
    let checkpoint = Checkpoint::open(Arc::new(source)).unwrap();
    gpu.trim();
    let before = gpu.memory().allocated;
    let load = Vlm::load(gpu, &checkpoint, &Cancel::default(), &mut |_, _| {});
    let model = pollster::block_on(load).unwrap();
    (model, size, gpu.memory().allocated - before)
}

/// Seconds of a prompt of so many tokens.
fn prefill(gpu: &Gpu, model: &Vlm, tokens: u32) -> f64 {
    let input_ids: Vec<u32> = (0..tokens).map(|i| i * 7919 % VOCABULARY as u32).collect();
    let input = ForwardInput {
        pixel_values: &[],
        rows: None,
        input_ids: &input_ids,
        vision: &[],
        layout: &Layout::default(),
    };
    let request = CaptureRequest::new().with_all([Hook::FinalNorm]);
    let start = Instant::now();
    let mut recording = Recording::new();
    let _capture = model.forward(&mut recording, &input, &request).unwrap();
    pollster::block_on(gpu.run(&recording)).unwrap();
    start.elapsed().as_secs_f64()
}

#[test]
#[ignore = "270 MB of weights, a minute on a software adapter"]
fn quantized_weights_are_small_and_nearly_as_fast() {
    let gpu = gpu();
    let (quantized, size, memory) = loaded(&gpu, true);
    let ratio = memory as f64 / size as f64;
    println!("{memory} bytes on the device, {size} in the file: {ratio:.3}");
    assert!(ratio <= 1.15, "{ratio}");
    let (halves, _, _) = loaded(&gpu, false);
    for tokens in [256, 1, 16] {
        let mut times = [f64::INFINITY; 2];
        for _ in 0..4 {
            for (time, model) in times.iter_mut().zip([&quantized, &halves]) {
                *time = time.min(prefill(&gpu, model, tokens));
            }
        }
        let speed = times[1] / times[0];
        println!("{tokens} tokens: {times:.3?} s quantized and in f16, {speed:.2} of the speed");
        assert!(tokens < 256 || speed >= 0.7, "{speed}");
    }
}
