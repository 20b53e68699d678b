//! A measurement: device, checkpoint, pairs, forward passes, metric, report.

use std::cell::{Cell, OnceCell};

use super::{
    EngineError, Event, Extra, MeasureRequest, MeasureSettings, MetricChoice, Session, Stage,
    definitions, finite,
    forward::{Forward, Rate, Targets, states},
    metric,
    news::News,
    outcome::Outcome,
    pairs,
    prepare::{Prepared, prepare},
    samples::{self, Asked},
    session::{
        LiveRun,
        kept::{DEFAULT_BYTES, KeptStates, Room},
    },
    states_file::StatesWriter,
    streamed::{self, Running, Way},
    vocabulary::vocabulary_of,
    without_image::WithoutImage,
};
use crate::{
    alignment::{
        IMAGE_EFFECT, LOGIT_LENS, METRICS, MetricKind, Mir, MirResult, Setup, by_position,
        by_position_bytes,
    },
    input::{Processor, PromptForm},
    report::{DataSummary, Definition, Kept, PromptStyle, Report, too_few_pairs},
};

impl Session {
    /// Measures what `request` asks for, and keeps what it asks to keep.
    ///
    /// # Errors
    /// Whatever stands in the way, before the model runs where that can be known; there is no partial
    /// report.
    pub(super) async fn measure(
        &mut self,
        request: MeasureRequest,
        news: &mut News<'_>,
    ) -> Result<Report, EngineError> {
        let (report, _) = self.measure_ends(request, false, news).await?;
        Ok(report)
    }

    /// As [`Session::measure`]; with `both_ends`, a run of the exact definition that keeps nothing
    /// gives the rate of the official accurate one as well, which differs in the last state only.
    pub(super) async fn measure_ends(
        &mut self,
        request: MeasureRequest,
        both_ends: bool,
        news: &mut News<'_>,
    ) -> Result<(Report, Option<f64>), EngineError> {
        let settings = request.settings;
        let (definition, text_mask) = (settings.definition, settings.text_mask);
        settings.check()?;
        self.live = None;
        // Its memory is the metric's.
        self.talk = None;
        let gpu = self.device(&request.device, news).await?;
        let loaded = self.model(&gpu, request.model, true, news).await?;
        // Here already, so that a run that is cancelled or fails need not load it again.
        self.loaded = request.keep.then(|| loaded.clone());
        let (processor, model) = (&loaded.processor, loaded.summary.clone());
        let checkpoint = loaded.checkpoint.clone();
        news.note_all(checkpoint.notes());

        let chosen = pairs::choose(request.pairs, &settings).await?;
        news.note_all(chosen.notes);
        let (prepared, skipped) = prepare(processor, chosen.pairs, &settings, news).await?;
        let mut states = states(definition, model.num_hidden_layers);
        let both_ends = both_ends && definition == Definition::Exact && !request.keep;
        let own = states.len();
        let by_all = settings.also.contains(&Extra::Definitions);
        if both_ends || by_all {
            states.extend(definitions::further(definition, own, by_all));
        }
        let of_pairs: Vec<[usize; 2]> = (prepared.iter())
            .map(|pair| [pair.prompt.vision.len(), pair.text(text_mask).len()])
            .collect();
        let tokens = [0, 1].map(|side: usize| of_pairs.iter().map(|it| it[side]).sum());
        // It keeps the model for as long as the lens is at work.
        let vocabulary = vocabulary_of(&settings, &loaded);
        let setup = Setup {
            gpu: &gpu,
            layers: model.num_hidden_layers,
            hidden_size: model.hidden_size,
            pairs: prepared.len(),
            vision: tokens[0],
            vocabulary: vocabulary.as_ref(),
            intervals: settings.intervals,
        };
        let kinds = kinds(&settings);
        let of_images = several(images(&prepared), settings.metrics);
        let others = [
            kinds.iter().map(|kind| (kind.bytes)(&setup)).sum::<u64>(),
            (of_images.as_ref()).map_or(0, |it| by_position_bytes(&setup, it)),
            taken_without_image(&settings, &setup, &prepared),
        ];
        let room = Room {
            states: states.len() + 1,
            width: model.hidden_size,
            tokens,
            others: others.iter().sum(),
        };
        let asked = settings.memory_budget;
        let budget = asked.or_else(|| gpu.trimmed_budget());
        let few = settings.intervals.then(|| too_few_pairs(prepared.len()));
        news.note_all(few.flatten());
        // A metric that cannot be is refused here, before the model runs.
        let way = Way::choose(&gpu, &room, &of_pairs, &settings, budget)?;
        let room_found = match way {
            Way::Held => room.check(&gpu, budget, asked.is_some())?,
            Way::Streamed(_) => Err(room.too_large(asked.unwrap_or(DEFAULT_BYTES))),
        };
        let mir_settings = settings.rate(model.hidden_size);
        let (mut kept, refused) = match (request.keep, room_found) {
            (true, Ok(())) => {
                let states = own + 1;
                (Some(KeptStates::new(&gpu, Room { states, ..room })?), None)
            }
            (true, Err(reason)) => (None, Some(reason)),
            (false, _) => (None, None),
        };
        let taken = room.others + kept.as_ref().map_or(0, KeptStates::bytes);
        let rest = budget.map(|budget| budget.saturating_sub(taken));
        let [vision, text] = room.tokens;
        let (layers, width) = (states.len(), room.width);
        let mut metrics: Vec<_> = (kinds.into_iter())
            .map(|kind| (kind.new)(&setup))
            .chain(of_images.map(|images| by_position(&setup, images)))
            .collect::<Result<_, _>>()?;
        drop(vocabulary);
        let forward = Forward {
            gpu: &gpu,
            vlm: &loaded.vlm,
            processor,
            states: &states,
            kept_states: own,
            text_mask,
            also: &settings.also,
            budget,
        };
        let own_of = |all: &MirResult| {
            all.taken(
                &definitions::places(definition, definition, own),
                definition,
            )
        };
        let biased = settings.also.contains(&Extra::Bias);
        let data = DataSummary {
            source: chosen.source,
            num_pairs: prepared.len(),
            seed: settings.seed,
            prompt: prompt_form(processor, settings.prompt),
            protocol: settings.protocol_summary(prepared.len()),
            skipped,
        };
        let mut export = (settings.export_states.as_ref())
            .map(|path| StatesWriter::begin(path, &model, &data, &prepared))
            .transpose()?;
        let found = match way {
            Way::Held => {
                let pairs: Vec<&Prepared> = prepared.iter().collect();
                let mut mir = Mir::new(&gpu, mir_settings, layers, width, vision, text, rest)?;
                news.note_all(mir.no_intervals().map(ToOwned::to_owned));
                let mut targets = Targets {
                    rate: Rate::Held(&mut mir),
                    metrics: &mut metrics,
                    kept: kept.as_mut(),
                    export: export.as_mut(),
                };
                forward.run(&pairs, &mut targets, news).await?;
                // Without a wish to keep it, the metric has the memory to itself.
                drop(loaded);
                gpu.trim();
                let asked = biased.then_some(Asked {
                    gpu: &gpu,
                    pairs: prepared.len(),
                    tokens: room.tokens,
                    width,
                    seed: settings.seed,
                    budget: rest,
                });
                samples::with_rate(mir, (asked, own_of), layers, news).await
            }
            Way::Streamed(at_once) => {
                news.note_all(biased.then(|| samples::HELD_ONLY.to_owned()));
                let running = Running {
                    forward,
                    pairs: &prepared,
                };
                let (passes, all) = ((at_once, mir_settings), (&*states, width));
                let others = (&mut *metrics, export.as_mut());
                let found = streamed::measure(&running, passes, all, &of_pairs, others, news);
                let found = found.await;
                news.begin(Stage::Metric, layers as u64, metric::UNIT)?;
                found.map(|found| (found, None))
            }
        };
        let (everything, sampled) = match found {
            Ok(found) => found,
            Err(error) => return Err(finite::explain(error, &checkpoint, news).await),
        };
        let mut others = Vec::new();
        for metric in metrics {
            others.extend(metric.finish(news.cancel.clone()).await?);
        }
        news.end();
        let official = both_ends.then(|| {
            let other = Definition::OfficialAccurate;
            let places = definitions::places(other, definition, own);
            everything.taken(&places, other).mir
        });
        let outcome = Outcome {
            everything: &everything,
            states: &states,
            own,
            sampled,
            others,
        };
        let report = outcome.report(&settings, (model, data), &gpu, news);
        states.truncate(own);
        if request.keep {
            let kept = kept.ok_or_else(|| refused.unwrap_or_default());
            news.tell(Event::Kept(Kept {
                pairs: prepared.len(),
                last_state: states.len(),
                bytes: kept.as_ref().map_or(0, KeptStates::bytes),
                refused: kept.as_ref().err().cloned(),
            }));
            self.live = Some(LiveRun {
                prepared,
                definition,
                text_mask,
                outliers: settings.outliers,
                states,
                kept,
                budget,
                shared_plane: OnceCell::new(),
                looked: Cell::new(None),
            });
        }
        // Last, so that a run that fails or is cancelled leaves no file.
        if let Some(export) = export {
            export.finish()?;
        }
        Ok((report, official.flatten()))
    }
}

/// What is asked for beside the rate.
pub(super) fn kinds(settings: &MeasureSettings) -> Vec<&'static MetricKind> {
    let extra = Extra::ALL.iter().filter(|it| settings.also.contains(it));
    let extra = extra.filter_map(|extra| match extra {
        Extra::LogitLens => Some(&LOGIT_LENS),
        Extra::WithoutImage => Some(&IMAGE_EFFECT),
        // They follow from what the distance is made of.
        Extra::EffectiveRank | Extra::Definitions | Extra::Bias => None,
    });
    let always = METRICS
        .iter()
        .filter(|_| settings.metrics == MetricChoice::All);
    always.chain(extra).collect()
}

/// Device memory in bytes that a second pass of each pair, without its image, takes where it is asked for.
fn taken_without_image(
    settings: &MeasureSettings,
    setup: &Setup<'_>,
    prepared: &[Prepared],
) -> u64 {
    // At the most the embeddings, every layer and what the final norm makes of the last.
    let states = [setup.layers + 2, setup.hidden_size];
    match settings.also.contains(&Extra::WithoutImage) {
        true => WithoutImage::bytes(prepared, settings.text_mask, states),
        false => 0,
    }
}

/// Vision tokens of each image of the pairs.
pub(super) fn images(prepared: &[Prepared]) -> Vec<Vec<usize>> {
    let tokens = |pair: &Prepared| pair.plans.iter().map(|plan| plan.tokens()).collect();
    prepared.iter().map(tokens).collect()
}

/// Images with so many tokens each, pair by pair, where quantities of images by their position are wanted and a prompt
/// shows several.
pub(super) fn several(images: Vec<Vec<usize>>, asked: MetricChoice) -> Option<Vec<Vec<usize>>> {
    let several = images.iter().any(|images| images.len() > 1);
    (several && asked == MetricChoice::All).then_some(images)
}

/// Where the prompts' form comes from, for the report.
pub(super) fn prompt_form(processor: &Processor, style: PromptStyle) -> String {
    match processor.prompt_form() {
        _ if style == PromptStyle::VicunaV1 => "vicuna_v1, as asked for".to_owned(),
        PromptForm::ChatTemplate(file) => format!("chat template of {file}"),
        PromptForm::Own => "the model's own, which is no conversation".to_owned(),
        PromptForm::VicunaV1 => "vicuna_v1, for want of a chat template".to_owned(),
    }
}
