//! A variant: a folder that takes most of its weights from the folder beside it.

use std::{path::Path, sync::Arc};

use mirscope::{
    model::{CaptureRequest, Checkpoint, Hook},
    weights::{FolderSource, MemorySource, WeightsError},
};
use safetensors::{SafeTensors, tensor::TensorView};
use serde_json::json;

use super::Run;
use crate::golden;

const INDEX: &str = "model.safetensors.index.json";

/// The files of a golden case as `base/` and `variant/`: the base's file holds a connector of its own,
/// which the variant does not use.
pub fn study() -> Vec<(String, Vec<u8>)> {
    let case = &golden::cases()[0];
    let weights = std::fs::read(case.folder.join("model.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&weights).unwrap().tensors();
    let is_connector = |name: &str| name.contains("multi_modal_projector");
    let connector: Vec<&(String, TensorView<'_>)> = tensors
        .iter()
        .filter(|(name, _)| is_connector(name))
        .collect();
    assert!(!connector.is_empty() && connector.len() < tensors.len());
    let wrong: Vec<(String, Vec<u8>)> = connector
        .iter()
        .map(|(name, view)| (name.clone(), vec![0x3f; view.data().len()]))
        .collect();
    let base = tensors.iter().map(|(name, view)| {
        let own = wrong.iter().find(|(other, _)| other == name);
        let data = own.map_or(view.data(), |(_, data)| data.as_slice());
        let view = TensorView::new(view.dtype(), view.shape().to_vec(), data).unwrap();
        (name.clone(), view)
    });
    let base = safetensors::serialize(base, None).unwrap();
    let own = connector
        .iter()
        .map(|(name, view)| (name.clone(), view.clone()));
    let own = safetensors::serialize(own, None).unwrap();
    let map = tensors.iter().map(|(name, _)| {
        let file = match is_connector(name) {
            true => "connector.safetensors",
            false => "../base/model.safetensors",
        };
        (name.clone(), json!(file))
    });
    let index = json!({"weight_map": map.collect::<serde_json::Map<_, _>>()});
    let mut files = vec![
        ("base/model.safetensors".to_owned(), base),
        ("variant/connector.safetensors".to_owned(), own),
        (format!("variant/{INDEX}"), index.to_string().into_bytes()),
    ];
    for entry in std::fs::read_dir(&case.folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if !name.ends_with(".safetensors") {
            files.push((format!("variant/{name}"), std::fs::read(&path).unwrap()));
        }
    }
    files
}

pub fn write(root: &Path, files: &[(String, Vec<u8>)]) {
    for (name, bytes) in files {
        let path = root.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}

fn in_memory(files: &[(String, Vec<u8>)]) -> MemorySource {
    let mut source = MemorySource::new("study");
    for (name, bytes) in files {
        source.insert(name.clone(), bytes.clone());
    }
    source.in_folder("variant")
}

#[test]
fn a_variant_has_the_states_of_the_same_weights_in_one_file() {
    let gpu = crate::support::gpu();
    let case = &golden::cases()[0];
    let layers = case.checkpoint().spec.text.num_hidden_layers;
    let hooks: Vec<Hook> = [Hook::ImageFeatures, Hook::FinalNorm]
        .into_iter()
        .chain((1..=layers).map(Hook::Layer))
        .collect();
    let request = CaptureRequest::new().with_all(hooks.iter().copied());
    let whole = Run::new(&gpu, case, &request);
    let (folder, files) = (tempfile::tempdir().unwrap(), study());
    write(folder.path(), &files);
    let on_disk = FolderSource::open(folder.path().join("variant")).unwrap();
    let sources = [
        Checkpoint::open(Arc::new(on_disk)).unwrap(),
        Checkpoint::open(Arc::new(in_memory(&files))).unwrap(),
    ];
    for checkpoint in sources {
        let run = Run::of(&gpu, &checkpoint, &case.image(), &case.text, &request);
        for hook in &hooks {
            let [found, expected] =
                [&run, &whole].map(|run| run.values(run.capture.get(*hook).unwrap()));
            assert_eq!(found, expected, "{hook:?}");
        }
    }
}

#[test]
fn only_files_of_weights_beside_the_folder_are_read() {
    let opened = |shard: &str| {
        let mut files = study();
        let index = files
            .iter_mut()
            .find(|(name, _)| name.ends_with(INDEX))
            .unwrap();
        let text = String::from_utf8(index.1.clone()).unwrap();
        index.1 = text
            .replace("../base/model.safetensors", shard)
            .into_bytes();
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &files);
        let on_disk = FolderSource::open(folder.path().join("variant")).unwrap();
        let error = Checkpoint::open(Arc::new(on_disk)).unwrap_err();
        let memory = Checkpoint::open(Arc::new(in_memory(&files))).unwrap_err();
        (error, memory)
    };
    for shard in [
        "/etc/hosts",
        "https://example.org/a.safetensors",
        "../base/config.json",
        "..",
        "C:/a.safetensors",
        "../base//a.safetensors",
    ] {
        let (on_disk, memory) = opened(shard);
        assert!(
            matches!(on_disk, WeightsError::ShardPath { .. }),
            "{shard}: {on_disk}"
        );
        assert_eq!(on_disk, memory);
        assert!(on_disk.to_string().contains(shard), "{on_disk}");
    }
    let (on_disk, memory) = opened("../elsewhere/model.safetensors");
    for error in [on_disk, memory] {
        assert!(
            matches!(error, WeightsError::MissingShard { .. }),
            "{error}"
        );
        assert!(
            error.to_string().contains("../elsewhere/model.safetensors"),
            "{error}"
        );
    }
}
