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
    for case in golden::cases() {
        let config = &case.checkpoint().config;
        let embedding = config.text.vocab_size * config.text.hidden_size.next_multiple_of(4) * 2;
        // Half of the smallest form of the embedding, so that it is split in any storage type.
        let small = limited((embedding as u64 / 2).next_multiple_of(16));
        let split = Run::new(&small, &case, &request);
        let whole = Run::new(&gpu(), &case, &request);
        for hook in [Hook::FinalNorm, Hook::ImageFeatures] {
            let found = split.values(split.capture.get(hook).unwrap());
            let expected = whole.values(whole.capture.get(hook).unwrap());
            assert_close(&found, &expected, 1e-6, &format!("{} {hook:?}", case.name));
        }
    }
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
