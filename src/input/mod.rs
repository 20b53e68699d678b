//! An image and a text become `pixel_values`, `input_ids` and token masks (CPU).
//!
//! Images: [`decode_image`] gives what PIL and `transformers.image_utils.load_image` give,
//! [`ImageProcessor`] what the PIL image processors of transformers 5 make of it. Texts:
//! [`PromptBuilder`] renders the checkpoint's chat template (or vicuna_v1), expands the image
//! placeholder and tokenizes, like the LLaVA processor. [`Processor`] holds both. Templates and
//! tokenizers come from strangers: what they may do is bounded before they are run.

mod charsmap;
mod decode;
mod decoder_check;
mod error;
mod geometry;
mod image_processor;
mod interpolate;
mod passage;
mod processor;
mod prompt;
mod renderer;
mod resample;
mod special_tokens;
mod template;
mod token_text;
mod tokenizer;
mod tokenizer_check;

pub use decode::{MAX_PIXELS, RgbImage, decode_frames, decode_image, evenly, frame_count};
pub use error::InputError;
pub use image_processor::{ImageProcessor, PixelValues, ProcessedImage};
pub use passage::Passage;
pub use processor::{PreparedImage, Processor};
pub use prompt::{Prompt, PromptBuilder, PromptForm};
pub use resample::resize;

pub use crate::families::Filter;
pub use template::{AssistantForm, ChatTemplate, Turn, UserForm};
