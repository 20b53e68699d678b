//! Peak speeds of adapters by name.

/// f32 multiply-adds outside of matrix units, GFLOP/s, from the vendors' data sheets. Longer names
/// come before the names they contain.
const KNOWN: [(&str, f64); 12] = [
    ("H100 PCIe", 51_200.0),
    ("H100", 66_900.0),
    ("H200", 66_900.0),
    ("A100", 19_500.0),
    ("L40S", 91_600.0),
    ("L4", 30_300.0),
    ("T4", 8_100.0),
    ("RTX 4090", 82_600.0),
    ("RTX 3090", 35_600.0),
    ("M2 Max", 13_500.0),
    ("M2 Pro", 6_800.0),
    ("M2", 3_600.0),
];

/// Peak of the adapter in f32 GFLOP/s, where it is known.
pub(super) fn gflops(adapter: &str) -> Option<f64> {
    let words: Vec<&str> = adapter.split_whitespace().collect();
    KNOWN
        .iter()
        .find(|(name, _)| {
            let wanted: Vec<&str> = name.split_whitespace().collect();
            words.windows(wanted.len()).any(|window| window == wanted)
        })
        .map(|(_, gflops)| *gflops)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_as_whole_words() {
        assert_eq!(gflops("NVIDIA H200"), Some(66_900.0));
        assert_eq!(gflops("NVIDIA H100 80GB HBM3"), Some(66_900.0));
        assert_eq!(gflops("NVIDIA H100 PCIe"), Some(51_200.0));
        assert_eq!(gflops("Apple M2 Pro"), Some(6_800.0));
        assert_eq!(gflops("NVIDIA L40"), None);
        assert_eq!(gflops("llvmpipe (LLVM 15.0.6, 256 bits)"), None);
    }
}
