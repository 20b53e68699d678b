//! `patchify` against its twin.

#[test]
fn equals_its_twin() {
    super::passes("patchify");
}
