//! The size of pictures by the image processor's files, and sub-images.

use std::sync::Arc;

use mirscope::{
    families,
    input::{InputError, Processor},
    model::Checkpoint,
    weights::WeightsError,
};
use serde_json::{Value, json};

use super::build;

/// The small CLIP checkpoint (14 pixels in patches of 7) with more keys, whose processor's file says
/// `processor`.
fn open(keys: &Value, processor: &str) -> Result<Checkpoint, WeightsError> {
    let mut config = build::config();
    for (key, value) in keys.as_object().unwrap() {
        config[key] = value.clone();
    }
    let weights = build::safetensors(&build::tensors(&config));
    let source = build::source(&config, weights);
    let source = source.with("preprocessor_config.json", processor.as_bytes().to_vec());
    Checkpoint::open(Arc::new(source))
}

#[test]
fn the_processor_says_how_large_pictures_are() {
    for (processor, side) in [
        (r#"{"crop_size": 14}"#, 14),
        (r#"{"crop_size": {"height": 28, "width": 28}}"#, 28),
        (r#"{"crop_size": 7}"#, 7),
        (
            r#"{"image_processor_type": "SiglipImageProcessor", "size": {"height": 35, "width": 35}}"#,
            35,
        ),
        // Of pictures that are not square, or of any size, nothing is known before there is one.
        (r#"{"crop_size": {"height": 28, "width": 14}}"#, 14),
        (r#"{"do_center_crop": false, "size": 20}"#, 14),
    ] {
        let config = open(&json!({}), processor).unwrap().spec;
        assert_eq!(
            config.vision().unwrap().tower.picture_size,
            side,
            "{processor}"
        );
        assert_eq!(config.vision().unwrap().tower.image_size, 14);
        let patches = (side / 7) * (side / 7);
        assert_eq!(config.vision().unwrap().num_image_tokens(), patches);
        assert_eq!(config.vision().unwrap().token_grid(), Some(side / 7));
        assert_eq!(config.vision().unwrap().tower.table_positions(), 5);
    }
}

#[test]
fn sizes_that_make_no_whole_patches_are_refused() {
    let error = open(&json!({}), r#"{"crop_size": 30}"#).unwrap_err();
    let expected = WeightsError::PictureSize {
        side: 30,
        image_size: 14,
        patch_size: 7,
    };
    assert_eq!(error, expected);
    let text = error.to_string();
    for part in [
        "30 pixels",
        "image_size = 14",
        "patch_size = 7",
        "crop_size",
    ] {
        assert!(text.contains(part), "{text}");
    }
    assert!(open(&json!({}), r#"{"crop_size": 3}"#).is_err());

    let shuffle = json!({"mm_projector_type": "pixel_shuffle", "mm_projector_scale": 2});
    let fitting = open(&shuffle, r#"{"crop_size": 28}"#).unwrap().spec;
    assert_eq!(
        (
            fitting.vision().unwrap().num_image_tokens(),
            fitting.vision().unwrap().token_grid()
        ),
        (4, Some(2))
    );
    let error = open(&shuffle, r#"{"crop_size": 21}"#)
        .unwrap_err()
        .to_string();
    assert!(error.contains("mm_projector_scale"), "{error}");
    assert!(error.contains("a divisor of 3"), "{error}");
}

#[test]
fn a_processor_that_cannot_be_used_is_told_when_it_is_opened() {
    let checkpoint = open(&json!({}), "{").unwrap();
    let source = &**checkpoint.source();
    let error = Processor::open(source, &checkpoint.spec).err().unwrap();
    assert!(
        matches!(error, InputError::Config(WeightsError::Json { .. })),
        "{error}"
    );
}

#[test]
fn sub_images_multiply_the_tokens() {
    let config = open(&json!({"mm_sub_images": 3}), r#"{"crop_size": 14}"#)
        .unwrap()
        .spec;
    assert_eq!(
        (
            config.vision().unwrap().pictures_per_image(),
            config.vision().unwrap().tokens_per_picture()
        ),
        (10, 4)
    );
    assert_eq!(config.vision().unwrap().num_image_tokens(), 40);
    for wrong in [json!(1), json!(9), json!(-2), json!("2")] {
        let mut config = build::config();
        config["mm_sub_images"] = wrong;
        let error = families::parse("config.json", &config.to_string()).unwrap_err();
        let expected = "`mm_sub_images` should be a whole number from 2 to 8";
        assert!(error.to_string().contains(expected), "{error}");
    }
}
