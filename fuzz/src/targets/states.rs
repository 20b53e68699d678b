//! A file of hidden states or of statistics, up to where a device would be asked for.

use std::{fs, path::PathBuf, sync::OnceLock};

use serde_json::json;

use crate::seeds;

pub const WORDS: &str = r#"{ } [ ] : , "__metadata__" "dtype" "shape" "data_offsets" "F32" "F16" "BF16" "I64" "U8" "pair"
    "is_vision" "is_text" "is_content" "input_ids" "checksums" "hidden_states.0" "hidden_states.1" "hidden_states.2"
    "hidden_states.2.before_norm" "states_format" "model" "data" "piece" \"format\" \"shard\" \"of\" \"pairs\" \"settings\"
    \"images\" \"skipped\" \"unread\" \"seed\" 18446744073709551615"#;

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
        add("is_vision", "U8", json!([4]), vec![1, 0, 1, 0]);
        add("is_text", "U8", json!([4]), vec![0, 1, 0, 1]);
        add("is_content", "U8", json!([4]), vec![0, 1, 0, 1]);
        add("checksums", "I64", json!([2]), vec![0; 16]);
        seeds::safetensors(&header, &data)
    };
    vec![file(None), file(Some(piece.to_string()))]
}
