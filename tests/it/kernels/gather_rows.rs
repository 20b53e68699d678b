//! `gather_rows` against its twin.

use mirscope::{
    gpu::{DType, Gpu, GpuOptions, KernelVariant},
    kernels::gather_rows::gather_rows,
};

use super::VARIANTS;
use crate::support::run;

#[test]
fn equals_its_twin() {
    super::passes("gather_rows");
}

/// Every 16-bit float, by the driver's decoding and by that with integers, for which alone subnormal numbers
/// count on every driver.
#[test]
fn every_16_bit_float_is_decoded() {
    let patterns: Vec<u16> = (0..=u16::MAX).collect();
    let expected: Vec<f32> = (patterns.iter())
        .map(|&bits| half::f16::from_bits(bits).to_f32())
        .collect();
    for integers in [false, true] {
        let gpu = pollster::block_on(Gpu::request(&GpuOptions::default())).unwrap();
        if integers {
            gpu.decode_by_integers();
        }
        assert_eq!(gpu.decodes_by_integers(), integers);
        let bytes = bytemuck::cast_slice(&patterns);
        let table = gpu.upload_bytes(DType::F16, 64, 1024, bytes).unwrap();
        let rows: Vec<u32> = (0..64).collect();
        let indices = gpu.upload_indices(&rows).unwrap();
        let out = gpu.tensor(DType::F32, 64, 1024).unwrap();
        let found = run(
            &gpu,
            [gather_rows(&indices, &table, 0, &out, 0).unwrap()],
            &out,
        );
        for ((found, expected), bits) in found.iter().zip(&expected).zip(&patterns) {
            let subnormal = bits & 0x7c00 == 0 && bits & 0x3ff != 0;
            let is_right = match expected.is_nan() {
                true => found.is_nan(),
                false => found.to_bits() == expected.to_bits(),
            };
            assert!(
                is_right || subnormal && !integers,
                "{bits:#x}: {found}, expected {expected}; integers: {integers}"
            );
        }
    }
}

/// Products and look-ups are the same whoever decodes.
#[test]
fn kernels_that_decode_with_integers_equal_their_twins() {
    for variant in VARIANTS {
        let options = GpuOptions {
            kernels: Some(variant),
            ..GpuOptions::default()
        };
        let gpu = pollster::block_on(Gpu::request(&options)).unwrap();
        gpu.decode_by_integers();
        let variant: KernelVariant = gpu.kernels();
        for check in &mirscope::check::KERNELS {
            if ["gather_rows", "matmul", "matvec"].contains(&check.kernel) {
                let line = pollster::block_on(mirscope::check::check_kernel(&gpu, check)).unwrap();
                assert!(line.ok, "{variant:?}: {line:#?}");
            }
        }
    }
}
