//! How many kernels a decoder layer calls, family by family.
//!
//! A layer may take more where its weights are quantized and many tokens are read (each matrix is unpacked before),
//! where its projections are stored in different types (each type has a product of its own), where the inner dimension
//! of a gated product is cut, and at image tokens of models that do something to them behind a layer (MoCa,
//! DeepStack).

use mirscope::{
    families::Layout,
    gpu::{Gpu, Recording, Step},
    model::{Capture, CaptureRequest, ForwardInput, Vlm},
    platform::Cancel,
};

use crate::{
    families::{cases, golden_folders},
    golden::GoldenCase,
    support::gpu,
};

/// Kernel calls of a layer.
const MOST: usize = 8;
/// Those behind the last layer where a token follows: the final norm and the head.
const BEHIND: usize = 2;

/// Kernel calls of each layer.
fn by_layer(recording: &Recording, layers: usize) -> Vec<usize> {
    let mut counts = vec![0; layers];
    for (index, step) in recording.steps().iter().enumerate() {
        let label = recording.marked(index).strip_prefix("layer ");
        if let (Step::Dispatch(_), Some(label)) = (step, label) {
            let layer: usize = label.split(' ').next().unwrap().parse().unwrap();
            counts[layer - 1] += 1;
        }
    }
    counts
}

fn loaded(gpu: &Gpu, case: &GoldenCase) -> Vlm {
    let (checkpoint, cancel) = (case.checkpoint(), Cancel::default());
    pollster::block_on(Vlm::load(gpu, &checkpoint, &cancel, &mut |_, _| {})).unwrap()
}

#[test]
fn a_decoder_layer_takes_at_most_eight() {
    let gpu = gpu();
    let mut counted = 0;
    for family in golden_folders() {
        for folder in cases(&family) {
            let name = folder.display();
            let vlm = loaded(&gpu, &GoldenCase::at(folder.to_str().unwrap()));
            let layers = vlm.spec().text.num_hidden_layers;
            let ids: Vec<u32> = (2..42)
                .map(|id| id % vlm.spec().text.vocab_size as u32)
                .collect();
            let layout = Layout::default();
            let input = |tokens: usize| ForwardInput {
                pixel_values: &[],
                rows: None,
                input_ids: &ids[..tokens],
                vision: &[],
                layout: &layout,
            };
            let request = CaptureRequest::new();
            let mut whole = Recording::new();
            vlm.forward(&mut whole, &input(40), &request).unwrap();
            let counts = by_layer(&whole, layers);
            assert_eq!(counts, vec![MOST; layers], "{name}");
            // Into a cache, at its beginning, behind what it holds, and as a step.
            let cache = vlm.kv_cache(50).unwrap();
            let read = |past, tokens| {
                let mut recording = Recording::new();
                vlm.read(&mut recording, &input(tokens), &cache, past)
                    .unwrap();
                recording
            };
            let step = || {
                let mut recording = Recording::new();
                let token = gpu.upload_indices(&[3]).unwrap();
                let capture = &mut Capture::default();
                vlm.step(
                    &mut recording,
                    &token,
                    (&cache, 40),
                    &layout,
                    &request,
                    capture,
                )
                .unwrap();
                recording
            };
            for recording in [read(0, 40), read(20, 40), step()] {
                let mut counts = by_layer(&recording, layers);
                counts[layers - 1] -= BEHIND;
                assert_eq!(counts, vec![MOST; layers], "{name}");
            }
            counted += 1;
        }
    }
    assert!(counted > 40, "only {counted}");
}
