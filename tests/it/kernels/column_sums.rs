//! `column_sums` against its twin.

#[test]
fn equals_its_twin() {
    super::passes("column_sums");
}
