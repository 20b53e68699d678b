//! The pictures of `images.json` and what a family's processor makes of them in transformers.

use mirscope::{
    families::{self, plan::Piece},
    input::{ImageProcessor, ProcessedImage, RgbImage},
    weights::{MemorySource, WeightsError},
};
use serde_json::{Value, json};

use crate::{golden, input::sha256::sha256};

/// The synthetic picture of so many pixels.
pub fn picture(width: usize, height: usize) -> RgbImage {
    let mut data = Vec::with_capacity(3 * width * height);
    for y in 0..height {
        for x in 0..width {
            for c in 0..3 {
                let value = x * 7 + y * 13 + c * 29 + (x * y) % 31 * 5 + (x / 5 + y / 3) % 2 * 64;
                data.push((value % 256) as u8);
            }
        }
    }
    RgbImage {
        width,
        height,
        data,
        transparent: None,
    }
}

/// `images.json` of a family.
pub fn index(family: &str) -> Value {
    let file = golden::root()
        .join("families")
        .join(family)
        .join("images.json");
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

/// The image processor of a configuration with the settings of the image processor and of what is
/// around it: as transformers 5 writes them, or in two files.
pub fn processor(
    config: &Value,
    settings: &Value,
    around: &Value,
    nested: bool,
) -> Result<ImageProcessor, String> {
    let spec = families::parse("config.json", &config.to_string())
        .map_err(|error: WeightsError| error.to_string())?;
    let bytes = |value: &Value| value.to_string().into_bytes();
    let mut around = around.clone();
    let source = MemorySource::new("settings");
    let source = if nested {
        around["image_processor"] = settings.clone();
        source
    } else {
        source.with("preprocessor_config.json", bytes(settings))
    };
    let source = source.with("processor_config.json", bytes(&around));
    ImageProcessor::open(&source, &spec).map_err(|error| error.to_string())
}

/// What stands for an image, a run of n placeholders as `<image>{n}`.
pub fn text(processed: &ProcessedImage, placeholder: &str) -> String {
    let pieces = processed.plan.pieces.iter().map(|piece| match piece {
        Piece::Placeholders(count) => format!("{placeholder}{{{count}}}"),
        Piece::Scaffold(text) | Piece::Text(text) => text.clone(),
    });
    pieces.collect()
}

/// What differs of a picture's result from what `case` expects of it.
pub fn differences(case: &Value, processed: &ProcessedImage) -> Vec<String> {
    let mut found = Vec::new();
    let pixels = &processed.pixel_values;
    let shape = pixels.first().map_or([0; 3], |picture| picture.shape());
    let shape = json!([pixels.len(), shape[0], shape[1], shape[2]]);
    if case["shape"] != shape {
        found.push(format!("shape {shape} for {}", case["shape"]));
    }
    let values = pixels.iter().flat_map(|picture| &picture.data);
    let bytes: Vec<u8> = values.flat_map(|value| value.to_le_bytes()).collect();
    if case["sha256"] != sha256(&bytes) {
        found.push("pixel_values".to_owned());
    }
    let plan = &processed.plan;
    if plan.places.len() != plan.tokens() || plan.features != plan.tokens() {
        found.push("places or features".to_owned());
    }
    // Each view's cells are taken once each.
    for (index, view) in plan.views.iter().enumerate() {
        let mut cells: Vec<usize> = (plan.places.iter())
            .filter(|place| place.view == index)
            .filter_map(|place| place.cell)
            .collect();
        cells.sort_unstable();
        let all = view.cells.map_or(0, |[rows, columns]| rows * columns);
        if !cells.into_iter().eq(0..all) {
            found.push(format!("cells of view {index}"));
        }
    }
    found
}
