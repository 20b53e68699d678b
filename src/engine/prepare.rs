//! Pairs become pixel values and token ids.

use std::borrow::Cow;

use super::{
    EngineError, ImageInput, MeasureSettings, PairInput, Stage, news::News, pairs::image_bytes,
};
use crate::{
    families::{ImagePlan, Rows, plan::rows_of},
    input::{Passage, PixelValues, PreparedImage, Processor, Prompt, frame_count},
    model::ForwardInput,
    platform,
    report::{PromptStyle, Skipped, TextMask},
    words::{counted, plural},
};

/// Bytes of pixel values kept between preparation and the forward pass; what is beyond is made
/// again, so that memory stays bounded whatever the number of pairs.
const KEPT_PIXEL_BYTES: usize = 256 << 20;

/// Most images that are prepared side by side, unless a single pair has more: what is made of them is held until all are
/// ready.
const AT_ONCE: usize = 8;

/// A pair ready for the model.
pub(super) struct Prepared {
    /// The pair itself, without the images that its prompt has no room for.
    pair: PairInput,
    /// Images that were given, those included.
    given: usize,
    /// What becomes of each of its images.
    pub(super) plans: Vec<ImagePlan>,
    /// The tower's input, unless it has to be made again.
    pixel_values: Option<Vec<PixelValues>>,
    /// What each placeholder takes of all features, where it is not the next one.
    rows: Option<Rows>,
    /// Token ids and masks.
    pub(super) prompt: Prompt,
}

impl Prepared {
    /// What messages call the pair.
    pub(super) fn name(&self) -> String {
        name(&self.pair)
    }

    /// The names of its images; of an animation's frames each.
    pub(super) fn images(&self) -> impl Iterator<Item = String> {
        self.pair.images().flat_map(|image| match image {
            ImageInput::Sampled(file, frames) => {
                let frame = |index: usize| format!("{}, frame {}", file.name(), index + 1);
                (0..*frames).map(frame).collect()
            }
            image => vec![image.name()],
        })
    }

    /// The pair's text, as it was given; those of a document line by line.
    pub(super) fn caption(&self) -> String {
        self.pair.texts().collect::<Vec<_>>().join("\n")
    }

    /// What the model takes of the pair; `pixel_values` are [`Prepared::pixel_values`].
    pub(super) fn input<'a>(&'a self, pixel_values: &'a [PixelValues]) -> ForwardInput<'a> {
        ForwardInput {
            pixel_values,
            rows: self.rows.as_ref(),
            input_ids: &self.prompt.input_ids,
            vision: &self.prompt.vision,
            layout: &self.prompt.layout,
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
    ) -> Result<Cow<'_, [PixelValues]>, EngineError> {
        match &self.pixel_values {
            Some(values) => Ok(Cow::Borrowed(values)),
            None => {
                let (images, _) = images(processor, &self.pair, self.given)?;
                Ok(images
                    .into_iter()
                    .flat_map(|image| image.pixel_values)
                    .collect())
            }
        }
    }

    /// Pictures that go through the tower.
    pub(super) fn pictures(&self) -> usize {
        self.plans.iter().map(|plan| plan.pictures.len()).sum()
    }
}

/// What messages call a pair: its image's name; of a document the first one's.
fn name(pair: &PairInput) -> String {
    let mut images = pair.images();
    let name = images.next().map(ImageInput::name).unwrap_or_default();
    match images.count() {
        0 => name,
        more => format!("{name} and {more} more {}", plural(more, "image")),
    }
}

/// All images of a pair, turn by turn, one after another, as those of a prompt of `given` images; with how many each turn
/// has.
fn images(
    processor: &Processor,
    pair: &PairInput,
    given: usize,
) -> Result<(Vec<PreparedImage>, Vec<usize>), EngineError> {
    let (mut all, mut counts) = (Vec::new(), Vec::new());
    for turn in &pair.turns {
        let before = all.len();
        for image in &turn.images {
            let name = image.name();
            match image {
                ImageInput::Frames(frames) => {
                    let frames = frames.iter();
                    let frames = frames.map(|frame| Ok((frame.name(), image_bytes(frame)?)));
                    let frames = frames.collect::<Result<Vec<_>, EngineError>>()?;
                    all.push(processor.video(&name, &frames)?);
                }
                ImageInput::Sampled(file, frames) => {
                    let bytes = image_bytes(file)?;
                    all.extend(processor.sampled(given, &name, &bytes, *frames)?);
                }
                image => {
                    all.push(processor.image_one_of(given, &name, &image_bytes(image)?)?);
                }
            }
        }
        counts.push(all.len() - before);
    }
    Ok((all, counts))
}

/// Images of a prompt that shows all of the pair. Of an animation no more frames are asked for from now on than it has.
fn shown(pair: &mut PairInput) -> Result<usize, EngineError> {
    let mut shown = 0;
    for image in pair.turns.iter_mut().flat_map(|turn| &mut turn.images) {
        shown += match image {
            ImageInput::Sampled(file, frames) => {
                let has = frame_count(&file.name(), &image_bytes(file)?)?;
                *frames = has.min(*frames);
                *frames
            }
            _ => 1,
        };
    }
    Ok(shown)
}

/// Prepares all pairs, so that a wrong one is told before the model runs. Where the settings say so, wrong ones are
/// left out and returned beside the others.
///
/// # Errors
/// An image or a text that cannot be used, by name; that none is left; or that somebody asked to stop.
pub(super) async fn prepare(
    processor: &Processor,
    pairs: Vec<PairInput>,
    settings: &MeasureSettings,
    news: &mut News<'_>,
) -> Result<(Vec<Prepared>, Vec<Skipped>), EngineError> {
    let (prepared, skipped) = prepare_each(processor, pairs, settings, news).await?;
    let skipped: Vec<Skipped> = skipped.into_iter().map(|(_, skipped)| skipped).collect();
    match (prepared.is_empty(), skipped.first()) {
        (true, Some(first)) => Err(EngineError::AllSkipped {
            skipped: counted(skipped.len(), "pair"),
            first: format!("{}: {}", first.name, first.reason),
        }),
        _ => Ok((prepared, skipped)),
    }
}

/// As [`prepare`]; there may be none left, and those that are left out come with their places in the list.
///
/// # Errors
/// As [`prepare`].
pub(super) async fn prepare_each(
    processor: &Processor,
    pairs: Vec<PairInput>,
    settings: &MeasureSettings,
    news: &mut News<'_>,
) -> Result<(Vec<Prepared>, Vec<(usize, Skipped)>), EngineError> {
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
    let mut done = 0;
    let mut pairs = pairs.into_iter().peekable();
    while let Some(first) = pairs.next() {
        let mut images = first.images().count();
        let mut some = vec![first];
        let mut fits = |pair: &PairInput| {
            images += pair.images().count();
            images <= AT_ONCE
        };
        while let Some(pair) = pairs.next_if(&mut fits) {
            some.push(pair);
        }
        let names: Vec<String> = some.iter().map(name).collect();
        let cancel = news.cancel;
        let prepared_one = |pair: PairInput| match cancel.is_cancelled() {
            true => Err(EngineError::Cancelled),
            false => one(processor, pair, settings.prompt),
        };
        let heard = || {
            done += 1;
            news.progress(Stage::Prepare, done, total, UNIT);
        };
        let each = in_order(some, prepared_one, heard).await;
        news.check()?;
        for (name, found) in names.into_iter().zip(each) {
            match found {
                Ok((mut pair, notes)) => {
                    news.note_all(notes);
                    let pictures = pair.pixel_values.iter().flatten();
                    let bytes: usize = pictures
                        .map(|values| size_of_val(values.data.as_slice()))
                        .sum();
                    if kept + bytes <= KEPT_PIXEL_BYTES {
                        kept += bytes;
                    } else {
                        pair.pixel_values = None;
                    }
                    prepared.push(pair);
                }
                Err(error) if settings.skip_unreadable => {
                    let place = prepared.len() + skipped.len();
                    skipped.push((place, Skipped::new(name, &error.to_string())));
                }
                Err(error) => return Err(error),
            }
        }
        platform::yield_now().await;
    }
    Ok((prepared, skipped))
}

/// What `work` makes of each item, on all processors, in the order of the items; `heard` is told of each.
async fn in_order<T: Send, R: Send>(
    items: Vec<T>,
    work: impl Fn(T) -> R + Sync,
    mut heard: impl FnMut(),
) -> Vec<R> {
    let mut found: Vec<(usize, R)> = Vec::with_capacity(items.len());
    let numbered = items.into_iter().enumerate();
    let work = |(index, item)| (index, work(item));
    let keep = |it| {
        found.push(it);
        heard();
    };
    platform::in_parallel(numbered, usize::MAX, work, keep).await;
    found.sort_unstable_by_key(|(index, _)| *index);
    found.into_iter().map(|(_, it)| it).collect()
}

/// The tower's input of some pairs. What was not kept is made again, on all processors.
///
/// # Errors
/// As [`Prepared::pixel_values`].
pub(super) async fn pixel_values_of<'a>(
    pairs: &[&'a Prepared],
    processor: &Processor,
) -> Result<Vec<Cow<'a, [PixelValues]>>, EngineError> {
    let here = |pair: &&Prepared| pair.pixel_values.is_some();
    if pairs.iter().all(here) {
        let each = pairs.iter().map(|pair| pair.pixel_values(processor));
        return each.collect();
    }
    let each = in_order(pairs.to_vec(), |pair| pair.pixel_values(processor), || {}).await;
    each.into_iter().collect()
}

/// One pair, ready for the model, and what a reader should know of it.
fn one(
    processor: &Processor,
    mut pair: PairInput,
    style: PromptStyle,
) -> Result<(Prepared, Vec<String>), EngineError> {
    let given = shown(&mut pair)?;
    let (mut images, counts) = images(processor, &pair, given)?;
    let prompt = {
        let turns = pair.turns.iter().zip(counts);
        let passages = turns.map(|(turn, images)| Passage {
            images,
            question: &turn.question,
            text: &turn.text,
        });
        let passages: Vec<Passage<'_>> = passages.collect();
        let plans: Vec<&ImagePlan> = images.iter().map(|image| &image.plan).collect();
        let what = plural(passages.len(), "text");
        let name = format!("the {what} of {}", name(&pair));
        let vicuna = style == PromptStyle::VicunaV1;
        processor.passages(&name, &passages, &plans, vicuna)?
    };
    pair.turns.truncate(prompt.turns);
    images.truncate(prompt.images);
    let noted = images
        .iter_mut()
        .flat_map(|image| std::mem::take(&mut image.notes));
    let notes = noted.chain(prompt.notes.iter().cloned()).collect();
    let (plans, pixel_values): (Vec<ImagePlan>, Vec<_>) = images
        .into_iter()
        .map(|image| (image.plan, image.pixel_values))
        .unzip();
    let prepared = Prepared {
        pair,
        given,
        rows: rows_of(&plans),
        plans,
        pixel_values: Some(pixel_values.concat()),
        prompt,
    };
    Ok((prepared, notes))
}
