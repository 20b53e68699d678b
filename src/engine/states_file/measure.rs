//! A measurement of a file of states, without a model.

use std::collections::BTreeSet;

use super::{StatesFile, refused, rows::PairRows, tensor_name};
use crate::{
    alignment::{
        AlignmentError, METRICS, Metric, Mir, MirResult, MirSettings, Observation, Setup, StateId,
        Streamed,
    },
    engine::{
        EngineError, MetricChoice, Session, Stage, StatesRequest,
        forward::{Rate, State, states},
        metric,
        news::News,
        select,
        session::kept::Room,
        streamed::{self, Way},
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
        let own = states(definition, file.layers);
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
        };
        let setup = Setup {
            gpu: &gpu,
            layers: file.layers,
            hidden_size: file.width,
            pairs: pairs.len(),
        };
        let mut metrics = match settings.metrics {
            MetricChoice::All => others(&file, &setup, news)?,
            MetricChoice::Mir => Vec::new(),
        };
        let reading = Reading {
            gpu: &gpu,
            file: &file,
            own: &own,
        };
        let refs: Vec<&PairRows> = pairs.iter().collect();
        let result = match way {
            Way::Held => {
                let budget = asked.or_else(|| gpu.usual_budget());
                let held = (mir_settings, budget);
                reading.held(held, room, &refs, &mut metrics, news).await
            }
            Way::Streamed(at_once) => {
                let passes = (at_once, mir_settings);
                let streamed = reading.streamed(passes, &of_pairs, &refs, &mut metrics, news);
                streamed.await
            }
        };
        let result = result.map_err(|error| in_file(error, &file, &own))?;
        let mut others = Vec::new();
        for metric in metrics {
            others.extend(metric.finish(news.cancel.clone()).await?);
        }
        news.end();
        let layers = metric::layers(&result, &own);
        let mut metrics = of_layers(definition, &layers);
        metric::enter_intervals(&mut metrics, &result);
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
            layers,
            metrics,
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

/// The way of states from the file into the metrics.
#[derive(Clone, Copy)]
struct Reading<'a> {
    gpu: &'a Gpu,
    file: &'a StatesFile,
    /// The states that the rate takes.
    own: &'a [State],
}

impl Reading<'_> {
    /// The rate of states that are held.
    async fn held(
        &self,
        (settings, budget): (MirSettings, Option<u64>),
        room: Room,
        pairs: &[&PairRows],
        metrics: &mut [Box<dyn Metric>],
        news: &mut News<'_>,
    ) -> Result<MirResult, EngineError> {
        let (layers, [vision, text]) = (self.own.len(), room.tokens);
        let mir = Mir::new(self.gpu, settings, layers, room.width, vision, text, budget)?;
        news.note_all(mir.no_intervals().map(ToOwned::to_owned));
        let mut rate = Rate::Held(mir);
        self.run(pairs, &mut rate, metrics, news).await?;
        self.gpu.trim();
        let found = metric::finish_rate(rate, [0, layers], news).await?;
        Ok(MirResult::new(found))
    }

    /// The rate of streamed states, `at_once` of them with each reading of the file.
    async fn streamed(
        &self,
        (at_once, settings): (usize, MirSettings),
        tokens: &[[usize; 2]],
        pairs: &[&PairRows],
        metrics: &mut [Box<dyn Metric>],
        news: &mut News<'_>,
    ) -> Result<MirResult, EngineError> {
        news.note_all(settings.intervals.then(|| streamed::NO_INTERVAL.to_owned()));
        let (gpu, width) = (self.gpu, self.file.width);
        let mut found = Vec::with_capacity(self.own.len());
        let groups = self.own.chunks(at_once.max(1));
        let passes = groups.len();
        let mut repeated = 0;
        for own in groups {
            let part = Reading { own, ..*self };
            let streamed = Streamed::new(gpu, settings, own.len(), width, tokens).await?;
            let mut rate = Rate::Streamed(streamed);
            // They take each pair once.
            let others = match found.is_empty() {
                true => &mut *metrics,
                false => &mut [],
            };
            part.run(pairs, &mut rate, others, news).await?;
            let again = match &mut rate {
                Rate::Streamed(streamed) => streamed.conclude(news.cancel).await?,
                Rate::Held(_) => Vec::new(),
            };
            repeated += again.len();
            if !again.is_empty() {
                let again: Vec<&PairRows> = again.iter().map(|&pair| pairs[pair]).collect();
                part.run(&again, &mut rate, &mut [], news).await?;
            }
            let place = [found.len(), self.own.len()];
            found.extend(metric::finish_rate(rate, place, news).await?);
            news.end();
            gpu.trim();
        }
        news.note(streamed::note("the file was read", passes, repeated));
        Ok(MirResult::new(found))
    }

    /// Reads the pairs, some at a time, and gives their tokens to `rate` and `metrics`.
    async fn run(
        &self,
        pairs: &[&PairRows],
        rate: &mut Rate,
        metrics: &mut [Box<dyn Metric>],
        news: &mut News<'_>,
    ) -> Result<(), EngineError> {
        const UNIT: &str = "pairs";
        let total = pairs.len() as u64;
        news.begin(Stage::States, total, UNIT)?;
        let asked = metrics.iter().flat_map(|metric| metric.states());
        let ids: BTreeSet<StateId> = (self.own.iter().map(|state| state.id))
            .chain(asked)
            .collect();
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
            };
            let own = self.own.iter();
            let own = own.map(|state| observation.state(state.id).cloned());
            let own = own.collect::<Result<Vec<_>, _>>()?;
            rate.push(&mut recording, &own, &vision, &text)?;
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
