//! What the golden checkpoints are given, and what transformers made of it.

use std::collections::BTreeMap;

use safetensors::{Dtype, SafeTensors};

use crate::{
    engine::{EngineError, Shown, pair_list::pair_lines},
    families::{ImagePlan, Layout, ModelSpec, Rows, TowerSpec, plan::rows_of},
    input::{PixelValues, Processor},
    model::{Checkpoint, ForwardInput},
    weights::{ByteSource, WeightsError, read_text},
};

/// The longest list of turns, in bytes.
const MAX_TEXT: u64 = 16 << 20;

/// The tensors of a file.
pub(super) struct GoldenStates {
    /// Those of f32.
    pub(super) floats: BTreeMap<String, Vec<f32>>,
    /// Those of whole numbers.
    pub(super) numbers: BTreeMap<String, Vec<i64>>,
}

impl GoldenStates {
    /// # Errors
    /// [`EngineError::Unreadable`].
    pub(super) fn open(source: &dyn ByteSource, file: &str) -> Result<Self, EngineError> {
        let bytes = source.read(file).map_err(WeightsError::from)?;
        let tensors = SafeTensors::deserialize(&bytes).map_err(|error| {
            unreadable(source, file, format!("expected tensors, found {error}"))
        })?;
        let (mut floats, mut numbers) = (BTreeMap::new(), BTreeMap::new());
        for (name, view) in tensors.iter() {
            let data = view.data();
            match view.dtype() {
                Dtype::F32 => {
                    let values = data.as_chunks::<4>().0.iter();
                    let values = values.map(|b| f32::from_le_bytes(*b)).collect();
                    floats.insert(name.to_owned(), values);
                }
                Dtype::I64 => {
                    let values = data.as_chunks::<8>().0.iter();
                    let values = values.map(|b| i64::from_le_bytes(*b)).collect();
                    numbers.insert(name.to_owned(), values);
                }
                _ => {}
            }
        }
        Ok(Self { floats, numbers })
    }
}

/// What a model is given.
pub(super) struct Given {
    pixels: Vec<PixelValues>,
    /// Which of them are interpolated, whose last bits depend on the order of sums.
    resampled: Vec<bool>,
    /// Pictures of each image.
    pictures: Vec<usize>,
    rows: Option<Rows>,
    input_ids: Vec<u32>,
    vision: Vec<u32>,
    /// Positions of the texts' tokens, and of all tokens that count as text.
    texts: Option<[Vec<u32>; 2]>,
    layout: Layout,
}

impl Given {
    /// Prepares the folder's images and texts; of a decoder alone the token ids are those of the file.
    ///
    /// # Errors
    /// What the checkpoint's processor or tokenizer reports.
    pub(super) fn of(
        source: &dyn ByteSource,
        checkpoint: &Checkpoint,
        expected: &GoldenStates,
    ) -> Result<Self, EngineError> {
        let turns = turns(source)?;
        let mut images = 0;
        for image in turns.iter().flat_map(|(shown, _)| shown.paths()) {
            images += usize::from(source.len(image).map_err(WeightsError::from)?.is_some());
        }
        if images == 0 {
            let ids = expected.numbers.get("input_ids").into_iter().flatten();
            return Ok(Self {
                pixels: Vec::new(),
                resampled: Vec::new(),
                pictures: Vec::new(),
                rows: None,
                input_ids: ids.map(|id| *id as u32).collect(),
                vision: Vec::new(),
                texts: None,
                layout: Layout::default(),
            });
        }
        let processor = Processor::open(&**checkpoint.source(), &checkpoint.spec)?;
        let (mut pixels, mut plans) = (Vec::new(), Vec::new());
        let read = |path: &str| source.read(path).map_err(WeightsError::from);
        for ((shown, _), together) in turns.iter().zip(together(expected, turns.len())) {
            let next = match shown {
                Shown::Image(path) => processor.image_one_of(together, path, &read(path)?)?,
                Shown::Sampled(path, _) => {
                    let reason = "expected images or a video, found frames to be taken".to_owned();
                    return Err(unreadable(source, path, reason));
                }
                Shown::Frames(paths) => {
                    let frames = paths
                        .iter()
                        .map(|path| Ok((path.clone(), read(path)?.into())));
                    let frames = frames.collect::<Result<Vec<_>, WeightsError>>()?;
                    processor.video("a video", &frames)?
                }
            };
            pixels.extend(next.pixel_values);
            plans.push(next.plan);
        }
        let rows = rows_of(&plans);
        let pictures = plans.iter().map(|plan| plan.pictures.len()).collect();
        let all = plans.iter().flat_map(|plan| &plan.pictures);
        let resampled = all.map(|picture| picture.resampled).collect();
        let plans: Vec<&ImagePlan> = plans.iter().collect();
        let texts: Vec<&str> = turns.iter().map(|(_, text)| text.as_str()).collect();
        let prompt = processor.document(&source.name(), &texts, &plans)?;
        Ok(Self {
            pixels,
            resampled,
            pictures,
            rows,
            input_ids: prompt.input_ids,
            vision: prompt.vision,
            texts: Some([prompt.text_content, prompt.text_official]),
            layout: prompt.layout,
        })
    }

    pub(super) fn input(&self) -> ForwardInput<'_> {
        ForwardInput {
            pixel_values: &self.pixels,
            rows: self.rows.as_ref(),
            input_ids: &self.input_ids,
            vision: &self.vision,
            layout: &self.layout,
        }
    }

    /// What there is of this in `expected`, each with 0 where it is the same and infinity where it is
    /// not.
    pub(super) fn compared(&self, expected: &GoldenStates, spec: &ModelSpec) -> Vec<(String, f64)> {
        let mut compared = Vec::new();
        let mut add = |name: &str, same: bool| {
            compared.push((name.to_owned(), if same { 0.0 } else { f64::INFINITY }));
        };
        let numbers = |name: &str| expected.numbers.get(name);
        let equal = |found: &[u32], wanted: &[i64]| {
            let found = found.iter().map(|&id| i64::from(id));
            found.eq(wanted.iter().copied())
        };
        if let Some(ids) = numbers("input_ids") {
            // Where the vocabulary has no placeholder, the file has a negative one.
            let ids: Vec<i64> = (ids.iter().zip(&self.input_ids))
                .map(|(&id, &own)| if id < 0 { i64::from(own) } else { id })
                .collect();
            add("input_ids", equal(&self.input_ids, &ids));
        }
        if let Some(texts) = &self.texts {
            for (name, found) in ["text_content", "text_official"].iter().zip(texts) {
                if let Some(wanted) = numbers(name) {
                    add(name, equal(found, wanted));
                }
            }
        }
        let tokens = 0..self.input_ids.len();
        let intervals = [
            (None, ["key_begin", "key_end"]),
            (spec.text.sliding_window, ["window_begin", "window_end"]),
        ];
        for (window, names) in intervals {
            for (part, name) in names.into_iter().enumerate() {
                if let Some(wanted) = numbers(name) {
                    let seen = tokens
                        .clone()
                        .map(|token| self.layout.seen_from(token, window)[part]);
                    add(name, equal(&seen.collect::<Vec<_>>(), wanted));
                }
            }
        }
        if let Some(wanted) = numbers("position_ids") {
            let component = |part: usize| {
                tokens
                    .clone()
                    .map(move |token| match &self.layout.positions {
                        Some(positions) => {
                            positions.get(token).map_or(0, |position| position[part])
                        }
                        None => token as u32,
                    })
            };
            let found: Vec<u32> = (0..3).flat_map(component).collect();
            // One row stands for all three.
            add(
                "position_ids",
                equal(&found[..wanted.len().min(found.len())], wanted),
            );
        }
        let tower = spec.vision.as_ref().map(|vision| &vision.tower);
        let tower = tower.filter(|tower| tower.blocks.is_some());
        let wanted = (expected.floats.get("pixel_values"))
            .or_else(|| expected.floats.get("pixel_values_videos"));
        if let Some(wanted) = wanted {
            let same = match tower {
                None => self.has_pixels(wanted),
                Some(tower) => {
                    let found = self.pixels.iter();
                    let found = found.flat_map(|picture| in_blocks(picture, tower));
                    found.eq(wanted.iter().copied())
                }
            };
            add("pixel_values", same);
        }
        if let (Some(wanted), Some(tower)) = (numbers("image_grid_thw"), tower) {
            let grid = |picture: &PixelValues| tower.grid(picture.height, picture.width);
            let grids = self.pixels.iter().filter_map(grid);
            let found: Vec<u32> = grids
                .flat_map(|[rows, columns]| [1, rows as u32, columns as u32])
                .collect();
            add("image_grid_thw", equal(&found, wanted));
        }
        compared
    }

    /// Whether these are the pixels: those of all pictures, or image by image, those of fewer pictures
    /// than others filled up with zeros.
    fn has_pixels(&self, wanted: &[f32]) -> bool {
        let all = self.pixels.iter().zip(&self.resampled);
        let all = all.flat_map(|(picture, near)| picture.data.iter().map(move |own| (own, *near)));
        let alike = |((own, near), wanted): ((&f32, bool), &f32)| {
            own == wanted || near && (own - wanted).abs() <= 2.0 * f32::EPSILON
        };
        let length: usize = self.pixels.iter().map(|picture| picture.data.len()).sum();
        if length == wanted.len() && all.zip(wanted).all(alike) {
            return true;
        }
        let images = self.pictures.len().max(1);
        let mut left = self.pixels.iter();
        let mut same = |count: usize, wanted: &[f32]| {
            let own = left.by_ref().take(count);
            let own: Vec<f32> = own.flat_map(|picture| picture.data.clone()).collect();
            let rest = wanted.get(own.len()..).unwrap_or_default();
            wanted.starts_with(&own) && rest.iter().all(|value| *value == 0.0)
        };
        let blocks = wanted.chunks(wanted.len().div_ceil(images).max(1));
        wanted.len().is_multiple_of(images)
            && (self.pictures.iter().zip(blocks)).all(|(count, block)| same(*count, block))
    }
}

/// The values of a picture patch by patch, blocks of patches row by row, as the processors of towers
/// with blocks give them: within a patch by channel, frame, row and column.
fn in_blocks(picture: &PixelValues, tower: &TowerSpec) -> Vec<f32> {
    let (side, block) = (tower.patch_size, tower.blocks.unwrap_or(1));
    let [rows, columns] = tower
        .grid(picture.height, picture.width)
        .unwrap_or_default();
    let frames = tower.frames.unwrap_or(1);
    let mut values = Vec::with_capacity(frames * picture.data.len());
    for patch in 0..rows * columns {
        let (index, within) = (patch / (block * block), patch % (block * block));
        let per_row = columns / block;
        let top = (index / per_row * block + within / block) * side;
        let left = (index % per_row * block + within % block) * side;
        for channel in 0..picture.channels {
            for _ in 0..frames {
                for y in top..top + side {
                    let start = (channel * picture.height + y) * picture.width + left;
                    let line = picture.data.get(start..start + side);
                    values.extend_from_slice(line.unwrap_or_default());
                }
            }
        }
    }
    values
}

/// For each image how many the processor was given together: all, unless the file says otherwise.
fn together(expected: &GoldenStates, images: usize) -> Vec<usize> {
    let groups = expected.numbers.get("batch_num_images");
    let groups: Vec<usize> = (groups.into_iter().flatten())
        .flat_map(|&count| vec![count.clamp(0, 64) as usize; count.clamp(0, 64) as usize])
        .collect();
    match groups.len() == images {
        true => groups,
        false => vec![images; images],
    }
}

fn unreadable(source: &dyn ByteSource, file: &str, reason: String) -> EngineError {
    EngineError::Unreadable {
        path: format!("{}/{file}", source.name()),
        reason,
    }
}

/// The images of a case, each with the text that follows it.
fn turns(source: &dyn ByteSource) -> Result<Vec<(Shown, String)>, EngineError> {
    let read = |file: &str| read_text(source, file, MAX_TEXT).map_err(WeightsError::from);
    if let Some(text) = read("text.txt")? {
        return Ok(vec![(Shown::Image("image.png".to_owned()), text)]);
    }
    const FILE: &str = "document.jsonl";
    let list = read(FILE)?.unwrap_or_default();
    match pair_lines(&list).next() {
        Some((_, Ok(line))) => Ok((line.turns.into_iter())
            .flat_map(|turn| {
                let text = turn.text;
                (turn.shown.into_iter()).map(move |shown| (shown, text.clone()))
            })
            .collect()),
        Some((_, Err(reason))) => Err(unreadable(source, FILE, reason)),
        None => {
            let reason = "expected a document, or text.txt, found neither".to_owned();
            Err(unreadable(source, FILE, reason))
        }
    }
}
