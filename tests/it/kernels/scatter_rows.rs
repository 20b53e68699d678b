//! `scatter_rows` against its twin.

#[test]
fn equals_its_twin() {
    super::passes("scatter_rows");
}
