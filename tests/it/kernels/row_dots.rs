//! `row_dots` against its twin.

#[test]
fn equals_its_twin() {
    super::passes("row_dots");
}
