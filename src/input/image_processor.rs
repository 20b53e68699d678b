//! RGB images to `pixel_values`, bit for bit as the PIL image processors of transformers 5: a family's
//! plan says what is resized and cut, the settings what is done to the pixels.

use super::{
    decode::{MAX_PIXELS, RgbImage},
    error::InputError,
    geometry::{center_crop, part, surround},
    interpolate::interpolate,
    resample::resize,
};
use crate::{
    families::{
        self, ImagePlan, ModelSpec, PixelSettings, Planned, ProcessorFile,
        plan::{Canvas, Misfit, Picture, Step, View},
    },
    weights::{ByteSource, WeightsError},
};

/// Normalized pixels of a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct PixelValues {
    /// 3.
    pub channels: usize,
    /// Pixels.
    pub height: usize,
    /// Pixels.
    pub width: usize,
    /// `[channels, height, width]`, row-major.
    pub data: Vec<f32>,
}

impl PixelValues {
    /// `[channels, height, width]`.
    pub fn shape(&self) -> [usize; 3] {
        [self.channels, self.height, self.width]
    }
}

/// What an image processor makes of an image.
#[derive(Clone, Debug, PartialEq)]
pub struct ProcessedImage {
    /// What becomes of it.
    pub plan: ImagePlan,
    /// The model's input, picture by picture.
    pub pixel_values: Vec<PixelValues>,
    /// The first picture before rescaling and normalizing: what the model sees.
    pub rgb: RgbImage,
}

/// An image processor.
#[derive(Debug)]
pub struct ImageProcessor {
    /// The file that its settings come from.
    pub file: &'static str,
    /// Name of the model's family.
    family: &'static str,
    planned: Planned,
}

impl ImageProcessor {
    /// Reads `preprocessor_config.json`, or the `image_processor` of `processor_config.json`, as the
    /// model's family understands it.
    ///
    /// # Errors
    /// [`InputError::Config`]: neither file is there, a field is not valid, or the processor is
    /// of a class that the family does not know.
    pub fn open(source: &dyn ByteSource, spec: &ModelSpec) -> Result<Self, InputError> {
        let family = families::of(spec);
        let file = ProcessorFile::of(source, family)?.ok_or_else(|| WeightsError::MissingFile {
            folder: source.name(),
            expected: families::PROCESSOR_FILES.join(" or "),
            found: "neither with an image processor".into(),
        })?;
        Ok(Self {
            planned: family.images(spec, &file)?,
            file: file.file,
            family: family.name(),
        })
    }

    /// What becomes of the image called `name`.
    ///
    /// # Errors
    /// [`InputError::Image`] where its size or proportions are none that the family takes, or where
    /// the resized image would be too large, as for one that is a thousand times wider than high.
    pub fn plan(&self, name: &str, height: usize, width: usize) -> Result<ImagePlan, InputError> {
        self.plan_one_of(1, name, height, width)
    }

    /// The same for one of so many `images` of a prompt.
    ///
    /// # Errors
    /// As [`ImageProcessor::plan`].
    pub fn plan_one_of(
        &self,
        images: usize,
        name: &str,
        height: usize,
        width: usize,
    ) -> Result<ImagePlan, InputError> {
        let planned = self.planned.planner.plan_one_of(images, height, width);
        let plan = planned.map_err(|Misfit { expected, found }| InputError::Image {
            name: name.into(),
            expected,
            found,
        })?;
        for canvas in &plan.canvases {
            check_pixels(name, canvas.height, canvas.width)?;
        }
        for picture in &plan.pictures {
            let [height, width] = picture.padded;
            check_pixels(name, height, width)?;
            if !picture.resampled && (height < picture.height || width < picture.width) {
                return Err(InputError::Image {
                    name: name.into(),
                    expected: format!("at most pad_size = {width} x {height} pixels"),
                    found: format!("{} x {}", picture.width, picture.height),
                });
            }
        }
        Ok(plan)
    }

    /// Processes the image called `name`.
    ///
    /// # Errors
    /// As [`ImageProcessor::plan`].
    pub fn process(&self, name: &str, image: &RgbImage) -> Result<ProcessedImage, InputError> {
        self.process_one_of(1, name, image)
    }

    /// The same for one of so many `images` of a prompt.
    ///
    /// # Errors
    /// As [`ImageProcessor::plan`].
    pub fn process_one_of(
        &self,
        images: usize,
        name: &str,
        image: &RgbImage,
    ) -> Result<ProcessedImage, InputError> {
        let plan = self.plan_one_of(images, name, image.height, image.width)?;
        Ok(self.carried_out(plan, image))
    }

    /// Processes the frames of the video called `name`.
    ///
    /// # Errors
    /// [`InputError::NoVideo`] where the family takes none; [`InputError::Image`] where there is no
    /// frame.
    pub fn process_frames(
        &self,
        name: &str,
        frames: &[RgbImage],
    ) -> Result<ProcessedImage, InputError> {
        let planned = self.planned.planner.plan_frames(frames.len());
        let plan = planned.ok_or_else(|| InputError::NoVideo {
            name: name.into(),
            reason: format!("of the family {} only images are run", self.family),
        })?;
        let mut pixel_values = Vec::with_capacity(frames.len());
        let mut first = None;
        for (frame, picture) in frames.iter().zip(&plan.pictures) {
            let own = ImagePlan {
                canvases: plan.canvases.clone(),
                pictures: vec![picture.clone()],
                ..ImagePlan::default()
            };
            let processed = self.carried_out(own, frame);
            pixel_values.extend(processed.pixel_values);
            first.get_or_insert(processed.rgb);
        }
        Ok(ProcessedImage {
            plan,
            pixel_values,
            rgb: first.ok_or_else(|| InputError::Image {
                name: name.into(),
                expected: "frames".into(),
                found: "none".into(),
            })?,
        })
    }

    /// What comes of an image by its plan.
    fn carried_out(&self, plan: ImagePlan, image: &RgbImage) -> ProcessedImage {
        let mut rgb = image.clone();
        if let (true, Some(key)) = (self.pixels().convert_rgb, rgb.transparent.take()) {
            let (pixels, _) = rgb.data.as_chunks_mut::<3>();
            pixels
                .iter_mut()
                .filter(|p| **p == key)
                .for_each(|p| *p = [255; 3]);
        }
        let canvases = self.canvases(&rgb, &plan.canvases);
        let cut = |picture: &Picture| {
            let canvas = picture.canvas.and_then(|canvas| canvases.get(canvas));
            let canvas = canvas.unwrap_or(&rgb);
            let whole = (picture.height, picture.width) == (canvas.height, canvas.width);
            match whole {
                true => canvas.clone(),
                false => part(
                    canvas,
                    [picture.top, picture.left],
                    picture.height,
                    picture.width,
                ),
            }
        };
        let settings = self.pixels();
        let pixel_values: Vec<PixelValues> = (plan.pictures.iter())
            .map(|picture| match picture.resampled {
                true => resampled(settings, &cut(picture), picture.padded),
                false => values(settings, &cut(picture), picture.padded),
            })
            .collect();
        let first = match (plan.pictures.first(), pixel_values.first()) {
            (Some(first), Some(values)) if first.resampled => Some(self.picture(values)),
            (first, _) => first.map(cut),
        };
        ProcessedImage {
            pixel_values,
            rgb: first.unwrap_or(rgb),
            plan,
        }
    }

    fn pixels(&self) -> &PixelSettings {
        &self.planned.pixels
    }

    /// The canvases, each made of the image or of an earlier one.
    fn canvases(&self, image: &RgbImage, steps: &[Canvas]) -> Vec<RgbImage> {
        let settings = self.pixels();
        let mut canvases: Vec<RgbImage> = Vec::with_capacity(steps.len());
        for canvas in steps {
            let from = canvas.from.and_then(|from| canvases.get(from));
            let from = from.unwrap_or(image);
            let (height, width) = (canvas.height, canvas.width);
            canvases.push(match canvas.step {
                Step::Resize => resize(from, width, height, settings.resample),
                Step::Center => center_crop(from, height, width),
                Step::Surround => surround(from, height, width, settings.background),
                Step::Letterbox => surround(from, height, width, [0; 3]),
            });
        }
        canvases
    }

    /// Undoes rescaling and normalizing: one of the pictures that a model sees, padding included, in
    /// the nearest 8-bit levels.
    pub fn picture(&self, values: &PixelValues) -> RgbImage {
        let plane = values.height * values.width;
        let settings = self.pixels();
        let factor = settings.rescale_factor.unwrap_or(1.0);
        let level = |value: f32, channel: usize| {
            let value = match &settings.normalize {
                Some((mean, std)) => value * std[channel] + mean[channel],
                None => value,
            };
            // `as` takes what is out of range to the nearest level, and NaN, as of a factor of 0, to 0.
            (f64::from(value) / factor).round() as u8
        };
        let mut data = vec![0; 3 * plane];
        let planes = values.data.chunks_exact(plane.max(1));
        for (channel, plane) in planes.take(3).enumerate() {
            let levels = data.iter_mut().skip(channel).step_by(3);
            for (byte, &value) in levels.zip(plane) {
                *byte = level(value, channel);
            }
        }
        RgbImage {
            width: values.width,
            height: values.height,
            data,
            transparent: None,
        }
    }

    /// What a reader is shown of a view: its pictures, put together where they were cut.
    pub fn view(&self, plan: &ImagePlan, view: &View, values: &[PixelValues]) -> RgbImage {
        let pictures = plan.pictures.get(view.pictures.clone()).unwrap_or_default();
        let values = values.get(view.pictures.clone()).unwrap_or_default();
        let end = |start: usize, length: usize| start + length;
        let height = pictures
            .iter()
            .map(|picture| end(picture.top, picture.padded[0]))
            .max();
        let width = pictures
            .iter()
            .map(|picture| end(picture.left, picture.padded[1]))
            .max();
        let (height, width) = (height.unwrap_or(0), width.unwrap_or(0));
        let mut data = vec![0; 3 * height * width];
        for (picture, values) in pictures.iter().zip(values) {
            let shown = self.picture(values);
            for (y, line) in shown
                .data
                .chunks_exact((3 * shown.width).max(1))
                .enumerate()
            {
                let start = 3 * ((picture.top + y) * width + picture.left);
                if let Some(place) = data.get_mut(start..start + line.len()) {
                    place.copy_from_slice(line);
                }
            }
        }
        let whole = RgbImage {
            width,
            height,
            data,
            transparent: None,
        };
        match &view.part {
            Some([rows, columns]) => {
                let start = [rows.start, columns.start];
                part(&whole, start, rows.len(), columns.len())
            }
            None => whole,
        }
    }
}

/// Rescales and normalizes, then pads. There are only 256 possible values per channel: the product is
/// rounded from f64 to f32, then mean and deviation are applied in f32.
fn values(settings: &PixelSettings, rgb: &RgbImage, [height, width]: [usize; 2]) -> PixelValues {
    let mut data = vec![0.0; 3 * height * width];
    for (channel, plane) in data.chunks_exact_mut((height * width).max(1)).enumerate() {
        let table = table(settings, channel);
        let rows = rgb.data.chunks_exact((rgb.width * 3).max(1));
        for (row, out) in rows.zip(plane.chunks_exact_mut(width)) {
            for (pixel, value) in row.chunks_exact(3).zip(out) {
                *value = table[usize::from(pixel[channel])];
            }
        }
    }
    PixelValues {
        channels: 3,
        height,
        width,
        data,
    }
}

/// What each level of a channel becomes.
fn table(settings: &PixelSettings, channel: usize) -> [f32; 256] {
    std::array::from_fn(|byte| {
        let value = match settings.rescale_factor {
            Some(factor) => (byte as f64 * factor) as f32,
            None => byte as f32,
        };
        match &settings.normalize {
            Some((mean, std)) => (value - mean[channel]) / std[channel],
            None => value,
        }
    })
}

/// Rescales and normalizes, then resizes.
fn resampled(settings: &PixelSettings, rgb: &RgbImage, size: [usize; 2]) -> PixelValues {
    let channel = |channel: usize| {
        let table = table(settings, channel);
        let levels = rgb.data.iter().skip(channel).step_by(3);
        let plane: Vec<f32> = levels.map(|level| table[usize::from(*level)]).collect();
        interpolate(&plane, [rgb.height, rgb.width], size)
    };
    PixelValues {
        channels: 3,
        height: size[0],
        width: size[1],
        data: (0..3).flat_map(channel).collect(),
    }
}

/// Fails for a picture without pixels, or with more than any image may have.
fn check_pixels(name: &str, height: usize, width: usize) -> Result<(), InputError> {
    if height > 0 && width > 0 && height as u64 * width as u64 <= MAX_PIXELS {
        return Ok(());
    }
    Err(InputError::Image {
        name: name.into(),
        expected: format!("at most {MAX_PIXELS} pixels after padding and resizing"),
        found: format!("{width} x {height}"),
    })
}
