//! The page about performance.

use std::path::Path;

use mirscope::report::{performance_markdown, read_records};

#[test]
fn the_page_is_that_of_the_stored_records() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let records = read_records(&root.join("assets/records")).unwrap();
    assert!(!records.is_empty());
    let page = std::fs::read_to_string(root.join("docs/performance.md")).unwrap();
    assert!(
        page == performance_markdown(&records),
        "docs/performance.md is not made of assets/records; make it again with `./dev records`"
    );
    // Software adapters come first.
    let first = page.find("\n## ").map(|at| &page[at..]).unwrap();
    assert!(first.starts_with("\n## llvmpipe"), "{first}");
}

/// What other programs took stands below the adapter's own tables, a loss as a ratio below 1.
#[test]
fn other_programs_stand_beside_the_record_of_their_adapter() {
    let stored = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/records/llvmpipe.json");
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(stored, folder.path().join("a.json")).unwrap();
    let entry = |peer: &str, peer_seconds: f64| {
        serde_json::json!({
            "model": "m|n", "what": "256 tokens", "where": "native", "peer": peer, "device": "d",
            "runs": 5, "seconds": 0.5, "peer_runs": 1, "peer_seconds": peer_seconds, "deviation": 2e-6,
        })
    };
    let peers = serde_json::json!({
        "schema": 1, "mirscope_version": "0.1.0", "date": "2026-11-27",
        "device": {"adapter": "a", "backend": "", "device_type": "cpu", "driver": "", "kernels": ""},
        "host": {"os": "linux", "arch": "x86_64", "cpus": 2, "processor": "P (AVX2)"},
        "entries": [entry("slow", 4.0), entry("fast", 0.25)],
        "left_out": [{"name": "m, 1024 tokens", "reason": "would take 900 s"}],
    });
    std::fs::write(folder.path().join("a.peers.json"), peers.to_string()).unwrap();
    let records = read_records(folder.path()).unwrap();
    assert_eq!(records.len(), 1);
    let page = performance_markdown(&records);
    let row = r"| m\|n | 256 tokens | native | slow | d | 500.00 ms | 4.00 s | 8.00 | 2.0e-6 |";
    assert!(page.contains(row), "{page}");
    assert!(page.contains("| 500.00 ms | 250.00 ms | 0.50 |"), "{page}");
    let machine = "2026-11-27; 2 threads of P (AVX2), linux x86_64. All";
    assert!(page.contains(machine), "{page}");
    assert!(
        page.contains("- m, 1024 tokens: would take 900 s"),
        "{page}"
    );
    std::fs::write(folder.path().join("a.peers.json"), "{\"schema\": 2}").unwrap();
    let error = read_records(folder.path()).unwrap_err().to_string();
    assert!(error.contains("a.peers.json"), "{error}");
}

#[test]
fn a_record_of_another_layout_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    for (text, reason) in [
        ("{\"schema\": 999}", "`schema` 1, found 999"),
        ("{}", "missing field `schema`"),
        ("{\"schema\": 1}", "missing field"),
    ] {
        std::fs::write(folder.path().join("a.json"), text).unwrap();
        let error = read_records(folder.path()).unwrap_err().to_string();
        assert!(
            error.contains("a.json") && error.contains(reason),
            "{error}"
        );
    }
}
