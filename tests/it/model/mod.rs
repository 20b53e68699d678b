//! Whole models against the states of transformers.

mod answers;
mod batch;
mod dispatches;
mod limits;
mod looks;
mod states;
#[cfg(target_os = "linux")]
mod streaming;
pub mod variants;

use mirscope::{
    families::plan::rows_of,
    gpu::{Gpu, Recording, Tensor},
    input::Processor,
    model::{Capture, CaptureRequest, Checkpoint, ForwardInput, Vlm},
    platform::Cancel,
};

use crate::golden::GoldenCase;

/// A forward pass, up to the end.
pub struct Run {
    pub vlm: Vlm,
    pub capture: Capture,
    gpu: Gpu,
}

impl Run {
    /// A golden case.
    pub fn new(gpu: &Gpu, case: &GoldenCase, request: &CaptureRequest) -> Self {
        let images = case.images.iter().map(|file| std::fs::read(file).unwrap());
        let images: Vec<Vec<u8>> = images.collect();
        let texts: Vec<&str> = case.texts.iter().map(String::as_str).collect();
        Self::of_document(gpu, &case.checkpoint(), &images, &texts, request)
    }

    /// A checkpoint with an image file and a text.
    pub fn of(
        gpu: &Gpu,
        checkpoint: &Checkpoint,
        image: &[u8],
        text: &str,
        request: &CaptureRequest,
    ) -> Self {
        Self::of_document(gpu, checkpoint, &[image.to_vec()], &[text], request)
    }

    /// A checkpoint with images, each followed by its text.
    pub fn of_document(
        gpu: &Gpu,
        checkpoint: &Checkpoint,
        images: &[Vec<u8>],
        texts: &[&str],
        request: &CaptureRequest,
    ) -> Self {
        let processor = Processor::open(&**checkpoint.source(), &checkpoint.spec).unwrap();
        let images = images
            .iter()
            .map(|image| processor.image("the image", image).unwrap());
        let images: Vec<_> = images.collect();
        let pixels: Vec<_> = images
            .iter()
            .flat_map(|image| image.pixel_values.clone())
            .collect();
        let plans: Vec<_> = images.into_iter().map(|image| image.plan).collect();
        let rows = rows_of(&plans);
        let prompt = processor.document("the text", texts, &plans.iter().collect::<Vec<_>>());
        let prompt = prompt.unwrap();
        let input = ForwardInput {
            pixel_values: &pixels,
            rows: rows.as_ref(),
            input_ids: &prompt.input_ids,
            vision: &prompt.vision,
            layout: &prompt.layout,
        };
        pollster::block_on(async {
            let vlm = Vlm::load(gpu, checkpoint, &Cancel::default(), &mut |_, _| {})
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

    /// What a recording over the capture gives.
    pub fn look<E: std::fmt::Debug>(
        &self,
        record: impl FnOnce(&Vlm, &mut Recording, &Capture) -> Result<Tensor, E>,
    ) -> Vec<f32> {
        let mut recording = Recording::new();
        let out = record(&self.vlm, &mut recording, &self.capture).unwrap();
        pollster::block_on(self.gpu.run(&recording)).unwrap();
        self.values(&out)
    }

    pub fn values(&self, tensor: &Tensor) -> Vec<f32> {
        pollster::block_on(self.gpu.read(&[tensor]))
            .unwrap()
            .remove(0)
            .values
    }
}
