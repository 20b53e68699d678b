//! The whole model: `LlavaForConditionalGeneration` (arXiv 2304.08485).

use super::{
    Capture, CaptureRequest, Checkpoint, Hook, ModelError, load::Loaded, masks::Masks, ops::Ops,
    parts::Parts,
};
use crate::{
    families::{Layout, ModelSpec, Rows, VisionSpec},
    gpu::{DType, Gpu, Recording, Tensor},
    input::PixelValues,
    kernels::{blend_rows::blend_rows, gather_rows::gather_rows, scatter_rows::scatter_rows},
    platform::Cancel,
};

/// The input of one forward pass.
#[derive(Clone, Copy, Debug)]
pub struct ForwardInput<'a> {
    /// Normalised pixels of all pictures of all images, in the order in which they go through the
    /// tower.
    pub pixel_values: &'a [PixelValues],
    /// What each placeholder takes of the features of all pictures and of the learned rows; none where
    /// each takes the next feature.
    pub rows: Option<&'a Rows>,
    /// Token ids of the prompt, image placeholders included.
    pub input_ids: &'a [u32],
    /// Positions of the image placeholders, ascending.
    pub vision: &'a [u32],
    /// Where the tokens stand and what each sees.
    pub layout: &'a Layout,
}

/// A vision-language model on a device.
pub struct Vlm {
    pub(super) gpu: Gpu,
    pub(super) spec: ModelSpec,
    pub(super) parts: Parts,
    pub(super) masks: Masks,
    pub(super) loaded: Loaded,
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
        let (parts, parameters) = Parts::new(&checkpoint.spec);
        Ok(Self {
            loaded: Loaded::new(gpu, checkpoint, &parameters, cancel, progress).await?,
            gpu: gpu.clone(),
            spec: checkpoint.spec.clone(),
            parts,
            masks: Masks::default(),
        })
    }

    /// What the model is.
    pub fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    /// What records kernels of this model.
    pub(super) fn ops<'a>(&'a self, recording: &'a mut Recording) -> Ops<'a> {
        Ops {
            gpu: &self.gpu,
            recording,
            masks: &self.masks,
            loaded: &self.loaded,
        }
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
        let mut ops = self.ops(recording);
        let language_model = &self.parts.language_model;
        let features = match input.vision {
            [] => None,
            _ => Some(self.image_features(&mut ops, input, request, &mut capture)?),
        };
        let ids = self.gpu.upload_indices(input.input_ids)?;
        let inputs_embeds = language_model.embed(&mut ops, &ids)?;
        let mut positions = None;
        if let Some(features) = features {
            let taken = self.taken(&mut ops, input, features)?;
            let at = self.gpu.upload_indices(input.vision)?;
            ops.recording
                .push(scatter_rows(&at, &taken, 0, &inputs_embeds)?);
            positions = Some(at);
        }
        capture.keep(request, Hook::InputsEmbeds, &inputs_embeds);
        language_model.forward(
            &mut ops,
            &inputs_embeds,
            positions.as_ref(),
            input.layout,
            request,
            &mut capture,
        )?;
        Ok(capture)
    }

    /// The rows of all features that the placeholders take, `[placeholders, hidden]`.
    fn taken(
        &self,
        ops: &mut Ops<'_>,
        input: &ForwardInput<'_>,
        features: Tensor,
    ) -> Result<Tensor, ModelError> {
        let Some(rows) = input.rows else {
            return Ok(features);
        };
        let indices = self.gpu.upload_indices(&rows.single)?;
        let taken = ops
            .gpu
            .tensor(DType::F32, rows.single.len(), features.cols())?;
        let learned = self.parts.eyes.iter();
        let learned = learned.flat_map(|(_, connector)| connector.learned());
        let learned = learned.map(|id| ops.values(*id));
        let tables: Vec<&Tensor> = std::iter::once(Ok(&features))
            .chain(learned)
            .collect::<Result<_, _>>()?;
        let mut first = 0;
        for table in tables {
            ops.recording
                .push(gather_rows(&indices, table, first, &taken, 0)?);
            first += table.rows();
        }
        if let Some(blended) = &rows.blended {
            let indices = self.gpu.upload_indices(&blended.rows)?;
            let weights = self
                .gpu
                .upload(1, blended.weights.len(), &blended.weights)?;
            ops.recording
                .push(blend_rows(&indices, &weights, &features, &taken)?);
        }
        Ok(taken)
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
        self.check_pixels(self.spec.vision()?, input)?;
        let mut ops = self.ops(recording);
        let (request, mut capture) = (CaptureRequest::new(), Capture::default());
        self.image_features(&mut ops, input, &request, &mut capture)
    }

    /// Records the head over states after the final norm: logits `[n, vocab_size]` of `[n, hidden]`.
    ///
    /// # Errors
    /// As [`Vlm::forward`].
    pub fn logits(&self, recording: &mut Recording, normed: &Tensor) -> Result<Tensor, ModelError> {
        let mut ops = self.ops(recording);
        self.parts.language_model.logits(&mut ops, normed)
    }

    /// Tower and connector, picture by picture: `[pictures * tokens per picture, hidden]`.
    fn image_features(
        &self,
        ops: &mut Ops<'_>,
        input: &ForwardInput<'_>,
        request: &CaptureRequest,
        capture: &mut Capture,
    ) -> Result<Tensor, ModelError> {
        let (Ok(vision), Some((tower, connector))) = (self.spec.vision(), &self.parts.eyes) else {
            return Err(self.no_features(input));
        };
        let pictures = input.pixel_values.len();
        let wanted = vision.feature_states();
        let mut all = None;
        for (index, picture) in input.pixel_values.iter().enumerate() {
            let image = self.gpu.upload(
                picture.channels * picture.height,
                picture.width,
                &picture.data,
            )?;
            ops.recording.mark("vision tower");
            let mut seen = Capture::default();
            let mut states = tower.forward(ops, &image, &wanted, request, &mut seen)?;
            if vision.normed_features {
                for state in &mut states {
                    *state = tower.norm(ops, state)?;
                }
            }
            ops.recording.mark("connector");
            let features = connector.forward(ops, &states)?;
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
        all.ok_or_else(|| self.no_features(input))
    }

    fn no_features(&self, input: &ForwardInput<'_>) -> ModelError {
        ModelError::ImageTokens {
            expected: 0,
            found: input.vision.len(),
        }
    }

    fn check(&self, input: &ForwardInput<'_>) -> Result<(), ModelError> {
        if !input.vision.is_empty() {
            let vision = self.spec.vision()?;
            self.check_pixels(vision, input)?;
            let features = input.pixel_values.len() * vision.tokens_per_picture();
            let expected = input.rows.map_or(features, |rows| rows.single.len());
            let learned = vision.learned_rows.len();
            let fit = input.rows.is_none_or(|rows| rows.fit(features, learned));
            if input.vision.len() != expected || !fit {
                return Err(ModelError::ImageTokens {
                    expected: features,
                    found: input.vision.len(),
                });
            }
        }
        let vocab_size = self.spec.text.vocab_size;
        match input
            .input_ids
            .iter()
            .find(|&&id| id as usize >= vocab_size)
        {
            Some(&id) => Err(ModelError::TokenId { id, vocab_size }),
            None => Ok(()),
        }
    }

    fn check_pixels(
        &self,
        vision: &VisionSpec,
        input: &ForwardInput<'_>,
    ) -> Result<(), ModelError> {
        let (channels, side) = (vision.tower.num_channels, vision.tower.picture_size);
        let expected = [channels, side, side];
        let wrong = input.pixel_values.iter().find(|picture| {
            picture.shape() != expected || picture.data.len() != channels * side * side
        });
        match (wrong, input.pixel_values.len()) {
            (None, 1..) => Ok(()),
            (wrong, pictures) => Err(ModelError::PixelValues {
                expected,
                found: wrong.map_or([0; 3], PixelValues::shape),
                pictures,
            }),
        }
    }
}
