//! `center_rows` against its twin.

#[test]
fn equals_its_twin() {
    super::passes("center_rows");
}
