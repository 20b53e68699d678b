//! Matrix products of a few sizes, in every variant.

use web_time::Instant;

use crate::{
    engine::EngineError,
    gpu::{DType, Dispatch, Gpu, GpuError, Recording, Tensor},
    kernels::{
        matmul::{Matmul, matmul},
        matmul_naive::matmul_naive,
    },
    platform::Cancel,
    report::MatmulBench,
};

use super::COMPARED;

/// Name of the kernel that gives one element to an invocation.
pub(super) const NAIVE: &str = "naive";

/// Timed runs of each product.
const RUNS: usize = 5;

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
        let (seconds, spread) = time(gpu, &call, cancel).await?;
        let gflops = 2.0 * (size as f64).powi(3) / seconds / 1e9;
        out.push(MatmulBench {
            m: size,
            n: size,
            k: size,
            kernel,
            seconds,
            spread,
            gflops,
            share_of_peak: peak.map(|peak| gflops / peak),
            times_naive: None,
        });
    }
    Ok(())
}

/// Median and relative spread of the time of one call, in seconds; short calls are repeated so that
/// the submission does not count.
async fn time(gpu: &Gpu, call: &[Dispatch], cancel: &Cancel) -> Result<(f64, f64), GpuError> {
    let run = async |repeats: usize| {
        let mut recording = Recording::new();
        for _ in 0..repeats {
            recording.extend(call.iter().cloned());
        }
        let start = Instant::now();
        gpu.run_with(&recording, cancel, &mut |_, _| {}).await?;
        Ok::<f64, GpuError>(start.elapsed().as_secs_f64() / repeats as f64)
    };
    // Twice: the first run also compiles the pipeline.
    run(1).await?;
    let once = run(1).await?;
    let repeats = ((0.05 / once.max(1e-6)) as usize).clamp(1, 200);
    let mut times = Vec::with_capacity(RUNS);
    for _ in 0..RUNS {
        times.push(run(repeats).await?);
    }
    Ok(median_and_spread(&mut times))
}

/// Median, and slowest less fastest over the median.
pub(super) fn median_and_spread(times: &mut [f64]) -> (f64, f64) {
    times.sort_by(f64::total_cmp);
    let median = times[times.len() / 2];
    (median, (times[times.len() - 1] - times[0]) / median)
}

/// Irregular values between -1 and 1.
pub(super) fn random(count: usize) -> Vec<f32> {
    let mut generator = crate::engine::SplitMix64::new(1);
    (0..count)
        .map(|_| (generator.next_u64() >> 40) as f32 / (1u32 << 23) as f32 - 1.0)
        .collect()
}
