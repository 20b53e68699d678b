//! How many kernels a decoder layer calls, family by family.
//!
//! A layer may take more where its weights are quantized and many tokens are read (each matrix is unpacked before),
//! where its projections are stored in different types (each type has a product of its own), where the inner dimension
//! of a gated product is cut, and at image tokens of models that do something to them behind a layer (MoCa,
//! DeepStack).

use mirscope::{
    alignment::{Mir, MirSettings},
    families::Layout,
    gpu::{Gpu, GpuOptions, KernelVariant, Recording, Step},
    input::PixelValues,
    model::{Capture, CaptureRequest, ForwardInput, Hook, Vlm},
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

/// Kernel calls of a pair, alone and beside others, the copying of its tokens into the metric included.
#[test]
fn beside_others_a_pair_takes_few_calls() {
    let gpu = pollster::block_on(Gpu::request(&GpuOptions {
        kernels: Some(KernelVariant::Tiled),
        ..GpuOptions::default()
    }))
    .unwrap();
    let case = GoldenCase::at("clip_mlp_gqa_tied_f32");
    let vlm = loaded(&gpu, &case);
    let vision = vlm.spec().vision().unwrap();
    let side = vision.tower.picture_size;
    let pixel_values = [PixelValues {
        channels: 3,
        height: side,
        width: side,
        data: vec![0.5; 3 * side * side],
    }];
    let places: Vec<u32> = (0..vision.num_image_tokens() as u32).collect();
    let ids = vec![2; places.len() + 7];
    let layout = Layout::default();
    let input = ForwardInput {
        pixel_values: &pixel_values,
        rows: None,
        input_ids: &ids,
        vision: &places,
        layout: &layout,
    };
    let (layers, width) = (
        vlm.spec().text.num_hidden_layers,
        vlm.spec().text.hidden_size,
    );
    let calls = |pairs: usize| {
        let request = CaptureRequest::new().with_all((1..=layers).map(Hook::Layer));
        let mut recording = Recording::new();
        let capture = vlm
            .forward_all(&mut recording, &vec![input; pairs], &request)
            .unwrap();
        let states = (1..=layers).map(|k| capture.get(Hook::Layer(k)).unwrap().clone());
        let states: Vec<_> = states.collect();
        let rows = (0..pairs).map(|pair| {
            let first = (pair * ids.len()) as u32;
            let (begin, text) = (first..first + places.len() as u32, places.len() as u32);
            [begin.collect(), vec![first + text]]
        });
        let rows: Vec<[Vec<u32>; 2]> = rows.collect();
        let (n_vision, n_text) = (pairs * places.len(), pairs);
        let settings = MirSettings::default();
        let mut mir = Mir::new(
            &gpu,
            settings,
            layers,
            width,
            n_vision.max(2),
            n_text.max(2),
            None,
        );
        let mir = mir.as_mut().unwrap();
        mir.push_all(&mut recording, &states, &rows).unwrap();
        recording.dispatches()
    };
    let (one, sixteen) = (calls(1), calls(16));
    // Three more: they repeat the positions of a picture's patches and the angles of a prompt's tokens, and leave class
    // tokens out.
    assert_eq!(sixteen, one + 3, "{one} alone");
    println!(
        "kernel calls of a pair: {one} alone, {} beside 15 others",
        f64::from(sixteen as u32) / 16.0
    );
    assert!(one > 40, "{one} alone");
}
