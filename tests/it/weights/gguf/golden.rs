//! Blocks as the package `gguf` reads them, and small decoders as transformers runs them: see
//! `tests/golden/make_gguf.py`.

use std::{path::PathBuf, sync::Arc};

use mirscope::{
    blocks::Block,
    engine::{CheckRequest, Command, DeviceSettings, Event, KernelChoice, Session},
    model::Checkpoint,
    weights::FolderSource,
};
use safetensors::SafeTensors;
use serde_json::Value as Json;

use crate::{engine::last, golden};

fn root() -> PathBuf {
    golden::root().join("gguf")
}

fn cases() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root()).unwrap();
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    folders.retain(|folder| folder.is_dir());
    folders.sort();
    folders
}

#[test]
fn blocks_stand_for_what_the_package_makes_of_them() {
    let bytes = std::fs::read(root().join("blocks.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    for block in Block::ALL {
        let tensor = |part: &str| file.tensor(&format!("{}.{part}", block.name())).unwrap();
        let values = tensor("values");
        let expected = values.data().as_chunks::<4>().0.iter();
        let expected: Vec<f32> = expected.map(|b| f32::from_le_bytes(*b)).collect();
        assert_eq!(block.decode(tensor("blocks").data()), expected, "{block:?}");
        assert_eq!(expected.len(), 6 * block.elements());
    }
}

#[test]
fn states_are_those_of_the_dequantized_weights() {
    for (kernel, webgpu_limits) in [(KernelChoice::Direct, false), (KernelChoice::Tiled, true)] {
        let request = CheckRequest {
            device: DeviceSettings {
                kernel,
                webgpu_limits,
                ..DeviceSettings::default()
            },
            golden: Some(root()),
            states_only: true,
            ..CheckRequest::default()
        };
        let command = Command::Check(Box::new(request));
        let Event::Check(report) = last(&mut Session::default(), command) else {
            panic!("expected a report");
        };
        let wrong: Vec<_> = report.states.iter().filter(|line| !line.ok).collect();
        assert!(wrong.is_empty(), "{kernel:?}: {wrong:#?}");
        assert_eq!(report.states.len(), cases().len());
        assert!(report.states.iter().all(|line| line.states > 3));
    }
}

/// By the crate that reads what is written of the metadata; the ids are those of Hugging Face's tokenizers and
/// of SentencePiece itself.
#[test]
fn texts_become_the_same_tokens() {
    for folder in cases() {
        let name = folder.display().to_string();
        let source = Arc::new(FolderSource::open(&folder).unwrap());
        let checkpoint = Checkpoint::open(source).unwrap();
        let bytes = checkpoint.source().read("tokenizer.json").unwrap();
        let tokenizer = tokenizers::Tokenizer::from_bytes(bytes).unwrap();
        let turns = std::fs::read(folder.join("tokens.json")).unwrap();
        let turns: Json = serde_json::from_slice(&turns).unwrap();
        for turn in turns.as_array().unwrap() {
            let text = turn["text"].as_str().unwrap();
            let found = tokenizer.encode(text, true).unwrap();
            let expected = turn["input_ids"].as_array().unwrap().iter();
            let expected: Vec<u32> = expected.map(|id| id.as_u64().unwrap() as u32).collect();
            assert_eq!(found.get_ids(), expected, "{name}: {text:?}");
        }
        let config = checkpoint.source().read("tokenizer_config.json").unwrap();
        let config: Json = serde_json::from_slice(&config).unwrap();
        assert!(
            config["chat_template"]
                .as_str()
                .unwrap()
                .contains("m['role']"),
            "{name}"
        );
    }
}
