//! A measurement: device, checkpoint, pairs, forward passes, metric, report.

use std::{
    cell::{Cell, OnceCell},
    sync::Arc,
};

use super::{
    EngineError, Event, Extra, MeasureRequest, MetricChoice, Session, Stage, definitions, finite,
    forward::{Forward, Rate, Targets, states},
    metric,
    news::News,
    pairs,
    prepare::{Prepared, prepare},
    samples::{self, Samples},
    session::{
        LiveRun,
        kept::{DEFAULT_BYTES, KeptStates, Room},
    },
    streamed::{self, Way},
};
use crate::{
    alignment::{
        self, AlignmentError, IMAGE_EFFECT, LOGIT_LENS, METRICS, Metric, Mir, MirResult,
        MirSettings, Setup, Vocabulary,
    },
    input::{Processor, PromptForm},
    report::{
        DataSummary, Definition, Kept, Outliers, PairsPoint, PromptStyle, Report, SCHEMA, TextMask,
        bias_corrected, of_layers,
    },
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
        if definition.is_official() && text_mask != TextMask::Official {
            return Err(EngineError::OfficialMask { definition });
        }
        if definition.is_official() && settings.outliers != Outliers::Replace {
            return Err(EngineError::OfficialOutliers { definition });
        }
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
        let tokens = |positions: &dyn Fn(&Prepared) -> usize| prepared.iter().map(positions).sum();
        let room = Room {
            states: states.len() + 1,
            width: model.hidden_size,
            tokens: [
                tokens(&|pair| pair.prompt.vision.len()),
                tokens(&|pair| pair.text(text_mask).len()),
            ],
        };
        let asked = settings.memory_budget;
        let budget = asked.or_else(|| gpu.usual_budget());
        let of_pairs: Vec<[usize; 2]> = (prepared.iter())
            .map(|pair| [pair.prompt.vision.len(), pair.text(text_mask).len()])
            .collect();
        // A metric that cannot be is refused here, before the model runs.
        let way = match Way::choose(&gpu, &room, &of_pairs, asked) {
            Err(error @ AlignmentError::OverBudget { .. }) if asked.is_none() => {
                return Err(EngineError::OverUsualBudget(error));
            }
            found => found?,
        };
        let room_found = match way {
            Way::Held => room.check(&gpu, budget, asked.is_some())?,
            Way::Streamed(_) => Err(room.too_large(asked.unwrap_or(DEFAULT_BYTES))),
        };
        let mir_settings = MirSettings {
            definition,
            outliers: settings.outliers,
            intervals: settings.intervals,
            ranks: settings.ranks(model.hidden_size),
        };
        let (mut kept, refused) = match (request.keep, room_found) {
            (true, Ok(())) => {
                let states = own + 1;
                (Some(KeptStates::new(&gpu, Room { states, ..room })?), None)
            }
            (true, Err(reason)) => (None, Some(reason)),
            (false, _) => (None, None),
        };
        let rest =
            budget.map(|budget| budget.saturating_sub(kept.as_ref().map_or(0, KeptStates::bytes)));
        let [vision, text] = room.tokens;
        let (layers, width) = (states.len(), room.width);
        // It keeps the model for as long as the lens is at work.
        let reads = settings.also.contains(&Extra::LogitLens);
        let vocabulary = reads.then(|| loaded.clone() as Arc<dyn Vocabulary>);
        let setup = Setup {
            gpu: &gpu,
            layers: model.num_hidden_layers,
            hidden_size: width,
            pairs: prepared.len(),
            vision,
            vocabulary: vocabulary.as_ref(),
        };
        let asked = |extra: &&Extra| settings.also.contains(extra);
        let extra = Extra::ALL
            .iter()
            .filter(asked)
            .filter_map(|extra| match extra {
                Extra::LogitLens => Some(&LOGIT_LENS),
                Extra::WithoutImage => Some(&IMAGE_EFFECT),
                Extra::EffectiveRank | Extra::Definitions | Extra::Bias => None,
            });
        let others = (METRICS.iter())
            .filter(|_| settings.metrics == MetricChoice::All)
            .chain(extra);
        let mut metrics: Vec<_> = others
            .map(|metric| (metric.new)(&setup))
            .chain(by_position(&setup, &prepared, settings.metrics).map(Ok))
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
        };
        let prompt = prompt_form(processor, settings.prompt);
        let pairs: Vec<&Prepared> = prepared.iter().collect();
        let own_of = |all: &MirResult| {
            all.taken(
                &definitions::places(definition, definition, own),
                definition,
            )
        };
        let biased = settings.also.contains(&Extra::Bias);
        let mut sampled = None;
        let found = match way {
            Way::Held => {
                let mut mir = Mir::new(&gpu, mir_settings, layers, width, vision, text, rest)?;
                news.note_all(mir.no_intervals().map(ToOwned::to_owned));
                let mut targets = Targets {
                    rate: Rate::Held(&mut mir),
                    metrics: &mut metrics,
                    kept: kept.as_mut(),
                };
                forward.run(&pairs, &mut targets, news).await?;
                // Without a wish to keep it, the metric has the memory to itself.
                drop(loaded);
                gpu.trim();
                if biased {
                    let held = (prepared.len(), room.tokens, width);
                    let left = rest.map(|rest| rest.saturating_sub(mir.memory_plan().states));
                    let found = samples::of(&gpu, &mir, held, settings.seed, left, own_of, news);
                    sampled = found.await?;
                    let few =
                        "no correction of bias: halves of the pairs would have too few tokens";
                    news.note_all(sampled.is_none().then(|| few.to_owned()));
                }
                news.begin(Stage::Metric, states.len() as u64, metric::UNIT)?;
                metric::finish(mir, news).await
            }
            Way::Streamed(at_once) => {
                let held_only = "no correction of bias: the states are streamed; a larger memory budget holds them";
                news.note_all(biased.then(|| held_only.to_owned()));
                let pairs = streamed::Pairs {
                    all: &pairs,
                    tokens: &of_pairs,
                };
                let passes = (at_once, mir_settings);
                let found = streamed::measure(forward, passes, width, pairs, &mut metrics, news);
                let found = found.await;
                news.begin(Stage::Metric, states.len() as u64, metric::UNIT)?;
                found
            }
        };
        let everything = match found {
            Ok(found) => found,
            Err(error) => return Err(finite::explain(error, &checkpoint, news).await),
        };
        let mut others = Vec::new();
        for metric in metrics {
            others.extend(metric.finish(news.cancel.clone()).await?);
        }
        news.end();
        let taken = |other| everything.taken(&definitions::places(other, definition, own), other);
        let result = taken(definition);
        let official = both_ends.then(|| taken(Definition::OfficialAccurate).mir);
        let layers = metric::layers(&result, &states);
        let mut metrics = of_layers(definition, &layers);
        metric::enter_intervals(&mut metrics, &result);
        if by_all {
            let is_official =
                text_mask == TextMask::Official && settings.outliers == Outliers::Replace;
            let by = (definition, is_official);
            metrics.extend(definitions::entries(&everything, &states, by, own));
        }
        let mut points = Vec::new();
        if let Some(Samples {
            points: samples,
            halves: (fewer, halves),
        }) = sampled
        {
            let of = [prepared.len(), fewer];
            metrics.push(bias_corrected(definition, &layers, &halves, of));
            points = samples;
            points.push(PairsPoint {
                pairs: prepared.len(),
                mir: vec![result.mir],
            });
        }
        states.truncate(own);
        metrics.extend(metric::effective_ranks(&result, &states));
        metrics.extend(others);
        let report = Report {
            schema: SCHEMA,
            mir: result.mir,
            norm_matched_mir: result.norm_matched_mir,
            definition,
            text_mask,
            outliers: settings.outliers,
            layers,
            metrics,
            samples: points,
            model,
            data: DataSummary {
                source: chosen.source,
                num_pairs: prepared.len(),
                seed: settings.seed,
                prompt,
                protocol: settings.protocol_summary(prepared.len()),
                skipped,
            },
            device: gpu.summary(),
            timings: std::mem::take(&mut news.timings),
            mirscope_version: env!("CARGO_PKG_VERSION").to_owned(),
            notes: std::mem::take(&mut news.notes),
        };
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
        Ok((report, official.flatten()))
    }
}

/// The quantities of images by their position, where a prompt shows several.
fn by_position(
    setup: &Setup<'_>,
    prepared: &[Prepared],
    asked: MetricChoice,
) -> Option<Box<dyn Metric>> {
    let tokens = |pair: &Prepared| pair.plans.iter().map(|plan| plan.tokens()).collect();
    let images: Vec<Vec<usize>> = prepared.iter().map(tokens).collect();
    let several = images.iter().any(|images| images.len() > 1);
    (several && asked == MetricChoice::All).then(|| alignment::by_position(setup, images))
}

/// Where the prompts' form comes from, for the report.
fn prompt_form(processor: &Processor, style: PromptStyle) -> String {
    match processor.prompt_form() {
        _ if style == PromptStyle::VicunaV1 => "vicuna_v1, as asked for".to_owned(),
        PromptForm::ChatTemplate(file) => format!("chat template of {file}"),
        PromptForm::Own => "the model's own, which is no conversation".to_owned(),
        PromptForm::VicunaV1 => "vicuna_v1, for want of a chat template".to_owned(),
    }
}
