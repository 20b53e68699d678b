//! `column_medians` against its twin, and what it refuses.

use mirscope::{
    gpu::DType,
    kernels::{column_medians::column_medians_with, norm_stats::STATS},
};

use super::VARIANTS;
use crate::support::gpu;

#[test]
fn equals_its_twin() {
    super::passes("column_medians");
}

#[test]
fn needs_fitting_shapes() {
    let gpu = gpu();
    let x = gpu.tensor(DType::F32, 4, 6).expect("x");
    let stats = gpu.tensor(DType::F32, 1, STATS).expect("stats");
    let out = gpu.tensor(DType::F32, 1, 6).expect("out");
    for variant in VARIANTS {
        assert!(column_medians_with(variant, &x, &stats, 0, &out).is_ok());
        assert!(column_medians_with(variant, &x, &stats, 1, &out).is_err());
        assert!(column_medians_with(variant, &x, &stats, 0, &stats).is_err());
    }
}
