//! `count_bins` against its twin.

#[test]
fn equals_its_twin() {
    super::passes("count_bins");
}
