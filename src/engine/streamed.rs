//! The rate of more tokens than memory may hold: sums instead of states, and, where even they are too large, some layers
//! at a time.

use super::{
    EngineError, Stage,
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
const STREAMED_BYTES: u64 = 8_000_000_000;

/// How the states are taken.
pub(super) enum Way {
    /// They are held.
    Held,
    /// Sums of so many states at a time are.
    Streamed(usize),
}

impl Way {
    /// Held where they fit, else streamed: `room` is what there is to hold, `tokens` are those of each pair, `asked`
    /// is the budget that somebody named.
    ///
    /// # Errors
    /// [`AlignmentError::OverBudget`] where even one layer's sums are too large; why the metric has no value.
    pub(super) fn choose(
        gpu: &Gpu,
        room: &Room,
        tokens: &[[usize; 2]],
        asked: Option<u64>,
    ) -> Result<Self, AlignmentError> {
        let budget = asked.or_else(|| gpu.usual_budget());
        let (layers, width) = (room.states - 1, room.width);
        let [vision, text] = room.tokens;
        match Mir::plan(gpu, layers, width, vision, text, budget) {
            Ok(plan) if asked.is_some() || plan.states <= DEFAULT_BYTES => return Ok(Self::Held),
            Ok(_)
            | Err(
                AlignmentError::OverBudget { .. } | AlignmentError::Gpu(GpuError::TooLarge { .. }),
            ) => {}
            Err(error) => return Err(error),
        }
        let plan = StreamPlan::new(gpu, width, tokens)?;
        let budget = asked.unwrap_or_else(|| budget.unwrap_or(u64::MAX).min(STREAMED_BYTES));
        match plan.layers_within(budget) {
            Ok(at_once) => Ok(Self::Streamed(at_once.min(layers))),
            Err(needed) => Err(AlignmentError::OverBudget {
                needed: format_bytes(needed),
                budget: format_bytes(budget),
            }),
        }
    }
}

/// Where the states come from, as often as they are needed.
pub(super) trait Source {
    /// What is told of it where it happens more than once.
    const WORDS: &'static str;

    /// Gives `states` of the pairs with these numbers to `rate`, and what `metrics` ask for to them.
    ///
    /// # Errors
    /// What stands in the way; or that somebody asked to stop.
    async fn run(
        &mut self,
        states: &[State],
        pairs: Option<&[usize]>,
        rate: Rate<'_>,
        metrics: &mut [Box<dyn Metric>],
        news: &mut News<'_>,
    ) -> Result<(), EngineError>;
}

/// A model that runs.
pub(super) struct Model<'a> {
    pub(super) forward: Forward<'a>,
    /// All pairs.
    pub(super) pairs: &'a [&'a Prepared],
    /// The file that takes all states; the first run writes it.
    pub(super) export: Option<&'a mut StatesWriter>,
}

impl Source for Model<'_> {
    const WORDS: &'static str = "the model ran";

    async fn run(
        &mut self,
        states: &[State],
        pairs: Option<&[usize]>,
        rate: Rate<'_>,
        metrics: &mut [Box<dyn Metric>],
        news: &mut News<'_>,
    ) -> Result<(), EngineError> {
        let own = Forward {
            states,
            ..self.forward
        };
        let mut targets = Targets {
            rate,
            metrics,
            kept: None,
            export: self.export.take(),
        };
        match pairs {
            None => own.run(self.pairs, &mut targets, news).await,
            Some(some) => {
                let some: Vec<&Prepared> = some.iter().map(|&pair| self.pairs[pair]).collect();
                own.run(&some, &mut targets, news).await
            }
        }
    }
}

/// Runs `source` over all pairs, once for each `at_once` of the states `all` and, where intervals are wanted, once more, and
/// gives the rate; `width` is that of the states, `tokens` those of each pair, `metrics` take every pair once.
///
/// # Errors
/// As [`Source::run`] and the metric.
pub(super) async fn measure<S: Source>(
    mut source: S,
    gpu: &Gpu,
    (at_once, settings): (usize, MirSettings),
    (all, width): (&[State], usize),
    tokens: &[[usize; 2]],
    metrics: &mut [Box<dyn Metric>],
    news: &mut News<'_>,
) -> Result<MirResult, EngineError> {
    let mut distances = Vec::with_capacity(all.len());
    let (mut passes, mut repeated) = (0, 0);
    for states in all.chunks(at_once.max(1)) {
        let begin = distances.len();
        let mut streamed = Streamed::new(gpu, settings, states.len(), width, tokens).await?;
        if begin == 0 {
            news.note_all(streamed.no_intervals().map(ToOwned::to_owned));
        }
        let others = if begin == 0 { &mut *metrics } else { &mut [] };
        let rate = Rate::Streamed(&mut streamed);
        source.run(states, None, rate, others, news).await?;
        let again = streamed.conclude(news.cancel).await?;
        repeated += again.len();
        if !again.is_empty() {
            let rate = Rate::Streamed(&mut streamed);
            source
                .run(states, Some(&again), rate, &mut [], news)
                .await?;
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
            let rate = Rate::Second(&mut second);
            source.run(states, None, rate, &mut [], news).await?;
            let found = second.finish(news.cancel).await?;
            for (distance, influence) in distances[begin..].iter_mut().zip(found) {
                distance.influence = influence;
            }
            news.end();
        }
        gpu.trim();
    }
    let mut note = "streamed: sums of the states were held instead of the states, medians of dimensions are interpolated"
        .to_owned();
    if passes > 1 {
        note += &format!("; {} {passes} times", S::WORDS);
    }
    if repeated > 0 {
        note += &format!(
            "; {} came once more, about tokens of which all norms tell otherwise than the first ones",
            counted(repeated, "pair")
        );
    }
    news.note(note);
    Ok(MirResult::new(distances))
}
