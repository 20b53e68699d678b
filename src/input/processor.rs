//! Everything that turns a pair into what a model takes.

use super::{
    decode::{RgbImage, decode_image},
    error::InputError,
    image_processor::{ImageProcessor, PixelValues},
    prompt::{Prompt, PromptBuilder, PromptForm},
};
use crate::weights::{ByteSource, VlmConfig};

/// An image ready for the tower.
#[derive(Clone, Debug, PartialEq)]
pub struct PreparedImage {
    /// The tower's input, `[3, image_size, image_size]`.
    pub pixel_values: PixelValues,
    /// The picture as the model sees it.
    pub rgb: RgbImage,
    /// What a reader of the report should know.
    pub notes: Vec<String>,
}

/// Image processor, tokenizer and prompt form of one checkpoint.
pub struct Processor {
    images: ImageProcessor,
    prompts: PromptBuilder,
    image_size: usize,
}

impl Processor {
    /// Reads the processor files of a checkpoint.
    ///
    /// # Errors
    /// A file is missing, does not parse, or contradicts the configuration.
    pub fn open(source: &dyn ByteSource, config: &VlmConfig) -> Result<Self, InputError> {
        Ok(Self {
            images: ImageProcessor::open(source)?,
            prompts: PromptBuilder::open(source, config)?,
            image_size: config.vision.picture_size,
        })
    }

    /// The image processor's settings.
    pub fn image_processor(&self) -> &ImageProcessor {
        &self.images
    }

    /// Where the prompts' form comes from.
    pub fn prompt_form(&self) -> PromptForm {
        self.prompts.form()
    }

    /// Decodes and processes an image file called `name`.
    ///
    /// # Errors
    /// [`InputError::Image`] where it does not decode, [`InputError::ImageSize`] where the result
    /// has another size than the tower takes.
    pub fn image(&self, name: &str, bytes: &[u8]) -> Result<PreparedImage, InputError> {
        let (decoded, notes) = decode_image(name, bytes)?;
        let processed = self.images.process(name, &decoded)?;
        let values = &processed.pixel_values;
        let side = self.image_size;
        if (values.height, values.width) != (side, side) {
            return Err(InputError::ImageSize {
                file: self.images.file.clone(),
                name: name.into(),
                expected: format!("{side} x {side}"),
                found: format!("{} x {}", values.width, values.height),
            });
        }
        Ok(PreparedImage {
            pixel_values: processed.pixel_values,
            rgb: processed.rgb,
            notes,
        })
    }

    /// The picture that the tower gets, from its own input.
    pub fn picture(&self, pixel_values: &PixelValues) -> RgbImage {
        self.images.picture(pixel_values)
    }

    /// The token of an id as text; see [`PromptBuilder::token_text`].
    pub fn token_text(&self, id: u32) -> String {
        self.prompts.token_text(id)
    }

    /// The prompt of an image with a text called `name`; see [`PromptBuilder::pair`].
    ///
    /// # Errors
    /// As [`PromptBuilder::pair`].
    pub fn prompt(&self, name: &str, text: &str) -> Result<Prompt, InputError> {
        self.prompts.pair(name, text)
    }
}
