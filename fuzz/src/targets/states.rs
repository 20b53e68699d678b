//! A file of hidden states or of statistics, up to where a device would be asked for.

use std::{fs, path::PathBuf, sync::OnceLock};

use mirscope::{
    alignment::{SavedSize, SavedSums},
    report::Outliers,
};
use serde_json::json;

use crate::seeds;

pub const WORDS: &str = r#"{ } [ ] : , "__metadata__" "dtype" "shape" "data_offsets" "F32" "F16" "BF16" "I64" "U8" "pair"
    "is_vision" "is_text" "is_content" "input_ids" "checksums" "hidden_states.0" "hidden_states.1" "hidden_states.2"
    "hidden_states.2.before_norm" "states_format" "model" "data" "piece" \"format\" \"shard\" \"of\" \"pairs\" \"settings\"
    \"images\" \"skipped\" \"unread\" \"seed\" \"sums\" \"parts\" \"numbers\" \"tokens\" \"waiting\" \"kept\" "parts.0.metrics.linear-cka" "kept"
    "words" "kept.logit-lens-entropy" \"logit-lens-entropy\" 18446744073709551615"#;

pub fn run(data: &[u8]) {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    let path = PATH.get_or_init(|| {
        let memory = PathBuf::from("/dev/shm");
        let folder = if memory.is_dir() { memory } else { std::env::temp_dir() };
        folder.join(format!("mirscope-fuzz-{}.safetensors", std::process::id()))
    });
    fs::write(path, data).expect("a file that can be written");
    let _ = mirscope::fuzzed::tried_states(path.clone());
    let _ = fs::remove_file(path);
}

pub fn seeds() -> Vec<Vec<u8>> {
    let report = seeds::file("assets/demo/report.json");
    let report: serde_json::Value = serde_json::from_slice(&report).expect("a report");
    let piece = json!({
        "format": 1, "shard": 1, "of": 1, "pairs": 2, "checkpoint": "0", "pairs_sum": "0", "unread": [], "skipped": [],
        "settings": mirscope::engine::MeasureSettings::default(), "model": report["model"], "device": report["device"],
        "source": "demo", "prompt": "p", "images": [[1], [1]], "version": "0.1.0", "notes": []
    });
    let file = |piece: Option<String>| {
        let mut texts = json!({"states_format": "1", "data": "{\"source\":\"s\",\"images\":[[1],[1]]}"});
        if let Some(piece) = piece {
            texts["piece"] = piece.into();
            texts["kept"] = "{\"logit-lens-entropy\":[5,5]}".into();
            texts["words"] = "[\"a\",\" b\"]".into();
        }
        let (mut header, mut data) = (json!({"__metadata__": texts}), Vec::new());
        let mut add = |name: &str, dtype: &str, shape: serde_json::Value, bytes: Vec<u8>| {
            let begin = data.len();
            data.extend(bytes);
            header[name] = json!({"dtype": dtype, "shape": shape, "data_offsets": [begin, data.len()]});
        };
        for name in ["hidden_states.0", "hidden_states.1", "hidden_states.2", "hidden_states.2.before_norm"] {
            add(name, "F32", json!([4, 2]), vec![0x3f; 32]);
        }
        add("pair", "I64", json!([4]), [0_i64, 0, 1, 1].map(i64::to_le_bytes).concat());
        add("input_ids", "I64", json!([4]), vec![0; 32]);
        add("kept.logit-lens-entropy", "F32", json!([10]), vec![0; 40]);
        add("is_vision", "U8", json!([4]), vec![1, 0, 1, 0]);
        add("is_text", "U8", json!([4]), vec![0, 1, 0, 1]);
        add("is_content", "U8", json!([4]), vec![0, 1, 0, 1]);
        add("checksums", "I64", json!([2]), vec![0; 16]);
        seeds::safetensors(&header, &data)
    };
    let mut small = piece.clone();
    small["model"]["num_hidden_layers"] = json!(1);
    small["model"]["hidden_size"] = json!(2);
    vec![file(None), file(Some(piece.to_string())), sums(&small)]
}

/// A file of sums: one part of two pairs, a state of width 2.
fn sums(piece: &serde_json::Value) -> Vec<u8> {
    let size = SavedSize { width: 2, tokens: 2, waiting: 1, outliers: Outliers::Replace };
    let about = json!({
        "format": 1, "width": 2, "metrics": ["linear-cka"],
        "parts": [{"numbers": [0, 1], "tokens": [[1, 1], [1, 1]], "waiting": [[1, 1]], "kept": [[1, 1]]}],
    });
    let texts = json!({"piece": piece.to_string(), "sums": about.to_string()});
    let mut tensors: Vec<(String, Vec<f32>)> = Vec::new();
    for modality in ["vision", "text"] {
        for (name, count) in SavedSums::NAMES.into_iter().zip(size.values()) {
            let values = match name {
                "fates" => vec![1.0, 2.0],
                _ => vec![1.0; count],
            };
            tensors.push((format!("parts.0.hidden_states.1.before_norm.{modality}.{name}"), values));
        }
    }
    tensors.push(("parts.0.metrics.linear-cka".to_owned(), vec![1.0; 2]));
    let bytes = |values: &[f32]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
    let said = tensors.iter().flat_map(|(_, values)| mirscope::fuzzed::sum_of(&bytes(values)).to_le_bytes());
    let mut data: Vec<u8> = said.collect();
    let mut header = json!({"__metadata__": texts});
    header["checksums"] = json!({"dtype": "I64", "shape": [tensors.len()], "data_offsets": [0, data.len()]});
    for (name, values) in &tensors {
        let begin = data.len();
        data.extend(bytes(values));
        header[name] = json!({"dtype": "F32", "shape": [values.len()], "data_offsets": [begin, data.len()]});
    }
    seeds::safetensors(&header, &data)
}
