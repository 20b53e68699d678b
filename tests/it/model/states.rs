use mirscope::{
    gpu::{Gpu, GpuOptions, KernelVariant, LimitTier, Recording},
    model::{CaptureRequest, Hook},
};

use super::Run;
use crate::{golden, support::relative_error};

/// The required agreement with transformers in f32; 1e-5 is the goal, `--nocapture` prints what is
/// reached.
const TOLERANCE: f64 = 1e-4;

#[test]
fn every_state_equals_transformers() {
    for variant in [KernelVariant::Direct, KernelVariant::Tiled] {
        let options = GpuOptions {
            kernels: Some(variant),
            limits: LimitTier::WebGpuDefault,
            ..GpuOptions::default()
        };
        let gpu = pollster::block_on(Gpu::request(&options)).unwrap();
        for case in golden::all() {
            let config = case.checkpoint().spec;
            let (towers, layers) = (
                config.vision().unwrap().tower.num_hidden_layers,
                config.text.num_hidden_layers,
            );
            let mut expected: Vec<(Hook, String)> = (0..=towers)
                .map(|i| (Hook::VisionState(i), format!("vision_hidden_states.{i}")))
                .collect();
            expected.push((Hook::ImageFeatures, "image_features".into()));
            expected.push((Hook::InputsEmbeds, "inputs_embeds".into()));
            for k in 1..layers {
                expected.push((Hook::Layer(k), format!("hidden_states.{k}")));
            }
            expected.push((
                Hook::Layer(layers),
                format!("hidden_states.{layers}.pre_norm"),
            ));
            expected.push((Hook::FinalNorm, format!("hidden_states.{layers}")));
            let request = CaptureRequest::new().with_all(expected.iter().map(|(hook, _)| *hook));
            let run = Run::new(&gpu, &case, &request);
            let mut worst = (0.0, String::new());
            for (hook, name) in &expected {
                let (shape, values) = case.tensor(name);
                let state = run
                    .capture
                    .get(*hook)
                    .unwrap_or_else(|| panic!("{name} was not kept"));
                assert_eq!([state.rows(), state.cols()], shape, "{}: {name}", case.name);
                let error = relative_error(&run.values(state), values);
                assert!(
                    error <= TOLERANCE,
                    "{} {variant:?}: {name} is off by {error:.2e}",
                    case.name
                );
                if error > worst.0 {
                    worst = (error, name.clone());
                }
            }
            println!(
                "{} {variant:?}: worst state {} at {:.1e}",
                case.name, worst.1, worst.0
            );
            check_logits(&gpu, &run, &case);
        }
    }
}

fn check_logits(gpu: &Gpu, run: &Run, case: &golden::GoldenCase) {
    let normed = run.capture.get(Hook::FinalNorm).unwrap();
    let (_, expected) = case.tensor("logits");
    let mut recording = Recording::new();
    let logits = run.vlm.logits(&mut recording, normed).unwrap();
    pollster::block_on(gpu.run(&recording)).unwrap();
    let all = run.values(&logits);
    let last = &all[all.len() - expected.len()..];
    let error = relative_error(last, expected);
    assert!(
        error <= TOLERANCE,
        "{}: logits are off by {error:.2e}",
        case.name
    );
}

#[test]
fn only_what_is_asked_for_is_kept() {
    let gpu = crate::support::gpu();
    let case = &golden::cases()[0];
    let request = CaptureRequest::new()
        .with(Hook::Queries(1))
        .with(Hook::Keys(1));
    let run = Run::new(&gpu, case, &request);
    let text = &run.vlm.spec().text;
    let queries = run.capture.get(Hook::Queries(1)).unwrap();
    let keys = run.capture.get(Hook::Keys(1)).unwrap();
    assert_eq!(queries.cols(), text.num_attention_heads * text.head_dim);
    assert_eq!(keys.cols(), text.num_key_value_heads * text.head_dim);
    assert!(
        run.values(queries)
            .iter()
            .chain(&run.values(keys))
            .all(|v| v.is_finite())
    );
    assert!(run.capture.get(Hook::Layer(1)).is_none());
    assert!(run.capture.get(Hook::Queries(2)).is_none());
}
