//! `sum_pieces` against its twin.

#[test]
fn joins_pieces_with_all_that_surrounds_a_product() {
    super::passes("sum_pieces");
}
