//! How fast the adapter at hand is: matrix products, and whole models with the metric.

mod answer;
mod decoder;
mod host;
mod matmul;
mod passes;
mod peak;
mod random_checkpoint;
mod record;
mod timer;
mod workload;

pub(super) use passes::passes;
pub use random_checkpoint::random_checkpoint;
pub(super) use record::record;

use crate::{
    gpu::Gpu,
    report::{BenchReport, MatmulBench},
};

use super::{BenchRequest, EngineError, Stage, news::News};

/// Side of the square product that is compared with one invocation per element.
const COMPARED: usize = 1024;

/// Runs the benchmarks that `request` asks for: products, the demo, and unless `quick` a decoder
/// of the size of SmolLM2-135M with random weights.
///
/// # Errors
/// What the device reports; [`EngineError::Cancelled`].
pub(super) async fn bench(
    gpu: &Gpu,
    request: &BenchRequest,
    news: &mut News<'_>,
) -> Result<BenchReport, EngineError> {
    let mut report = BenchReport {
        device: gpu.grant(),
        ..BenchReport::default()
    };
    let peak = peak::of(gpu.name()).map(|peak| peak.gflops);
    let sizes = matmul::sizes(gpu.is_software());
    let total = sizes.len() as u64 + if request.quick { 1 } else { 2 };
    news.begin(Stage::Forward, total, "benchmarks")?;
    for (done, size) in sizes.iter().enumerate() {
        matmul::bench(gpu, *size, peak, news.cancel, &mut report.matmuls).await?;
        news.progress(Stage::Forward, done as u64 + 1, total, "benchmarks");
    }
    compare_with_naive(&mut report.matmuls);
    let demo = workload::demo(gpu, Some(workload::FEW_PAIRS), news).await?;
    report.workloads.push(demo);
    news.progress(Stage::Forward, sizes.len() as u64 + 1, total, "benchmarks");
    if !request.quick {
        let (workload, answer) = decoder::bench(gpu, news).await?;
        report.workloads.push(workload);
        report.answers.push(answer);
        news.progress(Stage::Forward, total, total, "benchmarks");
    }
    if peak.is_none() {
        report
            .notes
            .push("the peak of this adapter is not in the table of known ones".into());
    }
    report.notes.append(&mut news.notes);
    report
        .notes
        .push("median of several runs; the spread is slowest less fastest over the median".into());
    news.end();
    Ok(report)
}

/// Fills in how many times faster than the naive kernel the others are at the same size.
fn compare_with_naive(matmuls: &mut [MatmulBench]) {
    let naive = matmuls
        .iter()
        .find(|bench| bench.kernel == matmul::NAIVE)
        .map(|bench| (bench.m, bench.seconds));
    if let Some((size, seconds)) = naive {
        for bench in matmuls.iter_mut().filter(|bench| bench.m == size) {
            bench.times_naive = Some(seconds / bench.seconds);
        }
    }
}
