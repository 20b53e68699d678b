//! `activation` against its twin.

#[test]
fn equals_its_twin() {
    super::passes("activation");
}
