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
