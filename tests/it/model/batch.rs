//! Several prompts in one forward pass: each prompt's states are those that it has alone.

use mirscope::{
    check::relative_error,
    families::{Layout, Rows, plan::rows_of},
    gpu::{Gpu, GpuOptions, KernelVariant, LimitTier, Recording},
    input::{PixelValues, Processor},
    model::{Capture, CaptureRequest, ForwardInput, Hook, Vlm},
    platform::Cancel,
};

use crate::{
    families::{cases, golden_folders},
    golden::{self, GoldenCase},
};

/// As of the states against transformers.
const TOLERANCE: f64 = 1e-4;

/// A prompt of a golden checkpoint.
struct Prompt {
    pixel_values: Vec<PixelValues>,
    rows: Option<Rows>,
    input_ids: Vec<u32>,
    vision: Vec<u32>,
    layout: Layout,
}

impl Prompt {
    fn of_ids(input_ids: Vec<u32>) -> Self {
        Self {
            pixel_values: Vec::new(),
            rows: None,
            input_ids,
            vision: Vec::new(),
            layout: Layout::default(),
        }
    }

    fn input(&self) -> ForwardInput<'_> {
        ForwardInput {
            pixel_values: &self.pixel_values,
            rows: self.rows.as_ref(),
            input_ids: &self.input_ids,
            vision: &self.vision,
            layout: &self.layout,
        }
    }
}

/// Prompts of unequal lengths: with images and a text, without, and with the images in another order and a longer text; of a
/// decoder alone without images.
fn prompts(case: &GoldenCase) -> Vec<Prompt> {
    let ids = case.input_ids().to_vec();
    let checkpoint = case.checkpoint();
    let (Ok(vision), true) = (checkpoint.spec.vision(), case.images[0].is_file()) else {
        let both = [ids.as_slice(), &ids].concat();
        return [ids[..ids.len() / 2].to_vec(), both, ids]
            .map(Prompt::of_ids)
            .into();
    };
    let processor = Processor::open(&**checkpoint.source(), &checkpoint.spec).unwrap();
    let of = |more: &str| {
        let mut images = case.images.clone();
        if !more.is_empty() {
            images.reverse();
        }
        let images = images.iter().map(|file| {
            let bytes = std::fs::read(file).unwrap();
            processor.image("the image", &bytes).unwrap()
        });
        let images: Vec<_> = images.collect();
        let pixels = images.iter().flat_map(|image| image.pixel_values.clone());
        let pixel_values = pixels.collect();
        let plans: Vec<_> = images.into_iter().map(|image| image.plan).collect();
        let texts = case.texts.iter().cycle().take(plans.len());
        let texts: Vec<String> = texts.map(|text| format!("{text}{more}")).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let references: Vec<_> = plans.iter().collect();
        let prompt = processor.document("the text", &texts, &references).unwrap();
        Prompt {
            pixel_values,
            rows: rows_of(&plans),
            input_ids: prompt.input_ids,
            vision: prompt.vision,
            layout: prompt.layout,
        }
    };
    let (vocab_size, image) = (checkpoint.spec.text.vocab_size, vision.image_token_id);
    let is_word = |id: &u32| *id != image && (*id as usize) < vocab_size;
    let words = Prompt::of_ids(ids.into_iter().filter(is_word).take(5).collect());
    vec![of(""), words, of(" a b c d e f g")]
}

fn read(gpu: &Gpu, capture: &Capture, hook: Hook) -> Vec<f32> {
    let state = capture.get(hook).unwrap();
    pollster::block_on(gpu.read(&[state]))
        .unwrap()
        .remove(0)
        .values
}

/// Compares each prompt's states in one pass over all with those of passes of its own; returns the largest deviation from
/// a pass that is planned for its own rows.
fn compare(gpu: &Gpu, case: &GoldenCase, same_bits: bool) -> f64 {
    let (checkpoint, cancel) = (case.checkpoint(), Cancel::default());
    let vlm = pollster::block_on(Vlm::load(gpu, &checkpoint, &cancel, &mut |_, _| {})).unwrap();
    let layers = vlm.spec().text.num_hidden_layers;
    let mut hooks = vec![Hook::InputsEmbeds, Hook::FinalNorm];
    hooks.extend((1..=layers).map(Hook::Layer));
    let request = CaptureRequest::new().with_all(hooks.iter().copied());
    let prompts = prompts(case);
    let inputs: Vec<_> = prompts.iter().map(Prompt::input).collect();
    let run = |inputs: &[ForwardInput<'_>], planned: bool| {
        let mut recording = Recording::new();
        let capture = match planned {
            true => vlm.forward_all(&mut recording, inputs, &request).unwrap(),
            false => vlm.forward(&mut recording, &inputs[0], &request).unwrap(),
        };
        pollster::block_on(gpu.run(&recording)).unwrap();
        hooks
            .iter()
            .map(|hook| read(gpu, &capture, *hook))
            .collect::<Vec<_>>()
    };
    let all = run(&inputs, true);
    let (mut first, mut worst) = (0, 0.0_f64);
    for input in &inputs {
        let (alone, own) = (run(&[*input], true), run(&[*input], false));
        let end = first + input.input_ids.len();
        for (index, hook) in hooks.iter().enumerate() {
            let width = alone[index].len() / input.input_ids.len();
            let found = &all[index][first * width..end * width];
            let what = format!("{}, {hook:?}, rows {first}..{end}", case.name);
            if same_bits {
                assert!(
                    found == alone[index],
                    "{what}: not the bits that it has alone"
                );
            }
            for other in [&alone[index], &own[index]] {
                let error = relative_error(found, other);
                assert!(error <= TOLERANCE, "{what}: {error}");
                worst = worst.max(error);
            }
        }
        first = end;
    }
    worst
}

fn gpu(kernels: KernelVariant) -> Gpu {
    let options = GpuOptions {
        kernels: Some(kernels),
        limits: LimitTier::WebGpuDefault,
        ..GpuOptions::default()
    };
    pollster::block_on(Gpu::request(&options)).unwrap()
}

#[test]
fn prompts_have_the_states_that_they_have_alone_family_by_family() {
    let gpu = gpu(KernelVariant::Tiled);
    let mut compared = 0;
    for family in golden_folders() {
        for folder in cases(&family) {
            let case = GoldenCase::at(folder.to_str().unwrap());
            println!("{}: {:.1e}", folder.display(), compare(&gpu, &case, true));
            compared += 1;
        }
    }
    for case in golden::all() {
        println!("{}: {:.1e}", case.name, compare(&gpu, &case, true));
    }
    assert!(compared > 40, "only {compared}");
}

#[test]
fn software_adapters_could_do_the_same() {
    let gpu = gpu(KernelVariant::Direct);
    for family in golden_folders() {
        let case = GoldenCase::at(cases(&family)[0].to_str().unwrap());
        println!("{}: {:.1e}", case.name, compare(&gpu, &case, false));
    }
}
