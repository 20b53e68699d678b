//! Forward passes over given input, timed, with what comes out of them: what other programs' passes over the
//! same weights are compared with.

use web_time::Instant;

use super::{host::host, timer::WARM_UP, workload::picture};
use crate::{
    engine::{EngineError, PassRequest, Stage, checkpoint, news::News},
    families::Layout,
    gpu::{DType, Gpu, Recording, Tensor},
    model::{CaptureRequest, ForwardInput, Hook, ModelError, Vlm},
    report::{Pass, PassTimes},
};

/// Timed runs, at most.
const RUNS: usize = 5;
/// No run begins after so many seconds of timed ones.
const ENOUGH: f64 = 20.0;

const UNIT: &str = "inputs";

/// Times the passes that `request` asks for.
///
/// # Errors
/// What the checkpoint, the input or the device reports; [`EngineError::Cancelled`].
pub(in crate::engine) async fn passes(
    gpu: &Gpu,
    request: PassRequest,
    news: &mut News<'_>,
) -> Result<PassTimes, EngineError> {
    let opened = checkpoint::open(request.model, news).await?;
    let vlm = Vlm::load(gpu, &opened.checkpoint, news.cancel, &mut |_, _| {}).await?;
    let total = (request.prompts.len() + request.images.len()) as u64;
    news.begin(Stage::Forward, total, UNIT)?;
    let mut passes = Vec::new();
    for ids in &request.prompts {
        let record = |recording: &mut Recording| last_logits(gpu, &vlm, recording, ids);
        passes.push(Pass {
            tokens: Some(ids.len()),
            ..timed(gpu, record, news).await?
        });
        news.progress(Stage::Forward, passes.len() as u64, total, UNIT);
    }
    for values in request.images {
        let side = vlm.spec().vision()?.tower.picture_size;
        let image = [picture(values, side)];
        let layout = Layout::default();
        let input = ForwardInput {
            pixel_values: &image,
            ..ForwardInput::of_text(&[], &layout)
        };
        let record = |recording: &mut Recording| vlm.encode_images(recording, &[input]);
        passes.push(timed(gpu, record, news).await?);
        news.progress(Stage::Forward, passes.len() as u64, total, UNIT);
    }
    news.end();
    Ok(PassTimes {
        program: env!("CARGO_PKG_NAME").to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        device: gpu.grant().device,
        host: host(),
        passes,
    })
}

/// Records a prompt's forward pass with the logits of all of its tokens, and returns those of the last,
/// `[1, vocab_size]`. As many rows are computed at a time as a binding holds.
fn last_logits(
    gpu: &Gpu,
    vlm: &Vlm,
    recording: &mut Recording,
    ids: &[u32],
) -> Result<Tensor, ModelError> {
    let layout = Layout::default();
    let request = CaptureRequest::new().with_all([Hook::FinalNorm]);
    let capture = vlm.forward(recording, &ForwardInput::of_text(ids, &layout), &request)?;
    let Some(normed) = capture.get(Hook::FinalNorm) else {
        return Err(ModelError::NotCaptured {
            hook: Hook::FinalNorm,
        });
    };
    let vocab = vlm.spec().text.vocab_size;
    let most = gpu.max_binding() / DType::F32.row_bytes(vocab.max(1));
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let last = gpu.tensor(DType::F32, 1, vocab)?;
    let mut first = 0;
    while first < normed.rows() {
        let count = most.clamp(1, normed.rows() - first);
        let logits = if count == normed.rows() {
            vlm.logits(recording, normed)?
        } else {
            let own = gpu.tensor(DType::F32, count, normed.cols())?;
            recording.copy_rows(normed, first, &own, 0, count)?;
            vlm.logits(recording, &own)?
        };
        first += count;
        if first == normed.rows() {
            recording.copy_rows(&logits, count - 1, &last, 0, 1)?;
        }
    }
    Ok(last)
}

/// Times what `record` records, which returns what is read of the last run.
async fn timed(
    gpu: &Gpu,
    record: impl Fn(&mut Recording) -> Result<Tensor, ModelError>,
    news: &News<'_>,
) -> Result<Pass, EngineError> {
    let run = async || {
        let start = Instant::now();
        let mut recording = Recording::new();
        let out = record(&mut recording)?;
        let stats = gpu
            .run_with(&recording, news.cancel, &mut |_, _| {})
            .await?;
        let pass = Pass {
            seconds: vec![start.elapsed().as_secs_f64()],
            dispatches: stats.dispatches,
            flops: recording.work().flops,
            ..Pass::default()
        };
        Ok::<(Pass, Tensor), EngineError>((pass, out))
    };
    // The first one compiles.
    let begun = Instant::now();
    let mut last = run().await?;
    while begun.elapsed().as_secs_f64() < WARM_UP {
        last = run().await?;
    }
    let mut seconds = Vec::new();
    while seconds.len() < RUNS && seconds.iter().sum::<f64>() < ENOUGH {
        last = run().await?;
        seconds.append(&mut last.0.seconds);
    }
    let (pass, out) = last;
    let read = gpu.read(&[&out]).await?.pop();
    Ok(Pass {
        seconds,
        output: read.map(|read| read.values).unwrap_or_default(),
        ..pass
    })
}
