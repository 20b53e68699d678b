//! `row_maxima` against its twin.

#[test]
fn equals_its_twin() {
    super::passes("row_maxima");
}
