//! The whole model: `LlavaForConditionalGeneration` (arXiv 2304.08485).

use super::{
    Capture, CaptureRequest, Checkpoint, Hook, ModelError, capture::Share, load::Loaded,
    masks::Masks, ops::Ops, parts::Parts, seen::Seen,
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
        let mut capture = Capture::default();
        let (inputs_embeds, seen) = self.embedded(recording, input, request, &mut capture)?;
        self.parts.language_model.forward(
            &mut self.ops(recording),
            &inputs_embeds,
            seen.as_ref(),
            (input.layout, None),
            request,
            &mut capture,
        )?;
        Ok(capture)
    }

    /// What the decoder is given of a prompt, and its image tokens.
    pub(super) fn embedded(
        &self,
        recording: &mut Recording,
        input: &ForwardInput<'_>,
        request: &CaptureRequest,
        capture: &mut Capture,
    ) -> Result<(Tensor, Option<Seen>), ModelError> {
        self.check(input)?;
        let mut ops = self.ops(recording);
        let features = match input.vision {
            [] => None,
            _ => Some(self.image_features(&mut ops, input, request, capture)?),
        };
        let ids = self.gpu.upload_indices(input.input_ids)?;
        let inputs_embeds = self.parts.language_model.embed(&mut ops, &ids)?;
        let mut seen = None;
        if let Some(features) = features {
            let taken = self.taken(&mut ops, input, features.own)?;
            let at = self.gpu.upload_indices(input.vision)?;
            ops.recording
                .push(scatter_rows(&at, &taken, 0, &inputs_embeds)?);
            let deep = features.deep.into_iter();
            let deep = deep.map(|features| self.taken(&mut ops, input, features));
            seen = Some(Seen {
                at,
                deep: deep.collect::<Result<_, _>>()?,
            });
        }
        capture.keep(request, Hook::InputsEmbeds, &inputs_embeds);
        Ok((inputs_embeds, seen))
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
        let features = self.image_features(&mut ops, input, &request, &mut capture)?;
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

    /// Tower and connector, picture by picture; the features of all pictures one after another.
    fn image_features(
        &self,
        ops: &mut Ops<'_>,
        input: &ForwardInput<'_>,
        request: &CaptureRequest,
        capture: &mut Capture,
    ) -> Result<Features, ModelError> {
        let (Ok(vision), Some((tower, connector))) = (self.spec.vision(), &self.parts.eyes) else {
            return Err(self.no_features(input));
        };
        let states = vision.feature_states();
        let deep = vision.deepstack.iter().map(|deep| deep.state);
        let wanted: Vec<usize> = states.iter().copied().chain(deep).collect();
        let rows = rows(vision, input);
        let all = [0, 1].map(|part| rows.iter().map(|rows| rows[part]).sum());
        let mut first = [0; 2];
        let mut features: Option<Features> = None;
        for (picture, rows) in input.pixel_values.iter().zip(&rows) {
            let shares = [0, 1].map(|part| Share {
                first: first[part],
                all: all[part],
            });
            first = [first[0] + rows[0], first[1] + rows[1]];
            let image = self.gpu.upload(
                picture.channels * picture.height,
                picture.width,
                &picture.data,
            )?;
            ops.recording.mark("vision tower");
            let mut seen = Capture::default();
            let mut taken = tower.forward(ops, &image, &wanted, request, &mut seen)?;
            let deep = taken.split_off(states.len().min(taken.len()));
            if vision.normed_features {
                for state in &mut taken {
                    *state = tower.norm(ops, state)?;
                }
            }
            ops.recording.mark("connector");
            let made = Features {
                own: connector.forward(ops, &taken)?,
                deep: connector.deep(ops, &deep)?,
            };
            seen.keep(request, Hook::ImageFeatures, &made.own);
            for (layer, deep) in (1..).zip(&made.deep) {
                seen.keep(request, Hook::DeepFeatures(layer), deep);
            }
            capture.stack(ops, seen, &shares)?;
            features = Some(made.stacked(ops, features, &shares[1])?);
        }
        // The check of the input leaves at least one picture.
        features.ok_or_else(|| self.no_features(input))
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
            let features = rows(vision, input).iter().map(|rows| rows[1]).sum();
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

/// What an image's tokens get from tower and connector.
struct Features {
    /// What stands in their places, `[image tokens, hidden]`.
    own: Tensor,
    /// What is added to them behind the first decoder layers, the same shape each.
    deep: Vec<Tensor>,
}

impl Features {
    /// These of one picture among those of the pictures before it; `share` are its rows.
    fn stacked(
        self,
        ops: &mut Ops<'_>,
        before: Option<Self>,
        share: &Share,
    ) -> Result<Self, ModelError> {
        let Some(before) = before else {
            let deep = self.deep.into_iter().map(|rows| share.begun(ops, rows));
            return Ok(Self {
                deep: deep.collect::<Result<_, _>>()?,
                own: share.begun(ops, self.own)?,
            });
        };
        share.copy(ops, &self.own, &before.own)?;
        for (rows, all) in self.deep.iter().zip(&before.deep) {
            share.copy(ops, rows, all)?;
        }
        Ok(before)
    }
}

/// Tower positions and image tokens of each picture.
fn rows(vision: &VisionSpec, input: &ForwardInput<'_>) -> Vec<[usize; 2]> {
    let pictures = input.pixel_values.iter();
    let rows = pictures.map(|picture| vision.rows_of(picture.height, picture.width));
    rows.map(Option::unwrap_or_default).collect()
}
