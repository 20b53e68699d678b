//! Folders as people have them: shards without an index, adapters, caches, other formats.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use mirscope::{
    model::Checkpoint,
    platform::native::files_at,
    weights::{FolderSource, MemorySource, PickedSource},
};
use serde_json::json;

use super::build::{self, Tensors};

const CONFIG: &str = "config.json";

/// What opening a folder of these files ends in, from the disk, as picked on a page, and in memory.
#[track_caller]
fn refused(files: &[(&str, &[u8])], parts: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    // A name of its own, as of a model.
    let root = folder.path().join("given");
    std::fs::create_dir(&root).unwrap();
    let mut memory = MemorySource::new("given");
    for (name, bytes) in files {
        write(&root, name, bytes);
        memory.insert(*name, bytes.to_vec());
    }
    let on_disk = Checkpoint::open(Arc::new(FolderSource::open(&root).unwrap())).unwrap_err();
    let in_memory = Checkpoint::open(Arc::new(memory)).unwrap_err();
    let mut errors = vec![on_disk.to_string(), in_memory.to_string()];
    // Of a folder without any file a page hears nothing.
    if !files.is_empty() {
        let picked = PickedSource::new(files_at(&[root]));
        let picked = picked.and_then(|source| Checkpoint::open(Arc::new(source)));
        errors.push(picked.unwrap_err().to_string());
    }
    for error in errors {
        assert!(
            error.contains("expected") && error.contains("found"),
            "{error}"
        );
        for part in parts {
            assert!(error.contains(part), "expected {part:?} in: {error}");
        }
    }
}

fn write(root: &Path, name: &str, bytes: &[u8]) {
    let path = root.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

fn config() -> Vec<u8> {
    build::config().to_string().into_bytes()
}

/// The tiny checkpoint's weights in `count` shards, named after `name(k)`.
fn shards(count: usize, name: impl Fn(usize) -> String) -> Vec<(String, Vec<u8>)> {
    let tensors: Vec<_> = build::tensors(&build::config()).into_iter().collect();
    let shard = |(k, part): (usize, &[(String, _)])| {
        let part: Tensors = part.iter().cloned().collect();
        (name(k + 1), build::safetensors(&part))
    };
    let size = tensors.len().div_ceil(count);
    tensors.chunks(size).enumerate().map(shard).collect()
}

#[test]
fn shards_without_an_index_are_loaded_where_they_are_complete() {
    let whole = build::open(&build::config(), &build::tensors(&build::config())).unwrap();
    for (count, digits) in [(1, 5), (3, 5), (3, 1), (4, 3)] {
        let name = |k: usize| format!("model-{k:0digits$}-of-{count:0digits$}.safetensors");
        let mut source = MemorySource::new("box").with(CONFIG, config());
        for (name, bytes) in shards(count, name) {
            source.insert(name, bytes);
        }
        // A copy's hidden files are none of the shards.
        source.insert("._model-00001-of-00009.safetensors", vec![1]);
        let checkpoint = Checkpoint::open(Arc::new(source)).unwrap();
        for (name, info) in whole.iter() {
            let found = checkpoint.tensor(name, &info.shape).unwrap();
            assert_eq!(found, whole.tensor(name, &info.shape).unwrap());
        }
    }
}

#[test]
fn missing_shards_are_named() {
    let config = config();
    let name = |k: usize| format!("model-{k:05}-of-00003.safetensors");
    let all = shards(3, name);
    let mut files: Vec<(&str, &[u8])> = vec![(CONFIG, &config)];
    files.push((&all[0].0, &all[0].1));
    let (second, third) = (name(2), name(3));
    refused(
        &files,
        &["3 files of weights", "found 1 of them", &second, &third],
    );
    // The same where an index names them.
    let map: serde_json::Map<_, _> = all
        .iter()
        .map(|(name, _)| (name.clone(), json!(name)))
        .collect();
    let index = json!({"weight_map": map}).to_string();
    files.push(("model.safetensors.index.json", index.as_bytes()));
    refused(
        &files,
        &["3 files of weights", "found 1 of them", &second, &third],
    );
}

#[test]
fn two_complete_sets_are_not_mixed() {
    let config = config();
    let three = shards(3, |k| format!("model-{k:05}-of-00003.safetensors"));
    let two = shards(2, |k| format!("model-{k:05}-of-00002.safetensors"));
    let mut files: Vec<(&str, &[u8])> = vec![(CONFIG, &config)];
    files.extend(
        three
            .iter()
            .chain(&two)
            .map(|(name, bytes)| (name.as_str(), &bytes[..])),
    );
    refused(&files, &["a set of 2 and a set of 3", "remove"]);
}

#[test]
fn an_adapter_is_told_with_its_base() {
    let adapter =
        br#"{"base_model_name_or_path": "llava-hf/llava-1.5-7b-hf", "peft_type": "LORA"}"#;
    let weights = build::safetensors(&Tensors::new());
    let parts = ["LoRA", "llava-hf/llava-1.5-7b-hf", "merge_and_unload"];
    refused(
        &[
            ("adapter_config.json", adapter),
            ("adapter_model.safetensors", &weights),
        ],
        &parts,
    );
    // Also where a configuration lies beside it, even of another architecture.
    let foreign = br#"{"architectures": ["LlavaLlamaForCausalLM"]}"#;
    for config in [&config()[..], foreign] {
        refused(
            &[
                (CONFIG, config),
                ("adapter_config.json", adapter),
                ("adapter_model.bin", b"PK"),
            ],
            &parts,
        );
    }
    refused(
        &[("config.json", &config()), ("mm_projector.bin", b"PK")],
        &["only the connector", "mm_projector.bin"],
    );
}

#[test]
fn an_adapter_beside_whole_weights_is_a_note() {
    let source = build::source(
        &build::config(),
        build::safetensors(&build::tensors(&build::config())),
    );
    let checkpoint = Checkpoint::open(Arc::new(source.with("adapter_config.json", b"{}".to_vec())));
    let notes = checkpoint.unwrap().notes();
    assert!(
        notes.iter().any(|note| note.contains("not applied")),
        "{notes:?}"
    );
}

#[test]
fn other_packagings_each_have_their_sentence() {
    let config = config();
    let cases: [(&[&str], &[&str]); 15] = [
        (
            &["model.fp16.safetensors"],
            &["variant (`fp16`)", "rename it to model.safetensors"],
        ),
        (
            &[
                "model.fp16-00001-of-00002.safetensors",
                "model.fp16-00002-of-00002.safetensors",
            ],
            &["variant (`fp16`)", "and 1 more"],
        ),
        (
            &[
                "model-00001-of-00002.bf16.safetensors",
                "model.safetensors.index.bf16.json",
            ],
            &["variant (`bf16`)"],
        ),
        (
            &["llava-q4_k_m.gguf", "mmproj.gguf"],
            &["GGUF", "name the file itself"],
        ),
        (
            &["pytorch_model.bin"],
            &["pytorch_model.bin", "torch.save", "download the file again"],
        ),
        (
            &[
                "pytorch_model-00001-of-00002.bin",
                "pytorch_model-00002-of-00002.bin",
                "pytorch_model.bin.index.json",
            ],
            &["pytorch_model.bin.index.json", "JSON"],
        ),
        (
            &["llava.pth"],
            &["llava.pth", "rename it to pytorch_model.bin"],
        ),
        (
            &["a.bin", "b.bin"],
            &["a.bin, b.bin", "pytorch_model.bin.index.json"],
        ),
        (&["training_args.bin"], &["neither, only files that"]),
        (&["tf_model.h5"], &["tf_model.h5", "another framework"]),
        (&["llava.safetensors"], &["llava.safetensors", "rename it"]),
        (
            &["a.safetensors", "b.safetensors"],
            &["a.safetensors, b.safetensors", "index"],
        ),
        (
            &["model.safetensors.part"],
            &["download that did not finish"],
        ),
        (&["model.zip"], &["an archive", "unpack"]),
        (
            &["tokenizer.json", "README.md"],
            &["neither", "download the weights"],
        ),
    ];
    for (names, parts) in cases {
        let mut files: Vec<(&str, &[u8])> = names.iter().map(|name| (*name, &b"x"[..])).collect();
        files.push((CONFIG, &config));
        refused(&files, parts);
    }
}

#[test]
fn folders_without_a_configuration_say_what_they_are() {
    refused(&[], &["an empty folder"]);
    refused(
        &[("model.gguf", b"GGUF")],
        &["model.gguf", "0 bytes to the end"],
    );
    refused(
        &[("pytorch_model.bin", b"PK")],
        &[
            "no config.json among pytorch_model.bin",
            "download config.json",
        ],
    );
    refused(
        &[("model.safetensors", b"x"), ("tokenizer.json", b"{}")],
        &[
            "no config.json among model.safetensors, tokenizer.json",
            "download config.json",
        ],
    );
    refused(
        &[("consolidated.00.pth", b"x"), ("params.json", b"{}")],
        &["layout of a model's makers"],
    );
    refused(&[("model_index.json", b"{}")], &["Diffusers"]);
    let blob = "0f".repeat(32);
    refused(&[(&blob, b"x")], &["`blobs`", "`snapshots`"]);
}

/// Opens a folder on disk and returns the error.
fn error_on_disk(root: &Path) -> String {
    let source = FolderSource::open(root).unwrap();
    Checkpoint::open(Arc::new(source)).unwrap_err().to_string()
}

#[test]
fn a_hub_cache_names_the_snapshot_to_use() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("models--llava-hf--tiny");
    let (old, new) = ("a1".repeat(20), "b2".repeat(20));
    write(&root, "refs/main", new.as_bytes());
    write(&root, &format!("blobs/{}", "0f".repeat(32)), b"x");
    for hash in [&old, &new] {
        write(&root, &format!("snapshots/{hash}/config.json"), &config());
    }
    let error = error_on_disk(&root);
    assert!(error.contains("Hugging Face cache"), "{error}");
    assert!(error.contains(&format!("snapshots/{new}")), "{error}");
    assert!(!error.contains(&old), "{error}");
    // From above as well.
    let error = error_on_disk(folder.path());
    assert!(
        error.contains(&format!("models--llava-hf--tiny/snapshots/{new}")),
        "{error}"
    );
    // A page may see the blobs alone: browsers do not follow the links of a snapshot.
    std::fs::remove_dir_all(root.join("snapshots")).unwrap();
    let picked = PickedSource::new(files_at(std::slice::from_ref(&root)))
        .unwrap_err()
        .to_string();
    for error in [picked, error_on_disk(&root)] {
        assert!(error.contains("Hugging Face cache"), "{error}");
        assert!(error.contains("hf download"), "{error}");
    }
}

#[test]
fn a_page_takes_the_only_snapshot_of_a_cache() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("models--llava-hf--tiny");
    let weights = build::safetensors(&build::tensors(&build::config()));
    write(&root, "refs/main", b"b2");
    write(&root, "snapshots/b2/config.json", &config());
    write(&root, "snapshots/b2/model.safetensors", &weights);
    let source = PickedSource::new(files_at(&[root])).unwrap();
    Checkpoint::open(Arc::new(source)).unwrap();
}

#[test]
fn a_folder_of_checkpoints_names_them() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "checkpoint-500/config.json", &config());
    let error = error_on_disk(folder.path());
    assert!(error.contains("checkpoint-500"), "{error}");
    write(folder.path(), "checkpoint-1000/config.json", &config());
    let error = error_on_disk(folder.path());
    assert!(error.contains("checkpoint-1000, checkpoint-500"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_link_into_nothing_is_told_as_such() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), CONFIG, &config());
    let target = PathBuf::from("../../blobs/0f");
    std::os::unix::fs::symlink(&target, folder.path().join("model.safetensors")).unwrap();
    let error = error_on_disk(folder.path());
    assert!(error.starts_with("model.safetensors: "), "{error}");
    assert!(error.contains("a link to ../../blobs/0f"), "{error}");
}

#[test]
fn what_is_no_folder_is_told_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "model.gguf", b"GGUF");
    let error = FolderSource::open(folder.path().join("model.gguf")).unwrap_err();
    assert!(
        error.to_string().contains("the folder that holds it"),
        "{error}"
    );
    let error = FolderSource::open("llava-hf/llava-1.5-7b-hf").unwrap_err();
    assert!(
        error.to_string().contains("has to be fetched first"),
        "{error}"
    );
}
