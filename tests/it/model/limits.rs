use mirscope::{
    gpu::{Gpu, GpuError, GpuOptions, LimitTier},
    model::{CaptureRequest, Hook, ModelError, Vlm},
    platform::Cancel,
};

use super::Run;
use crate::{
    golden,
    support::{assert_close, gpu},
};

/// Bytes that hold every activation of the small cases, but not their embeddings.
const BINDING: u64 = 22 << 10;

fn limited(bytes: u64) -> Gpu {
    let options = GpuOptions {
        limits: LimitTier::Binding(bytes),
        ..GpuOptions::default()
    };
    pollster::block_on(Gpu::request(&options)).unwrap()
}

#[test]
fn weights_larger_than_a_binding_are_split() {
    let request = CaptureRequest::new()
        .with(Hook::FinalNorm)
        .with(Hook::ImageFeatures);
    let small = limited(BINDING);
    let mut split_cases = 0;
    for case in golden::cases() {
        let checkpoint = case.checkpoint();
        let embedding = checkpoint
            .info("language_model.embed_tokens.weight")
            .unwrap()
            .bytes();
        let vision = &checkpoint.spec.vision().unwrap().tower;
        let image =
            vision.num_channels * vision.image_size * vision.image_size.next_multiple_of(4) * 4;
        if embedding <= BINDING || image as u64 > BINDING {
            continue;
        }
        split_cases += 1;
        let split = Run::new(&small, &case, &request);
        let whole = Run::new(&gpu(), &case, &request);
        for hook in [Hook::FinalNorm, Hook::ImageFeatures] {
            let found = split.values(split.capture.get(hook).unwrap());
            let expected = whole.values(whole.capture.get(hook).unwrap());
            assert_close(&found, &expected, 1e-6, &format!("{} {hook:?}", case.name));
        }
    }
    assert!(
        split_cases >= 4,
        "only {split_cases} cases have an embedding to split"
    );
}

#[test]
fn what_cannot_be_split_is_refused_with_numbers() {
    let tiny = limited(256);
    let case = &golden::cases()[0];
    let outcome = load(&tiny, case, &Cancel::default());
    let Err(ModelError::Gpu(error @ GpuError::TooLarge { .. })) = outcome else {
        panic!("{outcome:?}");
    };
    assert!(error.to_string().contains("256 B"), "{error}");
}

#[test]
fn a_cancelled_load_stops() {
    let cancel = Cancel::default();
    cancel.cancel();
    let outcome = load(&gpu(), &golden::cases()[0], &cancel);
    assert!(matches!(outcome, Err(ModelError::Cancelled)), "{outcome:?}");
}

fn load(gpu: &Gpu, case: &golden::GoldenCase, cancel: &Cancel) -> Result<(), ModelError> {
    let checkpoint = case.checkpoint();
    pollster::block_on(Vlm::load(gpu, &checkpoint, cancel, &mut |_, _| {})).map(|_| ())
}
