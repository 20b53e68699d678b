//! Whole models against the states of transformers.

mod jpeg;
mod limits;
mod states;

use mirscope::{
    gpu::{Gpu, Recording, Tensor},
    input::Processor,
    model::{Capture, CaptureRequest, ForwardInput, Vlm},
    platform::Cancel,
};

use crate::golden::GoldenCase;

/// A golden case's forward pass, up to the end.
pub struct Run {
    pub vlm: Vlm,
    pub capture: Capture,
    gpu: Gpu,
}

impl Run {
    pub fn new(gpu: &Gpu, case: &GoldenCase, request: &CaptureRequest) -> Self {
        let checkpoint = case.checkpoint();
        let processor = Processor::open(&**checkpoint.source(), &checkpoint.config).unwrap();
        let image = processor.image("image.png", &case.image()).unwrap();
        let prompt = processor.prompt("text.txt", &case.text).unwrap();
        let pixels = &image.pixel_values;
        let input = ForwardInput {
            pixel_values: &pixels.data,
            pixel_shape: [pixels.channels, pixels.height, pixels.width],
            input_ids: &prompt.input_ids,
            vision: &prompt.vision,
        };
        pollster::block_on(async {
            let vlm = Vlm::load(gpu, &checkpoint, &Cancel::default(), &mut |_, _| {})
                .await
                .unwrap();
            let mut recording = Recording::new();
            let capture = vlm.forward(&mut recording, &input, request).unwrap();
            gpu.run(&recording).await.unwrap();
            Self {
                vlm,
                capture,
                gpu: gpu.clone(),
            }
        })
    }

    pub fn values(&self, tensor: &Tensor) -> Vec<f32> {
        pollster::block_on(self.gpu.read(&[tensor]))
            .unwrap()
            .remove(0)
            .values
    }
}
