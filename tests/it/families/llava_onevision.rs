//! Images alone in their prompt and one of several against the golden hashes, what is made of too many
//! features, and what is refused.

use std::{path::PathBuf, sync::Arc};

use mirscope::{
    engine::{
        Command, DeviceSettings, Event, ImageInput, MeasureRequest, MeasureSettings, ModelSource,
        PairInput, PairSource, Session,
    },
    families::{self, ModelSpec, plan::Row},
    input::{ImageProcessor, Processor},
    model::Checkpoint,
    weights::MemorySource,
};
use serde_json::{Value, json};

use super::{
    images::picture,
    llava_next::{compare, entries, open},
    states,
};
use crate::engine::last;

/// A small decoder that sees what an entry's processor makes.
fn spec_with(entry: &Value, ratio: &str, resolutions: &Value) -> ModelSpec {
    let config = json!({
        "architectures": ["LlavaOnevisionForConditionalGeneration"],
        "image_token_index": 7,
        "image_grid_pinpoints": resolutions,
        "vision_aspect_ratio": ratio,
        "vision_config": {"image_size": entry["settings"]["size"]["height"],
            "patch_size": entry["patch_size"]},
        "text_config": {"vocab_size": 9, "hidden_size": 8, "num_attention_heads": 2,
            "num_key_value_heads": 1},
    });
    families::parse("config.json", &config.to_string()).unwrap()
}

fn spec(entry: &Value) -> ModelSpec {
    spec_with(
        entry,
        "anyres_max_9",
        &entry["settings"]["image_grid_pinpoints"],
    )
}

#[test]
fn pictures_and_placeholders_equal_transformers() {
    let entries = entries("llava_onevision");
    assert_eq!(entries.len(), 4);
    for entry in &entries {
        let several = entry["several"].as_bool().unwrap();
        compare(entry, &spec(entry), if several { 2 } else { 1 });
    }
}

#[test]
fn absent_keys_take_the_defaults_of_the_published_models() {
    let config = json!({"model_type": "llava_onevision"});
    let spec = families::parse("config.json", &config.to_string()).unwrap();
    let vision = spec.vision().unwrap();
    assert_eq!(
        (vision.image_token_id, vision.num_features()),
        (151_646, 729)
    );
    let any = vision.any_resolution.as_ref().unwrap();
    assert_eq!((any.most, any.most_tiles(384)), (Some(9), 36));
    assert_eq!(any.resolutions[..2], [[384, 384], [384, 768]]);
    assert_eq!(any.resolutions[35], [2304; 2]);
}

/// A processor of pictures of 14 pixels, 3 x 3 patches.
fn small(ratio: &str, resolutions: &Value) -> (ImageProcessor, usize) {
    let entry = &entries("llava_onevision")[2];
    let mut settings = entry["settings"].clone();
    settings["image_grid_pinpoints"] = resolutions.clone();
    let spec = spec_with(entry, ratio, resolutions);
    let [processor, _] = open(&settings, &spec).map(Result::unwrap);
    (processor, spec.vision().unwrap().tower.num_patches())
}

#[test]
fn too_many_features_are_blended() {
    let (processor, patches) = small("anyres_max_1", &json!([[28, 28]]));
    let plan = processor.plan("image", 28, 28).unwrap();
    assert_eq!((patches, plan.features), (9, 45));
    // 6 x 6 features become 3 x 3: each the mean of four neighbors.
    let rows = plan.rows.unwrap();
    assert_eq!(rows.len(), 9 + 3 * 4);
    let quarter = |cells: [u32; 4]| Row::Blend(cells.map(|cell| (cell, 0.25)));
    assert_eq!(rows[8], Row::One(8));
    assert_eq!(rows[9], quarter([9, 10, 12, 13]));
    // The second lies on the first two tiles.
    assert_eq!(rows[10], quarter([11, 18, 14, 21]));
    assert_eq!(rows[12], Row::One(45));
    assert_eq!(rows[20], Row::One(45));
    let (whole, _) = small("anyres_max_4", &json!([[28, 28]]));
    let rows = whole.plan("image", 28, 28).unwrap().rows.unwrap();
    assert_eq!(rows.len(), 9 + 6 * 7);
    assert!(rows.iter().all(|row| matches!(row, Row::One(_))));
}

#[test]
fn frames_of_a_video_are_halved() {
    let entry = &entries("llava_onevision")[0];
    let [processor, _] = open(&entry["settings"], &spec(entry)).map(Result::unwrap);
    let frames = [picture(53, 37), picture(20, 31)];
    let video = processor.process_frames("a video", &frames).unwrap();
    // 27 x 27 features become 14 x 14.
    let plan = &video.plan;
    assert_eq!((plan.features, plan.tokens()), (2 * 729, 2 * 196 + 1));
    assert_eq!((plan.views.len(), plan.places.len()), (2, plan.tokens()));
    let rows = plan.rows.as_ref().unwrap();
    // torch: 27 / 14 * 0.5 - 0.5 = 0.464286 between the first two on either axis.
    let Row::Blend(first) = rows[0] else {
        panic!("{:?}", rows[0]);
    };
    assert_eq!(first.map(|(row, _)| row), [0, 1, 27, 28]);
    assert!(
        (first[3].1 - 0.464_286 * 0.464_286).abs() < 1e-5,
        "{first:?}"
    );
    let Row::Blend(second) = rows[196] else {
        panic!("{:?}", rows[196]);
    };
    assert_eq!(second.map(|(row, _)| row), [729, 730, 756, 757]);
    assert_eq!(rows.last(), Some(&Row::One(2 * 729)));
    // Each frame is stretched to the picture as the whole of an image is.
    for (frame, values) in frames.iter().zip(&video.pixel_values) {
        let alone = processor.process("a frame", frame).unwrap();
        assert_eq!(values, &alone.pixel_values[0]);
    }
    assert!(processor.process_frames("a video", &[]).is_err());
}

#[test]
fn a_video_is_measured_or_refused_by_name() {
    let folder = states::root().join("llava_onevision/video");
    let path = |name: &str| ImageInput::Path(folder.join(name));
    let video = |frames: &[&str], text: &str| {
        let frames = frames.iter().map(|frame| path(frame)).collect();
        PairInput::new(ImageInput::Frames(frames), text)
    };
    let pairs = vec![
        video(&["frame-0.png", "frame-1.png"], "A red cat on a mat."),
        video(&["frame-0.png", "frame-1.png", "frame-2.png"], "It rains."),
    ];
    let request = |model: PathBuf, pairs: Vec<PairInput>| {
        let name = "a list".to_owned();
        Command::Measure(Box::new(MeasureRequest {
            model: ModelSource::Folder(model),
            pairs: PairSource::Pairs { name, pairs },
            device: DeviceSettings::default(),
            settings: MeasureSettings::default(),
            keep: false,
        }))
    };
    let measured = last(
        &mut Session::default(),
        request(folder.clone(), pairs.clone()),
    );
    let Event::Report(report) = measured else {
        panic!("expected a report, found {measured:?}");
    };
    // Four tokens a frame and the learned row at the end.
    assert_eq!(report.tokens().0, 2 * 4 + 1 + 3 * 4 + 1);
    let refused = |model: PathBuf, pairs: Vec<PairInput>, named: &[&str]| {
        let event = last(&mut Session::default(), request(model, pairs));
        let Event::Failed(error) = event else {
            panic!("expected an error, found {event:?}");
        };
        for name in named {
            assert!(error.contains(name), "{error}");
        }
    };
    for family in ["qwen2_vl", "nanovlm", "llava_next"] {
        let model = states::cases(family).remove(0);
        refused(
            model,
            pairs.clone(),
            &["frame-0.png and 1 more frame", "video", family],
        );
    }
    let mut mixed = pairs[0].clone();
    let frame = PairInput::new(path("frame-0.png"), "A frame.");
    mixed.turns.extend(frame.turns);
    refused(folder, vec![mixed], &["videos alone", "1 of 2"]);
}

#[test]
fn a_template_without_videos_is_told_with_the_first_one() {
    let folder = states::root().join("llava_onevision/video");
    let mut source = MemorySource::new("a folder");
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let mut bytes = std::fs::read(&path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name.starts_with("chat_template") {
            let text = String::from_utf8(bytes).unwrap();
            bytes = text.replace("'video'", "'film'").into_bytes();
        }
        source.insert(name, bytes);
    }
    let checkpoint = Checkpoint::open(Arc::new(source)).unwrap();
    let processor = Processor::open(&**checkpoint.source(), &checkpoint.spec).unwrap();
    let plan = processor.plan("image", 14, 14).unwrap();
    assert!(processor.prompt("a pair", "A cat.", &plan).is_ok());
    let frame = std::fs::read(states::root().join("llava_onevision/video/frame-0.png")).unwrap();
    let frames = [("a frame".to_owned(), frame.into())];
    let video = processor.video("a video", &frames).unwrap();
    let error = processor
        .prompt("a pair", "A cat.", &video.plan)
        .unwrap_err();
    assert!(error.to_string().contains("chat_template"), "{error}");
}

#[test]
fn an_image_of_which_nothing_would_be_left_is_refused() {
    let (processor, _) = small("anyres_max_1", &json!([[14, 560]]));
    let error = processor.plan("thin", 14, 560).unwrap_err().to_string();
    assert!(
        error.contains("thin") && error.contains("3 x 120 features made 0 x"),
        "{error}"
    );
    // One of several is not cut.
    assert_eq!(
        processor.plan_one_of(2, "thin", 14, 560).unwrap().tokens(),
        10
    );
}

#[test]
fn what_the_model_does_not_know_is_refused() {
    for ratio in ["square", "anyres", "anyres_max_0", "anyres_max_x"] {
        let config = json!({"model_type": "llava_onevision", "vision_aspect_ratio": ratio});
        let error = families::parse("config.json", &config.to_string()).unwrap_err();
        let error = error.to_string();
        assert!(
            error.contains("vision_aspect_ratio") && error.contains(ratio),
            "{error}"
        );
    }
    let entry = &entries("llava_onevision")[2];
    let spec = spec_with(
        entry,
        "anyres_max_4",
        &entry["settings"]["image_grid_pinpoints"],
    );
    let processor =
        json!({"image_processor": entry["settings"], "vision_aspect_ratio": "anyres_max_9"});
    let source =
        MemorySource::new("p").with("processor_config.json", processor.to_string().into_bytes());
    let error = ImageProcessor::open(&source, &spec)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("vision_aspect_ratio") && error.contains("anyres_max_9"),
        "{error}"
    );
}
