//! Decoding and image processors against the golden hashes.

use std::collections::BTreeMap;

use mirscope::{
    input::{Filter, ImageProcessor, Processor, RgbImage, decode_image, resize},
    weights::MemorySource,
};
use serde_json::Value;

use super::{
    prompts::{config, tokenizer},
    sha256::sha256,
};
use crate::golden;

fn read(file: &str) -> Vec<u8> {
    std::fs::read(golden::root().join("images").join(file)).unwrap()
}

fn index() -> Value {
    serde_json::from_slice(&read("images.json")).unwrap()
}

/// The processor of a configuration, in both places where checkpoints keep it.
fn processors(config: &Value) -> [ImageProcessor; 2] {
    let flat =
        MemorySource::new("flat").with("preprocessor_config.json", config.to_string().into_bytes());
    let nested =
        serde_json::json!({"processor_class": "LlavaProcessor", "image_processor": config});
    let nested =
        MemorySource::new("nested").with("processor_config.json", nested.to_string().into_bytes());
    [flat, nested]
        .map(|source| ImageProcessor::open(&source, &super::prompts::config(100)).unwrap())
}

#[test]
fn pixel_values_equal_the_pil_processors_bit_for_bit() {
    let index = index();
    let processors: BTreeMap<&String, [ImageProcessor; 2]> = index["configs"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, config)| (name, processors(config)))
        .collect();
    let mut wrong = Vec::new();
    let mut compared = 0;
    for (file, expected) in index["files"].as_object().unwrap() {
        let (image, notes) = decode_image(file, &read(file)).unwrap();
        assert!(notes.is_empty(), "{file}: {notes:?}");
        let size = [image.width, image.height].map(|n| n as u64);
        assert_eq!(expected["width"].as_u64(), Some(size[0]), "{file}");
        assert_eq!(expected["height"].as_u64(), Some(size[1]), "{file}");
        if expected["rgb"] != sha256(&image.data) {
            wrong.push(format!("{file}: decoded"));
        }
        for (name, both) in &processors {
            let golden = &expected["pixel_values"][*name];
            for processor in both {
                let processed = processor.process(file, &image).unwrap();
                let [values] = processed.pixel_values.as_slice() else {
                    panic!("{file}: {name}: one picture of an image");
                };
                let same =
                    (values.height, values.width) == (processed.rgb.height, processed.rgb.width);
                if same && processor.picture(values).data != processed.rgb.data {
                    wrong.push(format!("{file}: the picture of {name}"));
                }
                let shape = serde_json::json!([values.channels, values.height, values.width]);
                let bytes: Vec<u8> = values.data.iter().flat_map(|v| v.to_le_bytes()).collect();
                compared += 1;
                if golden["shape"] != shape || golden["sha256"] != sha256(&bytes) {
                    wrong.push(format!("{file}: {name}, {shape} for {}", golden["shape"]));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {compared}: {wrong:#?}",
        wrong.len()
    );
    assert!(compared > 1000, "only {compared} compared");
}

#[test]
fn the_original_layouts_key_pads_as_llavas_processor_does() {
    let settings = |class: &str, pad: bool| {
        serde_json::json!({
            "image_processor_type": class, "do_pad": pad, "size": {"shortest_edge": 14}, "crop_size": 14,
        })
    };
    let [llava, _] = processors(&settings("LlavaImageProcessor", true));
    let mut config = config(100);
    config.vision.as_mut().unwrap().pad_to_square = true;
    let clip = settings("CLIPImageProcessor", false).to_string();
    let source = tokenizer("byte").with("preprocessor_config.json", clip.into_bytes());
    let processor = Processor::open(&source, &config).unwrap();
    for file in ["wide.png", "tall.png", "palette_key.png", "pixel.png"] {
        let bytes = read(file);
        let (decoded, _) = decode_image(file, &bytes).unwrap();
        let expected = llava.process(file, &decoded).unwrap();
        let found = processor.image(file, &bytes).unwrap();
        assert_eq!(found.pixel_values, expected.pixel_values, "{file}");
        assert_eq!(found.rgb, expected.rgb, "{file}");
    }
}

#[test]
fn sixteen_bits_are_scaled_with_a_note() {
    let (image, notes) = decode_image("deep", &read("deep_gray.png")).unwrap();
    assert_eq!((image.width, image.height), (15, 12));
    assert!(notes[0].contains("deep: 16 bits"), "{notes:?}");
    let (min, max) = (image.data.iter().min(), image.data.iter().max());
    assert!(max.unwrap() - min.unwrap() > 60, "not clipped");
}

#[test]
fn golden_cases_have_their_pixel_values() {
    for case in golden::cases() {
        let checkpoint = case.checkpoint();
        let processor = Processor::open(&**checkpoint.source(), &checkpoint.spec).unwrap();
        let image = processor.image("image.png", &case.image()).unwrap();
        let (shape, values) = case.tensor("pixel_values");
        let pictures = &image.pixel_values;
        let [channels, height, width] = pictures[0].shape();
        match shape.len() {
            // Of one picture the golden data leave the first axis out.
            3 => assert_eq!(shape, [channels, height, width]),
            _ => assert_eq!(shape, [pictures.len(), channels, height, width]),
        }
        let found: Vec<f32> = pictures
            .iter()
            .flat_map(|picture| picture.data.clone())
            .collect();
        assert_eq!(values, found, "{}", case.name);
        assert_eq!(image.rgb.data.len(), pictures[0].data.len());
    }
}

#[test]
fn resizing_keeps_a_flat_image_flat() {
    let image = RgbImage {
        width: 7,
        height: 5,
        data: [10, 200, 255].repeat(35),
        transparent: None,
    };
    for number in 0..6 {
        let filter = Filter::from_number(number).unwrap();
        for (width, height) in [(1, 1), (7, 5), (13, 2), (40, 41), (7, 9)] {
            let resized = resize(&image, width, height, filter);
            assert_eq!(
                resized.data,
                [10, 200, 255].repeat(width * height),
                "{filter:?} to {width} x {height}"
            );
        }
    }
    assert_eq!(Filter::from_number(6), None);
}
