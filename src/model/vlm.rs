//! The whole model of every family: tower, connector and decoder, as LLaVA joins them (arXiv 2304.08485).

use super::{
    Capture, CaptureRequest, Checkpoint, Hook, ModelError, features::features_of, load::Loaded,
    masks::Masks, ops::Ops, parts::Parts, seen::Seen,
};
use crate::{
    families::{Layout, ModelSpec, Rows, VisionSpec},
    gpu::{Gpu, Recording, Tensor},
    input::PixelValues,
    kernels::scatter_rows::scatter_rows,
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

impl<'a> ForwardInput<'a> {
    /// A prompt without images.
    pub fn of_text(input_ids: &'a [u32], layout: &'a Layout) -> Self {
        Self {
            pixel_values: &[],
            rows: None,
            input_ids,
            vision: &[],
            layout,
        }
    }
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
            planned_rows: None,
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
        self.forward_with(self.ops(recording), &[*input], request)
    }

    /// What [`Vlm::forward`] records, of several prompts one below the other.
    pub(super) fn forward_with(
        &self,
        mut ops: Ops<'_>,
        inputs: &[ForwardInput<'_>],
        request: &CaptureRequest,
    ) -> Result<Capture, ModelError> {
        let mut capture = Capture::default();
        let (inputs_embeds, seen) = self.embedded(&mut ops, inputs, request, &mut capture)?;
        let prompts = inputs
            .iter()
            .map(|input| (input.layout, input.input_ids.len()));
        let prompts: Vec<_> = prompts.collect();
        self.parts.language_model.forward(
            &mut ops,
            &inputs_embeds,
            seen.as_ref(),
            (&prompts, None),
            request,
            &mut capture,
        )?;
        Ok(capture)
    }

    /// What the decoder is given of prompts, and their image tokens.
    pub(super) fn embedded(
        &self,
        ops: &mut Ops<'_>,
        inputs: &[ForwardInput<'_>],
        request: &CaptureRequest,
        capture: &mut Capture,
    ) -> Result<(Tensor, Option<Seen>), ModelError> {
        for input in inputs {
            self.check(input)?;
        }
        let features = match inputs.iter().all(|input| input.vision.is_empty()) {
            true => None,
            false => Some(self.image_features(ops, inputs, request, capture)?),
        };
        let (input_ids, vision) = below_each_other(inputs);
        let ids = self.gpu.upload_indices(&input_ids)?;
        let inputs_embeds = self.parts.language_model.embed(ops, &ids)?;
        let mut seen = None;
        if let Some(features) = features {
            let rows = self.rows_taken(inputs);
            let taken = self.taken(ops, rows.as_ref(), features.own)?;
            let at = self.gpu.upload_indices(&vision)?;
            ops.recording
                .push(scatter_rows(&at, &taken, 0, &inputs_embeds)?);
            let deep = features.deep.into_iter();
            let deep = deep.map(|features| self.taken(ops, rows.as_ref(), features));
            seen = Some(Seen {
                at,
                deep: deep.collect::<Result<_, _>>()?,
            });
        }
        capture.keep(request, Hook::InputsEmbeds, &inputs_embeds);
        Ok((inputs_embeds, seen))
    }

    /// Records tower and connector alone, of the pictures of all prompts; those of several as [`Vlm::forward_all`] has
    /// them.
    ///
    /// # Errors
    /// As [`Vlm::forward`].
    pub fn encode_images(
        &self,
        recording: &mut Recording,
        inputs: &[ForwardInput<'_>],
    ) -> Result<Tensor, ModelError> {
        for input in inputs {
            self.check_pixels(self.spec.vision()?, input)?;
        }
        let mut ops = match inputs {
            [_] => self.ops(recording),
            _ => self.ops_of_many(recording),
        };
        let (request, mut capture) = (CaptureRequest::new(), Capture::default());
        let features = self.image_features(&mut ops, inputs, &request, &mut capture)?;
        Ok(features.own)
    }

    /// Records the head over states after the final norm: logits `[n, vocab_size]` of `[n, hidden]`.
    ///
    /// # Errors
    /// As [`Vlm::forward`].
    pub fn logits(&self, recording: &mut Recording, normed: &Tensor) -> Result<Tensor, ModelError> {
        let mut ops = self.ops(recording);
        self.parts.language_model.logits(&mut ops, normed)
    }

    fn check(&self, input: &ForwardInput<'_>) -> Result<(), ModelError> {
        if !input.vision.is_empty() {
            let vision = self.spec.vision()?;
            self.check_pixels(vision, input)?;
            let features = features_of(vision, input);
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
        // The rows of placeholders are taken by features, whatever their id.
        let placeholder = self
            .spec
            .vision
            .as_ref()
            .map(|vision| vision.image_token_id);
        let outside = |id: u32| id as usize >= vocab_size && Some(id) != placeholder;
        match input.input_ids.iter().find(|&&id| outside(id)) {
            Some(&id) => Err(ModelError::TokenId { id, vocab_size }),
            None => Ok(()),
        }
    }

    fn check_pixels(
        &self,
        vision: &VisionSpec,
        input: &ForwardInput<'_>,
    ) -> Result<(), ModelError> {
        let tower = &vision.tower;
        let fits = |picture: &PixelValues| {
            let [channels, height, width] = picture.shape();
            channels == tower.num_channels
                && tower.grid(height, width).is_some()
                && picture.data.len() == channels * height * width
        };
        let wrong = input.pixel_values.iter().find(|picture| !fits(picture));
        match (wrong, input.pixel_values.len()) {
            (None, 1..) => Ok(()),
            (wrong, pictures) => Err(ModelError::PixelValues {
                expected: format!("{} channels of {}", tower.num_channels, tower.sizes()),
                found: wrong.map_or([0; 3], PixelValues::shape),
                pictures,
            }),
        }
    }
}

/// Token ids of all prompts, and the rows of their placeholders among them.
fn below_each_other(inputs: &[ForwardInput<'_>]) -> (Vec<u32>, Vec<u32>) {
    let (mut input_ids, mut vision) = (Vec::new(), Vec::new());
    for input in inputs {
        let first = input_ids.len() as u32;
        input_ids.extend_from_slice(input.input_ids);
        vision.extend(input.vision.iter().map(|position| first + position));
    }
    (input_ids, vision)
}
