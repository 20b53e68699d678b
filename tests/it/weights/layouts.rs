//! Every naming and packaging of the same tensors opens alike.

use std::sync::Arc;

use mirscope::{
    families::ConnectorKind,
    model::Checkpoint,
    weights::{FolderSource, MemorySource, StorageType},
};
use serde_json::json;

use super::build::{self, Tensors};

fn renamed(tensors: &Tensors, rename: impl Fn(&str) -> String) -> Tensors {
    let pairs = tensors.iter().map(|(k, v)| (rename(k), v.clone()));
    pairs.collect()
}

#[test]
fn all_prefixes_open_alike() {
    let config = build::config();
    let canonical = build::tensors(&config);
    let hub = renamed(&canonical, |name| {
        if let Some(rest) = name.strip_prefix("language_model.") {
            format!("language_model.model.{rest}")
        } else if let Some(rest) = name.strip_prefix("vision_tower.") {
            format!("vision_tower.vision_model.{rest}")
        } else if name.starts_with("lm_head") {
            format!("language_model.{name}")
        } else {
            name.to_owned()
        }
    });
    let nested = renamed(&canonical, |name| {
        match name.strip_prefix("vision_tower.") {
            Some(rest) => format!("model.vision_tower.vision_model.{rest}"),
            None if name.starts_with("lm_head") => name.to_owned(),
            None => format!("model.{name}"),
        }
    });
    let flat = renamed(&canonical, |name| {
        name.replace("language_model.", "language_model.model.")
    });
    for tensors in [&canonical, &hub, &nested, &flat] {
        let checkpoint = build::open(&config, tensors).unwrap();
        for (name, (_, shape, bytes)) in &canonical {
            let tensor = checkpoint.tensor(name, shape).unwrap();
            assert_eq!(&tensor.bytes, bytes, "{name}");
            assert_eq!(tensor.dtype, StorageType::F32);
            assert_eq!(tensor.to_f32().len(), tensor.elements());
        }
    }
}

#[test]
fn a_folder_and_shards_open_like_one_file_in_memory() {
    let config = build::config();
    let tensors = build::tensors(&config);
    let folder = tempfile::tempdir().unwrap();
    let (first, second): (Tensors, Tensors) = tensors
        .clone()
        .into_iter()
        .partition(|(name, _)| name.starts_with("vision_tower"));
    let mut map = serde_json::Map::new();
    for (file, part) in [("a.safetensors", &first), ("b.safetensors", &second)] {
        std::fs::write(folder.path().join(file), build::safetensors(part)).unwrap();
        map.extend(part.keys().map(|k| (k.clone(), json!(file))));
    }
    let index = json!({"metadata": {"total_size": 1}, "weight_map": map});
    let write = |name: &str, text: String| {
        std::fs::write(folder.path().join(name), text).unwrap();
    };
    write("model.safetensors.index.json", index.to_string());
    write("config.json", config.to_string());
    let source = FolderSource::open(folder.path()).unwrap();
    let checkpoint = Checkpoint::open(Arc::new(source)).unwrap();
    for (name, (_, shape, bytes)) in &tensors {
        assert_eq!(&checkpoint.tensor(name, shape).unwrap().bytes, bytes);
    }
    assert_eq!(checkpoint.used().count(), tensors.len() - 2, "post norm");
    assert_eq!(
        checkpoint.info("lm_head.weight").unwrap().file,
        "b.safetensors"
    );
}

#[test]
fn one_layer_names_make_a_linear_connector() {
    let config = build::config();
    let mut tensors = build::tensors(&config);
    tensors.retain(|name, _| !name.contains("multi_modal_projector"));
    for prefix in [
        "multi_modal_projector.",
        "multi_modal_projector.linear.",
        "model.mm_projector.",
    ] {
        let mut tensors = tensors.clone();
        tensors.insert(format!("{prefix}weight"), build::counted(&[8, 12], 0.0));
        tensors.insert(format!("{prefix}bias"), build::counted(&[8], 0.0));
        let checkpoint = build::open(&config, &tensors).unwrap();
        assert_eq!(
            checkpoint.spec.vision().unwrap().connector.kind,
            ConnectorKind::LINEAR
        );
        assert!(checkpoint.has("multi_modal_projector.linear_1.weight"));
    }
    // Named as an MLP's first layer, the configuration has to say so: else a layer is missing.
    let first = "multi_modal_projector.linear_1";
    tensors.insert(format!("{first}.weight"), build::counted(&[8, 12], 0.0));
    tensors.insert(format!("{first}.bias"), build::counted(&[8], 0.0));
    let error = build::open(&config, &tensors).unwrap_err().to_string();
    assert!(error.contains("linear_2.weight` is missing"), "{error}");
    let mut config = config;
    config["mm_projector_type"] = json!("linear");
    let checkpoint = build::open(&config, &tensors).unwrap();
    assert_eq!(
        checkpoint.spec.vision().unwrap().connector.kind,
        ConnectorKind::LINEAR
    );
}

#[test]
fn overrides_replace_only_tensors_that_the_model_uses() {
    let config = build::config();
    let tensors = build::tensors(&config);
    let checkpoint = build::open(&config, &tensors).unwrap();
    let name = "multi_modal_projector.linear_1.bias";
    let earlier = |name: &str, shape: &[usize]| {
        let part = Tensors::from([(name.to_owned(), build::counted(shape, 77.0))]);
        Arc::new(MemorySource::new("steps").with("step0.safetensors", build::safetensors(&part)))
    };
    let file = "step0.safetensors";
    let replaced = checkpoint
        .clone()
        .with_overrides(earlier(&format!("model.{name}"), &[8]), file)
        .unwrap();
    let bias = replaced.tensor(name, &[8]).unwrap();
    assert_eq!(bias.to_f32()[0], 77.0);
    assert_ne!(checkpoint.tensor(name, &[8]).unwrap().bytes, bias.bytes);

    let wrong = checkpoint.clone().with_overrides(earlier(name, &[9]), file);
    assert!(wrong.unwrap_err().to_string().contains("[9]"));
    let alien = checkpoint.with_overrides(earlier("other", &[9]), file);
    assert!(alien.unwrap_err().to_string().contains("does not use"));
}
