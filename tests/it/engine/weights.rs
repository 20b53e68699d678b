//! Checkpoints that lack something, hold no numbers, or cannot be measured for another reason.

use std::{collections::BTreeMap, fs, path::Path};

use mirscope::{
    engine::{
        Command, DeviceSettings, Event, Explore, InspectRequest, MeasureRequest, ModelSource,
        Session,
    },
    report::Inspection,
};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use super::{last, measure, refusal, report};
use crate::golden;

/// A copy of a golden case in `folder`.
fn copy(case: &str, folder: &Path) {
    for entry in fs::read_dir(golden::root().join(case)).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, folder.join(path.file_name().unwrap())).unwrap();
    }
}

type Tensors = BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>;

/// Changes the weights of the checkpoint in `folder`.
fn change(folder: &Path, change: impl FnOnce(&mut Tensors)) {
    let path = folder.join("model.safetensors");
    let bytes = fs::read(&path).unwrap();
    let read = SafeTensors::deserialize(&bytes).unwrap();
    let mut tensors: Tensors = read
        .iter()
        .map(|(name, view)| {
            let tensor = (view.dtype(), view.shape().to_vec(), view.data().to_vec());
            (name.to_owned(), tensor)
        })
        .collect();
    change(&mut tensors);
    let views = tensors.iter().map(|(name, (dtype, shape, bytes))| {
        (name, TensorView::new(*dtype, shape.clone(), bytes).unwrap())
    });
    fs::write(path, safetensors::serialize(views, None).unwrap()).unwrap();
}

fn of(folder: &Path) -> MeasureRequest {
    MeasureRequest {
        model: ModelSource::Folder(folder.to_owned()),
        ..measure(2)
    }
}

/// The description of the checkpoint in `folder`.
fn inspection(folder: &Path) -> Inspection {
    let command = Command::Inspect(Box::new(InspectRequest {
        model: ModelSource::Folder(folder.to_owned()),
        device: DeviceSettings::default(),
        image: None,
        fetch: false,
    }));
    match last(&mut Session::default(), command) {
        Event::Inspection(inspection) => *inspection,
        other => panic!("expected a description, found {other:?}"),
    }
}

#[test]
fn a_missing_head_stops_the_logit_lens_alone() {
    let folder = tempfile::tempdir().unwrap();
    copy("clip_hub_layout_bf16", folder.path());
    let mut session = Session::default();
    let whole = report(&mut session, of(folder.path()));
    change(folder.path(), |tensors| {
        tensors.remove("language_model.lm_head.weight").unwrap();
    });
    assert_eq!(inspection(folder.path()).obstacle, None);
    let without = report(&mut session, of(folder.path()));
    assert_eq!(without.layers, whole.layers);
    let notes = &without.notes;
    assert!(
        notes.iter().any(|note| note.contains("lm_head.weight")),
        "{notes:?}"
    );
    let (pair, position) = (0, 2);
    let lens = Command::Explore(Explore::LogitLens { pair, position });
    let refused = refusal(&mut session, lens);
    assert!(refused.contains("`lm_head.weight`"), "{refused}");
    // Where a token looks needs no head.
    let layer = 1;
    let attention = Command::Explore(Explore::Attention {
        pair,
        position,
        layer,
    });
    assert!(matches!(last(&mut session, attention), Event::Attention(_)));
}

#[test]
fn weights_that_are_no_numbers_are_named_in_the_order_of_a_pass() {
    for (tensor, bytes, value) in [
        (
            "vision_tower.vision_model.encoder.layers.0.mlp.fc1.weight",
            0x7fc0_u16,
            "NaN",
        ),
        ("multi_modal_projector.linear_2.bias", 0x7f80, "infinity"),
        (
            "language_model.model.layers.1.mlp.down_proj.weight",
            0xffc1,
            "NaN",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        copy("clip_hub_layout_bf16", folder.path());
        change(folder.path(), |tensors| {
            let (dtype, _, data) = tensors.get_mut(tensor).unwrap();
            assert_eq!(*dtype, Dtype::BF16);
            data[6..8].copy_from_slice(&bytes.to_le_bytes());
            // Another one later in the pass is not the first.
            let last = "language_model.model.norm.weight";
            let (_, _, data) = tensors.get_mut(last).unwrap();
            data[..2].copy_from_slice(&0x7fc0_u16.to_le_bytes());
        });
        let command = Command::Measure(Box::new(of(folder.path())));
        let refused = refusal(&mut Session::default(), command);
        let expected =
            format!("tensor `{tensor}` of model.safetensors holds {value} (element 3 of ");
        assert!(refused.contains(&expected), "{refused}");
        assert!(refused.contains("the hidden states of layer"), "{refused}");
    }
}

#[test]
fn finite_weights_that_overflow_are_not_blamed_for_nan() {
    let folder = tempfile::tempdir().unwrap();
    copy("clip_mlp_gqa_tied_f32", folder.path());
    change(folder.path(), |tensors| {
        let name = |name: &&String| name.ends_with("multi_modal_projector.linear_2.weight");
        let name = tensors.keys().find(name).unwrap().clone();
        let (_, _, data) = tensors.get_mut(&name).unwrap();
        let (numbers, _) = data.as_chunks_mut::<4>();
        numbers.iter_mut().for_each(|n| *n = 3e38_f32.to_le_bytes());
    });
    let command = Command::Measure(Box::new(of(folder.path())));
    let refused = refusal(&mut Session::default(), command);
    assert!(refused.contains("all weights are finite"), "{refused}");
}

#[test]
fn an_inspection_finds_what_a_run_would_stumble_over() {
    let cases: [(&str, Option<&str>, &str); 5] = [
        ("tokenizer.json", None, "tokenizer.json"),
        ("tokenizer.json", Some("<html>"), "a web page"),
        ("processor_config.json", None, "preprocessor_config.json"),
        (
            "processor_config.json",
            Some(r#"{"image_processor": {"crop_size": {"height": 28, "width": 21}}}"#),
            "the vision tower takes 28 x 28",
        ),
        (
            "chat_template.jinja",
            Some("{{ messages[0]['role'] }}"),
            "chat_template.jinja",
        ),
    ];
    for (file, content, part) in cases {
        let folder = tempfile::tempdir().unwrap();
        copy("clip_mlp_gqa_tied_f32", folder.path());
        let path = folder.path().join(file);
        match content {
            Some(content) => fs::write(path, content).unwrap(),
            None => fs::remove_file(path).unwrap(),
        }
        let obstacle = inspection(folder.path()).obstacle.unwrap_or_default();
        assert!(obstacle.contains(part), "expected {part:?} in {obstacle:?}");
        let command = Command::Measure(Box::new(of(folder.path())));
        let refused = refusal(&mut Session::default(), command);
        assert!(refused.contains(part), "expected {part:?} in {refused:?}");
    }
}

#[test]
fn what_concerns_some_images_only_is_a_note() {
    let folder = tempfile::tempdir().unwrap();
    copy("clip_mlp_gqa_tied_f32", folder.path());
    let settings =
        r#"{"image_processor": {"do_center_crop": false, "size": {"shortest_edge": 28}}}"#;
    fs::write(folder.path().join("processor_config.json"), settings).unwrap();
    let found = inspection(folder.path());
    assert_eq!(found.obstacle, None);
    let notes = &found.notes;
    assert!(
        notes.iter().any(|note| note.contains("only square images")),
        "{notes:?}"
    );
}
