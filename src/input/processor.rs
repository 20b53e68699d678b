//! Everything that turns a pair into what a model takes.

use super::{
    decode::{RgbImage, decode_image},
    error::InputError,
    image_processor::{ImageProcessor, PixelValues, ProcessedImage},
    prompt::{Prompt, PromptBuilder, PromptForm},
    sub_images::{crops, joined},
};
use crate::weights::{ByteSource, VlmConfig};

/// An image ready for the tower.
#[derive(Clone, Debug, PartialEq)]
pub struct PreparedImage {
    /// The tower's input: the whole picture and, where the model takes sub-images, its crops row by
    /// row, each `[3, picture_size, picture_size]`.
    pub pixel_values: PixelValues,
    /// The whole picture as the model sees it.
    pub rgb: RgbImage,
    /// What a reader of the report should know.
    pub notes: Vec<String>,
}

/// Image processor, tokenizer and prompt form of one checkpoint.
pub struct Processor {
    images: ImageProcessor,
    prompts: PromptBuilder,
    picture_size: usize,
    /// The settings for the picture that is cut, and the crops along each side of it.
    sub_images: Option<(ImageProcessor, usize)>,
}

impl Processor {
    /// Reads the processor files of a checkpoint.
    ///
    /// # Errors
    /// A file is missing, does not parse, or contradicts the configuration.
    pub fn open(source: &dyn ByteSource, config: &VlmConfig) -> Result<Self, InputError> {
        let mut images = ImageProcessor::open(source)?;
        images.size.square |= config.pad_to_square;
        let sub_images = config.sub_images.map(|grid| {
            let size = images.size.enlarged(grid);
            (
                ImageProcessor {
                    size,
                    ..images.clone()
                },
                grid,
            )
        });
        Ok(Self {
            images,
            prompts: PromptBuilder::open(source, config)?,
            picture_size: config.vision.picture_size,
            sub_images,
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
        let (decoded, notes) = decode_image(name, bytes)?;
        let ProcessedImage { pixel_values, rgb } = self.process(name, &decoded)?;
        Ok(PreparedImage {
            pixel_values,
            rgb,
            notes,
        })
    }

    /// Processes a decoded image, and its crops where the model takes any.
    fn process(&self, name: &str, image: &RgbImage) -> Result<ProcessedImage, InputError> {
        let mut processed = self.images.process(name, image)?;
        self.check_size(name, &processed.pixel_values, 1)?;
        if let Some((images, grid)) = &self.sub_images {
            let large = images.process(name, image)?.pixel_values;
            self.check_size(name, &large, *grid)?;
            processed.pixel_values.append(crops(&large, *grid));
        }
        Ok(processed)
    }

    /// Tries a gray image of this size with a short text, to find out before a run whether the
    /// processor's files and the configuration fit each other.
    ///
    /// # Errors
    /// As [`Processor::image`] and [`Processor::prompt`].
    pub fn try_out(&self, width: usize, height: usize) -> Result<(), InputError> {
        let image = RgbImage {
            width,
            height,
            data: vec![128; 3 * width * height],
            transparent: None,
        };
        self.process(&format!("of {width} x {height} pixels"), &image)?;
        self.prompt("a short text", "A photo of a cat.")?;
        Ok(())
    }

    fn check_size(&self, name: &str, values: &PixelValues, grid: usize) -> Result<(), InputError> {
        let side = grid * self.picture_size;
        if (values.height, values.width) == (side, side) {
            return Ok(());
        }
        Err(InputError::ImageSize {
            file: self.images.file.clone(),
            name: name.into(),
            expected: format!("{side} x {side}"),
            found: format!("{} x {}", values.width, values.height),
        })
    }

    /// Image `image` of those whose pictures stand one after another in `pixel_values`, as the tower
    /// gets it: the whole, then its crops put together, where there are any.
    pub fn pictures(&self, pixel_values: &PixelValues, image: usize) -> Vec<RgbImage> {
        let grid = self.sub_images.as_ref().map(|(_, grid)| *grid);
        let crops = grid.map_or(0, |grid| grid * grid);
        let first = image * (1 + crops);
        let picture = |picture| self.images.picture(pixel_values, picture);
        let mut pictures = vec![picture(first)];
        if let Some(grid) = grid {
            let cut: Vec<RgbImage> = (first + 1..=first + crops).map(picture).collect();
            pictures.push(joined(&cut, grid));
        }
        pictures
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

    /// The prompt of a document called `name`; see [`PromptBuilder::document`].
    ///
    /// # Errors
    /// As [`PromptBuilder::document`].
    pub fn document(&self, name: &str, texts: &[&str]) -> Result<Prompt, InputError> {
        self.prompts.document(name, texts)
    }
}
