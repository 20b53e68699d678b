//! Memory and speed of quantized weights: `cargo test --release --test it -- --ignored --nocapture gguf`.

use std::{sync::Arc, time::Instant};

use mirscope::{
    families::Layout,
    gpu::{DType, Gpu, Recording},
    kernels::sample_token::{Sampling, sample_token},
    model::{Capture, CaptureRequest, Checkpoint, ForwardInput, Hook, Vlm},
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

/// The model in a file, and the bytes of its weights on the device.
fn loaded(gpu: &Gpu, file: Vec<u8>) -> (Vlm, u64) {
    let source = MemorySource::new("m").with("a.gguf", file);
    let checkpoint = Checkpoint::open(Arc::new(source)).unwrap();
    gpu.trim();
    let before = gpu.memory().allocated;
    let (cancel, mut progress) = (Cancel::default(), |_, _| {});
    let load = Vlm::load(gpu, &checkpoint, &cancel, &mut progress);
    let model = pollster::block_on(load).unwrap();
    (model, gpu.memory().allocated - before)
}

/// The same; fails where the weights take more of the device than little more than the file.
#[allow(clippy::print_stdout)]
fn loaded_small(gpu: &Gpu, file: Vec<u8>) -> Vlm {
    let size = file.len();
    let (model, memory) = loaded(gpu, file);
    let ratio = memory as f64 / size as f64;
    println!("{memory} bytes on the device, {size} in the file: {ratio:.3}");
    assert!(ratio <= 1.15, "{ratio}");
    model
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

/// Seconds of a prompt of `tokens` tokens by two models, the best of four.
fn prefills(gpu: &Gpu, models: [&Vlm; 2], tokens: u32) -> [f64; 2] {
    let mut times = [f64::INFINITY; 2];
    for _ in 0..4 {
        for (time, model) in times.iter_mut().zip(models) {
            *time = time.min(prefill(gpu, model, tokens));
        }
    }
    times
}

/// Seconds to read a prompt of `tokens` tokens and choose the next one, and to go on by one token.
fn answering(gpu: &Gpu, model: &Vlm, tokens: usize) -> [f64; 2] {
    const STEPS: usize = 12;
    let input_ids: Vec<u32> = (0..tokens as u32).map(|i| i * 7919 % 49152).collect();
    let layout = Layout::default();
    let input = ForwardInput {
        pixel_values: &[],
        rows: None,
        input_ids: &input_ids,
        vision: &[],
        layout: &layout,
    };
    let cache = model.kv_cache(tokens + STEPS).unwrap();
    let id = gpu.tensor(DType::U32, 1, 1).unwrap();
    let out = gpu.tensor(DType::F32, 1, 2).unwrap();
    let timed = |record: &dyn Fn(&mut Recording)| {
        let start = Instant::now();
        let mut recording = Recording::new();
        record(&mut recording);
        pollster::block_on(gpu.run_and_read(&recording, &Cancel::default(), &[&out])).unwrap();
        start.elapsed().as_secs_f64()
    };
    let read = |recording: &mut Recording| {
        let logits = model.read(recording, &input, &cache, 0).unwrap();
        recording.push(sample_token(&logits, &Sampling::GREEDY, &id, &out).unwrap());
    };
    let step = |recording: &mut Recording, at: usize| {
        let (request, mut capture) = (CaptureRequest::new(), Capture::default());
        let next = model.step(
            recording,
            &id,
            (&cache, at),
            &layout,
            &request,
            &mut capture,
        );
        recording.push(sample_token(&next.unwrap(), &Sampling::GREEDY, &id, &out).unwrap());
    };
    let reads = (0..3).map(|_| timed(&read)).fold(f64::INFINITY, f64::min);
    let steps = (0..STEPS).map(|at| timed(&|recording| step(recording, tokens + at)));
    [reads, steps.fold(f64::INFINITY, f64::min)]
}

#[test]
#[ignore = "270 MB of weights, a minute on a software adapter"]
fn quantized_weights_are_small_and_nearly_as_fast() {
    let gpu = gpu();
    let quantized = loaded_small(&gpu, file(true).bytes());
    let (halves, _) = loaded(&gpu, file(false).bytes());
    for tokens in [256, 1, 16] {
        let times = prefills(&gpu, [&quantized, &halves], tokens);
        let speed = times[1] / times[0];
        println!("{tokens} tokens: {times:.3?} s quantized and in f16, {speed:.2} of the speed");
        assert!(tokens < 256 || speed >= 0.7, "{speed}");
    }
}

/// SmolLM2-135M-Instruct in Q4_1, which `./dev test-full` fetches.
#[test]
#[ignore = "needs the file that MIRSCOPE_SMOLLM2 names"]
fn a_published_model_is_small_and_goes_on_fast() {
    let Some(file_name) = std::env::var_os("MIRSCOPE_SMOLLM2") else {
        println!("MIRSCOPE_SMOLLM2 names no file: nothing was compared");
        return;
    };
    let gpu = gpu();
    let quantized = loaded_small(&gpu, std::fs::read(file_name).unwrap());
    let [read, step] = answering(&gpu, &quantized, 128);
    let faster = read / step;
    println!("a token in {step:.3} s, the prompt of 128 in {read:.3} s: {faster:.1} times");
    assert!(faster >= 4.0, "{faster}");
    // Of the same sizes, as speed goes by them alone.
    let (halves, _) = loaded(&gpu, file(false).bytes());
    let times = prefills(&gpu, [&quantized, &halves], 128);
    let speed = times[1] / times[0];
    println!("128 tokens: {times:.3?} s quantized and in f16, {speed:.2} of the speed");
}
