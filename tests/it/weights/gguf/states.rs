//! Golden checkpoints through their two files in GGUF format: token ids, placeholders, pixel values and all
//! states are those of transformers, and what Hugging Face's own files give.

use std::path::Path;

use mirscope::{
    engine::{CheckRequest, Command, DeviceSettings, Event, KernelChoice, Session},
    report::StatesLine,
};

use super::{
    convert::{Kind, Stored, convert},
    vision::{compare, opened},
};
use crate::{
    engine::last,
    golden::{self, GoldenCase},
};

fn kind(projector: &'static str, architecture: &'static str) -> Kind {
    Kind {
        projector,
        architecture,
    }
}

/// The families, their kinds, and the cases that the format can hold: what it has no key for are images that
/// are not split or not scaled to the tower's own size, and features of another layer.
fn cases() -> Vec<(&'static str, Kind, &'static [&'static str])> {
    vec![
        ("llava_original", kind("mlp", "llama"), &["bin_shards"]),
        (
            "gemma3",
            kind("gemma3", "gemma3"),
            &["document_f16", "text_bf16", "window_bf16"],
        ),
        (
            "idefics3",
            kind("idefics3", "llama"),
            &["document_bf16", "document_f32", "row_f32", "split_bf16"],
        ),
        (
            "smolvlm",
            kind("idefics3", "llama"),
            &["document_bf16", "split_f16"],
        ),
        (
            "internvl",
            kind("internvl", "qwen2"),
            &["document_bf16", "hub_bf16", "qk_norm_f16"],
        ),
        (
            "qwen2_vl",
            kind("qwen2vl_merger", "qwen2vl"),
            &["hub_bf16", "new_f32", "text_f16"],
        ),
        (
            "qwen2_5_vl",
            kind("qwen2.5vl_merger", "qwen2vl"),
            &["document_f16", "windows_bf16"],
        ),
    ]
}

/// The lines of `mirscope check` for the folders in `root`.
fn lines(root: &Path, kernel: KernelChoice) -> Vec<StatesLine> {
    let request = CheckRequest {
        device: DeviceSettings {
            kernel,
            ..DeviceSettings::default()
        },
        golden: Some(root.to_owned()),
        states_only: true,
        ..CheckRequest::default()
    };
    let command = Command::Check(Box::new(request));
    let Event::Check(report) = last(&mut Session::default(), command) else {
        panic!("expected a report");
    };
    report.states
}

/// Puts a case's files into `to`, all but those of the checkpoint.
fn copy_inputs(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let is_input = ["golden.safetensors", "text.txt", "document.jsonl"].contains(&name);
        if is_input || name.starts_with("image") {
            std::fs::copy(&path, to.join(name)).unwrap();
        }
    }
}

#[test]
fn states_through_two_files_are_those_of_transformers() {
    for (family, kind, cases) in cases() {
        for stored in [Stored::Own, Stored::F32] {
            let root = tempfile::tempdir().unwrap();
            for case in cases {
                let case = GoldenCase::at(&format!("families/{family}/{case}"));
                let checkpoint = case.checkpoint();
                let files = convert(kind, &case.folder, &checkpoint, stored);
                let folder = root.path().join(&case.name);
                copy_inputs(&case.folder, &folder);
                for (name, file) in ["model.gguf", "mmproj-model.gguf"].iter().zip(&files) {
                    std::fs::write(folder.join(name), file.bytes()).unwrap();
                }
                // Gemma's norms are rounded once.
                if family != "gemma3" {
                    compare(&checkpoint, &opened(files).unwrap(), 0.0);
                }
            }
            let found = lines(root.path(), KernelChoice::Tiled);
            let own = lines(
                &golden::root().join("families").join(family),
                KernelChoice::Tiled,
            );
            assert_eq!(found.len(), cases.len(), "{family}");
            for line in found {
                assert!(
                    line.ok && line.states > 5,
                    "{family}, {stored:?}: {line:#?}"
                );
                let mut own = own.iter();
                let own = own.find(|own| own.name == line.name).unwrap();
                println!(
                    "{family}/{}: {} states, {:.1e} ({stored:?}), {:.1e} by Hugging Face's files",
                    line.name,
                    line.states,
                    line.error.unwrap(),
                    own.error.unwrap()
                );
                // The same weights give the same bits.
                if stored == Stored::Own && !["gemma3", "llava_original"].contains(&family) {
                    assert_eq!(
                        (line.states, line.error),
                        (own.states, own.error),
                        "{family}"
                    );
                }
            }
        }
    }
}
