//! `row_changes` against its twin.

#[test]
fn equals_its_twin() {
    super::passes("row_changes");
}
