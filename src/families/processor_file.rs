//! The files that hold the settings of a checkpoint's processor.

use serde_json::{Map, Value};

use super::Family;
use crate::weights::{
    ByteSource, WeightsError,
    fields::{Fields, parse_object},
    read_text,
};

const MAX_JSON: u64 = 16 << 20;
const PROCESSOR: &str = "processor_config.json";
const PREPROCESSOR: &str = "preprocessor_config.json";
const CONFIG: &str = "config.json";

/// The files that may hold an image processor's settings, in the order in which they are read.
pub(crate) const PROCESSOR_FILES: [&str; 2] = [PROCESSOR, PREPROCESSOR];

/// The settings of an image processor, and of the processor around it.
#[derive(Clone, Debug)]
pub struct ProcessorFile {
    /// The file that holds the image processor.
    pub file: &'static str,
    /// All of that file, or the part of it that is the image processor.
    image: Map<String, Value>,
    /// Path of the image processor in its file.
    path: &'static str,
    /// `processor_config.json`.
    processor: Map<String, Value>,
}

impl ProcessorFile {
    /// What says how the images of `family` become pictures.
    ///
    /// # Errors
    /// As [`ProcessorFile::open`].
    pub fn of(source: &dyn ByteSource, family: &dyn Family) -> Result<Option<Self>, WeightsError> {
        if !family.images_in_config() {
            return Self::open(source);
        }
        let text = read_text(source, CONFIG, MAX_JSON)?;
        let config = text.map(|text| parse_object(CONFIG, &text)).transpose()?;
        Ok(config.map(|image| Self {
            file: CONFIG,
            image,
            path: "",
            processor: Map::new(),
        }))
    }

    /// Reads `preprocessor_config.json`, or the `image_processor` of `processor_config.json`, which
    /// comes first; none where there is neither.
    ///
    /// # Errors
    /// A file cannot be read or is no JSON.
    pub fn open(source: &dyn ByteSource) -> Result<Option<Self>, WeightsError> {
        let read = |file: &'static str| match read_text(source, file, MAX_JSON)? {
            Some(text) => parse_object(file, &text).map(Some),
            None => Ok(None),
        };
        let processor = read(PROCESSOR)?;
        // Without a nested processor that file only holds the text side's settings.
        let nested = match &processor {
            Some(map) => Fields::new(PROCESSOR, "", map).section("image_processor")?,
            None => None,
        };
        if let Some(nested) = nested {
            return Ok(Some(Self {
                file: PROCESSOR,
                image: nested.map().clone(),
                path: "image_processor.",
                processor: processor.unwrap_or_default(),
            }));
        }
        Ok(read(PREPROCESSOR)?.map(|image| Self {
            file: PREPROCESSOR,
            image,
            path: "",
            processor: processor.unwrap_or_default(),
        }))
    }

    /// The image processor's settings.
    pub fn image(&self) -> Fields<'_> {
        Fields::new(self.file, self.path, &self.image)
    }

    /// The settings around it: how images and texts are put together.
    pub fn processor(&self) -> Fields<'_> {
        Fields::new(PROCESSOR, "", &self.processor)
    }
}

/// The key that names an image processor's class, the name, and the name without what stands for a
/// backend; none where there is none.
pub(super) fn class_of<'a>(
    f: &Fields<'a>,
) -> Result<Option<(&'static str, &'a str, &'a str)>, WeightsError> {
    for key in ["image_processor_type", "feature_extractor_type"] {
        if let Some(name) = f.string(key)? {
            return Ok(Some((key, name, plain(name))));
        }
    }
    Ok(None)
}

/// A class's name without what stands for a backend.
fn plain(name: &str) -> &str {
    let plain = name
        .strip_suffix("Fast")
        .or_else(|| name.strip_suffix("Pil"));
    plain.unwrap_or(name)
}

/// Refuses image processors of another class than `known`.
pub(super) fn check_class(f: &Fields<'_>, known: &[&str]) -> Result<(), WeightsError> {
    const KEY: &str = "image_processor_type";
    match f.string(KEY)? {
        Some(name) if !known.contains(&plain(name)) => {
            Err(f.unsupported(KEY, name, &known.join(", ")))
        }
        _ => Ok(()),
    }
}

/// A setting with this key in one of the processor's files, with the file that holds it.
pub(crate) fn setting(source: &dyn ByteSource, key: &str) -> Option<(&'static str, String)> {
    PROCESSOR_FILES.into_iter().find_map(|file| {
        let text = read_text(source, file, MAX_JSON).ok()??;
        let map = parse_object(file, &text).ok()?;
        let value = Fields::new(file, "", &map).string(key).ok()??;
        Some((file, value.to_owned()))
    })
}
