//! `token_norms` against its twin.

#[test]
fn equals_its_twin() {
    super::passes("token_norms");
}
