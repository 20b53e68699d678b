//! Forward passes and metric of whole models.

use web_time::Instant;

use super::matmul::random;
use crate::{
    alignment::{Mir, MirSettings},
    engine::{
        EngineError, MeasureSettings, ModelSource, PairSource, checkpoint,
        forward::{fitting, rows_of_pairs},
        news::News,
        pairs,
    },
    families::{Layout, Rows, plan::rows_of},
    gpu::{Gpu, Recording, RunStats, Runs, Tensor},
    input::{PixelValues, Processor},
    model::{CaptureRequest, ForwardInput, Hook, Vlm},
    platform::Cancel,
    report::WorkloadBench,
    words::counted,
};

/// Pairs of the demo that are timed where little time is to be spent.
pub(super) const FEW_PAIRS: usize = 32;

/// A prepared pair.
pub(super) struct Pair {
    pub(super) pixel_values: Vec<PixelValues>,
    pub(super) rows: Option<Rows>,
    pub(super) input_ids: Vec<u32>,
    pub(super) vision: Vec<u32>,
    pub(super) layout: Layout,
    pub(super) text: Vec<u32>,
}

/// A square picture of `side` pixels.
pub(super) fn picture(data: Vec<f32>, side: usize) -> PixelValues {
    PixelValues {
        channels: 3,
        height: side,
        width: side,
        data,
    }
}

impl Pair {
    fn input(&self) -> ForwardInput<'_> {
        ForwardInput {
            pixel_values: &self.pixel_values,
            rows: self.rows.as_ref(),
            input_ids: &self.input_ids,
            vision: &self.vision,
            layout: &self.layout,
        }
    }
}

/// Times `pairs` through `vlm` and the metric over all decoder layers, all compiled before.
pub(super) async fn run(
    gpu: &Gpu,
    name: &str,
    vlm: &Vlm,
    pairs: &[Pair],
    news: &mut News<'_>,
) -> Result<WorkloadBench, EngineError> {
    gpu.reset_peak();
    let layers = vlm.spec().text.num_hidden_layers;
    let request = CaptureRequest::new().with_all((1..=layers).map(Hook::Layer));
    // The first pass compiles the pipelines.
    forward(gpu, vlm, &pairs[..1], &request, None, news).await?;
    let start = Instant::now();
    let mut recording = Recording::new();
    for pairs in together(vlm, pairs) {
        let inputs: Vec<_> = pairs.iter().map(Pair::input).collect();
        vlm.encode_images(&mut recording, &inputs)?;
    }
    gpu.run_with(&recording, news.cancel, &mut |_, _| {})
        .await?;
    let tower_seconds = start.elapsed().as_secs_f64();

    let count = |select: fn(&Pair) -> usize| pairs.iter().map(select).sum::<usize>();
    let (n_vision, n_text) = (count(|p| p.vision.len()), count(|p| p.text.len()));
    let width = vlm.spec().text.hidden_size;
    let settings = MirSettings::default();
    warm_up(gpu, width, [n_vision, n_text], news.cancel).await?;
    let mut mir = Mir::new(gpu, settings, layers, width, n_vision, n_text, None)?;
    let start = Instant::now();
    let stats = forward(gpu, vlm, pairs, &request, Some(&mut mir), news).await?;
    let forward_seconds = start.elapsed().as_secs_f64();
    let start = Instant::now();
    mir.finish(news.cancel, &mut |_, _| {}).await?;
    let metric_seconds = start.elapsed().as_secs_f64();

    let tokens = count(|p| p.input_ids.len());
    let prefill_seconds = (forward_seconds - tower_seconds).max(0.0);
    Ok(WorkloadBench {
        name: name.into(),
        pairs: pairs.len(),
        tokens,
        tower_seconds: Some(tower_seconds),
        prefill_seconds,
        metric_seconds: Some(metric_seconds),
        metric_share: Some(metric_seconds / forward_seconds),
        tokens_per_second: tokens as f64 / prefill_seconds,
        peak_device_bytes: gpu.memory().peak,
        dispatches_per_forward: stats.dispatches / pairs.len(),
        submissions_per_forward: stats.submissions.div_ceil(pairs.len()),
    })
}

/// Runs the metric over a layer of as many tokens, an outlier among them: it compiles the kernels that all
/// layers take.
async fn warm_up(
    gpu: &Gpu,
    width: usize,
    [n_vision, n_text]: [usize; 2],
    cancel: &Cancel,
) -> Result<(), EngineError> {
    let mut values = random((n_vision + n_text) * width);
    for row in [0, n_vision] {
        let own = values.iter_mut().skip(row * width).take(width);
        own.for_each(|value| *value *= 1000.0);
    }
    let state = gpu.upload(n_vision + n_text, width, &values)?;
    let settings = MirSettings::default();
    let mut mir = Mir::new(gpu, settings, 1, width, n_vision, n_text, None)?;
    let all: Vec<u32> = (0..(n_vision + n_text) as u32).collect();
    let (vision, text) = all.split_at(n_vision);
    let mut recording = Recording::new();
    mir.push(&mut recording, &[state], vision, text)?;
    gpu.run_with(&recording, cancel, &mut |_, _| {}).await?;
    mir.finish(cancel, &mut |_, _| {}).await?;
    gpu.trim();
    Ok(())
}

/// The pairs of each forward pass.
fn together<'a>(vlm: &Vlm, pairs: &'a [Pair]) -> impl Iterator<Item = &'a [Pair]> {
    let (mut rest, most) = (pairs, vlm.rows_at_once());
    std::iter::from_fn(move || {
        let count = fitting(rest.iter().map(|pair| pair.input_ids.len()), most);
        let (next, behind) = rest.split_at(count);
        rest = behind;
        (count > 0).then_some(next)
    })
}

async fn forward(
    gpu: &Gpu,
    vlm: &Vlm,
    pairs: &[Pair],
    request: &CaptureRequest,
    mut mir: Option<&mut Mir>,
    news: &mut News<'_>,
) -> Result<RunStats, EngineError> {
    let layers = vlm.spec().text.num_hidden_layers;
    let (mut stats, mut runs) = (RunStats::default(), Runs::new(gpu));
    for pairs in together(vlm, pairs) {
        let mut recording = Recording::new();
        let inputs: Vec<_> = pairs.iter().map(Pair::input).collect();
        let capture = vlm.forward_all(&mut recording, &inputs, request)?;
        if let Some(mir) = mir.as_deref_mut() {
            let states: Vec<Tensor> = (1..=layers)
                .filter_map(|k| capture.get(Hook::Layer(k)).cloned())
                .collect();
            let rows = rows_of_pairs(&inputs, |pair| [&pairs[pair].vision, &pairs[pair].text]);
            mir.push_all(&mut recording, &states, &rows)?;
        }
        drop(capture);
        let heard = &mut |_: f64, _: &str| {};
        stats += runs.send(&recording, 0.0..1.0, news.cancel, heard).await?;
        // The next one is recorded while this one runs.
        runs.wait(1, heard).await?;
    }
    runs.wait(0, &mut |_, _| {}).await?;
    Ok(stats)
}

/// The demo checkpoint over so many of its pairs, or all.
pub(super) async fn demo(
    gpu: &Gpu,
    num_pairs: Option<usize>,
    news: &mut News<'_>,
) -> Result<WorkloadBench, EngineError> {
    let opened = checkpoint::open(ModelSource::Demo { connector: None }, news).await?;
    let vlm = Vlm::load(gpu, &opened.checkpoint, news.cancel, &mut |_, _| {}).await?;
    let processor = Processor::open(&**opened.checkpoint.source(), &opened.checkpoint.spec)?;
    let mut prepared = Vec::new();
    let settings = MeasureSettings {
        num_pairs,
        ..MeasureSettings::default()
    };
    for pair in pairs::choose(PairSource::Demo, &settings).await?.pairs {
        let (Some(image), Some(text)) = (pair.images().next(), pair.texts().next()) else {
            continue;
        };
        let name = image.name();
        let image = processor.image(&name, &pairs::image_bytes(image)?)?;
        let prompt = processor.prompt(&name, text, &image.plan)?;
        prepared.push(Pair {
            pixel_values: image.pixel_values,
            rows: rows_of(std::slice::from_ref(&image.plan)),
            input_ids: prompt.input_ids,
            vision: prompt.vision,
            layout: prompt.layout,
            text: prompt.text_official,
        });
    }
    let name = format!("demo, {}", counted(prepared.len(), "pair"));
    run(gpu, &name, &vlm, &prepared, news).await
}
