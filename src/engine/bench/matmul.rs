//! Matrix products of a few sizes, in every variant.

use crate::{
    engine::EngineError,
    gpu::{DType, Dispatch, Gpu, Tensor},
    kernels::{
        matmul::{Matmul, matmul},
        matmul_naive::matmul_naive,
    },
    platform::Cancel,
    report::MatmulBench,
};

use super::{COMPARED, timer::time};

/// Name of the kernel that gives one element to an invocation.
pub(super) const NAIVE: &str = "naive";

/// Sides of the square products.
pub(super) fn sizes(software: bool) -> &'static [usize] {
    if software {
        &[256, COMPARED]
    } else {
        &[256, COMPARED, 2048, 4096]
    }
}

/// Times the product of two random square matrices of side `size` in every variant, f32 and f16
/// weights; at the compared size the naive kernel as well.
pub(super) async fn bench(
    gpu: &Gpu,
    size: usize,
    peak: Option<f64>,
    cancel: &Cancel,
    out: &mut Vec<MatmulBench>,
) -> Result<(), EngineError> {
    let values = random(size * size);
    let a = gpu.upload(size, size, &values)?;
    let halves: Vec<half::f16> = values.iter().map(|&v| half::f16::from_f32(v)).collect();
    let b16 = gpu.upload_bytes(DType::F16, size, size, bytemuck::cast_slice(&halves))?;
    let c = gpu.tensor(DType::F32, size, size)?;
    let product = |b: &Tensor| matmul(gpu, &a, b, &Matmul::default(), &c);
    let own = gpu.kernels().name();
    let mut calls: Vec<(String, Vec<Dispatch>)> = vec![
        (own.into(), product(&a)?),
        (format!("{own}, f16 weights"), product(&b16)?),
    ];
    if size == COMPARED {
        calls.push((NAIVE.into(), vec![matmul_naive(&a, &a, &c)?]));
    }
    for (kernel, call) in calls {
        let times = time(gpu, &call, cancel).await?;
        let seconds = times.median();
        let gflops = 2.0 * (size as f64).powi(3) / seconds / 1e9;
        out.push(MatmulBench {
            m: size,
            n: size,
            k: size,
            kernel,
            seconds,
            spread: times.spread(),
            gflops,
            share_of_peak: peak.map(|peak| gflops / peak),
            times_naive: None,
        });
    }
    Ok(())
}

/// Irregular values between -1 and 1.
pub(super) fn random(count: usize) -> Vec<f32> {
    let mut generator = crate::engine::SplitMix64::new(1);
    (0..count)
        .map(|_| (generator.next_u64() >> 40) as f32 / (1u32 << 23) as f32 - 1.0)
        .collect()
}
