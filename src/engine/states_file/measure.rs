//! A measurement of a file of states, without a model.

use std::collections::BTreeSet;

use super::{StatesFile, refused, rows::PairRows, tensor_name};
use crate::{
    alignment::{AlignmentError, METRICS, Metric, Mir, MirSettings, Observation, Setup, StateId},
    engine::{
        EngineError, Extra, MetricChoice, Session, Stage, StatesRequest, definitions,
        forward::{Rate, State, states},
        metric,
        news::News,
        select,
        session::kept::Room,
        streamed::{self, Source, Way},
    },
    gpu::{Gpu, Recording},
    report::{DataSummary, Outliers, Report, SCHEMA, TextMask, of_layers},
    words::counted,
};

/// Bytes of states that wait on the device for the metric, about; a pair may have more.
const TOGETHER: u64 = 64 << 20;

impl Session {
    /// Measures the states that `request` names.
    ///
    /// # Errors
    /// What the file or the device reports, before anything is computed where that can be known.
    pub(in crate::engine) async fn measure_states(
        &mut self,
        request: StatesRequest,
        news: &mut News<'_>,
    ) -> Result<Report, EngineError> {
        let settings = request.settings;
        let (definition, text_mask) = (settings.definition, settings.text_mask);
        if definition.is_official() && text_mask != TextMask::Official {
            return Err(EngineError::OfficialMask { definition });
        }
        if definition.is_official() && settings.outliers != Outliers::Replace {
            return Err(EngineError::OfficialOutliers { definition });
        }
        self.live = None;
        self.loaded = None;
        self.talk = None;
        let file = StatesFile::open(&request.file, text_mask)?;
        let mut own = states(definition, file.layers);
        let layers = own.len();
        let by_all = settings.also.contains(&Extra::Definitions);
        if by_all {
            own.extend(definitions::further(definition, layers, true));
        }
        file.check(own.iter().map(|state| state.id))?;
        let all = file.marks.pairs()?;
        if all.is_empty() {
            let reason = file.name;
            return Err(EngineError::NoPairs { reason });
        }
        let gpu = self.device(&request.device, news).await?;
        let mut pairs = Vec::new();
        for index in select(all.len(), settings.num_pairs, settings.seed) {
            pairs.extend(all.get(index).cloned());
        }
        let count = |side: usize| pairs.iter().map(|pair| pair.tokens[side]).sum();
        let room = Room {
            states: own.len() + 1,
            width: file.width,
            tokens: [count(0), count(1)],
        };
        let asked = settings.memory_budget;
        let of_pairs: Vec<[usize; 2]> = pairs.iter().map(|pair| pair.tokens).collect();
        let way = match Way::choose(&gpu, &room, &of_pairs, asked) {
            Err(error @ AlignmentError::OverBudget { .. }) if asked.is_none() => {
                return Err(EngineError::OverUsualBudget(error));
            }
            found => found?,
        };
        let mir_settings = MirSettings {
            definition,
            outliers: settings.outliers,
            intervals: settings.intervals,
            ranks: settings.ranks(file.width),
        };
        let setup = Setup {
            gpu: &gpu,
            layers: file.layers,
            hidden_size: file.width,
            pairs: pairs.len(),
            vision: room.tokens[0],
            vocabulary: None,
        };
        for extra in [Extra::LogitLens, Extra::WithoutImage, Extra::Bias] {
            if settings.also.contains(&extra) {
                let name = extra.name();
                news.note(format!(
                    "not computed: {name}, which is there for a model, not for its states alone"
                ));
            }
        }
        let mut metrics = match settings.metrics {
            MetricChoice::All => others(&file, &setup, news)?,
            MetricChoice::Mir => Vec::new(),
        };
        let mut reading = Reading {
            gpu: &gpu,
            file: &file,
            pairs: &pairs,
        };
        let total = own.len() as u64;
        let result = match way {
            Way::Held => {
                let budget = asked.or_else(|| gpu.usual_budget());
                let [vision, text] = room.tokens;
                let mut mir = Mir::new(
                    &gpu,
                    mir_settings,
                    own.len(),
                    file.width,
                    vision,
                    text,
                    budget,
                )?;
                news.note_all(mir.no_intervals().map(ToOwned::to_owned));
                let rate = Rate::Held(&mut mir);
                reading.run(&own, None, rate, &mut metrics, news).await?;
                gpu.trim();
                news.begin(Stage::Metric, total, metric::UNIT)?;
                metric::finish(mir, news).await
            }
            Way::Streamed(at_once) => {
                let passes = (at_once, mir_settings);
                let states = (own.as_slice(), file.width);
                let found =
                    streamed::measure(reading, &gpu, passes, states, &of_pairs, &mut metrics, news);
                let found = found.await;
                news.begin(Stage::Metric, total, metric::UNIT)?;
                found
            }
        };
        let everything = result.map_err(|error| in_file(error, &file, &own))?;
        let mut others = Vec::new();
        for metric in metrics {
            others.extend(metric.finish(news.cancel.clone()).await?);
        }
        news.end();
        let places = definitions::places(definition, definition, layers);
        let result = everything.taken(&places, definition);
        let found = metric::layers(&result, &own);
        let mut metrics = of_layers(definition, &found);
        metric::enter_intervals(&mut metrics, &result);
        if by_all {
            let is_official =
                text_mask == TextMask::Official && settings.outliers == Outliers::Replace;
            let by = (definition, is_official);
            metrics.extend(definitions::entries(&everything, &own, by, layers));
        }
        own.truncate(layers);
        metrics.extend(metric::effective_ranks(&result, &own));
        metrics.extend(others);
        let (model, missing) = file.about.model(&file.name, file.sizes());
        if !missing.is_empty() {
            let missing = missing.join(", ");
            news.note(format!(
                "the file of states does not say of the model: {missing}"
            ));
        }
        let chosen = pairs.len() < all.len();
        Ok(Report {
            schema: SCHEMA,
            mir: result.mir,
            norm_matched_mir: result.norm_matched_mir,
            definition,
            text_mask,
            outliers: settings.outliers,
            layers: found,
            metrics,
            samples: Vec::new(),
            model,
            data: data(&file, pairs.len(), chosen.then_some(settings.seed)),
            device: gpu.summary(),
            timings: std::mem::take(&mut news.timings),
            mirscope_version: env!("CARGO_PKG_VERSION").to_owned(),
            notes: std::mem::take(&mut news.notes),
        })
    }
}

/// The metrics whose states the file has; those that lack one are told.
fn others(
    file: &StatesFile,
    setup: &Setup<'_>,
    news: &mut News<'_>,
) -> Result<Vec<Box<dyn Metric>>, EngineError> {
    let mut found = Vec::new();
    for kind in METRICS {
        let metric = (kind.new)(setup)?;
        let lacking = metric.states().into_iter().find(|id| !file.has(*id));
        match lacking {
            None => found.push(metric),
            Some(id) => news.note(format!(
                "not computed: {}, as there is no tensor `{}` in {}",
                kind.ids.join(", "),
                tensor_name(id, file.layers),
                file.name
            )),
        }
    }
    Ok(found)
}

/// Where the pairs came from.
fn data(file: &StatesFile, num_pairs: usize, seed: Option<u64>) -> DataSummary {
    let about = file.about.data.clone();
    let source = match about.source.as_str() {
        "" => format!("states in {}", file.name),
        source => format!("{source}, states in {}", file.name),
    };
    let prompt = match about.prompt.as_str() {
        "" => "unknown: the file of states does not say".to_owned(),
        prompt => prompt.to_owned(),
    };
    DataSummary {
        source,
        num_pairs,
        seed: seed.unwrap_or(about.seed),
        prompt,
        protocol: None,
        skipped: Vec::new(),
    }
}

/// States that are no numbers: the error names the tensor.
fn in_file(error: EngineError, file: &StatesFile, own: &[State]) -> EngineError {
    let EngineError::Alignment(AlignmentError::NotFinite {
        layer,
        modality,
        tokens,
    }) = error
    else {
        return error;
    };
    let Some(state) = layer.checked_sub(1).and_then(|index| own.get(index)) else {
        return error;
    };
    let reason = format!(
        "tensor `{}`: expected finite numbers, found NaN or infinity in {}; export the states again, in f32 or \
         bf16 where they grow too large for f16",
        tensor_name(state.id, file.layers),
        counted(tokens, &format!("{modality} token"))
    );
    refused(&file.name, reason)
}

/// The states of chosen pairs of a file.
#[derive(Clone, Copy)]
struct Reading<'a> {
    gpu: &'a Gpu,
    file: &'a StatesFile,
    pairs: &'a [PairRows],
}

impl Source for Reading<'_> {
    const WORDS: &'static str = "the file was read";

    /// Reads the pairs, some at a time.
    async fn run(
        &mut self,
        own: &[State],
        pairs: Option<&[usize]>,
        mut rate: Rate<'_>,
        metrics: &mut [Box<dyn Metric>],
        news: &mut News<'_>,
    ) -> Result<(), EngineError> {
        let pairs: Vec<&PairRows> = match pairs {
            None => self.pairs.iter().collect(),
            Some(some) => some.iter().map(|&pair| &self.pairs[pair]).collect(),
        };
        const UNIT: &str = "pairs";
        let total = pairs.len() as u64;
        news.begin(Stage::States, total, UNIT)?;
        let asked = metrics.iter().flat_map(|metric| metric.states());
        let ids: BTreeSet<StateId> = (own.iter().map(|state| state.id)).chain(asked).collect();
        let (gpu, cancel) = (self.gpu, news.cancel);
        let mut recording = Recording::new();
        let mut waiting = 0;
        for (pair, done) in pairs.iter().zip(1..) {
            if !rate.has_room(pair.tokens) {
                gpu.run_with(&recording, cancel, &mut |_, _| {}).await?;
                (recording, waiting) = (Recording::new(), 0);
                rate.settle(cancel).await?;
            }
            let states = self.file.upload(gpu, &ids, pair.rows.clone()).await?;
            let [vision, text] = self.file.marks.positions(pair.rows.clone())?;
            let observation = Observation {
                states: &states,
                vision: &vision,
                text: &text,
                ..Observation::default()
            };
            let states = own.iter();
            let states = states.map(|state| observation.state(state.id).cloned());
            let states = states.collect::<Result<Vec<_>, _>>()?;
            rate.push(&mut recording, &states, &vision, &text)?;
            for metric in &mut *metrics {
                metric.push(&mut recording, &observation)?;
            }
            waiting += self.file.bytes(ids.len(), pair.rows.len());
            if waiting >= TOGETHER || done == total {
                gpu.run_with(&recording, cancel, &mut |_, _| {}).await?;
                (recording, waiting) = (Recording::new(), 0);
            }
            news.progress(Stage::States, done, total, UNIT);
            news.check()?;
        }
        Ok(())
    }
}
