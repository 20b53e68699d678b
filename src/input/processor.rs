//! Everything that turns a pair into what a model takes.

use std::borrow::Cow;

use super::{
    decode::{RgbImage, decode_frames, decode_image},
    error::InputError,
    image_processor::{ImageProcessor, PixelValues, ProcessedImage},
    passage::Passage,
    prompt::{Prompt, PromptBuilder, PromptForm},
};
use crate::{
    families::{ImagePlan, ModelSpec, TowerSpec},
    weights::{ByteSource, WeightsError},
};

/// An image ready for the tower.
#[derive(Clone, Debug, PartialEq)]
pub struct PreparedImage {
    /// What becomes of it.
    pub plan: ImagePlan,
    /// The tower's input, picture by picture.
    pub pixel_values: Vec<PixelValues>,
    /// The first picture as the model sees it.
    pub rgb: RgbImage,
    /// What a reader of the report should know.
    pub notes: Vec<String>,
}

/// Image processor, tokenizer and prompt form of one checkpoint.
pub struct Processor {
    /// With what says which pictures the tower takes; none of a model that sees none.
    eyes: Option<(ImageProcessor, TowerSpec)>,
    prompts: PromptBuilder,
    architecture: String,
}

impl Processor {
    /// Reads the processor files of a checkpoint.
    ///
    /// # Errors
    /// A file is missing, does not parse, or contradicts the configuration; the model has no vision
    /// tower.
    pub fn open(source: &dyn ByteSource, spec: &ModelSpec) -> Result<Self, InputError> {
        spec.vision()?;
        Self::of_any(source, spec)
    }

    /// The same of a model that need not see.
    ///
    /// # Errors
    /// A file is missing, does not parse, or contradicts the configuration.
    pub fn of_any(source: &dyn ByteSource, spec: &ModelSpec) -> Result<Self, InputError> {
        let eyes = match &spec.vision {
            None => None,
            Some(vision) => Some((ImageProcessor::open(source, spec)?, vision.tower.clone())),
        };
        Ok(Self {
            eyes,
            prompts: PromptBuilder::open(source, spec)?,
            architecture: spec.architecture.clone(),
        })
    }

    /// Image processor and tower.
    fn eyes(&self) -> Result<&(ImageProcessor, TowerSpec), InputError> {
        let none = || WeightsError::NoVision {
            architecture: self.architecture.clone(),
        };
        Ok(self.eyes.as_ref().ok_or_else(none)?)
    }

    /// Where the prompts' form comes from.
    pub fn prompt_form(&self) -> PromptForm {
        self.prompts.form()
    }

    /// What a reader of the report should know about all prompts; see [`PromptBuilder::notes`].
    pub fn notes(&self) -> Vec<String> {
        self.prompts.notes()
    }

    /// Decodes and processes an image file called `name`.
    ///
    /// # Errors
    /// [`InputError::Image`] where it does not decode, [`InputError::ImageSize`] where the result
    /// has another size than the tower takes.
    pub fn image(&self, name: &str, bytes: &[u8]) -> Result<PreparedImage, InputError> {
        self.image_one_of(1, name, bytes)
    }

    /// The same for one of so many `images` of a prompt, which some models see otherwise than one alone.
    ///
    /// # Errors
    /// As [`Processor::image`].
    pub fn image_one_of(
        &self,
        images: usize,
        name: &str,
        bytes: &[u8],
    ) -> Result<PreparedImage, InputError> {
        let (decoded, notes) = decode_image(name, bytes)?;
        let ProcessedImage {
            plan,
            pixel_values,
            rgb,
        } = self.process(images, name, &decoded)?;
        Ok(PreparedImage {
            plan,
            pixel_values,
            rgb,
            notes,
        })
    }

    /// Decodes at most `frames` frames of the animation called `name`, evenly from the first to the last one, and
    /// processes each as one of so many `images` of a prompt.
    ///
    /// # Errors
    /// As [`Processor::image`], and as [`decode_frames`].
    pub fn sampled(
        &self,
        images: usize,
        name: &str,
        bytes: &[u8],
        frames: usize,
    ) -> Result<Vec<PreparedImage>, InputError> {
        let frames = decode_frames(name, bytes, frames)?;
        let prepared = frames.iter().map(|frame| {
            let ProcessedImage {
                plan,
                pixel_values,
                rgb,
            } = self.process(images, name, frame)?;
            Ok(PreparedImage {
                plan,
                pixel_values,
                rgb,
                notes: Vec::new(),
            })
        });
        prepared.collect()
    }

    /// Decodes and processes the frames of the video called `name`, each with its own name.
    ///
    /// # Errors
    /// As [`Processor::image`]; [`InputError::NoVideo`].
    pub fn video(
        &self,
        name: &str,
        frames: &[(String, Cow<'_, [u8]>)],
    ) -> Result<PreparedImage, InputError> {
        let mut notes = Vec::new();
        let mut decoded = Vec::with_capacity(frames.len());
        for (name, bytes) in frames {
            let (frame, own) = decode_image(name, bytes)?;
            decoded.push(frame);
            notes.extend(own);
        }
        let ProcessedImage {
            plan,
            pixel_values,
            rgb,
        } = self.eyes()?.0.process_frames(name, &decoded)?;
        Ok(PreparedImage {
            plan,
            pixel_values,
            rgb,
            notes,
        })
    }

    /// Processes a decoded image.
    fn process(
        &self,
        images: usize,
        name: &str,
        image: &RgbImage,
    ) -> Result<ProcessedImage, InputError> {
        self.plan_one_of(images, name, image.height, image.width)?;
        self.eyes()?.0.process_one_of(images, name, image)
    }

    /// What becomes of an image of so many pixels called `name`.
    ///
    /// # Errors
    /// As [`Processor::image`].
    pub fn plan(&self, name: &str, height: usize, width: usize) -> Result<ImagePlan, InputError> {
        self.plan_one_of(1, name, height, width)
    }

    fn plan_one_of(
        &self,
        images: usize,
        name: &str,
        height: usize,
        width: usize,
    ) -> Result<ImagePlan, InputError> {
        let (processor, tower) = self.eyes()?;
        let plan = processor.plan_one_of(images, name, height, width)?;
        let fits = |[height, width]: [usize; 2]| tower.grid(height, width).is_some();
        let wrong = (plan.pictures.iter()).find(|picture| !fits(picture.padded));
        match wrong {
            None => Ok(plan),
            Some(picture) => Err(InputError::ImageSize {
                file: processor.file.into(),
                name: name.into(),
                expected: tower.sizes(),
                found: format!("{} x {}", picture.padded[1], picture.padded[0]),
            }),
        }
    }

    /// Tries a gray image of this size with a short text, to find out before a run whether the
    /// processor's files and the configuration fit each other.
    ///
    /// # Errors
    /// As [`Processor::image`] and [`Processor::document`].
    pub fn try_out(&self, width: usize, height: usize) -> Result<(), InputError> {
        let plan = self.plan(&format!("of {width} x {height} pixels"), height, width)?;
        self.prompt("a short text", "A photo of a cat.", &plan)?;
        Ok(())
    }

    /// What a reader is shown of an image whose pictures are `pixel_values`: each of its plan's views.
    pub fn views(&self, plan: &ImagePlan, pixel_values: &[PixelValues]) -> Vec<RgbImage> {
        let processors = self.eyes.iter().map(|(processor, _)| processor);
        processors
            .flat_map(|processor| {
                let views = plan.views.iter();
                views.map(|view| processor.view(plan, view, pixel_values))
            })
            .collect()
    }

    /// The token of an id as text; see [`PromptBuilder::token_text`].
    pub fn token_text(&self, id: u32) -> String {
        self.prompts.token_text(id)
    }

    /// What makes prompts.
    pub fn prompts(&self) -> &PromptBuilder {
        &self.prompts
    }

    /// The prompt of an image with a text called `name`; see [`PromptBuilder::pair`].
    ///
    /// # Errors
    /// As [`PromptBuilder::pair`].
    pub fn prompt(&self, name: &str, text: &str, plan: &ImagePlan) -> Result<Prompt, InputError> {
        self.prompts.pair(name, text, plan)
    }

    /// The prompt of a document called `name`; see [`PromptBuilder::document`].
    ///
    /// # Errors
    /// As [`PromptBuilder::document`].
    pub fn document(
        &self,
        name: &str,
        texts: &[&str],
        plans: &[&ImagePlan],
    ) -> Result<Prompt, InputError> {
        self.prompts.document(name, texts, plans)
    }

    /// The prompt of passages called `name`; see [`PromptBuilder::passages`].
    ///
    /// # Errors
    /// As [`PromptBuilder::passages`].
    pub fn passages(
        &self,
        name: &str,
        passages: &[Passage<'_>],
        plans: &[&ImagePlan],
        vicuna: bool,
    ) -> Result<Prompt, InputError> {
        self.prompts.passages(name, passages, plans, vicuna)
    }
}
