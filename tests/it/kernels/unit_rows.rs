//! `unit_rows` against its twin.

#[test]
fn equals_its_twin() {
    super::passes("unit_rows");
}
