//! Peak speeds of adapters by name.

/// What an adapter can do at most, from its vendor's data sheet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Peak {
    /// f32 multiply-adds outside of matrix units, GFLOP/s.
    pub(super) gflops: f64,
    /// Bandwidth of its memory, 10^9 bytes a second.
    pub(super) gbytes_per_second: f64,
}

/// Name, GFLOP/s, GB/s. Longer names come before the names they contain.
const KNOWN: [(&str, f64, f64); 15] = [
    ("H100 PCIe", 51_200.0, 2_039.0),
    ("H100 NVL", 60_000.0, 3_938.0),
    ("H100", 66_900.0, 3_352.0),
    ("H200", 66_900.0, 4_800.0),
    ("A100 80GB", 19_500.0, 1_935.0),
    ("A100 SXM4 80GB", 19_500.0, 2_039.0),
    ("A100", 19_500.0, 1_555.0),
    ("L40S", 91_600.0, 864.0),
    ("L4", 30_300.0, 300.0),
    ("T4", 8_100.0, 320.0),
    ("RTX 4090", 82_600.0, 1_008.0),
    ("RTX 3090", 35_600.0, 936.0),
    ("M2 Max", 13_500.0, 400.0),
    ("M2 Pro", 6_800.0, 200.0),
    ("M2", 3_600.0, 100.0),
];

/// Peak of the adapter, where it is known.
pub(super) fn of(adapter: &str) -> Option<Peak> {
    let words: Vec<&str> = adapter.split([' ', '-']).collect();
    KNOWN
        .iter()
        .find(|(name, ..)| {
            let wanted: Vec<&str> = name.split(' ').collect();
            words.windows(wanted.len()).any(|window| window == wanted)
        })
        .map(|&(_, gflops, gbytes_per_second)| Peak {
            gflops,
            gbytes_per_second,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_as_whole_words() {
        let gflops = |name: &str| of(name).map(|peak| peak.gflops);
        assert_eq!(gflops("NVIDIA H200"), Some(66_900.0));
        assert_eq!(gflops("NVIDIA H100 80GB HBM3"), Some(66_900.0));
        assert_eq!(gflops("NVIDIA H100 PCIe"), Some(51_200.0));
        assert_eq!(gflops("Apple M2 Pro"), Some(6_800.0));
        assert_eq!(gflops("NVIDIA L40"), None);
        assert_eq!(gflops("llvmpipe (LLVM 15.0.6, 256 bits)"), None);
        let bandwidth = |name: &str| of(name).map(|peak| peak.gbytes_per_second);
        assert_eq!(bandwidth("NVIDIA A100-SXM4-40GB"), Some(1_555.0));
        assert_eq!(bandwidth("NVIDIA A100-SXM4-80GB"), Some(2_039.0));
    }
}
