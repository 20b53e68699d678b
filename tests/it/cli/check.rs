//! `mirscope check` and `mirscope bench --record`.

use mirscope::report::{BenchRecord, RECORD_SCHEMA};

use super::{outcome, run, text};

#[test]
fn a_folder_without_states_is_refused_before_anything_runs() {
    let (code, out, err) = outcome(&["check", "--golden", "."]);
    assert_eq!((code, out.as_str()), (1, ""), "{err}");
    assert!(err.contains("golden.safetensors, found none"), "{err}");
}

/// Nothing fits a budget of nothing, and all of it is named.
#[test]
fn a_record_names_what_its_budget_leaves_out() {
    let folder = tempfile::tempdir().unwrap();
    let args = ["bench", "--record", "record.json", "--budget", "0"];
    let (code, out, err) = text(&run(folder.path(), &args));
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("left out"), "{out}");
    let json = std::fs::read_to_string(folder.path().join("record.json")).unwrap();
    let record: BenchRecord = serde_json::from_str(&json).unwrap();
    assert_eq!(record.schema, RECORD_SCHEMA);
    assert!(record.entries.is_empty());
    for group in [
        "matmul: 1024 x 1024 x 1024, f16",
        "matvec: 1 x 4096 x 4096, bf16",
        "attention: 1024 tokens",
        "overhead: 1000 tiny calls",
        "prefill: 1.1B-sized decoder, 1024 tokens",
        "tower: ",
        "metric: ",
        "transfer: ",
    ] {
        let named = record
            .left_out
            .iter()
            .any(|left_out| left_out.name.starts_with(group));
        assert!(named, "{group}: {:?}", record.left_out);
    }
}
