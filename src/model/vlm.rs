//! The whole model: `LlavaForConditionalGeneration` (arXiv 2304.08485).

use super::{
    Capture, CaptureRequest, Hook, ModelError, connector::Connector, language_model::LanguageModel,
    load::Loader, ops::Ops, vision_tower::VisionTower,
};
use crate::{
    gpu::{Gpu, Recording, Tensor},
    kernels::scatter_rows::scatter_rows,
    platform::Cancel,
    weights::{Checkpoint, VlmConfig},
};

/// The input of one forward pass.
#[derive(Clone, Copy, Debug)]
pub struct ForwardInput<'a> {
    /// Normalised pixels `[channels, height, width]`, row-major.
    pub pixel_values: &'a [f32],
    /// Their shape.
    pub pixel_shape: [usize; 3],
    /// Token ids of the prompt, image placeholders included.
    pub input_ids: &'a [u32],
    /// Positions of the image placeholders, ascending.
    pub vision: &'a [u32],
}

/// A vision-language model on a device.
pub struct Vlm {
    pub(super) gpu: Gpu,
    pub(super) config: VlmConfig,
    vision_tower: VisionTower,
    connector: Connector,
    pub(super) language_model: LanguageModel,
}

impl Vlm {
    /// Loads a checkpoint; `progress` is told the bytes read and the bytes to read.
    ///
    /// # Errors
    /// What the checkpoint or the device reports; [`ModelError::Cancelled`].
    pub async fn load(
        gpu: &Gpu,
        checkpoint: &Checkpoint,
        cancel: &Cancel,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Self, ModelError> {
        let mut loader = Loader::new(gpu, checkpoint, cancel, progress);
        let vision_tower = VisionTower::load(&mut loader).await?;
        let connector = Connector::load(&mut loader)?;
        let language_model = LanguageModel::load(&mut loader).await?;
        gpu.flush();
        Ok(Self {
            gpu: gpu.clone(),
            config: checkpoint.config.clone(),
            vision_tower,
            connector,
            language_model,
        })
    }

    /// The configuration.
    pub fn config(&self) -> &VlmConfig {
        &self.config
    }

    /// Records one forward pass and returns the states asked for. They hold their values once the
    /// recording has run, and until then nothing but this recording may use them.
    ///
    /// # Errors
    /// [`ModelError`] where the input does not fit the model or the device.
    pub fn forward(
        &self,
        recording: &mut Recording,
        input: &ForwardInput<'_>,
        request: &CaptureRequest,
    ) -> Result<Capture, ModelError> {
        self.check(input)?;
        let mut capture = Capture::default();
        let mut ops = Ops {
            gpu: &self.gpu,
            recording,
        };
        let features = self.image_features(&mut ops, input, request, &mut capture)?;
        let ids = self.gpu.upload_indices(input.input_ids)?;
        let inputs_embeds = self.language_model.embed(&mut ops, &ids)?;
        let positions = self.gpu.upload_indices(input.vision)?;
        ops.recording
            .push(scatter_rows(&positions, &features, 0, &inputs_embeds)?);
        drop(features);
        capture.keep(request, Hook::InputsEmbeds, &inputs_embeds);
        self.language_model
            .forward(&mut ops, &inputs_embeds, &positions, request, &mut capture)?;
        Ok(capture)
    }

    /// Records tower and connector alone.
    ///
    /// # Errors
    /// As [`Vlm::forward`].
    pub fn encode_image(
        &self,
        recording: &mut Recording,
        input: &ForwardInput<'_>,
    ) -> Result<Tensor, ModelError> {
        self.check_pixels(input)?;
        let mut ops = Ops {
            gpu: &self.gpu,
            recording,
        };
        let (request, mut capture) = (CaptureRequest::new(), Capture::default());
        self.image_features(&mut ops, input, &request, &mut capture)
    }

    /// Records the head over states after the final norm: logits `[n, vocab_size]` of `[n, hidden]`.
    ///
    /// # Errors
    /// As [`Vlm::forward`].
    pub fn logits(&self, recording: &mut Recording, normed: &Tensor) -> Result<Tensor, ModelError> {
        let mut ops = Ops {
            gpu: &self.gpu,
            recording,
        };
        self.language_model.logits(&mut ops, normed)
    }

    fn image_features(
        &self,
        ops: &mut Ops<'_>,
        input: &ForwardInput<'_>,
        request: &CaptureRequest,
        capture: &mut Capture,
    ) -> Result<Tensor, ModelError> {
        let [channels, height, width] = input.pixel_shape;
        let image = self
            .gpu
            .upload(channels * height, width, input.pixel_values)?;
        ops.recording.mark("vision tower");
        let wanted = self.config.vision_feature_states();
        let states = self
            .vision_tower
            .forward(ops, &image, &wanted, request, capture)?;
        ops.recording.mark("connector");
        let features = self.connector.forward(ops, &states)?;
        capture.keep(request, Hook::ImageFeatures, &features);
        Ok(features)
    }

    fn check(&self, input: &ForwardInput<'_>) -> Result<(), ModelError> {
        self.check_pixels(input)?;
        let expected = self.config.num_image_tokens();
        if input.vision.len() != expected {
            return Err(ModelError::ImageTokens {
                expected,
                found: input.vision.len(),
            });
        }
        let vocab_size = self.config.text.vocab_size;
        match input
            .input_ids
            .iter()
            .find(|&&id| id as usize >= vocab_size)
        {
            Some(&id) => Err(ModelError::TokenId { id, vocab_size }),
            None => Ok(()),
        }
    }

    fn check_pixels(&self, input: &ForwardInput<'_>) -> Result<(), ModelError> {
        let vision = &self.config.vision;
        let expected = [
            vision.num_channels,
            vision.picture_size,
            vision.picture_size,
        ];
        if input.pixel_shape != expected {
            return Err(ModelError::PixelValues {
                expected,
                found: input.pixel_shape,
            });
        }
        Ok(())
    }
}
