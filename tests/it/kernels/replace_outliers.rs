//! `replace_outliers` against its twin.

#[test]
fn equals_its_twin() {
    super::passes("replace_outliers");
}
