//! `gather_rows` against its twin.

#[test]
fn equals_its_twin() {
    super::passes("gather_rows");
}
