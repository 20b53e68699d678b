//! What `measure` refuses, each with one sentence and no report.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{run, text};
use crate::golden;

/// Runs `measure` in a folder that `prepare` fills and expects a sentence with all of `reasons`.
fn refused(prepare: impl FnOnce(&Path), args: &[&str], reasons: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    prepare(folder.path());
    let count = || fs::read_dir(folder.path()).unwrap().count();
    let before = count();
    let (code, out, err) = text(&run(folder.path(), &[&["measure"], args].concat()));
    assert_eq!((code, out.as_str()), (1, ""), "{args:?}: {err}");
    assert_eq!(count(), before, "{args:?} left a file behind");
    assert_eq!(err.lines().count(), 1, "{err}");
    for reason in reasons {
        assert!(err.contains(reason), "{args:?}: `{reason}` is not in {err}");
    }
}

fn case() -> PathBuf {
    golden::root().join("clip_mlp_gqa_tied_f32")
}

/// A copy of a small checkpoint as `model`, with its weights changed.
fn copy_with(change: impl FnOnce(&mut Vec<u8>)) -> impl FnOnce(&Path) {
    move |folder| {
        let model = folder.join("model");
        fs::create_dir(&model).unwrap();
        for entry in fs::read_dir(case()).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, model.join(path.file_name().unwrap())).unwrap();
        }
        let weights = model.join("model.safetensors");
        let mut bytes = fs::read(&weights).unwrap();
        change(&mut bytes);
        fs::write(&weights, bytes).unwrap();
    }
}

#[test]
fn what_the_device_or_the_demo_does_not_have() {
    let nothing = |_: &Path| {};
    refused(
        nothing,
        &["--adapter", "Voodoo 2"],
        &["no adapter's name contains `Voodoo 2`; available: "],
    );
    refused(
        nothing,
        &["--connector", "melted"],
        &["no connector `melted`: choose one of untrained, halfway, trained"],
    );
}

#[test]
fn states_beyond_the_memory_budget_before_the_model_runs() {
    let model = case();
    refused(
        |_| {},
        &[
            "--model",
            model.to_str().unwrap(),
            "--memory-budget",
            "1KiB",
            "--metrics",
            "mir",
        ],
        &[
            "the metric needs ",
            " of device memory",
            "leaves 1.0 KiB",
            "use fewer pairs or a larger --memory-budget",
        ],
    );
}

#[test]
fn truncated_weights() {
    refused(
        copy_with(|bytes| bytes.truncate(bytes.len() / 2)),
        &["--model", "model"],
        &["model.safetensors", "expected", "found"],
    );
}

#[test]
fn weights_that_are_not_numbers_by_layer() {
    let spoil = |bytes: &mut Vec<u8>| {
        let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let header: serde_json::Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
        let (_, entry) = (header.as_object().unwrap().iter())
            .find(|(name, _)| name.ends_with("layers.1.mlp.down_proj.weight"))
            .expect("the tensor of the second layer");
        let at = 8 + length + entry["data_offsets"][0].as_u64().unwrap() as usize;
        bytes[at..at + 4].copy_from_slice(&f32::NAN.to_le_bytes());
    };
    refused(
        copy_with(spoil),
        &["--model", "model", "--num-pairs", "1"],
        &[
            "the hidden states of layer 2 hold NaN or infinity in 16 vision tokens",
            "layers.1.mlp.down_proj.weight` of model.safetensors holds NaN (element 0 of ",
        ],
    );
}

#[test]
fn a_broken_image_among_good_ones() {
    let prepare = |folder: &Path| {
        let image = fs::read(case().join("image.png")).unwrap();
        fs::write(folder.join("good.png"), &image).unwrap();
        fs::write(folder.join("broken.png"), &image[..image.len() / 2]).unwrap();
        let line = |name: &str| format!("{{\"image\": \"{name}\", \"text\": \"A cat.\"}}\n");
        let lines = line("good.png") + &line("broken.png") + &line("good.png");
        fs::write(folder.join("pairs.jsonl"), lines).unwrap();
    };
    let model = case();
    let args = ["--model", model.to_str().unwrap(), "--pairs", "pairs.jsonl"];
    refused(prepare, &args, &["broken.png: expected"]);
}

#[test]
fn a_text_of_nothing_but_placeholders() {
    let prepare = |folder: &Path| {
        fs::copy(case().join("image.png"), folder.join("a.png")).unwrap();
        let line = "{\"image\": \"a.png\", \"text\": \" <image> \"}\n";
        fs::write(folder.join("pairs.jsonl"), line).unwrap();
    };
    refused(prepare, &["--pairs", "pairs.jsonl"], &["the text of a.png"]);
}

#[cfg(target_os = "linux")]
#[test]
fn without_a_driver_the_package_that_helps_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for args in [&["adapters"][..], &["measure", "--num-pairs", "2"]] {
        let output = super::program(folder.path(), args)
            .env("VK_DRIVER_FILES", "/nonexistent")
            .env("VK_ICD_FILENAMES", "/nonexistent")
            .env_remove("VK_ADD_DRIVER_FILES")
            .output()
            .unwrap();
        let (_, out, err) = text(&output);
        let said = out + &err;
        assert!(
            said.contains("no graphics adapter was found")
                && said.contains("package mesa-vulkan-drivers"),
            "{args:?}: {said}"
        );
        assert_eq!(said.lines().count(), 1, "{args:?}: {said}");
    }
}
