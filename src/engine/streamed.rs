//! The rate of more tokens than memory may hold: sums instead of states, and, where even they are too large, some layers
//! at a time.

use super::{
    EngineError,
    forward::{Forward, Rate, State, Targets},
    metric::{self, Finished},
    news::News,
    prepare::Prepared,
    session::kept::{DEFAULT_BYTES, Room},
};
use crate::{
    alignment::{AlignmentError, Mir, MirResult, MirSettings, StreamPlan, Streamed},
    gpu::{Gpu, GpuError},
    report::format_bytes,
    words::counted,
};

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
    ) -> Result<Self, EngineError> {
        match Self::within(gpu, room, tokens, asked) {
            Err(error @ AlignmentError::OverBudget { .. }) if asked.is_none() => {
                Err(EngineError::OverUsualBudget(error))
            }
            found => Ok(found?),
        }
    }

    fn within(
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
        match plan.layers_within(budget.unwrap_or(u64::MAX)) {
            Ok(at_once) => Ok(Self::Streamed(at_once.min(layers))),
            Err(needed) => Err(AlignmentError::OverBudget {
                needed: format_bytes(needed),
                budget: format_bytes(budget.unwrap_or(u64::MAX)),
            }),
        }
    }
}

/// Who has the states of the pairs, and can give them again.
pub(super) trait Source {
    /// The device.
    fn gpu(&self) -> &Gpu;

    /// What is said of it when it gave the states several times, and some pairs again.
    fn words(&self) -> [&'static str; 2];

    /// Gives `states` of some of the pairs to `targets`.
    ///
    /// # Errors
    /// What stands in the way; or that somebody asked to stop.
    async fn run(
        &self,
        states: &[State],
        pairs: &[usize],
        targets: &mut Targets,
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

    fn words(&self) -> [&'static str; 2] {
        ["the model ran", "ran again"]
    }

    async fn run(
        &self,
        states: &[State],
        pairs: &[usize],
        targets: &mut Targets,
        news: &mut News<'_>,
    ) -> Result<(), EngineError> {
        let own = Forward {
            gpu: self.forward.gpu,
            vlm: self.forward.vlm,
            processor: self.forward.processor,
            states,
            text_mask: self.forward.text_mask,
        };
        let pairs: Vec<&Prepared> = (pairs.iter())
            .filter_map(|pair| self.pairs.get(*pair))
            .collect();
        own.run(&pairs, targets, news).await
    }
}

/// Takes `states` of pairs with so many `tokens` (vision, text) from `source`, `at_once` of them at a time, and gives
/// the rate; `width` is that of the states. `others` take each pair once.
///
/// # Errors
/// As [`Source::run`] and the metric.
pub(super) async fn measure(
    source: &impl Source,
    (at_once, settings): (usize, MirSettings),
    (all, width): (&[State], usize),
    tokens: &[[usize; 2]],
    others: Finished,
    news: &mut News<'_>,
) -> Result<(MirResult, Finished), EngineError> {
    let no_interval = "no interval: there is none of streamed states";
    news.note_all(settings.intervals.then(|| no_interval.to_owned()));
    let pairs: Vec<usize> = (0..tokens.len()).collect();
    let mut distances = Vec::with_capacity(all.len());
    let groups = all.chunks(at_once.max(1));
    let passes = groups.len();
    let mut repeated = 0;
    let mut others = Some(others);
    let mut finished = Finished::default();
    for states in groups {
        let streamed = Streamed::new(source.gpu(), settings, states.len(), width, tokens).await?;
        let first = others.take();
        let is_first = first.is_some();
        let Finished {
            metrics, export, ..
        } = first.unwrap_or_default();
        let mut targets = Targets {
            rate: Rate::Streamed(streamed),
            metrics,
            kept: None,
            export,
        };
        source.run(states, &pairs, &mut targets, news).await?;
        if is_first {
            finished.metrics = std::mem::take(&mut targets.metrics);
            finished.export = targets.export.take();
        }
        let again = match &mut targets.rate {
            Rate::Streamed(streamed) => streamed.conclude(news.cancel).await?,
            Rate::Held(_) | Rate::Nobody => Vec::new(),
        };
        repeated += again.len();
        if !again.is_empty() {
            source.run(states, &again, &mut targets, news).await?;
        }
        let place = [distances.len(), all.len()];
        distances.extend(metric::finish_rate(targets.rate, place, news).await?);
        news.end();
        source.gpu().trim();
    }
    let mut note = "streamed: sums of the states were held instead of the states, medians of dimensions are interpolated"
        .to_owned();
    let [ran, again] = source.words();
    if passes > 1 {
        note += &format!("; {ran} {passes} times, for some layers each");
    }
    if repeated > 0 {
        note += &format!(
            "; {} {again}, about tokens of which all norms tell otherwise than the first ones",
            counted(repeated, "pair")
        );
    }
    news.note(note);
    Ok((MirResult::new(distances), finished))
}
