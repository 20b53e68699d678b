//! A measurement: device, checkpoint, pairs, forward passes, metric, report.

use super::{
    DeviceSettings, EngineError, KernelChoice, MeasureRequest, ModelSource, Stage, checkpoint,
    describe,
    forward::{Forward, states},
    news::News,
    pairs,
    prepare::{Prepared, prepare},
};
use crate::{
    alignment::{Mir, MirSettings},
    gpu::{Gpu, GpuOptions, KernelVariant, LimitTier},
    input::{Processor, PromptForm},
    model::Vlm,
    reference::self_test,
    report::{DataSummary, ModelSummary, Report, SCHEMA, TextMask},
};

/// Measures what `request` asks for.
///
/// # Errors
/// Whatever stands in the way, before the model runs where that can be known; there is no partial
/// report.
pub(super) async fn measure(
    request: MeasureRequest,
    news: &mut News<'_>,
) -> Result<Report, EngineError> {
    let settings = request.settings;
    let (definition, text_mask) = (settings.definition, settings.text_mask);
    if definition.is_official() && text_mask != TextMask::Official {
        return Err(EngineError::OfficialMask { definition });
    }
    let gpu = device(&request.device, news).await?;
    let (vlm, processor, model) = load(&gpu, request.model, news).await?;

    let chosen = pairs::choose(request.pairs, &settings).await?;
    for note in chosen.notes {
        news.note(note);
    }
    let prepared = prepare(&processor, chosen.pairs, news).await?;
    let states = states(definition, model.num_hidden_layers);
    let tokens = |positions: &dyn Fn(&Prepared) -> usize| prepared.iter().map(positions).sum();
    let mut mir = Mir::new(
        &gpu,
        MirSettings {
            definition,
            ..MirSettings::default()
        },
        states.len(),
        model.hidden_size,
        tokens(&|pair| pair.prompt.vision.len()),
        tokens(&|pair| pair.text(text_mask).len()),
        settings.memory_budget,
    )?;
    let forward = Forward {
        gpu: &gpu,
        vlm: &vlm,
        processor: &processor,
        states: &states,
        text_mask,
    };
    forward.run(&prepared, &mut mir, news).await?;
    // The metric has the memory to itself.
    drop(vlm);
    gpu.trim();

    const UNIT: &str = "layers";
    let layers = states.len() as u64;
    news.begin(Stage::Metric, layers, UNIT)?;
    let cancel = news.cancel;
    let result = mir
        .finish(cancel, &mut |done, _| {
            news.progress(Stage::Metric, done as u64, layers, UNIT);
        })
        .await?;
    news.end();
    Ok(Report {
        schema: SCHEMA,
        mir: result.mir,
        norm_matched_mir: result.norm_matched_mir,
        definition,
        text_mask,
        layers: (1..)
            .zip(result.layers.iter().zip(states))
            .map(|(layer, (distance, state))| distance.report(layer, state.name))
            .collect(),
        model,
        data: DataSummary {
            source: chosen.source,
            num_pairs: prepared.len(),
            seed: settings.seed,
            prompt: prompt_form(&processor),
        },
        device: gpu.summary(),
        timings: std::mem::take(&mut news.timings),
        mirscope_version: env!("CARGO_PKG_VERSION").to_owned(),
        notes: std::mem::take(&mut news.notes),
    })
}

/// Requests the device and lets it prove that it computes correctly.
pub(super) async fn device(
    settings: &DeviceSettings,
    news: &mut News<'_>,
) -> Result<Gpu, EngineError> {
    const UNIT: &str = "device";
    news.begin(Stage::Device, 1, UNIT)?;
    let gpu = Gpu::request(&GpuOptions {
        adapter: settings.adapter.clone(),
        kernels: match settings.kernel {
            KernelChoice::Auto => None,
            KernelChoice::Tiled => Some(KernelVariant::Tiled),
            KernelChoice::Direct => Some(KernelVariant::Direct),
        },
        limits: LimitTier::Adapter,
    })
    .await?;
    self_test(&gpu).await?;
    news.progress(Stage::Device, 1, 1, UNIT);
    Ok(gpu)
}

/// Opens the checkpoint and uploads it. A byte that has to be fetched counts twice in the progress:
/// when it arrives and when it is uploaded.
async fn load(
    gpu: &Gpu,
    source: ModelSource,
    news: &mut News<'_>,
) -> Result<(Vlm, Processor, ModelSummary), EngineError> {
    // How much there is to load is not known yet.
    news.begin(Stage::Load, 1, MIB)?;
    let cancel = news.cancel;
    let mut told = None;
    let mut tell = |done: u64, total: u64| {
        let now = (done.div_ceil(1 << 20), total.div_ceil(1 << 20));
        if told.replace(now) != Some(now) {
            news.progress(Stage::Load, now.0, now.1, MIB);
        }
    };
    let mut fetched = 0;
    let opened = checkpoint::open(source, |done, total| {
        fetched = total;
        tell(done, 2 * total);
    })
    .await?;
    let checkpoint = &opened.checkpoint;
    let processor = Processor::open(checkpoint.source().as_ref(), &checkpoint.config)?;
    let vlm = Vlm::load(gpu, checkpoint, cancel, &mut |done, total| {
        tell(fetched + done, fetched + total);
    })
    .await?;
    news.check()?;
    let summary = describe::summary(checkpoint, &opened.name);
    Ok((vlm, processor, summary))
}

const MIB: &str = "MiB";

/// Where the prompts' form comes from, for the report.
fn prompt_form(processor: &Processor) -> String {
    match processor.prompt_form() {
        PromptForm::ChatTemplate(file) => format!("chat template of {file}"),
        PromptForm::VicunaV1 => "vicuna_v1, for want of a chat template".to_owned(),
    }
}
