//! What lies in the place of a checkpoint's file is named, wherever it lies.

use std::{path::Path, sync::Arc};

use mirscope::{
    engine::{Command, DeviceSettings, Event, InspectRequest, ModelSource, Session},
    input::Processor,
    model::Checkpoint,
    platform::native::files_at,
    weights::{ByteSource, MemorySource},
};

use super::build;
use crate::golden;

const POINTER: &[u8] =
    b"version https://git-lfs.github.com/spec/v1\noid sha256:3f3f\nsize 5169408\n";

/// What each of these is called, and what to do about it.
const STAND_INS: [(&[u8], [&str; 2]); 4] = [
    (POINTER, ["Git LFS pointer", "git lfs pull"]),
    (
        b"\n<!DOCTYPE html>\n<html><body>Sign in</body></html>",
        ["a web page", "download the file itself"],
    ),
    (b"", ["an empty file", "download it again"]),
    (&[0; 700], ["zero bytes", "download it again"]),
];

/// A small checkpoint in memory.
fn files(case: &str) -> MemorySource {
    let mut source = MemorySource::new("box");
    for entry in std::fs::read_dir(golden::root().join(case)).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        source.insert(name, std::fs::read(path).unwrap());
    }
    source
}

/// The first error on the way to a model and its processor.
fn error_of(source: MemorySource) -> String {
    let source: Arc<dyn ByteSource> = Arc::new(source);
    let checkpoint = match Checkpoint::open(source.clone()) {
        Ok(checkpoint) => checkpoint,
        Err(error) => return error.to_string(),
    };
    match Processor::open(&*source, &checkpoint.spec) {
        Ok(_) => panic!("expected an error"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn in_the_place_of_any_file() {
    for (case, file) in [
        ("clip_mlp_gqa_tied_f32", "config.json"),
        ("clip_mlp_gqa_tied_f32", "model.safetensors"),
        ("clip_mlp_gqa_tied_f32", "tokenizer.json"),
        ("clip_mlp_gqa_tied_f32", "tokenizer_config.json"),
        ("clip_mlp_gqa_tied_f32", "processor_config.json"),
        ("clip_mlp_gqa_tied_f32", "preprocessor_config.json"),
        ("clip_mlp_gqa_tied_f32", "special_tokens_map.json"),
        ("clip_mlp_gqa_tied_f32", "chat_template.jinja"),
        ("clip_mlp_gqa_tied_f32", "chat_template.json"),
        ("siglip_sharded_biases", "model.safetensors.index.json"),
        ("siglip_sharded_biases", "model-00003-of-00005.safetensors"),
    ] {
        for (bytes, parts) in STAND_INS {
            let mut source = files(case);
            if file == "preprocessor_config.json" {
                // Asked for only where the other file has no image processor.
                source.insert("processor_config.json", b"{}".to_vec());
            }
            let error = error_of(source.with(file, bytes.to_vec()));
            assert!(error.starts_with(&format!("{file}: expected ")), "{error}");
            for part in parts {
                assert!(error.contains(part), "expected {part:?} in: {error}");
            }
        }
    }
}

#[test]
fn a_pointer_tells_the_size_of_what_is_missing() {
    let error = error_of(files("clip_mlp_gqa_tied_f32").with("model.safetensors", POINTER));
    assert!(error.contains("5169408 bytes"), "{error}");
}

#[test]
fn other_formats_and_servers_answers_in_the_place_of_weights() {
    for (bytes, part) in [
        (&b"PK\x03\x04\x14\0\0\0archive/data.pkl"[..], "pickle"),
        (b"\x80\x02}q\0X\x01\0\0\0a", "pickle"),
        (b"GGUF\x03\0\0\0\x23\x01\0\0", "GGUF"),
        (b"\x1f\x8b\x08\0\0\0\0\0\0\x03", "unpack"),
        (
            b"Entry not found",
            "text that begins with \"Entry not found\"",
        ),
        (
            b"{\"error\": \"Invalid username\"}",
            "text that begins with",
        ),
    ] {
        let error = error_of(build::source(&build::config(), bytes.to_vec()));
        assert!(error.starts_with("model.safetensors: "), "{error}");
        assert!(error.contains(part), "expected {part:?} in: {error}");
    }
}

#[test]
fn servers_answers_in_the_place_of_json() {
    let with =
        |text: &[u8]| error_of(files("clip_mlp_gqa_tied_f32").with("config.json", text.to_vec()));
    let error = with(b"Entry not found");
    assert!(
        error.contains("it begins with \"Entry not found\""),
        "{error}"
    );
    let error = with(br#"{"error": "Access to model x is restricted."}"#);
    assert!(error.contains("a server's complaint"), "{error}");
    assert!(
        error.contains("Access to model x is restricted."),
        "{error}"
    );
    // An escape code of a server does not reach a terminal.
    let error = with(b"\x1b[2Jnothing");
    assert!(!error.contains('\u{1b}'), "{error:?}");
}

#[test]
fn a_tokenizer_in_another_form_is_told() {
    let mut source = MemorySource::new("box");
    let whole = files("clip_mlp_gqa_tied_f32");
    for name in whole.list().unwrap() {
        if name != "tokenizer.json" {
            source.insert(name.clone(), whole.read(&name).unwrap());
        }
    }
    let error = error_of(source.clone());
    assert!(
        error.contains("expected tokenizer.json, found no such file"),
        "{error}"
    );
    let error = error_of(source.with("tokenizer.model", b"x".to_vec()));
    assert!(
        error.contains("tokenizer.model") && error.contains("save_pretrained"),
        "{error}"
    );
}

#[test]
fn a_byte_order_mark_is_skipped() {
    let mut source = files("siglip_sharded_biases");
    for name in source.list().unwrap() {
        if name.ends_with(".json") || name.ends_with(".jinja") {
            let bytes = source.read(&name).unwrap();
            source.insert(name, [b"\xef\xbb\xbf", &bytes[..]].concat());
        }
    }
    let plain = files("siglip_sharded_biases");
    let prompt = |source: MemorySource| {
        let source: Arc<dyn ByteSource> = Arc::new(source);
        let checkpoint = Checkpoint::open(source.clone()).unwrap();
        let processor = Processor::open(&*source, &checkpoint.spec).unwrap();
        {
            let plan = processor.plan("an image", 14, 14).unwrap();
            processor.prompt("text", "A cat on a mat.", &plan).unwrap()
        }
    };
    assert_eq!(prompt(source), prompt(plain));
    let error =
        error_of(files("clip_mlp_gqa_tied_f32").with("config.json", b"\xff\xfe{\0}\0".to_vec()));
    assert!(
        error.contains("UTF-16") && error.contains("UTF-8"),
        "{error}"
    );
}

/// The failure of inspecting the files of `folder` as a page picks them.
fn picked_error(folder: &Path) -> String {
    let command = Command::Inspect(Box::new(InspectRequest {
        model: ModelSource::Picked(files_at(&[folder.to_owned()])),
        device: DeviceSettings::default(),
        image: None,
        fetch: false,
    }));
    match crate::engine::last(&mut Session::default(), command) {
        Event::Failed(reason) => reason,
        other => panic!("expected a failure, found {other:?}"),
    }
}

#[test]
fn picked_files_are_told_alike() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    write("config.json", build::config().to_string().as_bytes());
    for (bytes, parts) in STAND_INS {
        write("model.safetensors", bytes);
        let error = picked_error(folder.path());
        assert!(error.contains("model.safetensors: "), "{error}");
        for part in parts {
            assert!(error.contains(part), "expected {part:?} in: {error}");
        }
    }
}
