//! The whole model: `LlavaForConditionalGeneration` (arXiv 2304.08485).

use super::{
    Capture, CaptureRequest, Hook, ModelError, connector::Connector, language_model::LanguageModel,
    load::Loader, masks::Masks, ops::Ops, vision_tower::VisionTower,
};
use crate::{
    gpu::{DType, Gpu, Recording, Tensor},
    kernels::scatter_rows::scatter_rows,
    platform::Cancel,
    weights::{Checkpoint, VlmConfig},
};

/// The input of one forward pass.
#[derive(Clone, Copy, Debug)]
pub struct ForwardInput<'a> {
    /// Normalised pixels of all pictures, `[pictures, channels, height, width]`, row-major: for each
    /// image the whole and then its sub-images, where the model takes any.
    pub pixel_values: &'a [f32],
    /// Their shape.
    pub pixel_shape: [usize; 4],
    /// Token ids of the prompt, image placeholders included.
    pub input_ids: &'a [u32],
    /// Positions of the image placeholders, ascending: those of all pictures, in their order.
    pub vision: &'a [u32],
}

/// A vision-language model on a device.
pub struct Vlm {
    pub(super) gpu: Gpu,
    pub(super) config: VlmConfig,
    vision_tower: VisionTower,
    connector: Connector,
    pub(super) language_model: LanguageModel,
    pub(super) masks: Masks,
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
            masks: Masks::default(),
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
            masks: &self.masks,
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
            masks: &self.masks,
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
            masks: &self.masks,
        };
        self.language_model.logits(&mut ops, normed)
    }

    /// Tower and connector, picture by picture: `[pictures * tokens per picture, hidden]`.
    fn image_features(
        &self,
        ops: &mut Ops<'_>,
        input: &ForwardInput<'_>,
        request: &CaptureRequest,
        capture: &mut Capture,
    ) -> Result<Tensor, ModelError> {
        let [pictures, channels, height, width] = input.pixel_shape;
        let wanted = self.config.vision_feature_states();
        let size = (channels * height * width).max(1);
        let mut all = None;
        for (index, picture) in input.pixel_values.chunks_exact(size).enumerate() {
            let image = self.gpu.upload(channels * height, width, picture)?;
            ops.recording.mark("vision tower");
            let mut seen = Capture::default();
            let states = self
                .vision_tower
                .forward(ops, &image, &wanted, request, &mut seen)?;
            ops.recording.mark("connector");
            let features = self.connector.forward(ops, &states)?;
            seen.keep(request, Hook::ImageFeatures, &features);
            capture.stack(ops, seen, index, pictures)?;
            if pictures == 1 {
                return Ok(features);
            }
            let rows = features.rows();
            let all = match &all {
                Some(all) => all,
                None => all.insert(
                    ops.gpu
                        .tensor(DType::F32, pictures * rows, features.cols())?,
                ),
            };
            ops.recording
                .copy_rows(&features, 0, all, index * rows, rows)?;
        }
        // The check of the input leaves at least one picture.
        all.ok_or(ModelError::ImageTokens {
            expected: 0,
            found: input.vision.len(),
        })
    }

    fn check(&self, input: &ForwardInput<'_>) -> Result<(), ModelError> {
        self.check_pixels(input)?;
        let expected = input.pixel_shape[0] * self.config.tokens_per_picture();
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
        let (channels, side) = (vision.num_channels, vision.picture_size);
        let [pictures, found @ ..] = input.pixel_shape;
        let expected = [channels, side, side];
        let whole = pictures > 0 && pictures % self.config.pictures_per_image() == 0;
        let size = pictures * channels * side * side;
        if found != expected || !whole || input.pixel_values.len() != size {
            return Err(ModelError::PixelValues {
                expected,
                pictures: self.config.pictures_per_image(),
                found: input.pixel_shape,
            });
        }
        Ok(())
    }
}
