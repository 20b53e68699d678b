//! Pairs become pixel values and token ids.

use std::borrow::Cow;

use super::{EngineError, PairInput, Stage, news::News, pairs::image_bytes};
use crate::{
    input::{PixelValues, Processor, Prompt},
    model::ForwardInput,
    platform,
    report::TextMask,
};

/// Bytes of pixel values kept between preparation and the forward pass; what is beyond is made
/// again, so that memory stays bounded whatever the number of pairs.
const KEPT_PIXEL_BYTES: usize = 256 << 20;

/// A pair ready for the model.
pub(super) struct Prepared {
    /// The pair itself.
    pair: PairInput,
    /// The tower's input, unless it has to be made again.
    pixel_values: Option<PixelValues>,
    /// Token ids and masks.
    pub(super) prompt: Prompt,
}

impl Prepared {
    /// What messages call the pair: its image's name.
    pub(super) fn name(&self) -> String {
        self.pair.image.name()
    }

    /// The pair's text, as it was given.
    pub(super) fn caption(&self) -> &str {
        &self.pair.text
    }

    /// What the model takes of the pair; `pixel_values` are [`Prepared::pixel_values`].
    pub(super) fn input<'a>(&'a self, pixel_values: &'a PixelValues) -> ForwardInput<'a> {
        ForwardInput {
            pixel_values: &pixel_values.data,
            pixel_shape: [
                pixel_values.channels,
                pixel_values.height,
                pixel_values.width,
            ],
            input_ids: &self.prompt.input_ids,
            vision: &self.prompt.vision,
        }
    }

    /// Positions of the text tokens.
    pub(super) fn text(&self, mask: TextMask) -> &[u32] {
        match mask {
            TextMask::Official => &self.prompt.text_official,
            TextMask::Content => &self.prompt.text_content,
        }
    }

    /// The tower's input.
    ///
    /// # Errors
    /// The image changed on disk since it was prepared.
    pub(super) fn pixel_values(
        &self,
        processor: &Processor,
    ) -> Result<Cow<'_, PixelValues>, EngineError> {
        match &self.pixel_values {
            Some(values) => Ok(Cow::Borrowed(values)),
            None => {
                let bytes = image_bytes(&self.pair.image)?;
                let image = processor.image(&self.name(), &bytes)?;
                Ok(Cow::Owned(image.pixel_values))
            }
        }
    }
}

/// Prepares all pairs, so that a wrong one is told before the model runs.
///
/// # Errors
/// An image or a text that cannot be used, by name; or that somebody asked to stop.
pub(super) async fn prepare(
    processor: &Processor,
    pairs: Vec<PairInput>,
    news: &mut News<'_>,
) -> Result<Vec<Prepared>, EngineError> {
    const UNIT: &str = "pairs";
    let total = pairs.len() as u64;
    news.begin(Stage::Prepare, total, UNIT)?;
    let mut kept = 0;
    let mut prepared = Vec::with_capacity(pairs.len());
    for (pair, done) in pairs.into_iter().zip(1..) {
        let name = pair.image.name();
        let image = processor.image(&name, &image_bytes(&pair.image)?)?;
        let prompt = processor.prompt(&format!("the text of {name}"), &pair.text)?;
        for note in image.notes.iter().chain(&prompt.notes) {
            news.note(note.clone());
        }
        let bytes = size_of_val(image.pixel_values.data.as_slice());
        let keep = kept + bytes <= KEPT_PIXEL_BYTES;
        if keep {
            kept += bytes;
        }
        prepared.push(Prepared {
            pair,
            pixel_values: keep.then_some(image.pixel_values),
            prompt,
        });
        news.progress(Stage::Prepare, done, total, UNIT);
        platform::yield_now().await;
        news.check()?;
    }
    Ok(prepared)
}
