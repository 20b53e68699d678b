//! `matmul_naive` against its twin.

#[test]
fn equals_its_twin() {
    super::passes("matmul_naive");
}
