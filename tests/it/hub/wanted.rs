//! Which files of a repository are needed.

use mirscope::hub::{FileHash, RepoFile, Wanted, wanted};

fn of(paths: &[&str]) -> Result<Wanted, String> {
    of_id("tiny/model", paths)
}

fn of_id(id: &str, paths: &[&str]) -> Result<Wanted, String> {
    let file = |path: &&str| RepoFile {
        path: (*path).to_owned(),
        size: 1 + path.len() as u64,
        hash: FileHash::GitBlob("0".repeat(40)),
    };
    let files: Vec<RepoFile> = paths.iter().map(file).collect();
    wanted(&id.parse().unwrap(), &files).map_err(|refusal| refusal.to_string())
}

#[track_caller]
fn check(paths: &[&str], expected: &[&str]) -> Vec<String> {
    let wanted = of(paths).unwrap();
    let mut found: Vec<&str> = wanted.files.iter().map(|file| file.path.as_str()).collect();
    found.sort_unstable();
    let mut expected = expected.to_vec();
    expected.sort_unstable();
    assert_eq!(found, expected);
    wanted.notes
}

#[test]
fn weights_are_taken_in_the_order_in_which_they_are_looked_for() {
    let described = ["config.json", "tokenizer.json"];
    let with = |more: &[&'static str]| [&described[..], more].concat();
    for (there, taken) in [
        (
            &[
                "model.safetensors",
                "pytorch_model.bin",
                "model.fp16.safetensors",
                "README.md",
            ][..],
            &["model.safetensors"][..],
        ),
        (
            &[
                "model-00001-of-00002.safetensors",
                "model-00002-of-00002.safetensors",
                "model.safetensors.index.json",
                "consolidated.safetensors",
                "pytorch_model.bin",
                "model.fp16-00001-of-00001.safetensors",
            ],
            &[
                "model-00001-of-00002.safetensors",
                "model-00002-of-00002.safetensors",
                "model.safetensors.index.json",
            ],
        ),
        (
            &[
                "a.safetensors",
                "b.safetensors",
                "model.safetensors.index.json",
            ],
            &[
                "a.safetensors",
                "b.safetensors",
                "model.safetensors.index.json",
            ],
        ),
        (
            &["pytorch_model.bin", "optimizer.bin", "tf_model.h5"],
            &["pytorch_model.bin"],
        ),
        (
            &[
                "pytorch_model-00001-of-00002.bin",
                "pytorch_model-00002-of-00002.bin",
                "pytorch_model.bin.index.json",
                "mm_projector.bin",
            ],
            &[
                "pytorch_model-00001-of-00002.bin",
                "pytorch_model-00002-of-00002.bin",
                "pytorch_model.bin.index.json",
            ],
        ),
    ] {
        assert!(check(&with(there), &with(taken)).is_empty());
    }
    let notes = check(
        &["config.json", "model.safetensors"],
        &["config.json", "model.safetensors"],
    );
    assert!(notes[0].contains("no tokenizer.json"), "{notes:?}");
}

#[test]
fn parts_in_folders_are_taken_with_their_files() {
    let notes = check(
        &[
            "config.json",
            "llm/config.json",
            "llm/model-00001-of-00001.safetensors",
            "llm/model.safetensors.index.json",
            "llm/tokenizer.json",
            "llm/README.md",
            "mm_projector/config.json",
            "mm_projector/model.safetensors",
            "vision_tower/config.json",
            "vision_tower/preprocessor_config.json",
            "vision_tower/model.safetensors",
            "other/model.safetensors",
        ],
        &[
            "config.json",
            "llm/config.json",
            "llm/model-00001-of-00001.safetensors",
            "llm/model.safetensors.index.json",
            "llm/tokenizer.json",
            "mm_projector/config.json",
            "mm_projector/model.safetensors",
            "vision_tower/config.json",
            "vision_tower/preprocessor_config.json",
            "vision_tower/model.safetensors",
        ],
    );
    assert!(notes.is_empty(), "{notes:?}");
}

#[test]
fn of_several_gguf_files_one_is_taken_with_its_projector() {
    let notes = check(
        &[
            "README.md",
            "X-Q8_0.gguf",
            "X-Q4_K_M.gguf",
            "X-f16.gguf",
            "mmproj-X-Q8_0.gguf",
            "mmproj-X-f16.gguf",
        ],
        &["X-Q4_K_M.gguf", "mmproj-X-f16.gguf"],
    );
    assert_eq!(
        notes,
        [
            "of 3 GGUF files, X-Q4_K_M.gguf (1 MiB) is taken; the others are X-Q8_0.gguf (1 MiB), \
             X-f16.gguf (1 MiB); to take another one, name it as tiny/model/X-Q8_0.gguf",
            "of 2 mmproj files, mmproj-X-f16.gguf is taken",
        ]
    );
    // A configuration beside it belongs to what it was made from.
    let notes = check(&["config.json", "tokenizer.json", "X.gguf"], &["X.gguf"]);
    assert!(
        notes.iter().any(|note| note.contains("sees no images")),
        "{notes:?}"
    );
}

#[test]
fn a_gguf_file_is_taken_by_its_name() {
    let there = [
        "config.json",
        "model.safetensors",
        "X-Q4_0.gguf",
        "X-Q8_0.gguf",
        "mmproj-X-f16.gguf",
        "BF16/X-BF16.gguf",
        "BF16/mmproj-X-bf16.gguf",
        "large/X-F32.gguf",
    ];
    for (id, expected) in [
        (
            "tiny/model/X-Q8_0.gguf",
            ["X-Q8_0.gguf", "mmproj-X-f16.gguf"],
        ),
        (
            "tiny/model/BF16/X-BF16.gguf@main",
            ["BF16/X-BF16.gguf", "BF16/mmproj-X-bf16.gguf"],
        ),
        (
            "tiny/model/large/X-F32.gguf",
            ["large/X-F32.gguf", "mmproj-X-f16.gguf"],
        ),
    ] {
        let wanted = of_id(id, &there).unwrap();
        let found: Vec<&str> = wanted.files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(found, expected, "{id}");
        assert!(wanted.notes.is_empty(), "{:?}", wanted.notes);
    }
    for (id, parts) in [
        (
            "tiny/model/X-Q5_0.gguf",
            &[
                "expected X-Q5_0.gguf",
                "X-Q4_0.gguf (1 MiB)",
                "large/X-F32.gguf",
            ][..],
        ),
        ("tiny/model/mmproj-X-f16.gguf", &["name one of them"]),
    ] {
        let sentence = of_id(id, &there).unwrap_err();
        for part in parts {
            assert!(sentence.contains(part), "{id}: {sentence}");
        }
    }
    let sentence = of_id("tiny/model/X.gguf", &["config.json"]).unwrap_err();
    assert!(
        sentence.contains("found no GGUF file of a model"),
        "{sentence}"
    );
}

#[test]
fn models_in_parts_are_refused_before_they_are_fetched() {
    let parts = ["X-Q8_0-00001-of-00002.gguf", "X-Q8_0-00002-of-00002.gguf"];
    for id in ["tiny/model", "tiny/model/X-Q8_0-00001-of-00002.gguf"] {
        let sentence = of_id(id, &parts).unwrap_err();
        assert!(sentence.contains("a GGUF file that is whole"), "{sentence}");
    }
    let one = [&parts[..], &["X-Q8_0.gguf"]].concat();
    check(&one, &["X-Q8_0.gguf"]);
    check(&["X-00001-of-00001.gguf"], &["X-00001-of-00001.gguf"]);
}

#[test]
fn what_is_no_checkpoint_is_named() {
    for (paths, part) in [
        (&[][..], "found no files"),
        (
            &["README.md"],
            "config.json, or a GGUF file, found README.md",
        ),
        (
            &["adapter_config.json", "adapter_model.safetensors"],
            "an adapter (LoRA)",
        ),
        (
            &["model_index.json", "unet/config.json"],
            "a pipeline of Diffusers",
        ),
        (
            &["config.json", "tf_model.h5"],
            "those of another framework",
        ),
        (
            &["config.json", "tokenizer.json"],
            "found config.json, tokenizer.json",
        ),
        (
            // A set that is not all there is none.
            &["config.json", "model-00001-of-00002.safetensors"],
            "expected model.safetensors, its shards",
        ),
        (
            // Shards in PyTorch's format are read by their index.
            &[
                "config.json",
                "pytorch_model-00001-of-00002.bin",
                "pytorch_model-00002-of-00002.bin",
            ],
            "expected model.safetensors, its shards",
        ),
    ] {
        let sentence = of(paths).unwrap_err();
        assert!(sentence.contains(part), "{paths:?}: {sentence}");
    }
}
