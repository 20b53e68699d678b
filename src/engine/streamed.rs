//! The rate of more tokens than memory may hold: sums instead of states, and, where even they are too large, some layers
//! at a time.

use std::collections::BTreeSet;

use super::{
    EngineError, MeasureSettings, Stage,
    forward::{Forward, Rate, State, Targets},
    metric,
    news::News,
    prepare::Prepared,
    session::kept::{DEFAULT_BYTES, Room},
    states_file::StatesWriter,
};
use crate::{
    alignment::{AlignmentError, Metric, Mir, MirResult, MirSettings, StreamPlan, Streamed},
    gpu::{Gpu, GpuError},
    report::format_bytes,
    words::counted,
};

/// Most that sums take where nobody says otherwise: so much is left of a card that has the weights of a decoder of
/// seven billion parameters.
pub(super) const STREAMED_BYTES: u64 = 8_000_000_000;

/// How the states are taken.
pub(super) enum Way {
    /// They are held.
    Held,
    /// Sums of so many states at a time are.
    Streamed(usize),
}

impl Way {
    /// Held where they fit beside the other quantities within `budget`, asked for or found, else streamed: `room` is what
    /// there is to hold, `tokens` are those of each pair.
    ///
    /// # Errors
    /// [`AlignmentError::OverBudget`] where even one layer's sums are too large; why the metric has no value.
    pub(super) fn choose(
        gpu: &Gpu,
        room: &Room,
        tokens: &[[usize; 2]],
        settings: &MeasureSettings,
        budget: Option<u64>,
    ) -> Result<Self, EngineError> {
        let asked = settings.memory_budget.is_some();
        let found = Self::within(
            gpu,
            room,
            tokens,
            settings.rate(room.width),
            (budget, asked),
        );
        match found {
            Err(error @ AlignmentError::OverBudget { .. }) if !asked => {
                Err(EngineError::OverUsualBudget(error))
            }
            found => Ok(found?),
        }
    }

    fn within(
        gpu: &Gpu,
        room: &Room,
        tokens: &[[usize; 2]],
        settings: MirSettings,
        (budget, asked): (Option<u64>, bool),
    ) -> Result<Self, AlignmentError> {
        let budget = budget.map(|budget| budget.saturating_sub(room.others));
        let (layers, width) = (room.states - 1, room.width);
        let [vision, text] = room.tokens;
        match Mir::plan(gpu, layers, width, vision, text, budget) {
            Ok(plan) if asked || plan.states <= DEFAULT_BYTES => return Ok(Self::Held),
            Ok(_)
            | Err(
                AlignmentError::OverBudget { .. } | AlignmentError::Gpu(GpuError::TooLarge { .. }),
            ) => {}
            Err(error) => return Err(error),
        }
        let plan = StreamPlan::new(gpu, width, tokens)?.with(settings);
        let most = if asked { u64::MAX } else { STREAMED_BYTES };
        let budget = budget.unwrap_or(u64::MAX).min(most);
        match plan.layers_within(budget) {
            Ok(at_once) => Ok(Self::Streamed(at_once.min(layers))),
            Err(needed) => Err(AlignmentError::OverBudget {
                needed: format_bytes(needed),
                budget: format_bytes(budget),
            }),
        }
    }
}

/// Who has the states of the pairs, and can give them again.
pub(super) trait Source {
    /// The device.
    fn gpu(&self) -> &Gpu;

    /// What is told of it where it happens more than once.
    fn words(&self) -> &'static str;

    /// Gives `states` of some of the pairs to `targets`.
    ///
    /// # Errors
    /// What stands in the way; or that somebody asked to stop.
    async fn run(
        &self,
        states: &[State],
        pairs: &[usize],
        targets: &mut Targets<'_>,
        news: &mut News<'_>,
    ) -> Result<(), EngineError>;
}

/// A model that runs over pairs.
pub(super) struct Running<'a> {
    /// The model; which states is said later.
    pub(super) forward: Forward<'a>,
    /// All pairs.
    pub(super) pairs: &'a [Prepared],
}

impl Source for Running<'_> {
    fn gpu(&self) -> &Gpu {
        self.forward.gpu
    }

    fn words(&self) -> &'static str {
        "the model ran"
    }

    async fn run(
        &self,
        states: &[State],
        pairs: &[usize],
        targets: &mut Targets<'_>,
        news: &mut News<'_>,
    ) -> Result<(), EngineError> {
        let own = Forward {
            states,
            ..self.forward
        };
        let pairs: Vec<&Prepared> = (pairs.iter())
            .filter_map(|pair| self.pairs.get(*pair))
            .collect();
        own.run(&pairs, targets, news).await
    }
}

/// Takes `all` states, which have the same width, of pairs with so many `tokens` (vision, text) from `source`: `at_once` of
/// them at a time and, where intervals are wanted, once more; and gives the rate. The other metrics and a file of states
/// take every pair once.
///
/// # Errors
/// As [`Source::run`] and the metric.
pub(super) async fn measure(
    source: &impl Source,
    (at_once, settings): (usize, MirSettings),
    (all, width): (&[State], usize),
    tokens: &[[usize; 2]],
    (metrics, mut export): (&mut [Box<dyn Metric>], Option<&mut StatesWriter>),
    news: &mut News<'_>,
) -> Result<MirResult, EngineError> {
    let pairs: Vec<usize> = (0..tokens.len()).collect();
    let mut distances = Vec::with_capacity(all.len());
    let (mut passes, mut repeated) = (0, BTreeSet::new());
    for states in all.chunks(at_once.max(1)) {
        let begin = distances.len();
        let mut streamed =
            Streamed::new(source.gpu(), settings, states.len(), width, tokens).await?;
        if begin == 0 {
            news.note_all(streamed.no_intervals().map(ToOwned::to_owned));
        }
        let mut first = Targets {
            rate: Rate::Streamed(&mut streamed),
            metrics: if begin == 0 { &mut *metrics } else { &mut [] },
            kept: None,
            export: export.take(),
        };
        source.run(states, &pairs, &mut first, news).await?;
        let again = streamed.conclude(news.cancel).await?;
        repeated.extend(again.iter().copied());
        if !again.is_empty() {
            let mut once_more = targets(Rate::Streamed(&mut streamed));
            source.run(states, &again, &mut once_more, news).await?;
        }
        let total = all.len() as u64;
        news.begin(Stage::Metric, total, metric::UNIT)?;
        let cancel = news.cancel;
        let mut tell = |done: usize| {
            news.progress(Stage::Metric, (begin + done) as u64, total, metric::UNIT);
        };
        let (found, second) = streamed.finish(begin, cancel, &mut tell).await?;
        distances.extend(found);
        news.end();
        passes += 1;
        if let Some(mut second) = second {
            passes += 1;
            let mut once_more = targets(Rate::Second(&mut second));
            source.run(states, &pairs, &mut once_more, news).await?;
            let found = second.finish(news.cancel).await?;
            for (distance, influence) in distances[begin..].iter_mut().zip(found) {
                distance.influence = influence;
            }
            news.end();
        }
        source.gpu().trim();
    }
    let mut note = "streamed: sums of the states were held instead of the states, medians of dimensions are interpolated"
        .to_owned();
    if passes > 1 {
        note += &format!("; {} {passes} times", source.words());
    }
    if !repeated.is_empty() {
        note += &format!(
            "; {} came once more, about tokens of which all norms tell otherwise than the first ones",
            counted(repeated.len(), "pair")
        );
    }
    news.note(note);
    Ok(MirResult::new(distances))
}

fn targets(rate: Rate<'_>) -> Targets<'_> {
    Targets {
        rate,
        metrics: &mut [],
        kept: None,
        export: None,
    }
}
