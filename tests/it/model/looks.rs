//! The logit lens and attention rows, against transformers and against f64 on the CPU.

use std::{path::PathBuf, sync::Arc};

use mirscope::{
    families::Layout,
    gpu::{Gpu, GpuOptions, KernelVariant, LimitTier, Recording},
    kernels::top_tokens::{TopTokens, width},
    model::{CaptureRequest, Checkpoint, Hook, ModelError},
    weights::FolderSource,
};

use super::Run;
use crate::{
    golden,
    support::{self, relative_error},
};

/// As for the states themselves.
const TOLERANCE: f64 = 1e-4;
const COUNT: usize = 5;

fn everything(layers: usize) -> CaptureRequest {
    (1..=layers).fold(CaptureRequest::new().with_lens(layers), |request, layer| {
        request.with_attention(layer)
    })
}

/// Both looks of a run at a position: weights `[layers][heads * (position + 1)]`, and the words of
/// each state.
fn looks(run: &Run, position: usize) -> (Vec<Vec<f32>>, Vec<TopTokens>) {
    let layers = run.vlm.spec().text.num_hidden_layers;
    let rows = (1..=layers)
        .map(|layer| {
            run.look(|vlm, rec, capture| {
                vlm.attention_row(rec, capture, &Layout::default(), layer, position)
            })
        })
        .collect();
    let lens = run.look(|vlm, rec, capture| vlm.logit_lens(rec, capture, position, COUNT));
    let lens: Vec<TopTokens> = lens
        .chunks_exact(width(COUNT))
        .map(TopTokens::from_row)
        .collect();
    assert_eq!(lens.len(), layers + 1);
    (rows, lens)
}

/// Fails unless the lens gives these tokens with these probabilities; where two probabilities are
/// as good as equal, their order is left open.
fn assert_words(top: &TopTokens, ids: &[u32], probabilities: &[f32], what: &str) -> f64 {
    let found: Vec<f32> = (top.tokens.iter())
        .map(|(_, logit)| top.probability(*logit))
        .collect();
    let error = relative_error(&found, probabilities);
    assert!(error <= TOLERANCE, "{what}: off by {error:.2e}");
    for (i, ((id, _), expected)) in top.tokens.iter().zip(ids).enumerate() {
        let near = |j: usize| {
            let other = probabilities.get(j).copied().unwrap_or(0.0);
            (probabilities[i] - other).abs() < 1e-5 * probabilities[i]
        };
        // The one after the last is not known.
        let tied = near(i + 1) || (i > 0 && near(i - 1)) || i + 1 == ids.len();
        assert!(id == expected || tied, "{what}: {id} is not {expected}");
    }
    error
}

#[test]
fn looks_equal_transformers() {
    for variant in [KernelVariant::Direct, KernelVariant::Tiled] {
        let options = GpuOptions {
            kernels: Some(variant),
            limits: LimitTier::WebGpuDefault,
            ..GpuOptions::default()
        };
        let gpu = pollster::block_on(Gpu::request(&options)).unwrap();
        let mut worst = [0f64; 2];
        for case in golden::cases() {
            let text = case.checkpoint().spec.text;
            let layers = text.num_hidden_layers;
            let heads = text.num_attention_heads;
            let run = Run::new(&gpu, &case, &everything(layers));
            let tokens = case.input_ids().len();
            for (i, &position) in case.numbers("positions").iter().enumerate() {
                let position = position as usize;
                let (rows, lens) = looks(&run, position);
                for (layer, row) in (1..).zip(&rows) {
                    let (shape, all) = case.tensor(&format!("attention.{layer}"));
                    assert_eq!(shape[1..], [heads, tokens]);
                    let expected: Vec<f32> = all[i * heads * tokens..][..heads * tokens]
                        .chunks_exact(tokens)
                        .flat_map(|weights| &weights[..=position])
                        .copied()
                        .collect();
                    let error = relative_error(row, &expected);
                    let what = format!("{} {variant:?} {layer} {position}", case.name);
                    assert!(error <= TOLERANCE, "{what}: off by {error:.2e}");
                    worst[0] = worst[0].max(error);
                }
                for (state, top) in lens.iter().enumerate() {
                    let ids = case.numbers(&format!("lens_id.{state}"));
                    let (_, probabilities) = case.tensor(&format!("lens_probability.{state}"));
                    let own = i * COUNT..(i + 1) * COUNT;
                    let what = format!("{} {variant:?} {state} {position}", case.name);
                    let error = assert_words(top, &ids[own.clone()], &probabilities[own], &what);
                    worst[1] = worst[1].max(error);
                }
            }
        }
        let [attention, lens] = worst;
        println!("{variant:?}: attention off by {attention:.1e}, lens by {lens:.1e} at worst");
    }
}

/// softmax(W_U norm(h)) in f64, the largest first.
fn lens_in_f64(state: &[f32], norm: &[f32], eps: f32, head: &[f32]) -> Vec<(u32, f64)> {
    let square = |v: &f32| f64::from(*v).powi(2);
    let mean = state.iter().map(square).sum::<f64>() / state.len() as f64;
    let scale = (mean + f64::from(eps)).sqrt().recip();
    let normed: Vec<f64> = (state.iter().zip(norm))
        .map(|(&h, &w)| f64::from(h) * scale * f64::from(w))
        .collect();
    let logits = head.chunks_exact(state.len()).map(|row| {
        let products = row.iter().zip(&normed).map(|(&w, h)| f64::from(w) * h);
        products.sum::<f64>()
    });
    let weights: Vec<f64> = logits.map(f64::exp).collect();
    let total: f64 = weights.iter().sum();
    let mut order: Vec<(u32, f64)> = (0..)
        .zip(weights.iter().map(|weight| weight / total))
        .collect();
    order.sort_by(|a, b| b.1.total_cmp(&a.1));
    order
}

/// softmax(q k^T / sqrt(head_dim)) of one row in f64, head after head.
fn row_in_f64(q: &[f32], k: &[f32], position: usize, heads: [usize; 2]) -> Vec<f32> {
    let [heads, kv_heads] = heads;
    let width = q.len() / heads;
    let mut out = Vec::new();
    for (head, query) in q.chunks_exact(width).enumerate() {
        let shared = head * kv_heads / heads;
        let rows = k.chunks_exact(width * kv_heads).take(position + 1);
        let weights: Vec<f64> = rows
            .map(|row| {
                let key = &row[shared * width..][..width];
                let pairs = query.iter().zip(key);
                let dot: f64 = pairs.map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
                (dot / (width as f64).sqrt()).exp()
            })
            .collect();
        let total: f64 = weights.iter().sum();
        out.extend(weights.iter().map(|weight| (weight / total) as f32));
    }
    out
}

#[test]
fn looks_at_the_demo_equal_f64_over_its_own_states() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("assets/demo");
    let source = Arc::new(FolderSource::open(root.join("model")).unwrap());
    let checkpoint = Checkpoint::open(source).unwrap();
    let c = checkpoint.spec.text.clone();
    assert!(c.tie_word_embeddings, "the head is the embedding");
    let norm = checkpoint
        .tensor("language_model.norm.weight", &[c.hidden_size])
        .unwrap()
        .to_f32();
    let shape = [c.vocab_size, c.hidden_size];
    let head = checkpoint
        .tensor("language_model.embed_tokens.weight", &shape)
        .unwrap()
        .to_f32();
    let image = std::fs::read(root.join("images/scene-004.png")).unwrap();
    let text = "A picture at the beach with a tree at the top.";
    let layers = c.num_hidden_layers;
    let run = Run::of(
        &support::gpu(),
        &checkpoint,
        &image,
        text,
        &everything(layers),
    );
    let kept = |hook| run.values(run.capture.get(hook).unwrap());
    let states: Vec<Vec<f32>> = std::iter::once(Hook::InputsEmbeds)
        .chain((1..=layers).map(Hook::Layer))
        .map(kept)
        .collect();
    let tokens = states[0].len() / c.hidden_size;
    for position in [0, 20, 70, tokens - 1] {
        let (rows, lens) = looks(&run, position);
        for (state, (top, values)) in lens.iter().zip(&states).enumerate() {
            let row = &values[position * c.hidden_size..][..c.hidden_size];
            let all = lens_in_f64(row, &norm, c.rms_norm_eps, &head);
            let ids: Vec<u32> = all.iter().take(COUNT).map(|(id, _)| *id).collect();
            let probabilities: Vec<f32> = all.iter().take(COUNT).map(|(_, p)| *p as f32).collect();
            let what = format!("state {state} at {position}");
            assert_words(top, &ids, &probabilities, &what);
        }
        for (layer, row) in (1..).zip(&rows) {
            let q = kept(Hook::Queries(layer));
            let width = c.num_attention_heads * c.head_dim;
            let expected = row_in_f64(
                &q[position * width..][..width],
                &kept(Hook::Keys(layer)),
                position,
                [c.num_attention_heads, c.num_key_value_heads],
            );
            let error = relative_error(row, &expected);
            assert!(
                error <= 1e-5,
                "layer {layer} at {position} is off by {error:.2e}"
            );
        }
    }
}

#[test]
fn the_last_states_words_are_the_models_own() {
    let gpu = support::gpu();
    for case in golden::cases() {
        let layers = case.checkpoint().spec.text.num_hidden_layers;
        let run = Run::new(&gpu, &case, &everything(layers));
        let (_, logits) = case.tensor("logits");
        let last = case.input_ids().len() - 1;
        let (_, lens) = looks(&run, last);
        let best = (0..logits.len()).max_by(|&a, &b| logits[a].total_cmp(&logits[b]));
        let (id, logit) = lens[layers].tokens[0];
        assert_eq!(Some(id as usize), best, "{}", case.name);
        assert!((logit - logits[id as usize]).abs() < 1e-3 * logit.abs());
    }
}

#[test]
fn looks_at_what_is_not_there_are_refused() {
    let gpu = support::gpu();
    let case = &golden::cases()[0];
    let tokens = case.input_ids().len();
    let run = Run::new(&gpu, case, &CaptureRequest::new().with_attention(1));
    let mut recording = Recording::new();
    let vlm = &run.vlm;
    let error = vlm
        .logit_lens(&mut recording, &run.capture, 0, COUNT)
        .unwrap_err();
    assert!(matches!(error, ModelError::NotCaptured { .. }), "{error}");
    let row = |layer, position| {
        let mut recording = Recording::new();
        vlm.attention_row(
            &mut recording,
            &run.capture,
            &Layout::default(),
            layer,
            position,
        )
    };
    assert!(row(1, tokens - 1).is_ok());
    let error = row(1, tokens).unwrap_err();
    assert!(matches!(error, ModelError::Position { .. }), "{error}");
    let error = row(2, 0).unwrap_err();
    assert!(matches!(error, ModelError::NotCaptured { .. }), "{error}");
}
