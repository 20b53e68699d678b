//! Pairs become pixel values and token ids.

use std::borrow::Cow;

use super::{EngineError, ImageInput, PairInput, Stage, news::News, pairs::image_bytes};
use crate::{
    input::{PixelValues, Processor, Prompt},
    model::ForwardInput,
    platform,
    report::{Skipped, TextMask},
    words::{counted, plural},
};

/// Bytes of pixel values kept between preparation and the forward pass; what is beyond is made
/// again, so that memory stays bounded whatever the number of pairs.
const KEPT_PIXEL_BYTES: usize = 256 << 20;

/// A pair ready for the model.
pub(super) struct Prepared {
    /// The pair itself, without the images that its prompt has no room for.
    pair: PairInput,
    /// The tower's input, unless it has to be made again.
    pixel_values: Option<PixelValues>,
    /// Token ids and masks.
    pub(super) prompt: Prompt,
}

impl Prepared {
    /// What messages call the pair.
    pub(super) fn name(&self) -> String {
        name(&self.pair)
    }

    /// The names of its images.
    pub(super) fn images(&self) -> impl Iterator<Item = String> {
        self.pair.images().map(ImageInput::name)
    }

    /// The pair's text, as it was given; those of a document line by line.
    pub(super) fn caption(&self) -> String {
        self.pair.texts().collect::<Vec<_>>().join("\n")
    }

    /// What the model takes of the pair; `pixel_values` are [`Prepared::pixel_values`].
    pub(super) fn input<'a>(&'a self, pixel_values: &'a PixelValues) -> ForwardInput<'a> {
        ForwardInput {
            pixel_values: &pixel_values.data,
            pixel_shape: pixel_values.shape(),
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
            None => pictures(processor, &self.pair, &mut |_| {}).map(Cow::Owned),
        }
    }
}

/// What messages call a pair: its image's name; of a document the first one's.
fn name(pair: &PairInput) -> String {
    let name = pair.image.name();
    match pair.more.len() {
        0 => name,
        more => format!("{name} and {more} more {}", plural(more, "image")),
    }
}

/// The tower's input of all images of a pair, one after another.
fn pictures(
    processor: &Processor,
    pair: &PairInput,
    note: &mut dyn FnMut(String),
) -> Result<PixelValues, EngineError> {
    let mut process = |image: &ImageInput| -> Result<PixelValues, EngineError> {
        let prepared = processor.image(&image.name(), &image_bytes(image)?)?;
        prepared.notes.into_iter().for_each(&mut *note);
        Ok(prepared.pixel_values)
    };
    let mut all = process(&pair.image)?;
    for (image, _) in &pair.more {
        all.append(process(image)?);
    }
    Ok(all)
}

/// Prepares all pairs, so that a wrong one is told before the model runs. With `skip`, wrong ones are
/// left out and returned beside the others.
///
/// # Errors
/// An image or a text that cannot be used, by name; that none is left; or that somebody asked to stop.
pub(super) async fn prepare(
    processor: &Processor,
    pairs: Vec<PairInput>,
    skip: bool,
    news: &mut News<'_>,
) -> Result<(Vec<Prepared>, Vec<Skipped>), EngineError> {
    const UNIT: &str = "pairs";
    let total = pairs.len() as u64;
    news.begin(Stage::Prepare, total, UNIT)?;
    processor
        .notes()
        .into_iter()
        .for_each(|note| news.note(note));
    let mut kept = 0;
    let mut prepared = Vec::with_capacity(pairs.len());
    let mut skipped = Vec::new();
    for (pair, done) in pairs.into_iter().zip(1..) {
        let name = name(&pair);
        match one(processor, pair, news) {
            Ok(mut pair) => {
                let data = pair.pixel_values.as_ref().map(|values| &values.data);
                let bytes = data.map_or(0, |data| size_of_val(data.as_slice()));
                if kept + bytes <= KEPT_PIXEL_BYTES {
                    kept += bytes;
                } else {
                    pair.pixel_values = None;
                }
                prepared.push(pair);
            }
            Err(error) if skip => skipped.push(Skipped::new(name, &error.to_string())),
            Err(error) => return Err(error),
        }
        news.progress(Stage::Prepare, done, total, UNIT);
        platform::yield_now().await;
        news.check()?;
    }
    match (prepared.is_empty(), skipped.first()) {
        (true, Some(first)) => Err(EngineError::AllSkipped {
            skipped: counted(skipped.len(), "pair"),
            first: format!("{}: {}", first.name, first.reason),
        }),
        _ => Ok((prepared, skipped)),
    }
}

/// One pair, ready for the model.
fn one(
    processor: &Processor,
    mut pair: PairInput,
    news: &mut News<'_>,
) -> Result<Prepared, EngineError> {
    let prompt = {
        let texts: Vec<&str> = pair.texts().collect();
        let what = plural(texts.len(), "text");
        processor.document(&format!("the {what} of {}", name(&pair)), &texts)?
    };
    pair.more.truncate(prompt.images.saturating_sub(1));
    let mut notes = Vec::new();
    let pixel_values = pictures(processor, &pair, &mut |note| notes.push(note))?;
    notes.extend(prompt.notes.iter().cloned());
    notes.into_iter().for_each(|note| news.note(note));
    Ok(Prepared {
        pair,
        pixel_values: Some(pixel_values),
        prompt,
    })
}
