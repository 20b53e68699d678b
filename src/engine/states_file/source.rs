//! Quantities of states that stand in files.

use std::collections::BTreeSet;

use super::{StatesFile, kept::words_of_all, refused, rows::PairRows, tensor_name};
use crate::{
    alignment::{
        AlignmentError, LOGIT_LENS, Metric, MetricKind, Mir, MirResult, Observation, Restored,
        Setup, StateId, by_position, by_position_bytes,
    },
    engine::{
        EngineError, Extra, MeasureSettings, Stage, definitions,
        forward::{Rate, State, Targets, states},
        measure::{kinds, several},
        news::News,
        outcome::Outcome,
        samples::{self, Asked},
        session::kept::Room,
        streamed::{self, Source, Way},
    },
    gpu::{Gpu, Recording},
    platform,
    report::{DataSummary, ModelSummary, Report, too_few_pairs},
    words::counted,
};

/// Bytes of states that wait on the device for the metric, about; a pair may have more.
const TOGETHER: u64 = 64 << 20;

/// Pairs whose kept values go to the device together.
pub(super) const PAIRS_TOGETHER: usize = 64;

/// Where a pair stands.
pub(super) struct Place {
    /// Number of the file.
    pub(super) file: usize,
    /// Its place among the file's pairs.
    pub(super) index: usize,
    /// Its rows there.
    pub(super) rows: PairRows,
}

/// Pairs whose states stand in files of the same sizes.
pub(super) struct FromFiles<'a> {
    /// The device.
    pub(super) gpu: &'a Gpu,
    /// At least one, and each has the states that are measured.
    pub(super) files: &'a [StatesFile],
    /// At least one, in the order of the run.
    pub(super) pairs: &'a [Place],
    /// Vision tokens of each image of the pairs; empty where that is not known.
    pub(super) images: &'a [Vec<usize>],
}

/// The states that a measurement with these settings takes.
pub(super) fn measured(settings: &MeasureSettings, layers: usize) -> Vec<State> {
    let mut own = states(settings.definition, layers);
    if settings.also.contains(&Extra::Definitions) {
        own.extend(definitions::further(settings.definition, layers, true));
    }
    own
}

impl FromFiles<'_> {
    /// Measures all pairs.
    ///
    /// # Errors
    /// What the files or the device report; or that somebody asked to stop.
    pub(super) async fn report(
        &self,
        settings: &MeasureSettings,
        model: ModelSummary,
        data: DataSummary,
        news: &mut News<'_>,
    ) -> Result<Report, EngineError> {
        let definition = settings.definition;
        let (layers, width) = self
            .files
            .first()
            .map_or((0, 0), |file| (file.layers, file.width));
        let own = measured(settings, layers);
        let tokens: Vec<[usize; 2]> = self.pairs.iter().map(|pair| pair.rows.tokens).collect();
        let count = |side: usize| tokens.iter().map(|pair| pair[side]).sum();
        let kinds = self.there(kinds(settings), news);
        let reads = (kinds.iter()).any(|kind| kind.ids == LOGIT_LENS.ids);
        let vocabulary = match reads {
            true => Some(words_of_all(
                (self.files.iter()).map(|file| (&*file.name, file.kept.words.as_deref())),
            )?),
            false => None,
        };
        let setup = Setup {
            gpu: self.gpu,
            layers,
            hidden_size: width,
            pairs: self.pairs.len(),
            vision: count(0),
            vocabulary: vocabulary.as_ref(),
            intervals: settings.intervals,
        };
        let of_images = several(self.images.to_vec(), settings.metrics);
        let kept_by = kinds.iter().map(|kind| (kind.bytes)(&setup)).sum::<u64>();
        let kept_by_images = of_images.as_ref().map(|it| by_position_bytes(&setup, it));
        let room = Room {
            states: own.len() + 1,
            width,
            tokens: [count(0), count(1)],
            others: kept_by + kept_by_images.unwrap_or(0),
        };
        let few = settings.intervals.then(|| too_few_pairs(self.pairs.len()));
        news.note_all(few.flatten());
        let asked = settings.memory_budget;
        let budget = asked.or_else(|| self.gpu.trimmed_budget());
        let way = Way::choose(self.gpu, &room, &tokens, settings, budget)?;
        let mir_settings = settings.rate(width);
        let mut metrics = self.others(&kinds, &setup, news).await?;
        let of_images = of_images.map(|images| by_position(&setup, images));
        metrics.extend(of_images.transpose()?);
        let biased = settings.also.contains(&Extra::Bias);
        let found = match way {
            Way::Held => {
                let [vision, text] = room.tokens;
                let budget = budget.map(|budget| budget.saturating_sub(room.others));
                let mut mir = Mir::new(
                    self.gpu,
                    mir_settings,
                    own.len(),
                    width,
                    vision,
                    text,
                    budget,
                )?;
                let asked = biased.then_some(Asked {
                    gpu: self.gpu,
                    pairs: self.pairs.len(),
                    tokens: room.tokens,
                    width,
                    seed: settings.seed,
                    budget,
                });
                let places = definitions::places(definition, definition, layers);
                let own_of = |all: &MirResult| all.taken(&places, definition);
                self.take(&mut mir, &own, &mut metrics, news).await?;
                samples::with_rate(mir, (asked, own_of), own.len(), news).await
            }
            Way::Streamed(at_once) => {
                let (passes, all) = ((at_once, mir_settings), (&*own, width));
                let others = (&mut *metrics, None);
                news.note_all(biased.then(|| samples::HELD_ONLY.to_owned()));
                let found = streamed::measure(self, passes, all, &tokens, others, news).await;
                found.map(|found| (found, None))
            }
        };
        let (result, sampled) = found.map_err(|error| self.explained(error, &own))?;
        let mut others = Vec::new();
        for metric in metrics {
            others.extend(metric.finish(news.cancel.clone()).await?);
        }
        news.end();
        let outcome = Outcome {
            everything: &result,
            states: &own,
            own: layers,
            sampled,
            others,
        };
        Ok(outcome.report(settings, (model, data), self.gpu, news))
    }

    /// Gives all states to a rate that holds them, and to the other metrics.
    async fn take(
        &self,
        mir: &mut Mir,
        own: &[State],
        metrics: &mut [Box<dyn Metric>],
        news: &mut News<'_>,
    ) -> Result<(), EngineError> {
        news.note_all(mir.no_intervals().map(ToOwned::to_owned));
        let mut targets = Targets {
            rate: Rate::Held(mir),
            metrics,
            kept: None,
            export: None,
        };
        let pairs: Vec<usize> = (0..self.pairs.len()).collect();
        self.run(own, &pairs, &mut targets, news).await?;
        self.gpu.trim();
        Ok(())
    }

    /// Those of some metrics for which the files have what the model's run kept where they need the model; the others are
    /// told.
    fn there(
        &self,
        mut kinds: Vec<&'static MetricKind>,
        news: &mut News<'_>,
    ) -> Vec<&'static MetricKind> {
        kinds.retain(|kind| {
            let is_there =
                kind.of_model.is_none() || self.files.iter().all(|file| file.kept.has(kind));
            news.note_all((!is_there).then(|| {
                format!(
                    "not computed: {}, as it takes the model, not its states alone",
                    kind.ids.join(", ")
                )
            }));
            is_there
        });
        kinds
    }

    /// The metrics whose states the files have, or what the model's run kept for them; those that lack a state are told.
    async fn others(
        &self,
        kinds: &[&'static MetricKind],
        setup: &Setup<'_>,
        news: &mut News<'_>,
    ) -> Result<Vec<Box<dyn Metric>>, EngineError> {
        let mut found: Vec<Box<dyn Metric>> = Vec::new();
        for kind in kinds {
            if kind.of_model.is_some() {
                found.push(Box::new(Restored(self.restored(kind, setup, news).await?)));
                continue;
            }
            let metric = (kind.new)(setup)?;
            let lacking = metric.states().into_iter().find_map(|id| {
                let file = self.files.iter().find(|file| !file.has(id))?;
                Some((id, file))
            });
            match lacking {
                None => found.push(metric),
                Some((id, file)) => news.note(format!(
                    "not computed: {}, as there is no tensor `{}` in {}",
                    kind.ids.join(", "),
                    tensor_name(id, file.layers),
                    file.name
                )),
            }
        }
        Ok(found)
    }

    /// A metric with what the run of the model kept for it of each pair.
    async fn restored(
        &self,
        kind: &MetricKind,
        setup: &Setup<'_>,
        news: &mut News<'_>,
    ) -> Result<Box<dyn Metric>, EngineError> {
        let mut metric = (kind.new)(setup)?;
        for places in self.pairs.chunks(PAIRS_TOGETHER) {
            let mut recording = Recording::new();
            for place in places {
                let Some(file) = self.files.get(place.file) else {
                    continue;
                };
                let kept = file.kept.pair(kind, place.index, place.rows.tokens)?;
                let taken = metric.restore(&mut recording, &kept.unwrap_or_default());
                taken.map_err(|error| refused(&file.name, error.to_string()))?;
            }
            self.gpu
                .run_with(&recording, news.cancel, &mut |_, _| {})
                .await?;
            platform::yield_now().await;
            news.check()?;
        }
        Ok(metric)
    }

    /// States that are no numbers: the error names the tensor.
    fn explained(&self, error: EngineError, own: &[State]) -> EngineError {
        let EngineError::Alignment(AlignmentError::NotFinite {
            layer,
            modality,
            tokens,
        }) = error
        else {
            return error;
        };
        let state = layer.checked_sub(1).and_then(|index| own.get(index));
        let (Some(state), Some(file)) = (state, self.files.first()) else {
            return error;
        };
        let tensor = tensor_name(state.id, file.layers);
        let tokens = counted(tokens, &format!("{modality} token"));
        let reason = format!(
            "tensor `{tensor}`: expected finite numbers, found NaN or infinity in {tokens}; export the states \
             again, in f32 or bf16 where they grow too large for f16"
        );
        let name = match self.files.len() - 1 {
            0 => file.name.clone(),
            more => format!("{} and {more} more", file.name),
        };
        refused(&name, reason)
    }
}

impl Source for FromFiles<'_> {
    fn gpu(&self) -> &Gpu {
        self.gpu
    }

    fn words(&self) -> &'static str {
        match self.files.len() {
            1 => "the file was read",
            _ => "the files were read",
        }
    }

    async fn run(
        &self,
        own: &[State],
        pairs: &[usize],
        targets: &mut Targets<'_>,
        news: &mut News<'_>,
    ) -> Result<(), EngineError> {
        const UNIT: &str = "pairs";
        let total = pairs.len() as u64;
        news.begin(Stage::States, total, UNIT)?;
        let asked = targets.metrics.iter().flat_map(|metric| metric.states());
        let ids: BTreeSet<StateId> = (own.iter().map(|state| state.id)).chain(asked).collect();
        let mut recording = Recording::new();
        let mut waiting = 0;
        for (pair, done) in pairs.iter().zip(1..) {
            let Some(place) = self.pairs.get(*pair) else {
                continue;
            };
            let Some(file) = self.files.get(place.file) else {
                continue;
            };
            let rows = place.rows.rows.clone();
            let full = !targets.rate.has_room(place.rows.tokens);
            if waiting > 0 && (full || waiting >= TOGETHER) {
                self.gpu
                    .run_with(&recording, news.cancel, &mut |_, _| {})
                    .await?;
                recording = Recording::new();
                waiting = 0;
            }
            if full {
                targets.rate.settle(news.cancel).await?;
            }
            let states = file.upload(self.gpu, &ids, rows.clone()).await?;
            let [vision, text] = file.marks.positions(rows.clone())?;
            let observation = Observation {
                states: &states,
                vision: &vision,
                text: &text,
                ..Observation::default()
            };
            let own = own.iter();
            let own = own.map(|state| observation.state(state.id).cloned());
            let own = own.collect::<Result<Vec<_>, _>>()?;
            let pair = [vision.clone(), text.clone()];
            targets.rate.push(&mut recording, &own, &[pair])?;
            for metric in targets.metrics.iter_mut() {
                metric.push(&mut recording, &observation)?;
            }
            waiting += file.bytes(ids.len(), rows.len());
            news.progress(Stage::States, done, total, UNIT);
            news.check()?;
        }
        self.gpu
            .run_with(&recording, news.cancel, &mut |_, _| {})
            .await?;
        Ok(())
    }
}
