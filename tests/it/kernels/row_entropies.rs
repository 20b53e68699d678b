//! `row_entropies` against its twin.

#[test]
fn equals_its_twin() {
    super::passes("row_entropies");
}
